"""How far confidences are from the truth, without bins: smooth errors and tests of whether it could be chance."""

from typing import Literal, NamedTuple

from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast import _relplot as relplot
from uncal.fast._arguments import FloatArray


class SmoothReliability(NamedTuple):
    """A smooth reliability diagram: `accuracy` and `density` at each `confidence`, all of one length."""

    confidence: FloatArray
    accuracy: FloatArray
    density: FloatArray


class CalibrationTest(NamedTuple):
    """A statistic, and the chance that it is as far off if all confidences are true."""

    value: float
    p_value: float


def smooth_ece(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    sigma: float | None = None,
    convention: Literal["relplot"] | None = None,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Calibration error without bins: the gap smoothed along the confidence by a Gaussian kernel (smECE).

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
        Or numbers in [0, 1], the share to which an answer is right; not with `convention`.
    sigma : float, optional
        Width of the kernel, at least 0.001. By default the one width at which the error is as large as the width; or
        0.001 if the error there is smaller still.
    convention : {"relplot"}, optional
        The number of that library, to compare with what it printed: on a grid, with half the weight at 0 and 1, the
        kernel cut at 0.5, a width found by ten bisections, and the mean weighted by the density of the confidences. By
        NumPy on one thread, of any type as float64.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1]; at the default width it is the width. The kernel is reflected at 0 and 1, so that nothing leaks out
        there, and the integral over [0, 1] of the magnitude of the smoothed gap is taken exactly, to about 1e-9.
        Unlike `ece` it changes little when confidences change little; it is at least the magnitude of `signed_gap`.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Blasiok and Nakkiran, Smooth ECE: Principled Reliability Diagrams via Kernel Smoothing, ICLR 2024. Status: verified
    against the formula on a grid of 20,001 points. relplot 1.0.3 differs: it gives confidences of exactly 0 or 1 half
    their weight and cuts the kernel at 0.5, so a model that is certain throughout looks better there. The convention is
    verified against it to 1e-12.

    Examples
    --------
    >>> round(smooth_ece([0.9, 0.9, 0.9, 0.9], [True, True, False, False]), 4)
    0.4
    """
    rows = arguments.rows(confidence, correct, weights)
    sigma = arguments.optional_number("sigma", sigma)
    if convention is not None:
        if arguments.choice("convention", convention, Literal["relplot"]) != "relplot":
            raise ValueError(f"convention: is {arguments.shown(convention)}, must be one of relplot")
        arguments.whole(rows, "convention")
        _rust.signed_gap(*rows[:3], arguments.threads(threads))  # for its checks
        return relplot.smooth_ece(rows, sigma)
    value, _ = _rust.smooth_ece(*rows[:3], sigma, arguments.threads(threads))
    return value


def smooth_reliability(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    sigma: float | None = None,
    points: int = 201,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> SmoothReliability:
    """Accuracy along the confidence, smoothed: the curve of a reliability diagram without bins.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    sigma : float, optional
        Width of the kernel, at least 0.001; by default that of `smooth_ece`.
    points : int, default=201
        Places, evenly spaced from 0 to 1.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    SmoothReliability
        `confidence`, `accuracy` and `density`, each (points,). `accuracy` is the share of right answers around a
        confidence, NaN where there are none; `density` how many answers there are, integrating to 1.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Blasiok and Nakkiran, Smooth ECE, ICLR 2024, section 3. Status: inferred from the formula of the error.

    Examples
    --------
    >>> diagram = smooth_reliability([0.2, 0.2, 0.8, 0.8], [False, False, True, True], sigma=0.05, points=6)
    >>> diagram.accuracy.round(2)
    array([0., 0., 0., 1., 1., 1.])
    """
    return SmoothReliability(
        *_rust.smooth_reliability(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.optional_number("sigma", sigma),
            arguments.count("points", points, 2, 1_000_000),
            arguments.threads(threads),
        )
    )


def ks_calibration_error(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> CalibrationTest:
    """Largest gap between confidence and truth, summed from the lowest confidence up, over all rows: no bins (KS).

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    CalibrationTest
        (value, p_value). `value` in [0, 1] is a mean over all rows, taken at the ends of ties. `p_value` is the chance
        of a larger one if every confidence is true, for many rows; few rows make it rough. Weights count as repetitions
        there too.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Gupta et al., Calibration of Neural Networks using Splines, ICLR 2021; p-value Arrieta-Ibarra et al., Metrics of
    Calibration for Probabilistic Predictions, JMLR 2022. Status: secondary; chances checked against simulation.

    Examples
    --------
    >>> ks_calibration_error([0.5, 0.5, 0.5, 0.5], [True, True, True, True]).value
    0.5
    """
    return CalibrationTest(
        *_rust.ks_calibration_error(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.threads(threads),
        )
    )


def kuiper_calibration_error(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> CalibrationTest:
    """Largest summed gap between confidence and truth over any range of confidences: no bins (Kuiper).

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    CalibrationTest
        (value, p_value). `value` in [0, 1] is a mean over all rows, taken at the ends of ties. `p_value` is the chance
        of a larger one if every confidence is true, for many rows; few rows make it rough. Weights count as repetitions
        there too.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Arrieta-Ibarra et al., Metrics of Calibration for Probabilistic Predictions, JMLR 2022. Status: secondary; chances
    checked against simulation.

    Examples
    --------
    >>> kuiper_calibration_error([0.5, 0.5, 0.5, 0.5], [True, True, True, True]).value
    0.5
    """
    return CalibrationTest(
        *_rust.kuiper_calibration_error(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.threads(threads),
        )
    )


def spiegelhalter(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> CalibrationTest:
    """Spiegelhalter's test of calibration, which asks whether the Brier score is what true confidences would give.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    CalibrationTest
        (value, p_value). `value` is the statistic Z, standard normal for many rows if every confidence is true; above 0
        the Brier score is too high. `p_value` is two-sided. NaN if all confidences are 0, 0.5 or 1.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Spiegelhalter, Probabilistic Prediction in Patient Management and Clinical Trials, 1986. Status: secondary.

    Examples
    --------
    >>> round(spiegelhalter([0.9, 0.9, 0.1, 0.1], [True, True, False, False]).value, 4)
    -0.6667
    """
    return CalibrationTest(
        *_rust.spiegelhalter(
            arguments.real("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.threads(threads),
        )
    )


def mmce(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    width: float = 0.4,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Maximum mean calibration error: the gap as seen by a Laplace kernel over all pairs of rows.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    width : float, default=0.4
        Of the kernel exp(-|distance| / width).
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Kumar, Sarawagi and Jain, Trainable Calibration Measures for Neural Networks from Kernel Mean Embeddings, ICML 2018,
    with its width. Status: secondary. In the time of a sort, where the definition looks at all pairs.

    Examples
    --------
    >>> mmce([0.75, 0.75, 0.75, 0.75], [True, False, False, True])
    0.25
    """
    return _rust.mmce(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.positive("width", width),
        arguments.threads(threads),
    )
