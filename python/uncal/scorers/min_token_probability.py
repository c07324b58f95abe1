"""Minimum token probability: how improbable the least probable token is."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._tokens import OfAnswer, ends, naming
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class MinTokenProbability(OfAnswer):
    """Surprise of the frozen answer's least probable token: ``max(-l_t)``.

    One doubtful name or number is enough to be wrong. Cost O(T). Use it for answers of which one token decides; it
    grows with length. See `uncal.fast.token_quantiles`, of which it is alpha 0.

    References
    ----------
    Gupta et al., Language Model Cascades, arXiv 2404.10136 (Chow-Quantile-0). Status: secondary.
    """

    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Language Model Cascades, arXiv 2404.10136 (secondary)"
    cost: ClassVar[str] = "O(T) an answer; no more than the answer itself"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        values = groups.column("answer_logprobs")
        with naming(logprobs="answer_logprobs", offsets="answer_offsets"):
            return 0.0 - fast.token_quantiles(values, ends(groups, "answer_offsets"), alphas=[0.0])[:, 0]
