"""The report on a file of confidences: a table for the terminal, and a page."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from uncal import artefacts, fast, figures, pages
from uncal.artefacts import MadeBy
from uncal.pages import minus, number, safe

TITLE = "How sure it is, and how right"
FIRST = ("ece", "ece_distinct", "smooth_ece", "brier", "auroc", "aurc")
"""Metrics of the table by value, where there is no room for all."""
BINS = {
    "width": "{} bins of equal width",
    "mass": "{} bins of nearly equal weight",
    "distinct": "a bin for each distinct confidence",
    "sweep": "as many bins of nearly equal weight as leave the accuracies in rising order",
}
"""What `bins` of the settings says, given `n_bins`."""
OURS = {"ece_distinct": "The same with one bin for each distinct confidence, so that no bins are chosen."}
"""What metrics say that are not functions of `uncal.fast`."""


def as_text(made: Mapping[str, Any]) -> str:
    """Write the contents of report.json as aligned tables and the main finding.

    Parameters
    ----------
    made : mapping
        What `uncal.commands.evaluate_file` wrote.
    """
    parts = [_read(made), _metrics(made)]
    if made["by"] is not None:
        parts.append(_by(made))
    if made["compare"] is not None:
        parts.append(_compared(made))
    parts.append("\n".join([*made["findings"], *(f"note: {note}" for note in made["notes"])]))
    return "\n\n".join(parts)


def _read(made: Mapping[str, Any]) -> str:
    lines = [f"{made['file']}: {_rows(made['n'])} measured of {made['read']['rows']:,}"]
    counted = [(what, count) for what, count in _left_out(made) if count or "no readable" in what]
    lines += [f"{'    ' if what.startswith('of these') else '  '}{count:,} {what}" for what, count in counted]
    lines.append(f"  says {made['mean_confidence']:.3f}, right {made['accuracy']:.3f} on average")
    return "\n".join(lines)


def _left_out(made: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Whatever is not measured as it stands, and how often."""
    read = made["read"]
    fate = {"drop": "left out", "worst": "taken as the worst case", "base_rate": "taken as the base rate"}
    counted = [("rows without a verdict, left out", read["ungraded"])]
    for stated in read["stated"]:
        name, unread = stated["column"], stated["unread"]
        policy = fate[made["settings"]["unparsed"]]
        counted.append((f"rows with no readable number in {name!r}, {policy}", sum(unread.values())))
        counted += [(f"of these: {reason}", count) for reason, count in unread.items()]
        if stated["by_words"]:
            counted.append((f"numbers in {name!r} are those of words, such as “probably”", stated["by_words"]))
        if stated["unmarked"]:
            counted.append((f"numbers in {name!r} are that of a text without a hedge", stated["unmarked"]))
    return counted


def _metrics(made: Mapping[str, Any]) -> str:
    heads = ["metric", "value", f"{100 * made['settings']['level']:g} % interval"]
    rows = [[name, *_told(value)] for name, value in made["metrics"].items()]
    return _aligned(heads if any(row[2] for row in rows) else heads[:2], rows)


def _by(made: Mapping[str, Any]) -> str:
    shown = [name for name in FIRST if name in made["metrics"]]
    heads = [made["columns"]["by"], "rows", "says", "right", *shown]
    rows = []
    for entry in made["by"]:
        cells = [
            " ".join(filter(None, _told(entry["metrics"][name]))) if name in entry["metrics"] else "" for name in shown
        ]
        says, right = f"{entry['mean_confidence']:.3f}", f"{entry['accuracy']:.3f}"
        rows.append([str(entry["value"]), f"{entry['n']:,}", says, right, *cells])
    return _aligned(heads, rows)


def _compared(made: Mapping[str, Any]) -> str:
    ours, theirs = made["columns"]["confidence"], made["compare"]["column"]
    heads = ["metric", ours, theirs, "difference", "interval", "chance above 0"]
    rows = [
        [
            name,
            _told(made["metrics"].get(name, [None]))[0],
            _told([row["other"]])[0],
            *_told([row["value"], row.get("low"), row.get("high")]),
            "" if row.get("above_zero") is None else f"{row['above_zero']:.3f}",
        ]
        for name, row in made["compare"]["metrics"].items()
    ]
    return _aligned(heads, rows)


