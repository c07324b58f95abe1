"""Variation ratio: one minus the mean similarity of two different completions."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from uncal import fast
from uncal.scorers import _similarity
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class VariationRatio(Scorer):
    """One minus the mean similarity of two different completions: ``1 - sum(s_ij for i != j) / (N (N - 1))``.

    On ROUGE-L it is one minus what is known as lexical similarity. Cost O(N^2) a group, plus the similarities. Use it
    as the baseline that needs nothing but texts: a score that does not beat it is not worth its model. See
    `uncal.fast.variation_ratio`.

    Attributes
    ----------
    similarity : {"rouge_l", "jaccard", "cosine"}, default="rouge_l"
        Cosines below 0 count as 0.

    References
    ----------
    Huang et al., Look Before You Leap, arXiv 2307.10236. Status: secondary; lexical similarity is verified in
    lm-polygraph's code.
    """

    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus similarity"
    source: ClassVar[str] = "Look Before You Leap, arXiv 2307.10236 (secondary)"
    cost: ClassVar[str] = "O(N^2) a group, and the similarities; nothing, or an embedder"

    similarity: Literal["rouge_l", "jaccard", "cosine"] = "rouge_l"

    def __post_init__(self) -> None:
        _similarity.check(self.similarity, ("rouge_l", "jaccard", "cosine"))

    @property
    def needs(self) -> frozenset[str]:
        """What the similarity is made of."""
        return _similarity.needs(self.similarity)

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return fast.variation_ratio(_similarity.matrices(groups, self.similarity), groups.offsets)
