"""The columns of every artefact and the files that a run folder holds; the only place that knows their names."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from uncal.errors import ArtefactError, RowError
from uncal.types import ANSWER_TOKENS, ROWS, SENTENCES, SQUARES, TOKENS, BoolArray, Groups, IntArray

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
PAIRS = "pairs.sqlite"
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
        ("answer_token_texts", pa.list_(pa.string())),  # what each token adds to the text
        ("token_texts", pa.list_(pa.list_(pa.string()))),
        ("answer_top_logprobs", pa.list_(pa.list_(pa.float32()))),  # (T, k), the largest first
        ("top_logprobs", pa.list_(pa.list_(pa.list_(pa.float32())))),  # (N, T, k)
        ("answer_top_texts", pa.list_(pa.list_(pa.string()))),  # (T, k), of the tokens of answer_top_logprobs
    ]
)
"""Columns that completions.parquet has besides when they are asked for."""


def detailed(*, tokens: bool, top_logprobs: bool) -> pa.Schema:
    """Columns of completions.parquet with some of `details`.

    Examples
    --------
    >>> detailed(tokens=True, top_logprobs=False).names[-4:]
    ['answer_tokens', 'tokens', 'answer_token_texts', 'token_texts']
    """
    wanted = {
        "tokens": tokens,
        "token_texts": tokens,
        "top_logprobs": top_logprobs,
        "top_texts": tokens and top_logprobs,
    }
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
        ("answer", pa.string()),  # of the model in this text; null where it is the frozen one
        ("correct", pa.bool_()),  # that answer
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


COLUMNS = (*ROWS, *SQUARES, *TOKENS, *SENTENCES, "answer", *ANSWER_TOKENS)
"""What a group to score may hold: the columns of `uncal.types.Groups`, one list a group."""

ANSWERS = ("answer", *ANSWER_TOKENS)
"""Those of a group's frozen answer; the others are of its completions."""

DEPTH = {
    **dict.fromkeys(("token_logprobs", "relevance", "answer_top_logprobs", "answer_top_classes"), 2),
    **dict.fromkeys(("top_logprobs", *SENTENCES), 3),
}
"""Lists in lists of numbers: how many; others are lists of numbers, and `answer` are texts."""


class Column(NamedTuple):
    """One of `COLUMNS` of a batch of P groups, flat.

    Attributes
    ----------
    offsets : ndarray of shape (P + 1,), int64
        Where the completions of each group start; of `ANSWERS`, the tokens of its answer.
    present : ndarray of shape (P,), bool
        Groups for which it is neither null nor empty, holds no null and, `embeddings` excepted, no NaN, and no
        completion without tokens or sentences.
    values : array of length K, or of shape (K, D)
    ends : ndarray of shape (K + 1,), int64, or None
        Where the tokens or sentences of each completion start, for columns that have an entry for each.
    """

    offsets: IntArray
    present: BoolArray
    values: Any
    ends: IntArray | None = None


def columns(batch: pa.Table | pa.RecordBatch, names: Iterable[str]) -> dict[str, Column]:
    """Open columns of a batch.

    Parameters
    ----------
    batch : pyarrow.Table or pyarrow.RecordBatch
        `COLUMNS`: `embeddings` is a list of fixed_size_list of floats, `texts` a list of strings, `answer` strings,
        the others are lists of floats, or lists in lists, as `DEPTH` says; a list may be large or not.
    names : iterable of str

    Raises
    ------
    ArtefactError
        If a column is not of its type.
    RowError
        If the columns of a row are not of one length, or a matrix is not square.
    """
    opened = {name: _column(name, batch[name]) for name in sorted(names)}
    answers = {name: column for name, column in opened.items() if name in ANSWER_TOKENS}
    _check_lengths(
        {name: column for name, column in opened.items() if name not in ANSWERS}, "a group has as many of each"
    )
    _check_lengths(answers, "a token of an answer has one of each")
    for names in (TOKENS, SENTENCES):
        _check_ends([(name, opened[name]) for name in names if name in opened])
    return opened


def _check_lengths(opened: Mapping[str, Column], rule: str) -> None:
    known = np.zeros(len(next(iter(opened.values())).present) if opened else 0, np.int64)
    for name, column in opened.items():
        sizes = np.where(column.present, np.diff(column.offsets), 0)
        differ = (known > 0) & (sizes > 0) & (sizes != known)
        if differ.any():
            row = int(differ.argmax())
            first = next(other for other, earlier in opened.items() if earlier.present[row])
            raise RowError(row, f"{known[row]} {first} and {sizes[row]} {name}; {rule}")
        known = np.maximum(known, sizes)


