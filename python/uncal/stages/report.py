"""Report: the page to send to a colleague. report.json -> report.html."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uncal import artefacts, figures, pages, schema
from uncal.artefacts import MadeBy
from uncal.errors import ArtefactError
from uncal.version import __version__

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
        if made["made_by"]["stage"] == "evaluate FILE":
            raise ArtefactError(f"{source} is of a file and not of a run; its page was made with it, {page.name}")
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
    meta = f'{artefacts.META}{pages.safe(making.to_json())}">'
    return pages.page(config.title, meta, "".join(part(made) for part in parts))


# The sections


def _head(made: Mapping[str, Any]) -> str:
    stages, sizes, split = made["settings"], made["questions"], made["split"]
    model = stages.get("train", {}).get("model") or stages.get("sample", {}).get("model")
    summary = [f"{_questions(sizes[split])} of the split “{pages.safe(split)}”, {sizes['all']:,} in all"]
    if model:
        summary.insert(0, f"<strong>{pages.safe(model)}</strong>")
    findings = "".join(f"<li>{pages.safe(finding)}</li>" for finding in made["findings"])
    return (
        f'<p class="soft">{" · ".join(summary)}</p>\n<ul class="findings">{findings}</ul>\n'
        f'<p class="note soft">{_graded_by(made["grader"])}</p>\n'
    )


def _graded_by(grader: Mapping[str, Any]) -> str:
    """Say who said what is right, on which every number here depends."""
    by = f"Answers were graded by <code>{pages.safe(grader['name'])}</code>"
    agreement = grader["exact_match"]
    if agreement is None:
        return f"{by}."
    kappa = agreement["kappa"]
    kappa = "undefined, for one of them says the same of all" if kappa is None else f"{kappa:.2f}"
    return (
        f"{by}, which agrees with exact match on {agreement['share']:.0%} of {_questions(agreement['n'])} (Cohen's "
        f"kappa {kappa})."
    )


def _comparison(made: Mapping[str, Any]) -> str:
    legend = [(name, way, text.format(n_bins=made["n_bins"])) for name, way, text in COLUMNS.values()]
    heads = "".join(
        f'<th scope="col" role="columnheader" class="number"><abbr title="{pages.safe(f"{text} {way}".strip())}">'
        f"{pages.safe(name)}</abbr></th>"
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
        "malformed": f"{row['malformed']:,}<small>{' '.join(pages.number(row['malformed_share'], '.1%'))}</small>",
        "distinct": f"{row['distinct']:,}",
        "largest_share": pages.number([row["largest_share"]], ".1%")[0],
    }
    for key in ("ece", "ece_distinct", "brier", "auroc", "imitation"):
        number, interval = pages.number(row.get(key))
        cells[key] = f"{number}<small>{interval}</small>"
    return f'<th scope="row" role="rowheader">{pages.safe(row["label"])}</th>' + "".join(
        f'<td role="cell" class="number" data-label="{COLUMNS[key][0]}">{cell}</td>' for key, cell in cells.items()
    )


def _diagrams(made: Mapping[str, Any]) -> str:
    panels = "".join(
        f"<figure><figcaption>{pages.safe(row['label'])}<span>{_questions(row['n'])}: "
        f"stated {row['mean_confidence']:.2f}, right {row['accuracy']:.2f} on average</span></figcaption>"
        f"{figures.reliability(row['reliability'], pages.clean('Reliability diagram: ' + row['label']))}</figure>\n"
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
        f"<figure><figcaption>{pages.safe(row['label'])}<span>{_questions(row['n'])}</span></figcaption>"
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
    fitted = pages.pairs("Fitted numbers", parameters) + pages.pairs("Fitted on", calibrator["fitted_on"])
    return f"""<h2>From score to confidence</h2>
<p>AUROC of the score <code>{pages.safe(score["name"])}</code> before any calibration:
{" ".join(filter(None, pages.number(score["auroc"])))}. This map makes a confidence of it:</p>
<p class="formula"><code>{pages.safe(formula)}</code></p>
{remark}<div class="panels lists"><div>{fitted}</div>
{pages.pairs("How the scores were made (fingerprint)", calibrator["fingerprint"])}</div>
"""


TRAINED_BY = (("supervised", "loss", "Supervised steps: loss"), ("grpo", "reward", "GRPO: mean reward"))


def _training(made: Mapping[str, Any]) -> str:
    charts = []
    for stage, key, name in TRAINED_BY:
        logged = [(entry["step"], entry.get(key)) for entry in made["training"].get(stage, {}).get("steps", ())]
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
            value, words = said["uncertainty"], "" if said["text"] is None else pages.text(said["text"])
            malformed = f'<span class="wrong">malformed: {pages.safe(said["reason"])}</span>'
            number = malformed if value is None else _measured(value)
            told.append(f'<tr><th scope="row">{name}</th><td>{number}{words}</td></tr>')
    return f"""<article class="example">
<h3>{pages.text(row["prompt"])}</h3>
<dl><dt>Answer, kept frozen <span class="badge {kind}">{verdict}</span></dt><dd>{pages.text(row["answer"])}</dd>
<dt>Accepted</dt><dd>{pages.text(" · ".join(row["answers"] or ()) or "none")}</dd></dl>
<table class="states"><caption>Uncertainty of that answer</caption>{"".join(told)}</table>
<details><summary class="note">{len(samples)} samples of question {pages.safe(row["id"])}</summary>
<ol>{"".join(f"<li>{pages.text(sample)}</li>" for sample in samples)}</ol></details>
</article>
"""


def _left_out(made: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr class="{"some" if row["count"] else "zero"}"><td class="label">{pages.safe(row["stage"])}</td>'
        f'<th scope="row">{pages.safe(row["what"])}</th><td class="number">{row["count"]:,}</td>'
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
{pages.pairs("Questions of each split", sizes)}</div>
"""


def _settings(made: Mapping[str, Any]) -> str:
    groups = made["settings"] | {"SHA-256 of the inputs": made["made_by"]["inputs"]}
    details = "".join(
        f'<details class="settings"><summary>{pages.safe(name)}</summary>{pages.pairs("", values)}</details>\n'
        for name, values in groups.items()
    )
    version = pages.safe(made["made_by"]["uncal_version"])
    return (
        f'<h2>Settings</h2>\n{details}<p class="note soft">Measured by uncal {version}, drawn by {__version__}.</p>\n'
    )


# Small parts


def _measured(uncertainty: float) -> str:
    return f"{figures.meter(uncertainty)} {uncertainty:.2f}"


def _questions(n: int) -> str:
    return f"{n:,} question{'' if n == 1 else 's'}"
