"""`uncal score FILE` on files that people already have."""

import json
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import artefacts, embedders, fast, schema
from uncal.stages import score

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(40, 8)).astype(np.float32)
OFFSETS = np.array([0, 1, 4, 14, 20, 40])
IDS = [f"q{i}" for i in range(5)]
EXPECTED = fast.von_neumann_entropy(VECTORS.astype(np.float64), OFFSETS)


def groups() -> list[list[list[float]]]:
    return [VECTORS[a:b].tolist() for a, b in pairwise(OFFSETS)]


def write(path: Path, table: pa.Table) -> Path:
    match path.suffix:
        case ".parquet":
            pq.write_table(table, path, row_group_size=2)
        case ".arrow":
            with pa.ipc.new_file(str(path), table.schema) as sink:
                sink.write_table(table, max_chunksize=2)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
        case _:
            lines = [table.column_names, *([json.dumps(v) for v in row.values()] for row in table.to_pylist())]
            lines[1:] = [['"' + field.strip('"').replace('"', '""') + '"' for field in line] for line in lines[1:]]
            path.write_text("".join(",".join(line) + "\n" for line in lines))
    return path


def scores(path: Path) -> dict[str, float | None]:
    table = pq.read_table(path)
    return dict(zip(table["id"].to_pylist(), table[1].to_pylist(), strict=True))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl", ".csv"])
def test_a_file_with_a_group_a_row_is_scored(cli: Any, tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"answers{suffix}", pa.table({"id": IDS, "embeddings": groups()}))
    out = tmp_path / "scores.parquet"
    ended = cli("score", path, "-o", out)
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert scores(out) == dict(zip(IDS, EXPECTED.tolist(), strict=True))
    assert pq.read_schema(out).remove_metadata() == schema.scores(("von_neumann_entropy",))
    again = cli("score", path, "-o", out)
    assert again.err.splitlines()[0] == "score: scores.parquet is up to date"


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl", ".csv"])
@pytest.mark.parametrize("rows", [3, 4096])
def test_a_file_with_a_sample_a_row_is_scored(tmp_path: Path, suffix: str, rows: int) -> None:
    owners = np.repeat(IDS, np.diff(OFFSETS)).tolist()
    path = write(tmp_path / f"samples{suffix}", pa.table({"question": owners, "vector": VECTORS.tolist()}))
    config = score.Config(group_column="question", rows=rows)
    assert scores(score.score(path, tmp_path / "scores.parquet", config)) == dict(
        zip(IDS, EXPECTED.tolist(), strict=True)
    )


def test_columns_have_the_names_that_flags_give_them(cli: Any, tmp_path: Path) -> None:
    cut = VECTORS[:20].astype(np.float16)
    rows = [cut[i : i + 4].tobytes() for i in range(0, 20, 4)]
    path = write(tmp_path / "a.parquet", pa.table({"name": [7, 8, 9, 10, 11], "v": pa.array(rows, pa.binary(64))}))
    out = tmp_path / "scores.parquet"
    flags = ["--id-column", "name", "--embeddings-column", "v", "--dim", 8, "--dtype", "float16"]
    more = ["--scorers", "von_neumann_entropy", "renyi_entropy"]
    ended = cli("score", path, "-o", out, *flags, *more, "--scorer-settings", "gamma=0.5", "renyi_entropy.alpha=3")
    assert ended.code == 0, ended.err
    table = pq.read_table(out)
    assert table["id"].to_pylist() == ["7", "8", "9", "10", "11"]
    stacked = cut.reshape(5, 4, 8)
    for name, wanted in {
        "von_neumann_entropy": fast.von_neumann_entropy(stacked, gamma=0.5),
        "renyi_entropy": fast.renyi_entropy(stacked, gamma=0.5, alpha=3.0),
    }.items():
        np.testing.assert_array_equal(table[name].to_numpy(), wanted)


