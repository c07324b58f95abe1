"""Files of samples that other libraries wrote, recognised by their columns: TRL, lm-evaluation-harness, uqlm.

Any other file is one of columns: `group_files` says which layouts and names it reads.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from uncal import group_files, lm_eval
from uncal.errors import ArtefactError, ConfigError
from uncal.group_files import Layout, Place, Source
from uncal.types import text_of

log = logging.getLogger("uncal")

SIGNS = {
    "lm-eval": ("doc_id", "doc", "target", "arguments", "resps", "filtered_resps"),
    "trl": ("step", "prompt", "completion", "advantage"),
    "uqlm": ("sampled_responses",),
}
"""Columns by which a file is recognised, all of them; the first format whose columns are there is taken."""
FORMATS = ("auto", "columns", *SIGNS)
RUN = "step, prompt"
"""Column that a file of TRL gets: which run of rows with the same step and prompt a row belongs to."""


class Samples(NamedTuple):
    """A file of samples.

    Attributes
    ----------
    source : Source
    format : str
        Of `FORMATS`, never "auto".
    columns : dict of str to str
        Where the format keeps "id", "group", "texts", "logprobs", "prompt", "answer" or "answers".
    """

    source: Source
    format: str
    columns: dict[str, str]

    def layout(self, given: Layout) -> Layout:
        """Fill the columns that a layout does not name with those of the format."""
        known = {name: column for name, column in self.columns.items() if name not in ("prompt", "answer", "answers")}
        if {"id", "group"} & given.columns.keys():
            known = {name: column for name, column in known.items() if name not in ("id", "group")}
        return replace(given, columns=known | given.columns)

    def row_columns(self, given: dict[str, str | None], names: dict[str, tuple[str, ...]]) -> dict[str, str]:
        """Say which columns hold what there is one of for each group.

        Parameters
        ----------
        given : dict of str to str or None
            What is wanted -> the column's name, or None to look for it.
        names : dict of str to tuple of str
            What is wanted -> names that are looked for, where the format does not know one.

        Raises
        ------
        ArtefactError
            If a column that is given is not there.
        """
        found = {}
        for name, column in given.items():
            if column is not None and column not in self.source.names:
                raise ArtefactError(
                    f"{self.source.path} has no column {column!r}; it has {', '.join(self.source.names)}"
                )
            known = (self.columns.get(name), *names[name])
            column = column or next((one for one in known if one is not None and one in self.source.names), None)
            if column is not None:
                found[name] = column
        return found


def check(name: str) -> None:
    """Complain about a format that is not known."""
    if name not in FORMATS:
        raise ConfigError(f"format is {name!r}; it must be one of {', '.join(FORMATS)}")


def open_samples(path: Path, wanted: str = "auto") -> Samples:
    """Look at a file of samples.

    Parameters
    ----------
    path : Path
    wanted : str, default="auto"
        "auto" recognises the format; "columns" takes the columns as they are; or a format by name.

    Raises
    ------
    ArtefactError
        If there is no such file, it cannot be read, or lacks the columns of the format that is wanted.

    Notes
    -----
    Status: verified against what trl 1.16.0, lm_eval 0.4.13 and uqlm 0.6.7 write.
    """
    check(wanted)
    if path.is_dir() and wanted in ("auto", "lm-eval") and any(path.glob("samples_*.jsonl")):
        return _opened("lm-eval", path, None)
    source = group_files.open_file(path)
    if wanted in SIGNS:
        if lacking := [name for name in SIGNS[wanted] if name not in source.names]:
            raise ArtefactError(
                f"{path} is no file of {wanted}: it has no {', '.join(lacking)}; it has {', '.join(source.names)}"
            )
        return _opened(wanted, path, source)
    if wanted == "auto":
        for name, signs in SIGNS.items():
            if set(signs) <= set(source.names):
                log.info("%s: read as a file of %s (--format columns takes its columns as they are)", path, name)
                return _opened(name, path, source)
    return Samples(source, "columns", {})


def _opened(name: str, path: Path, source: Source | None) -> Samples:
    if source is None or name == "lm-eval":
        return Samples(lm_eval.open_texts(path), name, lm_eval.TEXT_COLUMNS)
    return Samples(*_OPENERS[name](source))


def _trl(source: Source) -> tuple[Source, str, dict[str, str]]:
    """Completions that a GRPOTrainer or RLOOTrainer logged, a row each; those of a prompt lie next to each other."""

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        theirs = [name for name in columns if name != RUN] + (["step", "prompt"] if RUN in columns else [])
        step, prompt, run = None, None, -1
        for batch in source.batches(list(dict.fromkeys(theirs)), rows):
            made = {name: _said(batch[name]) if name in TURNS else batch[name] for name in columns if name != RUN}
            if RUN in columns:
                names = []
                for now, asked in zip(batch["step"].to_pylist(), batch["prompt"].to_pylist(), strict=True):
                    asked = json.dumps(asked, sort_keys=True)
                    run = 0 if now != step else run + (asked != prompt)
                    step, prompt = now, asked
                    names.append(f"{now}.{run}")
                made[RUN] = pa.array(names, pa.string())
            yield pa.record_batch(made)

    columns = {"group": RUN, "texts": "completion", "prompt": "prompt"}
    return replace(source, names=[*source.names, RUN], batches=batches), "trl", columns


TURNS = ("prompt", "completion")
"""Columns of TRL that hold texts, or conversations of which the last turn counts."""


def _said(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column
    return pa.array([None if turns is None else text_of(turns) for turns in column.to_pylist()], pa.string())


def _uqlm(source: Source) -> tuple[Source, str, dict[str, str]]:
    """Results of uqlm (``to_df()``), a row a prompt: a response, and several sampled ones."""
    columns = {"texts": "sampled_responses"}
    for name, one in (("prompt", "prompt"), ("answer", "response")):  # `to_df` cuts the s off, `data` has it
        for theirs in (one, f"{one}s"):
            if theirs in source.names:
                columns[name] = theirs
    if "sampled_logprob" not in source.names:
        return source, "uqlm", columns

    def batches(wanted: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in source.batches(wanted, rows):
            if "sampled_logprob" in wanted:
                place = Place(source.at, start)
                values = [
                    _logprobs(value, row, place) for row, value in enumerate(batch["sampled_logprob"].to_pylist())
                ]
                made = pa.array(values, pa.list_(pa.list_(pa.float64())))
                batch = batch.set_column(wanted.index("sampled_logprob"), "sampled_logprob", made)
            yield batch
            start += batch.num_rows

    return replace(source, batches=batches), "uqlm", columns | {"logprobs": "sampled_logprob"}


def _logprobs(value: Any, row: int, place: Place) -> list[list[float]] | None:
    """Log-probabilities of the tokens of each sampled response: a list of {token, logprob, ...} each."""
    try:
        samples = group_files.list_of(value) if isinstance(value, str) and value.strip() else value or None
        return samples and [[float(token["logprob"]) for token in tokens] for tokens in samples]
    except (ValueError, TypeError, KeyError) as error:
        place.fail(row, "sampled_logprob", f"holds no lists of tokens with a 'logprob' each ({error})")


_OPENERS: dict[str, Callable[[Source], tuple[Source, str, dict[str, str]]]] = {"trl": _trl, "uqlm": _uqlm}
