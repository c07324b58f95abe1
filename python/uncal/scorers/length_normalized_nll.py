"""Length-normalised surprise: the mean of the tokens of an answer."""

from dataclasses import dataclass
from typing import ClassVar

from uncal.scorers._tokens import OfAnswer
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class LengthNormalizedNll(OfAnswer):
    """Minus the mean log-probability of the frozen answer's tokens: ``-mean(l_t)``.

    Chow-Average of cascades. It favours long answers, whose many sure tokens hide an unsure one, as the sum favours
    short ones. Cost O(T). Use it where answers differ much in length. See `uncal.fast.sequence_logprobs`.

    References
    ----------
    Gupta et al., Language Model Cascades: Token-level uncertainty and beyond, arXiv 2404.10136. Status: secondary.
    """

    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "nat a token"
    source: ClassVar[str] = "Language Model Cascades, arXiv 2404.10136 (secondary)"
    cost: ClassVar[str] = "O(T) an answer; no more than the answer itself"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return 0.0 - self.logprobs(groups, mean=True)
