"""What goes wrong in real life, and the one line that says so."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from uncal import artefacts, calibrators, schema
from uncal.artefacts import MadeBy, Shards
from uncal.errors import ArtefactError, FingerprintError, ModelError
from uncal.stages import calibrate, embed, evaluate, grade, questions, sample, score, train

HASHING = embed.Config(embedder="hashing", shard_size=40)
SCORE = "von_neumann_entropy"


def column(path: Path, name: str) -> list[Any]:
    return [value for table in artefacts.read(path, [name]) for value in table[name].to_pylist()]


def is_one_line(ended: Any, message: str) -> bool:
    """Whether a command failed with this message and nothing else; gives what differs a place in pytest's output."""
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"uncal: {message}\n"
    return True


# Questions


def test_an_empty_file_of_questions_is_one_line_and_no_artefact(cli: Any, tmp_path: Path) -> None:
    source = tmp_path / "empty.jsonl"
    source.write_text("\n")
    assert is_one_line(cli("questions", source, "--run", tmp_path / "run"), f"no questions in {source}")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_broken_line_is_named_and_a_traceback_shows_only_with_debug(cli: Any, tmp_path: Path) -> None:
    source = tmp_path / "broken.jsonl"
    source.write_text('{"prompt": "What?"}\n{"prompt": "Wh\n')
    plain, debug = (cli("questions", source, "--run", tmp_path / "run", *flags) for flags in ((), ("--debug",)))
    assert (plain.code, plain.out) == (1, "")
    assert plain.err.startswith(f"uncal: {source}, line 2: not JSON (")
    assert plain.err.count("\n") == 1
    assert debug.code == 1
    assert debug.err.startswith("Traceback (most recent call last):")
    assert debug.err.splitlines()[-1].startswith(f"uncal.errors.ArtefactError: {source}, line 2: not JSON (")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ['{"id": "a", "prompt": "What?"}', '{"id": "b", "prompt": "Who?"}', '{"id": "a", "prompt": "Why?"}'],
            "row 3: id 'a' came before, in row 1; ids must be unique",
        ),
        (['{"prompt": "What?"}', '{"prompt": "What?"}'], "came before, in row 1"),  # no id: the prompt's hash is it
        (['{"id": "a", "prompt": "What?"}', '{"id": "b"}'], "row 2: no column 'prompt'; there are id"),
        (['{"id": "a", "prompt": null}'], "row 1: column 'prompt' is None; a question is a text"),
        (['{"id": "a", "prompt": "  "}'], "row 1: column 'prompt' is '  '; a question is a text"),
        (['{"id": "a", "prompt": 7}'], "row 1: column 'prompt' is 7; a question is a text"),
        (['["What?"]'], "line 1: a JSON object is wanted, not list"),
        (['{"prompt": "What?", "answers": [null]}'], "row 1: column 'answers' holds None; answers are texts"),
        (["\xff\xfe"], "line 1: not JSON"),
    ],
    ids=["id twice", "prompt twice", "no prompt", "null", "blank", "number", "list", "null answer", "not UTF-8"],
)
def test_a_question_that_cannot_be_used_is_named_by_its_row(tmp_path: Path, rows: list[str], message: str) -> None:
    source, out = tmp_path / "questions.jsonl", tmp_path / "run" / schema.QUESTIONS
    source.write_bytes("\n".join(rows).encode("latin-1"))
    with pytest.raises(ArtefactError) as caught:
        questions.questions(source, out)
    assert message in str(caught.value)
    assert str(source) in str(caught.value)
    assert list(out.parent.iterdir()) == []


# Rows that drop out


