"""tokenSAR: the surprise of the tokens of an answer that matter."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._tokens import ends, naming
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class TokenSar(Scorer):
    """Surprise of the frozen answer's tokens, weighed by their relevance: ``-sum(R_t l_t) / sum(R_t)``.

    The relevance of a token is how much the answer's meaning changes without it: one minus the similarity of the texts
    with and without it, in the column `answer_relevance`. Cost O(T), and T pairs to compare. Use it where answers hold
    many words for little. See `uncal.fast.token_sar`.

    References
    ----------
    Duan et al., Shifting Attention to Relevance, ACL 2024, arXiv 2307.01379. Status: verified in the authors' code.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"answer_logprobs", "answer_relevance"})
    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "nat a token"
    source: ClassVar[str] = "SAR, arXiv 2307.01379 (verified)"
    cost: ClassVar[str] = "O(T) an answer; T pairs to a similarity model"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        values, relevance = groups.column("answer_logprobs"), groups.column("answer_relevance")
        with naming(logprobs="answer_logprobs", relevance="answer_relevance", offsets="answer_offsets"):
            return fast.token_sar(values, relevance, ends(groups, "answer_offsets"))
