"""Scores of entailment out of texts alone."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from uncal import entailers, fast, schema
from uncal.errors import ArtefactError, ConfigError
from uncal.stages import calibrate, score

TEXTS = {"q1": ["Rome", "Rome ", "Milan"], "q2": ["yes", "no"], "q3": ["", "42"]}
SCORERS = ("semantic_entropy", "degree")
SETTINGS = {"clusters": "entail", "similarity": "entail"}


def samples(folder: Path, **more: Any) -> Path:
    path = folder / "samples.jsonl"
    rows = [{"id": name, "prompt": f"What is {name}?", "texts": texts} | more for name, texts in TEXTS.items()]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def judged(folder: Path, conditioned: bool = True) -> dict[str, Any]:
    """Settings of `replay` for a file in which "Milan" and "Rome" entail each other, and nothing else anything."""
    pairs = []
    for name, texts in TEXTS.items():
        before = f"What is {name}? " if conditioned else ""
        for a in texts:
            for b in texts:
                same = {a.strip(), b.strip()} == {"Rome", "Milan"}
                verdict = {"entail": 0.75, "contra": 0.0} if same else {"entail": 0.125, "contra": 0.75}
                pairs.append({"premise": before + a, "hypothesis": before + b} | verdict)
    file = folder / "pairs.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in pairs))
    return {"file": str(file)}


def made(path: Path, **settings: Any) -> dict[str, list[float]]:
    config = score.Config(scorers=SCORERS, scorer_settings=SETTINGS, **{"entailer": "replay", **settings})
    table = pq.read_table(score.score(path, path.with_name("scores.parquet"), config, overwrite=True))
    return {name: table[name].to_pylist() for name in SCORERS}


@pytest.mark.parametrize("conditioned", [True, False])
def test_texts_are_judged_with_their_question_unless_told_otherwise(tmp_path: Path, conditioned: bool) -> None:
    settings = judged(tmp_path, conditioned)
    found = made(samples(tmp_path), entailer_settings=settings, conditioned=conditioned)
    assert found["semantic_entropy"] == pytest.approx([0.0, np.log(2), np.log(2)])
    entail = np.array([1, 1, 0.75, 1, 1, 0.75, 0.75, 0.75, 1, *(1, 0.125, 0.125, 1), *(1, 0, 0, 1)])
    np.testing.assert_allclose(found["degree"], fast.degree(entail, np.array([0, 3, 5, 7])), rtol=1e-15)
    assert not (tmp_path / schema.PAIRS).exists()  # what is replayed is not kept
    with pytest.raises(ArtefactError, match=r"has no pair"):
        made(samples(tmp_path), entailer_settings=settings, conditioned=not conditioned)


def test_one_row_a_sample_takes_the_question_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    rows = [
        {"prompt": f"What is {name}?" if i == 0 else None, "who": name, "text": text}
        for name, texts in TEXTS.items()
        for i, text in enumerate(texts)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = made(path, entailer_settings=judged(tmp_path), group_column="who")
    assert found["semantic_entropy"] == pytest.approx([0.0, np.log(2), np.log(2)])


def test_a_real_entailer_judges_a_pair_once_and_a_second_run_none(
    tiny_nli: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"entailer": "cross_encoder", "entailer_settings": {"model": str(tiny_nli)}}
    first = made(samples(tmp_path), **settings)
    assert (tmp_path / schema.PAIRS).exists()
    assert all(value is not None for values in first.values() for value in values)
    monkeypatch.setattr(entailers.make("cross_encoder").__class__, "__call__", None)  # it would fail if asked
    assert made(samples(tmp_path), **settings) == first
    with pytest.raises(TypeError):
        made(samples(tmp_path), **settings, entailer_cache=str(tmp_path / "fresh.sqlite"))


def test_a_group_without_a_verdict_has_no_score_and_is_counted(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "uncal"):
        found = made(samples(tmp_path), entailer="llm", entailer_settings={"model": str(tiny_model)})
    assert found["semantic_entropy"] == [None, None, pytest.approx(np.log(2))]  # "" and "42" need no judge
    assert "4 of 4 pairs have no verdict: 4 not one of the three words" in caplog.text
    assert "2 groups could not be scored" in caplog.text


def test_what_is_lacking_is_said(tmp_path: Path) -> None:
    path = samples(tmp_path)
    with pytest.raises(
        ArtefactError, match=r"has no contra .*: name the column by --contra-column, or have it made of"
    ):
        score.score(path, tmp_path / "s.parquet", score.Config(scorers=SCORERS, scorer_settings=SETTINGS))
    path.write_text(path.read_text().replace('"prompt"', '"asked"'))
    with pytest.raises(ArtefactError, match=r"has no question .* by --question-column, or have texts read without by"):
        made(path, entailer_settings=judged(tmp_path))
    assert made(path, entailer_settings=judged(tmp_path), question_column="asked")["degree"]
    path.write_text(path.read_text().replace('"What is q2?"', "null"))
    with pytest.raises(ArtefactError, match="line 2, id 'q2': column 'asked': is null; texts are read with it"):
        made(path, entailer_settings=judged(tmp_path), question_column="asked")


def test_settings_that_contradict_each_other_are_errors() -> None:
    for wrong, said in (
        ({"entailer_settings": {"a": 1}}, "entailer_settings are set, and entailer is not"),
        ({"entailer_cache": "pairs.sqlite"}, "entailer_cache is set, and entailer is not"),
        ({"question_column": "q"}, "question_column is set, and neither embedder nor entailer is"),
        ({"entailer": "replay", "contra_column": "c"}, "entailer and contra_column are both set; a column is made or"),
        (
            {"scorers": ("token_sar",), "embedder": "hashing", "answer_relevance_column": "r"},
            "embedder and answer_relevance_column are both set",
        ),
    ):
        with pytest.raises(ConfigError, match=said):
            score.Config(**wrong)  # type: ignore[arg-type]


def test_matrices_that_are_there_and_an_entailer_that_nobody_needs_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "uncal"):
        made(samples(tmp_path, contra=[0.0]), entailer_settings=judged(tmp_path))
        config = score.Config(scorers=("variation_ratio",), entailer="replay", entailer_settings={"file": "none"})
        score.score(samples(tmp_path), tmp_path / "v.parquet", config)
    assert "the column 'contra' of" in caplog.text
    assert "the entailer replay is not used: no entail or contra is read by variation_ratio" in caplog.text


def test_a_calibrator_remembers_who_judged(tmp_path: Path) -> None:
    settings = judged(tmp_path)
    made(samples(tmp_path), entailer_settings=settings)
    found = calibrate.fingerprint(tmp_path / "scores.parquet", "degree")
    assert (found["entailer"], found["entailer_settings"], found["conditioned"]) == ("replay", settings, True)
