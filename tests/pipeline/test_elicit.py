"""`uncal elicit` and `uncal score --entailer` as a user types them."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from uncal import schema


def test_elicited_confidences_of_a_run_go_on_to_evaluate(cli: Any, finished: Any, tmp_path: Path) -> None:
    out = tmp_path / "stated.parquet"
    model = finished.folder.parent / "pipeline.toml"
    name = next(line for line in model.read_text().splitlines() if "model =" in line).split('"')[1]
    config = tmp_path / "elicit.toml"
    config.write_text(f'[elicit]\nmodel = "{name}"\nsplit = "test"\nstrategy = "vanilla"\n')
    flags = ["--config", config, "--strategy", "p_true", "--samples", 2, "--max-tokens", 4]
    ended = cli("elicit", finished.folder, "-o", out, *flags)
    assert ended.code == 0, ended.err
    assert ended.out.startswith("14 questions, ")
    table = pq.read_table(out)
    frozen = pq.read_table(finished.folder / schema.COMPLETIONS).to_pylist()
    answers = {row["id"]: row["answer"] for row in frozen}
    judged = [row for row in table.to_pylist() if row["answer"] is not None and answers[row["id"]]]
    assert len(judged) >= 12
    assert all(row["answer"] == answers[row["id"]] and 0 < row["p_true"] < 1 for row in judged)
    measured = cli("evaluate", out, "--bootstrap", 0, "--out", tmp_path / "report")
    assert measured.code == 0, measured.err
    wrong = cli("elicit", finished.folder, "-o", out, "--model", name, "--strategy", "guess")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)


def test_texts_of_a_run_are_judged_with_their_prompts(cli: Any, finished: Any, tiny_nli: Path, tmp_path: Path) -> None:
    run = finished.copy(tmp_path / "run", schema.QUESTIONS, schema.COMPLETIONS, schema.EMBEDDINGS)
    settings = ["--entailer", "cross_encoder", "--entailer-settings", f"model={tiny_nli}"]
    scorers = ["--scorers", "semantic_entropy", "degree", "--scorer-settings", "clusters=entail", "similarity=entail"]
    ended = cli("score", "--run", run, *scorers, *settings)
    assert ended.code == 0, ended.err
    assert (run / schema.PAIRS).exists()
    rows = pq.read_table(run / schema.SCORES).to_pylist()
    assert sum(row["degree"] is not None for row in rows) == len(rows) - 3  # three were over the context
    again = cli("score", "--run", run, *scorers, *settings, "--overwrite")
    assert again.code == 0, again.err
    assert pq.read_table(run / schema.SCORES).to_pylist() == rows


def test_entailers_are_listed(cli: Any) -> None:
    rows = json.loads(cli("list", "entailers", "--json").out)
    assert [row["name"] for row in rows] == ["cross_encoder", "llm", "replay"]
    assert all(row["summary"] for row in rows)