def test_embeddings_are_made_of_texts_when_there_are_none(cli: Any, tmp_path: Path) -> None:
    texts = [["Paris", "Paris", "in Paris"], None, ["London", ""]]
    path = write(tmp_path / "a.jsonl", pa.table({"responses": texts}))
    ended = cli("score", path, "-o", tmp_path / "s.parquet")
    assert ended == (
        1,
        "",
        f"uncal: {path} has no embeddings (looked for embeddings, embedding, vectors, vector); it has responses: name "
        "the column by --embeddings-column, or have them made of texts by --embedder\n",
    )
    ended = cli("score", path, "-o", tmp_path / "s.parquet", "--embedder", "hashing", "--embedder-settings", "dim=64")
    assert ended.code == 0, ended.err
    rows = embedders.make("hashing", dim=64)(["Paris", "Paris", "in Paris", "London", ""])
    first, last = fast.von_neumann_entropy(rows, [0, 3, 5])
    assert scores(tmp_path / "s.parquet") == {"0": first, "1": None, "2": last}
    assert "score: 1 groups could not be scored and are null in" in ended.err


def test_an_embedder_that_no_scorer_needs_is_not_used_which_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"texts": [["a", "b"]]}))
    config = score.Config(scorers=("variation_ratio",), embedder="sentence_transformers")
    assert scores(score.score(path, tmp_path / "s.parquet", config)) == {"0": 1.0}
    assert (
        "the embedder sentence_transformers is not used: no embeddings or relevance is read by variation_ratio"
        in caplog.text
    )
    caplog.clear()
    score.score(path, tmp_path / "t.parquet", score.Config(embedder="hashing"))
    assert not caplog.text


def test_embeddings_that_are_there_are_left_for_an_embedder_that_is_named_which_is_said(
    cli: Any, tmp_path: Path
) -> None:
    table = pa.table({"vector": [[[1.0, 0.0], [1.0, 0.0]]], "texts": [["Paris", "London"]]})
    path = write(tmp_path / "a.parquet", table)
    ended = cli("score", path, "-o", tmp_path / "s.parquet", "--embedder", "hashing")
    assert ended.code == 0
    assert f"the column 'vector' of {path} is not read: --embedder hashing makes embeddings of the texts" in ended.err
    made = fast.von_neumann_entropy(embedders.make("hashing")(["Paris", "London"]), [0, 2])
    assert scores(tmp_path / "s.parquet") == {"0": made[0]}
    assert made[0] > 0


def test_an_embedder_reads_the_texts_of_a_run(tmp_path: Path, fabricate: Any) -> None:
    run = fabricate(tmp_path / "run", 5)
    config = score.Config(embedder="hashing")
    found = scores(score.score(run / schema.EMBEDDINGS, tmp_path / "s.parquet", config))
    assert found == scores(score.score(run / schema.COMPLETIONS, tmp_path / "t.parquet", config))


def test_a_setting_about_a_column_that_is_not_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"texts": [["a", "b"]], "embeddings": [[[1.0], [2.0]]]}))
    for config, said in (
        (score.Config(texts_column="texts", mean_logprobs=True), ("texts_column", "mean_logprobs")),
        (score.Config(scorers=("variation_ratio",), dim=1, dtype="float16"), ("dim", "dtype")),
    ):
        score.score(path, tmp_path / "s.parquet", config)
        for setting in said:
            assert f"score: {setting} is not used: nothing reads " in caplog.text
    caplog.clear()
    score.score(path, tmp_path / "s.parquet", score.Config(embeddings_column="embeddings", dim=1), overwrite=True)
    assert not caplog.text


def test_groups_that_cannot_be_scored_are_null_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = groups()
    bad = [kept[0], None, [], [[float("nan")] * 8, *kept[2]], [[float("inf")] * 8], kept[3]]
    path = write(tmp_path / "a.parquet", pa.table({"embeddings": bad}))
    config = score.Config(scorers=("von_neumann_entropy", "renyi_entropy"))
    out = score.score(path, tmp_path / "scores.parquet", config)
    found = pq.read_table(out)["von_neumann_entropy"].to_pylist()
    assert found == [0.0, None, None, None, None, EXPECTED[3]]
    assert f"score: 4 groups could not be scored and are null in {out}" in caplog.text


