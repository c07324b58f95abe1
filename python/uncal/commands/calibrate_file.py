"""Calibrate a file: fit a map from score to confidence -> calibrator.json; or apply one -> the file and a column."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import artefacts, calibrators, group_files, predictions, progress
from uncal.artefacts import MadeBy
from uncal.calibrators import Calibrator
from uncal.errors import ArtefactError, ConfigError
from uncal.group_files import Source
from uncal.predictions import READERS, Columns
from uncal.stages.calibrate import fingerprint

log = logging.getLogger("uncal")
STAGE = "calibrate FILE"
ROWS = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of ``uncal calibrate FILE``; its flags are these fields.

    Attributes
    ----------
    scores : str or None, default=None
        Column of the score, any finite numbers in either direction (some calibrators want confidences in [0, 1]);
        score, scores or uncertainty unless set.
    correct : str or None, default=None
        Column that says which answers were right: true or false, yes or no, 1 or 0, empty where nobody knows; correct,
        is_correct or right unless set. Not read with `apply`.
    weights : str or None, default=None
        Column of weights: a row of weight 2 is that row twice. Not read with `apply`.
    parse : bool, default=False
        Scores are texts that state a confidence, such as "90%" or "9/10".
    reader : str, default="verbal"
        What reads those texts: verbal takes the numbers that they state and a few words; linguistic takes how sure they
        sound, by the hedges of a lexicon, and 0.8 for a text without any.
    method : str, default="platt"
        The calibrator (`uncal list calibrators`).
    method_settings : mapping, default={}
        Settings of the calibrator.
    apply : str or None, default=None
        A calibrator.json to apply instead of fitting one; the result is the file with a column more. Refused if its
        scores were made another way, as far as both files say how.
    column : str, default="confidence"
        Name of that column; null where there is no score.
    """

    scores: str | None = None
    correct: str | None = None
    weights: str | None = None
    parse: bool = False
    reader: str = "verbal"
    method: str = "platt"
    method_settings: Mapping[str, Any] = field(default_factory=dict)
    apply: str | None = None
    column: str = "confidence"

    def __post_init__(self) -> None:
        if self.reader not in READERS:
            raise ConfigError(f"reader is {self.reader!r}; it must be one of {', '.join(READERS)}")
        if self.reader != "verbal" and not self.parse:
            raise ConfigError(f"reader is {self.reader!r}, and parse is not set; only texts are read (--parse)")
        if self.apply is None:
            calibrators.make(self.method, **self.method_settings)  # or a wrong setting would be noticed late
        elif self.correct is not None or self.weights is not None:
            raise ConfigError("apply is set, and so is correct or weights; a calibrator is fitted or applied, not both")


