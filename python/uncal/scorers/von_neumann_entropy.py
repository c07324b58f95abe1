"""Von Neumann entropy of a group's embeddings: the score of the main method."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._settings import above_zero
from uncal.scorers._shared import Part, Shared
from uncal.scorers._spectral import spectral, unread


@dataclass(frozen=True, kw_only=True)
class VonNeumannEntropy(Shared):
    """Von Neumann entropy of the trace-normalised kernel matrix of a group's embeddings, in nats.

    With l the eigenvalues, ``-sum(l ln l)``: 0 when all completions mean one thing, ln N when no two are alike. Cost
    O(N^2 D + N^3) a group, bound by memory for N up to 20. Use it unless you have a reason for another. See
    `uncal.fast.von_neumann_entropy`.

    Attributes
    ----------
    kernel : str, default="rbf"
    gamma : float, default=1.0
        Status of both defaults: inferred; the paper's kernel could not be read, an earlier paper of its authors uses
        these.
    normalize : bool, default=True
        Scale embeddings to unit length first.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    range: ClassVar[str] = "0 to ln N"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "arXiv 2603.06317 (kernel inferred)"
    cost: ClassVar[str] = "O(N^2 D + N^3) a group; an embedder"

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
        return Part(spectral, "von_neumann_entropy", settings, {})
