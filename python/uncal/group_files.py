"""Groups out of the files that people have, batch by batch: Parquet, Arrow, JSONL, JSON, CSV, folders of `datasets`.

Two layouts are read. One row is one group: a list of vectors, of texts, of numbers. Or one row is one sample, and a
column says which group it belongs to; the rows of a group lie next to each other.

However they lie, `read` gives tables with the columns `id` and `schema.COLUMNS`, one row a group. Where the layout
allows it they are views of the file: vectors in Arrow files with a group a row are never copied.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from uncal import schema, tables
from uncal.errors import ArtefactError
from uncal.types import BoolArray, IntArray

MAX_BYTES = 32 << 20
"""A batch is cut when it holds so many bytes, however few its rows."""
SMALL = 1 << 20
"""Batches of an Arrow file that are smaller are joined, which copies them."""
NAMES = {
    "id": ("id", "question_id", "prompt_id", "qid", "uid"),
    "embeddings": ("embeddings", "embedding", "vectors", "vector"),
    "texts": ("texts", "text", "completions", "completion", "responses", "response", "samples", "generations"),
    "logprobs": ("logprobs", "logprob", "log_likelihoods", "log_likelihood", "cumulative_logprob"),
    "entail": ("entail", "entailment"),
    "contra": ("contra", "contradiction"),
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
    """

    columns: dict[str, str]
    dim: int | None = None
    dtype: str | None = None
    mean_logprobs: bool = False


# Opening


@dataclass(frozen=True)
class Source:
    """An open file: the names of its columns, its batches, and how many rows there are if that is known."""

    path: Path
    names: list[str]
    batches: Callable[[list[str], int], Iterator[pa.RecordBatch]]
    rows: int | None


def open_file(path: Path) -> Source:
    """Look at a file.

    Raises
    ------
    ArtefactError
        If there is none, its kind is not known, or it cannot be read.
    """
    if not path.exists():
        raise ArtefactError(f"no file {path}")
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            return _several(path, [open_file(file) for file in tables.files_of_datasets(path)])
        if suffix == ".parquet":
            return _parquet(path)
        if suffix == ".arrow":
            return _arrow(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}") from error
    return _rows(path)


def _several(path: Path, sources: list[Source]) -> Source:
    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        return chain.from_iterable(source.batches(columns, rows) for source in sources)

    counts = [source.rows for source in sources if source.rows is not None]
    return Source(path, sources[0].names, batches, sum(counts) if len(counts) == len(sources) else None)


def _parquet(path: Path) -> Source:
    with pq.ParquetFile(path) as file:
        names, count = file.schema_arrow.names, int(file.metadata.num_rows)

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        # Pages are read as they are wanted: a row group, however big, is never in memory as a whole.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            size = min(rows, max(1, MAX_BYTES // _widest(file, columns)))
            yield from file.iter_batches(batch_size=size, columns=columns, use_threads=False)

    return Source(path, names, batches, count)


