"""The columns of every artefact and the files that a run folder holds; the only place that knows their names."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from uncal.errors import ArtefactError, RowError
from uncal.types import BoolArray, Groups, IntArray

VERSION = 1
"""Goes up when a column changes its name or meaning; files of another version are refused."""

QUESTIONS = "questions.parquet"
COMPLETIONS = "completions.parquet"
EMBEDDINGS = "embeddings.arrow"
GRADES = "grades.parquet"
SCORES = "scores.parquet"
CALIBRATOR = "calibrator.json"
TARGETS = "targets.parquet"
STATEMENTS = "statements.parquet"
TWINS = "twins.parquet"
ADAPTER = "adapter"
REPORT_JSON = "report.json"
REPORT_HTML = "report.html"

SPLITS = ("calibrate", "train", "validate", "test")

questions = pa.schema(
    [("id", pa.string()), ("prompt", pa.string()), ("answers", pa.list_(pa.string())), ("split", pa.string())]
)

completions = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("answer", pa.string()),  # one low-temperature answer, kept frozen
        ("answer_logprobs", pa.list_(pa.float32())),
        ("completions", pa.list_(pa.string())),
        ("logprobs", pa.list_(pa.list_(pa.float32()))),
        ("finish_reasons", pa.list_(pa.string())),
        ("status", pa.string()),  # DONE or FAILED; a failed row has nulls above and says why below
        ("error", pa.string()),
    ]
)
DONE, FAILED = "done", "failed"

details = pa.schema(
    [
        ("answer_tokens", pa.list_(pa.int32())),
        ("tokens", pa.list_(pa.list_(pa.int32()))),
        ("answer_top_logprobs", pa.list_(pa.list_(pa.float32()))),  # (T, k), the largest first
        ("top_logprobs", pa.list_(pa.list_(pa.list_(pa.float32())))),  # (N, T, k)
    ]
)
"""Columns that completions.parquet has besides when they are asked for."""


def detailed(*, tokens: bool, top_logprobs: bool) -> pa.Schema:
    """Columns of completions.parquet with some of `details`.

    Examples
    --------
    >>> detailed(tokens=True, top_logprobs=False).names[-2:]
    ['answer_tokens', 'tokens']
    """
    wanted = {"tokens": tokens, "top_logprobs": top_logprobs}
    extra = [column for column in details if wanted[column.name.removeprefix("answer_")]]
    return pa.schema([*completions, *extra])


grades = pa.schema(
    [
        ("id", pa.string()),
        ("correct", pa.bool_()),  # of `answer`; null without an accepted answer or without an `answer`
        ("completions_correct", pa.list_(pa.bool_())),
        ("grader", pa.string()),
    ]
)

targets = pa.schema(
    [
        ("id", pa.string()),
        ("split", pa.string()),
        ("prompt", pa.string()),
        ("answer", pa.string()),
        ("uncertainty", pa.float64()),  # calibrated probability that `answer` is wrong
        ("correct", pa.bool_()),
    ]
)

statements = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),  # BASE or TRAINED
        ("text", pa.string()),
        ("uncertainty", pa.float64()),  # null when malformed
        ("reason", pa.string()),
    ]
)
BASE, TRAINED = "base", "adapter"

twins = pa.schema(
    [
        ("id", pa.string()),
        ("split", pa.string()),
        ("twin", pa.string()),
        ("twin_split", pa.string()),
        ("similarity", pa.float64()),  # cosine of the embeddings of the prompts
        ("prompt", pa.string()),
        ("twin_prompt", pa.string()),
    ]
)


def embeddings(dim: int, dtype: str = "float32") -> pa.Schema:
    """Columns of embeddings.arrow: for each question the (N, dim) vectors of its completions."""
    row = pa.list_(pa.from_numpy_dtype(np.dtype(dtype)), dim)
    return pa.schema([("id", pa.string()), ("embeddings", pa.large_list(row))])


def scores(names: tuple[str, ...]) -> pa.Schema:
    """Columns of scores.parquet: one for each scorer, null where a group could not be scored."""
    return pa.schema([("id", pa.string()), *((name, pa.float64()) for name in names)])


COLUMNS = ("embeddings", "texts", "logprobs", "entail", "contra")
"""What a group to score may hold, one list a group: vectors, texts, numbers, two flat (n, n) matrices of numbers."""

SQUARE = ("entail", "contra")


class Column(NamedTuple):
    """One of `COLUMNS` of a batch of P groups, flat.

    Attributes
    ----------
    offsets : ndarray of shape (P + 1,), int64
    present : ndarray of shape (P,), bool
        Groups for which it is neither null nor empty, holds no null and, `embeddings` excepted, no NaN.
    values : array of length K, or of shape (K, D)
    """

    offsets: IntArray
    present: BoolArray
    values: Any


def columns(batch: pa.Table | pa.RecordBatch, names: Iterable[str]) -> dict[str, Column]:
    """Open columns of a batch.

    Parameters
    ----------
    batch : pyarrow.Table or pyarrow.RecordBatch
        `COLUMNS`: `embeddings` is a list of fixed_size_list of floats, `texts` a list of strings, the others are lists
        of floats; a list may be large or not.
    names : iterable of str

    Raises
    ------
    ArtefactError
        If a column is not of its type.
    RowError
        If the columns of a row are not of one length, or a matrix is not square.
    """
    opened = {name: _column(name, batch[name]) for name in sorted(names)}
    if len(opened) == 1:
        return opened
    known = np.zeros(batch.num_rows, np.int64)
    for name, column in opened.items():
        sizes = np.where(column.present, np.diff(column.offsets), 0)
        differ = (known > 0) & (sizes > 0) & (sizes != known)
        if differ.any():
            row = int(differ.argmax())
            first = next(other for other, earlier in opened.items() if earlier.present[row])
            raise RowError(row, f"{known[row]} {first} and {sizes[row]} {name}; a group has as many of each")
        known = np.maximum(known, sizes)
    return opened


def groups(opened: Mapping[str, Column]) -> tuple[Groups, BoolArray]:
    """Return the groups of a batch out of its columns, and which of its P rows can be scored.

    Parameters
    ----------
    opened : mapping of str to Column
        Those that are needed, as `columns` gives them.

    Returns
    -------
    groups : Groups
        Views of the batch's own memory when all of its rows have all columns, and of `embeddings` always when they are
        all that is needed: a group that is null or empty is then an empty one. Otherwise, of the scorable rows.
        `Groups.nan_policy` is "propagate".
    scorable : ndarray of shape (P,), bool
        Rows for which all columns are present.
    """
    scorable = np.logical_and.reduce([column.present for column in opened.values()])
    flat = {name: column.values for name, column in opened.items()}
    if scorable.all() or list(opened) == ["embeddings"]:
        return Groups(next(iter(opened.values())).offsets, **flat, nan_policy="propagate"), scorable
    kept = Groups(np.zeros(1, np.int64), nan_policy="propagate")
    for name, column in opened.items():
        some = Groups(column.offsets, **{name: column.values}).take(scorable)
        kept = replace(kept, offsets=some.offsets, **{name: some.column(name)})
    return kept, scorable


def _column(name: str, column: pa.Array | pa.ChunkedArray) -> Column:
    array = column
    if isinstance(column, pa.ChunkedArray):  # combine_chunks copies even a single chunk
        array = (
            column.chunk(0)
            if column.num_chunks == 1
            else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
        )
    if not (pa.types.is_large_list(array.type) or pa.types.is_list(array.type)):
        raise ArtefactError(f"column {name!r} is {array.type}; it must be a large_list")
    offsets, values = unnest(array)
    present: BoolArray = array.is_valid().to_numpy(zero_copy_only=False) & (np.diff(offsets) > 0)
    if name == "embeddings":
        if not pa.types.is_fixed_size_list(values.type):
            raise ArtefactError(
                f"column {name!r} is {array.type}; it must be a large_list of fixed_size_list of floats"
            )
        _, numbers = unnest(values)
        rows = numbers.to_numpy(zero_copy_only=False).reshape(-1, values.type.list_size)
        return Column(offsets, present & ~any_inside(values, offsets), rows)
    if name == "texts":
        return Column(offsets, present & ~any_inside(values, offsets), values)
    numbers = values.to_numpy(zero_copy_only=False)
    present &= ~any_inside(np.isnan(numbers), offsets)
    if name not in SQUARE:
        return Column(offsets, present, numbers)
    sizes = np.diff(offsets)
    sides = np.rint(np.sqrt(sizes)).astype(np.int64)
    if (crooked := sides * sides != sizes).any():
        row = int(crooked.argmax())
        raise RowError(row, f"{sizes[row]} values of {name!r}; a group of n has n * n")
    return Column(np.concatenate([[0], np.cumsum(sides)]), present, numbers)


def unnest(array: pa.Array) -> tuple[IntArray, pa.Array]:
    """Open a column of lists, a slice of one too: offsets (P + 1,) from 0, and all that lies between them.

    Nothing is copied but offsets of 32 bits or of a slice; what lies behind a null stays where it is.
    """
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        return np.arange(len(array) + 1) * size, array.values.slice(array.offset * size, len(array) * size)
    raw = array.offsets.to_numpy()
    offsets = raw.astype(np.int64, copy=False) - raw[0] if raw[0] else raw.astype(np.int64, copy=False)
    return offsets, array.values.slice(raw[0], raw[-1] - raw[0])


def any_inside(flags: BoolArray | pa.Array, offsets: IntArray) -> BoolArray:
    """Say of each row whether a flag is set, or a value null, between its offsets."""
    if isinstance(flags, pa.Array):
        flags = flags.is_null().to_numpy(zero_copy_only=False) if flags.null_count else np.zeros(0, dtype=bool)
    if not flags.any():
        return np.zeros(len(offsets) - 1, dtype=bool)
    before = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(before[offsets[1:]] > before[offsets[:-1]])
