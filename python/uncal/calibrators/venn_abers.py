"""Venn-Abers prediction: isotonic regression that says how far one more row could move it."""

from typing import Any, ClassVar, Literal

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from uncal import fast
from uncal.calibrators._base import Calibrator, arrays
from uncal.types import BoolArray, FloatArray, RealArray


class VennAbers(Calibrator):
    """Venn-Abers prediction: isotonic fits with the row added as wrong and as right, merged into one confidence.

    p0 is the isotonic fit's value at a score once a wrong row with that score is added, p1 once a right one is;
    the confidence is p1 / (1 - p0 + p1), never 0 or 1. `interval` gives both: the wider, the less the data tell about
    that score. With one class only, n rows all right, the confidence is from 0.5, beyond all of them, to
    (n + 1) / (n + 2). Both are found for every score at the fit, so a query costs O(log n). See
    `uncal.fast.fit_venn_abers`.

    Parameters
    ----------
    increasing : bool or "auto", default="auto"
        Whether confidence rises with the score; "auto" takes the direction of the AUROC.

    Attributes
    ----------
    x_ : ndarray of shape (M,)
        Scores where p0 or p1 changes, rising.
    p0_, p1_ : ndarray of shape (M + 1,)
        What they are between them, as `uncal.fast.VennAbersFit` says.
    increasing_ : bool

    References
    ----------
    Vovk, Petej and Fedorova, Large-Scale Probabilistic Predictors with and without Guarantees of Validity, NeurIPS
    2015. Status: verified against its definition by scikit-learn's isotonic regression.

    Examples
    --------
    >>> import numpy as np
    >>> scores = [0.1, 0.2, 0.35, 0.4, 0.6, 0.7, 0.8, 0.9]
    >>> venn_abers = VennAbers().fit(scores, np.array([0, 0, 1, 0, 1, 0, 1, 1]))
    >>> venn_abers.confidence([0.05, 0.5]).round(4)
    array([0.25, 0.5 ])
    >>> low, high = venn_abers.interval([0.05, 0.5])
    >>> low.round(4), high.round(4)
    (array([0.    , 0.3333]), array([0.3333, 0.6667]))
    """

    kind: ClassVar[str] = "venn_abers"
    source: ClassVar[str] = "Vovk et al., NeurIPS 2015 (verified)"
    x_: FloatArray
    p0_: FloatArray
    p1_: FloatArray
    increasing_: bool

    def __init__(self, increasing: bool | Literal["auto"] = "auto") -> None:
        self.increasing = increasing

    def interval(self, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Probability of being right if the row were added as wrong, p0, and as right, p1: each (n,), p0 <= p1."""
        check_is_fitted(self)
        found = fast.venn_abers(self._fitted(), self._values(scores))
        return found.p0, found.p1

    def _fit(self, scores: RealArray, correct: BoolArray, weights: FloatArray | None) -> None:
        fitted = fast.fit_venn_abers(scores, correct, weights=weights, increasing=self.increasing)
        self.x_, self.p0_, self.p1_, self.increasing_ = fitted

    def _fitted(self) -> fast.VennAbersFit:
        return fast.VennAbersFit(self.x_, self.p0_, self.p1_, self.increasing_)

    def _confidence(self, scores: FloatArray) -> FloatArray:
        return fast.venn_abers(self._fitted(), scores).p

    def _parameters(self) -> dict[str, Any]:
        return {
            "x": self.x_.tolist(),
            "p0": self.p0_.tolist(),
            "p1": self.p1_.tolist(),
            "increasing": self.increasing_,
        }

    def _restore(self, parameters: dict[str, Any]) -> None:
        (self.x_,) = arrays(parameters, "x")
        self.p0_, self.p1_ = arrays(parameters, "p0", "p1")
        self.increasing_ = parameters["increasing"]
        if len(self.p0_) != len(self.x_) + 1:
            raise ValueError(f"{len(self.x_)} scores have {len(self.p0_)} steps")
