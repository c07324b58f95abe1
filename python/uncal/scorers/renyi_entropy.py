"""Rényi entropy of a group's embeddings: of order 2 it needs no eigenvalues."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._settings import above_zero
from uncal.scorers._shared import Part, Shared
from uncal.scorers._spectral import spectral, unread


@dataclass(frozen=True, kw_only=True)
class RenyiEntropy(Shared):
    """Matrix Rényi entropy of the trace-normalised kernel matrix of a group's embeddings, in nats.

    With l the eigenvalues, ``ln(sum(l ** alpha)) / (1 - alpha)``. Never more than the von Neumann entropy for orders
    above 1. Cost O(N^2 D) a group for order 2, which needs no eigenvalues. Use it where N is large, or where the
    biggest meaning shall count for more. See `uncal.fast.renyi_entropy`.

    Attributes
    ----------
    alpha : float, default=2.0
        The order, above 0; 1 is the von Neumann entropy, infinity the min-entropy.
    kernel : str, default="rbf"
    gamma : float, default=1.0
    normalize : bool, default=True
        Scale embeddings to unit length first.

    References
    ----------
    Giraldo, Rao and Principe, Measures of Entropy from Data Using Infinitely Divisible Kernels, arXiv 1211.2459.
    Status: inferred; to score completions by it is a proposal.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    range: ClassVar[str] = "0 to ln N"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Giraldo et al., arXiv 1211.2459"
    cost: ClassVar[str] = "O(N^2 D + N^3) a group, without the N^3 for alpha=2; an embedder"

    alpha: float = 2.0
    kernel: fast.Kernel = "rbf"
    gamma: float = 1.0
    normalize: bool = True

    def __post_init__(self) -> None:
        above_zero(self, "alpha", infinite=True)
        above_zero(self, "gamma")

    @property
    def unread(self) -> dict[str, str]:
        """Settings that the kernel does not read."""
        return unread(self.kernel)

    @property
    def part(self) -> Part:
        """Its part of the pass over the embeddings."""
        depth = "small" if self.alpha < 1 else "none" if self.alpha in (1.0, 2.0) else "all"
        settings = {"kernel": self.kernel, "gamma": self.gamma, "normalize": self.normalize, "eigenvalues": depth}
        return Part(spectral, "renyi_entropy", settings, {"alpha": self.alpha})
