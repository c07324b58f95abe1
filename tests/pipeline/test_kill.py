"""Every stage, killed in the middle: no half file, nothing done twice, and the end is that of a run left in peace."""

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from uncal import artefacts, schema
from uncal.stages import calibrate, embed, grade, questions, report, score

SINGLE = ("questions", "grade", "score", "calibrate", "report")


# Stages that write one file in one go


class Work(NamedTuple):
    """A stage with enough to do, and how to do the same work in this process, into another folder."""

    arguments: list[object]
    results: tuple[str, ...]  # the one that is written first leads
    peacefully: Callable[[Path], Any]


def _work(stage: str, run: Path, fabricate: Callable[..., Path], request: pytest.FixtureRequest) -> Work:
    match stage:
        case "questions":
            source = run.with_name("source.jsonl")
            with source.open("w") as file:
                for i in range(100_000):
                    file.write(f'{{"id": "q{i}", "prompt": "What is {i}?", "answers": ["{i}"]}}\n')
            return Work(
                [source, "--run", run],
                (schema.QUESTIONS,),
                lambda there: questions.questions(source, there / schema.QUESTIONS),
            )
        case "grade":
            fabricate(run, 30_000)
            (run / schema.GRADES).unlink()
            inputs = run / schema.QUESTIONS, run / schema.COMPLETIONS
            return Work(["--run", run], (schema.GRADES,), lambda there: grade.grade(*inputs, there / schema.GRADES))
        case "score":
            fabricate(run, 30_000)
            (run / schema.SCORES).unlink()
            config = score.Config(rows=8)
            return Work(
                ["--run", run, "--rows", 8],
                (schema.SCORES,),
                lambda there: score.score(run / schema.EMBEDDINGS, there / schema.SCORES, config),
            )
        case "calibrate":
            fabricate(run, 60_000, completions=2, dim=1)
            inputs4 = [run / name for name in (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)]
            return Work(
                ["--run", run],
                (schema.TARGETS, schema.CALIBRATOR),
                lambda there: calibrate.calibrate(*inputs4, there / schema.CALIBRATOR),
            )
        case _:
            made = json.loads((request.getfixturevalue("finished").folder / schema.REPORT_JSON).read_text())
            run.mkdir()
            (run / schema.REPORT_JSON).write_text(json.dumps(made | {"examples": made["examples"] * 3000}))
            return Work(["--run", run], (schema.REPORT_HTML,), lambda there: report.report(run, there))


@pytest.mark.parametrize("stage", SINGLE)
def test_a_stage_killed_while_it_writes_leaves_no_half_file_and_then_ends_as_if_left_in_peace(
    stage: str,
    cli: Any,
    tmp_path: Path,
    fabricate: Callable[..., Path],
    strays: Callable[[Path], list[str]],
    request: pytest.FixtureRequest,
) -> None:
    run, there = tmp_path / "run", tmp_path / "there"
    work = _work(stage, run, fabricate, request)
    first = work.results[0]
    inputs = _marks(run, "*")
    for least in (0, 64):  # killed once as soon as it opens its file, once when some of that is written
        old = _marks(run, f".{first}.*.tmp")
        cli.stop_when(partial(_begun, run, first, old, least), stage, *work.arguments)
        assert not [name for name in work.results if (run / name).exists()]
        assert len(strays(run)) == 1  # what a kill leaves, the next try removes
    ended = cli(stage, *work.arguments)
    assert ended.code == 0, ended.err
    work.peacefully(there)
    for name in work.results:
        assert (run / name).read_bytes() == (there / name).read_bytes()
    assert strays(run) == []
    assert inputs.items() <= _marks(run, "*").items()


def _begun(run: Path, name: str, old: dict[str, Any], least: int) -> bool:
    return any(path.name not in old and _size(path) >= least for path in run.glob(f".{name}.*.tmp") if path.exists())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _marks(folder: Path, pattern: str) -> dict[str, tuple[int, int]]:
    """Inode and time of every file: they change when it is written anew."""
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.glob(pattern) if p.is_file()}


# Stages that write shards


