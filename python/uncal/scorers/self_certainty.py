"""Self-certainty, negated: how near the distributions of tokens are to the uniform one."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._tokens import OfDistribution
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class SelfCertainty(OfDistribution):
    """Minus the mean divergence of the tokens' distributions from the uniform one: ``-mean(KL(U, q_t))``.

    ``KL(U, q) = -mean(ln q) - ln V``, over all tokens that count. The published value is this without the minus, of the
    whole vocabulary: give `vocabulary`, or compare values of one k only. Cost O(T k). See `uncal.fast.self_certainty`.

    Attributes
    ----------
    of : {"answer", "samples"}, default="answer"
        The frozen answer, or the mean over a group's samples.
    tail : {"renorm", "atom"}, default="renorm"
        What becomes of the probability of the tokens that are not listed: "renorm" drops it and scales the others to a
        sum of 1, "atom" makes it one token more. Status: proposal.
    vocabulary : int or None, default=None
        Tokens that the model has in all: the rest of the probability is spread evenly over those that are not listed.

    References
    ----------
    Kang et al., Scalable Best-of-N Selection for Large Language Models via Self-Certainty, arXiv 2502.18581. Status:
    verified in lm-polygraph; the rules for the tail are a proposal.
    """

    range: ClassVar[str] = "without a bound, up to 0"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Self-Certainty, arXiv 2502.18581 (verified; tail: proposal)"
    cost: ClassVar[str] = "O(T k) an answer; the k most probable tokens at each place"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return 0.0 - self.measured(groups, fast.self_certainty, **self.tails)
