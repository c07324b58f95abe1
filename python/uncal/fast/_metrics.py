"""How far confidences are from the truth."""

import warnings
from typing import Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._arguments import FloatArray

Bins = Literal["width", "mass", "distinct"]
_Edges = Literal["right", "left", "guo", "left-open"]
_Norm = Literal["l1", "l2", "max"]


class Reliability(NamedTuple):
    """The numbers of a reliability diagram, one entry for each bin; `edges` has one more."""

    edges: FloatArray
    count: FloatArray  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    mean_confidence: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray


class Interval(NamedTuple):
    """A metric and the ends of its bootstrap interval."""

    value: float
    low: float
    high: float


def ece(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    edges: _Edges = "right",
    norm: _Norm = "l1",
    debias: bool = False,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Gap between mean confidence and accuracy over bins of confidence (expected calibration error); 0 is calibrated.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    n_bins : int, default=15
        From 1 to 10,000,000. An empty bin counts for nothing. Not read for ``bins="distinct"``.
    bins : {"width", "mass", "distinct"}, default="width"
        Equal width; nearly equal weight, cut at the borders between distinct confidences nearest to the quantiles (the
        lower if two are as near), so that equal confidences stay together and there may be fewer bins; or one bin for
        every distinct confidence.
    edges : {"right", "left", "guo", "left-open"}, default="right"
        Where a confidence on an edge of equal-width bins goes. "right": ``(low, high]``, the first ``[0, high]``.
        "left": ``[low, high)``, the last ``[low, 1]`` (netcal, ``numpy.histogram``). "guo": ``(low, high]``, so 0 is in
        no bin, but counts in the total. "left-open": ``[low, high)``, so 1 is dropped altogether. Edges are the numbers
        of ``numpy.linspace(0, 1, n_bins + 1)``, confidences are compared as they are: of ten bins the third edge is
        0.30000000000000004, so the literal 0.3 lies below it, on either side's rule; likewise 0.6 and 0.7. With other
        `bins` no confidence is on an edge, and anything but "right" is an error.
    norm : {"l1", "l2", "max"}, default="l1"
        Weighted mean of the gaps, root of their weighted mean square, or the largest gap (MCE).
    debias : bool, default=False
        Take off what bins of finite size add by chance. For "l2" subtracts each bin's c(1 - c) / (n - 1) from its
        squared gap, and cuts the sum at 0; for "l1" subtracts what one more draw of each accuracy would add on average,
        in closed form, and the result may fall below 0. Bins of fewer than two rows count 0. An error for "max".
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1] without `debias`. NaN where `edges` leave no row in any bin.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2. Status: "right" verified in lm-polygraph
    and uqlm, "left" in netcal, "left-open" in calibration-tuning, "guo" recalled from its snippet. Debiased "l2" is
    Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019, verified in its code; that code debiases "l1"
    by random draws, whose mean this computes: a proposal.

    Examples
    --------
    >>> ece([1.0, 0.0], [True, False])
    0.0
    >>> ece([0.75, 0.75, 0.25, 0.25], [True, True, True, False])
    0.25
    """
    return _rust.ece(
        arguments.column("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.bins(n_bins),
        arguments.choice("bins", bins, Bins),
        arguments.choice("edges", edges, _Edges),
        arguments.choice("norm", norm, _Norm),
        arguments.flag("debias", debias),
        arguments.threads(threads),
    )


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
    return _rust.brier(
        arguments.column("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.threads(threads),
    )


def auroc(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Chance that a right answer has a higher confidence than a wrong one, ties counting one half.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1]; NaN where all are right or all are wrong.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Hanley and McNeil, The Meaning and Use of the Area under a ROC Curve, 1982. Status: verified against scikit-learn.

    Examples
    --------
    >>> auroc([0.1, 0.4, 0.4, 7.0], [False, False, True, True])
    0.875
    """
    return _rust.auroc(
        arguments.column("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.threads(threads),
    )


def reliability(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> Reliability:
    """Confidence and accuracy in bins of confidence: the numbers behind a reliability diagram.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    n_bins : int, default=15
        As for `ece`.
    bins : {"width", "mass", "distinct"}, default="width"
        As for `ece`.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    Reliability
        `edges` (B + 1,) from 0 to 1, bins closed on the right; `count` (B,), rows or the sum of their weights;
        `mean_confidence` and `accuracy` (B,); `low` and `high` (B,), Wilson's 95 % interval of the accuracy. An empty
        bin has count 0 and NaN elsewhere; only "width" has any, and always B = `n_bins`. Edges of "mass" and "distinct"
        lie halfway between neighbouring confidences.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927. Status: inferred from textbooks.

    Examples
    --------
    >>> diagram = reliability([0.1, 0.2, 0.9], [False, True, True], n_bins=2)
    >>> diagram.edges, diagram.count, diagram.accuracy
    (array([0. , 0.5, 1. ]), array([2., 1.]), array([0.5, 1. ]))
    """
    return Reliability(
        *_rust.reliability(
            arguments.column("confidence", confidence),
            arguments.verdicts(correct),
            arguments.weights(weights),
            arguments.bins(n_bins),
            arguments.choice("bins", bins, Bins),
            arguments.threads(threads),
        )
    )


@overload
def evaluate(  # type: ignore[overload-overlap]  # a literal 0 is an int too
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = ...,
    bootstrap: Literal[0] = ...,
    groups: ArrayLike | None = ...,
    seed: int = ...,
    level: float = ...,
    n_bins: int = ...,
    bins: Bins = ...,
    threads: int | None = ...,
) -> dict[str, float]: ...


@overload
def evaluate(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = ...,
    bootstrap: int,
    groups: ArrayLike | None = ...,
    seed: int = ...,
    level: float = ...,
    n_bins: int = ...,
    bins: Bins = ...,
    threads: int | None = ...,
) -> dict[str, Interval]: ...


def evaluate(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bootstrap: int = 0,
    groups: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
    n_bins: int = 15,
    bins: Bins = "width",
    threads: int | None = None,
) -> dict[str, float] | dict[str, Interval]:
    """Every metric at once from one sort, with bootstrap intervals where asked for.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    bootstrap : int, default=0
        Resamples to draw, up to 10,000,000; 0 for values alone.
    groups : array of shape (K,), integers or strings, optional
        The group (question) of each row: whole groups are drawn with replacement. Without it, rows are.
    seed : int, default=0
        From 0 to 2**64 - 1. Random numbers are SplitMix64 of (seed, resample, draw): the same for any number of threads
        and any order of the rows.
    level : float, default=0.95
        Between 0 and 1.
    n_bins : int, default=15
        As for `ece`.
    bins : {"width", "mass", "distinct"}, default="width"
        As for `ece`.
    threads : int, optional

    Returns
    -------
    dict
        Keys "ece", "brier" and "auroc", each what the function of that name returns, or with `bootstrap` an
        (value, low, high). Brier score and AUROC get the percentile interval. Resampling adds noise, and noise raises
        an ECE, so that gets the basic (pivotal) interval instead, mirrored at the value and cut to [0, 1]: with few
        rows it lies below the value, which is itself too high. Resamples with one class are left out for AUROC, and
        those that hold only rows of weight 0 for all.

    Warns
    -----
    UserWarning
        If more than 5 % of the resamples had to be left out for a metric.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 12 to 14. SplitMix64: Steele, Lea and Flood,
    OOPSLA 2014. Status: that resampling raises an ECE, and the pivotal interval against it, verified in
    p-lambda/verified_calibration.

    Examples
    --------
    >>> evaluate([0.9, 0.8, 0.3], [True, True, False], n_bins=10)["auroc"]
    1.0
    >>> evaluate([0.9, 0.8, 0.3], [True, True, False], bootstrap=100, groups=["a", "a", "a"])["auroc"]
    Interval(value=1.0, low=1.0, high=1.0)
    """
    bootstrap = arguments.count("bootstrap", bootstrap, 0, 10_000_000)
    estimates = _rust.evaluate(
        arguments.column("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.bins(n_bins),
        arguments.choice("bins", bins, Bins),
        bootstrap,
        arguments.labels(groups),
        arguments.count("seed", seed, 0, 2**64 - 1),
        arguments.number("level", level),
        arguments.threads(threads),
    )
    if bootstrap == 0:
        return {name: value for name, value, _, _, _ in estimates}
    for name, value, _, _, skipped in estimates:
        if skipped > 0.05 * bootstrap and not np.isnan(value):
            warnings.warn(
                f"{name}: does not exist in {skipped} of {bootstrap} resamples, which its interval leaves out",
                stacklevel=2,
            )
    return {name: Interval(value, low, high) for name, value, low, high, _ in estimates}
