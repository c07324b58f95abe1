"""Variation ratio to the original answer: one minus its mean similarity to the samples."""

from dataclasses import dataclass
from typing import ClassVar

from uncal.scorers import _similarity
from uncal.scorers._tokens import group_means
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class VariationRatioOriginal(Scorer):
    """One minus the mean similarity of the frozen answer to the samples: ``1 - mean(s_0j)``.

    Where `variation_ratio` compares samples with each other, this compares them with the answer that is judged. Cost
    O(N) comparisons. Use it to score one answer on texts alone.

    Attributes
    ----------
    similarity : {"rouge_l", "jaccard", "entail"}, default="rouge_l"
        "entail" is the column `answer_entail`.

    References
    ----------
    Huang et al., Look Before You Leap, arXiv 2307.10236 (VRO). Status: secondary.
    """

    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus similarity"
    source: ClassVar[str] = "Look Before You Leap, arXiv 2307.10236 (secondary)"
    cost: ClassVar[str] = "O(N) comparisons a group; nothing, or N pairs to an entailment model"

    similarity: _similarity.ToAnswer = "rouge_l"

    @property
    def needs(self) -> frozenset[str]:
        """What the similarity is made of."""
        return _similarity.needs_to_answer(self.similarity)

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return group_means(1.0 - _similarity.to_answer(groups, self.similarity), groups.offsets)
