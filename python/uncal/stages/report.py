"""Report: the page to send to a colleague. report.json -> report.html."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from uncal import artefacts, figures, schema
from uncal.artefacts import MadeBy
from uncal.errors import ArtefactError
from uncal.version import __version__

UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that may not stand in HTML, or not in UTF-8."""

COLUMNS = {
    "n": ("n", "", "Graded questions with a readable number; the metrics are over these."),
    "malformed": (
        *("malformed", "lower is better"),
        "Graded questions without a readable number, and their share. They are counted here and left out of the "
        "metrics, so a model with many of them is judged on the rest only.",
    ),
    "distinct": ("distinct values", "more is finer", "How many different numbers were stated."),
    "largest_share": (
        *("largest share", "lower is finer"),
        "Share of the number that was stated most; near 100% the model says the same whatever it is asked.",
    ),
    "ece": (
        *("ECE", "lower is better"),
        "Expected calibration error: mean gap between confidence and accuracy over {n_bins} bins of equal width.",
    ),
    "ece_distinct": (
        *("ECE by distinct value", "lower is better"),
        "The same with one bin for each number stated, so that no bins are chosen. Where nearly every number is "
        "distinct a bin holds a question or two, and the value is large for any model.",
    ),
    "brier": (
        *("Brier", "lower is better"),
        "Mean squared distance between confidence and 1 (right) or 0 (wrong); always saying 0.5 gives 0.25.",
    ),
    "auroc": (
        *("AUROC", "higher is better"),
        "How often a right answer has more confidence than a wrong one; 0.5 is chance, 1 is perfect.",
    ),
    "imitation": (
        *("imitation", "higher is closer"),
        "Rank correlation (Spearman) of what the trained model states with its teacher: agreement with the teacher, "
        "not with the truth.",
    ),
}
"""Column of the comparison -> its heading, which way is better, what it says."""

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


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the report stage; the flags of ``uncal report`` are these fields.

    Attributes
    ----------
    title : str, default="How sure it is, and how right"
        Heading of the page.
    """

    title: str = "How sure it is, and how right"


def report(run: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Write report.json of the folder `run` as a page, report.html in the folder `out`.

    The page needs no network and no script.

    Raises
    ------
    ArtefactError
        If report.json is missing or damaged, or report.html is there and uncal did not make it.
    """
    config = config or Config()
    source, page = run / schema.REPORT_JSON, out / schema.REPORT_HTML
    if not source.exists():
        raise ArtefactError(f"no file {source}; run `uncal evaluate` first")
    making = MadeBy.of("report", config, {schema.REPORT_JSON: source})
    if artefacts.is_done(page, making, overwrite=overwrite):
        return page
    try:
        made = json.loads(source.read_text(encoding="utf-8"))
        if made["schema_version"] != schema.VERSION:
            raise ArtefactError(
                f"{source} has schema version {made['schema_version']}, this uncal reads {schema.VERSION}; "
                "run `uncal evaluate --overwrite`"
            )
        html = render(made, making, config)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(f"{source} is damaged ({error!r}); run `uncal evaluate --overwrite`") from error
    artefacts.write_text(page, html)
    return page