def test_a_prompt_longer_than_the_context_is_a_failed_row_that_is_null_from_there_on_and_counted(finished: Any) -> None:
    run = finished.folder
    ids = column(run / schema.QUESTIONS, "id")
    lost = {i for i, name in enumerate(ids) if name.startswith("never-ending")}
    assert len(lost) == 3
    for i in lost:
        assert column(run / schema.COMPLETIONS, "status")[i] == schema.FAILED
        error = column(run / schema.COMPLETIONS, "error")[i]
        assert error.startswith("over the context: the prompt has 3")
        assert error.endswith("tokens, and with 12 to come that is over the model's context of 256")
    for file, names in {
        schema.COMPLETIONS: ("answer", "answer_logprobs", "completions", "logprobs", "finish_reasons"),
        schema.EMBEDDINGS: ("embeddings",),
        schema.SCORES: (SCORE,),
        schema.TARGETS: ("answer", "uncertainty"),
    }.items():
        for name in names:
            nulls = {i for i, value in enumerate(column(run / file, name)) if value is None}
            assert nulls == lost, f"{name} of {file}"
    assert {i for i, value in enumerate(column(run / schema.GRADES, "correct")) if value is None} > lost
    stated = set(column(run / schema.STATEMENTS, "id"))
    assert not stated & {ids[i] for i in lost}
    counts = {row["what"]: (row["count"], row["of"]) for row in json.loads((run / "report.json").read_text())["counts"]}
    assert counts["questions that the model could not take"] == (3, len(ids))
    assert counts["questions without a target, because they have no score"] == (3, len(ids))
    assert "sample: 3 questions failed; column `error` of" in finished.ended.err
    assert "score: 3 groups could not be scored and are null in" in finished.ended.err
    assert "calibrate: 3 questions have no target, because they have no score" in finished.ended.err


def test_a_question_without_an_accepted_answer_has_a_target_and_is_not_in_the_fit(finished: Any) -> None:
    run = finished.folder
    names, splits = column(run / schema.QUESTIONS, "id"), column(run / schema.QUESTIONS, "split")
    ungraded = [i for i, name in enumerate(names) if name.startswith("no-accepted-answer")]
    assert len(ungraded) == 2
    for i in ungraded:
        assert column(run / schema.COMPLETIONS, "answer")[i] is not None
        assert column(run / schema.GRADES, "correct")[i] is None
        assert column(run / schema.GRADES, "completions_correct")[i] is None
        assert column(run / schema.TARGETS, "correct")[i] is None
        assert 0 < column(run / schema.TARGETS, "uncertainty")[i] < 1
    fitted_on = json.loads((run / schema.CALIBRATOR).read_text())["fitted_on"]
    right = [value for value, split in zip(column(run / schema.GRADES, "correct"), splits, strict=True) if value]
    assert splits.count("calibrate") == 14  # 12, one too long, one without an accepted answer
    assert (fitted_on["questions"], fitted_on["correct"]) == (12, 6)
    assert len(right) == 16
    report = json.loads((run / schema.REPORT_JSON).read_text())
    counts = {row["what"]: row["count"] for row in report["counts"]}
    assert counts["questions without an accepted answer"] == 2
    assert counts["answers without a grade"] == 5
    assert [row["n"] + row["malformed"] for row in report["table"]] == [12, 12, 12, 12]


def test_a_blank_answer_is_wrong_and_blank_completions_are_alike_and_unlike_all_else(
    tmp_path: Path, fabricate: Callable[..., Path]
) -> None:
    run = fabricate(tmp_path / "run", 8)
    table = pq.read_table(run / schema.COMPLETIONS)
    groups = [["", "", "", ""], ["", "ox", "", "ox"], ["ox", "ox", "ox", "ox"], *table["completions"].to_pylist()[3:]]
    making = MadeBy.of("sample", sample.Config(model="m", n_completions=4), {})
    rows = table.to_pylist()
    for row, group in zip(rows, groups, strict=True):
        row |= {"completions": group, "answer": group[0]}
    with artefacts.writer(run / schema.COMPLETIONS, schema.completions, making) as write:
        write(table.from_pylist(rows, schema.completions))
    for name in (schema.EMBEDDINGS, schema.GRADES, schema.SCORES):
        (run / name).unlink()
    embed.embed(run / schema.COMPLETIONS, run / schema.EMBEDDINGS, HASHING)
    grade.grade(run / schema.QUESTIONS, run / schema.COMPLETIONS, run / schema.GRADES)
    score.score(run / schema.EMBEDDINGS, run / schema.SCORES)
    vectors = np.array(column(run / schema.EMBEDDINGS, "embeddings")[1])
    assert (np.linalg.norm(vectors, axis=1) > 0).tolist() == [False, True, False, True]
    assert column(run / schema.GRADES, "correct")[0] is False
    assert column(run / schema.GRADES, "completions_correct")[0] == [False] * 4
    scores = column(run / schema.SCORES, SCORE)
    # Two halves with kernel 0 between them have eigenvalues 1/2 and 1/2: ln 2, to the millionth of float32.
    assert scores[0] == 0
    assert scores[1] == pytest.approx(np.log(2), abs=1e-6)
    assert scores[2] == 0


