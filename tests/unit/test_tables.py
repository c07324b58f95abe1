"""Rows out of the files that people have."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import tables
from uncal.errors import ArtefactError

ROWS = [{"id": "a", "answers": ["x", "y"]}, {"id": "b", "answers": []}]


def read(path: Path) -> list[dict[str, object]]:
    return [row for _, row in tables.rows(path)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.jsonl", '{"id": "a", "answers": ["x", "y"]}\n\n{"id": "b", "answers": []}\n'),
        ("q.json", '[{"id": "a", "answers": ["x", "y"]}, {"id": "b", "answers": []}]'),
    ],
)
def test_text_files_with_lists_are_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read(tmp_path / name) == ROWS


def test_parquet_arrow_and_datasets_folders_are_read(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, tmp_path / "q.parquet")
    with pa.ipc.new_file(str(tmp_path / "q.arrow"), table.schema) as sink:
        sink.write_table(table)
    folder = tmp_path / "saved"
    folder.mkdir()
    with pa.ipc.new_stream(str(folder / "data-00000-of-00001.arrow"), table.schema) as sink:
        sink.write_table(table)
    for path in (tmp_path / "q.parquet", tmp_path / "q.arrow", folder):
        assert read(path) == ROWS


def test_a_folder_that_datasets_saved_is_read(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "one"))
    assert read(tmp_path / "one") == ROWS
    DatasetDict({"train": Dataset.from_list(ROWS)}).save_to_disk(str(tmp_path / "many"))
    with pytest.raises(ArtefactError, match=r"holds several splits \(train\); name the folder of one"):
        read(tmp_path / "many")


def test_csv_and_tsv_keep_quoted_fields_and_bom(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_bytes('\ufeffid,prompt\r\n1,"a, ""b""\nc"\r\n'.encode())
    assert read(tmp_path / "q.csv") == [{"id": "1", "prompt": 'a, "b"\nc'}]
    (tmp_path / "q.tsv").write_text("id\tprompt\n1\ta,b\n")
    assert read(tmp_path / "q.tsv") == [{"id": "1", "prompt": "a,b"}]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.jsonl", '{"id": 1}\n{"id": \n', "line 2: not JSON"),
        ("q.jsonl", "[1]\n", "line 1: a JSON object is wanted, not list"),
        ("q.json", '{"id": 1}', "a JSON list of objects is wanted"),
        ("q.json", "{", "not JSON"),
        ("q.csv", "id,prompt\n1\n", "line 2: not as many fields"),
        ("q.csv", "id,prompt\n1,2,3\n", "line 2: not as many fields"),
        ("q.txt", "", "of no kind that uncal reads"),
        ("q.parquet", "no parquet", "cannot be read"),
        ("q.arrow", "no arrow", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_error_that_says_where(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ArtefactError, match=message):
        read(tmp_path / name)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="no file"):
        read(tmp_path / "q.jsonl")
