"""Groups out of the files that people have, batch by batch: Parquet, Arrow, JSONL, JSON, CSV, folders of `datasets`.

Two layouts are read. One row is one group: a list of vectors, of texts, of numbers. Or one row is one sample, and a
column says which group it belongs to; the rows of a group lie next to each other.

However they lie, `read` gives tables with the columns `id`, `row` and `schema.COLUMNS`, one row a group. Where the
layout allows it they are views of the file: vectors in Arrow files with a group a row are never copied.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from uncal.errors import ArtefactError
from uncal.group_files._columns import BYTES, NAMES, Layout, canonical, flat, list_of
from uncal.group_files._sources import REFUSED, Place, Source, concatenated, first_refused, open_file
from uncal.types import IntArray

__all__ = [
    "BYTES",
    "NAMES",
    "REFUSED",
    "Layout",
    "Place",
    "Source",
    "first_refused",
    "flat",
    "lacking",
    "list_of",
    "open_file",
    "read",
    "resolve",
]


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
        f"the column by --{name.replace('_', '-')}-column"
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
        `id` (text; without such a column the row's number, from 0), `row` (where the group starts in the file, from 0;
        `Source.at` says it in words), `Layout.kept` and `Layout.gathered`, and the wanted columns, as `schema.groups`
        takes them.

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
        further = (layout.kept | layout.gathered).values()
        theirs = list(dict.fromkeys([*columns.values(), *further])) or source.names[:1]
        batches = source.batches(theirs, rows)
        for batch, ends in _by_group(batches, columns["group"], source) if per_sample else zip(batches, repeat(None)):
            place = Place(source.at, start)
            table = canonical(batch, columns, layout, ends, place)
            if "embeddings" in wanted:
                width = table["embeddings"].type.value_type.list_size
                lengths = pc.list_value_length(table["embeddings"])
                if pc.sum(lengths).as_py():  # of no vectors the width says nothing
                    if dim not in (None, width):
                        first = pc.index(pc.greater(lengths, 0), True).as_py()
                        row = int(table["row"][first].as_py()) - start
                        what = f"has vectors of {width} numbers, those before have {dim}"
                        place.fail(row, columns["embeddings"], what)
                    dim = width
            yield table
            start += batch.num_rows
    except (*REFUSED, OSError) as error:
        raise ArtefactError(f"{source.path} cannot be read: {error}") from error


def _by_group(
    batches: Iterable[pa.RecordBatch], column: str, source: Source
) -> Iterator[tuple[pa.RecordBatch, IntArray]]:
    """Batches of whole groups, and where in them each group ends; a group cut by a border waits for its rest."""
    held: pa.RecordBatch | None = None
    seen, start = _Seen(), 0

    def whole(batch: pa.RecordBatch, runs: pa.Array, ends: IntArray) -> tuple[pa.RecordBatch, IntArray]:
        again = seen.add(_keys(runs))
        if again is not None:
            raise ArtefactError(
                f"{source.at(start + int(ends[again]))}: group {runs[again].as_py()!r} comes again; the rows of a "
                "group must lie next to each other (sort the file by that column)"
            )
        return batch, ends

    for fresh in batches:
        if not fresh.num_rows:
            continue
        try:
            batch = fresh if held is None else concatenated([held, fresh])
        except REFUSED as error:
            there = source.at(start + (held.num_rows if held is not None else 0))
            raise ArtefactError(f"{there}: columns hold another kind of value than before: {error}") from error
        names = flat(batch[column])
        if names.null_count:
            row = int(names.is_null().index(True).as_py())
            Place(source.at, start).fail(row, column, "is null; every row needs its group")
        encoded = pc.run_end_encode(names)
        ends = np.concatenate([[0], encoded.run_ends.to_numpy()]).astype(np.int64)
        if len(ends) > 2:
            yield whole(batch.slice(0, ends[-2]), encoded.values[:-1], ends[:-1])
            start += int(ends[-2])
        held = batch.slice(ends[-2])
    if held is not None:
        yield whole(held, flat(held[column])[:1], np.array([0, held.num_rows]))


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
        return integers.astype(np.uint64)  # of one file, all signed or all unsigned: no two become one
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in names.to_pylist())
    return np.frombuffer(digests, np.uint64)
