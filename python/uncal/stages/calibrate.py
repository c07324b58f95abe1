"""Calibrate: what a score means. scores.parquet, grades.parquet, ... -> calibrator.json, targets.parquet."""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import artefacts, calibrators, fast, progress, schema, scorers
from uncal.artefacts import MadeBy
from uncal.calibrators import Calibrator
from uncal.errors import ArtefactError, ConfigError
from uncal.stages._made import MADE
from uncal.types import BoolArray, FloatArray, IntArray

log = logging.getLogger("uncal")
ROWS = 4096
FINGERPRINTED = {
    "embed": ("embedder", "embedder_settings", "dtype"),
    "sample": ("n_completions", "temperature", "top_p", "max_tokens"),
}
"""Settings of earlier stages that change what a score means."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the calibrate stage; the flags of ``uncal calibrate`` are these fields.

    Attributes
    ----------
    score : str, default="von_neumann_entropy"
        Column of scores.parquet that is calibrated.
    method : str, default="platt"
        The calibrator. Those that take confidences in [0, 1] (temperature, beta, histogram) get 1 - score, and want
        scores in [0, 1].
    method_settings : mapping, default={}
        Settings of the calibrator.
    apply : str or None, default=None
        A calibrator.json to apply instead of fitting one; refused if its scores were made another way.
    n_folds : int, default=5
        Targets of the calibrate split come from maps fitted on the other folds, so never from their own row.
    seed : int, default=0
        Of the folds.
    """

    score: str = "von_neumann_entropy"
    method: str = "platt"
    method_settings: Mapping[str, Any] = field(default_factory=dict)
    apply: str | None = None
    n_folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_folds < 2:
            raise ConfigError(f"n_folds is {self.n_folds}; cross-fitting takes at least 2")


def fingerprint(scores: Path, score: str) -> dict[str, Any]:
    """Say how a column of scores was made: what a calibrator and the scores that it maps must agree on.

    Scorer and its settings (kernel, gamma, ...), embedder, N, temperature and the like, as the metadata of
    scores.parquet tells them; scores that uncal did not make have only their name.
    """
    maker = artefacts.made_by(scores)
    if maker is None:
        return {"score": score}
    scorer: Any = scorers.make_several(maker.config["scorers"], maker.config["scorer_settings"])[score]
    found = {"score": score} | asdict(scorer)
    for stage, names in FINGERPRINTED.items():
        found |= {name: _meaning(maker.lineage[stage][name]) for name in names if stage in maker.lineage}
    if maker.config.get("embedder") is not None:  # made on the way to the scores
        found |= {name: _meaning(maker.config[name]) for name in ("embedder", "embedder_settings")}
    works = [MADE[name] for name in scorer.needs if name in MADE and maker.config.get(MADE[name].by) is not None]
    if any(work.by == "entailer" for work in works):
        found |= {name: _meaning(maker.config[name]) for name in ("entailer", "entailer_settings")}
    if any(work.asked for work in works):
        found["conditioned"] = maker.config["conditioned"]
    return found


def _meaning(setting: Any) -> Any:
    """Return a setting without what changes speed alone."""
    if not isinstance(setting, Mapping):
        return setting
    return {name: value for name, value in setting.items() if name not in ("batch_size", "device")}


