"""Eigenvalues of the graph Laplacian: a continuous number of meanings."""

from dataclasses import dataclass
from typing import ClassVar

from uncal.scorers import _similarity
from uncal.scorers._shared import Part, Shared
from uncal.scorers._similarity import Similarity


@dataclass(frozen=True, kw_only=True)
class EigenvalueLaplacian(Shared):
    """How many meanings a group has, not only in whole numbers: ``sum(max(0, 1 - l))``, l the Laplacian's eigenvalues.

    With W the similarities, made symmetric, and D their row sums, the Laplacian is ``I - D^-1/2 W D^-1/2``.
    It is the number of clusters where similarities are 0 or 1. Cost O(N^3) a group, plus the similarities; with
    `degree` and `eccentricity` of the same similarity one spectrum serves all. Use it
    without access to the model, on texts alone. See `uncal.fast.eigenvalue_laplacian`.

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

    range: ClassVar[str] = "1 to N"
    unit: ClassVar[str] = "meanings"
    source: ClassVar[str] = "Generating with Confidence, arXiv 2305.19187 (verified; cosine: proposal)"
    cost: ClassVar[str] = "O(N^3) a group, and the similarities; an embedder, an entailment model, or nothing"

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
        return Part(_similarity.graph, "eigenvalue_laplacian", {"similarity": self.similarity}, {})
