"""Files that are whole or absent, know what they were made from, and are finished after a kill.

Every file is written beside its final name and renamed. Its metadata holds the schema version, uncal's version, the
stage, its config and the hashes of its inputs. Long stages write shards, each a small file of its own, into
``NAME.parts`` beside the file, and join them at the end: after a kill the finished shards stay.

What happens to a file that is already there:

- made by the same stage from the same config and inputs: kept, the stage is skipped;
- another config or other inputs: made anew, and so is what follows from it; its unfinished shards are thrown away;
- another schema version or another minor version of uncal, or not made by this stage at all: refused, unless told to
  overwrite.
"""

import contextlib
import errno
import fcntl
import glob
import hashlib
import html
import json
import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from uncal import schema
from uncal.errors import ArtefactError
from uncal.version import __version__

log = logging.getLogger("uncal")
KEY = b"uncal"
META = '<meta name="uncal" content="'
"""Opens the tag of a page that says what it was made by."""
NOTE = "uncal.json"
"""File in an artefact that is a folder which says what it was made by."""


def sha256(path: Path) -> str:
    """Hash of a file's bytes, or of the names and bytes of all files in a folder but README.md and hidden ones."""
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(p for p in path.rglob("[!.]*") if p.is_file() and p.name != "README.md"):
            digest.update(f"{file.relative_to(path)}\0{sha256(file)}\n".encode())
        return digest.hexdigest()
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ArtefactError(f"no file {path}") from error


def sampled_sha256(path: Path) -> str:
    """Hash of a file that may be too big to read for a hash: its size, its time of change, and 64 places in it.

    A small one is hashed whole, without its time.
    """
    blocks, size = 64, 1 << 16
    if path.is_dir() or not path.exists() or path.stat().st_size <= 16 * blocks * size:
        return sha256(path)
    status = path.stat()
    digest = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode())
    with path.open("rb") as file:
        for i in range(blocks):
            file.seek((status.st_size - size) * i // (blocks - 1))
            digest.update(file.read(size))
    return digest.hexdigest()


@dataclass(frozen=True)
class MadeBy:
    """What an artefact was made by and from.

    Attributes
    ----------
    stage : str
    config : dict
        The stage's settings, as JSON holds them, `seed` among them.
    inputs : dict of str to str
        Name of each input -> SHA-256 of its bytes.
    lineage : dict of str to dict
        Stage -> config, of every stage that led to the inputs.
    sources : dict of str to str
        Name -> SHA-256 of all that the inputs were made from, back to the first.
    uncal_version, schema_version
    """

    stage: str
    config: dict[str, Any]
    inputs: dict[str, str]
    lineage: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    uncal_version: str = __version__
    schema_version: int = schema.VERSION

    @classmethod
    def of(
        cls,
        stage: str,
        config: object,
        inputs: Mapping[str, Path],
        *,
        foreign: tuple[str, ...] = (),
        sampled: tuple[str, ...] = (),
    ) -> Self:
        """Describe a stage that is about to run; hashes its inputs, those named in `sampled` in places only.

        Raises
        ------
        ArtefactError
            If an input was made from another version of a file than another input was, or than is given; inputs
            named in `foreign` may come from another run.
        """
        settings = json.loads(json.dumps(asdict(config), default=str))  # type: ignore[call-overload]
        hashes = {name: sampled_sha256(path) if name in sampled else sha256(path) for name, path in inputs.items()}
        lineage: dict[str, dict[str, Any]] = {}
        sources: dict[str, str] = {}
        seen = {Path(name).stem: (digest, inputs[name]) for name, digest in hashes.items() if name not in foreign}
        for name, path in inputs.items():
            maker = None
            with contextlib.suppress(ArtefactError):  # an input may be anybody's file
                maker = made_by(path)
            if maker is None or name in foreign:
                continue
            lineage |= maker.lineage | {maker.stage: maker.config}
            for source, digest in (maker.sources | maker.inputs).items():
                stem = Path(source).stem
                known, other = seen.setdefault(stem, (digest, path))
                if known != digest:
                    raise ArtefactError(
                        f"{path} was made from another {stem} than {other} is or was made from, and a run is never "
                        f"mixed: run `uncal {maker.stage}` and the stages after it again"
                    )
                sources[stem] = digest
        return cls(stage, settings, hashes, lineage, sources)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self) | {"seed": self.config.get("seed")}

    def to_json(self) -> str:
        """Return it as JSON text, the same for the same contents."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read it back; `ArtefactError` if it is not such a text."""
        try:
            fields = json.loads(text)
            fields.pop("seed", None)
            return cls(**fields)
        except (ValueError, TypeError, AttributeError) as error:
            raise ArtefactError(f"metadata that uncal did not write: {error}") from error

    def differences(self, other: "MadeBy") -> list[str]:
        """Say in words how `other` differs from this one, which is the newer."""
        found = [
            f"{key} {other.config.get(key)!r} -> {self.config.get(key)!r}"
            for key in sorted(self.config.keys() | other.config.keys())
            if self.config.get(key) != other.config.get(key)
        ]
        found += [
            f"input {key} changed"
            for key in sorted(self.inputs.keys() | other.inputs.keys())
            if self.inputs.get(key) != other.inputs.get(key)
        ]
        return found


