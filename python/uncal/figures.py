"""Numbers -> SVG text to put into a page: no script, no dependency, colours from the page by `STYLE`."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

STYLE = """
svg.figure { display: block; width: 100%; height: auto; overflow: visible; }
svg.figure text { font: 11px system-ui, sans-serif; font-variant-numeric: tabular-nums; fill: var(--soft); }
svg.figure .frame { fill: none; stroke: var(--line); }
svg.figure .grid { stroke: var(--line); stroke-width: .5; }
svg.figure .diagonal { stroke: var(--soft); stroke-dasharray: 3 3; }
svg.figure .whisker { stroke: var(--data); stroke-width: 1.5; opacity: .55; }
svg.figure .dot { fill: var(--data); stroke: var(--paper); }
svg.figure .bar { fill: var(--data); opacity: .55; }
svg.figure .raw, svg.figure .trend { fill: none; stroke: var(--data); stroke-linejoin: round; }
svg.figure .raw { opacity: .35; }
svg.figure .trend { stroke-width: 2; }
svg.figure .right { fill: var(--good); opacity: .7; }
svg.figure .wrong { fill: var(--bad); opacity: .7; }
svg.meter { width: 4.5rem; height: .5rem; }
svg.meter rect { fill: var(--line); }
svg.meter .value { fill: var(--data); }
"""
"""Style sheet of the figures. The page defines the colours --bad, --data, --good, --line, --paper, --soft."""

SIDE, LEFT, TOP = 200, 46, 8
GAP, BARS, UNDER = 8, 40, 34
"""Pixels of the reliability diagram: its square, the histogram under it, and the room for ticks around them."""
FOOT = TOP + SIDE + GAP + BARS
LARGEST_DOT = 7.0
WIDE, HIGH = 320, 140
"""Pixels of a line chart's frame."""

Numbers = Sequence[float | None]


def reliability(
    bins: Mapping[str, Numbers], label: str, *, smooth: Sequence[tuple[float, float | None]] | None = None
) -> str:
    """Draw a reliability diagram over a histogram of the confidences.

    Parameters
    ----------
    bins : mapping
        `edges` (B + 1), and `count`, `mean_confidence`, `accuracy`, `low`, `high` (B), None in empty bins.
    label : str
        What is drawn, for those who cannot see it; escaped here.
    smooth : sequence of (confidence, accuracy), optional
        A curve to draw besides, with gaps where there is no accuracy.

    Returns
    -------
    str
        An <svg>. A dot's area is its bin's share of the largest bin; error bars go from `low` to `high`.
    """
    columns = (bins[name] for name in ("count", "mean_confidence", "accuracy", "low", "high"))
    most = max((count or 0 for count in bins["count"]), default=0)
    marks, bars = [], []
    edges = [edge or 0.0 for edge in bins["edges"]]
    for left, right, count, confidence, accuracy, low, high in zip(edges[:-1], edges[1:], *columns, strict=True):
        if not count or confidence is None or accuracy is None:
            continue
        whole, x, y = _text(count), _text(_across(confidence)), _text(_up(accuracy))
        told = f"<title>stated {confidence:.2f}, right {accuracy:.2f}, n {whole}</title>"
        if low is not None and high is not None:
            marks.append(f'<line class="whisker" x1="{x}" x2="{x}" y1="{_text(_up(low))}" y2="{_text(_up(high))}"/>')
        radius = _text(max(1.5, LARGEST_DOT * math.sqrt(count / most)))
        marks.append(f'<circle class="dot" cx="{x}" cy="{y}" r="{radius}">{told}</circle>')
        height, width = BARS * count / most, SIDE * (right - left)
        bars.append(
            f'<rect class="bar" x="{_text(_across(left) + 0.5)}" y="{_text(FOOT - height)}" '
            f'width="{_text(max(0.5, width - 1))}" height="{_text(height)}">{told}</rect>'
        )
    for there, run in groupby(smooth or (), lambda point: point[1] is not None):
        if there:
            where = " ".join(f"{_text(_across(x))},{_text(_up(y or 0.0))}" for x, y in run)
            marks.insert(0, f'<polyline class="trend" points="{where}"/>')
    return _svg(LEFT + SIDE + 12, FOOT + UNDER, label, _square(most) + "".join(bars + marks))


