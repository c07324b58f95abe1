"""Semantic volume: the log-determinant of a group's Gram matrix."""

from dataclasses import dataclass
from typing import ClassVar

from uncal.scorers._settings import above_zero
from uncal.scorers._shared import Part, Shared
from uncal.scorers._spectral import spectral


@dataclass(frozen=True, kw_only=True)
class SemanticVolume(Shared):
    """Log-volume that a group's unit embeddings span: ``ln det(V V^T + eps I)``, with a unit row of V for each.

    Cost O(N^2 D + N^3) a group. With a small eps each repeated completion costs ln eps, so it mostly counts how many
    are distinct: it tells groups apart that have few repetitions. Values of different N, D or eps do not compare.
    See `uncal.fast.semantic_volume`.

    Attributes
    ----------
    eps : float, default=1e-6
        Above 0. Status of the default: proposal.
    center : bool, default=False
        Subtract the group's mean row first. Status: whether the paper does is not known; False is inferred.

    References
    ----------
    Li et al., Semantic Volume: Quantifying and Detecting both External and Internal Uncertainty in LLMs, arXiv
    2502.21239. Status: the formula is secondary; its dimension reduction over a corpus is left to the embedder.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    range: ClassVar[str] = "ln(N + eps) + (N - 1) ln eps to N ln(1 + eps)"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Semantic Volume, arXiv 2502.21239 (secondary)"
    cost: ClassVar[str] = "O(N^2 D + N^3) a group; an embedder"

    eps: float = 1e-6
    center: bool = False

    def __post_init__(self) -> None:
        above_zero(self, "eps")

    @property
    def part(self) -> Part:
        """Its part of the pass over the embeddings."""
        return Part(spectral, "semantic_volume", {"eigenvalues": "small"}, {"eps": self.eps, "center": self.center})
