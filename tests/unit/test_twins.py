"""Nearest neighbours beside the definition, and twins of questions."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from uncal import twins
from uncal.commands import dedup
from uncal.errors import ArtefactError, ConfigError


def found(queries: Any, references: Any, **settings: Any) -> twins.Nearest:
    parts = list(twins.nearest(queries, references, **settings))
    return twins.Nearest(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("index", [False, True])
def test_the_nearest_is_that_of_the_definition(monkeypatch: pytest.MonkeyPatch, dtype: str, index: bool) -> None:
    generator = np.random.default_rng(0)
    queries, references = (generator.standard_normal((n, 16)).astype(dtype) for n in (70, 900))
    monkeypatch.setattr(twins, "BATCH", 32)
    monkeypatch.setattr(twins, "BLOCK", 100)
    unit = [
        rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1)[:, None]
        for rows in (queries, references)
    ]
    cosines = unit[0] @ unit[1].T
    near = found(queries, references, index=index, probes=10**6)  # all cells, so that none is missed
    np.testing.assert_allclose(near.similarity, np.take_along_axis(cosines, near.place[:, None], 1)[:, 0], atol=1e-6)
    # An index keeps float16, so that it may take the second of two that are nearly as near.
    np.testing.assert_allclose(near.similarity, cosines.max(1), atol=1e-3 if index else 1e-6)


def test_a_zero_vector_has_no_twin_and_few_references_need_no_cells() -> None:
    zero = np.zeros((1, 4), np.float32)
    assert found(zero, np.eye(4, dtype=np.float32)).similarity.tolist() == [0.0]
    assert found(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[:1], index=True).place.tolist() == [0] * 4
    with pytest.raises(ValueError, match="references is empty"):
        twins.nearest(zero, zero[:0])
    with pytest.raises(ValueError, match="queries have vectors of 4 numbers, references of 3"):
        twins.nearest(zero, np.eye(3, dtype=np.float32))


QUESTIONS = [
    ("a", "train", "Who wrote the novel Middlemarch?"),
    ("b", "calibrate", "How many legs has a spider?"),
    ("c", "test", "Who wrote the novel Middlemarch"),
    ("d", "test", "What is the boiling point of water?"),
    ("e", "test", "How many legs has a spider?"),
    ("f", "validate", "Which planet is the largest?"),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    rows = ({"id": name, "split": split, "prompt": prompt} for name, split, prompt in QUESTIONS)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def pairs(path: Path) -> list[tuple[str, str, str]]:
    return [(row["id"], row["twin"], row["twin_split"]) for row in pq.read_table(path).to_pylist()]


def test_test_questions_with_a_twin_in_another_split_are_listed_and_told(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = dedup.dedup(source, tmp_path / "twins.parquet", dedup.Config(embedder="hashing"))
    assert sorted(pairs(made)) == [("c", "a", "train"), ("e", "b", "calibrate")]
    first = pq.read_table(made).to_pylist()[0]
    assert first["similarity"] == pytest.approx(1.0, abs=1e-3)
    assert {first["prompt"], first["twin_prompt"]} <= {prompt for _, _, prompt in QUESTIONS}
    assert "1 questions of test have a near twin in train" in caplog.text
    narrow = dedup.Config(embedder="hashing", references=("train",), threshold=0.9)
    assert pairs(dedup.dedup(source, tmp_path / "narrow.parquet", narrow)) == [("c", "a", "train")]


def test_a_paraphrase_is_a_twin_to_a_real_embedder(tmp_path: Path, minilm: str) -> None:
    (tmp_path / "test.jsonl").write_text('{"id": "x", "prompt": "What is the name of the capital city of France?"}\n')
    (tmp_path / "train.jsonl").write_text(
        '{"id": "y", "prompt": "What is France\'s capital city called?"}\n{"id": "z", "prompt": "Who painted it?"}\n'
    )
    config = dedup.Config(embedder_settings={"model": minilm}, threshold=0.9)
    made = dedup.dedup(tmp_path / "test.jsonl", tmp_path / "t.parquet", config, against=tmp_path / "train.jsonl")
    assert pairs(made) == [("x", "y", "")]


def test_what_is_missing_is_said(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "twins.parquet"
    with pytest.raises(ArtefactError, match="has no questions of the splits dev"):
        dedup.dedup(source, out, dedup.Config(embedder="hashing", queries=("dev",)))
    with pytest.raises(ArtefactError, match="row 1: no column 'part'; there are id, split, prompt"):
        dedup.dedup(source, out, dedup.Config(embedder="hashing", split_column="part"))
    with pytest.raises(ConfigError, match="queries and references both name train"):
        dedup.Config(queries=("train",))
    assert not out.exists()


def test_the_command_finds_them_and_run_warns_of_them(source: Path, tmp_path: Path, tiny_model: Path) -> None:
    def uncal(*arguments: object) -> str:
        command = [sys.executable, "-m", "uncal", *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    said = uncal("dedup", source, "--embedder", "hashing", "-o", tmp_path / "twins.parquet")
    assert "1 questions of test have a near twin in train" in said
    pipeline = tmp_path / "pipeline.toml"
    stages = f"""
        stages = ["questions", "sample", "embed"]
        {{}}
        [questions]
        source = "{source}"
        split_column = "split"
        [sample]
        model = "{tiny_model}"
        n_completions = 2
        max_tokens = 4
        [embed]
        embedder = "hashing"
        """
    pipeline.write_text(stages.format(""))
    for _ in range(2):  # it warns again when all is up to date
        assert "1 questions of test have a near twin in train" in uncal("run", pipeline, "--run", tmp_path / "run")
    pipeline.write_text(stages.format("warn_of_twins = false"))
    assert "twin" not in uncal("run", pipeline, "--run", tmp_path / "quiet")