def _square(most: float) -> str:
    """Frames, grid, diagonal and ticks of a reliability diagram; `most` is the count of the largest bin."""
    parts = []
    for share in (0.25, 0.5, 0.75):
        x, y = _text(_across(share)), _text(_up(share))
        parts += [_line("grid", x, TOP, x, TOP + SIDE), _line("grid", LEFT, y, LEFT + SIDE, y)]
    parts += [
        f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/>',
        _line("frame", LEFT, FOOT, LEFT + SIDE, FOOT),
        _line("diagonal", _text(_across(0)), _text(_up(0)), _text(_across(1)), _text(_up(1))),
    ]
    for share in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{LEFT - 5}" y="{_text(_up(share) + 4)}" text-anchor="end">{share:g}</text>')
        parts.append(f'<text x="{_text(_across(share))}" y="{FOOT + 14}" text-anchor="middle">{share:g}</text>')
    if most:
        parts.append(f'<text x="{LEFT - 5}" y="{TOP + SIDE + GAP + 9}" text-anchor="end">{_text(most)}</text>')
    parts.append(f'<text x="{LEFT + SIDE / 2:g}" y="{FOOT + 30}" text-anchor="middle">stated confidence</text>')
    return "".join(parts) + _sideways("share that is right", TOP + SIDE / 2)


def _across(share: float) -> float:
    return LEFT + SIDE * share


def _up(share: float) -> float:
    return TOP + SIDE * (1 - share)