def _kill_twice_then_finish(
    cli: Any, arguments: list[object], out: Path, shards: int, strays: Callable[[Path], list[str]]
) -> None:
    parts = out.with_name(f"{out.name}.parts")
    kept: dict[str, tuple[int, int]] = {}
    for wanted in (1, shards // 2 + 1):
        cli.stop_when(lambda wanted=wanted: len(_marks(parts, "[0-9]*")) >= wanted, *arguments)
        now = _marks(parts, "[0-9]*")
        assert not out.exists()
        assert wanted <= len(now) < shards
        assert kept.items() <= now.items()  # no finished shard was done again
        for name in now:
            assert artefacts.count_rows(parts / name) > 0  # and each is whole
        kept = now
    ended = cli(*arguments)
    assert ended.code == 0, ended.err
    assert f"went on after {len(kept)} finished shards of {shards}" in ended.err
    assert strays(out.parent) == []


def test_sample_killed_twice_draws_the_same_completions_as_in_one_go(
    cli: Any, finished: Any, tmp_path: Path, strays: Callable[[Path], list[str]]
) -> None:
    run = finished.copy(tmp_path / "run", schema.QUESTIONS)
    out, whole = run / schema.COMPLETIONS, finished.folder / schema.COMPLETIONS
    shards = -(-artefacts.count_rows(whole) // 4)
    _kill_twice_then_finish(cli, ["sample", "--run", run, "--config", finished.pipeline], out, shards, strays)
    assert pq.read_table(out).equals(pq.read_table(whole))
    assert out.read_bytes() == whole.read_bytes()


def test_embed_killed_twice_gives_the_same_vectors_and_scores_bit_for_bit(
    cli: Any, tmp_path: Path, fabricate: Callable[..., Path], strays: Callable[[Path], list[str]]
) -> None:
    run, there = fabricate(tmp_path / "run", 1200, words=20), tmp_path / "there"
    (run / schema.EMBEDDINGS).unlink()
    (run / schema.SCORES).unlink()
    out = run / schema.EMBEDDINGS
    arguments = ["embed", "--run", run, "--embedder", "hashing", "--shard-size", 40]
    _kill_twice_then_finish(cli, arguments, out, 30, strays)
    config = embed.Config(embedder="hashing", shard_size=40)
    embed.embed(run / schema.COMPLETIONS, there / schema.EMBEDDINGS, config)
    assert out.read_bytes() == (there / schema.EMBEDDINGS).read_bytes()
    for folder in (run, there):
        score.score(folder / schema.EMBEDDINGS, folder / schema.SCORES)
    assert (run / schema.SCORES).read_bytes() == (there / schema.SCORES).read_bytes()


def test_evaluate_killed_while_either_model_speaks_ends_with_the_same_statements_and_report(
    cli: Any, finished: Any, tmp_path: Path, strays: Callable[[Path], list[str]]
) -> None:
    made = (schema.STATEMENTS, schema.REPORT_JSON, schema.REPORT_HTML)
    run = finished.copy(tmp_path / "run", *(p.name for p in finished.folder.iterdir() if p.name not in made))
    out = run / schema.STATEMENTS
    arguments = ["evaluate", "--run", run, "--config", finished.pipeline]
    _kill_twice_then_finish(cli, arguments, out, 8, strays)  # 13 answered questions, 4 shards for each model
    for name in made[:2]:
        assert (run / name).read_bytes() == (finished.folder / name).read_bytes()


def test_train_killed_in_the_supervised_steps_and_in_grpo_goes_on_from_its_checkpoints(
    cli: Any, finished: Any, tmp_path: Path, strays: Callable[[Path], list[str]]
) -> None:
    run = finished.copy(tmp_path / "run", schema.TARGETS)
    out, parts = run / schema.ADAPTER, run / f"{schema.ADAPTER}.parts"
    arguments = ["train", "--run", run, "--config", finished.pipeline]

    def reached(stage: str) -> bool:
        return any(parts.glob(f"{stage}-checkpoints/checkpoint-*/complete"))

    cli.stop_when(lambda: reached("supervised"), *arguments)
    assert not out.exists()
    assert not (parts / "supervised" / "complete").exists()
    second = cli.stop_when(lambda: reached("grpo"), *arguments)
    assert "train: supervised goes on from checkpoint-2" in second.err
    assert not out.exists()
    assert not (parts / "grpo" / "complete").exists()
    ended = cli(*arguments)
    assert ended.code == 0, ended.err
    assert "train: GRPO goes on from checkpoint-2" in ended.err
    assert "supervised" not in ended.err
    note, whole = (json.loads((folder / "uncal.json").read_text()) for folder in (out, finished.folder / "adapter"))
    assert [entry["step"] for entry in note["training"]["supervised"]["steps"]] == [1, 2, 3, 4]
    assert [entry["step"] for entry in note["training"]["grpo"]["steps"]] == [1, 2, 3, 4]
    assert note == whole  # losses and rewards of every step too
    weights = "adapter_model.safetensors"
    assert (out / weights).read_bytes() == (finished.folder / "adapter" / weights).read_bytes()
    assert strays(run) == []


# Other ends


def test_interrupt_is_one_line_and_finished_shards_stay(
    cli: Any, tmp_path: Path, fabricate: Callable[..., Path]
) -> None:
    run = fabricate(tmp_path / "run", 1200, words=20)
    (run / schema.EMBEDDINGS).unlink()
    parts = run / f"{schema.EMBEDDINGS}.parts"
    ended = cli.stop_when(
        lambda: len(_marks(parts, "[0-9]*")) >= 2,
        *("embed", "--run", run, "--embedder", "hashing", "--shard-size", 40),
        how=signal.SIGINT,
    )
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == "uncal: interrupted; the same command goes on where it was\n"
    assert len(_marks(parts, "[0-9]*")) >= 2
    assert not (run / schema.EMBEDDINGS).exists()
    assert list(parts.glob(".*.tmp")) == []