def test_one_completion_has_entropy_0_and_a_calibrator_of_slope_0_at_the_base_rate(
    tmp_path: Path, asked: Path, tiny_model: Path
) -> None:
    run = tmp_path / "run"
    names = (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)
    questions.questions(asked, run / schema.QUESTIONS, questions.Config(split_column="split"))
    one = sample.Config(model=str(tiny_model), n_completions=1, max_tokens=12, answer_prompt="{question}")
    sample.sample(run / schema.QUESTIONS, run / schema.COMPLETIONS, one)
    embed.embed(run / schema.COMPLETIONS, run / schema.EMBEDDINGS, HASHING)
    grade.grade(run / schema.QUESTIONS, run / schema.COMPLETIONS, run / schema.GRADES)
    score.score(run / schema.EMBEDDINGS, run / schema.SCORES)
    assert {value for value in column(run / schema.SCORES, SCORE) if value is not None} == {0.0}
    calibrate.calibrate(*(run / name for name in names), run / schema.CALIBRATOR)
    fitted = calibrators.load(run / schema.CALIBRATOR)
    # 6 of 12 right: Platt's smoothed targets are 7/8 and 1/8, and their mean is 1/2.
    assert fitted.slope_ == pytest.approx(0, abs=1e-9)
    assert fitted.confidence([0.0]).tolist() == pytest.approx([0.5], abs=1e-9)


@pytest.mark.parametrize(("right", "said", "confidence"), [(True, "right", 11 / 12), (False, "wrong", 1 / 12)])
def test_all_right_or_all_wrong_gives_a_warning_and_the_smoothed_base_rate(
    tmp_path: Path,
    fabricate: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
    right: bool,
    said: str,
    confidence: float,
) -> None:
    run = fabricate(tmp_path / "run", 40)  # 10 of them in the calibrate split
    rows = pq.read_table(run / schema.GRADES).to_pylist()
    with artefacts.writer(run / schema.GRADES, schema.grades, MadeBy.of("grade", grade.Config(), {})) as write:
        write(pq.read_table(run / schema.GRADES).from_pylist([row | {"correct": right} for row in rows], schema.grades))
    names = (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)
    calibrate.calibrate(*(run / name for name in names), run / schema.CALIBRATOR)
    assert f"all 10 answers of the calibrate split are {said}; every target is the same number" in caplog.text
    fitted = calibrators.load(run / schema.CALIBRATOR)
    assert fitted.slope_ == 0
    assert fitted.confidence([0.3]).tolist() == pytest.approx([confidence], abs=1e-9)
    # The calibrate split itself is mapped by fits on 8 of its 10 rows.
    held_out = 9 / 10 if right else 1 / 10
    for split, target in zip(*(column(run / schema.TARGETS, n) for n in ("split", "uncertainty")), strict=True):
        assert target == pytest.approx(1 - (held_out if split == "calibrate" else confidence), abs=1e-9)


