"""`uncal score` of tokens and frozen answers: out of a run, and out of files of one's own."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import artefacts, fast, schema
from uncal.errors import ArtefactError
from uncal.plugins import names
from uncal.stages import score

OF_TOKENS = ("g_nll", "perplexity", "min_token_probability", "length_normalized_entropy", "cocoa", "self_consistency")


def test_a_run_is_scored_by_its_completions_with_embeddings_or_without(
    tmp_path: Path, fabricate: Any, cli: Any
) -> None:
    run = fabricate(tmp_path / "run", 30)
    both = score.Config(scorers=(*OF_TOKENS, "von_neumann_entropy"), rows=7)
    made = pq.read_table(score.score(run / schema.EMBEDDINGS, tmp_path / "both.parquet", both))
    kept = pq.read_table(run / schema.COMPLETIONS)
    assert made["id"].to_pylist() == kept["id"].to_pylist()
    np.testing.assert_allclose(made["g_nll"].to_numpy(), 0.5)
    np.testing.assert_allclose(made["perplexity"].to_numpy(), np.exp(0.5))
    texts, answers = kept["completions"].to_pylist(), kept["answer"].to_pylist()
    unlike = [1 - fast.rouge_l_similarity([[a, *t]])[0, 0, 1:].mean() for a, t in zip(answers, texts, strict=True)]
    np.testing.assert_allclose(made["cocoa"].to_numpy(), np.multiply(0.5, unlike), atol=1e-12)
    (run / schema.EMBEDDINGS).unlink()
    (run / schema.SCORES).unlink()
    ended = cli("score", "--run", run, "--scorers", *OF_TOKENS)
    assert ended.code == 0, ended.err
    alone = pq.read_table(run / schema.SCORES)
    for name in OF_TOKENS:
        np.testing.assert_array_equal(alone[name].to_numpy(), made[name].to_numpy())
    maker = artefacts.made_by(run / schema.SCORES)
    assert maker is not None
    assert set(maker.inputs) == {"completions"}
    ended = cli("score", "--run", run, "--overwrite")
    assert ended.code == 1
    assert f"no file {run / schema.EMBEDDINGS}; run `uncal embed --run {run}` first" in ended.err


def test_what_a_run_did_not_keep_is_said(tmp_path: Path, fabricate: Any) -> None:
    run = fabricate(tmp_path / "run", 3)
    with pytest.raises(ArtefactError, match=r"has no answer_top_logprobs .*--answer-top-logprobs-column"):
        score.score(run / schema.EMBEDDINGS, tmp_path / "s.parquet", score.Config(scorers=("mean_token_entropy",)))


def answers_of_a_server(path: Path) -> Path:
    rows: list[dict[str, Any]] = [
        {"id": "sure", "answer_logprobs": [-0.01, -0.02], "answer_top_logprobs": [[-0.01, -5.0], [-0.02, -4.5]]},
        {"id": "not", "answer_logprobs": [-1.0], "answer_top_logprobs": [[-1.0, -1.1]]},
        {"id": "null", "answer_logprobs": None, "answer_top_logprobs": [[-1.0, -1.1]]},
        {"id": "empty", "answer_logprobs": [], "answer_top_logprobs": []},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_answers_alone_are_scored_and_what_they_lack_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = answers_of_a_server(tmp_path / "a.jsonl")
    config = score.Config(scorers=("g_nll", "mean_token_entropy", "token_margin"))
    with caplog.at_level(logging.WARNING, "uncal"):
        made = pq.read_table(score.score(path, tmp_path / "s.parquet", config)).to_pydict()
    assert made["g_nll"] == [pytest.approx(0.03), 1.0, None, None]
    margin = 1 - np.mean([np.exp(-0.01) - np.exp(-5), np.exp(-0.02) - np.exp(-4.5)])
    assert made["token_margin"][0] == pytest.approx(margin)
    assert made["token_margin"][2] == pytest.approx(1 - np.exp(-1) + np.exp(-1.1))
    entropy = fast.token_entropy([[-1.0, -1.1]], [0, 1])[0]
    assert made["mean_token_entropy"][1:3] == [entropy, entropy]
    assert "2 groups could not be scored by g_nll and are null" in caplog.text
    assert "1 groups could not be scored by mean_token_entropy, token_margin" in caplog.text


def test_a_token_that_makes_no_sense_is_named_by_its_line_and_place(tmp_path: Path, cli: Any) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "logprobs": [-1.0], "answer_lp": [-1.0]}\n{"id": "b", "answer_lp": [-1.0, 0.7]}\n')
    ended = cli(
        "score", path, "-o", tmp_path / "s.parquet", "--scorers", "g_nll", "--answer-logprobs-column", "answer_lp"
    )
    assert ended.code == 1
    what = "token 1 (from 0) is 0.7, must be a log-probability: at most 0, or -infinity"
    assert f"a.jsonl, line 2, id 'b': column 'answer_lp': {what}" in ended.err


def test_sums_of_tokens_are_the_log_likelihoods_that_other_scorers_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tokens = [[(-rng.exponential(size=n)).tolist() for n in rng.integers(1, 9, size=5)] for _ in range(20)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"logprobs": tokens}), path)
    config = score.Config(scorers=("predictive_entropy", "length_normalized_entropy"))
    made = pq.read_table(score.score(path, tmp_path / "s.parquet", config))
    sums = [-np.mean([np.sum(one) for one in group]) for group in tokens]
    means = [-np.mean([np.mean(one) for one in group]) for group in tokens]
    np.testing.assert_allclose(made["predictive_entropy"].to_numpy(), sums, rtol=1e-12)
    np.testing.assert_allclose(made["length_normalized_entropy"].to_numpy(), means, rtol=1e-12)


def test_the_list_shows_what_every_scorer_needs_gives_and_costs(cli: Any) -> None:
    ended = cli("list", "scorers", "--json")
    assert ended.code == 0, ended.err
    rows = {row["name"]: row for row in json.loads(ended.out)}
    assert sorted(rows) == names("scorers")
    assert all(row[key] for row in rows.values() for key in ("needs", "range", "unit", "source", "cost", "summary"))
    assert rows["sar"]["needs"] == ["embeddings", "relevance", "token_logprobs"]
    assert rows["mean_token_entropy"]["needs_with"] == {"of=samples": ["top_logprobs"]}
    assert "cost O(T) an answer" in cli("list", "scorers").out
