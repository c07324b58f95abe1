import re
from xml.etree import ElementTree

import pytest

from uncal import figures


def elements(svg: str, tag: str, kind: str) -> list[ElementTree.Element]:
    return [found for found in ElementTree.fromstring(svg).iter(tag) if found.get("class") == kind]


def numbers(element: ElementTree.Element, *names: str) -> list[float]:
    return [float(element.attrib[name]) for name in names]


def bins(*rows: tuple[float, float | None, float | None, float | None, float | None]) -> dict[str, list[float | None]]:
    """Bins of equal width from (count, mean_confidence, accuracy, low, high)."""
    columns = zip(*rows, strict=True)
    named = dict(zip(("count", "mean_confidence", "accuracy", "low", "high"), map(list, columns), strict=True))
    return {"edges": [i / len(rows) for i in range(len(rows) + 1)], **named}


def test_a_calibrated_bin_lies_on_the_diagonal() -> None:
    svg = figures.reliability(bins((8, 0.5, 0.5, 0.3, 0.7)), "one bin")
    (diagonal,) = elements(svg, "line", "diagonal")
    (dot,) = elements(svg, "circle", "dot")
    x1, y1, x2, y2 = numbers(diagonal, "x1", "y1", "x2", "y2")
    assert numbers(dot, "cx", "cy") == [(x1 + x2) / 2, (y1 + y2) / 2]
    assert (x2 - x1, y1 - y2) == (figures.SIDE, figures.SIDE)


def test_right_means_sure_and_up_means_right_and_the_bar_spans_the_interval() -> None:
    svg = figures.reliability(bins((2, 0.25, 0.75, 0.5, 1.0)), "one bin")
    (diagonal,) = elements(svg, "line", "diagonal")
    x1, y1 = numbers(diagonal, "x1", "y1")
    (dot,), (whisker,) = elements(svg, "circle", "dot"), elements(svg, "line", "whisker")
    assert numbers(dot, "cx", "cy") == [x1 + 0.25 * figures.SIDE, y1 - 0.75 * figures.SIDE]
    assert numbers(whisker, "y1", "y2") == [y1 - 0.5 * figures.SIDE, y1 - figures.SIDE]


def test_the_area_of_a_dot_and_the_height_of_a_bar_follow_the_count() -> None:
    svg = figures.reliability(bins((5, 0.2, 0.2, 0.1, 0.3), (20, 0.8, 0.8, 0.7, 0.9)), "two bins")
    small, large = (numbers(dot, "r")[0] for dot in elements(svg, "circle", "dot"))
    low, high = (numbers(bar, "height")[0] for bar in elements(svg, "rect", "bar"))
    assert (small, large) == (figures.LARGEST_DOT / 2, figures.LARGEST_DOT)
    assert (low, high) == (figures.BARS / 4, figures.BARS)


def test_empty_bins_are_not_drawn() -> None:
    svg = figures.reliability(bins((0, None, None, None, None), (3, 0.9, 1.0, 0.4, 1.0)), "two bins")
    assert len(elements(svg, "circle", "dot")) == len(elements(svg, "rect", "bar")) == 1
    nothing = figures.reliability(bins((0, None, None, None, None)), "nothing")
    assert "circle" not in nothing


def test_a_curve_keeps_its_values() -> None:
    points = [(1, 2.0), (2, 0.0), (5, 1.0)]
    (line,) = elements(figures.curve(points, "step", "loss"), "polyline", "trend")
    drawn = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
    left, top, wide, high = figures.LEFT, figures.TOP, figures.WIDE, figures.HIGH
    assert drawn == [(left, top), (left + wide / 4, top + high), (left + wide, top + high / 2)]


@pytest.mark.parametrize("points", [[(3, 0.5)], [(1, 0.5), (2, 0.5)], [(1, 0.0)], [(1, 1e-14), (2, 3e-14)]])
def test_a_single_point_and_a_flat_line_are_drawn(points: list[tuple[float, float]]) -> None:
    svg = figures.curve(points, "step", "reward")
    assert "nan" not in svg
    assert elements(svg, "circle", "dot") or elements(svg, "polyline", "trend")


def test_a_window_draws_the_points_and_their_running_mean() -> None:
    svg = figures.curve([(i, float(i % 2)) for i in range(10)], "step", "reward", window=3)
    assert len(elements(svg, "polyline", "raw")) == len(elements(svg, "polyline", "trend")) == 1


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.37, 0.12), (1234.0, 5678.0), (3e-9, 4e-9), (2.0, 2.0)])
def test_ticks_are_few_and_hold_the_range(low: float, high: float) -> None:
    ticks = figures.nice_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 7


def test_a_meter_is_as_wide_as_its_share_and_stays_inside() -> None:
    assert [re.findall(r'value" width="([^"]*)"', figures.meter(share)) for share in (0.37, -1.0, 2.0)] == [
        ["37"],
        ["0"],
        ["100"],
    ]


def test_labels_are_escaped_and_read_out() -> None:
    label = '"><script>alert(1)</script>'
    for svg in (
        figures.reliability(bins((1, 0.5, 0.5, 0.1, 0.9)), label),
        figures.curve([(1, 2.0), (2, 3.0)], label, label),
    ):
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img"
        assert label in (root.get("aria-label") or "")
        assert label in (root.findtext("title") or "")
        assert "<script" not in svg


def test_a_smooth_curve_has_gaps_where_there_is_no_accuracy() -> None:
    points = [(0.0, None), (0.25, 0.5), (0.5, 1.0), (0.75, None), (1.0, 0.0)]
    svg = figures.reliability(bins((2, 0.25, 0.75, 0.5, 1.0)), "one bin", smooth=points)
    drawn = sorted(line.attrib["points"].count(",") for line in elements(svg, "polyline", "trend"))
    assert drawn == [1, 2]


def test_a_histogram_stacks_wrong_answers_on_right_ones() -> None:
    svg = figures.histogram({"edges": [0.0, 0.5, 1.0], "right": [1.0, 3.0], "wrong": [1.0, 0.0]})
    low, high = elements(svg, "rect", "right")
    (wrong,) = elements(svg, "rect", "wrong")
    assert numbers(high, "height") == [figures.SIDE]
    assert numbers(low, "height") == numbers(wrong, "height") == [pytest.approx(figures.SIDE / 3, abs=0.01)]
    assert numbers(wrong, "y")[0] == pytest.approx(numbers(low, "y")[0] - figures.SIDE / 3, abs=0.02)
    nothing = figures.histogram({"edges": [0.0, 1.0], "right": [0.0], "wrong": [0.0]})
    assert elements(nothing, "rect", "right") == []
