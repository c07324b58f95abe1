"""Figures of confidences on matplotlib's axes, to put into a paper or a notebook: ``pip install 'uncal[plots]'``.

Every function draws on the axes that it is given, or on new ones, and returns them; titles, limits and files are the
caller's.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uncal import curves, fast
from uncal.errors import MissingExtraError
from uncal.fast import Bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 120.0
"""Area of the largest dot, in square points."""


def reliability(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    ax: "Axes | None" = None,
    n_bins: int = 15,
    bins: Bins = "width",
    weights: ArrayLike | None = None,
    smooth: bool = True,
    label: str | None = None,
    color: Any = None,
) -> "Axes":
    """Draw a reliability diagram: of the answers that say so much, the share that is right.

    Parameters
    ----------
    confidence : array of shape (K,), in [0, 1]
    correct : array of shape (K,), bool (or all 0 and 1)
    ax : matplotlib.axes.Axes, optional
    n_bins : int, default=15
    bins : {"width", "mass", "distinct", "sweep"}, default="width"
        As for `uncal.fast.ece`.
    weights : array of shape (K,), optional
    smooth : bool, default=True
        Draw the smooth curve besides, where `uncal.fast` has one.
    label : str, optional
        For the legend.
    color : optional
        Any of matplotlib's; the next one of the axes unless set.

    Returns
    -------
    matplotlib.axes.Axes
        A dot for each bin that is not empty, at its mean confidence; its area is the bin's share of the largest one's,
        and its bar Wilson's 95 % interval. The dashed diagonal, drawn once, is where confidences are calibrated.

    Raises
    ------
    ValueError
        If a confidence leaves [0, 1], or other input makes no sense.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> ax = reliability([0.9, 0.8, 0.3, 0.2], [True, True, False, True], n_bins=2, smooth=False)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('stated confidence', 'share that is right')
    """
    diagram = fast.reliability(confidence, correct, n_bins=n_bins, bins=bins, weights=weights)
    ax = _axes(ax)
    if not any(line.get_gid() == "calibrated" for line in ax.lines):
        ax.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, gid="calibrated", zorder=1)
    some = diagram.count > 0
    x, y = diagram.mean_confidence[some], diagram.accuracy[some]
    # Wilson's interval may miss a share of exactly 0 or 1 by a rounding error.
    reach = np.maximum(0, [y - diagram.low[some], diagram.high[some] - y])
    dots = ax.scatter(x, y, LARGEST * diagram.count[some] / diagram.count.max(), color=color, zorder=3, label=label)
    color = dots.get_facecolor()[0]
    ax.errorbar(x, y, yerr=reach, fmt="none", ecolor=color, elinewidth=1, alpha=0.6, zorder=2)
    if smooth:
        curve = fast.smooth_reliability(confidence, correct, weights=weights)
        ax.plot(curve.confidence, curve.accuracy, color=color, linewidth=1.5, zorder=2)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="stated confidence", ylabel="share that is right")
    ax.set_aspect("equal")
    if label is not None:
        ax.legend(loc="upper left", frameon=False)
    return ax


def risk_coverage(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    ax: "Axes | None" = None,
    weights: ArrayLike | None = None,
    label: str | None = None,
    color: Any = None,
) -> "Axes":
    """Draw a risk-coverage curve: the share of wrong answers among the surest ones, as more and more are kept.

    Parameters
    ----------
    confidence : array of shape (K,)
        Any finite score, higher is surer; negate an uncertainty.
    correct : array of shape (K,), bool (or all 0 and 1)
    ax : matplotlib.axes.Axes, optional
    weights : array of shape (K,), optional
    label : str, optional
        For the legend.
    color : optional
        Any of matplotlib's; the next one of the axes unless set.

    Returns
    -------
    matplotlib.axes.Axes
        A line of 200 points at most; answers of equal confidence are kept or left together.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, or there is none.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> ax = risk_coverage([0.9, 0.5, 0.4], [True, True, False])
    >>> ax.lines[0].get_ydata().round(2).tolist()
    [0.0, 0.0, 0.33]
    """
    fast.auroc(confidence, correct, weights=weights)  # says what is wrong with them, if anything is
    drawn = curves.risk_coverage(
        np.asarray(confidence),
        np.asarray(correct).astype(bool),
        weights=None if weights is None else np.asarray(weights, np.float64),
    )
    ax = _axes(ax)
    ax.plot(drawn["coverage"], drawn["risk"], label=label, color=color)
    ax.set(xlim=(0, 1), xlabel="coverage", ylabel="share that is wrong")
    ax.set_ylim(bottom=0)
    if label is not None:
        ax.legend(loc="best", frameon=False)
    return ax


def comparison(
    methods: Mapping[str, ArrayLike],
    correct: ArrayLike,
    *,
    axes: "NDArray[Any] | None" = None,
    n_bins: int = 15,
    bins: Bins = "width",
    weights: ArrayLike | None = None,
) -> "NDArray[Any]":
    """Draw several confidences for the same answers in one figure: reliability to the left, risk-coverage to the right.

    Parameters
    ----------
    methods : mapping of str to array of shape (K,), in [0, 1]
        Name -> confidences. The legend gives each one's Brier score and AUROC.
    correct : array of shape (K,), bool (or all 0 and 1)
    axes : array of two matplotlib.axes.Axes, optional
    n_bins, bins, weights
        As for `reliability`.

    Returns
    -------
    ndarray of shape (2,)
        The axes.

    Raises
    ------
    ValueError
        If there is no method, `axes` are not two, or confidences make no sense; the message names the method.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> correct = [True, True, False, False]
    >>> left, right = comparison({"entropy": [0.9, 0.7, 0.6, 0.2], "stated": [0.9, 0.9, 0.9, 0.8]}, correct)
    >>> [text.get_text() for text in right.get_legend().get_texts()]
    ['entropy: Brier 0.12, AUROC 1.00', 'stated: Brier 0.37, AUROC 0.75']
    """
    if not methods:
        raise ValueError("methods: is empty, must name at least one")
    if axes is None:
        axes = _pyplot().subplots(1, 2, figsize=(9.6, 4.4), layout="constrained")[1]
    axes = np.asarray(axes).reshape(-1)
    if len(axes) != 2:
        raise ValueError(f"axes: has {len(axes)}, must be 2")
    for i, (name, confidence) in enumerate(methods.items()):
        try:
            measured = fast.evaluate(confidence, correct, weights=weights)
        except ValueError as error:
            raise ValueError(f"methods: {name!r}: {error}") from error
        told = f"{name}: Brier {measured['brier']:.2f}, AUROC {measured['auroc']:.2f}"
        reliability(confidence, correct, ax=axes[0], n_bins=n_bins, bins=bins, weights=weights, color=f"C{i}")
        risk_coverage(confidence, correct, ax=axes[1], weights=weights, label=told, color=f"C{i}")
    return axes


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise MissingExtraError("uncal.plots needs matplotlib; pip install 'uncal[plots]'") from error
    return pyplot


def _axes(ax: "Axes | None") -> Any:
    return _pyplot().subplots(layout="constrained")[1] if ax is None else ax
