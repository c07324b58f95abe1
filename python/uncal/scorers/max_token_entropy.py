"""Largest entropy of the tokens of an answer."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from uncal import fast
from uncal.scorers._tokens import OfDistribution
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class MaxTokenEntropy(OfDistribution):
    """Entropy of the least sure of the distributions from which the frozen answer's tokens were drawn: ``max(H_t)``.

    Out of the k most probable tokens, and a rule for the others: "atom" gives a lower bound. Cost O(T k). Use it for
    answers of which one token decides; it grows with length. See `uncal.fast.token_entropy`.

    Attributes
    ----------
    of : {"answer", "samples"}, default="answer"
        The frozen answer, or the mean over a group's samples.
    tail : {"renorm", "atom"}, default="atom"
        What becomes of the probability of the tokens that are not listed: "renorm" drops it and scales the others to a
        sum of 1, "atom" makes it one token more. Status: proposal.
    vocabulary : int or None, default=None
        Tokens that the model has in all: the rest of the probability is spread evenly over those that are not listed.

    References
    ----------
    Huang et al., Look Before You Leap, arXiv 2307.10236. Status: secondary; the rules for the tail are a proposal.
    """

    range: ClassVar[str] = "0 to ln(k + 1), ln k for tail=renorm, ln V with a vocabulary"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Look Before You Leap, arXiv 2307.10236 (secondary; tail: proposal)"
    cost: ClassVar[str] = "O(T k) an answer; the k most probable tokens at each place"

    tail: Literal["renorm", "atom"] = "atom"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return self.measured(groups, fast.token_entropy, reduce="max", **self.tails)
