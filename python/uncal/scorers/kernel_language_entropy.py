"""Kernel language entropy: the von Neumann entropy of a diffusion over the graph of completions."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from uncal import fast
from uncal.scorers import _similarity
from uncal.scorers._settings import above_zero
from uncal.scorers._similarity import Similarity
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class KernelLanguageEntropy(Scorer):
    """Von Neumann entropy of the heat or Matérn kernel of the graph in which similar completions are joined.

    With W the weights of the graph and L = D - W its Laplacian, K is ``exp(-t L)`` (heat) or
    ``(2 nu / kappa^2 I + L)^-nu`` (matern), scaled to a unit diagonal; the score is ``-sum(l ln l)`` over the
    eigenvalues l of K / N. Cost O(N^3) a group, plus the similarities. Use it with an entailment model, for which it
    was published; it sees degrees of entailment where semantic entropy sees clusters. See
    `uncal.fast.kernel_language_entropy`.

    Attributes
    ----------
    similarity : {"cosine", "jaccard", "rouge_l", "entail"}, default="cosine"
        "entail" is the published one: 1 for entailment and 1/2 for what is neutral, both ways, out of the columns
        `entail` and `contra`. Status of the default and of the others: proposal.
    kernel : {"heat", "matern"}, default="heat"
    t : float, default=0.3
        Of "heat".
    nu, kappa : float, default=1.0
        Of "matern".
    unit_diagonal : bool, default=True
    scale : bool, default=False
        Divide by ln N.

    References
    ----------
    Nikitin et al., Kernel Language Entropy, NeurIPS 2024, arXiv 2405.20003. Status: verified in the authors' code.
    """

    range: ClassVar[str] = "0 to ln N"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Kernel Language Entropy, arXiv 2405.20003 (verified; cosine: proposal)"
    cost: ClassVar[str] = "O(N^3) a group, and the similarities; an embedder, an entailment model, or nothing"

    similarity: Similarity = "cosine"
    kernel: Literal["heat", "matern"] = "heat"
    t: float = 0.3
    nu: float = 1.0
    kappa: float = 1.0
    unit_diagonal: bool = True
    scale: bool = False

    def __post_init__(self) -> None:
        _similarity.check(self.similarity)
        above_zero(self, "t", "nu", "kappa")

    @property
    def needs(self) -> frozenset[str]:
        """What the similarity is made of."""
        return _similarity.needs(self.similarity) | ({"contra"} if self.similarity == "entail" else frozenset())

    @property
    def unread(self) -> dict[str, str]:
        """Settings of the other kernel."""
        return {"nu": "kernel=matern", "kappa": "kernel=matern"} if self.kernel == "heat" else {"t": "kernel=heat"}

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return fast.kernel_language_entropy(
            self._weights(groups),
            groups.offsets,
            kernel=self.kernel,
            t=self.t,
            nu=self.nu,
            kappa=self.kappa,
            unit_diagonal=self.unit_diagonal,
            scale=self.scale,
        )

    def _weights(self, groups: Groups) -> NDArray[Any]:
        values = _similarity.matrices(groups, self.similarity)
        if self.similarity != "entail":
            return values
        # The kernel takes the mean of both directions; the published weight is their sum of p_entail + p_neutral / 2.
        weights: NDArray[Any] = 1 + values - _similarity.probabilities(groups, "contra", 0.0)
        return weights
