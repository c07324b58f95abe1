"""Evaluate: how right the stated numbers are. A run folder -> statements.parquet, report.json."""

import json
import logging
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from uncal import artefacts, backends, cards, fast, graders, plugins, progress, prompts, reading, schema
from uncal.artefacts import MadeBy, Shards
from uncal.curves import risk_coverage
from uncal.errors import ArtefactError, ConfigError
from uncal.types import Backend, FloatArray, Grader

log = logging.getLogger("uncal")
RAW, TEACHER = "entropy", "teacher"
LABELS = {
    schema.BASE: "Base model, asked for its uncertainty in words",
    RAW: "Entropy over ln N, before calibration",
    TEACHER: "Teacher: calibrated entropy of the samples",
    schema.TRAINED: "Trained model: adapter, one pass",
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the evaluate stage; the flags of ``uncal evaluate`` are these fields.

    Attributes
    ----------
    split : str, default="test"
        Questions that are evaluated on.
    backend : str, default="transformers"
    backend_settings : mapping, default={}
        Further settings of the backend.
    read_out : {"stated", "mean"} or None, default=None
        The number as it is written, or the mean of what might be written, each by its probability; None is as the
        objective says that the adapter was trained on.
    max_tokens : int or None, default=None
        A statement is cut after so many tokens; None takes what the adapter was trained with, 256 without one.
    n_bins : int, default=15
        Bins of ECE and of the reliability diagrams, of equal width.
    bootstrap : int, default=1000
        Resamples of the questions behind every interval.
    level : float, default=0.95
        Of the intervals.
    n_examples : int, default=10
        Questions shown in the report.
    shard_size : int, default=64
        Statements between two writes to disk.
    seed : int, default=0
    """

    split: str = "test"
    backend: str = "transformers"
    backend_settings: Mapping[str, Any] = field(default_factory=dict)
    read_out: str | None = None
    max_tokens: int | None = None
    n_bins: int = 15
    bootstrap: int = 1000
    level: float = 0.95
    n_examples: int = 10
    shard_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.split not in schema.SPLITS:
            raise ConfigError(f"split is {self.split!r}; it must be one of {', '.join(schema.SPLITS)}")
        if self.read_out not in (None, *reading.HOW):
            raise ConfigError(f"read_out is {self.read_out!r}; it must be one of {', '.join(reading.HOW)}")
        for name in ("n_bins", "bootstrap", "shard_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.n_examples < 0:
            raise ConfigError(f"n_examples is {self.n_examples}; it must be 0 or more")
        if not 0 < self.level < 1:
            raise ConfigError(f"level is {self.level}; it must lie in (0, 1)")


def evaluate(run: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Have the base model and the adapter state their uncertainty, and measure it beside the teacher's.

    Reads the artefacts of the folder `run`; writes statements.parquet and report.json into the folder `out`, and the
    measured calibration into the adapter's model card. A run without an adapter is evaluated without it.

    Raises
    ------
    ArtefactError
        If an artefact is missing, or no question of the split has an answer.
    """
    config = config or Config()
    names = (
        schema.QUESTIONS,
        schema.COMPLETIONS,
        schema.GRADES,
        schema.SCORES,
        schema.CALIBRATOR,
        schema.TARGETS,
    )
    inputs = {name: run / name for name in names}
    adapter = run / schema.ADAPTER if (run / schema.ADAPTER).exists() else None
    if adapter is not None:
        inputs[schema.ADAPTER] = adapter
    making = MadeBy.of("evaluate", config, inputs)
    report = out / schema.REPORT_JSON
    if artefacts.is_done(report, making, overwrite=overwrite):
        return report
    note = json.loads((adapter / artefacts.NOTE).read_text(encoding="utf-8")) if adapter else _without_adapter(making)
    rows = _rows(run, config.split)
    # Statements depend on less than the report does: another number of bins does not draw them anew.
    relevant = ("split", "backend", "backend_settings", "read_out", "max_tokens", "shard_size", "seed")
    stating = replace(
        making,
        config={name: making.config[name] for name in relevant},
        inputs={name: making.inputs[name] for name in (schema.TARGETS, schema.ADAPTER) if name in making.inputs},
    )
    statements = _state(rows, note, adapter, out / schema.STATEMENTS, stating, config, overwrite=overwrite)
    made = _report(run, rows, statements, note, making, config)
    if adapter is not None:  # before the report, which says that all is done
        artefacts.write_text(adapter / "README.md", cards.model_card(note, cards.calibration_table(made)))
    artefacts.write_text(report, json.dumps(artefacts.finite(made), indent=1) + "\n")
    return report


def _without_adapter(making: MadeBy) -> dict[str, Any]:
    sampled = making.lineage.get("sample", {})
    return {
        "base_model": sampled.get("model"),
        "prompts": {
            "answer": sampled.get("answer_prompt", prompts.ANSWER),
            "uncertainty": prompts.UNCERTAINTY,
            "order": "answer_first",
        },
        "read_out": {"temperature": 0.0, "max_tokens": 256},
    }


def _rows(run: Path, split: str) -> list[dict[str, Any]]:
    """Questions of a split, with all that the stages before found out about them."""
    score = _score(run)
    files = {
        "questions": (run / schema.QUESTIONS, ["answers", "split"]),
        "completions": (run / schema.COMPLETIONS, ["completions"]),
        "scores": (run / schema.SCORES, [score]),
        "targets": (run / schema.TARGETS, ["prompt", "answer", "uncertainty", "correct"]),
    }
    rows: list[dict[str, Any]] = []
    for tables in artefacts.read_together(4096, **files):
        merged = tables["targets"].append_column("score", tables["scores"][score])
        for name, column in (("questions", "answers"), ("questions", "split"), ("completions", "completions")):
            merged = merged.append_column(column, tables[name][column])
        merged = merged.append_column("n", pc.list_value_length(merged["completions"])).drop_columns("completions")
        rows += [row for row in merged.to_pylist() if row["split"] == split and row["answer"] is not None]
    if not rows:
        raise ArtefactError(f"no question of the split {split!r} in {run} has an answer")
    return rows


def _score(run: Path) -> str:
    """Column that was calibrated."""
    return str(json.loads((run / schema.CALIBRATOR).read_text(encoding="utf-8"))["made_by"]["config"]["score"])


# What the models say


def _state(
    rows: list[dict[str, Any]],
    note: Mapping[str, Any],
    adapter: Path | None,
    out: Path,
    making: MadeBy,
    config: Config,
    *,
    overwrite: bool,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Statements by source and question id; drawn in shards, so that a cut-off evaluation goes on."""
    sources = [schema.BASE] if adapter is None else [schema.BASE, schema.TRAINED]
    if not artefacts.is_done(out, making, overwrite=overwrite):
        made: dict[str, Backend] = {}
        grader = _run_grader(making) if _answers_itself(note) else None

        def work(batch: pa.Table) -> pa.Table:
            source = batch["source"][0].as_py()
            if source not in made:
                made.clear()  # one model in memory at a time
                with_adapter = {"adapter": str(adapter)} if source == schema.TRAINED else {}
                made[source] = backends.make(
                    config.backend, model=note["base_model"], **with_adapter, **config.backend_settings
                )
            return reading.statement_batch(
                batch,
                note,
                made[source],
                how=config.read_out,
                max_tokens=config.max_tokens,
                seed=config.seed,
                grader=grader,
            )

        with (
            Shards(out, making, schema.statements, overwrite=overwrite) as shards,
            progress.bar("evaluate", len(rows) * len(sources), "statement") as bar,
        ):
            shards.run(_batches(rows, sources, config.shard_size), work, bar.update)
    statements: dict[str, dict[str, dict[str, Any]]] = {source: {} for source in sources}
    for table in artefacts.read(out):
        for row in table.to_pylist():
            statements[row["source"]][row["id"]] = row
    return statements


def _answers_itself(note: Mapping[str, Any]) -> bool:
    """Whether the trained model gives answer and number in one completion."""
    return bool(note["prompts"].get("order", "answer_first") != "answer_first")


def _run_grader(making: MadeBy) -> Grader:
    """Make the grader that graded the run, for answers that the trained model gives itself."""
    graded = making.lineage.get("grade", {})
    made: Grader = plugins.make_whole("graders", graded.get("grader", "exact_match"), graded.get("grader_settings", {}))
    return made


def _batches(rows: list[dict[str, Any]], sources: list[str], size: int) -> Iterator[pa.Table]:
    for source in sources:
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            yield pa.table(
                {
                    "id": [row["id"] for row in part],
                    "prompt": [row["prompt"] for row in part],
                    "answer": [row["answer"] for row in part],
                    "answers": pa.array([row["answers"] for row in part], pa.list_(pa.string())),
                    "source": [source] * len(part),
                }
            )


# What the numbers are worth


def _report(
    run: Path,
    rows: list[dict[str, Any]],
    statements: Mapping[str, Mapping[str, Mapping[str, Any]]],
    note: Mapping[str, Any],
    making: MadeBy,
    config: Config,
) -> dict[str, Any]:
    calibrator = json.loads((run / schema.CALIBRATOR).read_text(encoding="utf-8"))
    graded = [row for row in rows if row["correct"] is not None]
    teacher = {row["id"]: row["uncertainty"] for row in rows}
    score = str(calibrator["made_by"]["config"]["score"])
    told: dict[str, Mapping[str, float | None]] = {
        schema.BASE: {name: row["uncertainty"] for name, row in statements[schema.BASE].items()}
    }
    if score in plugins.names("scorers") and plugins.load("scorers", score).range == "0 to ln N":
        told[RAW] = {row["id"]: _over_log_n(row) for row in rows}
    told[TEACHER] = teacher
    if schema.TRAINED in statements:
        told[schema.TRAINED] = {name: row["uncertainty"] for name, row in statements[schema.TRAINED].items()}
    table = []
    for name, stated in told.items():
        mine = graded
        if _answers_itself(note) and name in statements:
            verdicts = {row["id"]: row["correct"] for row in statements[name].values()}
            mine = [row | {"correct": verdicts[row["id"]]} for row in rows if verdicts[row["id"]] is not None]
        entry = _measure(mine, stated, config)
        if name == schema.TRAINED:
            entry["imitation"] = _spearman(rows, stated, teacher, config)
        table.append({"name": name, "label": LABELS[name]} | entry)
    counts, questions = _counts(run, statements, note)
    return {
        "schema_version": schema.VERSION,
        "made_by": making.to_dict(),
        "split": config.split,
        "level": config.level,
        "bootstrap": config.bootstrap,
        "n_bins": config.n_bins,
        "questions": questions,
        "grader": _grader(run, graded),
        "score": {"name": score, "auroc": _score_auroc(graded, config)},
        "calibrator": {key: calibrator[key] for key in ("kind", "parameters", "fingerprint", "fitted_on")},
        "table": table,
        "findings": _findings(table, note.get("training", {})),
        "counts": counts,
        "training": note.get("training", {}),
        "settings": making.lineage | {"evaluate": making.config},
        "examples": _examples(run, rows, statements, config),
    }


def _grader(run: Path, graded: list[dict[str, Any]]) -> dict[str, Any]:
    """Who said what is right, and how far exact match says the same."""
    names = set[str]()
    for table in artefacts.read(run / schema.GRADES, ["grader"]):
        names.update(table["grader"].unique().to_pylist())
    name = ", ".join(sorted(names))
    if name.startswith("exact_match") or not graded:
        return {"name": name, "exact_match": None}
    exact = graders.make("exact_match")([row["answer"] for row in graded], [row["answers"] for row in graded])
    found = graders.agreement(np.array([row["correct"] for row in graded], dtype=bool), exact)
    return {"name": name, "exact_match": found._asdict()}


def _over_log_n(row: Mapping[str, Any]) -> float | None:
    """Entropy over its largest value, the only reading as a probability that it has before calibration."""
    n = row["n"] or 0
    if row["score"] is None or not math.isfinite(row["score"]):
        return None
    return float(min(1.0, row["score"] / math.log(n))) if n > 1 else 0.0


def _measure(graded: list[dict[str, Any]], stated: Mapping[str, float | None], config: Config) -> dict[str, Any]:
    """Metrics of one row of the table, over the graded questions for which a number was stated."""
    values = [stated.get(row["id"]) for row in graded]
    present = [i for i, value in enumerate(values) if value is not None]
    confidence = np.array([1 - values[i] for i in present], dtype=np.float64)  # type: ignore[operator]
    correct = np.array([graded[i]["correct"] for i in present], dtype=bool)
    missing = len(graded) - len(present)
    entry: dict[str, Any] = {
        "n": len(present),
        "malformed": missing,
        "malformed_share": _wilson(missing, len(graded), config.level),
        "distinct": len(np.unique(confidence)),
        "largest_share": max(Counter(confidence.tolist()).values()) / len(present) if present else None,
    }
    if not present:
        nothing = ("ece", "ece_distinct", "brier", "auroc", "accuracy", "mean_confidence", "reliability")
        return entry | dict.fromkeys((*nothing, "risk_coverage"))
    options: dict[str, Any] = {
        "bootstrap": config.bootstrap,
        "level": config.level,
        "seed": config.seed,
        "n_bins": config.n_bins,
    }
    with warnings.catch_warnings():  # of resamples that hold answers of one kind only, which ranks leave out
        warnings.filterwarnings("ignore", message=r"\w+: does not exist", category=UserWarning)
        measured = fast.evaluate(confidence, correct, metrics=("ece", "brier", "auroc"), **options)
        by_value = fast.evaluate(confidence, correct, bins="distinct", metrics=("ece",), **options)
    drawn = fast.reliability(confidence, correct, n_bins=config.n_bins)
    return entry | {
        "ece": measured["ece"],
        "ece_distinct": by_value["ece"],
        "brier": measured["brier"],
        "auroc": measured["auroc"],
        "accuracy": float(correct.mean()),
        "mean_confidence": float(confidence.mean()),
        "reliability": {name: getattr(drawn, name).tolist() for name in drawn._fields},
        "risk_coverage": risk_coverage(confidence, correct),
    }


def _score_auroc(graded: list[dict[str, Any]], config: Config) -> Any:
    """AUROC of the raw score for correctness; by rank, so that no calibration is behind it."""
    scored = [row for row in graded if row["score"] is not None and math.isfinite(row["score"])]
    if not scored:
        return None
    values = np.array([row["score"] for row in scored])
    correct = np.array([row["correct"] for row in scored], dtype=bool)
    ranks = np.unique(values, return_inverse=True)[1]
    confidence = 1 - ranks / max(1, ranks.max())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\w+: does not exist", category=UserWarning)
        measured = fast.evaluate(confidence, correct, bootstrap=config.bootstrap, level=config.level, seed=config.seed)
    return measured["auroc"]


def _wilson(count: int, n: int, level: float) -> tuple[float, float, float] | None:
    """Return a share with its Wilson interval."""
    from statistics import NormalDist

    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def _spearman(
    rows: list[dict[str, Any]],
    stated: Mapping[str, float | None],
    teacher: Mapping[str, float | None],
    config: Config,
) -> tuple[float, float, float] | None:
    """Rank correlation with the teacher, with a percentile bootstrap interval: imitation, not truth."""
    pairs = [
        (stated.get(row["id"]), teacher[row["id"]])
        for row in rows
        if stated.get(row["id"]) is not None and teacher[row["id"]] is not None
    ]
    x, y = (np.array([pair[i] for pair in pairs], dtype=np.float64) for i in (0, 1))
    if len(pairs) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    value = _rank_correlation(x, y)
    generator = np.random.default_rng(config.seed)
    draws = (generator.integers(len(pairs), size=len(pairs)) for _ in range(config.bootstrap))
    resampled = [_rank_correlation(x[d], y[d]) for d in draws if np.ptp(x[d]) and np.ptp(y[d])]
    if not resampled:
        return value, math.nan, math.nan
    low, high = np.quantile(resampled, [(1 - config.level) / 2, (1 + config.level) / 2])
    return value, float(low), float(high)


def _rank_correlation(x: FloatArray, y: FloatArray) -> float:
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def _counts(
    run: Path, statements: Mapping[str, Mapping[str, Mapping[str, Any]]], note: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Every row that dropped out or was malformed, stage by stage, and the size of the splits."""
    splits: Counter[str] = Counter()
    unanswered = failed = blank_answers = blank = cut = completions = ungraded = unscored = 0
    for table in artefacts.read(run / schema.QUESTIONS, ["split", "answers"]):
        splits.update(table["split"].to_pylist())
        unanswered += sum(not answers for answers in table["answers"].to_pylist())
    for table in artefacts.read(run / schema.COMPLETIONS, ["answer", "completions", "status", "finish_reasons"]):
        failed += table["status"].to_pylist().count(schema.FAILED)
        blank_answers += sum(answer is not None and not answer.strip() for answer in table["answer"].to_pylist())
        for group, reasons in zip(table["completions"].to_pylist(), table["finish_reasons"].to_pylist(), strict=True):
            completions += len(group or ())
            blank += sum(not text.strip() for text in group or ())
            cut += sum(reason == "length" for reason in reasons or ())
    for table in artefacts.read(run / schema.GRADES, ["correct"]):
        ungraded += table["correct"].null_count
    for table in artefacts.read(run / schema.TARGETS, ["uncertainty"]):
        unscored += table["uncertainty"].null_count
    total = splits.total()
    found = [
        ("questions", "questions without an accepted answer", unanswered, total),
        ("sample", "questions that the model could not take", failed, total),
        ("sample", "answers that are blank", blank_answers, total),
        ("sample", "completions that are blank", blank, completions),
        ("sample", "completions cut at max_tokens", cut, completions),
        ("grade", "answers without a grade", ungraded, total),
        ("calibrate", "questions without a target, because they have no score", unscored, total),
    ]
    if "questions" in note:
        dropped = note["over_the_context"]
        found.append(("train", "training questions over the model's context", dropped, note["questions"] + dropped))
    for source, rows in statements.items():
        reasons = Counter(row["reason"].partition(":")[0] for row in rows.values() if row["uncertainty"] is None)
        who = "base" if source == schema.BASE else "trained"
        found.append(
            ("evaluate", f"statements of the {who} model without a readable number", sum(reasons.values()), len(rows))
        )
        found += [
            ("evaluate", f"of these, statements of the {who} model: {reason}", count, len(rows))
            for reason, count in sorted(reasons.items())
        ]
    counts = [{"stage": stage, "what": what, "count": count, "of": of} for stage, what, count, of in found]
    return counts, {"all": total} | {split: splits[split] for split in schema.SPLITS}


def _findings(table: list[dict[str, Any]], training: Mapping[str, Any]) -> list[str]:
    """Plain sentences for what the table shows, the unwelcome ones included."""
    by_name = {row["name"]: row for row in table}
    said = []
    for name in (TEACHER, schema.TRAINED, schema.BASE):
        row = by_name.get(name)
        if row is None:
            continue
        who = {TEACHER: "The teacher", schema.TRAINED: "The trained model", schema.BASE: "The base model"}[name]
        if row["n"] == 0:
            said.append(f"{who} stated no readable number on any of {row['malformed']} questions.")
            continue
        gap = row["mean_confidence"] - row["accuracy"]
        over = f"over {row['n']} question{'s' if row['n'] != 1 else ''}"
        sentence = f"{who} is {'over' if gap > 0 else 'under'}confident by {abs(gap):.2f} on average {over}"
        if abs(gap) < 0.005:
            sentence = f"{who} is neither over- nor underconfident on average {over}"
        auroc = row["auroc"]
        if auroc is None or not math.isfinite(auroc[0]):
            said.append(f"{sentence}; all their answers are of one kind, so AUROC is undefined.")
            continue
        above = "tells right from wrong better than chance" if auroc[1] > 0.5 else "is not shown to beat chance"
        said.append(f"{sentence}; its AUROC of {auroc[0]:.2f} [{auroc[1]:.2f}, {auroc[2]:.2f}] {above}.")
        if name == schema.TRAINED and row["largest_share"] > 0.8:
            said.append(
                f"The trained model has collapsed: one number makes up {row['largest_share']:.0%} of its statements."
            )
    trained, teacher = by_name.get(schema.TRAINED), by_name[TEACHER]
    if trained is not None and trained["n"]:
        imitation = trained["imitation"]
        if imitation is None or not imitation[1] > 0:
            said.append(
                "The trained model is not shown to follow its teacher: it has learnt the format, and little else."
            )
        elif trained["auroc"] and teacher["auroc"] and trained["auroc"][0] < teacher["auroc"][1]:
            said.append("The trained model is well short of its teacher at telling right from wrong.")
        steps = len(training.get("grpo", {}).get("steps", ()))
        if 0 < steps < 50:
            said.append(f"{steps} GRPO steps are next to none (the paper takes 1000): what it learnt is the warm-up's.")
    return said


def _examples(
    run: Path,
    rows: list[dict[str, Any]],
    statements: Mapping[str, Mapping[str, Mapping[str, Any]]],
    config: Config,
) -> list[dict[str, Any]]:
    """Take a few questions, chosen at random."""
    generator = np.random.default_rng(config.seed)
    chosen = sorted(generator.choice(len(rows), min(config.n_examples, len(rows)), replace=False).tolist())
    wanted = {rows[i]["id"] for i in chosen}
    completions: dict[str, Any] = {}
    for table in artefacts.read(run / schema.COMPLETIONS, ["id", "completions"]):
        kept = table.filter(pc.is_in(table["id"], pa.array(sorted(wanted), pa.string())))
        completions |= {row["id"]: row["completions"] for row in kept.to_pylist()}
    return [
        {key: rows[i][key] for key in ("id", "prompt", "answers", "answer", "correct", "uncertainty")}
        | {
            "completions": completions[rows[i]["id"]],
            "statements": {source: dict(stated[rows[i]["id"]]) for source, stated in statements.items()},
        }
        for i in chosen
    ]