def render(made: Mapping[str, Any], making: MadeBy, config: Config) -> str:
    """Turn the contents of report.json into HTML.

    Parameters
    ----------
    made : mapping
        What `evaluate` wrote.
    making : MadeBy
        Goes into the page's head.
    config : Config
    """
    parts = (_head, _comparison, _diagrams, _risk_coverage, _calibrator, _training, _examples, _left_out, _settings)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
{artefacts.META}{_safe(making.to_json())}">
<title>{_safe(config.title)}</title>
<style>{STYLE}{figures.STYLE}</style>
</head>
<body>
<h1>{_safe(config.title)}</h1>
{"".join(part(made) for part in parts)}
</body>
</html>
"""


# The sections


def _head(made: Mapping[str, Any]) -> str:
    stages, sizes, split = made["settings"], made["questions"], made["split"]
    model = stages.get("train", {}).get("model") or stages.get("sample", {}).get("model")
    summary = [f"{_questions(sizes[split])} of the split “{_safe(split)}”, {sizes['all']:,} in all"]
    if model:
        summary.insert(0, f"<strong>{_safe(model)}</strong>")
    findings = "".join(f"<li>{_safe(finding)}</li>" for finding in made["findings"])
    return f'<p class="soft">{" · ".join(summary)}</p>\n<ul class="findings">{findings}</ul>\n'


def _comparison(made: Mapping[str, Any]) -> str:
    legend = [(name, way, text.format(n_bins=made["n_bins"])) for name, way, text in COLUMNS.values()]
    heads = "".join(
        f'<th scope="col" role="columnheader" class="number"><abbr title="{_safe(f"{text} {way}".strip())}">'
        f"{_safe(name)}</abbr></th>"
        for name, way, text in legend
    )
    terms = "".join(f"<div><dt>{name} <span>{way}</span></dt><dd>{text}</dd></div>" for name, way, text in legend)
    rows = "".join(f'<tr role="row">{_compared(row)}</tr>\n' for row in made["table"])
    return f"""<h2>Comparison</h2>
<table class="comparison" role="table">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">confidence comes from</th>{heads}</tr></thead>
<tbody role="rowgroup">
{rows}</tbody>
</table>
<dl class="legend">{terms}</dl>
<p class="note soft">Small type gives {100 * made["level"]:g}% intervals. Those of the metrics are bootstrap intervals
from {made["bootstrap"]:,} resamples of the questions: percentile for Brier, AUROC and imitation, pivotal for both ECE,
where a value may lie above its interval when questions are few.
The malformed share has a Wilson interval. Malformed statements are counted, and left out of the metrics.
Imitation is rank correlation with the teacher, not with the truth.</p>
"""


def _compared(row: Mapping[str, Any]) -> str:
    """Cells of one row of the comparison."""
    cells = {
        "n": f"{row['n']:,}",
        "malformed": f"{row['malformed']:,}<small>{' '.join(_number(row['malformed_share'], '.1%'))}</small>",
        "distinct": f"{row['distinct']:,}",
        "largest_share": _number([row["largest_share"]], ".1%")[0],
    }
    for key in ("ece", "ece_distinct", "brier", "auroc", "imitation"):
        number, interval = _number(row.get(key))
        cells[key] = f"{number}<small>{interval}</small>"
    return f'<th scope="row" role="rowheader">{_safe(row["label"])}</th>' + "".join(
        f'<td role="cell" class="number" data-label="{COLUMNS[key][0]}">{cell}</td>' for key, cell in cells.items()
    )


def _diagrams(made: Mapping[str, Any]) -> str:
    panels = "".join(
        f"<figure><figcaption>{_safe(row['label'])}<span>{_questions(row['n'])}: stated {row['mean_confidence']:.2f}, "
        f"right {row['accuracy']:.2f} on average</span></figcaption>"
        f"{figures.reliability(row['reliability'], _clean('Reliability diagram: ' + row['label']))}</figure>\n"
        for row in made["table"]
        if row["reliability"] is not None
    )
    return f"""<h2>Reliability: is the number what it says?</h2>
<p class="soft">Dots on the dashed line are calibrated, those below it overconfident, those above it underconfident. The
larger a dot, the more questions. Bars are 95% Wilson intervals. The histogram shows how often a confidence was stated;
the number beside it counts its highest bar.</p>
<div class="panels diagrams">
{panels or "<p>No number was stated, so there is nothing to draw.</p>"}</div>
"""


def _risk_coverage(made: Mapping[str, Any]) -> str:
    panels = "".join(
        f"<figure><figcaption>{_safe(row['label'])}<span>{_questions(row['n'])}</span></figcaption>"
        f"{_risk_curve(row['risk_coverage'])}</figure>"
        for row in made["table"]
        if row["risk_coverage"] is not None
    )
    return f"""<h2>Risk and coverage: what if only the surest answers are kept?</h2>
