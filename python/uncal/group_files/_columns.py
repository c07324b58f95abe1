"""Columns of files in the form that `schema.groups` takes, or a complaint that names the row."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from uncal import schema, types
from uncal.group_files._sources import REFUSED, Place, compact, first_refused, to_arrow
from uncal.types import BoolArray, IntArray

NAMES = {
    "id": ("id", "question_id", "prompt_id", "qid", "uid"),
    "embeddings": ("embeddings", "embedding", "vectors", "vector"),
    "texts": ("texts", "text", "completions", "completion", "responses", "response", "samples", "generations"),
    "logprobs": ("logprobs", "logprob", "log_likelihoods", "log_likelihood", "cumulative_logprob"),
    "entail": ("entail", "entailment"),
    "contra": ("contra", "contradiction"),
    "token_logprobs": ("token_logprobs", "logprobs"),
    "top_logprobs": ("top_logprobs",),
    "relevance": ("relevance", "token_relevance"),
    "sentence_entail": ("sentence_entail",),
    "sentence_contra": ("sentence_contra",),
    "answer": ("answer", "greedy_answer"),
    "answer_entail": ("answer_entail",),
    "answer_contra": ("answer_contra",),
    "answer_logprobs": ("answer_logprobs", "greedy_logprobs"),
    "answer_top_logprobs": ("answer_top_logprobs",),
    "answer_top_classes": ("answer_top_classes",),
    "answer_relevance": ("answer_relevance",),
    "token_texts": ("token_texts",),
    "answer_token_texts": ("answer_token_texts",),
    "answer_top_texts": ("answer_top_texts",),
    "question": ("prompt", "question", "query", "input"),
}
"""Names that are looked for, the first one wins, where none is given."""
BYTES = ("float16", "float32", "float64")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a file keeps what.

    Attributes
    ----------
    columns : dict of str to str
        "id", "group" or one of `schema.COLUMNS` -> the file's name for it; `NAMES` are looked for otherwise. With
        "group" one row is one sample.
    dim : int or None, default=None
        Numbers of a vector, where a group is one row of bytes or one flat list of numbers.
    dtype : str or None, default=None
        What bytes are: float16, float32 (unless the field's metadata says something else) or float64.
    mean_logprobs : bool, default=False
        Of the log-probabilities of a completion's tokens take the mean, not the sum.
    kept : dict of str to str, default={}
        Further columns, as they are, of the row with which a group starts: name in the table -> the file's name.
    gathered : dict of str to str, default={}
        Further columns, as they are, with an entry for each sample: a list of them where a row is one sample.
    """

    columns: dict[str, str]
    dim: int | None = None
    dtype: str | None = None
    mean_logprobs: bool = False
    kept: dict[str, str] = field(default_factory=dict)
    gathered: dict[str, str] = field(default_factory=dict)


def canonical(
    batch: pa.RecordBatch, columns: Mapping[str, str], layout: Layout, ends: IntArray | None, place: Place
) -> pa.Table:
    """Bring the columns of a batch into the form that `schema.groups` takes.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
    columns : mapping of str to str
        "id" or "group", and of `schema.COLUMNS` those wanted -> the batch's names for them.
    layout : Layout
    ends : ndarray of shape (P + 1,), int64, or None
        Group p is rows ``ends[p]`` to ``ends[p + 1]``; None where a row is a group.
    place : Place
        Of the batch, for messages and numbers of rows.

    Returns
    -------
    pyarrow.Table
        A row a group: `id`, `row` (the file's, from 0, with which the group starts), and those wanted.
    """
    starts = np.arange(batch.num_rows) if ends is None else ends[:-1]
    made = {"id": _ids(batch, columns, ends, place), "row": pa.array(starts + place.start)}
    made |= {name: flat(batch[theirs]).take(pa.array(starts)) for name, theirs in layout.kept.items()}
    for name, theirs in layout.gathered.items():
        array = flat(batch[theirs])
        made[name] = array if ends is None else pa.LargeListArray.from_arrays(pa.array(ends), array)
    for name in (name for name in columns if name in schema.COLUMNS):
        field = batch.schema.field(columns[name])
        array = flat(batch[columns[name]])
        rows: IntArray | None = None
        missing: BoolArray | None = None
        inside = ends
        if ends is not None and name in schema.ANSWERS:  # the first sample of a group says what its answer is
            array, rows, inside = array.take(pa.array(starts)), starts, None
        if name == "answer":
            made[name] = _answers(array, _Column(columns[name], place, array, False, rows))
            continue
        if (name != "texts" or ends is None) and _is_text(array.type):
            array = _parsed(array, columns[name], place)
        if pa.types.is_null(array.type):
            kind = (
                pa.list_(pa.float32(), 1) if name == "embeddings" else pa.string() if name == "texts" else pa.float64()
            )
            for _ in range(schema.DEPTH.get(name, 1)):
                kind = pa.large_list(kind)
            made[name] = pa.nulls(len(made["id"]), kind)
            continue
        if inside is None:
            array = _without_holes(array)
        if array.null_count:
            nulls: BoolArray = array.is_null().to_numpy(zero_copy_only=False)
            missing = nulls if inside is None else np.add.reduceat(nulls, inside[:-1], dtype=np.int64) > 0
            if inside is not None:  # the group is null; what is left of it stays behind the null
                inside = np.concatenate([[0], np.cumsum(~nulls)])[inside]
                array, rows = array.drop_null(), np.flatnonzero(~nulls)
        column = _Column(columns[name], place, array, inside is not None, rows)
        if name == "embeddings":
            offsets, values = _vectors(array, field, layout, column)
        else:
            offsets, values = _values(name, array, layout, column)
        made[name] = pa.LargeListArray.from_arrays(
            pa.array(offsets if inside is None else offsets[inside]),
            values,
            mask=None if missing is None else pa.array(missing),
        )
    return pa.table(made)


