"""Rényi divergence of tokens, negated: how near their distributions are to the uniform one."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._settings import above_zero
from uncal.scorers._tokens import OfDistribution
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class RenyiDivergence(OfDistribution):
    """Minus the mean Rényi divergence of the tokens' distributions from the uniform one: ``mean(H_alpha(q_t)) - ln V``.

    H_alpha is q's Rényi entropy. The distributions are flattened by `temperature` first. Cost O(T k). lm-polygraph's
    value has the opposite sign and other constants. See `uncal.fast.renyi_divergence`.

    Attributes
    ----------
    of : {"answer", "samples"}, default="answer"
        The frozen answer, or the mean over a group's samples.
    tail : {"renorm", "atom"}, default="renorm"
        What becomes of the probability of the tokens that are not listed: "renorm" drops it and scales the others to a
        sum of 1, "atom" makes it one token more. Status: proposal.
    vocabulary : int or None, default=None
        Tokens that the model has in all: the rest of the probability is spread evenly over those that are not listed.
    alpha : float, default=0.5
    temperature : float, default=2.0
        Both finite, above 0.

    References
    ----------
    Darrin, Piantanida and Colombo, RainProof, EMNLP 2023. Status: order and temperature verified in lm-polygraph; the
    rules for the tail are a proposal.
    """

    range: ClassVar[str] = "-ln V to 0, V the tokens that count"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "RainProof, EMNLP 2023 (verified; tail: proposal)"
    cost: ClassVar[str] = "O(T k) an answer; the k most probable tokens at each place"

    alpha: float = 0.5
    temperature: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        above_zero(self, "alpha", "temperature")

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        how = {"alpha": self.alpha, "temperature": self.temperature}
        return 0.0 - self.measured(groups, fast.renyi_divergence, **how, **self.tails)
