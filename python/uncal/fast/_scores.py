"""Proper scores of confidences: how good they are as forecasts."""

from typing import Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments


class CorpDecomposition(NamedTuple):
    """Brier score = miscalibration - discrimination + uncertainty."""

    miscalibration: float
    discrimination: float
    uncertainty: float


class BrierDecomposition(NamedTuple):
    """Brier score = reliability - resolution + uncertainty + within_variance - within_covariance."""

    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float


def brier(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Mean squared difference between confidence and verdict; 0 is perfect, 0.25 a coin's, 1 the worst.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
        Or numbers c in [0, 1], the share to which an answer is right: the mean of (confidence - c)^2. That is below the
        score of as many verdicts by the mean of c (1 - c), which no confidence changes.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Brier, Verification of Forecasts Expressed in Terms of Probability, 1950. Status: verified against scikit-learn.

    Examples
    --------
    >>> brier([1.0, 0.5], [True, False])
    0.125
    """
    rows = arguments.rows(confidence, correct, weights)
    score = _rust.brier(*rows[:3], arguments.threads(threads))
    if rows.soft is None:
        return score
    # split in two, a row has (q - c)^2 + c (1 - c)
    return max(score - float(np.average(rows.soft * (1 - rows.soft), weights=arguments.weights(weights))), 0.0)


@overload
def brier_decomposition(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    method: Literal["murphy"] = "murphy",
    n_bins: int = 15,
    bins: Literal["distinct", "width"] = "distinct",
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> BrierDecomposition: ...


@overload
def brier_decomposition(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    method: Literal["corp"],
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> CorpDecomposition: ...


def brier_decomposition(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    method: Literal["murphy", "corp"] = "murphy",
    n_bins: int = 15,
    bins: Literal["distinct", "width"] = "distinct",
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> BrierDecomposition | CorpDecomposition:
    """Brier score in parts: how calibrated, how telling, how hard the questions are (Murphy, or CORP).

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    method : {"murphy", "corp"}, default="murphy"
        By bins, or by the best curve that never falls (isotonic regression): no bins to choose, and as stable with a
        confidence for every row.
    n_bins : int, default=15
        Not read for ``bins="distinct"``.
    bins : {"distinct", "width"}, default="distinct"
        A bin for every distinct confidence, or bins of equal width closed on the right, as in `ece`. "corp" has none.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    BrierDecomposition
        (reliability, resolution, uncertainty, within_variance, within_covariance), whose signed sum is the Brier score
        to 1e-12. `reliability` is the mean squared gap between mean confidence and accuracy of a bin, 0 is calibrated;
        `resolution` how much the accuracies of bins differ, the higher the better; `uncertainty` the variance of the
        verdicts. The last two are what binning hides and are 0 for distinct confidences. With as many confidences as
        rows every bin holds one row, and `resolution` says nothing.
    CorpDecomposition
        By "corp": (miscalibration, discrimination, uncertainty), whose signed sum is the Brier score to 1e-12.
        `miscalibration` is what recalibration by that curve takes off the score, `discrimination` what the curve then
        is better than a constant: both at least 0.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Murphy, A New Vector Partition of the Probability Score, 1973; with the within-bin terms Stephenson, Coelho and
    Jolliffe, Two Extra Components in the Brier Score Decomposition, 2008. Status: secondary; checked by their sum.
    Dimitriadis, Gneiting and Jordan, Stable Reliability Diagrams for Probabilistic Classifiers, PNAS 2021. Status:
    secondary; checked against scikit-learn's isotonic regression.

    Examples
    --------
    >>> parts = brier_decomposition([0.5, 0.5, 1.0, 1.0], [True, False, True, True])
    >>> parts.reliability, parts.resolution, parts.uncertainty
    (0.0, 0.0625, 0.1875)
    >>> brier_decomposition([0.5, 0.5, 1.0, 1.0], [True, False, True, True], method="corp").discrimination
    0.0625
    """
    if arguments.choice("method", method, Literal["murphy", "corp"]) == "corp":
        if bins != "distinct":
            raise ValueError('bins: method="corp" has none')
        return CorpDecomposition(
            *_rust.brier_corp(
                arguments.real("confidence", confidence),
                arguments.verdicts(correct),
                arguments.weights(weights),
                arguments.threads(threads),
            )
        )
    if method != "murphy":
        raise ValueError(f"method: is {arguments.shown(method)}, must be one of murphy, corp")
    return BrierDecomposition(
        *_rust.brier_decomposition(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.bins(n_bins),
            arguments.choice("bins", bins, Literal["distinct", "width"]),
            arguments.threads(threads),
        )
    )


def brier_skill(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    base_rate: float | None = None,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Share of the Brier score of a constant forecast that confidences take off: 1 is perfect, 0 no better.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    base_rate : float, optional
        The constant forecast, in [0, 1]; by default the share of right answers among these rows, which no constant
        beats.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        At most 1; NaN where the constant forecast is never wrong, which one class alone makes it by default.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Brier skill score, as in KalshiBench. Status: secondary; its number, arXiv 2512.16030, inferred.

    Examples
    --------
    >>> brier_skill([1.0, 0.5], [True, False])
    0.5
    """
    parts = brier_decomposition(confidence, correct, weights=weights, threads=threads)
    rate = parts.uncertainty
    if base_rate is not None:
        base_rate = arguments.number("base_rate", base_rate)
        if not 0 <= base_rate <= 1:
            raise ValueError(f"base_rate: is {base_rate}, must be a number in [0, 1]")
        rate = brier([base_rate, base_rate], [True, False], weights=_classes(correct, weights))
    return 1 - brier(confidence, correct, weights=weights, threads=threads) / rate if rate > 0 else float("nan")


def _classes(correct: ArrayLike, weights: ArrayLike | None) -> list[float]:
    """Sum the weights of right and of wrong rows."""
    right = arguments.verdicts(correct)
    rows = arguments.weights(weights)
    if rows is None:
        return [float(right.sum()), float((~right).sum())]
    return [float(rows[right].sum()), float(rows[~right].sum())]


def log_loss(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    eps: float = 2.220446049250313e-16,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Minus the mean logarithm of the chance that was given to what came true, in nats; 0 is perfect.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
        Or numbers in [0, 1], the share to which an answer is right: the cross-entropy.
    eps : float, default=2.220446049250313e-16
        Confidences are clipped to [eps, 1 - eps] first, so that one certain error does not make the mean infinite. It
        decides how much such an error costs: -ln(eps), 36 by default. Between 0 and 0.5.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Good, Rational Decisions, 1952. The default `eps` is scikit-learn's; uqlm clips at 1e-15. Status: verified against
    scikit-learn.

    Examples
    --------
    >>> round(log_loss([0.5, 0.5], [True, False]), 6)
    0.693147
    """
    return _rust.log_loss(
        *arguments.rows(confidence, correct, weights)[:3],
        arguments.number("eps", eps),
        arguments.threads(threads),
    )
