"""Calibration errors of probabilities over several classes, such as the options of a question."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uncal.fast import _arguments as arguments
from uncal.fast._calibration import Bins, _Edges, _Norm, ece


def classwise_ece(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    threshold: float = 0.0,
    n_bins: int = 15,
    bins: Bins = "width",
    edges: _Edges | None = None,
    norm: _Norm = "l1",
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Calibration error of each class's probability against whether it is the label, on average over the classes.

    Parameters
    ----------
    probabilities : array of shape (K, C), in [0, 1]
        Of each class; rows need not sum to 1.
    labels : array of shape (K,), integers from 0 to C - 1
    threshold : float, default=0.0
        In [0, 1]. For each class only rows count whose probability of it is at least this, and a class without any is
        left out of the mean: 1 / C keeps the many small probabilities, which are right without effort, from hiding
        the rest.
    n_bins, bins, edges, norm
        As for `ece`.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1]; NaN where no class is left.

    Raises
    ------
    ValueError
        If a probability leaves [0, 1], a label is no class, or other input makes no sense.

    References
    ----------
    Kull et al., Beyond Temperature Scaling, NeurIPS 2019; the threshold Nixon et al., Measuring Calibration in Deep
    Learning, 2019. Status: secondary; the mean over the classes that are left is a proposal.

    Examples
    --------
    >>> round(classwise_ece([[0.9, 0.1], [0.8, 0.2]], [0, 1], n_bins=2), 6)
    0.35
    """
    told, label = _read(probabilities, labels)
    least = arguments.number("threshold", threshold)
    if not 0 <= least <= 1:
        raise ValueError(f"threshold: is {least}, must be a number in [0, 1]")
    count = arguments.repetitions(weights, len(label), "labels")
    errors = []
    for k in range(told.shape[1]):
        kept = (told[:, k] >= least) & (count > 0)
        if not kept.any():
            continue
        rows = slice(None) if kept.all() else kept
        own = None if weights is None else count[rows]
        error = ece(
            told[rows, k],
            label[rows] == k,
            n_bins=n_bins,
            bins=bins,
            edges=edges,
            norm=norm,
            weights=own,
            threads=threads,
        )
        errors.append(error)
    return float(np.mean(errors)) if errors else float("nan")


def top_label_ece(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    n_bins: int = 15,
    bins: Bins = "width",
    edges: _Edges | None = None,
    norm: _Norm = "l1",
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> float:
    """Calibration error of the largest probability of each row against whether its class is the label.

    Parameters
    ----------
    probabilities : array of shape (K, C), in [0, 1]
        Of each class; of equal ones the first is the largest.
    labels : array of shape (K,), integers from 0 to C - 1
    n_bins, bins, edges, norm
        As for `ece`.
    weights : array of shape (K,), optional
    threads : int, optional

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If a probability leaves [0, 1], a label is no class, or other input makes no sense.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017. Status: verified by definition.

    Examples
    --------
    >>> round(top_label_ece([[0.9, 0.1], [0.8, 0.2]], [0, 1], n_bins=2), 6)
    0.35
    """
    told, label = _read(probabilities, labels)
    return ece(
        told.max(1),
        told.argmax(1) == label,
        n_bins=n_bins,
        bins=bins,
        edges=edges,
        norm=norm,
        weights=weights,
        threads=threads,
    )


def _read(probabilities: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[np.int64]]:
    told = arguments.read("probabilities", probabilities)
    if told.ndim != 2 or told.shape[1] == 0:
        raise ValueError(f"probabilities: has shape {told.shape}, must be (K, C)")
    if told.dtype.kind not in "fiub":
        raise ValueError(f"probabilities: dtype is {told.dtype}, must be numbers")
    label = arguments.integers("labels", labels)
    if len(label) != len(told):
        raise ValueError(f"labels: has {len(label)} rows, {len(told)} expected")
    if len(label) == 0:
        raise ValueError("probabilities: empty, needs at least one row")
    bad = ~((told >= 0) & (told <= 1))
    if bad.any():
        row, k = np.argwhere(bad)[0]
        raise ValueError(f"probabilities: row {row} has {told[row, k]!s} for class {k}, must be numbers in [0, 1]")
    wrong = (label < 0) | (label >= told.shape[1])
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"labels: row {row} is {label[row]}, must be a class from 0 to {told.shape[1] - 1}")
    return told, label
