"""Curves from scores to the chance of being right."""

from typing import NamedTuple

from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments


class PlattFit(NamedTuple):
    """A logistic curve: confidence = 1 / (1 + exp(-(slope * score + intercept)))."""

    slope: float
    intercept: float
    iterations: int
    converged: bool


def fit_platt(
    scores: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    smoothing: bool = True,
    tol: float | None = None,
    threads: int | None = None,
) -> PlattFit:
    """Fit a logistic curve from scores to the chance of being right (Platt scaling).

    Minimises the log loss against smoothed targets by Newton steps with backtracking, until the gradient, a sum over
    rows, is below `tol`; at most 100 steps. Scores are shifted and scaled into [-1, 1] inside, so fitting
    ``s * scores + t`` gives the same confidences.

    Parameters
    ----------
    scores : array of shape (K,)
        Any finite numbers.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
        Finite and at least 0, with a sum between 1e-100 and 1e100. They count in the targets too.
    smoothing : bool, default=True
        Aim at (right + 1) / (right + 2) and 1 / (wrong + 2), with the numbers of right and wrong answers, instead of
        at 1 and 0.
    tol : float, optional
        By default 1e-5 with smoothing, 0 without. 1e-5 is libsvm's and ends where libsvm does: near the minimum, to
        about 1e-5 in slope and intercept for a handful of rows and ever closer for more. 0 goes on to the minimum
        itself, as far as rounding lets it, for a step or two more.
    threads : int, optional

    Returns
    -------
    PlattFit
        (slope, intercept, iterations, converged) with confidence = 1 / (1 + exp(-(slope * score + intercept))), always
        finite. In Platt's own letters A = -slope and B = -intercept. Where `converged` is false this is as far as it
        got; no exception.

        One class only, or constant scores: slope 0, and the confidence is the mean target. Without smoothing no finite
        curve is best where a threshold separates right from wrong, or where there is one class: `converged` is false
        and the curve is steep. Scores all within 1e-300 of each other are too close for a finite slope: as constant,
        not converged.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Platt, Probabilistic Outputs for Support Vector Machines, 1999. Lin, Lin and Weng, A Note on Platt's Probabilistic
    Outputs for Support Vector Machines, 2007. Status: verified in libsvm's ``sigmoid_train``. That the
    uncertainty pipeline of arXiv 2603.06317 uses Platt scaling is secondary.

    Examples
    --------
    >>> fit = fit_platt([0.0, 1.0, 2.0, 3.0], [True, True, False, False])
    >>> round(fit.slope, 6), round(fit.intercept, 6), fit.converged
    (-0.908177, 1.362266, True)
    """
    smoothing = arguments.flag("smoothing", smoothing)
    tol = (1e-5 if smoothing else 0.0) if tol is None else arguments.number("tol", tol)
    if not 0 <= tol < float("inf"):
        raise ValueError(f"tol: is {tol}, must be a finite number of at least 0")
    return PlattFit(
        *_rust.fit_platt(
            arguments.column("scores", scores),
            arguments.verdicts(correct),
            arguments.weights(weights),
            smoothing,
            tol,
            arguments.threads(threads),
        )
    )
