"""Tokens, sentences and frozen answers: out of files of every kind into groups."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import group_files, schema
from uncal.errors import ArtefactError, RowError
from uncal.group_files import Layout
from uncal.types import BoolArray, Groups

ROWS: list[dict[str, Any]] = [
    {
        "id": "a",
        "logprobs": [[-0.5, -1.0], [-0.25]],
        "top_logprobs": [[[-0.5, -2.0], [-1.0]], [[-0.25, -3.0]]],
        "sentence_entail": [[[1.0, 0.5]], [[0.25, 1.0], [0.75, 1.0]]],
        "answer": "[Paris]",
        "answer_logprobs": [-0.5, -0.125],
        "answer_top_logprobs": [[-0.5, -1.5], [-0.125, -4.0]],
        "answer_top_classes": [[1, -1], [1, 0]],
        "answer_entail": [1.0, 0.5],
    },
    {
        "id": "b",
        "logprobs": [[-2.0]],
        "top_logprobs": [[[-2.0, -2.5]]],
        "sentence_entail": [[[1.0]]],
        "answer": "Rome",
        "answer_logprobs": [-3.0],
        "answer_top_logprobs": [[-3.0, -3.5]],
        "answer_top_classes": [[1, 1]],
        "answer_entail": [0.25],
    },
]
WANTED = (
    *("token_logprobs", "top_logprobs", "sentence_entail", "answer", "answer_entail"),
    *("answer_logprobs", "answer_top_logprobs", "answer_top_classes"),
)


def kept(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        table = pa.Table.from_pylist(rows)
        with pa.ipc.new_file(str(path), table.schema) as sink:
            sink.write_table(table)
    return path


def read(path: Path, wanted: tuple[str, ...] = WANTED, **columns: str) -> tuple[Groups, BoolArray]:
    tables = group_files.read(group_files.open_file(path), wanted, Layout(columns=columns))
    table = pa.concat_tables(tables, promote_options="permissive")
    return schema.groups(schema.columns(table, wanted))


def check(groups: Groups) -> None:
    low = -np.inf
    assert groups.offsets.tolist() == [0, 2, 3]
    assert groups.column("token_logprobs").tolist() == [-0.5, -1, -0.25, -2]
    assert groups.column("token_offsets").tolist() == [0, 2, 3, 4]
    assert groups.column("top_logprobs").tolist() == [[-0.5, -2], [-1, low], [-0.25, -3], [-2, -2.5]]
    assert groups.column("sentence_entail").tolist() == [1, 0.5, 0.25, 1, 0.75, 1, 1]
    assert groups.column("sentence_offsets").tolist() == [0, 1, 3, 4]
    assert groups.column("answer").to_pylist() == ["[Paris]", "Rome"]
    assert groups.column("answer_entail").tolist() == [1, 0.5, 0.25]
    assert groups.column("answer_offsets").tolist() == [0, 2, 3]
    assert groups.column("answer_logprobs").tolist() == [-0.5, -0.125, -3]
    assert groups.column("answer_top_logprobs").tolist() == [[-0.5, -1.5], [-0.125, -4], [-3, -3.5]]
    assert groups.column("answer_top_classes").tolist() == [[1, -1], [1, 0], [1, 1]]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl"])
def test_every_column_is_read_out_of_a_file_with_a_group_a_row(tmp_path: Path, suffix: str) -> None:
    groups, scorable = read(kept(tmp_path / f"a{suffix}", ROWS))
    assert scorable.all()
    check(groups)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_where_a_row_is_a_sample_the_first_of_a_group_says_what_its_answer_is(tmp_path: Path, suffix: str) -> None:
    per_sample = ("logprobs", "top_logprobs", "sentence_entail", "answer_entail")
    rows = [
        {name: value[i] if name in per_sample else value for name, value in row.items()}
        for row in ROWS
        for i in range(len(row["logprobs"]))
    ]
    rows[1] |= {"answer": "never read", "answer_logprobs": [-9.0]}
    groups, scorable = read(kept(tmp_path / f"a{suffix}", rows), group="id")
    assert scorable.all()
    check(groups)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logprobs", None),
        ("logprobs", [[-0.5, None]]),
        ("logprobs", [[]]),
        ("logprobs", [None]),
        ("logprobs", []),
        ("top_logprobs", [[[]]]),
        ("top_logprobs", [[None]]),
        ("sentence_entail", [[]]),
        ("answer", None),
        ("answer_logprobs", []),
        ("answer_logprobs", [None]),
        ("answer_top_logprobs", None),
        ("answer_entail", [None]),
    ],
)
def test_a_group_that_lacks_something_is_left_out_and_the_others_stay_as_they_are(
    tmp_path: Path, name: str, value: Any
) -> None:
    groups, scorable = read(kept(tmp_path / "a.parquet", [ROWS[0], ROWS[1] | {name: value}, ROWS[1]]))
    assert scorable.tolist() == [True, False, True]
    check(groups)


def test_a_column_of_nulls_scores_nothing(tmp_path: Path) -> None:
    for name in ("logprobs", "top_logprobs", "answer", "answer_logprobs", "answer_top_logprobs"):
        _, scorable = read(kept(tmp_path / "a.parquet", [row | {name: None} for row in ROWS]))
        assert not scorable.any()


def test_whole_columns_are_borrowed_where_they_lie() -> None:
    tokens = pa.array([[[-0.5, -1.0], [-0.25]], [[-2.0]]], pa.large_list(pa.large_list(pa.float32())))
    groups, _ = schema.groups(schema.columns(pa.table({"token_logprobs": tokens}), ["token_logprobs"]))
    assert groups.column("token_logprobs").ctypes.data == tokens.values.values.buffers()[1].address
    sliced, _ = schema.groups(schema.columns(pa.table({"token_logprobs": tokens[1:]}), ["token_logprobs"]))
    assert (sliced.column("token_logprobs").tolist(), sliced.column("token_offsets").tolist()) == ([-2.0], [0, 1])


def test_answers_alone_are_groups_without_completions() -> None:
    table = pa.table({"answer_logprobs": pa.array([[-1.0, -2.0], None, [-3.0]])})
    groups, scorable = schema.groups(schema.columns(table, ["answer_logprobs"]))
    assert scorable.tolist() == [True, False, True]
    assert groups.offsets.tolist() == [0, 0, 0]
    assert groups.column("answer_offsets").tolist() == [0, 2, 3]
    assert groups.take(np.array([False, True])).column("answer_logprobs").tolist() == [-3.0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"top_logprobs": [[[-2.0], [-1.0]]]},
            "1 token_logprobs and 2 top_logprobs of sample 0 (from 0); a part has one of each",
        ),
        ({"top_logprobs": [[[-2.0]], [[-1.0]]]}, "1 answer_entail and 2 top_logprobs; a group has as many of each"),
        (
            {"answer_top_logprobs": [[-1.0], [-1.0]]},
            "1 answer_logprobs and 2 answer_top_logprobs; a token of an answer has one of each",
        ),
        ({"sentence_entail": [[[1.0, 0.5]]]}, "a sentence has 2 sentence_entail; it has one for each sample"),
        ({"answer_top_classes": [[1, 2]]}, "answer_top_classes: 2 is no class; there are 1, 0 and -1"),
    ],
)
def test_columns_that_do_not_fit_are_an_error_that_names_the_row(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    path = kept(tmp_path / "a.parquet", [ROWS[0], ROWS[1] | changed])
    with pytest.raises(RowError, match=f"{re.escape(said)}$") as error:
        read(path)
    assert error.value.row == 1


@pytest.mark.parametrize(
    ("wanted", "value", "said"),
    [
        ("token_logprobs", [-1.0], r"column 'x' is .*; token_logprobs are lists of numbers, 2 deep"),
        ("top_logprobs", [[-1.0]], r"column 'x' is .*; top_logprobs are lists of numbers, 3 deep"),
        ("token_logprobs", [["a"]], r"column 'x' holds no number"),
        ("token_logprobs", [[True]], r"column 'x' is .*bool.*; token_logprobs are lists in lists of numbers"),
        ("answer_logprobs", -1.0, r"column 'x' is double; a group is a list"),
        ("answer", ["a", "b"], r"column 'x' is .*; a group has one answer, a text"),
    ],
)
def test_a_column_of_another_kind_is_named(tmp_path: Path, wanted: str, value: Any, said: str) -> None:
    path = kept(tmp_path / "a.parquet", [{"id": "a", "x": value}])
    with pytest.raises(ArtefactError, match=said):
        read(path, (wanted,), **{wanted: "x"})