def test_the_same_scores_come_out_of_any_batches(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"embeddings": groups()}))
    whole = score.score(path, tmp_path / "whole.parquet", score.Config())
    for rows in (1, 2, 3):
        made = score.score(path, tmp_path / f"{rows}.parquet", score.Config(rows=rows))
        assert scores(made) == scores(whole)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--id-column", "name"], "has no column 'name'; it has id, embeddings"),
        (["--group-column", "g"], "has no column 'g'; it has id, embeddings"),
        (["--dtype", "int8"], "dtype is 'int8'; it must be one of float16, float32, float64"),
        (["--dim", "0"], "dim is 0; it must be at least 1"),
        (["--embedder", "hashing", "--embeddings-column", "embeddings"], "embedder and embeddings_column are both set"),
        (["--scorer-settings", "gama=1"], "none of von_neumann_entropy has a setting 'gama'; there are kernel, gamma"),
        (["--scorer-settings", "normalize=yes"], "von_neumann_entropy: normalize is 'yes'; it must be true or false"),
        (["--scorer-settings", "gamma=-1"], "scorers plugin 'von_neumann_entropy': gamma is -1"),
        (
            ["--scorers", "semantic_entropy", "--scorer-settings", "linkage=ward"],
            "'semantic_entropy': linkage is 'ward'; it must be one of leader, single, average, complete\n",
        ),
        (
            ["--scorers", "degree", "--scorer-settings", "gamma=1"],
            "none of degree has a setting 'gamma'; predictive_kernel_entropy, renyi_entropy, von_neumann_entropy have",
        ),
        (
            ["--scorer-settings", "renyi_entropy.alpha=3"],
            "'renyi_entropy.alpha' is a setting of renyi_entropy, and the scorers are von_neumann_entropy\n",
        ),
        (
            ["--scorer-settings", "kernel=cosine", "gamma=2"],
            "the setting 'gamma' is read by von_neumann_entropy with kernel=rbf or kernel=laplacian only\n",
        ),
        (["--embedder-settings", "dim=3"], "embedder_settings are set, and embedder is not; name one (--embedder)\n"),
        (["--group-column", "id", "--id-column", "id"], "group_column and id_column are both set; the name of a group"),
        (["--dim", "9"], "a.parquet, row 0 (from 0): column 'embeddings' has vectors of 8 numbers, not of 9 (--dim)\n"),
        (["-o", "."], "out is ., a folder; name a file in it, such as scores.parquet\n"),
        (["-o", "/proc/s.parquet"], "(/proc/s.parquet)"),
        (["-o", "/proc/version/s.parquet"], "a file is where a folder is wanted (/proc/version)"),
        (["-o", "scores.csv"], "scores are written to a .parquet or an .arrow file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_flag_is_one_line_that_helps(cli: Any, tmp_path: Path, flags: list[str], said: str) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"id": IDS, "embeddings": groups()}))
    ended = cli("score", path, "-o", tmp_path / "s.parquet", *flags)
    assert ended.code in (1, 2)
    assert ended.out == ""
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "s.parquet").exists()


def test_a_file_without_rows_is_an_error(tmp_path: Path) -> None:
    kind = pa.schema([("id", pa.string()), ("embeddings", pa.list_(pa.list_(pa.float32())))])
    for suffix in (".parquet", ".arrow"):
        path = write(tmp_path / f"none{suffix}", kind.empty_table())
        with pytest.raises(artefacts.ArtefactError, match=f"{path} has no rows"):
            score.score(path, tmp_path / "s.parquet")
        assert not (tmp_path / "s.parquet").exists()


def test_a_changed_file_is_scored_anew_and_a_big_one_is_not_read_to_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"embeddings": groups()}))
    first = artefacts.sampled_sha256(path)
    assert first == artefacts.sha256(path)
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(1 << 27))
    read = 0
    real = artefacts.hashlib.sha256

    class Counting:
        def __init__(self, start: bytes = b"") -> None:
            self.kept = real(start)

        def update(self, block: bytes) -> None:
            nonlocal read
            read += len(block)
            self.kept.update(block)

        def hexdigest(self) -> str:
            return self.kept.hexdigest()

    monkeypatch.setattr(artefacts.hashlib, "sha256", Counting)
    before = artefacts.sampled_sha256(big)
    assert 0 < read <= 1 << 22
    assert artefacts.sampled_sha256(big) == before
    with big.open("r+b") as file:
        file.write(b"x")
    assert artefacts.sampled_sha256(big) != before


