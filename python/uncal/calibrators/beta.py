"""Beta calibration: a curve over a confidence that bends each end on its own."""

from typing import Any, ClassVar, Literal

import numpy as np

from uncal import fast
from uncal.calibrators._base import Calibrator, logistic
from uncal.types import BoolArray, FloatArray, RealArray

NEAREST = 2.220446049250313e-16


class Beta(Calibrator):
    """Beta calibration of a confidence q: log-odds = a ln q - b ln(1 - q) + c, by maximum likelihood.

    Takes confidences in [0, 1], clipped to within 2.2e-16 of 0 and 1. a = b = 1, c = 0 leaves them as they are;
    unlike temperature scaling it moves 0.5 and treats the two ends differently. a or b below 0 would not be monotone:
    the fit is done again without that term. Constant confidences give a = b = 0 and the share of right rows. With one
    class, or where a threshold parts right from wrong, no finite curve is best: `converged_` is false. See
    `uncal.fast.fit_beta`.

    Parameters
    ----------
    variant : {"abm", "am", "ab"}, default="abm"
        All three numbers; a = b; or c such that 0.5 stays where it is.

    Attributes
    ----------
    a_, b_, c_ : float
    converged_ : bool
    n_iter_ : int

    References
    ----------
    Kull, Silva Filho and Flach, Beta Calibration, AISTATS 2017. Status: verified in betacal, which adds a weak
    penalty.

    Examples
    --------
    >>> import numpy as np
    >>> beta = Beta(variant="am").fit([0.2, 0.2, 0.8, 0.8], np.array([True, False, True, True]))
    >>> bool((beta.confidence([0.2, 0.8]) > [0.2, 0.8]).all())
    True
    """

    kind: ClassVar[str] = "beta"
    takes: ClassVar[Literal["score", "confidence"]] = "confidence"
    source: ClassVar[str] = "Kull et al., AISTATS 2017 (verified)"
    a_: float
    b_: float
    c_: float
    converged_: bool
    n_iter_: int

    def __init__(self, variant: Literal["abm", "am", "ab"] = "abm") -> None:
        self.variant = variant

    def _fit(self, scores: RealArray, correct: BoolArray, weights: FloatArray | None) -> None:
        fitted = fast.fit_beta(scores, correct, weights=weights, variant=self.variant)
        self.a_, self.b_, self.c_ = fitted.a, fitted.b, fitted.c
        self.n_iter_, self.converged_ = fitted.iterations, fitted.converged

    def _confidence(self, scores: FloatArray) -> FloatArray:
        inside = np.clip(scores, NEAREST, 1 - NEAREST)
        return logistic(self.a_ * np.log(inside) - self.b_ * np.log1p(-inside) + self.c_)

    def _parameters(self) -> dict[str, Any]:
        return {
            "a": self.a_,
            "b": self.b_,
            "c": self.c_,
            "iterations": self.n_iter_,
            "converged": self.converged_,
        }

    def _restore(self, parameters: dict[str, Any]) -> None:
        self.a_, self.b_, self.c_ = parameters["a"], parameters["b"], parameters["c"]
        self.n_iter_, self.converged_ = parameters["iterations"], parameters["converged"]