<p class="soft">From left to right more and more answers are kept, the surest first; the height is the share of
them that is wrong. A number that tells right from wrong makes a curve that climbs; one that does not makes a flat one.
The right end is the share of wrong answers among all.</p>
<div class="panels curves">
{panels or "<p>No number was stated, so there is nothing to draw.</p>"}</div>
"""


def _risk_curve(curve: Mapping[str, Sequence[float]]) -> str:
    points = list(zip(curve["coverage"], curve["risk"], strict=True))
    return figures.curve(points, "coverage", "share that is wrong")


def _calibrator(made: Mapping[str, Any]) -> str:
    score, calibrator = made["score"], made["calibrator"]
    kind, parameters = calibrator["kind"], calibrator["parameters"]
    formula, remark = f"confidence = {kind}(score)", ""
    if kind == "platt":
        slope, intercept = parameters["slope"], parameters["intercept"]
        formula = f"confidence = 1 / (1 + exp(-({slope:.4g} * score {'-+'[intercept >= 0]} {abs(intercept):.4g})))"
        if slope >= 0:
            remark = "<p>The slope is not negative: a higher score does not go with more wrong answers here.</p>"
    fitted = _pairs("Fitted numbers", parameters) + _pairs("Fitted on", calibrator["fitted_on"])
    return f"""<h2>From score to confidence</h2>
<p>AUROC of the score <code>{_safe(score["name"])}</code> before any calibration:
{" ".join(filter(None, _number(score["auroc"])))}. This map makes a confidence of it:</p>
<p class="formula"><code>{_safe(formula)}</code></p>
{remark}<div class="panels lists"><div>{fitted}</div>
{_pairs("How the scores were made (fingerprint)", calibrator["fingerprint"])}</div>
"""


def _training(made: Mapping[str, Any]) -> str:
    charts = []
    for stage, key, name in (("warmup", "loss", "Supervised warm-up: loss"), ("grpo", "reward", "GRPO: mean reward")):
        logged = [(entry["step"], entry.get(key)) for entry in made["training"].get(stage, ())]
        points = [(step, value) for step, value in logged if value is not None]
        if points:
            window = 2 * (len(points) // 40) + 1
            steps = f"{len(points)} logged steps" + (f"; thick: mean over {window} steps" if window > 1 else "")
            drawn = figures.curve(points, "step", key, window=window)
            charts.append(f"<figure><figcaption>{name}<span>{steps}</span></figcaption>{drawn}</figure>")
    trained = any(row["name"] == schema.TRAINED for row in made["table"])
    nothing = "<p>No log was kept.</p>" if trained else "<p>Nothing was trained: the run has no adapter.</p>"
    return f'<h2>Training</h2>\n<div class="panels curves">{"".join(charts) or nothing}</div>\n'


def _examples(made: Mapping[str, Any]) -> str:
    return f"""<h2>Examples</h2>
<p class="soft">Drawn at random, not picked. Numbers are uncertainties: the probability, stated or calibrated, that the
answer is wrong.</p>
{"".join(map(_example, made["examples"]))}"""


def _example(row: Mapping[str, Any]) -> str:
    kind, verdict = {True: ("right", "✓ right"), False: ("wrong", "✗ wrong")}.get(
        row["correct"], ("soft", "not graded")
    )
    samples = row["completions"] or ()
    teacher = "n/a" if row["uncertainty"] is None else _measured(row["uncertainty"])
    told = [f'<tr><th scope="row">Teacher</th><td>{teacher}</td></tr>']
    for source, name in ((schema.BASE, "Base model"), (schema.TRAINED, "Trained model")):
        if (said := row["statements"].get(source)) is not None:
            value, words = said["uncertainty"], "" if said["text"] is None else _text(said["text"])
            malformed = f'<span class="wrong">malformed: {_safe(said["reason"])}</span>'
            number = malformed if value is None else _measured(value)
            told.append(f'<tr><th scope="row">{name}</th><td>{number}{words}</td></tr>')
    return f"""<article class="example">
