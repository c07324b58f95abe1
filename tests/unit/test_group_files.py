"""Groups out of the files that people have."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import fast, group_files, schema
from uncal.errors import ArtefactError
from uncal.group_files import Layout
from uncal.stages import score

GROUPS = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]], [[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]]
IDS = ["a", "b", "c"]
VECTORS = [vector for group in GROUPS for vector in group]
OWNERS = ["a", "a", "b", "c", "c", "c"]


def layout(dim: int | None = None, dtype: str | None = None, *, mean: bool = False, **columns: str) -> Layout:
    return Layout(columns=columns, dim=dim, dtype=dtype, mean_logprobs=mean)


def read(path: Path, wanted: tuple[str, ...] = ("embeddings",), to: Layout | None = None, rows: int = 4096) -> pa.Table:
    tables = list(group_files.read(group_files.open_file(path), wanted, to or layout(), rows))
    made = pa.concat_tables(tables, promote_options="permissive")
    assert made["row"].to_pylist() == sorted(made["row"].to_pylist())
    return made.drop_columns("row")


def save(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=2)
    else:
        with pa.ipc.new_file(str(path), table.schema) as sink:
            sink.write_table(table)
    return path


@pytest.fixture(params=[".parquet", ".arrow"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[pa.Table], Path]:
    return lambda table: save(tmp_path / f"samples{request.param}", table)


# One row is one group


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.list_(pa.float32())),
        pa.list_(pa.list_(pa.float64())),
        pa.large_list(pa.large_list(pa.float32())),
        pa.list_(pa.list_(pa.float16(), 2)),
        pa.large_list(pa.list_(pa.float32(), 2)),
        pa.list_(pa.list_(pa.int32())),
    ],
    ids=str,
)
def test_lists_of_vectors_of_every_kind_are_read(kept: Any, kind: pa.DataType) -> None:
    integers = pa.types.is_integer(kind.value_type.value_type)
    rows = [[[int(x) for x in v] for v in g] for g in GROUPS] if integers else GROUPS
    made = read(kept(pa.table({"id": IDS, "embeddings": pa.array(rows, kind)})))
    assert made.to_pydict() == {"id": IDS, "embeddings": GROUPS}
    wanted = pa.float64() if integers else kind.value_type.value_type
    assert made["embeddings"].type == pa.large_list(pa.list_(wanted, 2))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_bytes_are_read_as_what_the_layout_or_their_metadata_says(kept: Any, dtype: str) -> None:
    rows = [np.array(group, dtype).tobytes() for group in GROUPS]
    table = pa.table({"id": IDS, "embeddings": pa.array(rows, pa.binary())})
    assert read(kept(table), to=layout(dim=2, dtype=dtype))["embeddings"].to_pylist() == GROUPS
    noted = pa.field("embeddings", pa.large_binary(), metadata={"dim": "2", "dtype": dtype})
    table = pa.table({"id": IDS, "embeddings": rows}, pa.schema([("id", pa.string()), noted]))
    assert read(kept(table))["embeddings"].to_pylist() == GROUPS
    square = [GROUPS[0], GROUPS[0][::-1], None]
    rows2 = [None if group is None else np.array(group, dtype).tobytes() for group in square]
    table = pa.table({"id": IDS, "embeddings": pa.array(rows2, pa.binary(4 * np.dtype(dtype).itemsize))})
    assert read(kept(table.slice(1)), to=layout(dim=2, dtype=dtype))["embeddings"].to_pylist() == square[1:]


def test_a_flat_list_is_cut_into_vectors_of_dim_numbers(kept: Any) -> None:
    flat = [[x for vector in group for x in vector] for group in GROUPS]
    path = kept(pa.table({"id": IDS, "embeddings": pa.array(flat, pa.list_(pa.float32()))}))
    assert read(path, to=layout(dim=2))["embeddings"].to_pylist() == GROUPS
    with pytest.raises(ArtefactError, match=r"column 'embeddings' is list<.*>: say how many numbers .* \(--dim\)"):
        read(path)
    with pytest.raises(ArtefactError, match=r"row 0 \(from 0\): .* holds 4 numbers; vectors of 3 do not fit"):
        read(path, to=layout(dim=3))


def test_a_tensor_of_fixed_shape_knows_its_dim(tmp_path: Path) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    made = pa.FixedShapeTensorArray.from_numpy_ndarray(rows)
    path = save(tmp_path / "t.parquet", pa.table({"embedding": made}))
    assert read(path)["embeddings"].to_pylist() == rows.tolist()


def test_texts_numbers_and_matrices_are_read(kept: Any) -> None:
    table = pa.table(
        {
            "qid": [7, 8],
            "responses": pa.array([["x", "y"], ["z"]]).cast(pa.list_(pa.dictionary(pa.int32(), pa.string()))),
            "logprobs": [[[-0.5, -1.5], [-1.0]], [[]]],
            "entailment": [[[1.0, 0.25], [0.5, 1.0]], [[1.0]]],
            "contradiction": [[0.0, 0.75, 0.5, 0.0], [0.0]],
        }
    )
    wanted = ("texts", "logprobs", "entail", "contra")
    made = read(kept(table), wanted)
    assert made.to_pydict() == {
        "id": ["7", "8"],
        "texts": [["x", "y"], ["z"]],
        "logprobs": [[-2.0, -1.0], [0.0]],
        "entail": [[1.0, 0.25, 0.5, 1.0], [1.0]],
        "contra": [[0.0, 0.75, 0.5, 0.0], [0.0]],
    }
    assert read(kept(table), ("logprobs",), layout(mean=True))["logprobs"].to_pylist() == [[-1.0, -1.0], [0.0]]
    groups, scorable = schema.groups(schema.columns(made, wanted))
    assert scorable.all()
    assert groups.offsets.tolist() == [0, 2, 3]


def test_a_null_group_or_a_group_with_a_null_in_it_is_null(kept: Any) -> None:
    rows = [GROUPS[0], None, [[1.0, 2.0], None], []]
    for inner in (pa.list_(pa.float32()), pa.list_(pa.float32(), 2)):
        table = pa.table({"embeddings": pa.array(rows, pa.list_(inner)), "texts": [["a", "b"], None, ["c", None], []]})
        made = read(kept(table), ("embeddings", "texts"))
        assert made["id"].to_pylist() == ["0", "1", "2", "3"]
        assert made["embeddings"].to_pylist() == [GROUPS[0], None, None, []]
        assert made["texts"].to_pylist() == [["a", "b"], None, None, []]
    made = read(kept(pa.table({"embeddings": pa.nulls(3)})))
    assert made["embeddings"].to_pylist() == [None] * 3


def test_names_are_guessed_in_order_and_may_be_given(kept: Any) -> None:
    path = kept(
        pa.table({"uid": ["u"], "mine": ["m"], "embedding": [[[1.0]]], "vector": [[[2.0]]], "other": [[[3.0]]]})
    )
    assert read(path).to_pydict() == {"id": ["u"], "embeddings": [[[1.0]]]}
    assert read(path, to=layout(id="mine", embeddings="other")).to_pydict() == {"id": ["m"], "embeddings": [[[3.0]]]}


# One row is one sample


@pytest.mark.parametrize("rows", [1, 2, 3, 4096])
@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.list_(pa.float16(), 2), pa.binary(8), pa.binary()], ids=str
)
def test_samples_are_gathered_into_groups_across_the_borders_of_batches(
    kept: Any, kind: pa.DataType, rows: int
) -> None:
    vectors: list[Any] = VECTORS
    dtype = None if pa.types.is_nested(kind) else "float32"
    if dtype:
        vectors = [np.array(vector, np.float32).tobytes() for vector in VECTORS]
    table = pa.table(
        {
            "question": pa.array(OWNERS).dictionary_encode(),
            "embeddings": pa.array(vectors, kind),
            "text": list("uvwxyz"),
            "logprob": [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0],
            "entail": [[1.0, 0.5], [0.5, 1.0], [1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        }
    )
    made = read(kept(table), ("embeddings", "texts", "logprobs", "entail"), layout(group="question", dtype=dtype), rows)
    assert made.to_pydict() == {
        "id": IDS,
        "embeddings": GROUPS,
        "texts": [["u", "v"], ["w"], ["x", "y", "z"]],
        "logprobs": [[-1.0, -2.0], [-3.0], [-4.0, -5.0, -6.0]],
        "entail": [[1.0, 0.5, 0.5, 1.0], [1.0], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]],
    }


def test_a_group_whose_sample_is_null_is_null(kept: Any) -> None:
    for kind in (pa.list_(pa.float32()), pa.list_(pa.float32(), 2)):
        vectors = pa.array([VECTORS[0], None, *VECTORS[2:]], kind)
        made = read(kept(pa.table({"g": OWNERS, "vector": vectors})), to=layout(group="g"))
        assert made["embeddings"].to_pylist() == [None, *GROUPS[1:]]
        groups, scorable = schema.groups(schema.columns(made.combine_chunks(), {"embeddings"}))
        assert scorable.tolist() == [False, True, True]
        assert groups.column("embeddings")[groups.offsets[1] :].tolist() == VECTORS[2:]


@pytest.mark.parametrize("owners", [["a", "b", "a"], [3, 4, 3], [3.5, 4.5, 3.5]], ids=["text", "integer", "float"])
@pytest.mark.parametrize("rows", [1, 4096])
def test_a_group_that_comes_again_later_is_an_error(kept: Any, owners: list[Any], rows: int) -> None:
    path = kept(pa.table({"g": owners, "vector": [[1.0]] * 3}))
    with pytest.raises(ArtefactError, match=rf"row 2 \(from 0\): group '?{owners[0]}'? comes again; .* \(sort the f"):
        read(path, to=layout(group="g"), rows=rows)


def test_many_groups_are_told_apart(tmp_path: Path) -> None:
    count = 20_000
    owners = np.random.default_rng(0).permutation(count)
    names = [f"q{i}" for i in owners]
    for ids in (owners, names):
        path = save(tmp_path / "many.arrow", pa.table({"g": np.repeat(ids, 2), "logprob": np.zeros(2 * count)}))
        assert read(path, ("logprobs",), layout(group="g"), 64)["id"].to_pylist() == [str(i) for i in ids]
        again = pa.table({"g": [*ids, ids[count // 3]], "logprob": np.zeros(count + 1)})
        with pytest.raises(ArtefactError, match=rf"row {count} \(from 0\): group .* comes again"):
            read(save(tmp_path / "again.arrow", again), ("logprobs",), layout(group="g"), 64)


# Text files


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(rows))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        sink = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        sink.writerow(rows[0])
        for row in rows:
            sink.writerow([json.dumps(v) if isinstance(v, list) else v for v in row.values()])


WRITERS = {".jsonl": write_jsonl, ".json": write_json, ".csv": write_csv, ".tsv": write_csv}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("rows", [1, 4096])
def test_text_files_hold_groups_as_json_lists(tmp_path: Path, suffix: str, rows: int) -> None:
    path = tmp_path / f"samples{suffix}"
    texts = [["x, y", 'z "'], ["[odd"], ["", "b", "c"]]
    logprobs = [[[-1.0], [-2.0, -0.5]], [[-3.0]], [[-4.0], [-5.0], [-6.0]]]
    written = [
        {"id": i, "embeddings": g, "texts": t, "logprobs": p}
        for i, g, t, p in zip(IDS, GROUPS, texts, logprobs, strict=True)
    ]
    WRITERS[suffix](path, written)
    made = read(path, ("embeddings", "texts", "logprobs"), rows=rows)
    assert made.to_pydict() == {
        "id": IDS,
        "embeddings": GROUPS,
        "texts": texts,
        "logprobs": [[-1.0, -2.5], [-3.0], [-4.0, -5.0, -6.0]],
    }
    assert made["embeddings"].type == pa.large_list(pa.list_(pa.float64(), 2))


@pytest.mark.parametrize("suffix", WRITERS)
def test_text_files_hold_samples(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"samples{suffix}"
    texts = ["[x", "", "7", "b", "c", "d"]
    rows = [{"q": q, "text": t, "vector": v} for q, t, v in zip(OWNERS, texts, VECTORS, strict=True)]
    WRITERS[suffix](path, rows)
    made = read(path, ("texts", "embeddings"), layout(group="q"), 2)
    assert made["embeddings"].to_pylist() == GROUPS
    assert made["texts"].to_pylist() == [["[x", ""], ["7"], ["b", "c", "d"]]


def test_a_long_field_of_csv_is_read(tmp_path: Path) -> None:
    vector = [float(i) for i in range(40_000)]
    write_csv(tmp_path / "long.csv", [{"embeddings": [vector]}])
    assert read(tmp_path / "long.csv")["embeddings"].to_pylist() == [[vector]]


def test_a_folder_of_datasets_and_a_stream_are_read(tmp_path: Path) -> None:
    table = pa.table({"id": IDS, "embeddings": GROUPS})
    folder = tmp_path / "saved"
    folder.mkdir()
    for i in range(2):
        with pa.ipc.new_stream(str(folder / f"data-0000{i}-of-00002.arrow"), table.schema) as sink:
            sink.write_table(table)
    assert read(folder)["embeddings"].to_pylist() == [*GROUPS, *GROUPS]
    assert read(folder)["id"].to_pylist() == [*IDS, *IDS]
    assert group_files.open_file(folder).rows is None
    for file in folder.iterdir():
        save(file, table)
    assert group_files.open_file(folder).rows == 6
    save(folder / "data-00002-of-00002.arrow", table)
    with pa.ipc.new_stream(str(folder / "data-00001-of-00002.arrow"), table.schema) as sink:
        sink.write_table(table)
    assert group_files.open_file(folder).rows is None  # of one of them it is not known


# Errors


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"id": 1, "embeddings": [[1, 2], [3]]}],
            r"bad.jsonl, line 1: column 'embeddings' has a vector of 1 numbers, others have 2",
        ),
        (
            [{"id": 1, "embeddings": [[1, 2]]}, {"id": 2, "embeddings": [[1, 2], [3, 4, 5]]}],
            r"bad.jsonl, line 2: column 'embeddings' has a vector of 3 numbers, others have 2",
        ),
        (
            [{"id": 1, "embeddings": "[[1, 2"}],
            r"line 1: column 'embeddings' is not a list, neither of JSON nor of Python",
        ),
        ([{"id": 1, "embeddings": 3}], r"column 'embeddings' is int64; embeddings are lists of vectors, or bytes"),
        ([{"id": 1, "embeddings": [["x"]]}], r"column 'embeddings' is .*string.*; embeddings are numbers"),
        (
            [{"id": 1, "embeddings": [[1]]}, {"id": 2, "embeddings": 2}],
            r"line 2: column 'embeddings' holds another kind of value than before",
        ),
        ([{"id": None, "embeddings": [[1]]}, {"id": 2}], r"line 1: column 'id' is null; every row needs its id"),
        ([{"id": [1], "embeddings": [[1]]}], r"column 'id' is .*list.*; ids are texts or numbers"),
    ],
)
def test_what_cannot_be_read_is_one_error_that_says_where(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    write_jsonl(tmp_path / "bad.jsonl", rows)
    with pytest.raises(ArtefactError, match=message):
        read(tmp_path / "bad.jsonl")


def test_vectors_that_change_their_length_between_batches_are_an_error(kept: Any) -> None:
    path = kept(pa.table({"embeddings": [[[1.0, 2.0]], [[3.0, 4.0]], [[5.0]]]}))
    for rows in (1, 4096):
        with pytest.raises(ArtefactError, match=r"row 2 \(from 0\): column 'embeddings' has .*vectors? of 1 numbers"):
            read(path, rows=rows)


def test_batches_of_empty_groups_alone_say_nothing_of_the_length_of_vectors(kept: Any, tmp_path: Path) -> None:
    path = kept(pa.table({"embeddings": [[], [[1.0, 2.0]], [], None, [[3.0, 4.0]], []]}))
    for rows in (1, 4096):
        out = score.score(path, tmp_path / f"{rows}.parquet", score.Config(rows=rows))
        assert pq.read_table(out)["von_neumann_entropy"].to_pylist() == [None, 0.0, None, None, 0.0, None]


def test_a_missing_column_lists_those_that_are_there(kept: Any) -> None:
    path = kept(pa.table({"a": [1], "b": [2]}))
    with pytest.raises(ArtefactError, match=r"has no embeddings \(looked for embeddings, .*\); it has a, b: name"):
        read(path)
    for column in ("id", "embeddings"):
        with pytest.raises(ArtefactError, match="has no column 'zzz'; it has a, b"):
            read(path, to=layout(**{column: "zzz"}))
    with pytest.raises(ArtefactError, match="has no column 'zzz'; it has a, b"):
        read(path, to=layout(group="zzz"))


def test_bytes_that_do_not_fit_are_an_error(kept: Any) -> None:
    path = kept(pa.table({"embeddings": pa.array([b"12345678", b"123456"], pa.binary())}))
    with pytest.raises(ArtefactError, match=r"row 1 \(from 0\): .* holds 6 bytes; numbers of 4 do not fit"):
        read(path, to=layout(dim=2, dtype="float32"))
    with pytest.raises(ArtefactError, match=r"row 1 \(from 0\): .* holds 3 numbers; vectors of 2 do not fit"):
        read(path, to=layout(dim=2, dtype="float16"))


def test_bytes_are_never_guessed(kept: Any) -> None:
    rows = pa.array([b"12345678", b"12345678"], pa.binary())
    with pytest.raises(ArtefactError, match=r"column 'embeddings' holds bytes; say by --dtype what they are \(float16"):
        read(kept(pa.table({"embeddings": rows})), to=layout(dim=2))
    noted = pa.schema([pa.field("embeddings", rows.type, metadata={"dim": "2", "dtype": "float16"})])
    with pytest.raises(ArtefactError, match="holds float16 by the field's metadata, not float32"):
        read(kept(pa.table([rows], schema=noted)), to=layout(dim=2, dtype="float32"))


@pytest.mark.parametrize("name", ["none.parquet", "junk.parquet", "junk.arrow", "empty.jsonl", "kind.txt"])
def test_files_that_are_no_files_of_groups_are_errors(tmp_path: Path, name: str) -> None:
    if not name.startswith("none"):
        (tmp_path / name).write_text("junk" if name.startswith("junk") else "")
    said = {"none": "no file", "junk": "cannot be read", "empty": "has no rows", "kind": "of no kind"}[
        name.split(".")[0]
    ]
    with pytest.raises(ArtefactError, match=said):
        read(tmp_path / name)


@pytest.mark.parametrize("rows", [1, 2, 4096])
def test_the_row_that_is_named_is_the_one_that_is_wrong(kept: Any, rows: int) -> None:
    sizes = [4, 4, 1, 3, 2]  # the biggest remainder is not the first
    numbers = pa.array([[1.0] * size for size in sizes], pa.list_(pa.float32()))
    with pytest.raises(ArtefactError, match=r"row 2 \(from 0\): .* holds 1 numbers; vectors of 4 do not fit \(--dim\)"):
        read(kept(pa.table({"embeddings": numbers})), to=layout(dim=4), rows=rows)
    bytes_ = pa.array([bytes(size) for size in (8, 5, 7)], pa.binary())
    with pytest.raises(ArtefactError, match=r"row 1 \(from 0\): column 'embeddings' holds 5 bytes"):
        read(kept(pa.table({"embeddings": bytes_})), to=layout(dim=1, dtype="float64"), rows=rows)
    texts = pa.array([["1.5"], [], None, ["2.5", "x"]])
    with pytest.raises(ArtefactError, match=r"row 3 \(from 0\): column 'logprobs' holds no number: .*'x'"):
        read(kept(pa.table({"logprobs": texts})), ("logprobs",), rows=rows)


@pytest.mark.parametrize("rows", [1, 4096])
def test_samples_that_are_null_do_not_shift_the_row_that_is_named(kept: Any, rows: int) -> None:
    vectors = pa.array([[1.0, 2.0], None, [1.0, 2.0], [1.0, 2.0, 3.0]], pa.list_(pa.float32()))
    with pytest.raises(ArtefactError, match=r"row 3 \(from 0\): column 'vector' has .*vectors? of 3 numbers"):
        read(kept(pa.table({"g": ["z", "a", "a", "c"], "vector": vectors})), to=layout(group="g"), rows=rows)
    kinds = pa.table({"g": ["a", "b"], "vector": pa.array([None, "x"])})
    with pytest.raises(ArtefactError, match=r"row 1 \(from 0\): column 'vector' is string; embeddings are lists"):
        read(kept(kinds), to=layout(group="g"), rows=rows)


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("a.jsonl", ['{"embeddings": [[1]]}', "", '{"embeddings": [[1]]}', '{"embeddings": "x"}'], "a.jsonl, line 4: "),
        ("a.csv", ["embeddings", '"[[1]', ']"', '"[[1]]"', '"x"'], "a.csv, line 5: "),
        ("a.json", ['[{"embeddings": [[1]]},', '{"embeddings": "x"}]'], r"a.json, row 1 \(from 0\): "),
        ("a.jsonl", ['{"embeddings": [[1]]}', '{"embeddings": [["a", 2]]}'], "a.jsonl, line 2: "),
    ],
)
def test_another_kind_of_value_is_named_by_the_line_it_is_on(
    tmp_path: Path, name: str, lines: list[str], said: str
) -> None:
    (tmp_path / name).write_text("\n".join(lines))
    with pytest.raises(ArtefactError, match=f"{said}column 'embeddings' holds another kind of value than before"):
        read(tmp_path / name)


def test_text_that_is_not_unicode_is_named(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"texts": ["a"]}, {"texts": ["\ud800"]}])
    with pytest.raises(ArtefactError, match=r"a.jsonl, line 2: column 'texts' is not valid Unicode: .*surrogates"):
        read(tmp_path / "a.jsonl", ("texts",))


def test_a_group_that_is_of_another_kind_in_the_next_batch_is_named(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"g": g, "vector": v} for g, v in ((1, [1.0]), (1, None), (2, [2.0]))])
    made = read(tmp_path / "a.jsonl", to=layout(group="g"), rows=1)
    assert made["embeddings"].to_pylist() == [None, [[2.0]]]
    write_jsonl(tmp_path / "b.jsonl", [{"g": 1, "vector": [1.0]}, {"g": "x", "vector": [1.0]}])
    with pytest.raises(ArtefactError, match=r"b.jsonl, line 2: columns hold another kind of value than before"):
        read(tmp_path / "b.jsonl", to=layout(group="g"), rows=1)


def test_a_row_of_a_folder_is_named_by_its_file(tmp_path: Path) -> None:
    good, bad = pa.table({"embeddings": GROUPS}), pa.table({"embeddings": [[[1.0, 2.0]], [[1.0, 2.0], [3.0]]]})
    with pa.ipc.new_stream(str(tmp_path / "data-0.arrow"), good.schema) as sink:
        sink.write_table(good)
    save(tmp_path / "data-1.arrow", bad)
    with pytest.raises(ArtefactError, match=rf"^{tmp_path}/data-1.arrow, row 1 \(from 0\): column 'embeddings' has"):
        read(tmp_path)
    assert group_files.open_file(tmp_path).at(2) == f"{tmp_path}/data-0.arrow, row 2 (from 0)"


def test_numbers_beyond_64_bits_are_ids_as_they_stand(tmp_path: Path) -> None:
    ids = [2**64 - 1, 2**63, -1, 2**70]
    write_jsonl(tmp_path / "a.jsonl", [{"id": i, "logprobs": [0.0]} for i in ids])
    assert read(tmp_path / "a.jsonl", ("logprobs",))["id"].to_pylist() == [str(i) for i in ids]
    for owners in (pa.array(ids[:2], pa.uint64()), pa.array([-1, 2**63 - 1], pa.int64())):
        path = save(tmp_path / "g.parquet", pa.table({"g": owners, "logprob": [0.0, 0.0]}))
        made = read(path, ("logprobs",), layout(group="g"))
        assert made["id"].to_pylist() == [str(i) for i in owners.to_pylist()]
    write_jsonl(tmp_path / "b.jsonl", [{"logprobs": [0.0]}, {"logprobs": [10**400]}])
    with pytest.raises(ArtefactError, match=r"b.jsonl, line 2: column 'logprobs' holds another kind of value"):
        read(tmp_path / "b.jsonl", ("logprobs",))


@pytest.mark.parametrize(
    ("values", "to", "said"),
    [
        (pa.array(GROUPS), layout(dim=3), r"has vectors of 2 numbers, not of 3 \(--dim\)"),
        (pa.array(GROUPS, pa.list_(pa.list_(pa.float32(), 2))), layout(dim=3), r"has vectors of 2 numbers, not of 3"),
        (pa.array(GROUPS), layout(dtype="float16"), "not bytes, and --dtype only says what bytes hold: leave it out"),
    ],
)
def test_flags_that_a_column_contradicts_are_errors(kept: Any, values: pa.Array, to: Layout, said: str) -> None:
    with pytest.raises(ArtefactError, match=rf"row 0 \(from 0\): column 'embeddings' .*{said}"):
        read(kept(pa.table({"embeddings": values})), to=to)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"dim": "2", "dtype": "float32"}, r"has vectors of 2 numbers by the field's metadata, not of 4 \(--dim\)"),
        ({"dim": "two"}, "has dim 'two' in the field's metadata; it must be a whole number above 0"),
        ({"dim": "4", "dtype": "int8"}, "holds int8 by the field's metadata; it must be one of float16"),
    ],
)
def test_metadata_that_make_no_sense_are_named(kept: Any, metadata: dict[str, str], said: str) -> None:
    table = pa.table([pa.array([bytes(16)])], pa.schema([pa.field("embeddings", pa.binary(), metadata=metadata)]))
    with pytest.raises(ArtefactError, match=said):
        read(kept(table), to=layout(dim=4))


def test_truth_values_are_no_numbers_and_one_number_has_no_mean(kept: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"column 'logprobs' is list<.*bool>; numbers are wanted"):
        read(kept(pa.table({"logprobs": [[True, False]]})), ("logprobs",))
    write_jsonl(tmp_path / "a.jsonl", [{"embeddings": [[True, False]]}])
    with pytest.raises(ArtefactError, match=r"line 1: column 'embeddings' is .*bool.*; embeddings are numbers"):
        read(tmp_path / "a.jsonl")
    with pytest.raises(ArtefactError, match=r"one number a sample; .* \(--mean-logprobs\)"):
        read(kept(pa.table({"logprobs": [[-1.0, -2.0]]})), ("logprobs",), layout(mean=True))


# Memory


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("rows", [50, 7], ids=["whole batches", "slices"])
def test_the_kernel_reads_an_arrow_file_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, large: bool, rows: int
) -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 4096)).astype(dtype)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 4096)
    offsets = np.cumsum([0, *([2, 4] * 50)])
    made = pa.LargeListArray.from_arrays(pa.array(offsets), flat)
    table = pa.table({"id": [str(i) for i in range(100)], "embeddings": made})
    if not large:
        table = table.set_column(1, "embeddings", table[1].cast(pa.list_(flat.type)))
    path = tmp_path / "samples.arrow"
    with pa.ipc.new_file(str(path), table.schema) as sink:
        sink.write_table(table, max_chunksize=50)
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    real = fast.spectral_scores

    def watched(embeddings: np.ndarray, offsets: np.ndarray, **settings: Any) -> Any:
        seen.append((embeddings, offsets))
        return real(embeddings, offsets, **settings)

    monkeypatch.setattr(fast, "spectral_scores", watched)
    with pa.memory_map(str(path)) as mapped:
        reader = pa.ipc.open_file(mapped)
        real_open = pa.ipc.open_file
        monkeypatch.setattr(pa.ipc, "open_file", lambda source: reader if source is not None else real_open(source))
        score.score(path, tmp_path / "scores.parquet", score.Config(rows=rows))
        batches = [reader.get_batch(i)["embeddings"] for i in range(reader.num_record_batches)]
        starts = [batch.values.values.buffers()[1].address for batch in batches]
        wanted = [
            start + int(offsets[row] - offsets[50 * b]) * 4096 * vectors.itemsize
            for b, start in enumerate(starts)
            for row in range(50 * b, 50 * b + 50, rows)
        ]
    assert [array.ctypes.data for array, _ in seen] == wanted
    assert all(array.dtype == dtype for array, _ in seen)
    scores = pq.read_table(tmp_path / "scores.parquet")["von_neumann_entropy"].to_numpy()
    np.testing.assert_array_equal(scores, fast.von_neumann_entropy(vectors, offsets))


def test_big_rows_are_read_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_files._sources, "MAX_BYTES", 1 << 16)
    vectors = pa.array(np.zeros(100 * 2 * 1024, np.float32))
    flat = pa.FixedSizeListArray.from_arrays(pa.FixedSizeListArray.from_arrays(vectors, 1024), 2)
    table = pa.table({"embeddings": flat})
    plain = [{"embeddings": group} for group in table["embeddings"].to_pylist()]
    write_jsonl(tmp_path / "big.jsonl", plain)
    for path in (save(tmp_path / "big.parquet", table), save(tmp_path / "big.arrow", table), tmp_path / "big.jsonl"):
        batches = list(group_files.read(group_files.open_file(path), ["embeddings"], layout(), 4096))
        assert sum(batch.num_rows for batch in batches) == 100
        assert max(batch.num_rows for batch in batches) <= 8
    path = save(tmp_path / "dotted.parquet", table.rename_columns(["model.embeddings"]))
    to = layout(embeddings="model.embeddings")
    batches = list(group_files.read(group_files.open_file(path), ["embeddings"], to, 4096))
    assert sum(batch.num_rows for batch in batches) == 100
    assert max(batch.num_rows for batch in batches) <= 8


def test_reading_stops_when_the_reader_of_it_does(tmp_path: Path) -> None:
    path = save(tmp_path / "few.arrow", pa.table({"embeddings": GROUPS}))
    batches: Iterator[pa.Table] = group_files.read(group_files.open_file(path), ["embeddings"], layout(), 1)
    assert next(batches)["id"].to_pylist() == ["0"]
    del batches