def curve(points: Sequence[tuple[float, float]], x_label: str, y_label: str, *, window: int = 1) -> str:
    """Draw a line chart; with a `window` above 1 the points are pale under their running mean.

    Parameters
    ----------
    points : sequence of (x, y)
        At least one, finite, x rising.
    x_label, y_label : str
        Escaped here.
    window : int, default=1
        Points in a running mean, centred; fewer at the ends.

    Returns
    -------
    str
        An <svg>.
    """
    xs, ys = [x for x, _ in points], [y for _, y in points]
    ticks = nice_ticks(min(ys), max(ys))
    low, high = min(ticks[0], *ys), max(ticks[-1], *ys)

    def across(x: float) -> float:
        return LEFT + WIDE * ((x - xs[0]) / (xs[-1] - xs[0]) if xs[-1] > xs[0] else 0.5)

    def up(y: float) -> float:
        return TOP + HIGH * (1 - (y - low) / (high - low))

    def path(kind: str, values: Sequence[float]) -> str:
        where = " ".join(f"{_text(across(x))},{_text(up(y))}" for x, y in zip(xs, values, strict=True))
        return f'<polyline class="{kind}" points="{where}"/>'

    foot = TOP + HIGH
    parts = [f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{WIDE}" height="{HIGH}"/>']
    for tick in ticks:
        y, told = _text(up(tick)), f"{tick:g}".replace("-", "\N{MINUS SIGN}")
        parts.append(_line("grid", LEFT, y, LEFT + WIDE, y))
        parts.append(f'<text x="{LEFT - 5}" y="{_text(up(tick) + 4)}" text-anchor="end">{told}</text>')
    parts += [
        f'<text x="{_text(across(x))}" y="{foot + 14}" text-anchor="middle">{_text(x)}</text>'
        for x in dict.fromkeys((xs[0], xs[-1]))
    ]
    parts.append(f'<text x="{LEFT + WIDE / 2:g}" y="{foot + 28}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(_sideways(y_label, TOP + HIGH / 2))
    if len(points) == 1:
        parts.append(f'<circle class="dot" cx="{_text(across(xs[0]))}" cy="{_text(up(ys[0]))}" r="4"/>')
    elif window > 1:
        parts += [path("raw", ys), path("trend", running_mean(ys, window))]
    else:
        parts.append(path("trend", ys))
    said = f"{y_label} by {x_label}: {ys[0]:.3g} at {_text(xs[0])}, {ys[-1]:.3g} at {_text(xs[-1])}"
    return _svg(LEFT + WIDE + 14, foot + 32, said, "".join(parts))


def histogram(bins: Mapping[str, Sequence[float]]) -> str:
    """Draw how often each confidence was stated, wrong answers on top of right ones.

    Parameters
    ----------
    bins : mapping
        `edges` (B + 1), in [0, 1], and `right` and `wrong` (B), as `uncal.curves.histogram` gives them.

    Returns
    -------
    str
        An <svg>.
    """
    edges, right, wrong = bins["edges"], bins["right"], bins["wrong"]
    most = max(map(sum, zip(right, wrong, strict=True)), default=0.0)
    foot = TOP + SIDE
    parts = [f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{WIDE}" height="{SIDE}"/>']
    for tick in nice_ticks(0, most or 1):
        if tick <= (most or 1):
            y = foot - SIDE * tick / (most or 1)
            parts.append(_line("grid", LEFT, _text(y), LEFT + WIDE, _text(y)))
            parts.append(f'<text x="{LEFT - 5}" y="{_text(y + 4)}" text-anchor="end">{_short(tick)}</text>')
    parts += [
        f'<text x="{_text(LEFT + WIDE * x)}" y="{foot + 14}" text-anchor="middle">{x:g}</text>' for x in (0.0, 0.5, 1.0)
    ]
    for left, end, r, w in zip(edges[:-1], edges[1:], right, wrong, strict=True):
        told = f"<title>{left:.2f} to {end:.2f}: {_text(r)} right, {_text(w)} wrong</title>"
        bottom = float(foot)
        for kind, count in (("right", r), ("wrong", w)):
            height = SIDE * count / (most or 1)
            if height > 0:
                bottom -= height
                parts.append(
                    f'<rect class="{kind}" x="{_text(LEFT + WIDE * left + 0.5)}" y="{_text(bottom)}" '
                    f'width="{_text(max(0.5, WIDE * (end - left) - 1))}" height="{_text(height)}">{told}</rect>'
                )
    parts.append(f'<text x="{LEFT + WIDE / 2:g}" y="{foot + 28}" text-anchor="middle">stated confidence</text>')
    said = f"Histogram of confidences: {_text(sum(right))} of right answers, {_text(sum(wrong))} of wrong ones"
    return _svg(LEFT + WIDE + 14, foot + 32, said, "".join(parts))


def _short(count: float) -> str:
    """Write a count in few characters: 20k, 3M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 10 * size or (count >= size and count % size == 0):
            return f"{count / size:g}{letter}"
    return f"{count:g}"


def nice_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers that reach from `low` or below it to `high` or above it, about so many.

    Examples
    --------
    >>> nice_ticks(0.13, 0.87)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if high <= low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    size = 10 ** math.floor(math.log10((high - low) / about))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor * about >= high - low)
    return [float(f"{step * i:.12g}") for i in range(math.floor(low / step), math.ceil(high / step) + 1)]


def running_mean(values: Sequence[float], window: int) -> list[float]:
    """Mean of the `window` values around each one, of fewer at the ends.

    Examples
    --------
    >>> running_mean([0.0, 3.0, 6.0], 3)
    [1.5, 3.0, 4.5]
    """
    half = window // 2
    around = (values[max(0, i - half) : i + half + 1] for i in range(len(values)))
    return [math.fsum(part) / len(part) for part in around]


def meter(share: float) -> str:
    """Draw a share as a small bar, to stand beside its number."""
    width = _text(100 * min(1.0, max(0.0, share)))
    return (
        '<svg class="meter" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="100" height="10"/><rect class="value" width="{width}" height="10"/></svg>'
    )


def _svg(width: float, height: float, label: str, inside: str) -> str:
    said = escape(label)
    return (
        f'<svg class="figure" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{said}">'
        f"<title>{said}</title>{inside}</svg>"
    )


def _line(kind: str, x1: float | str, y1: float | str, x2: float | str, y2: float | str) -> str:
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _sideways(label: str, y: float) -> str:
    return f'<text transform="translate(12 {y:g}) rotate(-90)" text-anchor="middle">{escape(label)}</text>'


def _text(number: float) -> str:
    """Write a number with two decimals at most."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