def run(path: Path, out: Path | None, config: Config, *, overwrite: bool) -> None:
    """Fit or apply, and say what was made."""
    if out is None:
        raise ConfigError("out is not set; say where the result goes by --out PATH")
    made = calibrate_file(path, out, config, overwrite=overwrite)
    if config.apply is None:
        fields = json.loads(made.read_text(encoding="utf-8"))
        told = ", ".join(f"{name} {value:.6g}" for name, value in fields["parameters"].items() if _is_number(value))
        fitted = fields["fitted_on"]
        rows = f"{fitted['rows']:,} rows, {fitted['correct']:,} of them right"
        print(f"{fields['kind']} of {fitted['score']!r}, fitted on {rows}{': ' if told else ''}{told}")
    log.info("%s", made)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def calibrate_file(path: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Fit a calibrator on a file's scores and verdicts, or apply one to its scores.

    Parameters
    ----------
    path : Path
        Parquet, Arrow, JSONL, JSON, CSV, TSV, or a folder that `datasets` saved; read in batches.
    out : Path
        A .json file where one is fitted; a .parquet or .arrow file where one is applied.
    config : Config, optional
    overwrite : bool, default=False

    Raises
    ------
    ArtefactError
        If the file lacks a column, a value makes no sense, or no row has both a score and a verdict.
    FingerprintError
        If the calibrator to apply was fitted on scores made another way.
    """
    config = config or Config()
    wanted = (".json",) if config.apply is None else (".parquet", ".arrow")
    if out.is_dir() or out.suffix not in wanted:
        raise ConfigError(f"out is {out}; name a {' or '.join(wanted)} file")
    if out.exists() and path.exists() and out.samefile(path):
        raise ConfigError(f"{out} is the input as well; pass another --out, or what it holds is lost")
    source = group_files.open_file(path)
    scores = predictions.resolve(source, "scores", config.scores)
    inputs = {"scores": path} if config.apply is None else {"scores": path, "apply": Path(config.apply)}
    if config.apply is not None and not inputs["apply"].exists():
        raise ArtefactError(f"no calibrator {config.apply}")
    making = MadeBy.of(STAGE, config, inputs, foreign=("apply",), sampled=("scores",))
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    made_how = _fingerprint(path, scores)
    if config.apply is None:
        return _fit(source, scores, out, making, made_how, config)
    calibrator = calibrators.load(config.apply)
    mine = getattr(calibrator, "fingerprint_", {})
    if len(mine) > 1 and len(made_how) > 1:  # a name alone says little: the file's column may have any
        calibrator.check_fingerprint(made_how)
    return _apply(source, scores, out, making, calibrator, config)


def _fingerprint(path: Path, scores: str) -> dict[str, Any]:
    """Say how scores were made, where uncal made them."""
    maker = None
    if path.suffix in (".parquet", ".arrow") and path.is_file():
        try:
            maker = artefacts.made_by(path)
        except ArtefactError:
            maker = None
    return fingerprint(path, scores) if maker is not None and maker.stage == "score" else {"score": scores}


def _fit(source: Source, scores: str, out: Path, making: MadeBy, made_how: Mapping[str, Any], config: Config) -> Path:
    correct = predictions.resolve(source, "correct", config.correct)
    predictions.check(source, config.weights)
    columns = Columns(stated=(scores,), correct=correct, weights=config.weights, **_reading(config))
    found = predictions.read(source, columns)
    right = int(found.correct.sum())
    try:
        calibrator = calibrators.make(config.method, **config.method_settings).fit(
            found.stated[0], found.correct, found.weights, fingerprint=made_how
        )
    except ValueError as error:
        raise ArtefactError(f"{source.path}, column {scores!r}: {error}") from error
    if right in (0, len(found.correct)):
        kind = "right" if right else "wrong"
        log.warning("calibrate: all %d answers are %s; every score is mapped to one number", len(found.correct), kind)
    for count, what in ((found.ungraded, "a verdict"), (found.dropped, "a score")):
        if count:
            log.warning("calibrate: %d of %d rows have not %s and are left out", count, found.rows, what)
    fitted_on = {"file": str(source.path), "score": scores, "rows": len(found.correct), "correct": right}
    return calibrator.save(out, made_by=making.to_dict(), fitted_on=fitted_on)


def _reading(config: Config) -> dict[str, Any]:
    return {"parse": config.parse, "reader": config.reader, "bounded": False}


def _apply(source: Source, scores: str, out: Path, making: MadeBy, calibrator: Calibrator, config: Config) -> Path:
    """Write all columns of the file, and the confidence behind them."""
    if config.column in source.names:
        raise ConfigError(f"{source.path} has a column {config.column!r} already; name the new one by --column")
    columns = Columns(stated=(scores,), **_reading(config))
    kinds = _schema(source).append(pa.field(config.column, pa.float64()))
    start = unscored = 0
    with artefacts.writer(out, kinds, making) as write, progress.bar("calibrate", source.rows, "row") as bar:
        for batch in _batches(source):
            values = predictions.numbers(source, batch, start, columns)
            scored = np.isfinite(values)
            confidence = np.full(len(values), np.nan)
            if scored.any():
                try:
                    confidence[scored] = calibrator.confidence(values[scored])
                except ValueError as error:
                    raise ArtefactError(f"{source.at(start)} and those after it, column {scores!r}: {error}") from error
            unscored += len(values) - int(scored.sum())
            table = pa.Table.from_batches([batch]).append_column(config.column, pa.array(confidence, mask=~scored))
            write(table)
            start += batch.num_rows
            bar.update(batch.num_rows)
        if not start:
            raise ArtefactError(f"{source.path} has no rows")
    if unscored:
        log.warning("calibrate: %d of %d rows have no score and no confidence", unscored, start)
    return out


def _batches(source: Source) -> Iterator[pa.RecordBatch]:
    try:
        yield from source.batches(source.names, ROWS)
    except (*group_files.REFUSED, OSError) as error:
        raise ArtefactError(f"{source.path} cannot be read: {error}") from error


def _schema(source: Source) -> pa.Schema:
    """Columns of all batches together; those of a text file may hold whole numbers first and others later."""
    found: pa.Schema | None = None
    for batch in _batches(source):
        if found is None or not batch.schema.equals(found):
            fresh = batch.schema.remove_metadata()
            try:
                found = fresh if found is None else pa.unify_schemas([found, fresh], promote_options="permissive")
            except group_files.REFUSED as error:
                raise ArtefactError(f"{source.path}: columns hold several kinds of values: {error}") from error
        if source.rows is not None:
            break  # not a text file: all batches are alike
    if found is None:
        raise ArtefactError(f"{source.path} has no rows")
    return found
