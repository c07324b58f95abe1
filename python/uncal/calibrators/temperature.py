"""Temperature scaling: one number that makes confidences less sure, or surer."""

from typing import Any, ClassVar, Literal

import numpy as np

from uncal import fast
from uncal.calibrators._base import Calibrator, logistic
from uncal.types import BoolArray, FloatArray, RealArray


class Temperature(Calibrator):
    """Temperature scaling of a confidence: its log-odds divided by one positive number.

    Takes confidences in [0, 1]. A temperature above 1 makes all less sure, below 1 surer. It keeps the ranking and the
    verdicts, and cannot move 0.5 (all at 0.5: T = 1): use `Beta` or `Platt` where confidences are biased to one side.
    Where a threshold at 0.5 parts right from wrong, the temperature ends at the low end of its range, 0.001 to 1000,
    and where confidences rank backwards at the high end; `converged_` is false then. See `uncal.fast.fit_temperature`.

    Parameters
    ----------
    eps : float, default=1e-6
        Confidences are taken no nearer to 0 and 1 than this.

    Attributes
    ----------
    temperature_ : float
    converged_ : bool
    n_iter_ : int

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017, section 4.2. Status:
    inferred for two classes.

    Examples
    --------
    >>> import numpy as np
    >>> scaling = Temperature().fit([0.9, 0.9, 0.9, 0.1], np.array([True, True, False, False]))
    >>> scaling.confidence([0.5, 0.9]).round(3)
    array([0.5 , 0.75])
    """

    kind: ClassVar[str] = "temperature"
    takes: ClassVar[Literal["score", "confidence"]] = "confidence"
    source: ClassVar[str] = "Guo et al., ICML 2017 (inferred for two classes)"
    temperature_: float
    converged_: bool
    n_iter_: int

    def __init__(self, eps: float = 1e-6) -> None:
        self.eps = eps

    def _fit(self, scores: RealArray, correct: BoolArray, weights: FloatArray | None) -> None:
        fitted = fast.fit_temperature(scores, correct, weights=weights, eps=self.eps)
        self.temperature_ = fitted.temperature
        self.n_iter_, self.converged_ = fitted.iterations, fitted.converged

    def _confidence(self, scores: FloatArray) -> FloatArray:
        inside = np.clip(scores, self.eps, 1 - self.eps)
        return logistic((np.log(inside) - np.log1p(-inside)) / self.temperature_)

    def _parameters(self) -> dict[str, Any]:
        return {"temperature": self.temperature_, "iterations": self.n_iter_, "converged": self.converged_}

    def _restore(self, parameters: dict[str, Any]) -> None:
        self.temperature_ = parameters["temperature"]
        self.n_iter_, self.converged_ = parameters["iterations"], parameters["converged"]