def _told(value: Sequence[float | None]) -> tuple[str, str]:
    """Write a metric and its interval for a terminal."""
    return number(value)[0].replace("\N{MINUS SIGN}", "-"), number(value)[1].replace("\N{MINUS SIGN}", "-")


def _aligned(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table: names to the left, numbers to the right."""
    lines = [list(heads), *(list(row[: len(heads)]) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _rows(n: int) -> str:
    return f"{n:,} row{'' if n == 1 else 's'}"


# The page


def render(made: Mapping[str, Any], making: MadeBy) -> str:
    """Turn the contents of report.json into HTML.

    Parameters
    ----------
    made : mapping
        What `uncal.commands.evaluate_file` wrote.
    making : MadeBy
        Goes into the page's head.
    """
    parts = (_head, _numbers, _diagrams, _curve, _by_value, _comparison, _not_measured, _settings)
    meta = f'{artefacts.META}{safe(making.to_json())}">'
    return pages.page(TITLE, meta, "".join(part(made) for part in parts))


def _head(made: Mapping[str, Any]) -> str:
    found = "".join(f"<li>{safe(finding)}</li>" for finding in made["findings"])
    summary = f"<strong>{safe(made['file'])}</strong> · {_rows(made['n'])} measured of {made['read']['rows']:,}"
    return f'<p class="soft">{summary}</p>\n<ul class="findings">{found}</ul>\n'


def _numbers(made: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row"><code>{safe(name)}</code></th>{_cell(value)}<td>{safe(_meaning(name))}</td></tr>\n'
        for name, value in made["metrics"].items()
    )
    resampled, settings = "", made["settings"]
    if settings["bootstrap"]:
        what = f"values of {safe(made['columns']['group'])}" if made["columns"]["group"] else "rows"
        resampled = (
            f" Intervals come from {settings['bootstrap']:,} resamples of the {what}, unless the metric has its own"
        )
    interval = f"{100 * settings['level']:g}% intervals in small type.{resampled}." if resampled else ""
    return f"""<h2>Numbers</h2>
<table class="numbers">
<thead><tr><th scope="col">metric</th><th scope="col" class="number">value</th>
<th scope="col">what it is</th></tr></thead>
<tbody>
<tr><th scope="row">mean confidence</th>{_cell([made["mean_confidence"]])}<td>What it says on average.</td></tr>
<tr><th scope="row">accuracy</th>{_cell([made["accuracy"]])}<td>Share that is right.</td></tr>
{rows}</tbody>
</table>
<p class="note soft">{interval} ECE takes {BINS[settings["bins"]].format(settings["n_bins"])}.</p>
"""


def _cell(value: Sequence[float | None]) -> str:
    told, interval = number(value)
    return f'<td class="number">{told}<small>{interval}</small></td>'


def _meaning(name: str) -> str:
    """First line of the docs of the function that a metric is named after."""
    doc = getattr(getattr(fast, name, None), "__doc__", None)
    return OURS.get(name) or (doc or "").strip().partition("\n")[0]


def _diagrams(made: Mapping[str, Any]) -> str:
    smooth = made["smooth"]
    curve = list(zip(smooth["confidence"], smooth["accuracy"], strict=True))
    return f"""<h2>Reliability: is the number what it says?</h2>
<p class="soft">Dots on the dashed line are calibrated, those below it overconfident, those above it underconfident. The
larger a dot, the more rows. Bars are 95% Wilson intervals. The line is the smooth curve. On the right, how often a
confidence was stated, of right answers and of wrong ones.</p>
<div class="panels curves">
<figure class="square"><figcaption>Reliability<span>{_rows(made["n"])}: says {made["mean_confidence"]:.2f},
right {made["accuracy"]:.2f} on average</span></figcaption>
{figures.reliability(made["reliability"], "Reliability diagram", smooth=curve)}</figure>
<figure><figcaption>Confidence<span>below: right answers; above them: wrong ones</span></figcaption>
{figures.histogram(made["histogram"])}</figure>
</div>
"""


def _curve(made: Mapping[str, Any]) -> str:
    curve = made["risk_coverage"]
    points = list(zip(curve["coverage"], curve["risk"], strict=True))
    return f"""<h2>Risk and coverage: what if only the surest answers are kept?</h2>
<p class="soft">From left to right more and more answers are kept, the surest first; the height is the share of them
that is wrong. The right end is the share of wrong answers among all.</p>
<div class="panels curves"><figure>{figures.curve(points, "coverage", "share that is wrong")}</figure></div>
"""


def _by_value(made: Mapping[str, Any]) -> str:
    if made["by"] is None:
        return ""
    names = list(dict.fromkeys(name for entry in made["by"] for name in entry["metrics"]))
    heads = "".join(f'<th scope="col" class="number">{safe(name)}</th>' for name in ("rows", "says", "right", *names))
    rows = "".join(
        f'<tr><th scope="row">{safe(entry["value"])}</th><td class="number">{entry["n"]:,}</td>'
        f'<td class="number">{entry["mean_confidence"]:.3f}</td><td class="number">{entry["accuracy"]:.3f}</td>'
        f"{''.join(_cell(entry['metrics'].get(name, [None])) for name in names)}</tr>\n"
        for entry in made["by"]
    )
    column = safe(made["columns"]["by"])
    return f"""<h2>By {column}</h2>
<div class="wide"><table><thead><tr><th scope="col">{column}</th>{heads}</tr></thead>
<tbody>
{rows}</tbody></table></div>
"""


def _comparison(made: Mapping[str, Any]) -> str:
    if made["compare"] is None:
        return ""
    ours, theirs = safe(made["columns"]["confidence"]), safe(made["compare"]["column"])
    rows = ""
    for name, row in made["compare"]["metrics"].items():
        above = row.get("above_zero")
        rows += (
            f'<tr><th scope="row"><code>{safe(name)}</code></th>{_cell(made["metrics"].get(name, [None])[:1])}'
            f"{_cell([row['other']])}{_cell([row['value'], row.get('low'), row.get('high')])}"
            f'<td class="number">{"n/a" if above is None else minus(f"{above:.3f}")}</td></tr>\n'
        )
    heads = "".join(
        f'<th scope="col" class="number">{head}</th>' for head in (ours, theirs, "difference", "chance above 0")
    )
    return f"""<h2>{ours} against {theirs}</h2>
<p class="soft">Both are measured on the same rows, and resampled together. The difference is {ours} minus {theirs}.</p>
<table><thead><tr><th scope="col">metric</th>{heads}</tr></thead>
<tbody>
{rows}</tbody></table>
"""


def _not_measured(made: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr class="{"some" if count else "zero"}"><th scope="row">{safe(what)}</th>'
        f'<td class="number">{count:,}</td></tr>\n'
        for what, count in _left_out(made)
    )
    return f"""<h2>What was left out</h2>
<table class="counts"><thead><tr><th scope="col">what</th><th scope="col" class="number">count of
{made["read"]["rows"]:,} rows</th></tr></thead>
<tbody>
{rows}</tbody></table>
"""


def _settings(made: Mapping[str, Any]) -> str:
    groups = {
        "columns": made["columns"],
        "settings": made["settings"],
        "SHA-256 of the input": made["made_by"]["inputs"],
    }
    details = "".join(
        f'<details class="settings"><summary>{safe(name)}</summary>{pages.pairs("", values)}</details>\n'
        for name, values in groups.items()
    )
    notes = "".join(f"<p>{safe(note)}</p>\n" for note in made["notes"])
    return f'<h2>Settings</h2>\n{notes}{details}<p class="note soft">uncal {safe(made["uncal_version"])}</p>\n'
