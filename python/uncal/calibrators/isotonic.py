"""Isotonic regression: any monotone curve over a raw score."""

from typing import Any, ClassVar, Literal

import numpy as np

from uncal import fast
from uncal.calibrators._base import Calibrator, arrays
from uncal.types import BoolArray, FloatArray, RealArray


class Isotonic(Calibrator):
    """Isotonic regression: the monotone curve with the least squared error.

    Rows with the same score are pooled, then neighbours that are in the wrong order, until none are. Between the knots
    the curve is linear, outside of them flat, as in scikit-learn. It has steps, so it ties scores that differ, and
    reaches 0 and 1, where the log loss of a wrong row is infinite: `centered` mends the first, `clip` the second. With
    one class only the confidence is 1, or 0; with constant scores the share of right rows. See
    `uncal.fast.fit_isotonic`.

    Parameters
    ----------
    increasing : bool or "auto", default="auto"
        Whether confidence rises with the score; "auto" takes the direction of the AUROC.
    centered : bool, default=False
        One knot for each block, at the mean of its scores, instead of one at each of its ends: strictly monotone
        between the outer knots, so the ranking is kept there.
    clip : float in [0, 0.5), "auto" or None, default=None
        Confidences stay within [clip, 1 - clip]; "auto" is 1 / (n + 2) with n rows, or the sum of their weights.

    Attributes
    ----------
    x_, y_ : ndarray of shape (M,)
        Knots, scores rising.
    increasing_ : bool
    clip_ : float
        0 for None.

    References
    ----------
    Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002; Oron
    and Flournoy, Centered Isotonic Regression, Statistics in Biopharmaceutical Research 9, 2017. Status: verified
    against scikit-learn; centred recalled; `clip` a proposal.

    Examples
    --------
    >>> import numpy as np
    >>> isotonic = Isotonic().fit([0.0, 1.0, 2.0, 3.0], np.array([True, False, True, False]))
    >>> isotonic.confidence([0.0, 1.5, 2.5])
    array([1.  , 0.5 , 0.25])
    >>> Isotonic(clip="auto").fit([0.0, 1.0], np.array([True, False])).confidence([0.0, 1.0])
    array([0.75, 0.25])
    """

    kind: ClassVar[str] = "isotonic"
    source: ClassVar[str] = "Zadrozny and Elkan, KDD 2002 (verified; centred: recalled; clip: proposal)"
    x_: FloatArray
    y_: FloatArray
    increasing_: bool
    clip_: float

    def __init__(
        self,
        increasing: bool | Literal["auto"] = "auto",
        centered: bool = False,
        clip: float | Literal["auto"] | None = None,
    ) -> None:
        self.increasing = increasing
        self.centered = centered
        self.clip = clip

    def _fit(self, scores: RealArray, correct: BoolArray, weights: FloatArray | None) -> None:
        self.clip_ = self._clip(len(scores) if weights is None else float(weights.sum()))
        fitted = fast.fit_isotonic(scores, correct, weights=weights, increasing=self.increasing, centered=self.centered)
        self.x_, self.y_, self.increasing_ = fitted.x, fitted.y, fitted.increasing

    def _clip(self, n: float) -> float:
        if self.clip is None:
            return 0.0
        if self.clip == "auto":
            return 1 / (n + 2)
        if isinstance(self.clip, bool | str) or not 0 <= self.clip < 0.5:
            raise ValueError(f"clip: is {self.clip!r}, must be a number of at least 0 and below 0.5, 'auto' or None")
        return float(self.clip)

    def _confidence(self, scores: FloatArray) -> FloatArray:
        return np.clip(interpolated(scores, self.x_, self.y_), self.clip_, 1 - self.clip_)

    def _parameters(self) -> dict[str, Any]:
        return {
            "x": self.x_.tolist(),
            "y": self.y_.tolist(),
            "increasing": self.increasing_,
            "clip": self.clip_,
        }

    def _restore(self, parameters: dict[str, Any]) -> None:
        self.x_, self.y_ = arrays(parameters, "x", "y")
        self.increasing_, self.clip_ = parameters["increasing"], parameters["clip"]


def interpolated(scores: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Line through the knots (x, y), x rising and y monotone, at `scores`; flat outside.

    Unlike `numpy.interp`'s it stays between the ends of a piece, and monotone, where knots are 1e-310 or 1e308 apart.
    """
    scale = 0.5 if max(-x[0], x[-1]) > 1e307 else 1.0  # the distance of knots may overflow, that of halves does not
    gap, rise = np.append(np.diff(scale * x), 1.0), np.append(np.diff(y), 0.0)
    gap[gap == 0] = 1.0  # halves of the least floats
    left = np.maximum(np.searchsorted(x, scores, side="right") - 1, 0)
    beyond = scale * np.clip(scores, x[0], x[-1]) - (scale * x)[left]
    values: FloatArray = y[left] + beyond / gap[left] * rise[left]
    # By rounding, the end of a piece may be passed.
    ends = np.append(y[1:], y[-1])[left]
    inside: FloatArray = np.minimum(values, ends) if y[-1] >= y[0] else np.maximum(values, ends)
    return inside