def test_a_file_is_never_written_over_itself(cli: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"embeddings": groups()}))
    before = path.read_bytes()
    ended = cli("score", path, "-o", path, "--overwrite")
    assert ended.code == 2
    assert f"{path} is the input of 'score' as well; pass another --out" in ended.err
    assert path.read_bytes() == before
    ended = cli("score", path, "-o", tmp_path / "s.parquet", "--scorers", "degree", "degree")
    assert ended.code == 2
    assert "scorers names 'degree' more than once" in ended.err


def test_an_interrupt_ends_it_with_one_line_and_no_file(cli: Any, tmp_path: Path) -> None:
    table = pa.table({"embeddings": pa.array(groups() * 4000, pa.list_(pa.list_(pa.float32(), 8)))})
    path = write(tmp_path / "a.arrow", table)
    ended = cli.stop_when(
        lambda: any(p.stat().st_size > 64 for p in tmp_path.glob(".s.parquet.*.tmp")),
        *("score", path, "-o", tmp_path / "s.parquet", "--rows", 2),
        how=signal.SIGINT,
    )
    assert ended.code == 130
    assert ended.err == "uncal: interrupted; the same command goes on where it was\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.arrow"]


def test_texts_and_logprobs_of_a_run_come_from_its_completions(tmp_path: Path, fabricate: Any) -> None:
    run = fabricate(tmp_path / "run", 30)
    names = ("von_neumann_entropy", "variation_ratio", "semantic_entropy")
    config = score.Config(scorers=names, scorer_settings={"estimator": "rao_blackwell"}, rows=7)
    out = score.score(run / schema.EMBEDDINGS, tmp_path / "scores.parquet", config)
    made, kept = pq.read_table(out), pq.read_table(run / schema.COMPLETIONS)
    rows = np.array(next(iter(artefacts.read(run / schema.EMBEDDINGS)))["embeddings"].to_pylist(), np.float32)
    logprobs = [sum(tokens) for group in kept["logprobs"].to_pylist() for tokens in group]
    offsets = np.arange(0, 121, 4)
    flat = rows.reshape(120, -1)
    texts = [text for group in kept["completions"].to_pylist() for text in group]
    expected = (
        fast.von_neumann_entropy(flat, offsets),
        fast.variation_ratio(fast.rouge_l_similarity(texts, offsets), offsets),
        fast.semantic_entropy(
            fast.cluster_embeddings(flat, offsets), offsets, logprobs=logprobs, estimator="rao_blackwell"
        ),
    )
    for name, values in zip(names, expected, strict=True):
        np.testing.assert_array_equal(made[name].to_numpy(), values, err_msg=name)
    maker = artefacts.made_by(out)
    assert maker is not None
    assert set(maker.inputs) == {"embeddings", "completions"}


def test_completions_alone_are_scored_by_what_reads_texts(cli: Any, tmp_path: Path, fabricate: Any) -> None:
    run = fabricate(tmp_path / "run", 5)
    out = tmp_path / "scores.parquet"
    ended = cli(
        "score", run / schema.COMPLETIONS, "-o", out, "--scorers", "degree", "--scorer-settings", "similarity=jaccard"
    )
    assert ended.code == 0, ended.err
    texts = pq.read_table(run / schema.COMPLETIONS)["completions"].to_pylist()
    np.testing.assert_array_equal(pq.read_table(out)["degree"].to_numpy(), fast.degree(fast.jaccard_similarity(texts)))


LONGEST = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class Longest(Scorer):
    needs: ClassVar[frozenset[str]] = frozenset({"texts"})
    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "character"
    source: ClassVar[str] = "made up"

    def __call__(self, groups: Groups, /) -> FloatArray:
        lengths = [len(text) for text in groups.texts.to_pylist()]
        return np.maximum.reduceat(lengths, groups.offsets[:-1]).astype(float)