def test_a_calibrate_split_without_any_grade_is_refused(tmp_path: Path, fabricate: Callable[..., Path]) -> None:
    run = fabricate(tmp_path / "run", 3)
    rows = [row | {"answers": []} for row in pq.read_table(run / schema.QUESTIONS).to_pylist()]
    with artefacts.writer(run / schema.QUESTIONS, schema.questions) as write:
        write(pq.read_table(run / schema.QUESTIONS).from_pylist(rows, schema.questions))
    grade.grade(run / schema.QUESTIONS, run / schema.COMPLETIONS, run / schema.GRADES, overwrite=True)
    names = (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)
    with pytest.raises(ArtefactError, match="no question of the split 'calibrate' has both a score and a grade"):
        calibrate.calibrate(*(run / name for name in names), run / schema.CALIBRATOR)
    assert not (run / schema.TARGETS).exists()


def test_a_train_split_without_a_target_is_refused_before_any_model_is_loaded(
    tmp_path: Path, fabricate: Callable[..., Path]
) -> None:
    run = fabricate(tmp_path / "run", 1)  # one question, in the calibrate split
    names = (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)
    calibrate.calibrate(*(run / name for name in names), run / schema.CALIBRATOR)
    with pytest.raises(ArtefactError, match=r"no question of the split 'train' in .* has a target"):
        train.train(run / schema.TARGETS, run / schema.ADAPTER, train.Config(model="nowhere/at-all"))
    assert not (run / schema.ADAPTER).exists()
    with pytest.raises(ArtefactError, match=r"no question of the split 'test' in .* has an answer"):
        evaluate.evaluate(run, run)


