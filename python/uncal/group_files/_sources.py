"""Files of every kind as batches of Arrow columns, and what a row of each is called."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from uncal import tables
from uncal.errors import ArtefactError
from uncal.types import IntArray

MAX_BYTES = 32 << 20
"""A batch is cut when it holds so many bytes, however few its rows."""
SMALL = 1 << 20
"""Batches of an Arrow file that are smaller are joined, which copies them."""
LINES = (".jsonl", ".ndjson", ".csv", ".tsv")
"""Files of which a user counts the lines."""
REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeEncodeError)
"""What Arrow raises for values that it cannot take."""


@dataclass(frozen=True)
class Source:
    """An open file.

    Attributes
    ----------
    path : Path
    names : list of str
        Its columns.
    batches : callable
        Columns and the most rows of a batch -> its batches.
    rows : int or None
        How many there are, if that is known.
    at : callable
        A row's number, from 0 -> the file and that row, as its user counts: lines from 1, or rows from 0.
    """

    path: Path
    names: list[str]
    batches: Callable[[list[str], int], Iterator[pa.RecordBatch]]
    rows: int | None
    at: Callable[[int], str]


@dataclass(frozen=True)
class Place:
    """Where in a file a batch starts."""

    at: Callable[[int], str]
    start: int

    def fail(self, row: int, column: str, what: str) -> NoReturn:
        """Complain about a column in a row of the batch."""
        raise ArtefactError(f"{self.at(self.start + row)}: column {column!r} {what}")


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
        return _text(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}") from error


def _row_of(path: Path) -> Callable[[int], str]:
    return lambda row: f"{path}, row {row} (from 0)"


def _line_of(path: Path) -> Callable[[int], str]:
    return lambda row: f"{path}, line {next(islice(tables.rows(path), row, None))[0]}"


# Files of Arrow's kinds


def _several(path: Path, sources: list[Source]) -> Source:
    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        return chain.from_iterable(source.batches(columns, rows) for source in sources)

    def at(row: int) -> str:
        for source in sources[:-1]:
            count = source.rows
            if count is None:  # of a stream
                count = sum(batch.num_rows for batch in source.batches(source.names[:1], 4096))
            if row < count:
                return source.at(row)
            row -= count
        return sources[-1].at(row)

    counts = [source.rows for source in sources if source.rows is not None]
    return Source(path, sources[0].names, batches, sum(counts) if len(counts) == len(sources) else None, at)


def _parquet(path: Path) -> Source:
    with pq.ParquetFile(path) as file:
        names, count = file.schema_arrow.names, int(file.metadata.num_rows)

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        # Pages are read as they are wanted: a row group, however big, is never in memory as a whole.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            size = min(rows, max(1, MAX_BYTES // _widest(file, columns)))
            yield from file.iter_batches(batch_size=size, columns=columns, use_threads=False)

    return Source(path, names, batches, count, _row_of(path))


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

    return Source(path, names, batches, count, _row_of(path))


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= SMALL:
            yield concatenated(held)
            held, size = [], 0
    if held:
        yield concatenated(held)


def concatenated(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Join batches, also of text files, whose types may differ; a lone one is not copied."""
    if len(batches) == 1:
        return batches[0]
    if all(batch.schema.equals(batches[0].schema) for batch in batches):
        return pa.concat_batches(batches)
    parts = [pa.Table.from_batches([batch]) for batch in batches]
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks().to_batches()[0]


def _cut(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        size = min(rows, max(1, MAX_BYTES * batch.num_rows // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


# Text files


def _text(path: Path) -> Source:
    first = list(islice(tables.rows(path), 100))
    if not first:
        raise ArtefactError(f"{path} has no rows")
    names = list(dict.fromkeys(str(name) for _, row in first for name in row))
    at = (_line_of if path.suffix.lower() in LINES else _row_of)(path)

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        held: dict[str, list[Any]] = {name: [] for name in columns}
        size = 0
        place = Place(at, 0)
        for number, (_, row) in enumerate(tables.rows(path)):
            for name in columns:
                value = compact(row.get(name))
                size += value.nbytes if isinstance(value, np.ndarray) else _size(value)
                held[name].append(value)
            if number + 1 - place.start == rows or size >= MAX_BYTES:
                yield _batch(held, place)
                held, size, place = {name: [] for name in columns}, 0, Place(at, number + 1)
        if held[columns[0]]:
            yield _batch(held, place)

    return Source(path, names, batches, None, at)


def compact(value: Any) -> Any:
    """Give what a field of JSON holds, lists of numbers as arrays of theirs."""
    if not isinstance(value, list) or not value:
        return value
    try:
        if all(_is_number(one) for one in value):
            return np.asarray(value, np.float64)
        if all(isinstance(one, list) and all(x is None or _is_number(x) for x in one) for one in value):
            if len({len(one) for one in value}) == 1:
                return np.asarray(value, np.float64)
            return [np.asarray(one, np.float64) for one in value]
    except OverflowError:  # a whole number beyond float64, which `to_arrow` names
        return value
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return 50 + (sum(map(_size, value)) if isinstance(value, list) else len(value) if isinstance(value, str) else 0)


def _batch(held: dict[str, list[Any]], place: Place) -> pa.RecordBatch:
    return pa.record_batch({name: to_arrow(values, name, place) for name, values in held.items()})


def to_arrow(values: list[Any], column: str, place: Place) -> pa.Array:
    """Make a column of what `compact` gave for its rows."""
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
    plain = [_plain(value) for value in values]
    try:
        return pa.array(plain)
    except REFUSED as error:
        if all(value is None or type(value) is int for value in plain):  # ids beyond 64 bits
            return pa.array([None if value is None else str(value) for value in plain])
        row = first_refused(lambda count: pa.array(plain[:count]), len(plain))
        unicode = isinstance(error, UnicodeEncodeError)
        wrong = "is not valid Unicode" if unicode else "holds another kind of value than before, or several kinds"
        place.fail(row, column, f"{wrong}: {error}")


def first_refused(attempt: Callable[[int], object], count: int) -> int:
    """Find the value, of `count`, up to which an attempt on the first ones goes well."""
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        try:
            attempt(middle)
        except REFUSED:
            high = middle
        else:
            low = middle
    return low


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _lists(lengths: list[int] | IntArray, values: pa.Array, missing: pa.Array | None = None) -> pa.Array:
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    return pa.LargeListArray.from_arrays(offsets, values, mask=missing)