def _check_ends(opened: list[tuple[str, Column]]) -> None:
    """Complain of completions of which two columns have parts of different numbers."""
    for name, column in opened[1:]:
        first, other = opened[0]
        assert column.ends is not None
        assert other.ends is not None
        if np.array_equal(column.offsets, other.offsets) and np.array_equal(column.ends, other.ends):
            continue
        for row in np.flatnonzero(column.present & other.present):
            ours = np.diff(column.ends[column.offsets[row] : column.offsets[row + 1] + 1])
            theirs = np.diff(other.ends[other.offsets[row] : other.offsets[row + 1] + 1])
            if (differ := ours != theirs).any():
                place = int(differ.argmax())
                what = f"{theirs[place]} {first} and {ours[place]} {name} of sample {place} (from 0)"
                raise RowError(int(row), f"{what}; a part has one of each")


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
    scorable: BoolArray = np.logical_and.reduce([column.present for column in opened.values()])
    whole = bool(scorable.all()) or list(opened) == ["embeddings"]
    merged: dict[str, Any] = {"offsets": np.zeros((len(scorable) if whole else int(scorable.sum())) + 1, np.int64)}
    for name, column in opened.items():
        alone = _alone(name, column)
        some = Groups(**alone) if whole else Groups(**alone).take(scorable)
        merged |= {field: getattr(some, field) for field in alone if field != "offsets" or name not in ANSWERS}
    return Groups(**merged, nan_policy="propagate"), scorable


def _alone(name: str, column: Column) -> dict[str, Any]:
    """Fields of groups that have this column only."""
    if name in ANSWERS:
        ends = {"answer_offsets": column.offsets} if name in ANSWER_TOKENS else {}
        return {"offsets": np.zeros(len(column.present) + 1, np.int64), name: column.values, **ends}
    inner = {} if column.ends is None else {"token_offsets" if name in TOKENS else "sentence_offsets": column.ends}
    return {"offsets": column.offsets, name: column.values, **inner}


def _column(name: str, column: pa.Array | pa.ChunkedArray) -> Column:
    array = column
    if isinstance(column, pa.ChunkedArray):  # combine_chunks copies even a single chunk
        array = (
            column.chunk(0)
            if column.num_chunks == 1
            else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
        )
    if name == "answer":
        return Column(np.arange(len(array) + 1), array.is_valid().to_numpy(zero_copy_only=False), array)
    if not _is_list(array.type):
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
    if name in DEPTH:
        return _nested(name, array, Column(offsets, present, values))
    numbers = values.to_numpy(zero_copy_only=False)
    present &= ~any_inside(np.isnan(numbers), offsets)
    if name not in SQUARES:
        return Column(offsets, present, numbers)
    sizes = np.diff(offsets)
    sides = np.rint(np.sqrt(sizes)).astype(np.int64)
    if (crooked := sides * sides != sizes).any():
        row = int(crooked.argmax())
        raise RowError(row, f"{sizes[row]} values of {name!r}; a group of n has n * n")
    return Column(np.concatenate([[0], np.cumsum(sides)]), present, numbers)


def _nested(name: str, array: pa.Array, column: Column) -> Column:
    """Open lists in lists of numbers, down to the numbers; a list without entries is as bad as a null."""
    offsets, present, values, _ = column
    levels, starts = [], offsets  # `starts`: where in the lists of a level each group starts
    for _ in range(DEPTH[name] - 1):
        if not _is_list(values.type):
            raise ArtefactError(f"column {name!r} is {array.type}; it must hold lists in lists, {DEPTH[name]} deep")
        present &= ~any_inside(values, starts)
        ends, values = unnest(values)
        present &= ~any_inside(np.diff(ends) == 0, starts)
        starts = ends[starts]
        levels.append(ends)
    numbers = values.to_numpy(zero_copy_only=False)
    present &= ~any_inside(np.isnan(numbers), starts)
    if name in ("token_logprobs", "relevance"):
        return Column(offsets, present, numbers, levels[0])
    if name in SENTENCES:
        sizes = np.repeat(np.diff(offsets), np.diff(levels[0][offsets]))
        wrong = (np.diff(levels[1]) != sizes) & np.repeat(present, np.diff(levels[0][offsets]))
        if wrong.any():
            row = int(np.searchsorted(levels[0][offsets], wrong.argmax(), side="right")) - 1
            raise RowError(row, f"a sentence has {np.diff(levels[1])[wrong][0]} {name}; it has one for each sample")
        return Column(offsets, present, numbers, levels[0])
    if name == "answer_top_classes":
        if (odd := ~np.isin(numbers, (-1, 0, 1)) & ~np.isnan(numbers)).any():
            row = int(np.searchsorted(starts, odd.argmax(), side="right")) - 1
            raise RowError(row, f"{name}: {numbers[odd][0]:g} is no class; there are 1, 0 and -1")
        classes = np.where(np.isnan(numbers), 0, numbers).astype(np.int64)
        return Column(offsets, present, _rectangle(classes, levels[-1], 0))
    return Column(offsets, present, _rectangle(numbers, levels[-1], -np.inf), *levels[:-1])


def _rectangle(values: NDArray[Any], ends: IntArray, fill: float) -> NDArray[Any]:
    """Make lists the rows of one array, the short ones filled up."""
    widths = np.diff(ends)
    width = int(widths.max(initial=1))
    if (widths == width).all():
        return values.reshape(-1, width)
    rows = np.full((len(widths), width), fill, values.dtype)
    rows[np.arange(width) < widths[:, None]] = values
    return rows


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_list(kind) or pa.types.is_list(kind))


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
