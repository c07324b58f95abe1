"""Eccentricity: how far completions lie from their centre in the eigenvectors of the similarity graph."""

from dataclasses import dataclass
from typing import ClassVar

from uncal.scorers import _similarity
from uncal.scorers._settings import above_zero
from uncal.scorers._shared import Part, Shared
from uncal.scorers._similarity import Similarity


@dataclass(frozen=True, kw_only=True)
class Eccentricity(Shared):
    """Spread of a group in the graph Laplacian's eigenvectors: the root of the sum of squared distances to their mean.

    The eigenvectors are those of eigenvalues below `cut`; the Laplacian is that of `eigenvalue_laplacian`. Cost
    O(N^3) a group, plus the similarities. It moves in steps: an eigenvalue that crosses the cut adds a dimension.
    Prefer `eigenvalue_laplacian` unless you need the published measure. See `uncal.fast.eccentricity`.

    Attributes
    ----------
    similarity : {"cosine", "jaccard", "rouge_l", "entail"}, default="cosine"
        Cosines below 0 count as 0. "jaccard" and "entail" are the published ones; status of the default and of
        "rouge_l": proposal.
    cut : float, default=0.9
        Above 0; equal eigenvalues are kept or cut together.

    References
    ----------
    Lin, Trivedi and Sun, Generating with Confidence, TMLR 2024, arXiv 2305.19187. Status: verified in the authors'
    code.
    """

    range: ClassVar[str] = "0 to sqrt(N)"
    unit: ClassVar[str] = "distance"
    source: ClassVar[str] = "Generating with Confidence, arXiv 2305.19187 (verified; cosine: proposal)"
    cost: ClassVar[str] = "O(N^3) a group, and the similarities; an embedder, an entailment model, or nothing"

    similarity: Similarity = "cosine"
    cut: float = 0.9

    def __post_init__(self) -> None:
        _similarity.check(self.similarity)
        above_zero(self, "cut")

    @property
    def needs(self) -> frozenset[str]:
        """What the similarity is made of."""
        return _similarity.needs(self.similarity)

    @property
    def part(self) -> Part:
        """Its part of the pass over the similarities."""
        return Part(_similarity.graph, "eccentricity", {"similarity": self.similarity, "cut": self.cut}, {})
