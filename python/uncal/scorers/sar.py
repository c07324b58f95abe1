"""SAR: tokenSAR inside sentSAR."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers import _similarity
from uncal.scorers._settings import above_zero
from uncal.scorers._similarity import Similarity
from uncal.scorers._tokens import ends, naming
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class Sar(Scorer):
    """sentSAR of completions whose probabilities are ``exp(-tokenSAR)``: relevant tokens, and others that say the same.

    Tokens are weighed by the column `relevance`, as `token_sar` weighs those of the frozen answer, and completions
    counted together as by `sentence_sar`. Cost O(N^2 + N T) a group, N T pairs to compare for the relevance, plus
    the similarities. See `uncal.fast.token_sar` and `uncal.fast.sentence_sar`.

    Attributes
    ----------
    similarity : {"cosine", "jaccard", "rouge_l", "entail"}, default="cosine"
        Cosines below 0 count as 0. The published one is a cross-encoder's; status of these: proposal.
    t : float, default=0.001
        Above 0. The published value makes others count a thousand times as much, and most scores negative.

    References
    ----------
    Duan et al., Shifting Attention to Relevance, ACL 2024, arXiv 2307.01379. Status: verified in the authors' code.
    """

    range: ClassVar[str] = "without a bound"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "SAR, arXiv 2307.01379 (verified; similarities: proposal)"
    cost: ClassVar[str] = "O(N^2 + N T) a group, and the similarities; N T pairs to a similarity model"

    similarity: Similarity = "cosine"
    t: float = 0.001

    def __post_init__(self) -> None:
        _similarity.check(self.similarity)
        above_zero(self, "t")

    @property
    def needs(self) -> frozenset[str]:
        """Log-probabilities, and what the similarity is made of."""
        return _similarity.needs(self.similarity) | {"token_logprobs", "relevance"}

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        values, relevance = groups.column("token_logprobs"), groups.column("relevance")
        with naming(logprobs="token_logprobs", offsets="token_offsets"):
            surprise = fast.token_sar(values, relevance, ends(groups, "token_offsets"))
        alike = _similarity.matrices(groups, self.similarity)
        return fast.sentence_sar(0.0 - surprise, alike, groups.offsets, t=self.t)
