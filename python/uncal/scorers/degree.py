"""Degree: how unlike the completions of a group are, on the whole."""

from dataclasses import dataclass
from typing import ClassVar

from uncal.scorers import _similarity
from uncal.scorers._shared import Part, Shared
from uncal.scorers._similarity import Similarity


@dataclass(frozen=True, kw_only=True)
class Degree(Shared):
    """Mean, over the completions of a group, of how unlike the others are in sum: ``mean_i sum_j (1 - a_ij)``.

    The similarities a are taken as they are, not made symmetric. Cost O(N^2) a group, plus the similarities. Use it as
    the cheap graph measure: the published comparisons find it about as good as `eigenvalue_laplacian`. See
    `uncal.fast.degree`.

    Attributes
    ----------
    similarity : {"cosine", "jaccard", "rouge_l", "entail"}, default="cosine"
        Cosines below 0 count as 0. "jaccard" and "entail" are the published ones; status of the default and of
        "rouge_l": proposal.

    References
    ----------
    Lin, Trivedi and Sun, Generating with Confidence, TMLR 2024, arXiv 2305.19187. Status: verified in the authors'
    code.
    """

    range: ClassVar[str] = "0 to N - 1"
    unit: ClassVar[str] = "completions"
    source: ClassVar[str] = "Generating with Confidence, arXiv 2305.19187 (verified; cosine: proposal)"
    cost: ClassVar[str] = "O(N^2) a group, and the similarities; an embedder, an entailment model, or nothing"

    similarity: Similarity = "cosine"

    def __post_init__(self) -> None:
        _similarity.check(self.similarity)

    @property
    def needs(self) -> frozenset[str]:
        """What the similarity is made of."""
        return _similarity.needs(self.similarity)

    @property
    def part(self) -> Part:
        """Its part of the pass over the similarities."""
        return Part(_similarity.graph, "degree", {"similarity": self.similarity}, {})