# Models


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "has no *.safetensors file; pickled weights are never loaded"),
        ("tokenizer.json", "has no tokenizer.json"),
    ],
)
def test_a_model_folder_that_lacks_a_file_is_named_with_the_file(
    tmp_path: Path, tiny_model: Path, fabricate: Callable[..., Path], lacking: str, said: str
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    (model / lacking).unlink()
    run = fabricate(tmp_path / "run", 4)
    (run / schema.COMPLETIONS).unlink()
    with pytest.raises(ModelError) as caught:
        sample.sample(run / schema.QUESTIONS, run / schema.COMPLETIONS, sample.Config(model=str(model)))
    assert str(caught.value) == f"model folder {model} {said}"
    assert not (run / schema.COMPLETIONS).exists()


def test_a_model_folder_that_lacks_a_file_is_one_line_on_the_command_line(
    cli: Any, tmp_path: Path, tiny_model: Path, fabricate: Callable[..., Path]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    (model / "tokenizer.json").unlink()
    run = fabricate(tmp_path / "run", 4)
    (run / schema.COMPLETIONS).unlink()
    ended = cli("sample", "--run", run, "--model", model)
    assert is_one_line(ended, f"model folder {model} has no tokenizer.json")


# The disk


@pytest.mark.parametrize("stage", ["embed", "grade"])
def test_a_full_disk_is_one_line_and_the_same_command_goes_on_after_making_room(
    cli: Any,
    tmp_path: Path,
    fabricate: Callable[..., Path],
    small_disk: Callable[..., Path],
    strays: Callable[[Path], list[str]],
    stage: str,
) -> None:
    count = {"embed": 800, "grade": 15_000}[stage]
    there = fabricate(tmp_path / "there", count)
    out = {"embed": schema.EMBEDDINGS, "grade": schema.GRADES}[stage]
    needed = {"embed": [schema.COMPLETIONS], "grade": [schema.QUESTIONS, schema.COMPLETIONS]}[stage]
    flags = ["--embedder", "hashing", "--shard-size", 100] if stage == "embed" else []
    inputs = [there / name for name in needed]
    # Room for three shards of 0.4 MB, or for a fraction of the grades.
    run = small_disk("size=1500k" if stage == "embed" else "size=64k")
    ended = cli(stage, *inputs, "-o", run / out, *flags)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("uncal: the disk is full")
    assert ended.err.endswith("finished shards are kept: make room and run the same command\n")
    assert ended.err.count("\n") == 1
    assert not (run / out).exists()
    assert [name for name in strays(run) if name.endswith(".tmp")] == []
    parts = sorted((run / f"{out}.parts").glob("[0-9]*"))
    kept = {part.name: part.stat().st_ino for part in parts}
    if stage == "embed":
        assert [part.name for part in parts] == [f"{i:06d}.arrow" for i in range(len(parts))]
        assert len(parts) == 3
    small_disk("size=64m")
    again = cli(stage, *inputs, "-o", run / out, *flags)
    assert again.code == 0, again.err
    assert artefacts.count_rows(run / out) == count
    assert strays(run) == []
    if kept:
        assert f"went on after {len(kept)} finished shards of 8" in again.err


def test_a_disk_that_can_only_be_read_is_one_line(
    cli: Any, fabricate: Callable[..., Path], small_disk: Callable[..., Path]
) -> None:
    run = fabricate(small_disk("size=16m") / "run", 40)
    (run / schema.GRADES).unlink()
    small_disk("ro")
    ended = cli("grade", "--run", run)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"uncal: no access ({run}/{schema.GRADES})")
    assert ended.err.endswith("Read-only file system; choose another --out or --run\n")
    assert ended.err.count("\n") == 1


# What is already there


def test_another_config_makes_a_file_anew_and_what_follows_from_it_too(
    tmp_path: Path, fabricate: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    run = fabricate(tmp_path / "run", 80)
    caplog.set_level("INFO", "uncal")
    names = (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)

    def make(dim: int) -> dict[str, bytes]:
        caplog.clear()
        config = replace(HASHING, embedder_settings={"dim": dim})
        embed.embed(run / schema.COMPLETIONS, run / schema.EMBEDDINGS, config)
        score.score(run / schema.EMBEDDINGS, run / schema.SCORES)
        calibrate.calibrate(*(run / name for name in names), run / schema.CALIBRATOR)
        followers = (schema.EMBEDDINGS, schema.SCORES, schema.CALIBRATOR, schema.TARGETS)
        return {name: (run / name).read_bytes() for name in followers}

    first = make(32)
    assert make(32) == first
    assert caplog.text.count("is up to date") == 4
    other = make(16)
    assert "embed: making embeddings.arrow anew (embedder_settings {'dim': 32} -> {'dim': 16})" in caplog.text
    assert "score: making scores.parquet anew (input embeddings changed)" in caplog.text
    assert "calibrate: making calibrator.json anew (input scores changed)" in caplog.text
    assert all(first[name] != other[name] for name in first)
    assert make(32) == first
    assert json.loads(first[schema.CALIBRATOR])["fingerprint"]["embedder_settings"] == {"dim": 32}


@pytest.mark.parametrize("same", [True, False], ids=["same config", "another config"])
def test_shards_of_the_same_config_are_kept_and_those_of_another_thrown_away(
    tmp_path: Path, fabricate: Callable[..., Path], caplog: pytest.LogCaptureFixture, same: bool
) -> None:
    run, there = fabricate(tmp_path / "run", 80), tmp_path / "there"
    (run / schema.EMBEDDINGS).unlink()
    source, out = run / schema.COMPLETIONS, run / schema.EMBEDDINGS
    caplog.set_level("INFO", "uncal")
    earlier = HASHING if same else replace(HASHING, embedder_settings={"dim": 32})
    embedder = embed.embedders.make("hashing", **earlier.embedder_settings)
    with Shards(out, MadeBy.of("embed", earlier, {"completions": source})) as shards:  # cut off after its first shard
        first = embed.embed_batch(next(iter(artefacts.read(source, ["id", "completions"], 40))), earlier, embedder)
        with artefacts.writer(shards.part(0), first.schema) as write:
            write(first)
    embed.embed(source, out, HASHING)
    embed.embed(source, there / schema.EMBEDDINGS, HASHING)
    assert out.read_bytes() == (there / schema.EMBEDDINGS).read_bytes()
    assert ("embed: went on after 1 finished shards of 2" in caplog.text) == same
    thrown = "embed: throwing unfinished shards away (embedder_settings {'dim': 32} -> {})"
    assert (thrown in caplog.text) == (not same)


VERSIONS = [
    ({"schema_version": 99}, "has schema version 99, this uncal writes 1; "),
    ({"uncal_version": "9.7.0"}, "was made by uncal 9.7.0, this is 0.1.0, and a run is never mixed; "),
    ({"stage": "score"}, "was made by `uncal score`, not by `uncal grade`; "),
]


@pytest.mark.parametrize(("change", "said"), VERSIONS, ids=["schema", "uncal", "stage"])
def test_a_file_of_another_version_or_stage_is_refused_until_told_to_overwrite(
    cli: Any, tmp_path: Path, fabricate: Callable[..., Path], change: dict[str, Any], said: str
) -> None:
    run = fabricate(tmp_path / "run", 40)
    out = run / schema.GRADES
    table = pq.read_table(out)
    making = replace(MadeBy.of("grade", grade.Config(), {}), **change)
    with artefacts.writer(out, schema.grades, making) as write:
        write(table)
    before = out.read_bytes()
    remedy = "use a fresh folder, or pass --overwrite to make it anew"
    said = said.replace("0.1.0", making.uncal_version if "uncal_version" not in change else MadeBy.uncal_version)
    assert is_one_line(cli("grade", "--run", run), f"{out} {said}{remedy}")
    assert out.read_bytes() == before
    ended = cli("grade", "--run", run, "--overwrite")
    assert ended.code == 0, ended.err
    maker = artefacts.made_by(out)
    assert maker is not None
    assert (maker.stage, maker.schema_version, maker.uncal_version) == ("grade", schema.VERSION, MadeBy.uncal_version)


@pytest.mark.parametrize("change", [{"schema_version": 99}, {"uncal_version": "9.7.0"}], ids=["schema", "uncal"])
def test_unfinished_shards_of_another_version_are_refused_and_never_joined(
    tmp_path: Path, fabricate: Callable[..., Path], change: dict[str, Any]
) -> None:
    run, there = fabricate(tmp_path / "run", 80), tmp_path / "there"
    (run / schema.EMBEDDINGS).unlink()
    source, out = run / schema.COMPLETIONS, run / schema.EMBEDDINGS
    making = replace(MadeBy.of("embed", HASHING, {"completions": source}), **change)
    with Shards(out, making) as shards:
        other = replace(HASHING, embedder_settings={"dim": 32})  # what such a version wrote, it alone knows
        first = embed.embed_batch(
            next(iter(artefacts.read(source, ["id", "completions"], 40))),
            other,
            embed.embedders.make("hashing", dim=32),
        )
        with artefacts.writer(shards.part(0), first.schema) as write:
            write(first)
    with pytest.raises(ArtefactError, match="use a fresh folder, or pass --overwrite to make it anew"):
        embed.embed(source, out, HASHING)
    embed.embed(source, out, HASHING, overwrite=True)
    embed.embed(source, there / schema.EMBEDDINGS, HASHING)
    assert out.read_bytes() == (there / schema.EMBEDDINGS).read_bytes()


@pytest.mark.parametrize("name", [schema.GRADES, "grades.arrow"])
def test_a_foreign_file_under_the_name_of_the_result_is_refused_and_left_alone(
    cli: Any, tmp_path: Path, fabricate: Callable[..., Path], name: str
) -> None:
    run = fabricate(tmp_path / "run", 8)
    out = tmp_path / "mine" / name
    out.parent.mkdir()
    with artefacts.writer(out, schema.grades) as write:  # without a word about what made it
        write(pq.read_table(run / schema.GRADES))
    before = out.read_bytes()
    ended = cli("grade", "--run", run, "-o", out)
    assert is_one_line(ended, f"{out} exists and uncal did not make it; pass another --out, or --overwrite")
    assert out.read_bytes() == before


def test_a_damaged_file_is_refused_as_result_and_as_input(tmp_path: Path, fabricate: Callable[..., Path]) -> None:
    run = fabricate(tmp_path / "run", 8)
    damaged = run / schema.GRADES
    damaged.write_bytes(damaged.read_bytes()[:-40])
    with pytest.raises(ArtefactError, match=f"{damaged} cannot be read"):
        grade.grade(run / schema.QUESTIONS, run / schema.COMPLETIONS, damaged)
    names = (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)
    with pytest.raises(ArtefactError, match=f"{damaged} cannot be read"):
        calibrate.calibrate(*(run / name for name in names), run / schema.CALIBRATOR)
    grade.grade(run / schema.QUESTIONS, run / schema.COMPLETIONS, damaged, overwrite=True)
    assert artefacts.count_rows(damaged) == 8


def test_artefacts_of_different_runs_are_not_mixed(tmp_path: Path, fabricate: Callable[..., Path]) -> None:
    run, other, shorter = (fabricate(tmp_path / name, n) for name, n in (("run", 8), ("other", 8), ("shorter", 7)))
    rows = pq.read_table(other / schema.QUESTIONS).to_pylist()
    rows[5]["id"] = "q5-of-another-run"
    with artefacts.writer(other / schema.QUESTIONS, schema.questions) as write:
        write(pq.read_table(other / schema.QUESTIONS).from_pylist(rows, schema.questions))
    out = tmp_path / "out" / schema.GRADES
    with pytest.raises(ArtefactError) as caught:
        grade.grade(other / schema.QUESTIONS, run / schema.COMPLETIONS, out)
    assert str(caught.value) == (
        f"row 5: id 'q5-of-another-run' in {other / schema.QUESTIONS}, 'q5' in {run / schema.COMPLETIONS}; "
        "they are of different runs"
    )
    with pytest.raises(ArtefactError) as caught:
        grade.grade(shorter / schema.QUESTIONS, run / schema.COMPLETIONS, out)
    assert str(caught.value) == (
        f"files of different runs: {shorter / schema.QUESTIONS} has 7 rows, {run / schema.COMPLETIONS} has 8 rows"
    )
    assert not out.exists()


def test_a_calibrator_refuses_scores_that_were_made_another_way(tmp_path: Path, fabricate: Callable[..., Path]) -> None:
    run = fabricate(tmp_path / "run", 80)
    names = (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)
    files = [run / name for name in names]
    score.score(run / schema.EMBEDDINGS, run / schema.SCORES)
    calibrate.calibrate(*files, run / schema.CALIBRATOR)
    fitted = tmp_path / "fitted.json"
    shutil.copy2(run / schema.CALIBRATOR, fitted)
    score.score(run / schema.EMBEDDINGS, run / schema.SCORES, score.Config(scorer_settings={"gamma": 0.5}))
    with pytest.raises(FingerprintError) as caught:
        calibrate.calibrate(*files, run / schema.CALIBRATOR, calibrate.Config(apply=str(fitted)))
    assert "gamma 1.0 at the fit, 0.5 now" in str(caught.value)


def test_a_second_process_on_the_same_output_is_refused_and_the_first_goes_on(
    cli: Any, tmp_path: Path, fabricate: Callable[..., Path], strays: Callable[[Path], list[str]]
) -> None:
    run = fabricate(tmp_path / "run", 1200, words=20)
    out = run / schema.EMBEDDINGS
    out.unlink()
    arguments = ["embed", "--run", run, "--embedder", "hashing", "--shard-size", 40]
    first = cli.start(*arguments)
    try:
        end = time.monotonic() + 120
        while not (run / f"{out.name}.parts" / "000001.arrow").exists():
            assert first.poll() is None
            assert time.monotonic() < end
            time.sleep(0.001)
        first.send_signal(signal.SIGSTOP)
        second = cli(*arguments)
        assert is_one_line(second, f"another process is making {out}; wait for it or stop it")
        first.send_signal(signal.SIGCONT)
        _, err = first.communicate(timeout=120)
    finally:
        first.kill()
    assert first.returncode == 0, err
    assert artefacts.count_rows(out) == 1200
    assert strays(run) == []


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    out = tmp_path / "note.json"
    left = tmp_path / ".note.json.abc.tmp"
    left.write_text("{")
    beside = tmp_path / ".other.json.abc.tmp"
    beside.write_text("{")
    with artefacts.aside(out) as first:
        first.write_text("first")
        assert not left.exists()
        artefacts.write_text(out, "second")
        assert first.exists()
    assert out.read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, out.name]