"""


def test_a_scorer_of_somebody_else_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "longest.py").write_text(LONGEST)
    monkeypatch.syspath_prepend(tmp_path)
    texts = [["a", "bcd"], [], ["ef", "g", None], ["h"]]
    path = write(tmp_path / "a.parquet", pa.table({"texts": texts}))
    out = score.score(path, tmp_path / "s.parquet", score.Config(scorers=("longest:Longest",)))
    assert pq.read_table(out)["longest:Longest"].to_pylist() == [3.0, None, None, 1.0]


@pytest.mark.parametrize("rows", [1, 2, 4096])
def test_a_row_that_makes_no_sense_is_named_by_its_place_in_the_file(tmp_path: Path, rows: int) -> None:
    vectors = [[[1.0]], None, [[1.0], [2.0]], [[3.0]]]
    path = write(tmp_path / "a.parquet", pa.table({"embeddings": vectors, "logprobs": [[-1.0]] * 4}))
    config = score.Config(scorers=("semantic_entropy",), scorer_settings={"estimator": "rao_blackwell"}, rows=rows)
    with pytest.raises(
        artefacts.ArtefactError, match=rf"^{path}, row 2 \(from 0\): 2 embeddings and 1 logprobs; a group has"
    ):
        score.score(path, tmp_path / "s.parquet", config)
    table = pa.table({"entail": [[1.0], [1.0], [1.0, 0.5], [0.5]], "q": ["a", "b", "c", "c"]})
    crooked = rf"^{tmp_path}/b.parquet, row 2 \(from 0\){{}}: {{}} values of 'entail'; a group of n has n"
    write(tmp_path / "b.parquet", table)
    for group, place, count in ((None, "", 2), ("q", ", group 'c'", 3)):
        config = score.Config(
            scorers=("degree",), scorer_settings={"similarity": "entail"}, rows=rows, group_column=group
        )
        with pytest.raises(artefacts.ArtefactError, match=crooked.format(place, count)):
            score.score(tmp_path / "b.parquet", tmp_path / "s.parquet", config)


def test_columns_of_different_lengths_are_an_error_also_where_no_one_scorer_reads_both(tmp_path: Path) -> None:
    table = pa.table({"uid": ["a", "b"], "embeddings": [[[1.0]], [[1.0], [2.0]]], "texts": [["a"], ["a", "b", "c"]]})
    config = score.Config(scorers=("von_neumann_entropy", "variation_ratio"))
    with pytest.raises(
        artefacts.ArtefactError, match=r", id 'b': 2 embeddings and 3 texts; a group has as many of each"
    ):
        score.score(write(tmp_path / "a.parquet", table), tmp_path / "s.parquet", config)


@pytest.mark.parametrize("rows", [1, 2, 4096])
@pytest.mark.parametrize("group", [None, "q"])
def test_numbers_that_make_no_sense_are_named_by_their_place_in_the_file(
    tmp_path: Path, rows: int, group: str | None
) -> None:
    good = [[1.0, 0.5], [0.5, 1.0]]
    groups = [good, None, [[1.0]], None, good, [[1.0, 0.5], [7.0, 1.0]], [[1.0, 9.0], [0.5, 1.0]]]
    table = pa.table({"qid": list("abcdefg"), "entailment": groups})
    place = r"row 5 \(from 0\), id 'f'"
    if group is not None:
        owners = [name for name, matrix in zip("abcdefg", groups, strict=True) for _ in matrix or [None]]
        table = pa.table({"q": owners, "entailment": [row for matrix in groups for row in matrix or [None]]})
        place = r"row 7 \(from 0\), group 'f'"
    path = write(tmp_path / "a.parquet", table)
    said = rf"^{path}, {place}: column 'entailment': entry \(1, 0\) is 7.0, must be a probability in \[0, 1\]$"
    config = score.Config(scorers=("degree",), scorer_settings={"similarity": "entail"}, rows=rows, group_column=group)
    with pytest.raises(artefacts.ArtefactError, match=said):
        score.score(path, tmp_path / "s.parquet", config)
    assert not (tmp_path / "s.parquet").exists()


def test_a_sample_that_makes_no_sense_is_named_in_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"embeddings": [[1.0], [2.0]], "logprobs": p} for p in ([0.0, -1.0], [], None, [0.0, 1e999])]
    path.write_text("\n\n".join(json.dumps(row) for row in rows))
    config = score.Config(scorers=("semantic_entropy",), scorer_settings={"estimator": "kuhn"})
    said = rf"^{path}, line 7: column 'logprobs': sample 1 \(from 0\) is inf, must be a number or -infinity$"
    with pytest.raises(artefacts.ArtefactError, match=said):
        score.score(path, tmp_path / "s.parquet", config)


def test_contradictions_of_a_graph_are_probabilities(tmp_path: Path) -> None:
    table = pa.table({"entail": [[1.0, 0.5, 0.5, 1.0]] * 2, "contra": [[5.0, 0.5, 0.5, 5.0], [0.0, 0.5, 1.5, 0.0]]})
    config = score.Config(scorers=("kernel_language_entropy",), scorer_settings={"similarity": "entail"})
    with pytest.raises(
        artefacts.ArtefactError, match=r"row 1 \(from 0\): column 'contra': entry \(1, 0\) is 1.5, must"
    ):
        score.score(write(tmp_path / "a.parquet", table), tmp_path / "s.parquet", config)


@pytest.mark.parametrize("variable", ["UNCAL_SIMD", "UNCAL_NUM_THREADS"])
def test_an_environment_that_makes_no_sense_is_not_blamed_on_the_file(cli: Any, tmp_path: Path, variable: str) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"embeddings": groups()}))
    ended = replace(cli, environment=cli.environment | {variable: "many"})("score", path, "-o", tmp_path / "s.parquet")
    assert ended.code == 2
    assert ended.err.startswith(f'uncal: the environment variable {variable}: is "many", must be ')
    assert ended.err.count("\n") == 1


PICKY = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class Picky(Scorer):
    needs: ClassVar[frozenset[str]] = frozenset({"logprobs"})
    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "group"
    source: ClassVar[str] = "made up"
    most: int = 1

    def __call__(self, groups: Groups, /) -> FloatArray:
        if len(groups.offsets) - 1 > self.most:
            raise ValueError("too many groups")
        return np.ones(len(groups.offsets) - 1)
"""


