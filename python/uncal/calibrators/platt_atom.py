"""Platt scaling with an atom: scores that pile up at one number get a share of their own."""

from typing import Any, ClassVar

from uncal import fast
from uncal.calibrators._base import Calibrator, line, logistic
from uncal.types import BoolArray, FloatArray, RealArray


class PlattAtom(Calibrator):
    """Platt scaling beside an atom: rows at one exact score get their smoothed share, the others a logistic curve.

    For scores with a spike, as entropies have at 0 where all samples agree: a curve through the spike bends away from
    the rest. Without an atom it is `Platt`. Not monotone at the atom. See `uncal.fast.fit_platt_atom`.

    Parameters
    ----------
    atom : float or None, default=None
        The score of the spike; None looks for one: the most common score, if it has a tenth of the weight. Of up to ten
        rows whose scores all differ it takes the lowest for one.
    smoothing : bool, default=True
        Platt's smoothed targets; False fits plain maximum likelihood.

    Attributes
    ----------
    atom_ : float or None
        None where there is no spike.
    atom_confidence_ : float or None
    atom_count_ : float
        Rows at the atom, or the sum of their weights.
    slope_, intercept_ : float
        Of the other rows.
    converged_ : bool
    n_iter_ : int

    References
    ----------
    Status: a proposal. The curve is that of `Platt`.

    Examples
    --------
    >>> import numpy as np
    >>> scores = [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    >>> correct = np.array([True, True, False, False, True, True, False, False])
    >>> PlattAtom(atom=0.0).fit(scores, correct).confidence([0.0, 1.0, 4.0]).round(2)
    array([0.5, 0.8, 0.2])
    """

    kind: ClassVar[str] = "platt_atom"
    monotone: ClassVar[bool] = False
    source: ClassVar[str] = "proposal"
    atom_: float | None
    atom_confidence_: float | None
    atom_count_: float
    slope_: float
    intercept_: float
    converged_: bool
    n_iter_: int

    def __init__(self, atom: float | None = None, smoothing: bool = True) -> None:
        self.atom = atom
        self.smoothing = smoothing

    def _fit(self, scores: RealArray, correct: BoolArray, weights: FloatArray | None) -> None:
        fitted = fast.fit_platt_atom(scores, correct, atom=self.atom, weights=weights, smoothing=self.smoothing)
        self.atom_, self.atom_count_ = fitted.atom, fitted.atom_count
        self.atom_confidence_ = None if fitted.atom is None else fitted.atom_confidence
        self.slope_, self.intercept_ = fitted.slope, fitted.intercept
        self.n_iter_, self.converged_ = fitted.iterations, fitted.converged

    def _confidence(self, scores: FloatArray) -> FloatArray:
        confidence = logistic(line(scores, self.slope_, self.intercept_))
        if self.atom_confidence_ is not None:
            confidence[scores == self.atom_] = self.atom_confidence_
        return confidence

    def _parameters(self) -> dict[str, Any]:
        return {
            "atom": self.atom_,
            "atom_confidence": self.atom_confidence_,
            "atom_count": self.atom_count_,
            "slope": self.slope_,
            "intercept": self.intercept_,
            "iterations": self.n_iter_,
            "converged": self.converged_,
        }

    def _restore(self, parameters: dict[str, Any]) -> None:
        self.atom_, self.atom_confidence_ = parameters["atom"], parameters["atom_confidence"]
        self.atom_count_ = parameters["atom_count"]
        self.slope_, self.intercept_ = parameters["slope"], parameters["intercept"]
        self.n_iter_, self.converged_ = parameters["iterations"], parameters["converged"]
