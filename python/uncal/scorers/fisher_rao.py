"""Fisher-Rao distance of tokens, from the other end: how near their distributions are to the uniform one."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._settings import above_zero
from uncal.scorers._tokens import OfDistribution
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class FisherRao(OfDistribution):
    """One minus the mean Fisher-Rao distance of the tokens' distributions from the uniform one.

    That distance is ``2 / pi * arccos(sum(sqrt(q / V)))``. The distributions are flattened by `temperature` first. Cost
    O(T k). See `uncal.fast.fisher_rao`.

    Attributes
    ----------
    of : {"answer", "samples"}, default="answer"
        The frozen answer, or the mean over a group's samples.
    tail : {"renorm", "atom"}, default="renorm"
        What becomes of the probability of the tokens that are not listed: "renorm" drops it and scales the others to a
        sum of 1, "atom" makes it one token more. Status: proposal.
    vocabulary : int or None, default=None
        Tokens that the model has in all: the rest of the probability is spread evenly over those that are not listed.
    temperature : float, default=2.0
        Finite, above 0.

    References
    ----------
    Darrin, Piantanida and Colombo, RainProof, EMNLP 2023. Status: verified in lm-polygraph; the rules for the tail are
    a proposal.
    """

    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus distance"
    source: ClassVar[str] = "RainProof, EMNLP 2023 (verified; tail: proposal)"
    cost: ClassVar[str] = "O(T k) an answer; the k most probable tokens at each place"

    temperature: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        above_zero(self, "temperature")

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        distance = self.measured(groups, fast.fisher_rao, temperature=self.temperature, **self.tails)
        return 1.0 - distance
