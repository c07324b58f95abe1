"""Rows out of the files that people have: JSONL, CSV, Parquet, Arrow, folders that Hugging Face `datasets` saved."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from uncal.errors import ArtefactError

SUFFIXES = ".jsonl, .json, .csv, .tsv, .parquet, .arrow, or a folder saved by `datasets`"


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read rows one by one, each with its number (from 1; in a text file its line).

    Raises
    ------
    ArtefactError
        If there is no such file, its kind is not known, or a row cannot be read.
    """
    if not path.exists():
        raise ArtefactError(f"no file {path}")
    if path.is_dir():
        yield from enumerate(_from_tables(_datasets_folder(path)), 1)
        return
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            yield from _jsonl(path)
        case ".json":
            yield from _json(path)
        case ".csv" | ".tsv":
            yield from _csv(path)
        case ".parquet" | ".arrow":
            try:
                yield from enumerate(_from_tables(_tables(path)), 1)
            except (pa.ArrowInvalid, OSError) as error:
                raise ArtefactError(f"{path} cannot be read: {error}") from error
        case _:
            raise ArtefactError(f"{path} is of no kind that uncal reads: {SUFFIXES}")


def _jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ArtefactError(f"{path}, line {number}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ArtefactError(f"{path}, line {number}: a JSON object is wanted, not {type(row).__name__}")
            yield number, row


def _json(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        parsed = json.loads(path.read_bytes())
    except ValueError as error:
        raise ArtefactError(f"{path}: not JSON ({error}); one object a line is .jsonl") from error
    if not isinstance(parsed, list) or not all(isinstance(row, dict) for row in parsed):
        raise ArtefactError(f"{path}: a JSON list of objects is wanted")
    yield from enumerate(parsed, 1)


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(1 << 30)  # a group's embeddings are longer than the 128 KiB that it has otherwise
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise ArtefactError(f"{path}, line {reader.line_num}: not as many fields as the first line has")
                yield reader.line_num, row
        except (UnicodeDecodeError, csv.Error) as error:
            raise ArtefactError(f"{path}, near line {reader.line_num}: {error}") from error


def _tables(path: Path) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=4096)
        return
    with pa.memory_map(str(path)) as source:
        try:
            reader = pa.ipc.open_file(source)
        except pa.ArrowInvalid:
            source.seek(0)
            yield from pa.ipc.open_stream(source)
            return
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)


def _datasets_folder(path: Path) -> Iterator[pa.RecordBatch]:
    for file in files_of_datasets(path):
        yield from _tables(file)


def files_of_datasets(path: Path) -> list[Path]:
    """Find the Arrow or Parquet files of a folder that Hugging Face `datasets` saved."""
    if (path / "dataset_dict.json").exists():
        splits = ", ".join(sorted(p.name for p in path.iterdir() if p.is_dir()))
        raise ArtefactError(f"{path} holds several splits ({splits}); name the folder of one")
    files = sorted(path.glob("*.arrow")) + sorted(path.glob("*.parquet"))
    if not files:
        raise ArtefactError(f"{path} has no .arrow or .parquet file; a folder must be one that `datasets` saved")
    return files


def _from_tables(batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()