<h3>{_text(row["prompt"])}</h3>
<dl><dt>Answer, kept frozen <span class="badge {kind}">{verdict}</span></dt><dd>{_text(row["answer"])}</dd>
<dt>Accepted</dt><dd>{_text(" · ".join(row["answers"] or ()) or "none")}</dd></dl>
<table class="states"><caption>Uncertainty of that answer</caption>{"".join(told)}</table>
<details><summary class="note">{len(samples)} samples of question {_safe(row["id"])}</summary>
<ol>{"".join(f"<li>{_text(sample)}</li>" for sample in samples)}</ol></details>
</article>
"""


def _left_out(made: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr class="{"some" if row["count"] else "zero"}"><td class="label">{_safe(row["stage"])}</td>'
        f'<th scope="row">{_safe(row["what"])}</th><td class="number">{row["count"]:,}</td>'
        f'<td class="number">{row["of"]:,}</td></tr>\n'
        for row in made["counts"]
    )
    sizes = {name: f"{size:,}" for name, size in made["questions"].items()}
    return f"""<h2>What was left out</h2>
<p class="soft">Whatever was empty, cut, failed or unreadable is counted here, zeros too.</p>
<div class="panels lists"><table class="counts">
<thead><tr><th scope="col">stage</th><th scope="col">what</th><th scope="col" class="number">count</th>
<th scope="col" class="number">of</th></tr></thead>
<tbody>
{rows}</tbody></table>
{_pairs("Questions of each split", sizes)}</div>
"""


def _settings(made: Mapping[str, Any]) -> str:
    groups = made["settings"] | {"SHA-256 of the inputs": made["made_by"]["inputs"]}
    details = "".join(
        f'<details class="settings"><summary>{_safe(name)}</summary>{_pairs("", values)}</details>\n'
        for name, values in groups.items()
    )
    version = _safe(made["made_by"]["uncal_version"])
    return (
        f'<h2>Settings</h2>\n{details}<p class="note soft">Measured by uncal {version}, drawn by {__version__}.</p>\n'
    )


# Small parts


def _clean(value: object) -> str:
    return UNWRITABLE.sub("\ufffd", str(value))


def _safe(value: object) -> str:
    """Escape for text and for quoted attributes."""
    return escape(_clean(value))


def _text(value: object) -> str:
    """Text of a model or a question: its line breaks kept, a long one scrolls, right to left where it is."""
    scrolls = ' tabindex="0"' if len(str(value)) > 500 else ""
    return f'<span class="text" dir="auto"{scrolls}>{_safe(value) if str(value).strip() else "<i>blank</i>"}</span>'


def _pairs(caption: str, values: Mapping[str, Any]) -> str:
    """Table of names and values."""
    rows = "".join(
        f'<tr><th scope="row">{_safe(key)}</th><td>{_value(value)}</td></tr>' for key, value in values.items()
    )
    heading = f"<caption>{_safe(caption)}</caption>" if caption else ""
    return f'<table class="pairs">{heading}<tbody>{rows}</tbody></table>'


def _value(value: object) -> str:
    if isinstance(value, float):
        return _minus(f"{value:.6g}")
    return _text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _number(value: Sequence[float | None] | None, form: str = ".3f") -> tuple[str, str]:
    """Write a number and its interval, either of which may be missing."""
    if value is None or value[0] is None:
        return "n/a", ""
    number, *ends = ("" if part is None else _minus(f"{part:{form}}") for part in value)
    return number, f"[{', '.join(ends)}]" if all(ends) and ends else ""


def _minus(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")


def _measured(uncertainty: float) -> str:
    return f"{figures.meter(uncertainty)} {uncertainty:.2f}"


def _questions(n: int) -> str:
    return f"{n:,} question{'' if n == 1 else 's'}"
