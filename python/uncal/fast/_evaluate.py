"""Every metric at once, with intervals; two sets of confidences side by side."""

import math
import warnings
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike

from uncal import _rust
from uncal.fast import _arguments as arguments
from uncal.fast._calibration import Bins

Method = Literal["auto", "percentile", "pivotal", "bca"]


class Interval(NamedTuple):
    """A metric and the ends of its bootstrap interval."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """How much a metric differs, the ends of its interval, and the share of resamples in which it is above 0."""

    value: float
    low: float
    high: float
    above_zero: float


@overload
def evaluate(  # type: ignore[overload-overlap]  # a literal 0 is an int too
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = ...,
    metrics: Collection[str] | None = ...,
    bootstrap: Literal[0] = ...,
    groups: ArrayLike | None = ...,
    seed: int = ...,
    level: float = ...,
    n_bins: int = ...,
    bins: Bins = ...,
    method: Method = ...,
    threads: int | None = ...,
) -> dict[str, float]: ...


@overload
def evaluate(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = ...,
    metrics: Collection[str] | None = ...,
    bootstrap: int,
    groups: ArrayLike | None = ...,
    seed: int = ...,
    level: float = ...,
    n_bins: int = ...,
    bins: Bins = ...,
    method: Method = ...,
    threads: int | None = ...,
) -> dict[str, Interval]: ...


def evaluate(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    metrics: Collection[str] | None = None,
    bootstrap: int = 0,
    groups: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
    n_bins: int = 15,
    bins: Bins = "width",
    method: Method = "auto",
    threads: int | None = None,
) -> dict[str, float] | dict[str, Interval]:
    """Every metric at once from one sort, or those asked for, with bootstrap intervals where asked for.

    What no metric asked for needs is left out: "ece", "brier" and "log_loss" need no sort. Time O(K log K) at most, and
    O(K) for each resample: where rows are drawn, without weights, a few nanoseconds a row on one thread for "ece" with
    bins of equal width, "signed_gap", "brier", "brier_skill" and "auroc", some thirty times that for all fifteen, and
    little for either if there are few distinct confidences. Memory: about 35 bytes a row for resampling.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    metrics : collection of str, optional
        Names of keys of the result, all by default. What is asked for beside it changes no metric and no interval.
    bootstrap : int, default=0
        Resamples to draw, up to 10,000,000; 0 for values alone.
    groups : array of shape (K,), integers or strings, optional
        The group (question) of each row: whole groups are drawn with replacement. Without it, rows are.
    seed : int, default=0
        From 0 to 2**64 - 1. Random numbers are SplitMix64 of (seed, resample, place): the same for any number of
        threads and any order of the rows. Rows are drawn just as often as by one draw after the other, but binomial
        numbers say first how many are of each 4096 neighbours in the order of confidence, or of each of a few distinct
        confidences.
    level : float, default=0.95
        Between 0 and 1.
    n_bins : int, default=15
        As for `ece`.
    bins : {"width", "mass", "distinct", "sweep"}, default="width"
        As for `ece`.
    method : {"auto", "percentile", "pivotal", "bca"}, default="auto"
        What is made of the resamples. "percentile" is the middle of them; "pivotal" (basic) that mirrored at the value;
        "bca" the percentiles moved for bias and skewness, with the latter from leaving out each of 200 random blocks of
        units. "auto" is "pivotal" for what resampling raises, see below, and "percentile" for all else.
    threads : int, optional

    Returns
    -------
    dict
        Keys "ece", "smooth_ece", "signed_gap", "brier", "brier_skill", "log_loss", "auroc", "auprc", "aurc", "e_aurc",
        "augrc", "prr" (of the verdicts, every answer rejectable), "ks_calibration_error", "kuiper_calibration_error"
        and "mmce", in this order: each what the function of that name returns by default, or with `bootstrap` a (value,
        low, high).

        Resampling adds noise, and noise raises calibration errors ("ece", "smooth_ece", "ks_calibration_error",
        "kuiper_calibration_error", "mmce"), so that these get the pivotal interval, cut to [0, 1]: with few rows it
        lies below the value, which is itself too high. Resamples in which a metric does not exist, for want of a class
        or because they hold only rows of weight 0, are left out.

    Warns
    -----
    UserWarning
        If more than 5 % of the resamples had to be left out for a metric.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense; with all known names for one of no metric.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 12 to 14. SplitMix64: Steele, Lea and Flood,
    OOPSLA 2014. Binomial numbers: algorithm BTRS of Hormann, The Generation of Binomial Random Variates, 1993. Status:
    that recalled, and tested against the distribution; that resampling raises an ECE, and the pivotal interval against
    it, verified in p-lambda/verified_calibration.

    Examples
    --------
    >>> evaluate([0.9, 0.8, 0.3], [True, True, False], n_bins=10)["auroc"]
    1.0
    >>> sorted(evaluate([0.9, 0.8, 0.3], [True, True, False], metrics=["brier", "ece"]))
    ['brier', 'ece']
    >>> evaluate([0.9, 0.8, 0.3], [True, True, False], bootstrap=100, groups=["a", "a", "a"])["auroc"]
    Interval(value=1.0, low=1.0, high=1.0)
    """
    bootstrap = arguments.count("bootstrap", bootstrap, 0, 10_000_000)
    estimates = _rust.evaluate(
        arguments.real("confidence", confidence),
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.bins(n_bins),
        arguments.choice("bins", bins, Bins),
        None if metrics is None else arguments.names("metrics", metrics),
        bootstrap,
        arguments.labels(groups),
        arguments.count("seed", seed, 0, 2**64 - 1),
        arguments.number("level", level),
        arguments.choice("method", method, Method),
        arguments.threads(threads),
    )
    if bootstrap == 0:
        return {name: value for name, value, *_ in estimates}
    _warn(estimates, bootstrap)
    return {name: Interval(value, low, high) for name, value, low, high, *_ in estimates}


def compare(
    confidence: ArrayLike,
    other: ArrayLike,
    correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    metrics: Collection[str] | None = None,
    bootstrap: int = 1000,
    groups: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
    n_bins: int = 15,
    bins: Bins = "width",
    method: Method = "percentile",
    threads: int | None = None,
) -> dict[str, Difference]:
    """How much every metric of one set of confidences is above another's for the same answers, with paired intervals.

    Both are resampled together, so what makes a resample easy for one makes it easy for the other, and intervals are
    narrower than of two separate ones.

    Parameters
    ----------
    confidence, other : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    weights : array of shape (K,), optional
    metrics : collection of str, optional
        As for `evaluate`: fewer are faster.
    bootstrap : int, default=1000
        Resamples to draw, from 1 to 10,000,000.
    groups : array of shape (K,), integers or strings, optional
        The group (question) of each row: whole groups are drawn with replacement. Without it, rows are.
    seed : int, default=0
        As for `evaluate`.
    level : float, default=0.95
        Between 0 and 1.
    n_bins : int, default=15
    bins : {"width", "mass", "distinct", "sweep"}, default="width"
    method : {"auto", "percentile", "pivotal", "bca"}, default="percentile"
        As for `evaluate`. The noise that resampling adds to both errors all but cancels.
    threads : int, optional

    Returns
    -------
    dict
        For each key of `evaluate` a (value, low, high, above_zero): the metric of `confidence` less that of `other`,
        and the share of resamples in which that is above 0, those at 0 counting one half.

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
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993. Status: secondary.

    Examples
    --------
    >>> correct = [True, True, False] * 20
    >>> difference = compare([0.9, 0.8, 0.2] * 20, [0.5] * 60, correct, bootstrap=100)["brier"]
    >>> round(difference.value, 2), difference.above_zero
    (-0.22, 0.0)
    """
    bootstrap = arguments.count("bootstrap", bootstrap, 1, 10_000_000)
    ours, theirs = arguments.real("confidence", confidence), arguments.real("other", other)
    if ours.dtype != theirs.dtype:
        ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    estimates = _rust.compare(
        ours,
        theirs,
        arguments.verdicts(correct),
        arguments.weights(weights),
        arguments.bins(n_bins),
        arguments.choice("bins", bins, Bins),
        None if metrics is None else arguments.names("metrics", metrics),
        bootstrap,
        arguments.labels(groups),
        arguments.count("seed", seed, 0, 2**64 - 1),
        arguments.number("level", level),
        arguments.choice("method", method, Method),
        arguments.threads(threads),
    )
    _warn(estimates, bootstrap)
    return {name: Difference(value, low, high, above) for name, value, low, high, _, above in estimates}


def _warn(estimates: Sequence[tuple[str, float, float, float, int, float]], bootstrap: int) -> None:
    for name, value, _, _, skipped, _ in estimates:
        if skipped > 0.05 * bootstrap and not math.isnan(value):
            warnings.warn(
                f"{name}: does not exist in {skipped} of {bootstrap} resamples, which its interval leaves out",
                stacklevel=3,
            )
