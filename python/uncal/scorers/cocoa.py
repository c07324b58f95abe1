"""CoCoA: how improbable an answer is, times how unlike the samples are to it."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from uncal import fast
from uncal.scorers import _similarity
from uncal.scorers._tokens import ends, group_means, naming
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class Cocoa(Scorer):
    """Surprise of the frozen answer times one minus its mean similarity to the samples.

    So it takes both to be unsure: an improbable answer, and samples that say something else. Cost O(N) comparisons. Use
    it where log-probabilities and samples are both there.

    Attributes
    ----------
    surprise : {"sequence", "length_normalized", "token_entropy"}, default="sequence"
        ``-sum(l_t)``, ``-mean(l_t)``, or the mean entropy of the tokens with the tail as one token.
    similarity : {"rouge_l", "jaccard", "entail"}, default="rouge_l"
        "entail" is the column `answer_entail`. The published one is a cross-encoder's; status of these: proposal.

    References
    ----------
    Vashurin et al., CoCoA: Uncertainty Quantification for LLMs by combining Confidence and Consistency, arXiv
    2502.04964. Status: verified in lm-polygraph's code.
    """

    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "CoCoA, arXiv 2502.04964 (verified; similarities: proposal)"
    cost: ClassVar[str] = "O(N T) a group; nothing, or N pairs to an entailment model"

    surprise: Literal["sequence", "length_normalized", "token_entropy"] = "sequence"
    similarity: _similarity.ToAnswer = "rouge_l"

    @property
    def needs(self) -> frozenset[str]:
        """What the surprise and the similarity are made of."""
        tokens = "answer_top_logprobs" if self.surprise == "token_entropy" else "answer_logprobs"
        return frozenset({tokens}) | _similarity.needs_to_answer(self.similarity)

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        offsets = ends(groups, "answer_offsets")
        if self.surprise == "token_entropy":
            with naming(top_logprobs="answer_top_logprobs", offsets="answer_offsets"):
                surprise = fast.token_entropy(groups.column("answer_top_logprobs"), offsets)
        else:
            values = groups.column("answer_logprobs")
            with naming(logprobs="answer_logprobs", offsets="answer_offsets"):
                surprise = 0.0 - fast.sequence_logprobs(values, offsets, mean=self.surprise == "length_normalized")
        unlike = group_means(1.0 - _similarity.to_answer(groups, self.similarity), groups.offsets)
        return np.where(unlike > 0, surprise * unlike, 0.0)  # also of an answer without any probability
