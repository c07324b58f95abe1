"""sentSAR: the surprise of completions, each counted together with those that say the same."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers import _similarity
from uncal.scorers._settings import above_zero
from uncal.scorers._similarity import Similarity
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class SentenceSar(Scorer):
    """Mean over completions of ``-ln(p_i + sum(g_ij p_j for j != i) / t)``.

    p are their probabilities, g their similarities. Cost O(N^2) a group, plus the similarities. Use it where
    log-probabilities and similarities are both there. Values order groups of one size; a group of one completion has
    minus its log-probability. See `uncal.fast.sentence_sar`.

    Attributes
    ----------
    similarity : {"cosine", "jaccard", "rouge_l", "entail"}, default="cosine"
        Cosines below 0 count as 0. The published one is a cross-encoder's; status of these: proposal.
    t : float, default=0.001
        Above 0. The published value makes others count a thousand times as much, and most scores negative.

    References
    ----------
    Duan et al., Shifting Attention to Relevance, ACL 2024, arXiv 2307.01379. Status: verified in the authors' code.
    """

    range: ClassVar[str] = "without a bound"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "SAR, arXiv 2307.01379 (verified; similarities: proposal)"
    cost: ClassVar[str] = "O(N^2) a group, and the similarities; an embedder, an entailment model, or nothing"

    similarity: Similarity = "cosine"
    t: float = 0.001

    def __post_init__(self) -> None:
        _similarity.check(self.similarity)
        above_zero(self, "t")

    @property
    def needs(self) -> frozenset[str]:
        """Log-probabilities, and what the similarity is made of."""
        return _similarity.needs(self.similarity) | {"logprobs"}

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        alike = _similarity.matrices(groups, self.similarity)
        return fast.sentence_sar(groups.column("logprobs"), alike, groups.offsets, t=self.t)
