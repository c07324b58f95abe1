"""Pages that are one file: a style sheet and small parts of HTML, no script, no network."""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from uncal import figures

UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that may not stand in HTML, or not in UTF-8."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --wash: #f5f6f8; --line: #dde1e7; --ink: #1b1f24; --soft: #59626d;
  --data: #2462b3; --good: #17703f; --bad: #ad3422; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #15181c; --wash: #1d2126; --line: #333a43;
  --ink: #e4e7ea; --soft: #9ca6b1; --data: #77acf0; --good: #63c592; --bad: #f0907b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 3rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; text-wrap: balance; }
h2 { margin: 3rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); font-size: 1.2rem; }
h3 { margin: 0; font-size: 1rem; line-height: 1.4; }
p { margin: .25rem 0 1rem; max-width: 46rem; }
small, .soft, caption, dd, dt span, figcaption span { color: var(--soft); font-weight: normal; }
small, caption, .note, .legend, .pairs, .counts, .example dt, .badge, figcaption span { font-size: .8125rem; }
code { font: .8125rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.findings { margin: 1.5rem 0 0; padding: 1rem 1.25rem 1rem 2.25rem; background: var(--wash); border-radius: .5rem;
  border-left: 3px solid var(--data); font-size: 1.0625rem; }
.findings li + li { margin-top: .4rem; }
.formula { padding: .6rem .9rem; background: var(--wash); border-radius: .375rem; max-width: none; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tr > :first-child { padding-left: 0; } tr > :last-child { padding-right: 0; }
th { font-weight: 600; } tbody th { font-weight: normal; } caption { text-align: left; padding-bottom: .25rem; }
.wide { overflow-x: auto; } .curves .square { max-width: 20rem; } .numbers th { white-space: nowrap; }
.wide td, .numbers td { font-size: .875rem; }
.number { text-align: right; white-space: nowrap; } .label { white-space: nowrap; }
td small { display: block; }
.comparison { font-size: .9375rem; overflow-wrap: normal; }
.comparison thead th { vertical-align: bottom; font-size: .8125rem; line-height: 1.3; white-space: normal; }
.comparison tbody th { min-width: 10rem; font-weight: 500; line-height: 1.35; }
abbr { text-decoration: none; cursor: help; }
.legend { columns: 22rem 2; column-gap: 2.5rem; margin: 1.25rem 0; }
.legend div { break-inside: avoid; margin-bottom: .5rem; } dt { font-weight: 600; } dd { margin: 0; }
.panels { display: grid; gap: 1.5rem 1.25rem; align-items: start; }
.diagrams { grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); align-items: stretch; }
.diagrams figure { max-width: 20rem; } .curves figure { max-width: 30rem; }
.curves, .lists { grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); column-gap: 2.5rem; }
figure { margin: 0; display: flex; flex-direction: column; justify-content: space-between; break-inside: avoid; }
figcaption { margin-bottom: .5rem; font-size: .875rem; font-weight: 600; line-height: 1.35; }
figcaption span { display: block; }
.pairs { margin-bottom: 1.25rem; } .pairs th { width: 40%; color: var(--soft); }
.pairs th, .pairs td { padding: .25rem .5rem .25rem 0; }
.zero > * { color: var(--soft); }
.text { display: block; white-space: pre-wrap; max-height: 12rem; overflow: auto; unicode-bidi: isolate; }
.example { padding: 1rem 1.25rem; margin-bottom: 1rem; border: 1px solid var(--line); border-radius: .5rem;
  display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: .75rem 2.5rem; align-items: start; }
.example h3, .example details { grid-column: 1 / -1; margin: 0; } .example dl { margin: 0; }
.example dt { font-weight: normal; color: var(--soft); } .example dd { margin-bottom: .5rem; color: inherit; }
.badge { font-weight: 600; } .right { color: var(--good); } .wrong { color: var(--bad); }
.states { font-size: .875rem; } .states tr:last-child > * { border: 0; }
.states th { width: 8rem; } .states .text { font-size: .8125rem; color: var(--soft); }
details { margin-bottom: .5rem; } details ol { margin: .5rem 0 0; padding-left: 2rem; font-size: .875rem; }
summary { cursor: pointer; } :focus-visible { outline: 2px solid var(--data); outline-offset: 2px; }
@media screen and (max-width: 48rem) {
  body { padding-top: 1.5rem; } .example { grid-template-columns: minmax(0, 1fr); }
  .comparison thead { display: block; position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  .comparison, .comparison tbody { display: block; }
  .comparison tbody tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: .75rem 1rem; padding: 1rem 0;
    border-bottom: 1px solid var(--line); }
  .comparison tbody tr > * { padding: 0; border: 0; text-align: left; min-width: 0; }
  .comparison tbody th { grid-column: 1 / -1; font-weight: 600; }
  .comparison td::before { content: attr(data-label); display: block; color: var(--soft); font-size: .75rem;
    white-space: normal; line-height: 1.3; }
}
@page { margin: 15mm; }
@media print {
  body { padding: 0; font-size: 9.5pt; max-width: none; } .comparison { font-size: 8.5pt; }
  .comparison th, .comparison td { padding-inline: .3rem; } .comparison small { font-size: 7pt; }
  .diagrams { grid-template-columns: repeat(4, 1fr); } .text { max-height: none; }
  h2, p, caption { break-after: avoid; } .example { break-inside: avoid; }
  .settings::details-content { content-visibility: visible; height: auto; }
}
"""


def page(title: str, meta: str, body: str) -> str:
    """Put a body into a whole page.

    Parameters
    ----------
    title : str
        Its heading; escaped here.
    meta : str
        Tag for the head which says what made the page.
    body : str
        HTML below the heading.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
{meta}
<title>{safe(title)}</title>
<style>{STYLE}{figures.STYLE}</style>
</head>
<body>
<h1>{safe(title)}</h1>
{body}
</body>
</html>
"""


def clean(value: object) -> str:
    """Replace characters that may not stand in a page."""
    return UNWRITABLE.sub("\ufffd", str(value))


def safe(value: object) -> str:
    """Escape for text and for quoted attributes."""
    return escape(clean(value))


def text(value: object) -> str:
    """Text of a model or a question: its line breaks kept, a long one scrolls, right to left where it is."""
    scrolls = ' tabindex="0"' if len(str(value)) > 500 else ""
    return f'<span class="text" dir="auto"{scrolls}>{safe(value) if str(value).strip() else "<i>blank</i>"}</span>'


def pairs(caption: str, values: Mapping[str, Any]) -> str:
    """Table of names and values."""
    rows = "".join(f'<tr><th scope="row">{safe(key)}</th><td>{shown(value)}</td></tr>' for key, value in values.items())
    heading = f"<caption>{safe(caption)}</caption>" if caption else ""
    return f'<table class="pairs">{heading}<tbody>{rows}</tbody></table>'


def shown(value: object) -> str:
    """Write a value of a table as HTML."""
    if isinstance(value, float):
        return minus(f"{value:.6g}")
    return text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def number(value: Sequence[float | None] | None, form: str = ".3f") -> tuple[str, str]:
    """Write a number and its interval, either of which may be missing."""
    if value is None or value[0] is None:
        return "n/a", ""
    number, *ends = ("" if part is None else minus(f"{part:{form}}") for part in value)
    return number, f"[{', '.join(ends)}]" if all(ends) and ends else ""


def minus(number: str) -> str:
    """Write a minus as the sign that it is."""
    return number.replace("-", "\N{MINUS SIGN}")
