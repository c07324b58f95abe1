"""Claim-conditioned probability: how sure an answer is of its words, given what kind of claim it makes."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._tokens import ends, naming
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class ClaimConditionedProbability(Scorer):
    """One minus the claim-conditioned probability of the frozen answer: ``1 - prod(E_t / (E_t + C_t))``.

    At each place E is the probability of the alternatives that entail the token that was written, C of those that
    contradict it; neutral ones would make another claim, and do not count. The whole answer is one claim;
    `uncal.fast.claim_conditioned_probability` takes claims of any span, and `uncal.fast.alternative_classes` makes the
    column `answer_top_classes` of an entailment model's probabilities. Cost O(T k), and T k pairs to judge. Use it
    where a model words one fact in many ways.

    References
    ----------
    Fadeeva et al., Fact-Checking the Output of Large Language Models via Token-Level Uncertainty Quantification, arXiv
    2403.04696. Status: verified in lm-polygraph's code, which returns minus the product.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"answer_top_logprobs", "answer_top_classes"})
    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus probability"
    source: ClassVar[str] = "CCP, arXiv 2403.04696 (verified)"
    cost: ClassVar[str] = "O(T k) an answer; T k pairs to an entailment model"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        values, classes = groups.column("answer_top_logprobs"), groups.column("answer_top_classes")
        with naming(top_logprobs="answer_top_logprobs", classes="answer_top_classes", offsets="answer_offsets"):
            return 1.0 - fast.claim_conditioned_probability(values, classes, ends(groups, "answer_offsets"))