@dataclass(frozen=True)
class _Column:
    """A column as messages speak of it; `rows` are those of the batch that `array` holds, where it lacks some."""

    name: str
    place: Place
    array: pa.Array
    per_sample: bool
    rows: IntArray | None

    @property
    def kind(self) -> pa.DataType:
        return self.array.type

    def fail(self, what: str, row: int | None = None) -> NoReturn:
        """Complain about a row, or about all of them where the first that holds something is named."""
        if row is None:
            row = max(0, self.array.is_valid().index(True).as_py())
        self.place.fail(row if self.rows is None or not len(self.rows) else int(self.rows[row]), self.name, what)


def _ids(batch: pa.RecordBatch, columns: Mapping[str, str], ends: IntArray | None, place: Place) -> pa.Array:
    name = columns.get("id" if ends is None else "group")
    if name is None:
        return pa.array([str(row) for row in range(place.start, place.start + batch.num_rows)], pa.string())
    ids = flat(batch[name])
    if pa.types.is_nested(ids.type) or _is_bytes(ids.type):
        place.fail(0, name, f"is {ids.type}; ids are texts or numbers")
    if ids.null_count:
        place.fail(int(ids.is_null().index(True).as_py()), name, "is null; every row needs its id")
    return (ids if ends is None else ids.take(pa.array(ends[:-1]))).cast(pa.string())


def flat(array: pa.Array) -> pa.Array:
    """Undo what only changes how values are stored: dictionaries, views, extension types."""
    if isinstance(array, pa.ExtensionArray):
        return array.storage
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    if pa.types.is_string_view(array.type):
        return array.cast(pa.large_string())
    if pa.types.is_list_view(array.type) or pa.types.is_large_list_view(array.type):
        return array.cast(pa.large_list(array.type.value_type))
    return array


def _parsed(array: pa.Array, column: str, place: Place) -> pa.Array:
    """Read lists in a column of text; a blank field is null, and what is no list stays text."""
    values: list[Any] = []
    for row, text in enumerate(array.to_pylist()):
        try:
            values.append(compact(list_of(text)) if text and text.lstrip()[:1] == "[" else text or None)
        except ValueError as error:
            place.fail(row, column, f"is not a list, neither of JSON nor of Python ({error})")
    return to_arrow(values, column, place)


def list_of(text: str) -> list[Any]:
    """Read a list that is written as text: as JSON, or as Python writes it, which is how pandas puts lists into CSV.

    Nothing in the text is run.

    Raises
    ------
    ValueError
        If it is no list.

    Examples
    --------
    >>> list_of('["a", null]'), list_of("['a', None]")
    (['a', None], ['a', None])
    """
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            read = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ValueError(str(error)) from error
    if not isinstance(read, list):
        raise ValueError(f"it is of type {type(read).__name__}")
    return read


def _without_holes(array: pa.Array) -> pa.Array:
    """Make a group null that holds a null vector, text or list."""
    if not _is_list(array.type):
        return array
    offsets, inner = schema.unnest(array)
    if not inner.null_count or pa.types.is_floating(inner.type):
        return array
    holes = schema.any_inside(inner, offsets)
    return array.take(pa.array(np.arange(len(array)), mask=holes))


