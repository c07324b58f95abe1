"""Evaluate a file: how far the confidences in anybody's file are from the truth -> report.json, report.html."""

import json
import logging
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from uncal import artefacts, curves, fast, group_files, lm_eval, predictions, schema
from uncal.artefacts import MadeBy
from uncal.commands.file_page import as_text, render
from uncal.errors import ArtefactError, ConfigError
from uncal.fast import Bins, Interval
from uncal.predictions import POLICIES, READERS, Columns, Predictions, Reader, Unparsed
from uncal.types import BoolArray

log = logging.getLogger("uncal")
STAGE = "evaluate FILE"
FORMATS = ("columns", "lm-eval")
BINS: tuple[str, ...] = get_args(Bins)
FEW = 200
"""Distinct confidences up to which ECE by distinct value says something, and which are drawn one by one.

Bins that data decide on are drawn up to that many, too."""
FEW_GROUPS = 20
"""Groups below which intervals from drawing whole ones are too narrow."""
MOST = 1000
"""Values of the column `by`."""
SHARE = 0.01
"""Of all rows, that a bin must hold to be named as the worst."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of ``uncal evaluate FILE``; its flags are these fields.

    Attributes
    ----------
    confidence : str or None, default=None
        Column of the probability that the answer is right, in [0, 1]; confidence, conf or stated_confidence unless set.
    correct : str or None, default=None
        Column that says which answers were right: true or false, yes or no, 1 or 0, empty where nobody knows; correct,
        is_correct or right unless set.
    weights : str or None, default=None
        Column of weights: a row of weight 2 is that row twice.
    group : str or None, default=None
        Column of the question. Intervals come from whole questions drawn at random, of rows where this is not set.
    by : str or None, default=None
        Column of, say, the task or the model: a table with a row for each of its values.
    compare : str or None, default=None
        Column of other confidences for the same rows: a table of differences, each with its interval.
    format : str, default="columns"
        columns, or lm-eval: samples of multiple-choice tasks that lm-evaluation-harness logged (--log_samples), a file
        or their folder; confidence is the softmax over the options, and there are columns task and doc_id besides.
    parse : bool, default=False
        Confidences are texts, such as "90%", "9/10" or "I'm about 85 % sure", or end in a <confidence> block.
    reader : str, default="verbal"
        What reads those texts: verbal takes the numbers that they state and a few words; linguistic takes how sure they
        sound, by the hedges of a lexicon, and 0.8 for a text without any.
    unparsed : str, default="drop"
        Rows without a number: drop leaves them out, worst takes 1 where the answer is wrong and 0 where it is right,
        base_rate takes the share of right answers. They are counted in any case.
    n_bins : int, default=15
        Bins of ECE and of the reliability diagram.
    bins : str, default="width"
        width, mass (bins of nearly equal weight), distinct (one for each value) or sweep (as many of nearly equal
        weight as leave the accuracies in rising order).
    bootstrap : int, default=1000
        Resamples behind every interval; 0 for values alone.
    level : float, default=0.95
        Of the intervals.
    seed : int, default=0
    """

    confidence: str | None = None
    correct: str | None = None
    weights: str | None = None
    group: str | None = None
    by: str | None = None
    compare: str | None = None
    format: str = "columns"
    parse: bool = False
    reader: str = "verbal"
    unparsed: str = "drop"
    n_bins: int = 15
    bins: str = "width"
    bootstrap: int = 1000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("format", FORMATS), ("unparsed", POLICIES), ("reader", READERS), ("bins", BINS)):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(known)}")
        if self.reader != "verbal" and not self.parse:
            raise ConfigError(f"reader is {self.reader!r}, and parse is not set; only texts are read (--parse)")
        if not 1 <= self.n_bins <= 10_000:
            raise ConfigError(f"n_bins is {self.n_bins}; it must be from 1 to 10,000")
        if self.bootstrap < 0:
            raise ConfigError(f"bootstrap is {self.bootstrap}; it must be 0 or more")
        if not 0 < self.level < 1:
            raise ConfigError(f"level is {self.level}; it must lie in (0, 1)")
        if self.seed < 0:
            raise ConfigError(f"seed is {self.seed}; it must be 0 or more")