def made_by(path: Path) -> MadeBy | None:
    """Read what an artefact says it was made by; None if it says nothing."""
    if path.is_dir():
        path /= NOTE
        if not path.exists():
            return None
    try:
        if path.suffix == ".json":
            fields = json.loads(path.read_text(encoding="utf-8"))
            return MadeBy.from_json(json.dumps(fields["made_by"])) if "made_by" in fields else None
        if path.suffix == ".html":
            _, opening, rest = path.read_text(encoding="utf-8").partition(META)
            return MadeBy.from_json(html.unescape(rest.partition('"')[0])) if opening else None
        if path.suffix not in (".parquet", ".arrow"):
            return None
        metadata = table_schema(path).metadata or {}
        return MadeBy.from_json(metadata[KEY]) if KEY in metadata else None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is not an artefact of uncal, or is damaged: {error}") from error


def is_done(out: Path, making: MadeBy, *, overwrite: bool = False, tidy: bool = True) -> bool:
    """Say whether `out` is there and up to date; the rule stands at the top of this file.

    Shards beside a file that is up to date were left by a kill between the last rename and the tidying up; they are
    removed if `tidy`.

    Raises
    ------
    ArtefactError
        If `out` exists and must not be replaced without being told so.
    """
    if not out.exists() or overwrite:
        return False
    try:
        old = made_by(out)
    except ArtefactError as error:
        raise ArtefactError(f"{error}; pass --overwrite to make it anew") from error
    if old is None:
        raise ArtefactError(f"{out} exists and uncal did not make it; pass another --out, or --overwrite")
    _refuse_strangers(out, old, making)
    if differences := making.differences(old):
        log.info("%s: making %s anew (%s)", making.stage, out.name, "; ".join(differences))
        return False
    log.info("%s: %s is up to date", making.stage, out.name)
    if tidy:
        shutil.rmtree(parts_of(out), ignore_errors=True)
    return True


def parts_of(out: Path) -> Path:
    """Folder of an output's shards while it is in the making."""
    return out.with_name(f"{out.name}.parts")


def _refuse_strangers(out: Path, old: MadeBy, making: MadeBy) -> None:
    remedy = "use a fresh folder, or pass --overwrite to make it anew"
    if old.schema_version != making.schema_version:
        raise ArtefactError(
            f"{out} has schema version {old.schema_version}, this uncal writes {making.schema_version}; {remedy}"
        )
    if old.uncal_version.split(".")[:2] != making.uncal_version.split(".")[:2]:
        raise ArtefactError(
            f"{out} was made by uncal {old.uncal_version}, this is {making.uncal_version}, and a run is never mixed; "
            f"{remedy}"
        )
    if old.stage != making.stage:
        raise ArtefactError(f"{out} was made by `uncal {old.stage}`, not by `uncal {making.stage}`; {remedy}")


# Writing


