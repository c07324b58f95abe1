"""A quantile of the surprise of the tokens of an answer."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._settings import between
from uncal.scorers._tokens import OfAnswer, ends, naming
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class LogprobQuantile(OfAnswer):
    """Surprise at a quantile of the frozen answer's tokens: minus the alpha-quantile of ``l_t``.

    Chow-Quantile of cascades: 0 is `min_token_probability`, 1 the surest token. Cost O(T ln T). Use it where some
    unsure tokens are normal; `uncal.deferral` learns from all quantiles which of them count. See
    `uncal.fast.token_quantiles`.

    Attributes
    ----------
    alpha : float, default=0.2
        In [0, 1]; linear between tokens. Status of the default: proposal.

    References
    ----------
    Gupta et al., Language Model Cascades, arXiv 2404.10136 (Chow-Quantile). Status: secondary.
    """

    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Language Model Cascades, arXiv 2404.10136 (secondary)"
    cost: ClassVar[str] = "O(T ln T) an answer; no more than the answer itself"

    alpha: float = 0.2

    def __post_init__(self) -> None:
        between(self, "alpha", 0, 1)

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        values = groups.column("answer_logprobs")
        with naming(logprobs="answer_logprobs", offsets="answer_offsets"):
            return 0.0 - fast.token_quantiles(values, ends(groups, "answer_offsets"), alphas=[self.alpha])[:, 0]
