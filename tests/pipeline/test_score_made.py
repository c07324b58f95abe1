"""Columns that `uncal score` makes of texts and tokens: by the real MiniLM, and a small random cross-encoder."""

import csv
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import embedders, entailers, fast, schema
from uncal.errors import ArtefactError
from uncal.sentences import sentences
from uncal.stages import calibrate, questions, sample, score

OF_TOKENS = ("token_sar", "sar")
OF_PAIRS = ("luq", "semantic_density", "cocoa", "variation_ratio_original", "claim_conditioned_probability")
PROMPTS = ("What is the capital of France?", "What is 2 + 3?", "Why? Where? When?", "why " * 300)


@pytest.fixture(scope="module")
def run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of which the tokens are kept; one question is over the context."""
    folder = tmp_path_factory.mktemp("run")
    source = folder / "asked.jsonl"
    source.write_text("".join(f"{json.dumps({'id': f'q{i}', 'prompt': text})}\n" for i, text in enumerate(PROMPTS)))
    questions.questions(source, folder / schema.QUESTIONS)
    config = sample.Config(
        model=str(tiny_model),
        n_completions=3,
        max_tokens=6,
        top_logprobs=3,
        keep_tokens=True,
        answer_prompt="{question}",
    )
    sample.sample(folder / schema.QUESTIONS, folder / schema.COMPLETIONS, config)
    return folder


@pytest.fixture(scope="module")
def drawn(run: Path) -> list[dict[str, Any]]:
    return pq.read_table(run / schema.COMPLETIONS).to_pylist()[:-1]


def made(run: Path, out: Path, *names: str, **settings: Any) -> dict[str, list[Any]]:
    config = score.Config(scorers=names, **settings)
    columns: dict[str, list[Any]] = pq.read_table(score.score(run / schema.EMBEDDINGS, out, config)).to_pydict()
    return columns


def test_relevance_of_a_run_is_made_by_an_embedder(
    run: Path, drawn: list[dict[str, Any]], minilm: str, tmp_path: Path
) -> None:
    settings = {"embedder": "sentence_transformers", "embedder_settings": {"model": minilm}}
    found = made(run, tmp_path / "s.parquet", *OF_TOKENS, **settings)
    embedder = embedders.make("sentence_transformers", model=minilm)
    asked = [row["prompt"] for row in drawn]
    weights = embedders.relevances([row["answer_token_texts"] for row in drawn], embedder, questions=asked)
    for row, weight, value in zip(drawn, weights, found["token_sar"][:-1], strict=True):
        assert weight is not None
        assert value == pytest.approx(-np.dot(weight, row["answer_logprobs"]) / weight.sum(), abs=1e-5)
    assert found["token_sar"][-1] is found["sar"][-1] is None
    row = drawn[0]
    relevance = np.concatenate(embedders.relevances(row["token_texts"], embedder, questions=[row["prompt"]] * 3))  # type: ignore[arg-type]
    ends = np.cumsum([0, *map(len, row["logprobs"])])
    surprise = fast.token_sar(np.concatenate(row["logprobs"]), relevance, ends)
    alike = fast.cosine_similarity(embedder(row["completions"]), [0, 3])
    assert found["sar"][0] == pytest.approx(fast.sentence_sar(-surprise, np.maximum(alike, 0), [0, 3])[0], abs=1e-4)
    alone = made(run, tmp_path / "t.parquet", "token_sar", **settings, conditioned=False)
    assert alone["token_sar"][0] != pytest.approx(found["token_sar"][0], abs=1e-6)
    assert calibrate.fingerprint(tmp_path / "t.parquet", "token_sar")["conditioned"] is False


def test_what_an_entailer_says_of_answers_sentences_and_alternatives_is_made_of_a_run(
    run: Path, drawn: list[dict[str, Any]], tiny_nli: Path, tmp_path: Path
) -> None:
    settings = {
        "entailer": "cross_encoder",
        "entailer_settings": {"model": str(tiny_nli)},
        "scorer_settings": {"similarity": "entail"},
    }
    found = made(run, tmp_path / "s.parquet", *OF_PAIRS, **settings)
    assert {name: found[name][-1] for name in OF_PAIRS} == dict.fromkeys(OF_PAIRS)
    entailer = entailers.make("cross_encoder", model=str(tiny_nli))
    for p, row in enumerate(drawn):
        texts, asked = row["completions"], [row["prompt"]]
        judged = entailers.judge_answers([row["answer"]], [texts], entailer, questions=asked)
        entail = judged["answer_entail"][0]
        assert entail is not None
        surprise = -sum(row["answer_logprobs"])
        assert found["cocoa"][p] == pytest.approx(surprise * np.mean(1 - entail), rel=1e-5)
        cut = entailers.judge_sentences([texts], entailer)
        if all(map(sentences, texts)):
            flat = [np.concatenate([one.reshape(-1) for one in cut[name][0] or ()]) for name in sorted(cut)[::-1]]
            ends = np.cumsum([0, *(len(sentences(text)) for text in texts)])
            assert found["luq"][p] == pytest.approx(fast.sentence_disagreement(*flat, ends, [0, 3])[0], abs=1e-6)
        else:
            assert found["luq"][p] is None
        (classes,) = entailers.judge_alternatives(
            [row["answer_token_texts"]], [row["answer_top_texts"]], entailer, questions=asked
        )["answer_top_classes"]
        assert classes is not None
        ccp = fast.claim_conditioned_probability(row["answer_top_logprobs"], classes, [0, len(classes)])[0]
        assert found["claim_conditioned_probability"][p] == pytest.approx(1 - ccp, abs=1e-6)
        assert 0 <= found["semantic_density"][p] <= 1
    kept = (tmp_path / schema.PAIRS).stat()
    assert made(run, tmp_path / "t.parquet", *OF_PAIRS, **settings) == found
    assert (tmp_path / schema.PAIRS).stat().st_size == kept.st_size


def test_the_command_line_scores_a_run_by_what_it_makes(run: Path, minilm: str, tiny_nli: Path, cli: Any) -> None:
    ended = cli(
        *("score", "--run", run, "--scorers", "token_sar", "luq", "von_neumann_entropy"),
        *("--embedder", "sentence_transformers", "--embedder-settings", f"model={minilm}"),
        *("--entailer", "cross_encoder", "--entailer-settings", f"model={tiny_nli}"),
    )
    assert ended.code == 0, ended.err
    assert "1 groups could not be scored" in ended.err
    assert pq.read_table(run / schema.SCORES).column_names == ["id", "token_sar", "luq", "von_neumann_entropy"]
    for scorer, flag in (
        ("token_sar", "--embedder"),
        ("luq", "--entailer"),
        ("claim_conditioned_probability", "--entailer"),
    ):
        ended = cli("score", "--run", run, "--overwrite", "--scorers", scorer)
        assert ended.code == 1
        assert f"of texts by {flag}" in ended.err
        assert ended.err.count("\n") == 1


def test_tokens_that_were_not_kept_are_said(tmp_path: Path, fabricate: Any) -> None:
    folder = fabricate(tmp_path / "run", 3)
    for scorer, settings, lacks in (
        (
            "sar",
            {"embedder": "hashing"},
            "no token_texts .* by --token-texts-column; `uncal sample --keep-tokens` keeps",
        ),
        ("token_sar", {"embedder": "hashing"}, "no answer_token_texts .*--answer-token-texts-column"),
    ):
        with pytest.raises(ArtefactError, match=lacks):
            made(folder, tmp_path / "s.parquet", scorer, **settings)


TOKENS = [[["It", " is"], ["He"]], [["She"]]]
LOGPROBS = [[[-1.0, -2.0], [-0.5]], [[-3.0]]]


def samples(path: Path, per_sample: bool) -> Path:
    """Write two groups, a row each, or a row a sample."""
    rows: list[dict[str, Any]] = [
        {"id": name, "prompt": f"Who is {name}?", "token_texts": tokens, "logprobs": logprobs}
        | {"texts": ["".join(one) for one in tokens]}
        for name, tokens, logprobs in zip("ab", TOKENS, LOGPROBS, strict=True)
    ]
    lists = ("token_texts", "logprobs", "texts")
    if per_sample:
        rows = [row | {name: row[name][i] for name in lists} for row in rows for i in range(len(row["texts"]))]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    with path.open("w", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
        else:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            cells = [name for name in lists if isinstance(rows[0][name], list)]
            writer.writerows(row | {name: json.dumps(row[name]) for name in cells} for row in rows)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_relevance_is_made_of_files_of_every_kind(suffix: str, per_sample: bool, tmp_path: Path) -> None:
    path = samples(tmp_path / f"a{suffix}", per_sample)
    config = score.Config(
        scorers=("sar",),
        scorer_settings={"similarity": "jaccard"},
        embedder="hashing",
        group_column="id" if per_sample else None,
    )
    found = pq.read_table(score.score(path, tmp_path / "s.parquet", config))["sar"].to_pylist()
    flat = [tokens for group in TOKENS for tokens in group]
    asked = ["Who is a?", "Who is a?", "Who is b?"]
    relevance = np.concatenate(embedders.relevances(flat, embedders.make("hashing"), questions=asked))  # type: ignore[arg-type]
    surprise = fast.token_sar([-1.0, -2.0, -0.5, -3.0], relevance, [0, 2, 3, 4])
    alike = fast.jaccard_similarity(["It is", "He", "She"], [0, 2, 3])
    assert found == pytest.approx(fast.sentence_sar(-surprise, alike, [0, 2, 3]).tolist())


def test_a_relevance_that_is_there_is_read_where_its_column_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.jsonl"
    row = {"id": "a", "prompt": "Which?", "answer_token_texts": ["It", " is"], "answer_logprobs": [-1.0, -2.0]}
    path.write_text(json.dumps(row | {"answer_relevance": [0.25, 0.75], "mine": [1.0, 0.0]}) + "\n")

    def scored(**settings: Any) -> Any:
        config = score.Config(scorers=("token_sar",), **settings)
        return pq.read_table(score.score(path, tmp_path / "s.parquet", config, overwrite=True))["token_sar"][0].as_py()

    assert scored() == pytest.approx(1.75)
    assert scored(answer_relevance_column="mine") == pytest.approx(1.0)
    with caplog.at_level(logging.WARNING, "uncal"):
        remade = scored(embedder="hashing")
    assert 1.0 < remade < 2.0
    assert remade != pytest.approx(1.75)
    assert "the column 'answer_relevance' of" in caplog.text
    path.write_text(json.dumps(row | {"answer_token_texts": [1, 3]}) + "\n")
    with pytest.raises(ArtefactError, match=r"line 1, id 'a': column 'answer_token_texts': holds 1.0 where"):
        scored(embedder="hashing")
    path.write_text(json.dumps(row | {"answer_token_texts": ["It is"]}) + "\n")
    with pytest.raises(ArtefactError, match="2 answer_logprobs and 1 answer_relevance"):
        scored(embedder="hashing")
