"""Curves from scores to the chance of being right."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray
from uncal.fast._calibration import Bins

BetaVariant = Literal["abm", "am", "ab"]


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
    rows, is below `tol`; at most 100 steps. From 2^16 rows on, 2^18 with weights, the first are those of a sample.
    Scores are shifted and scaled into [-1, 1] inside, so fitting ``s * scores + t`` gives the same confidences.

    Parameters
    ----------
    scores : array of shape (K,)
        Any finite numbers. float32 and float64 are read as they lie.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
        Finite and at least 0, with a sum between 1e-100 and 1e100. They count in the targets too.
    smoothing : bool, default=True
        Aim at (right + 1) / (right + 2) and 1 / (wrong + 2), with the numbers of right and wrong answers, instead of
        at 1 and 0.
    tol : float, optional
        By default, up to 2^18 rows and with weights, 1e-5 with smoothing and 0 without; for more rows the fit ends
        where what is left of the way to the minimum is below a thousandth of the standard errors of slope and
        intercept, which single precision reaches. 1e-5 is libsvm's and ends where libsvm does: near the minimum, to
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
    smoothing, tol = _smoothing(smoothing, tol)
    return PlattFit(
        *_rust.fit_platt(
            arguments.real("scores", scores),
            arguments.verdicts(correct),
            arguments.weights(weights),
            smoothing,
            tol,
            arguments.threads(threads),
        )
    )


def _smoothing(smoothing: bool, tol: float | None) -> tuple[bool, float | None]:
    tol = None if tol is None else arguments.number("tol", tol)
    if tol is not None and not 0 <= tol < float("inf"):
        raise ValueError(f"tol: is {tol}, must be a finite number of at least 0")
    return arguments.flag("smoothing", smoothing), tol


class PlattAtomFit(NamedTuple):
    """A confidence for one score, `atom`, and a logistic curve for all others."""

    atom: float | None
    atom_confidence: float
    atom_count: float
    slope: float
    intercept: float
    iterations: int
    converged: bool


def fit_platt_atom(
    scores: ArrayLike,
    correct: ArrayLike,
    *,
    atom: float | None = None,
    weights: ArrayLike | None = None,
    smoothing: bool = True,
    tol: float | None = None,
    threads: int | None = None,
) -> PlattAtomFit:
    """Fit a logistic curve beside an atom: one score that many answers share gets a confidence of its own.

    An entropy of answers that are all alike is 0, often for a good part of all rows; a logistic curve misses such a
    spike and bends for it.

    Parameters
    ----------
    scores : array of shape (K,)
        Any finite numbers.
    correct : array of shape (K,), bool (or all 0 and 1)
    atom : float, optional
        By default the most common score, the lowest of several, if it has at least a tenth of the weight. Of up to ten
        rows whose scores all differ that is the lowest, whose one row is then no part of the curve: a spike cannot be
        told from so few, and `fit_platt` is the fit for them.
    weights : array of shape (K,), optional
    smoothing : bool, default=True
        The atom's confidence is (right + 1) / (right + wrong + 2) instead of right / (right + wrong); of the others as
        for `fit_platt`.
    tol : float, optional
        As for `fit_platt`.
    threads : int, optional

    Returns
    -------
    PlattAtomFit
        (atom, atom_confidence, atom_count, slope, intercept, iterations, converged): `atom_confidence` is that of a
        score equal to `atom`, which `atom_count` rows had, or the sum of their weights; all others have
        1 / (1 + exp(-(slope * score + intercept))), the `fit_platt` of all other rows. If no row has the atom it is
        None, its confidence NaN and its count 0. If all rows do, or there is only one, the curve is level at the atom's
        confidence.

    Raises
    ------
    ValueError
        For input that makes no sense, or an atom that is not finite.

    References
    ----------
    Status: a proposal.

    Examples
    --------
    >>> fit = fit_platt_atom([0.0, 0.0, 0.0, 0.2, 0.5, 0.9, 1.1], [True, True, False, True, True, False, False])
    >>> fit.atom, fit.atom_confidence, fit.atom_count, fit.converged
    (0.0, 0.6, 3.0, True)
    """
    smoothing, tol = _smoothing(smoothing, tol)
    return PlattAtomFit(
        *_rust.fit_platt_atom(
            arguments.real("scores", scores),
            arguments.verdicts(correct),
            arguments.weights(weights),
            None if atom is None else arguments.number("atom", atom),
            smoothing,
            tol,
            arguments.threads(threads),
        )
    )


class IsotonicFit(NamedTuple):
    """A monotone curve through knots: linear between neighbours, constant outside, ``numpy.interp(scores, x, y)``."""

    x: FloatArray
    y: FloatArray
    increasing: bool


def fit_isotonic(
    scores: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    increasing: bool | Literal["auto"] = "auto",
    centered: bool = False,
    threads: int | None = None,
) -> IsotonicFit:
    """Fit the monotone curve from scores to the chance of being right that fits best (isotonic regression).

    Equal scores are pooled, then neighbours that are in the wrong order, until none are: the least squares and the
    maximum likelihood among all monotone curves.

    Parameters
    ----------
    scores : array of shape (K,)
        Any finite numbers.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    increasing : bool or "auto", default="auto"
        Whether confidence rises with the score. "auto": whether the AUROC is at least one half, which is whether the
        rank correlation is at least 0; True where there is one class only.
    centered : bool, default=False
        One knot for each block, at its mean score, instead of one at its first and one at its last score: between the
        first and the last knot the curve is then strictly monotone and keeps the order of the scores.
    threads : int, optional

    Returns
    -------
    IsotonicFit
        (x, y, increasing) with knots x (M,), strictly rising, and confidences y (M,) in [0, 1]. Where a block ends and
        the next begins the curve is linear between the two, as scikit-learn's; outside it is constant. Confidences of
        exactly 0 and 1 are usual at the ends.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, 2002. Status:
    verified against scikit-learn. Centred: Oron and Flournoy, Centered Isotonic Regression, 2017; status: recalled, and
    without the extra knots that their software can put at the ends.

    Examples
    --------
    >>> fit = fit_isotonic([0.0, 1.0, 2.0, 3.0, 4.0], [False, True, False, True, True])
    >>> fit.x, fit.y, fit.increasing
    (array([0., 1., 2., 3., 4.]), array([0. , 0.5, 0.5, 1. , 1. ]), True)
    """
    return IsotonicFit(
        *_rust.fit_isotonic(
            arguments.real("scores", scores),
            arguments.verdicts(correct),
            arguments.weights(weights),
            _direction(increasing),
            arguments.flag("centered", centered),
            arguments.threads(threads),
        )
    )


def _direction(increasing: bool | Literal["auto"]) -> bool | None:
    if isinstance(increasing, str) and increasing == "auto":
        return None
    if isinstance(increasing, bool | np.bool_):
        return bool(increasing)
    raise ValueError(f"increasing: is {arguments.shown(increasing)}, must be True, False or 'auto'")


class TemperatureFit(NamedTuple):
    """Log-odds divided by one number: confidence = 1 / (1 + exp(-logit(q) / temperature))."""

    temperature: float
    iterations: int
    converged: bool


def fit_temperature(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    eps: float = 1e-6,
    threads: int | None = None,
) -> TemperatureFit:
    """Fit the temperature by which log-odds of confidences are divided.

    The log loss has one minimum in 1 / temperature, found by Newton steps that stay where it can lie.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    eps : float, default=1e-6
        Confidences are clipped to [eps, 1 - eps] first; from 2.2e-16 to below 0.5.
    threads : int, optional

    Returns
    -------
    TemperatureFit
        (temperature, iterations, converged): the temperature is in [0.001, 1000], above 1 where confidences are too
        extreme. A confidence of one half stays what it is. If all are one half, 1. Where every right answer is at or
        above one half and every wrong one at or below, or all the other way round, the best temperature is 0 or
        infinite: then 0.001 or 1000, and `converged` is false.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2. Status: inferred for two classes.

    Examples
    --------
    >>> round(fit_temperature([0.9, 0.9, 0.9, 0.9], [True, True, True, False]).temperature, 9)
    2.0
    """
    return TemperatureFit(
        *_rust.fit_temperature(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.number("eps", eps),
            arguments.threads(threads),
        )
    )


class BetaFit(NamedTuple):
    """A beta curve: confidence = 1 / (1 + exp(-(a * ln q - b * ln(1 - q) + c)))."""

    a: float
    b: float
    c: float
    iterations: int
    converged: bool


def fit_beta(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    variant: BetaVariant = "abm",
    threads: int | None = None,
) -> BetaFit:
    """Fit log-odds that are linear in ln q and ln(1 - q), with q the confidence (beta calibration).

    Maximum likelihood among such curves that never fall: where a or b come out below 0, the fit is done again without
    that term.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
        Clipped to 2.2e-16 from 0 and 1.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    variant : {"abm", "am", "ab"}, default="abm"
        "abm": a, b and c. "am": a = b, and c. "ab": a and b, with c = (a - b) ln 2, so that one half stays one half.
    threads : int, optional

    Returns
    -------
    BetaFit
        (a, b, c, iterations, converged) with a and b at least 0; a = b = 1 and c = 0 changes nothing. Always finite.
        Where a threshold separates wrong answers below from right ones above, or there is one class, no finite curve is
        best (for "ab", where one half is that threshold): `converged` is false and the curve is steep, or level near 0
        or 1. Where no rising curve is better than a level one, and where confidences are constant, a = b = 0 and the
        confidence is the share of right answers; for "ab" one half, unless a steeper curve fits the constant.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Kull, Silva Filho and Flach, Beta calibration: a well-founded and easily implemented improvement on logistic
    calibration for binary classifiers, AISTATS 2017. Status: verified in betacal, whose optimum is looser (to 2e-3).

    Examples
    --------
    >>> fit = fit_beta([0.1, 0.3, 0.4, 0.6, 0.7, 0.9], [False, True, False, True, False, True], variant="am")
    >>> fit.a == fit.b, abs(fit.c) < 1e-12, fit.converged
    (True, True, True)
    """
    return BetaFit(
        *_rust.fit_beta(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.choice("variant", variant, BetaVariant),
            arguments.threads(threads),
        )
    )


class HistogramFit(NamedTuple):
    """A step for each bin of confidence: bin k is ``(edges[k], edges[k + 1]]``, the first with 0."""

    edges: FloatArray
    value: FloatArray


def fit_histogram(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    smoothing: float = 0.0,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> HistogramFit:
    """Fit the share of right answers in bins of confidence (histogram binning).

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    n_bins : int, default=15
        As for `ece`.
    bins : {"width", "mass", "distinct", "sweep"}, default="width"
        As for `ece`. "distinct" suits confidences in words, of which there are few.
    smoothing : float, default=0
        alpha in (right + alpha) / (right + wrong + 2 alpha), from 0 to 1e100; 1 is Laplace's.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    HistogramFit
        `edges` (B + 1,) from 0 to 1 and `value` (B,) in [0, 1]; an empty bin has its midpoint. One rule for edges, in
        the fit and after it: a bin is closed on the right, the first on both sides, so the bin of q is
        ``max(numpy.searchsorted(edges, q) - 1, 0)``.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Zadrozny and Elkan, Obtaining Calibrated Probability Estimates from Decision Trees and Naive Bayesian Classifiers,
    2001. Status: verified in netcal, which fits with one rule for edges and predicts with another.

    Examples
    --------
    >>> fit_histogram([0.1, 0.2, 0.5, 0.9], [False, True, True, True], n_bins=4)
    HistogramFit(edges=array([0.  , 0.25, 0.5 , 0.75, 1.  ]), value=array([0.5  , 1.   , 0.625, 1.   ]))
    """
    return HistogramFit(
        *_rust.fit_histogram(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.bins(n_bins),
            arguments.choice("bins", bins, Bins),
            arguments.number("smoothing", smoothing),
            arguments.threads(threads),
        )
    )


class VennAbersFit(NamedTuple):
    """Both probabilities of any score, as steps at the scores `x`; see `venn_abers`."""

    x: FloatArray
    p0: FloatArray
    p1: FloatArray
    increasing: bool


def fit_venn_abers(
    scores: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    increasing: bool | Literal["auto"] = "auto",
    threads: int | None = None,
) -> VennAbersFit:
    """Fit isotonic regression to all rows and one more, wrong or right, wherever that one may be (Venn-Abers).

    Two scans over the sorted scores instead of two fits for each prediction.

    Parameters
    ----------
    scores : array of shape (K,)
        Any finite numbers.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
        The one row more has weight 1.
    increasing : bool or "auto", default="auto"
        As for `fit_isotonic`.
    threads : int, optional

    Returns
    -------
    VennAbersFit
        (x, p0, p1, increasing): scores x (M,) where a probability changes, and p0 and p1 (M + 1,). Say that i of x are
        below a score, and j below it or equal to it: it has ``p0[j]`` and ``p1[i]`` where confidence rises, ``p0[i]``
        and ``p1[j]`` where it falls. That is `venn_abers`.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Vovk, Petej and Fedorova, Large-scale probabilistic predictors with and without guarantees of validity, NeurIPS
    2015, algorithms 1 to 3. Status: verified against its definition by scikit-learn's isotonic regression.

    Examples
    --------
    >>> fit = fit_venn_abers([0.1, 0.2, 0.4, 0.8], [False, False, True, True])
    >>> fit.x, fit.p0.round(2)
    (array([0.1, 0.2, 0.4, 0.8]), array([0.  , 0.  , 0.  , 0.5 , 0.67]))
    """
    return VennAbersFit(
        *_rust.fit_venn_abers(
            arguments.real("scores", scores),
            arguments.verdicts(correct),
            arguments.weights(weights),
            _direction(increasing),
            arguments.threads(threads),
        )
    )


class VennAbers(NamedTuple):
    """Both probabilities of each score, and the one between them."""

    p0: FloatArray
    p1: FloatArray
    p: FloatArray


def venn_abers(fit: VennAbersFit, scores: ArrayLike, *, threads: int | None = None) -> VennAbers:
    """Look up the probabilities of scores in a `fit_venn_abers`.

    Parameters
    ----------
    fit : VennAbersFit
    scores : array of shape (P,)
        Any finite numbers.
    threads : int, optional

    Returns
    -------
    VennAbers
        (p0, p1, p), each (P,): the chance of being right as seen by isotonic regression with the answer itself counted
        as wrong, and as right; p0 <= p1, and p1 - p0 tells how little is known there. p = p1 / (1 - p0 + p1) lies
        between them, strictly between 0 and 1, and loses least in the worst case by the log loss.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    As for `fit_venn_abers`, section 4.

    Examples
    --------
    >>> fit = fit_venn_abers([0.1, 0.2, 0.4, 0.8], [False, False, True, True])
    >>> venn_abers(fit, [0.0, 0.8]).p
    array([0.25, 0.75])
    """
    x, p0, p1, increasing = fit
    return VennAbers(
        *_rust.venn_abers(
            arguments.column("fit.x", x),
            arguments.column("fit.p0", p0),
            arguments.column("fit.p1", p1),
            arguments.flag("fit.increasing", increasing),
            arguments.column("scores", scores),
            arguments.threads(threads),
        )
    )