def run(path: Path, out: Path | None, config: Config, *, overwrite: bool) -> None:
    """Measure a file and print what came out; without `out` the folder is named after the file."""
    report = evaluate_file(path, out or Path(f"{path.stem}-report"), config, overwrite=overwrite)
    print(as_text(json.loads(report.read_text(encoding="utf-8"))))
    log.info("%s", report.with_name(schema.REPORT_HTML))


def evaluate_file(path: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Measure the confidences of a file; write report.json and report.html into the folder `out`.

    Parameters
    ----------
    path : Path
        Parquet, Arrow, JSONL, JSON, CSV, TSV, or a folder that `datasets` saved; read in batches.
    out : Path
        Made if it is not there.
    config : Config, optional
    overwrite : bool, default=False
        Write anew what is there, whoever made it.

    Returns
    -------
    Path
        Of report.json; `uncal.commands.file_page.as_text` makes a table for a terminal of what it holds.

    Raises
    ------
    ArtefactError
        If the file lacks a column, a value makes no sense, or no row can be measured.
    """
    config = config or Config()
    if out.exists() and not out.is_dir():
        raise ConfigError(f"out is {out}, a file; the report goes into a folder")
    source = lm_eval.open_samples(path) if config.format == "lm-eval" else group_files.open_file(path)
    columns = _columns(source, config)
    making = MadeBy.of(STAGE, config, {"predictions": path}, sampled=("predictions",))
    report, page = out / schema.REPORT_JSON, out / schema.REPORT_HTML
    done = artefacts.is_done(report, making, overwrite=overwrite)
    if artefacts.is_done(page, making, overwrite=overwrite) and done:
        return report
    made = artefacts.finite(_measured(path, predictions.read(source, columns), columns, making, config))
    artefacts.write_text(page, render(made, making))
    artefacts.write_text(report, json.dumps(made, indent=1) + "\n")
    return report


def _columns(source: group_files.Source, config: Config) -> Columns:
    stated = [predictions.resolve(source, "confidence", config.confidence)]
    correct = predictions.resolve(source, "correct", config.correct)
    predictions.check(source, config.weights, config.group, config.by, config.compare)
    if config.compare is not None:
        if config.compare == stated[0]:
            raise ConfigError(f"compare and confidence are both {config.compare!r}; name two columns")
        stated.append(config.compare)
    return Columns(
        stated=tuple(stated),
        correct=correct,
        weights=config.weights,
        group=config.group,
        by=config.by,
        parse=config.parse,
        reader=cast(Reader, config.reader),
        unparsed=cast(Unparsed, config.unparsed),
    )


def _measured(path: Path, found: Predictions, columns: Columns, making: MadeBy, config: Config) -> dict[str, Any]:
    """All that report.json holds."""
    confidence = found.stated[0]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            entry = _entry(confidence, found, config)
            drawn = _drawn(confidence, found, config)
            tables = _by(found, config) | _compared(found, columns, config)
    except ValueError as error:
        raise ArtefactError(f"{path}: {error}") from error
    notes = list(dict.fromkeys(str(one.message) for one in caught if issubclass(one.category, UserWarning)))
    if found.group is not None and config.bootstrap and (groups := len(np.unique(found.group))) < FEW_GROUPS:
        notes.append(
            f"group: {config.group!r} has {groups} values, and intervals of so few are not to be trusted; they come "
            "from whole questions drawn at random (--by gives a table by task or model)"
        )
    read = {
        "rows": found.rows,
        "measured": len(found.correct),
        "ungraded": found.ungraded,
        "dropped": found.dropped,
        "stated": [
            {"column": name, "unread": dict(unread.most_common()), "by_words": by_words, "unmarked": unmarked}
            for name, unread, by_words, unmarked in zip(
                columns.stated, found.unread, found.by_words, found.unmarked, strict=True
            )
        ],
    }
    made = {
        "schema_version": schema.VERSION,
        "uncal_version": making.uncal_version,
        "made_by": making.to_dict(),
        "file": str(path),
        "columns": {
            "confidence": columns.stated[0],
            "correct": columns.correct,
            "weights": config.weights,
            "group": config.group,
            "by": config.by,
            "compare": config.compare,
        },
        "settings": making.config,
        "read": read,
        **entry,
        **drawn,
        **tables,
        "notes": notes,
    }
    return made | {"findings": findings(made)}


def _entry(confidence: NDArray[Any], found: Predictions, config: Config, rows: Any = slice(None)) -> dict[str, Any]:
    """Measure some rows: all, or those of one value of `by`."""
    confidence, correct, options = confidence[rows], found.correct[rows], _options(found, config, rows)
    weights = options["weights"]
    measured = dict(fast.evaluate(confidence, correct, bins=cast(Bins, config.bins), **options))
    metrics = {name: _numbers(value) for name, value in measured.items()}
    known = _distinct(confidence)
    if config.bins != "distinct" and known <= FEW:
        by_value = fast.evaluate(confidence, correct, bins="distinct", metrics=("ece",), **options)
        metrics = {"ece": metrics["ece"], "ece_distinct": _numbers(by_value["ece"]), **metrics}
    return {
        "n": len(correct),
        "weight": None if weights is None else float(weights.sum()),
        "distinct": known if known <= FEW else None,
        "accuracy": curves.mean(correct, weights),
        "mean_confidence": curves.mean(confidence, weights),
        "metrics": metrics,
    }


def _options(found: Predictions, config: Config, rows: Any) -> dict[str, Any]:
    return {
        "weights": None if found.weights is None else found.weights[rows],
        "groups": None if found.group is None else found.group[rows],
        "bootstrap": config.bootstrap,
        "level": config.level,
        "seed": config.seed,
        "n_bins": config.n_bins,
    }


def _numbers(value: float | Interval) -> list[float]:
    """Give a metric as [value], or as [value, low, high]."""
    return [float(part) for part in (value if isinstance(value, tuple) else (value,))]


def _distinct(confidence: NDArray[Any]) -> int:
    """Count distinct confidences, of an even sample of rows where there are more than about a million."""
    return len(np.unique(confidence[:: max(1, len(confidence) // curves.PART)]))


def _drawn(confidence: NDArray[Any], found: Predictions, config: Config) -> dict[str, Any]:
    """Give the numbers that the page draws."""
    correct, weights = found.correct, found.weights
    bins = "width" if config.bins == "distinct" and _distinct(confidence) > FEW else config.bins
    diagram = fast.reliability(confidence, correct, n_bins=config.n_bins, bins=cast(Bins, bins), weights=weights)
    if bins == "sweep" and len(diagram.count) > FEW:
        diagram = fast.reliability(confidence, correct, n_bins=config.n_bins, weights=weights)
    return {
        "reliability": {name: getattr(diagram, name).tolist() for name in diagram._fields},
        "smooth": _smooth(confidence, correct, weights),
        "histogram": curves.histogram(confidence, correct, weights=weights),
        "risk_coverage": curves.risk_coverage(confidence, correct, weights=weights),
    }


def _smooth(confidence: NDArray[Any], correct: BoolArray, weights: Any) -> dict[str, list[float]]:
    """Share that is right as a smooth function of the confidence; NaN far from any row."""
    curve = fast.smooth_reliability(confidence, correct, weights=weights)
    shown = slice(None, None, max(1, len(curve.confidence) // FEW))
    return {"confidence": curve.confidence[shown].tolist(), "accuracy": curve.accuracy[shown].tolist()}


def _by(found: Predictions, config: Config) -> dict[str, Any]:
    if found.by is None:
        return {"by": None}
    if len(found.names) > MOST:
        raise ValueError(f"column {config.by!r} has {len(found.names):,} values; --by takes one of {MOST:,} at most")
    numbered = sorted(enumerate(found.names), key=lambda pair: (type(pair[1]).__name__, pair[1]))
    selected = ((name, found.by == code) for code, name in numbered)
    return {
        "by": [{"value": name} | _entry(found.stated[0], found, config, rows) for name, rows in selected if rows.any()]
    }


def _compared(found: Predictions, columns: Columns, config: Config) -> dict[str, Any]:
    if config.compare is None:
        return {"compare": None}
    options = _options(found, config, slice(None)) | {"bins": cast(Bins, config.bins)}
    plain = {name: options[name] for name in ("weights", "n_bins", "bins")}
    mine, other = (fast.evaluate(stated, found.correct, **plain) for stated in found.stated)
    if config.bootstrap == 0:
        table: dict[str, Any] = {
            name: {"other": other[name], "value": mine[name] - other[name]}
            for name in other
            if isinstance(other[name], float)
        }
    else:
        ours, theirs = found.stated
        differences = fast.compare(ours, theirs, found.correct, **options)
        table = {name: {"other": other.get(name)} | found._asdict() for name, found in differences.items()}
    return {"compare": {"column": columns.stated[1], "metrics": table}}


# What it means


def findings(made: Mapping[str, Any]) -> list[str]:
    """Say in plain sentences what the numbers show, the main one first.

    Parameters
    ----------
    made : mapping
        The contents of report.json.
    """
    said = [f"{_on_average(made)}; {_worst(made)}."]
    auroc = made["metrics"].get("auroc")
    if auroc is not None and not math.isfinite(auroc[0]):
        said.append(f"All answers are {'right' if made['accuracy'] == 1 else 'wrong'}, so AUROC is undefined.")
    elif auroc is not None:
        chance = f"It tells right from wrong with an AUROC of {auroc[0]:.2f}"
        if len(auroc) == 3:
            beats = "better than chance" if auroc[1] > 0.5 else "not shown to beat chance"
            beats = "worse than chance" if auroc[2] < 0.5 else beats
            chance += f" [{auroc[1]:.2f}, {auroc[2]:.2f}], {beats}"
        said.append(f"{chance}.")
    read = made["read"]
    graded = read["rows"] - read["ungraded"]
    policy = made["settings"]["unparsed"]
    for stated in read["stated"]:
        if missing := sum(stated["unread"].values()):
            fate = {"drop": "left out", "worst": "taken as the worst case", "base_rate": "taken as the base rate"}
            said.append(
                f"{missing:,} of {graded:,} graded rows ({missing / graded:.1%}) have no readable number in "
                f"{stated['column']!r} and are {fate[policy]}."
            )
    return said


def _on_average(made: Mapping[str, Any]) -> str:
    gap = made["mean_confidence"] - made["accuracy"]
    if abs(gap) < 0.005:
        return "Neither over- nor underconfident on average"
    return f"{'Over' if gap > 0 else 'Under'}confident by {abs(gap):.2f} on average"


def _worst(made: Mapping[str, Any]) -> str:
    """Name the bin farthest off, of those with a fair share of the rows and an interval without what they say."""
    bins = made["reliability"]
    rows = list(
        zip(
            *(bins["edges"][:-1], bins["edges"][1:]),
            *(bins[name] for name in ("count", "mean_confidence", "accuracy", "low", "high")),
            strict=True,
        )
    )
    total = sum(bins["count"])
    off = [row for row in rows if row[2] >= SHARE * total and row[2] > 0 and not row[5] <= row[3] <= row[6]]
    if not off:
        return "no bin is shown to be off"
    left, right, _, says, share, _, _ = max(off, key=lambda row: abs(row[3] - row[4]))
    return f"worst between {left:.2f} and {right:.2f}: says {says:.2f}, is right {share:.2f}"