@contextlib.contextmanager
def aside(out: Path) -> Iterator[Path]:
    """Give a path beside `out` to write to; rename it to `out` at the end, delete it on an error."""
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent)
    except OSError as error:  # names a file that nobody has heard of
        raise OSError(error.errno, error.strerror, str(out)) from error
    temporary = Path(name)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # tells `_sweep` that its maker lives
        yield temporary
        os.fsync(descriptor)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(out)
        _sync_folder(out.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _sweep(out: Path) -> None:
    """Remove what killed processes left beside `out`; a living one holds a lock on its file."""
    for left in out.parent.glob(f".{glob.escape(out.name)}.*.tmp"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(out: Path, text: str) -> None:
    """Write a small text file, whole or not at all."""
    with aside(out) as temporary:
        temporary.write_text(text, encoding="utf-8")


def finite(value: Any) -> Any:
    """Turn NaN and infinity into null, which is all that JSON has.

    Examples
    --------
    >>> finite({"auroc": (math.nan, 0.5)})
    {'auroc': [None, 0.5]}
    """
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextlib.contextmanager
def writer(out: Path, columns: pa.Schema, making: MadeBy | None = None) -> Iterator[Callable[[pa.Table], None]]:
    """Give a function that appends tables to `out`: an Arrow file if its name ends so, Parquet otherwise.

    Metadata that `columns` has goes into the file, beside what `making` says.
    """
    if making is not None:
        columns = columns.with_metadata({**(columns.metadata or {}), KEY: making.to_json().encode()})
    with aside(out) as temporary, open_writer(out.suffix, temporary, columns) as sink:

        def write(table: pa.Table) -> None:
            sink.write_table(table.select(columns.names).cast(columns))

        yield write


def open_writer(suffix: str, path: Path, columns: pa.Schema) -> Any:
    """Open a writer of Arrow IPC or Parquet."""
    if suffix == ".arrow":
        return pa.ipc.new_file(str(path), columns)
    # Fractions hardly repeat: to write them takes four times as long where a dictionary is tried first. (Columns inside
    # lists and structs would have to be named by their paths.)
    nested = any(pa.types.is_nested(column.type) for column in columns)
    repeating = [column.name for column in columns if not pa.types.is_floating(column.type)]
    return pq.ParquetWriter(path, columns, use_dictionary=nested or repeating)


class Shards:
    """A stage's output in the making: whole shards in a folder beside `out`, joined at the end.

    Parameters
    ----------
    out : Path
    columns : pyarrow.Schema or None
        Of `out`; None takes them from the first shard.
    making : MadeBy
        Shards of another config or other inputs are thrown away.

    Notes
    -----
    Only one process works on an output at a time; a second one gets an `ArtefactError`.
    """

    def __init__(self, out: Path, making: MadeBy, columns: pa.Schema | None = None, *, overwrite: bool = False) -> None:
        self.out, self.columns, self.making, self.overwrite = out, columns, making, overwrite
        self.folder = parts_of(out)
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise ArtefactError(f"another process is making {self.out}; wait for it or stop it") from error
        try:
            self._tidy()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()

    def _tidy(self) -> None:
        """Throw away what does not belong to this work, and note what it is."""
        note, overwriting = self.folder / "made_by.json", self.folder / "overwriting"
        if note.exists():
            old = MadeBy.from_json(note.read_text())
            if not self.overwrite:
                _refuse_strangers(self.folder, old, self.making)
            why = self.making.differences(old)
            if self.overwrite and not (overwriting.exists() and old == self.making):
                why.append("told to overwrite")
            if why:
                log.info("%s: throwing unfinished shards away (%s)", self.making.stage, "; ".join(why))
                for part in self.folder.glob("*"):
                    if part.name not in ("lock", note.name):  # the note goes last: a kill here changes nothing
                        shutil.rmtree(part) if part.is_dir() else part.unlink()
        for left in self.folder.glob(".*.tmp"):
            left.unlink()
        write_text(note, self.making.to_json())
        if self.overwrite:
            write_text(overwriting, "")  # so that the same command goes on from the shards that it made itself

    def part(self, index: int) -> Path:
        """Path of a shard; it exists only when it is whole."""
        return self.folder / f"{index:06d}{self.out.suffix}"

    def run(
        self,
        batches: Iterable[pa.Table],
        work: Callable[[pa.Table], pa.Table],
        advance: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Turn every batch into a shard, but those that are there already, then join them into `out`.

        Parameters
        ----------
        batches : iterable of pyarrow.Table
            The same ones in the same order each time.
        work : callable
            Rows in, as many rows out.
        advance : callable
            Told the number of input rows after each shard.
        """
        self.join(self.make(batches, work, advance))

    def make(
        self,
        batches: Iterable[pa.Table],
        work: Callable[[pa.Table], pa.Table],
        advance: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Turn every batch into a shard, as `run` does, and return how many there are."""
        index, kept = -1, 0
        for index, batch in enumerate(batches):
            part = self.part(index)
            if part.exists():
                kept += 1
            else:
                made = work(batch)
                with writer(part, self.columns or made.schema) as write:
                    write(made)
            advance(batch.num_rows)
        if kept:
            log.info("%s: went on after %d finished shards of %d", self.making.stage, kept, index + 1)
        return index + 1

    def join(
        self,
        count: int,
        making: MadeBy | None = None,
        through: Callable[[Iterator[pa.Table]], Iterator[pa.Table]] = iter,
    ) -> None:
        """Write `out` from `count` shards and remove them.

        Parameters
        ----------
        count : int
        making : MadeBy or None, default=None
            What `out` says it was made by; None is what the shards were made by.
        through : callable
            Turns the tables of the shards into those that are written.
        """
        columns = self.columns or (table_schema(self.part(0)) if count else None)
        if columns is None:
            raise ArtefactError(f"{self.making.stage}: no rows to make {self.out} from")
        tables = (table for index in range(count) for table in read(self.part(index)))
        with writer(self.out, columns, making or self.making) as write:
            for table in through(tables):
                write(table)
        shutil.rmtree(self.folder)


# Reading


def table_schema(path: Path) -> pa.Schema:
    """Columns of an Arrow or Parquet file."""
    try:
        if path.suffix == ".arrow":
            with pa.memory_map(str(path)) as source:
                return pa.ipc.open_file(source).schema
        return pq.read_schema(path, memory_map=False)
    except FileNotFoundError as error:
        raise ArtefactError(f"no file {path}") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}") from error


def count_rows(path: Path) -> int:
    """Rows of an Arrow or Parquet file, without reading them."""
    table_schema(path)
    if path.suffix == ".arrow":
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def read(path: Path, columns: list[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
    """Read an Arrow or Parquet file in tables of `rows` rows (the last may be shorter), or as they lie in it.

    Raises
    ------
    ArtefactError
        If the file cannot be read or lacks a column.
    """
    present = table_schema(path).names
    for column in columns or ():
        if column not in present:
            raise ArtefactError(f"{path} has no column {column!r}; it has {', '.join(present)}")
    tables = _tables(path, columns, rows)
    yield from tables if rows is None else rechunk(tables, rows)


def _tables(path: Path, columns: list[str] | None, rows: int | None) -> Iterator[pa.Table]:
    try:
        if path.suffix == ".arrow":
            with pa.memory_map(str(path)) as source:
                reader = pa.ipc.open_file(source)
                for i in range(reader.num_record_batches):
                    table = pa.Table.from_batches([reader.get_batch(i)])
                    yield table.select(columns) if columns else table
        else:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=rows or 65536, columns=columns):
                    yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}") from error


def rechunk(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Cut tables anew, `rows` rows each (the last may be shorter)."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        while count >= rows:
            joined = pa.concat_tables(held)
            yield joined.slice(0, rows)
            held = [joined.slice(rows)]
            count -= rows
    if count:
        yield pa.concat_tables(held)


def read_together(rows: int, **files: tuple[Path, list[str]]) -> Iterator[dict[str, pa.Table]]:
    """Read several artefacts of one run side by side, `rows` at a time; their ids must agree row by row.

    Parameters
    ----------
    rows : int
    **files
        A name of yours -> its path and the columns wanted; `id` is read besides.

    Raises
    ------
    ArtefactError
        If the files do not hold the same ids in the same order.
    """
    counts = {name: count_rows(path) for name, (path, _) in files.items()}
    if len(set(counts.values())) > 1:
        paths = ", ".join(f"{path} has {counts[name]} rows" for name, (path, _) in files.items())
        raise ArtefactError(f"files of different runs: {paths}")
    readers = {name: read(path, ["id", *columns], rows) for name, (path, columns) in files.items()}
    start = 0
    for batches in zip(*readers.values(), strict=True):
        tables = dict(zip(readers, batches, strict=True))
        first, *others = tables
        ids = tables[first]["id"].to_pylist()
        for name in others:
            if (theirs := tables[name]["id"].to_pylist()) != ids:
                row = next(i for i, (a, b) in enumerate(zip(ids, theirs, strict=True)) if a != b)
                raise ArtefactError(
                    f"row {start + row}: id {ids[row]!r} in {files[first][0]}, {theirs[row]!r} in {files[name][0]}; "
                    "they are of different runs"
                )
        yield tables
        start += len(ids)
