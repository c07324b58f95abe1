"""Confidences and verdicts -> the few numbers that a figure draws, whatever the number of rows."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from uncal.types import BoolArray, FloatArray

PART = 1 << 20
"""Rows that are worked on at a time, so that a hundred million need no more memory than these."""


def risk_coverage(
    confidence: NDArray[Any], correct: BoolArray, points: int = 200, *, weights: FloatArray | None = None
) -> dict[str, list[float]]:
    """Share of wrong answers among the surest ones, as more and more are kept.

    Answers of equal confidence are kept or left together, so the curve does not depend on the order of the rows.

    Parameters
    ----------
    confidence : ndarray of shape (n,)
    correct : ndarray of shape (n,), bool
    points : int, default=200
        At most so many points; each is on the curve, and the last one, with all answers, among them. They are spread
        evenly over the distinct confidences, of an even sample of rows where there are more than about a million.
    weights : ndarray of shape (n,), optional

    Returns
    -------
    dict
        `coverage` and `risk`, lists of equal length, in [0, 1].

    Examples
    --------
    >>> risk_coverage(np.array([0.9, 0.5, 0.5]), np.array([True, False, True]))
    {'coverage': [0.3333333333333333, 1.0], 'risk': [0.0, 0.3333333333333333]}
    """
    known = np.unique(confidence[:: max(1, len(confidence) // PART)])
    chosen = np.linspace(0, len(known) - 1, min(points, len(known))).round().astype(int)
    least = known[np.unique(chosen)]
    least[0] = confidence.min()  # of all rows, also where a sample has missed it
    right, wrong = (total[::-1].cumsum() for total in _totals(confidence, correct, least, "right", weights)[:, 1:])
    kept = right + wrong
    some = kept > 0  # rows of weight 0 are not there
    kept, wrong = kept[some], wrong[some]
    return {"coverage": (kept / kept[-1]).tolist(), "risk": (wrong / kept).tolist()}


def histogram(
    confidence: NDArray[Any], correct: BoolArray, n_bins: int = 50, *, weights: FloatArray | None = None
) -> dict[str, list[float]]:
    """Count right and wrong answers in bins of confidence of equal width, closed on the right.

    Parameters
    ----------
    confidence : ndarray of shape (n,), in [0, 1]
    correct : ndarray of shape (n,), bool
    n_bins : int, default=50
    weights : ndarray of shape (n,), optional

    Returns
    -------
    dict
        `edges` (n_bins + 1), `right` and `wrong` (n_bins).

    Examples
    --------
    >>> histogram(np.array([0.2, 0.5, 0.9]), np.array([True, False, True]), 2)
    {'edges': [0.0, 0.5, 1.0], 'right': [1.0, 1.0], 'wrong': [1.0, 0.0]}
    """
    edges = np.linspace(0, 1, n_bins + 1)
    right, wrong = _totals(confidence, correct, edges[1:-1], "left", weights)
    return {"edges": edges.tolist(), "right": right.tolist(), "wrong": wrong.tolist()}


def mean(values: NDArray[Any], weights: FloatArray | None = None) -> float:
    """Weighted mean, added up in float64, part by part.

    Examples
    --------
    >>> mean(np.array([0.0, 1.0]), np.array([1.0, 3.0]))
    0.75
    """
    total = norm = 0.0
    for part in _parts(len(values)):
        if weights is None:
            total += float(values[part].sum(dtype=np.float64))
            norm += len(values[part])
        else:
            total += float(weights[part] @ values[part])
            norm += float(weights[part].sum())
    return total / norm


def _totals(
    confidence: NDArray[Any],
    correct: BoolArray,
    limits: NDArray[Any],
    side: Literal["left", "right"],
    weights: FloatArray | None,
) -> NDArray[np.float64]:
    """Count right and wrong answers, (2, limits + 1), below, between and above rising limits.

    A confidence that is a limit counts above it on the side "right", below it on the side "left".
    """
    totals = np.zeros((2, len(limits) + 1))
    for part in _parts(len(confidence)):
        stated, is_right = confidence[part], correct[part]
        if weights is None:  # to sort a part and look up the limits in it takes half the time
            other: Literal["left", "right"] = "left" if side == "right" else "right"
            for total, some in zip(totals, (np.sort(stated[is_right]), np.sort(stated[~is_right])), strict=True):
                total += np.diff(np.searchsorted(some, limits, side=other), prepend=0, append=len(some))
        else:
            cells = np.searchsorted(limits, stated, side=side) + (len(limits) + 1) * ~is_right
            totals += np.bincount(cells, weights=weights[part], minlength=totals.size).reshape(totals.shape)
    return totals


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + PART) for start in range(0, n, PART))