def _vectors(array: pa.Array, field: pa.Field, layout: Layout, column: _Column) -> tuple[IntArray, pa.Array]:
    """Where the vectors of each row start, and the vectors."""
    dim = _dim(field, layout, column)
    size: int | None = None  # of vectors that are told apart by how they lie
    if _is_bytes(array.type):
        offsets, numbers = _from_bytes(array, field, layout, column)
    elif _is_list(array.type):
        offsets, numbers = schema.unnest(array)
        if _is_list(numbers.type):
            if column.per_sample:
                column.fail(f"is {column.kind}; where a row is one sample it holds one vector")
            fixed = numbers.type.list_size if pa.types.is_fixed_size_list(numbers.type) else None
            ends, numbers = schema.unnest(numbers)
            _check_dtype(numbers, layout, column)
            if fixed:
                _check_size(fixed, layout, column)
                return offsets, pa.FixedSizeListArray.from_arrays(_floats(numbers, column), fixed)
            size = _one_width(ends, offsets, column)
            offsets = ends[offsets]
        else:
            _check_dtype(numbers, layout, column)
    else:
        column.fail(f"is {column.kind}; embeddings are lists of vectors, or bytes")
    if column.per_sample:
        size = _one_width(offsets, np.arange(len(array) + 1), column)
    _check_size(size, layout, column)
    dim = size or dim
    if dim is None and len(numbers):
        column.fail(
            f"is {column.kind}: say how many numbers a vector has (--dim), or which column says what group a row "
            "belongs to (--group-column)"
        )
    dim = dim or 1
    if (wrong := np.diff(offsets) % dim != 0).any():
        row = int(wrong.argmax())
        column.fail(f"holds {np.diff(offsets)[row]} numbers; vectors of {dim} do not fit (--dim)", row)
    return offsets // dim, pa.FixedSizeListArray.from_arrays(_floats(numbers, column), dim)


def _floats(numbers: pa.Array, column: _Column) -> pa.Array:
    if pa.types.is_floating(numbers.type):
        return numbers
    if not pa.types.is_integer(numbers.type) and not pa.types.is_null(numbers.type):
        column.fail(f"is {column.kind}; embeddings are numbers")
    return numbers.cast(pa.float64(), safe=False)


def _dim(field: pa.Field, layout: Layout, column: _Column) -> int | None:
    """Numbers of a vector, by the flag, by the field's metadata, or by the shape of a tensor."""
    shape = getattr(field.type, "shape", None)  # of a tensor of fixed shape
    noted = (field.metadata or {}).get(b"dim", b"").decode()
    if noted and not (noted.isdecimal() and int(noted)):
        column.fail(f"has dim {noted!r} in the field's metadata; it must be a whole number above 0")
    known = int(shape[-1]) if shape else int(noted) if noted else None
    if layout.dim is not None and known not in (None, layout.dim):
        whose = "its type" if shape else "the field's metadata"
        column.fail(f"has vectors of {known} numbers by {whose}, not of {layout.dim} (--dim)")
    return layout.dim or known


def _check_size(size: int | None, layout: Layout, column: _Column) -> None:
    if size is not None and layout.dim not in (None, size):
        column.fail(f"has vectors of {size} numbers, not of {layout.dim} (--dim)")


def _check_dtype(numbers: pa.Array, layout: Layout, column: _Column) -> None:
    if layout.dtype is not None and len(numbers) and numbers.type != pa.from_numpy_dtype(np.dtype(layout.dtype)):
        column.fail(f"is {column.kind}, not bytes, and --dtype only says what bytes hold: leave it out")


def _one_width(ends: IntArray, rows: IntArray, column: _Column) -> int | None:
    """Find the length that all lists have; `rows` says which of them belong to each row."""
    widths = np.diff(ends)
    if not len(widths):
        return None
    if (other := widths != widths[0]).any():
        place = int(other.argmax())
        row = int(np.searchsorted(rows, place, side="right")) - 1
        column.fail(f"has a vector of {widths[place]} numbers, others have {widths[0]}", row)
    if not widths[0]:
        column.fail("has vectors of no numbers")
    return int(widths[0])


def _is_list(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list))


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string())


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (pa.types.is_fixed_size_binary, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)