def _widest(file: pq.ParquetFile, columns: list[str]) -> int:
    """Count the decoded bytes of a row, in the row group where they are most."""
    widths = {"INT64": 8, "DOUBLE": 8, "INT96": 12}
    most = 1
    for index in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(index)
        total = 0
        for i in range(group.num_columns):
            chunk, leaf = group.column(i), file.schema.column(i)
            path = chunk.path_in_schema
            if any(path == name or path.startswith(f"{name}.") for name in columns):
                width = (
                    leaf.length if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" else widths.get(leaf.physical_type, 4)
                )
                total += max(chunk.num_values * width, chunk.total_uncompressed_size)
        most = max(most, -(-total // max(1, group.num_rows)))
    return most


def _arrow(path: Path) -> Source:
    with pa.memory_map(str(path)) as mapped:
        try:
            reader = pa.ipc.open_file(mapped)
            count: int | None = sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
        except pa.ArrowInvalid:
            mapped.seek(0)
            reader, count = pa.ipc.open_stream(mapped), None
        names = reader.schema.names

    def stored() -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(path)) as mapped:
            if count is None:
                yield from pa.ipc.open_stream(mapped)
            else:
                reader = pa.ipc.open_file(mapped)
                for i in range(reader.num_record_batches):
                    yield reader.get_batch(i)

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        return _cut(_joined(batch.select(columns) for batch in stored()), rows)

    return Source(path, names, batches, count)


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= SMALL:
            yield _concatenated(held)
            held, size = [], 0
    if held:
        yield _concatenated(held)


def _concatenated(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _cut(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        size = min(rows, max(1, MAX_BYTES * batch.num_rows // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


# Text files


def _rows(path: Path) -> Source:
    first = list(islice(tables.rows(path), 100))
    if not first:
        raise ArtefactError(f"{path} has no rows")
    names = list(dict.fromkeys(str(name) for _, row in first for name in row))

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        held: dict[str, list[Any]] = {name: [] for name in columns}
        size = 0
        for _, row in tables.rows(path):
            for name in columns:
                value = _compact(row.get(name))
                size += value.nbytes if isinstance(value, np.ndarray) else _size(value)
                held[name].append(value)
            if len(held[columns[0]]) == rows or size >= MAX_BYTES:
                yield _batch(held, path)
                held, size = {name: [] for name in columns}, 0
        if held[columns[0]]:
            yield _batch(held, path)

    return Source(path, names, batches, None)


def _compact(value: Any) -> Any:
    """Give what a field of JSON holds, lists of numbers as arrays of theirs."""
    if not isinstance(value, list) or not value:
        return value
    if all(isinstance(one, int | float) for one in value):
        return np.asarray(value, np.float64)
    if all(isinstance(one, list) and all(isinstance(x, int | float | None) for x in one) for one in value):
        if len({len(one) for one in value}) == 1:
            return np.asarray(value, np.float64)
        return [np.asarray(one, np.float64) for one in value]
    return value


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return 50 + (sum(map(_size, value)) if isinstance(value, list) else len(value) if isinstance(value, str) else 0)


def _batch(held: dict[str, list[Any]], path: Path) -> pa.RecordBatch:
    return pa.record_batch({name: _array(values, f"{path}: column {name!r}") for name, values in held.items()})


def _array(values: list[Any], where: str) -> pa.Array:
    arrays = [value for value in values if value is not None]
    if arrays and all(isinstance(value, np.ndarray) for value in arrays) and len({a.ndim for a in arrays}) == 1:
        kept = pa.array([value is None for value in values])
        if arrays[0].ndim == 1:
            return _lists(
                [0 if value is None else len(value) for value in values], pa.array(np.concatenate(arrays)), kept
            )
        widths = np.concatenate([np.full(len(a), a.shape[1]) for a in arrays])
        inner = _lists(widths, pa.array(np.concatenate([a.reshape(-1) for a in arrays])))
        return _lists([0 if value is None else len(value) for value in values], inner, kept)
    try:
        return pa.array([_plain(value) for value in values])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ArtefactError(f"{where} holds values of several kinds: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _lists(lengths: Sequence[int] | IntArray, values: pa.Array, missing: pa.Array | None = None) -> pa.Array:
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    return pa.LargeListArray.from_arrays(offsets, values, mask=missing)


# Reading


def resolve(source: Source, wanted: Iterable[str], layout: Layout) -> dict[str, str]:
    """Say which column of a file each wanted one is; wanted ones that are not there are left out.

    Raises
    ------
    ArtefactError
        If a column that the layout names is not there.
    """
    found = {}
    for name in wanted:
        given = layout.columns.get(name)
        if given is not None and given not in source.names:
            raise ArtefactError(f"{source.path} has no column {given!r}; it has {', '.join(source.names)}")
        theirs = next((known for known in NAMES.get(name, ()) if known in source.names), None)
        if given is not None or theirs is not None:
            found[name] = str(given or theirs)
    return found


def lacking(source: Source, name: str) -> NoReturn:
    """Complain that a file has no column of a kind."""
    raise ArtefactError(
        f"{source.path} has no {name} (looked for {', '.join(NAMES[name])}); it has {', '.join(source.names)}: name "
        f"the column by --{name}-column"
    )


def read(source: Source, wanted: Iterable[str], layout: Layout, rows: int = 4096) -> Iterator[pa.Table]:
    """Read groups.

    Parameters
    ----------
    source : Source
    wanted : iterable of str
        Of `schema.COLUMNS`.
    layout : Layout
    rows : int, default=4096
        Rows of the file in a batch, at most; `MAX_BYTES` may cut it shorter.

    Yields
    ------
    pyarrow.Table
        `id` (text; without such a column the row's number, from 0) and the wanted columns, as `schema.groups` takes
        them.

    Raises
    ------
    ArtefactError
        If a column is missing or of a kind that cannot be read, if vectors differ in length, or if the rows of a group
        do not lie next to each other.
    """
    wanted = tuple(wanted)
    per_sample = "group" in layout.columns
    columns = resolve(source, ("group" if per_sample else "id", *wanted), layout)
    for name in wanted:
        if name not in columns:
            lacking(source, name)
    try:
        start, dim = 0, None
        batches = source.batches(list(dict.fromkeys(columns.values())) or source.names[:1], rows)
        for batch, ends in (
            _by_group(batches, columns["group"], source.path) if per_sample else zip(batches, repeat(None))
        ):
            where = _Where(source.path, start)
            table = canonical(batch, columns, layout, ends, where)
            if "embeddings" in wanted:
                width = table["embeddings"].type.value_type.list_size
                if pc.sum(pc.list_value_length(table["embeddings"])).as_py():  # of no vectors the width says nothing
                    if dim not in (None, width):
                        where.fail(0, columns["embeddings"], f"has vectors of {width} numbers, those before have {dim}")
                    dim = width
            yield table
            start += batch.num_rows
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OSError) as error:
        raise ArtefactError(f"{source.path} cannot be read: {error}") from error


@dataclass(frozen=True)
class _Where:
    """The place in a file where a batch starts."""

    path: Path
    start: int

    def fail(self, row: int, column: str, what: str) -> NoReturn:
        raise ArtefactError(f"{self.path}, row {self.start + row}: column {column!r} {what}")


def _by_group(batches: Iterable[pa.RecordBatch], column: str, path: Path) -> Iterator[tuple[pa.RecordBatch, IntArray]]:
    """Batches of whole groups, and where in them each group ends; a group cut by a border waits for its rest."""
    held: pa.RecordBatch | None = None
    seen, start = _Seen(), 0

    def whole(batch: pa.RecordBatch, runs: pa.Array, ends: IntArray) -> tuple[pa.RecordBatch, IntArray]:
        again = seen.add(_keys(runs))
        if again is not None:
            raise ArtefactError(
                f"{path}, row {start + int(ends[again])}: group {runs[again].as_py()!r} comes again; the rows of a "
                "group must lie next to each other (sort the file by that column)"
            )
        return batch, ends

    for fresh in batches:
        if not fresh.num_rows:
            continue
        batch = fresh if held is None else _concatenated([held, fresh])
        names = _flat(batch[column])
        if names.null_count:
            row = start + int(names.is_null().index(True).as_py())
            raise ArtefactError(f"{path}, row {row}: column {column!r} is null; every row needs its group")
        encoded = pc.run_end_encode(names)
        ends = np.concatenate([[0], encoded.run_ends.to_numpy()]).astype(np.int64)
        if len(ends) > 2:
            yield whole(batch.slice(0, ends[-2]), encoded.values[:-1], ends[:-1])
            start += int(ends[-2])
        held = batch.slice(ends[-2])
    if held is not None:
        yield whole(held, _flat(held[column])[:1], np.array([0, held.num_rows]))


class _Seen:
    """64-bit keys that came before: eight bytes each, in sorted runs that are merged as they grow."""

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, keys: NDArray[np.uint64]) -> int | None:
        """Take in keys; give the place of one that was there already."""
        order = np.argsort(keys, kind="stable")
        fresh = keys[order]
        if (twice := fresh[1:] == fresh[:-1]).any():
            return int(order[1:][twice].min())
        for run in self._runs:
            there = run[np.minimum(np.searchsorted(run, fresh), len(run) - 1)] == fresh
            if there.any():
                return int(order[there].min())
        while self._runs and len(self._runs[-1]) <= len(fresh):
            fresh = np.sort(np.concatenate([self._runs.pop(), fresh]), kind="stable")
        self._runs.append(fresh)
        return None


def _keys(names: pa.Array) -> NDArray[np.uint64]:
    """Make a key of each name: an integer itself, otherwise 64 bits of a hash.

    Among 1e7 texts two share a key about once in 400 000 files.
    """
    if pa.types.is_integer(names.type):
        integers: NDArray[Any] = names.to_numpy()
        return integers.astype(np.uint64)
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in names.to_pylist())
    return np.frombuffer(digests, np.uint64)


# Layouts


def canonical(
    batch: pa.RecordBatch, columns: Mapping[str, str], layout: Layout, ends: IntArray | None, where: _Where
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
    where : _Where
        For messages.
    """
    made = {"id": _ids(batch, columns, ends, where)}
    for name in (name for name in columns if name in schema.COLUMNS):
        field = batch.schema.field(columns[name])
        array = _flat(batch[columns[name]])
        if (name != "texts" or ends is None) and _is_text(array.type):
            array = _parsed(array, columns[name], where)
        if pa.types.is_null(array.type):
            kind = (
                pa.list_(pa.float32(), 1) if name == "embeddings" else pa.string() if name == "texts" else pa.float64()
            )
            made[name] = pa.nulls(len(made["id"]), pa.large_list(kind))
            continue
        column = _Column(columns[name], where, array.type, ends is not None)
        missing: BoolArray | None = None
        inside = ends
        if ends is None:
            array = _without_holes(array)
        if array.null_count:
            nulls: BoolArray = array.is_null().to_numpy(zero_copy_only=False)
            missing = nulls if ends is None else np.add.reduceat(nulls, ends[:-1], dtype=np.int64) > 0
            if ends is not None:  # the group is null; what is left of it stays behind the null
                inside = np.concatenate([[0], np.cumsum(~nulls)])[ends]
                array = array.drop_null()
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
    """A column as messages speak of it."""

    name: str
    where: _Where
    kind: pa.DataType
    per_sample: bool

    def fail(self, what: str, row: int = 0) -> NoReturn:
        self.where.fail(row, self.name, what)


def _ids(batch: pa.RecordBatch, columns: Mapping[str, str], ends: IntArray | None, where: _Where) -> pa.Array:
    name = columns.get("id" if ends is None else "group")
    if name is None:
        return pa.array([str(row) for row in range(where.start, where.start + batch.num_rows)], pa.string())
    ids = _flat(batch[name])
    if pa.types.is_nested(ids.type) or _is_bytes(ids.type):
        where.fail(0, name, f"is {ids.type}; ids are texts or numbers")
    if ids.null_count:
        where.fail(int(ids.is_null().index(True).as_py()), name, "is null; every row needs its id")
    return (ids if ends is None else ids.take(pa.array(ends[:-1]))).cast(pa.string())


def _flat(array: pa.Array) -> pa.Array:
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


def _parsed(array: pa.Array, column: str, where: _Where) -> pa.Array:
    """Read JSON lists in a column of text; a blank field is null, and what is no list stays text."""
    values: list[Any] = []
    for row, text in enumerate(array.to_pylist()):
        try:
            values.append(_compact(json.loads(text)) if text and text.lstrip()[:1] == "[" else text or None)
        except ValueError as error:
            where.fail(row, column, f"is not a JSON list ({error})")
    return _array(values, f"{where.path}: column {column!r}")


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
    rows = np.arange(len(array) + 1)
    dim = _dim(field, layout)
    if _is_bytes(array.type):
        offsets, numbers = _from_bytes(array, field, layout, column)
    elif _is_list(array.type):
        offsets, numbers = schema.unnest(array)
        if _is_list(numbers.type):
            if column.per_sample:
                column.fail(f"is {column.kind}; where a row is one sample it holds one vector")
            size = numbers.type.list_size if pa.types.is_fixed_size_list(numbers.type) else None
            ends, numbers = schema.unnest(numbers)
            if size:
                return offsets, pa.FixedSizeListArray.from_arrays(_floats(numbers, column), size)
            dim = _one_width(ends, offsets, column)
            offsets = ends[offsets]
    else:
        column.fail(f"is {column.kind}; embeddings are lists of vectors, or bytes")
    if column.per_sample:
        dim = _one_width(offsets, rows, column)
    if dim is None and len(numbers):
        column.fail(
            f"is {column.kind}: say how many numbers a vector has (--dim), or which column says what group a row "
            "belongs to (--group-column)"
        )
    dim = dim or 1
    if (offsets % dim).any():
        row = int((offsets % dim).argmax()) - 1
        column.fail(f"holds {np.diff(offsets)[row]} numbers; vectors of {dim} do not fit", row)
    return offsets // dim, pa.FixedSizeListArray.from_arrays(_floats(numbers, column), dim)


def _floats(numbers: pa.Array, column: "_Column") -> pa.Array:
    if pa.types.is_floating(numbers.type):
        return numbers
    if not pa.types.is_integer(numbers.type) and not pa.types.is_null(numbers.type):
        column.fail(f"is {column.kind}; embeddings are numbers")
    return numbers.cast(pa.float64())


def _dim(field: pa.Field, layout: Layout) -> int | None:
    if layout.dim is not None:
        return layout.dim
    shape = getattr(field.type, "shape", None)  # of a tensor of fixed shape
    noted = (field.metadata or {}).get(b"dim")
    return int(shape[-1]) if shape else int(noted) if noted else None


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
    if (ends % dtype.itemsize).any():
        row = int((ends % dtype.itemsize).argmax()) - 1
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
    if _is_list(values.type) and name == "logprobs":
        values = _sums(values, mean=layout.mean_logprobs)
    elif _is_list(values.type) and name in schema.SQUARE:
        ends, values = schema.unnest(values)
        offsets = ends[offsets]
    values = _flat(values)
    if pa.types.is_nested(values.type) or _is_bytes(values.type):
        column.fail(f"is {column.kind}; {name} are lists of {'texts' if name == 'texts' else 'numbers'}")
    if name == "texts":
        return offsets, values if _is_text(values.type) else values.cast(pa.string())
    return offsets, values if pa.types.is_floating(values.type) else values.cast(pa.float64())


def _sums(lists: pa.Array, *, mean: bool) -> pa.Array:
    """Sum or mean of each list; a null is none, and the sum of nothing is 0."""
    ends, values = schema.unnest(lists)
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    lengths = np.diff(ends)
    full = lengths > 0
    sums = np.zeros(len(lists))
    if full.any():
        sums[full] = np.add.reduceat(numbers, ends[:-1][full])
    if mean:
        sums[full] /= lengths[full]
    return pa.array(sums)