def test_an_error_that_no_group_has_by_itself_is_one_of_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "picky.py").write_text(PICKY)
    monkeypatch.syspath_prepend(tmp_path)
    path = write(tmp_path / "a.parquet", pa.table({"logprobs": [[-1.0], [-2.0]]}))
    config = score.Config(scorers=("picky:Picky",))
    with pytest.raises(artefacts.ArtefactError, match=r"row 0 \(from 0\) and the 1 groups after it: too many groups$"):
        score.score(path, tmp_path / "s.parquet", config)
    config = score.Config(scorers=("picky:Picky",), scorer_settings={"picky:Picky.most": 0})
    with pytest.raises(artefacts.ArtefactError, match=r"a.parquet, row 0 \(from 0\): too many groups"):
        score.score(path, tmp_path / "s.parquet", config)


def test_ids_may_come_again_and_scores_keep_the_order_of_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"id": [7, 8, 7], "texts": [["a", "b"], ["a"], ["a", "a"]]}))
    out = score.score(path, tmp_path / "s.parquet", score.Config(scorers=("variation_ratio",)))
    assert pq.read_table(out).to_pydict() == {"id": ["7", "8", "7"], "variation_ratio": [1.0, 0.0, 0.0]}


def test_false_is_false_however_it_is_written(cli: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"embeddings": [[[1.0, 0.0], [0.6, 0.8]]]}))
    found = []
    for value in ("False", "false", "True"):
        flags = ("--scorers", "semantic_volume", "--scorer-settings", f"center={value}")
        cli("score", path, "-o", tmp_path / f"{value}.parquet", *flags)
        found.append(pq.read_table(tmp_path / f"{value}.parquet")["semantic_volume"][0].as_py())
    assert found[0] == found[1] > found[2]


def test_a_graph_of_entailment_wants_probabilities_and_reads_no_diagonal(tmp_path: Path) -> None:
    config = score.Config(scorers=("degree",), scorer_settings={"similarity": "entail"})
    path = write(tmp_path / "a.parquet", pa.table({"entail": [[0.0, 1.0, 1.0, 0.0], [0.0]]}))
    score.score(path, tmp_path / "s.parquet", config)
    assert pq.read_table(tmp_path / "s.parquet")["degree"].to_pylist() == [0.0, 0.0]
    path = write(tmp_path / "b.parquet", pa.table({"entail": [[1.0], [1.0, 0.5, 7.0, 1.0]]}))
    with pytest.raises(
        artefacts.ArtefactError, match=r"row 1 \(from 0\): column 'entail': entry \(1, 0\) is 7.0, must be a"
    ):
        score.score(path, tmp_path / "s.parquet", config)
