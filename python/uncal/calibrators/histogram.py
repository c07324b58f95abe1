"""Histogram binning: the share of right answers in the bin of a confidence."""

from typing import Any, ClassVar, Literal

import numpy as np

from uncal import fast
from uncal.calibrators._base import Calibrator, arrays
from uncal.types import BoolArray, FloatArray, RealArray


class Histogram(Calibrator):
    """Histogram binning: a confidence becomes the share of right answers in its bin.

    Takes confidences in [0, 1]. Bins are closed on the right, the first on both sides, when fitting and when mapping;
    an empty bin gives its midpoint. Not monotone, and blind inside a bin. See `uncal.fast.fit_histogram`.

    Parameters
    ----------
    n_bins : int, default=15
        Not read for ``bins="distinct"`` and ``bins="sweep"``.
    bins : {"width", "mass", "distinct", "sweep"}, default="width"
        Equal width, nearly equal weight, or one bin for every distinct confidence: for stated ones, which have few.
        "sweep": as many of nearly equal weight as leave the shares in rising order.
    smoothing : float, default=0.0
        Rows that are added to each bin twice, right and wrong, so that few rows do not give 0 or 1: 1.0 is Laplace's.

    Attributes
    ----------
    edges_ : ndarray of shape (B + 1,)
    value_ : ndarray of shape (B,)

    References
    ----------
    Zadrozny and Elkan, Obtaining Calibrated Probability Estimates from Decision Trees and Naive Bayesian Classifiers,
    ICML 2001. Status: verified in netcal, whose edges differ between fit and use.

    Examples
    --------
    >>> import numpy as np
    >>> binning = Histogram(n_bins=2).fit([0.1, 0.2, 0.8, 0.9], np.array([False, True, True, True]))
    >>> binning.confidence([0.3, 0.5, 0.7])
    array([0.5, 0.5, 1. ])
    """

    kind: ClassVar[str] = "histogram"
    takes: ClassVar[Literal["score", "confidence"]] = "confidence"
    monotone: ClassVar[bool] = False
    source: ClassVar[str] = "Zadrozny and Elkan, ICML 2001 (verified)"
    edges_: FloatArray
    value_: FloatArray

    def __init__(
        self, n_bins: int = 15, bins: Literal["width", "mass", "distinct", "sweep"] = "width", smoothing: float = 0.0
    ) -> None:
        self.n_bins = n_bins
        self.bins = bins
        self.smoothing = smoothing

    def _fit(self, scores: RealArray, correct: BoolArray, weights: FloatArray | None) -> None:
        fitted = fast.fit_histogram(
            scores, correct, weights=weights, n_bins=self.n_bins, bins=self.bins, smoothing=self.smoothing
        )
        self.edges_, self.value_ = fitted.edges, fitted.value

    def _confidence(self, scores: FloatArray) -> FloatArray:
        return self.value_[np.searchsorted(self.edges_[1:-1], scores, side="left")]

    def _parameters(self) -> dict[str, Any]:
        return {"edges": self.edges_.tolist(), "value": self.value_.tolist()}

    def _restore(self, parameters: dict[str, Any]) -> None:
        (self.edges_,) = arrays(parameters, "edges")
        (self.value_,) = arrays(parameters, "value")
        if len(self.edges_) != len(self.value_) + 1:
            raise ValueError(f"{len(self.value_)} bins have {len(self.edges_)} edges")
