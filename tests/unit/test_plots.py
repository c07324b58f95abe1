"""What is drawn, read back from the axes."""

import sys
from collections.abc import Iterator
from typing import Any, get_args

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
from matplotlib import pyplot as plt

from uncal import curves, fast, plots
from uncal.errors import MissingExtraError

RNG = np.random.default_rng(0)
CONFIDENCE = RNG.beta(3, 2, 300)
CORRECT = RNG.random(300) < CONFIDENCE


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("bins", get_args(fast.Bins))
def test_a_reliability_diagram_has_a_dot_and_a_bar_for_each_bin_that_is_not_empty(bins: fast.Bins) -> None:
    ax = plots.reliability(CONFIDENCE, CORRECT, n_bins=10, bins=bins, smooth=False)
    wanted = fast.reliability(CONFIDENCE, CORRECT, n_bins=10, bins=bins)
    some = wanted.count > 0
    (dots,) = (
        drawn for drawn in ax.collections if len(drawn.get_offsets()) == some.sum() and len(drawn.get_sizes()) > 1
    )
    np.testing.assert_allclose(dots.get_offsets(), np.column_stack([wanted.mean_confidence, wanted.accuracy])[some])
    np.testing.assert_allclose(dots.get_sizes(), plots.LARGEST * wanted.count[some] / wanted.count.max())
    (bars,) = (drawn for drawn in ax.collections if drawn is not dots)
    for segment, x, low, high in zip(
        bars.get_segments(), wanted.mean_confidence[some], wanted.low[some], wanted.high[some], strict=True
    ):
        np.testing.assert_allclose(segment, [[x, low], [x, high]])
    (diagonal,) = ax.lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]


def test_the_diagonal_is_drawn_once_and_each_method_has_a_colour_of_its_own() -> None:
    ax = plots.reliability(CONFIDENCE, CORRECT, smooth=False, label="one")
    assert plots.reliability(CONFIDENCE**2, CORRECT, smooth=False, label="two", ax=ax) is ax
    assert len(ax.lines) == 1
    first, second = (text.get_text() for text in ax.get_legend().get_texts())
    assert (first, second) == ("one", "two")
    colours = {tuple(drawn.get_facecolor()[0]) for drawn in ax.collections if len(drawn.get_facecolor())}
    assert len(colours) == 2


def test_the_smooth_curve_is_drawn() -> None:
    ax = plots.reliability(CONFIDENCE, CORRECT)
    curve = fast.smooth_reliability(CONFIDENCE, CORRECT)
    np.testing.assert_array_equal(ax.lines[-1].get_xydata(), np.column_stack([curve.confidence, curve.accuracy]))


def test_a_risk_coverage_curve_holds_the_numbers_of_the_report() -> None:
    ax = plots.risk_coverage(CONFIDENCE.tolist(), CORRECT.astype(int).tolist(), label="x")
    wanted = curves.risk_coverage(CONFIDENCE, CORRECT)
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_xydata(), np.column_stack([wanted["coverage"], wanted["risk"]]))
    assert ax.get_ylim()[0] == 0
    assert line.get_label() == "x"


def test_a_comparison_gives_each_method_one_colour_in_both_figures() -> None:
    left, right = plots.comparison({"a": CONFIDENCE, "b": CONFIDENCE**2}, CORRECT)
    dots = [drawn for drawn in left.collections if len(drawn.get_facecolor()) and len(drawn.get_offsets()) > 1]
    for drawn, line in zip(dots, right.lines, strict=True):
        assert mpl.colors.same_color(drawn.get_facecolor()[0], line.get_color())
    brier = fast.brier(CONFIDENCE, CORRECT)
    assert right.get_legend().get_texts()[0].get_text().startswith(f"a: Brier {brier:.2f}, AUROC ")
    figure, axes = plt.subplots(2, 1)
    assert list(plots.comparison({"a": CONFIDENCE}, CORRECT, axes=axes)) == list(axes)
    assert plt.get_fignums() == [left.figure.number, figure.number]


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: plots.reliability([1.5], [True]), "confidence: "),
        (lambda: plots.risk_coverage([0.5, np.nan], [True, False]), "confidence: "),
        (lambda: plots.risk_coverage([0.5], [True, False]), "correct: "),
        (lambda: plots.comparison({}, CORRECT), "methods: is empty"),
        (lambda: plots.comparison({"bad": CONFIDENCE + 1}, CORRECT), "methods: 'bad': confidence: "),
        (lambda: plots.comparison({"a": CONFIDENCE}, CORRECT, axes=np.array([None])), "axes: has 1, must be 2"),
    ],
)
def test_wrong_input_is_an_error_before_anything_is_drawn(draw: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("[", r"\[")):
        draw()


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot")
    with pytest.raises(MissingExtraError, match=r"pip install 'uncal\[plots\]'"):
        plots.reliability(CONFIDENCE, CORRECT)
