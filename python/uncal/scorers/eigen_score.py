"""EigenScore: the mean log-eigenvalue of a group's covariance."""

from dataclasses import dataclass
from typing import ClassVar

from uncal.scorers._settings import above_zero
from uncal.scorers._shared import Part, Shared
from uncal.scorers._spectral import spectral


@dataclass(frozen=True, kw_only=True)
class EigenScore(Shared):
    """Mean log-eigenvalue of ``Z J Z^T + alpha I``, with the embeddings in the rows of Z and J centring each over D.

    Made for hidden states of the model itself, taken as they are: rows are not scaled to unit length. Cost
    O(N^2 D + N^3) a group. Use it on hidden states of a middle layer; on unit sentence embeddings `semantic_volume`
    says about the same. Values of different N, D or alpha do not compare. See `uncal.fast.eigen_score`.

    Attributes
    ----------
    alpha : float, default=1e-3
        Above 0; the published value.

    References
    ----------
    Chen et al., INSIDE: LLMs' Internal States Retain the Power of Hallucination Detection, ICLR 2024, arXiv 2402.03744.
    Status: verified in lm-polygraph's code.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    range: ClassVar[str] = "about ln alpha up, without a bound"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "INSIDE, arXiv 2402.03744 (verified)"
    cost: ClassVar[str] = "O(N^2 D + N^3) a group; hidden states"

    alpha: float = 1e-3

    def __post_init__(self) -> None:
        above_zero(self, "alpha")

    @property
    def part(self) -> Part:
        """Its part of the pass over the embeddings."""
        return Part(spectral, "eigen_score", {"eigenvalues": "small"}, {"alpha": self.alpha})
