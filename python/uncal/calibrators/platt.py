"""Platt scaling: a logistic curve over a raw score."""

from typing import Any, ClassVar

from uncal import fast
from uncal.calibrators._base import Calibrator, line, logistic
from uncal.types import BoolArray, FloatArray, RealArray


class Platt(Calibrator):
    """Platt scaling of a raw score: confidence = 1 / (1 + exp(-(slope * score + intercept))).

    Fitted by Newton's method with backtracking on Platt's smoothed targets, not on 0 and 1, so that separable data give
    finite numbers. With one class only, slope is 0 and the confidence is (n + 1) / (n + 2), or 1 / (n + 2) if all are
    wrong; with constant scores slope is 0 and the confidence is the mean target. See `uncal.fast.fit_platt`.

    Parameters
    ----------
    smoothing : bool, default=True
        False fits plain maximum likelihood.

    Attributes
    ----------
    slope_, intercept_ : float
    converged_ : bool
    n_iter_ : int

    References
    ----------
    Platt, Probabilistic Outputs for Support Vector Machines, 1999; Lin, Lin and Weng, A Note on Platt's Probabilistic
    Outputs for Support Vector Machines, Machine Learning 68, 2007. Status: verified against libsvm's source.

    Examples
    --------
    >>> import numpy as np
    >>> platt = Platt().fit([0.0, 1.0, 2.0, 3.0], np.array([True, True, False, False]))
    >>> platt.confidence([0.0, 3.0]).round(4)
    array([0.7961, 0.2039])
    """

    kind: ClassVar[str] = "platt"
    source: ClassVar[str] = "Platt 1999 (verified)"
    slope_: float
    intercept_: float
    converged_: bool
    n_iter_: int

    def __init__(self, smoothing: bool = True) -> None:
        self.smoothing = smoothing

    def _fit(self, scores: RealArray, correct: BoolArray, weights: FloatArray | None) -> None:
        fitted = fast.fit_platt(scores, correct, weights=weights, smoothing=self.smoothing)
        self.slope_, self.intercept_ = fitted.slope, fitted.intercept
        self.n_iter_, self.converged_ = fitted.iterations, fitted.converged

    def _confidence(self, scores: FloatArray) -> FloatArray:
        return logistic(line(scores, self.slope_, self.intercept_))

    def _parameters(self) -> dict[str, Any]:
        return {
            "slope": self.slope_,
            "intercept": self.intercept_,
            "iterations": self.n_iter_,
            "converged": self.converged_,
        }

    def _restore(self, parameters: dict[str, Any]) -> None:
        self.slope_, self.intercept_ = parameters["slope"], parameters["intercept"]
        self.n_iter_, self.converged_ = parameters["iterations"], parameters["converged"]