def _from_bytes(array: pa.Array, field: pa.Field, layout: Layout, column: _Column) -> tuple[IntArray, pa.Array]:
    """Where the numbers of each row start, and the numbers, in the memory of the bytes."""
    noted = (field.metadata or {}).get(b"dtype", b"").decode()
    if not (layout.dtype or noted):
        column.fail(f"holds bytes; say by --dtype what they are ({', '.join(BYTES)}), or in the field's metadata")
    if noted and noted not in BYTES:
        column.fail(f"holds {noted} by the field's metadata; it must be one of {', '.join(BYTES)}")
    if layout.dtype and noted and layout.dtype != noted:
        column.fail(f"holds {noted} by the field's metadata, not {layout.dtype} (--dtype)")
    dtype = np.dtype(layout.dtype or noted)
    if pa.types.is_binary_view(array.type):
        array = array.cast(pa.large_binary())
    if pa.types.is_fixed_size_binary(array.type):
        ends = np.arange(len(array) + 1) * array.type.byte_width
        start, data = array.offset * array.type.byte_width, array.buffers()[1]
    else:
        _, positions, data = array.buffers()
        size = np.int64 if pa.types.is_large_binary(array.type) else np.int32
        ends = np.zeros(1, size) if positions is None else np.frombuffer(positions, size)
        ends = ends[array.offset : array.offset + len(array) + 1].astype(np.int64)
        start = int(ends[0])
        ends -= start
    if (wrong := np.diff(ends) % dtype.itemsize != 0).any():
        row = int(wrong.argmax())
        column.fail(f"holds {np.diff(ends)[row]} bytes; numbers of {dtype.itemsize} do not fit (--dtype)", row)
    if start % dtype.itemsize:
        data, start = pa.py_buffer(data.to_pybytes()[start:]), 0
    ends //= dtype.itemsize
    kind = pa.from_numpy_dtype(dtype)
    if data is None:
        return ends, pa.array([], kind)
    return ends, pa.Array.from_buffers(kind, int(ends[-1]), [None, data], offset=start // dtype.itemsize)


def _values(name: str, array: pa.Array, layout: Layout, column: _Column) -> tuple[IntArray, pa.Array]:
    """Where the values of each row start, and the values: texts or numbers."""
    if not column.per_sample and not _is_list(array.type):
        column.fail(f"is {column.kind}; a group is a list, or one column says what group a row belongs to "
                    "(--group-column)")  # fmt: skip
    offsets, values = (np.arange(len(array) + 1), array) if column.per_sample else schema.unnest(array)
    if name in schema.DEPTH:
        return offsets, _nested(name, values, schema.DEPTH[name] - 1, column)
    if _is_list(values.type) and name == "logprobs":
        values = _sums(values, offsets, column, mean=layout.mean_logprobs)
    elif name == "logprobs" and layout.mean_logprobs and len(values):
        column.fail(f"is {column.kind}, one number a sample; a mean is taken of those of its tokens (--mean-logprobs)")
    elif _is_list(values.type) and name in types.SQUARES:
        ends, values = schema.unnest(values)
        offsets = ends[offsets]
    values = flat(values)
    if pa.types.is_nested(values.type) or _is_bytes(values.type):
        column.fail(f"is {column.kind}; {name} are lists of {'texts' if name == 'texts' else 'numbers'}")
    if name == "texts":
        return offsets, values if _is_text(values.type) else values.cast(pa.string())
    return offsets, _numbers(values, offsets, column)


def _answers(array: pa.Array, column: _Column) -> pa.Array:
    """Texts, one a group."""
    if pa.types.is_nested(array.type) or _is_bytes(array.type):
        column.fail(f"is {column.kind}; a group has one answer, a text")
    return array if _is_text(array.type) else array.cast(pa.string())


def _nested(name: str, values: pa.Array, depth: int, column: _Column) -> pa.Array:
    """Give lists in lists of numbers, so many deep."""
    kind = values.type
    for _ in range(depth):
        if not _is_list(kind):
            levels = schema.DEPTH[name] - (1 if column.per_sample else 0)
            column.fail(f"is {column.kind}; {name} are lists of numbers, {levels} deep")
        kind = kind.value_type
    if pa.types.is_nested(kind) or pa.types.is_boolean(kind) or _is_bytes(kind):
        column.fail(f"is {column.kind}; {name} are lists in lists of numbers")
    wanted = kind if pa.types.is_floating(kind) else pa.float64()
    for _ in range(depth):
        wanted = pa.large_list(wanted)
    try:
        return values.cast(wanted, safe=False)
    except REFUSED as error:
        column.fail(f"holds no number: {error}")


def _numbers(values: pa.Array, offsets: IntArray, column: _Column) -> pa.Array:
    """Values as numbers; `offsets` say where those of each row start."""
    if pa.types.is_floating(values.type):
        return values
    if pa.types.is_boolean(values.type):
        column.fail(f"is {column.kind}; numbers are wanted")
    try:
        return values.cast(pa.float64(), safe=False)
    except REFUSED as error:
        wrong = first_refused(lambda count: values.slice(0, count).cast(pa.float64(), safe=False), len(values))
        column.fail(f"holds no number: {error}", int(np.searchsorted(offsets, wrong, side="right")) - 1)


def _sums(lists: pa.Array, offsets: IntArray, column: _Column, *, mean: bool) -> pa.Array:
    """Sum or mean of each list; a null is none, and the sum of nothing is 0."""
    ends, values = schema.unnest(lists)
    numbers = _numbers(flat(values), ends[offsets], column).cast(pa.float64()).to_numpy(zero_copy_only=False)
    lengths = np.diff(ends)
    full = lengths > 0
    sums = np.zeros(len(lists))
    if full.any():
        sums[full] = np.add.reduceat(numbers, ends[:-1][full])
    if mean:
        sums[full] /= lengths[full]
    return pa.array(sums)
