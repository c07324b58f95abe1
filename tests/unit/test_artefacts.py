"""Files that are whole or absent, and know what they were made from."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest

from uncal import artefacts, schema
from uncal.artefacts import MadeBy, Shards
from uncal.errors import ArtefactError

COLUMNS = pa.schema([("id", pa.string()), ("x", pa.int64())])


@dataclass(frozen=True)
class Config:
    size: int = 1
    seed: int = 7


def table(start: int, stop: int) -> pa.Table:
    return pa.table({"id": [str(i) for i in range(start, stop)], "x": list(range(start, stop))}, COLUMNS)


def making(source: Path, **changes: int) -> MadeBy:
    return MadeBy.of("test", Config(**changes), {"source": source})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.jsonl"
    path.write_text("1\n")
    return path


def write(out: Path, made: MadeBy) -> None:
    with artefacts.writer(out, COLUMNS, made) as write:
        write(table(0, 3))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_an_artefact_tells_what_it_was_made_by(tmp_path: Path, source: Path, name: str) -> None:
    write(tmp_path / name, making(source))
    assert artefacts.made_by(tmp_path / name) == making(source)
    assert [t.to_pydict() for t in artefacts.read(tmp_path / name)] == [table(0, 3).to_pydict()]
    assert artefacts.count_rows(tmp_path / name) == 3
    stored = json.loads(artefacts.table_schema(tmp_path / name).metadata[b"uncal"])
    assert stored["seed"] == 7
    assert stored["config"] == {"size": 1, "seed": 7}
    assert stored["schema_version"] == schema.VERSION


def test_the_same_work_gives_the_same_bytes(tmp_path: Path, source: Path) -> None:
    write(tmp_path / "a.parquet", making(source))
    write(tmp_path / "b.parquet", making(source))
    assert artefacts.sha256(tmp_path / "a.parquet") == artefacts.sha256(tmp_path / "b.parquet")


def test_lineage_reaches_back_to_the_first_stage(tmp_path: Path, source: Path) -> None:
    write(tmp_path / "a.parquet", making(source))
    second = MadeBy.of("second", Config(size=5), {"a": tmp_path / "a.parquet"})
    write(tmp_path / "b.parquet", second)
    third = MadeBy.of("third", Config(), {"b": tmp_path / "b.parquet"})
    assert third.lineage == {"test": {"size": 1, "seed": 7}, "second": {"size": 5, "seed": 7}}


def test_an_error_leaves_nothing_behind_and_the_old_file_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "a.txt"
    artefacts.write_text(out, "old")

    def fail() -> None:
        with artefacts.aside(out) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert out.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_is_up_to_date_is_kept_and_what_has_changed_is_made_anew(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "a.parquet"
    assert not artefacts.is_done(out, making(source))
    write(out, making(source))
    assert artefacts.is_done(out, making(source))
    assert not artefacts.is_done(out, making(source), overwrite=True)
    assert not artefacts.is_done(out, making(source, size=2))
    source.write_text("2\n")
    assert not artefacts.is_done(out, making(source))


def test_a_patch_release_goes_on_where_the_last_one_was(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "a.parquet"
    major, minor, patch = making(source).uncal_version.split(".")
    write(out, replace(making(source), uncal_version=f"{major}.{minor}.{int(patch) + 1}"))
    assert artefacts.is_done(out, making(source))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "has schema version 99, this uncal writes 1; use a fresh folder, or pass --overwrite"),
        ({"uncal_version": "0.0.1"}, "was made by uncal 0.0.1, this is .* never mixed; use a fresh folder"),
        ({"stage": "other"}, "was made by `uncal other`, not by `uncal test`"),
    ],
)
def test_what_another_version_or_stage_made_is_refused(
    tmp_path: Path, source: Path, change: dict[str, object], message: str
) -> None:
    out = tmp_path / "a.parquet"
    write(out, replace(making(source), **change))
    with pytest.raises(ArtefactError, match=message):
        artefacts.is_done(out, making(source))
    assert not artefacts.is_done(out, making(source), overwrite=True)


def test_a_file_that_uncal_did_not_make_is_refused(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "a.parquet"
    with artefacts.writer(out, COLUMNS) as write_:
        write_(table(0, 1))
    with pytest.raises(ArtefactError, match="exists and uncal did not make it; pass another --out, or --overwrite"):
        artefacts.is_done(out, making(source))


def test_shards_that_are_there_are_not_made_again(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "a.parquet"
    worked: list[int] = []

    def work(batch: pa.Table) -> pa.Table:
        if len(worked) == 2:
            raise RuntimeError("killed")
        worked.append(batch["x"][0].as_py())
        return batch

    batches = [table(0, 2), table(2, 4), table(4, 5)]
    with pytest.raises(RuntimeError, match="killed"), Shards(out, making(source), COLUMNS) as shards:
        shards.run(batches, work)
    assert not out.exists()
    kept = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "a.parquet.parts").glob("*.parquet")}
    assert sorted(kept) == ["000000.parquet", "000001.parquet"]
    again: list[int] = []
    with Shards(out, making(source), COLUMNS) as shards:
        shards.run(batches, lambda batch: again.append(batch["x"][0].as_py()) or batch)
    assert (worked, again) == ([0, 2], [4])
    assert pa.concat_tables(artefacts.read(out)).to_pydict() == table(0, 5).to_pydict()
    assert not (tmp_path / "a.parquet.parts").exists()


def test_shards_of_another_config_are_thrown_away(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "a.parquet"
    with Shards(out, making(source), COLUMNS) as shards, artefacts.writer(shards.part(0), COLUMNS) as write_:
        write_(table(7, 9))
    with Shards(out, making(source, size=2), COLUMNS) as shards:
        assert not shards.part(0).exists()
        shards.run([table(0, 2)], lambda batch: batch)
    assert pa.concat_tables(artefacts.read(out)).to_pydict() == table(0, 2).to_pydict()


def test_one_process_at_a_time_makes_an_output(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "a.parquet"
    with Shards(out, making(source), COLUMNS), pytest.raises(ArtefactError, match="another process is making"):
        Shards(out, making(source), COLUMNS).__enter__()


def test_files_are_read_in_tables_of_the_size_asked_for(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.arrow"):
        with artefacts.writer(tmp_path / name, COLUMNS) as write_:
            for start in (0, 1, 4):
                write_(table(start, {0: 1, 1: 4, 4: 10}[start]))
        sizes = [t.num_rows for t in artefacts.read(tmp_path / name, rows=4)]
        assert sizes == [4, 4, 2]
        assert pa.concat_tables(artefacts.read(tmp_path / name, ["x"], 3))["x"].to_pylist() == list(range(10))


def test_a_missing_column_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with artefacts.writer(tmp_path / "a.parquet", COLUMNS) as write_:
        write_(table(0, 1))
    with pytest.raises(ArtefactError, match="has no column 'y'; it has id, x"):
        list(artefacts.read(tmp_path / "a.parquet", ["y"]))


def test_files_of_different_runs_are_not_read_together(tmp_path: Path) -> None:
    for name, start, stop in (("a", 0, 4), ("b", 0, 3), ("c", 1, 5)):
        with artefacts.writer(tmp_path / f"{name}.parquet", COLUMNS) as write_:
            write_(table(start, stop))
    a, b, c = ((tmp_path / f"{name}.parquet", ["x"]) for name in "abc")
    assert [t["a"]["x"].to_pylist() for t in artefacts.read_together(3, a=a, again=a)] == [[0, 1, 2], [3]]
    with pytest.raises(ArtefactError, match=r"files of different runs: .*a\.parquet has 4 rows, .*b\.parquet has 3"):
        list(artefacts.read_together(3, a=a, b=b))
    with pytest.raises(ArtefactError, match=r"row 0: id '0' in .*a\.parquet, '1' in .*c\.parquet"):
        list(artefacts.read_together(3, a=a, c=c))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_damaged_file_is_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PAR1 no more")
    with pytest.raises(ArtefactError, match="cannot be read"):
        artefacts.table_schema(tmp_path / name)
    with pytest.raises(ArtefactError, match="no file"):
        artefacts.table_schema(tmp_path / f"other-{name}")


def test_a_folder_is_hashed_but_for_its_readme(tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "weights").write_text("1")
    before = artefacts.sha256(folder)
    (folder / "README.md").write_text("about")
    assert artefacts.sha256(folder) == before
    (folder / "weights").write_text("2")
    assert artefacts.sha256(folder) != before


def test_inputs_made_from_different_versions_of_a_file_are_refused(tmp_path: Path, source: Path) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    write(first, making(source))
    write(second, MadeBy.of("second", Config(), {"first": first}))
    assert MadeBy.of("third", Config(), {"first": first, "second": second}).sources.keys() == {"source", "first"}
    write(first, making(source, size=2))  # made anew, and second is not
    with pytest.raises(ArtefactError, match=r"second\.parquet was made from another first than .*first\.parquet is"):
        MadeBy.of("third", Config(), {"first": first, "second": second})
    assert MadeBy.of("third", Config(), {"first": first, "second": second}, foreign=("second",)).sources
    with pytest.raises(ArtefactError, match="run `uncal second` and the stages after it again"):
        MadeBy.of("third", Config(), {"second": second, "first": first})


def test_an_overwriting_that_was_cut_off_goes_on_from_its_own_shards(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "a.parquet"
    with Shards(out, making(source), COLUMNS) as shards, artefacts.writer(shards.part(0), COLUMNS) as write_:
        write_(table(7, 9))
    with Shards(out, making(source), COLUMNS, overwrite=True) as shards:
        assert not shards.part(0).exists()  # not its own
        with artefacts.writer(shards.part(0), COLUMNS) as write_:
            write_(table(0, 2))
    with Shards(out, making(source), COLUMNS, overwrite=True) as shards:
        assert shards.part(0).exists()