def calibrate(
    questions: Path,
    completions: Path,
    grades: Path,
    scores: Path,
    out: Path,
    config: Config | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Fit the map from score to confidence on the calibrate split; write it and every question's target.

    `out` is the calibrator; targets.parquet is written beside it. The target is the calibrated probability that the
    frozen answer is wrong, 1 - confidence.

    Raises
    ------
    ArtefactError
        If the calibrate split has no question with both a score and a grade, or the calibrator to apply is one of
        groups.
    ConfigError
        If the method refuses a setting, or takes confidences and a score leaves [0, 1].
    FingerprintError
        If the calibrator to apply was fitted on scores made another way.
    """
    config = config or Config()
    inputs = {"questions": questions, "completions": completions, "grades": grades, "scores": scores}
    if config.apply is not None:
        inputs["apply"] = Path(config.apply)
    making = MadeBy.of("calibrate", config, inputs, foreign=("apply",))
    targets = out.with_name(schema.TARGETS)
    if artefacts.is_done(out, making, overwrite=overwrite) and artefacts.is_done(targets, making, overwrite=overwrite):
        return out
    artefacts.is_done(targets, making, overwrite=overwrite)  # refuses a stranger before any work
    made_how = fingerprint(scores, config.score)

    files = {
        "questions": (questions, ["split"]),
        "completions": (completions, ["prompt", "answer"]),
        "grades": (grades, ["correct"]),
        "scores": (scores, [config.score]),
    }
    ids, values, correct = _labelled(files, config)
    if config.apply is not None:
        calibrator = _load(config.apply)
        calibrator.check_fingerprint(made_how | _mapped(calibrator))
        crossfitted: dict[str, float] = {}
    else:
        if not len(ids):
            raise ArtefactError(
                f"no question of the split 'calibrate' has both a score and a grade; {grades} needs accepted answers"
            )
        unfitted = _make(config)
        mapped = _inputs(unfitted, values, ids, config)
        calibrator = _fit(unfitted, mapped, correct, config, made_how)
        crossfitted = _crossfit(ids, mapped, correct, config)
        _warn(values, correct, calibrator.confidence(mapped))

    left_out = 0
    with (
        artefacts.writer(targets, schema.targets, making) as write,
        progress.bar("calibrate", artefacts.count_rows(questions)) as bar,
    ):
        for tables in artefacts.read_together(ROWS, **files):
            batch = target_batch(tables, config, calibrator, crossfitted)
            left_out += batch["uncertainty"].null_count
            write(batch)
            bar.update(batch.num_rows)
    fitted_on = {"split": "calibrate", "questions": len(ids), "correct": int(correct.sum()), "score": config.score}
    if config.apply is not None:
        fitted_on = json.loads(Path(config.apply).read_text(encoding="utf-8")).get("fitted_on", {})
    calibrator.save(out, made_by=making.to_dict(), fitted_on=fitted_on)
    if left_out:
        log.warning("calibrate: %d questions have no target, because they have no score", left_out)
    return out


def target_batch(
    tables: Mapping[str, pa.Table], config: Config, calibrator: Calibrator, crossfitted: Mapping[str, float]
) -> pa.Table:
    """Map the scores of some questions to targets.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        questions (`id`, `split`), completions (`prompt`, `answer`), grades (`correct`), scores (the column calibrated).
    config : Config
    calibrator : Calibrator
        Maps every row but those in `crossfitted`.
    crossfitted : mapping of str to float
        Confidence by id of the rows that the calibrator was fitted on.

    Returns
    -------
    pyarrow.Table
        As many rows, with the columns of targets.parquet; `uncertainty` is null where the score is.
    """
    questions, scores = tables["questions"], tables["scores"][config.score]
    values = scores.to_numpy()
    scored = np.isfinite(values)
    names = questions["id"].to_pylist()
    confidence = np.full(len(values), np.nan)
    if scored.any():
        inputs = _inputs(calibrator, values[scored], list(compress(names, scored)), config)
        confidence[scored] = calibrator.confidence(inputs)
    for i, name in enumerate(names):
        if name in crossfitted:
            confidence[i] = crossfitted[name]
    return pa.table(
        {
            "id": questions["id"],
            "split": questions["split"],
            "prompt": tables["completions"]["prompt"],
            "answer": tables["completions"]["answer"],
            "uncertainty": pa.array(1 - confidence, mask=~scored),
            "correct": tables["grades"]["correct"],
        }
    )


def _make(config: Config) -> Calibrator:
    return calibrators.make(config.method, **config.method_settings)


def _load(path: str) -> Calibrator:
    calibrator = calibrators.load(path)
    if not isinstance(calibrator, Calibrator):
        raise ArtefactError(f"{path} maps scores by group, and questions have none; apply a calibrator of one score")
    return calibrator


def _mapped(calibrator: Calibrator) -> dict[str, Any]:
    """Say in the fingerprint what is mapped, where that is not the score itself."""
    return {"mapped": "1 - score"} if calibrator.takes == "confidence" else {}


def _inputs(calibrator: Calibrator, values: FloatArray, ids: list[str], config: Config) -> FloatArray:
    """Return what a calibrator maps: the scores, or 1 - score where it takes confidences; `ids` are for the error."""
    if calibrator.takes == "score":
        return values
    if (outside := (values < 0) | (values > 1)).any():
        row = int(outside.argmax())
        raise ConfigError(
            f"score {config.score!r} of question {ids[row]!r} is {values[row]}, and the method {calibrator.kind!r} "
            f"takes scores in [0, 1]; {', '.join(calibrators.takers_of_any_score())} take any score"
        )
    return 1 - values


def _fit(
    calibrator: Calibrator,
    inputs: FloatArray,
    correct: BoolArray,
    config: Config,
    made_how: Mapping[str, Any] | None = None,
) -> Calibrator:
    how = made_how and {**made_how, **_mapped(calibrator)}
    try:
        return calibrator.fit(inputs, correct, fingerprint=how)
    except ValueError as error:  # what is left to be wrong are settings
        raise ConfigError(f"method {config.method!r}: {error}") from error


def _labelled(files: dict[str, tuple[Path, list[str]]], config: Config) -> tuple[list[str], FloatArray, BoolArray]:
    """Rows of the calibrate split that have both a score and a grade."""
    ids: list[str] = []
    values: list[float] = []
    correct: list[bool] = []
    for tables in artefacts.read_together(ROWS, **files):
        columns = (
            tables["questions"]["id"],
            tables["questions"]["split"],
            tables["scores"][config.score],
            tables["grades"]["correct"],
        )
        for name, split, value, right in zip(*(column.to_pylist() for column in columns), strict=True):
            if split == "calibrate" and value is not None and math.isfinite(value) and right is not None:
                ids.append(name)
                values.append(value)
                correct.append(right)
    return ids, np.array(values, dtype=np.float64), np.array(correct, dtype=bool)


def _crossfit(ids: list[str], inputs: FloatArray, correct: BoolArray, config: Config) -> dict[str, float]:
    """Confidence of each row by a map that was fitted without it; a lone row gets 0.5."""
    folds = _folds(ids, config)
    confidence = np.full(len(ids), 0.5)
    for fold in np.unique(folds):
        held_out = folds == fold
        if not held_out.all():
            fitted = _fit(_make(config), inputs[~held_out], correct[~held_out], config)
            confidence[held_out] = fitted.confidence(inputs[held_out])
    return dict(zip(ids, confidence.tolist(), strict=True))


def _folds(ids: list[str], config: Config) -> IntArray:
    """Fold of each row: equal shares in the order of the ids' hashes."""
    hashes = [hashlib.sha256(f"{config.seed}\0fold\0{name}".encode()).digest() for name in ids]
    folds = np.empty(len(ids), dtype=np.int64)
    folds[sorted(range(len(ids)), key=hashes.__getitem__)] = np.arange(len(ids)) % config.n_folds
    return folds


def _warn(values: FloatArray, correct: BoolArray, confidence: FloatArray) -> None:
    if correct.all() or not correct.any():
        log.warning(
            "calibrate: all %d answers of the calibrate split are %s; %s",
            len(correct),
            "right" if correct.all() else "wrong",
            "every target is the same number" if np.ptp(confidence) == 0 else "no target tells right from wrong",
        )
    elif fast.auroc(values, correct) > 0.5:
        log.warning("calibrate: a higher score goes with more right answers here; it does not measure uncertainty")
