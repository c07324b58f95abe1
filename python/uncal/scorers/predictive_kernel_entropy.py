"""Predictive kernel entropy: the mean kernel value of two different completions, negated."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._settings import above_zero
from uncal.scorers._shared import Part, Shared
from uncal.scorers._spectral import spectral, unread


@dataclass(frozen=True, kw_only=True)
class PredictiveKernelEntropy(Shared):
    """Minus the mean kernel value of two different completions of a group: ``-sum(k_ij for i != j) / (N (N - 1))``.

    The cheapest score of the kernel matrix: it needs no eigenvalues. Cost O(N^2 D) a group. Use it where N is in the
    hundreds, or as a check on the von Neumann entropy, which it mostly follows. A group of one has 0, which for this
    score is the value of one that is *not* sure: compare groups of the same N. See
    `uncal.fast.predictive_kernel_entropy`.

    Attributes
    ----------
    kernel : str, default="rbf"
    gamma : float, default=1.0
    normalize : bool, default=True
        Scale embeddings to unit length first.

    References
    ----------
    Gruber and Buettner, A Bias-Variance-Covariance Decomposition of Kernel Scores for Generative Models, arXiv
    2310.05833. Status: verified in the authors' code.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    range: ClassVar[str] = "-1 to -exp(-4 gamma) for rbf; 0 for N = 1"
    unit: ClassVar[str] = "kernel value"
    source: ClassVar[str] = "Gruber and Buettner, arXiv 2310.05833 (verified)"
    cost: ClassVar[str] = "O(N^2 D) a group; an embedder"

    kernel: fast.Kernel = "rbf"
    gamma: float = 1.0
    normalize: bool = True

    def __post_init__(self) -> None:
        above_zero(self, "gamma")

    @property
    def unread(self) -> dict[str, str]:
        """Settings that the kernel does not read."""
        return unread(self.kernel)

    @property
    def part(self) -> Part:
        """Its part of the pass over the embeddings."""
        settings = {"kernel": self.kernel, "gamma": self.gamma, "normalize": self.normalize, "eigenvalues": "none"}
        return Part(spectral, "predictive_kernel_entropy", settings, {})
