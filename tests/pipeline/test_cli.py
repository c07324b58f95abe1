"""The command line: what it takes, what it writes where, and its exit codes."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import uncal
from uncal import artefacts, plugins, schema, stages
from uncal.calibrators import Isotonic
from uncal.parse import parse_uncertainty

COMMANDS = (*stages.NAMES, "run", "ask", "list", "doctor", "testbed")


def write_questions(path: Path, count: int = 20) -> Path:
    path.write_text("".join(f'{{"id": "q{i}", "prompt": "What is {i}?"}}\n' for i in range(count)))
    return path


def config_of(path: Path) -> dict[str, Any]:
    maker = artefacts.made_by(path)
    assert maker is not None
    return maker.config


# Help and wrong usage


def test_help_names_every_command_and_says_what_it_does(cli: Any) -> None:
    ended = cli("--help")
    assert (ended.code, ended.err) == (0, "")
    named = re.findall(r"^    (\w+)", ended.out, re.MULTILINE)
    assert sorted(named) == sorted(set(named) | set(COMMANDS))
    assert "one frozen answer and N completions of every question" in " ".join(ended.out.split())


@pytest.mark.parametrize("stage", stages.NAMES)
def test_the_help_of_a_stage_names_its_flags_with_what_they_mean(cli: Any, stage: str) -> None:
    module = plugins.import_module(f"uncal.stages.{stage}")
    ended = cli(stage, "--help")
    assert (ended.code, ended.err) == (0, "")
    said = " ".join(ended.out.split())
    assert " ".join(module.__doc__.split()) in said
    for field in module.Config.__dataclass_fields__:
        assert f"--{field.replace('_', '-')}" in said
    for flag in ("--run DIR", "--out PATH", "--config FILE.toml", "--overwrite", "--quiet", "--debug"):
        assert flag in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["questions"], "uncal questions: error: a file of questions is needed"),
        (["questions", "some.jsonl"], "uncal questions: error: say where the result goes: --run DIR, or --out PATH"),
        (
            ["grade", "1.parquet", "2.parquet", "3.parquet", "-o", "x.parquet"],
            "uncal grade: error: 2 inputs are needed",
        ),
        (["grade", "one.parquet", "--run", "r"], "uncal grade: error: a FILE and --run DIR are both given; name one"),
        (["dedup", "-o", "x.parquet"], "uncal dedup: error: questions are needed: a FILE, or --run DIR"),
        (["score", "--no-such-flag"], "no-such-flag"),
        (["score", "--row", "3", "--run", "r"], "unrecognized arguments: --row"),  # flags are not guessed
        (["score", "--rows", "many", "--run", "r"], "argument --rows: invalid int value: 'many'"),
        (["scor"], "invalid choice: 'scor'"),
        (["list", "scorer"], "invalid choice: 'scorer'"),
        (["evaluate"], "--run DIR is needed"),
        (["ask", "Who?"], "the following arguments are required: --adapter"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_exits_2_and_says_what_is_wrong(cli: Any, arguments: list[str], said: str) -> None:
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err


def test_no_command_shows_the_help_and_exits_2(cli: Any) -> None:
    ended = cli()
    assert ended.code == 2
    assert ended.out.startswith("usage: uncal")


def test_a_missing_input_is_one_line_and_exits_1(cli: Any, tmp_path: Path) -> None:
    ended = cli("score", "--run", tmp_path)
    assert ended == (
        1,
        "",
        f"uncal: no file {tmp_path / schema.EMBEDDINGS}; run `uncal embed --run {tmp_path}` first\n",
    )


def test_a_reader_that_leaves_early_is_no_noise(cli: Any) -> None:
    process = cli.start("list")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()


# Settings


def test_flags_win_over_the_config_file_and_that_over_defaults(cli: Any, tmp_path: Path) -> None:
    source, out, file = write_questions(tmp_path / "q.jsonl"), tmp_path / schema.QUESTIONS, tmp_path / "settings.toml"
    file.write_text("limit = 3\nseed = 7\n")
    ended = cli("questions", source, "-o", out, "--config", file, "--limit", 5)
    assert (ended.code, ended.out) == (0, "")
    assert artefacts.count_rows(out) == 5
    config = config_of(out)
    assert (config["limit"], config["seed"], config["shares"]) == (5, 7, [0.25, 0.45, 0.1, 0.2])
    file.write_text("[questions]\nlimit = 4\nsource = 'elsewhere.jsonl'\n\n[score]\nrows = 1\n")  # a pipeline.toml
    ended = cli("questions", source, "-o", out, "--config", file)
    assert ended.code == 0, ended.err
    assert ended.err.splitlines()[0] == "questions: making questions.parquet anew (limit 5 -> 4; seed 7 -> 0)"
    assert artefacts.count_rows(out) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limits = 3", "no setting 'limits'; did you mean 'limit'?"),
        ("limit = 'three'", "limit is 'three'; it must be of type int"),
        ("shares = [1.0]", "shares is [1.0]; it must be a list of 4"),
        ("shares = [1.0, 1.0, 0.0, 0.0]", "shares add up to 2; they must add up to 1"),
        ("limit = ", "is not TOML: "),
    ],
)
def test_a_wrong_setting_in_a_file_exits_2_with_one_line_that_helps(
    cli: Any, tmp_path: Path, text: str, said: str
) -> None:
    source, file = write_questions(tmp_path / "q.jsonl"), tmp_path / "settings.toml"
    file.write_text(text)
    ended = cli("questions", source, "--run", tmp_path / "run", "--config", file)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("uncal: ")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("[questions]", "[questions] needs source, the file of questions"),
        ("[sampel]", "no stage [sampel]; there are questions, sample, "),
        ("stages = ['grades']", "stages names 'grades'; there are questions, "),
        ("[questions]\nsource = 'q.jsonl'\n[sample]", "[sample]: setting 'model' is missing"),
        (
            "[questions]\nsource = 'q.jsonl'\n[sample]\nmodel = 'm'\n[evaluate]\nbootstraps = 2",
            "[evaluate]: no setting 'bootstraps'; did you mean 'bootstrap'?",
        ),
    ],
)
def test_a_pipeline_is_checked_to_its_end_before_any_stage_runs(
    cli: Any, tmp_path: Path, change: str, said: str
) -> None:
    write_questions(tmp_path / "q.jsonl")
    pipeline = tmp_path / "pipeline.toml"
    pipeline.write_text(change)
    ended = cli("run", pipeline, "--run", tmp_path / "run")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"uncal: {pipeline}")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


# What is there


def test_list_names_every_plugin_file_with_a_line_about_it(cli: Any) -> None:
    ended = cli("list", "--json")
    assert (ended.code, ended.err) == (0, "")
    rows = json.loads(ended.out)
    folder = Path(uncal.__file__).parent
    files = {(kind, p.stem) for kind in plugins.KINDS for p in (folder / kind).glob("*.py") if p.stem[0] != "_"}
    assert {(row["kind"], row["name"]) for row in rows} == files
    assert ("scorers", "von_neumann_entropy") in files
    assert [row["name"] for row in rows if not row["summary"].endswith(".")] == []
    scorer = next(row for row in rows if row["name"] == "von_neumann_entropy")
    assert (scorer["needs"], scorer["range"], scorer["unit"]) == (["embeddings"], "0 to ln N", "nat")
    assert scorer["needs_with"] == {}
    graph = next(row for row in rows if row["name"] == "degree")
    assert graph["needs_with"] == {f"similarity={name}": ["texts"] for name in ("jaccard", "rouge_l")} | {
        "similarity=entail": ["entail"]
    }
    said = "needs embeddings; texts with similarity=jaccard or similarity=rouge_l; entail with similarity=entail"
    assert said in cli("list", "scorers").out
    doubt = next(row for row in rows if row["name"] == "rewarding_doubt")
    assert (doubt["order"], doubt["format"], doubt["needs"]) == ("answer_first", "confidence_of_ten", ["correct"])
    assert (doubt["proper"], doubt["settings"]["scale"]) == (True, {"default": 10.0})
    assert "needs answers; together, confidence\n" in cli("list", "rewards").out
    told = cli("list", "objectives").out
    assert "needs uncertainty; answer_first\n" in told
    assert "settings score=brier|log spread=0.1 outcome=0.0 read=mean|stated\n" in told
    one = cli("list", "calibrators")
    assert one.out.splitlines()[0] == "calibrators"
    assert [line.split()[0] for line in one.out.splitlines()[1:] if line[2] != " "] == plugins.names("calibrators")
    assert "takes confidences in [0, 1]; not monotone; Zadrozny and Elkan, ICML 2001 (verified)" in one.out
    assert "settings n_bins=15 bins=width|mass|distinct|sweep smoothing=0.0" in one.out
    isotonic = next(row for row in rows if row["name"] == "isotonic")
    assert (isotonic["takes"], isotonic["monotone"]) == ("score", True)
    assert {name: setting["default"] for name, setting in isotonic["settings"].items()} == Isotonic().get_params()


def test_doctor_tells_versions_extras_and_that_the_kernels_work(cli: Any) -> None:
    ended = cli("doctor", "--json")
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert found["uncal"] == uncal.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["fast"] == "ok"
    assert list(found["backends"]) == plugins.names("backends")
    assert found["backends"]["replay"] == found["backends"]["transformers"] == []
    always = {package["name"]: package for package in found["extras"]["none"]}
    assert set(always) == {"numpy", "pyarrow", "scikit-learn", "packaging", "tqdm"}
    assert all(package["ok"] for package in always.values())
    assert {"models", "train", "demo", "vllm"} <= set(found["extras"])
    text = cli("doctor")
    assert text.code == 0
    assert "uncal.fast ok" in text.out
    assert re.search(r"^  replay +ok$", text.out, re.MULTILINE)


# A whole run


def test_a_run_of_all_stages_prints_where_its_report_is_and_nothing_else(finished: Any) -> None:
    assert finished.ended.out == f"{finished.folder / schema.REPORT_HTML}\n"
    said = finished.ended.err.splitlines()
    assert [line for line in said if line in stages.NAMES] == list(stages.NAMES)
    assert [line for line in said if "%|" in line or "it/s" in line] == []  # no bars where nobody watches
    assert [line for line in said if "Triton" in line] == []  # of vLLM, which TRL imports where it is installed
    files = {path.name for path in finished.folder.iterdir()}
    assert files == {
        schema.QUESTIONS,
        schema.TWINS,
        schema.COMPLETIONS,
        schema.EMBEDDINGS,
        schema.GRADES,
        schema.SCORES,
        schema.CALIBRATOR,
        schema.TARGETS,
        schema.ADAPTER,
        schema.STATEMENTS,
        schema.REPORT_JSON,
        schema.REPORT_HTML,
    }
    assert "On 14 questions of the split `test`" in (finished.folder / schema.ADAPTER / "README.md").read_text()


def test_a_second_run_does_nothing_and_is_quick(cli: Any, finished: Any) -> None:
    def marks() -> dict[str, tuple[int, int]]:
        files = (p for p in finished.folder.rglob("*") if p.is_file() and p.name != schema.REPORT_HTML)
        return {str(p): (p.stat().st_ino, p.stat().st_mtime_ns) for p in files}

    before, page = marks(), (finished.folder / schema.REPORT_HTML).read_bytes()
    start = time.monotonic()
    ended = cli("run", finished.pipeline, "--run", finished.folder, "--quiet")
    took = time.monotonic() - start
    assert ended.code == 0
    warned = [line.partition(":")[0] for line in ended.err.splitlines()]
    assert warned == ["dedup", "dedup", "sample"]  # what is wrong with the data is said each time
    assert ended.out == f"{finished.folder / schema.REPORT_HTML}\n"
    assert marks() == before
    assert (finished.folder / schema.REPORT_HTML).read_bytes() == page  # drawn anew each time
    assert took < 20  # no model and no torch; seconds, on a busy machine


def test_run_overwrites_when_told_to_and_with_quiet_says_nothing(cli: Any, finished: Any, tmp_path: Path) -> None:
    run = finished.copy(tmp_path / "run", schema.COMPLETIONS)
    pipeline = tmp_path / "some.toml"
    stage = '[questions]\nsource = "{}"\nsplit_column = "split"\n[embed]\nembedder = "hashing"\n'
    table = f"run = '{run}'\nwarn_of_twins = false\nstages = ['questions', 'embed']\n"
    pipeline.write_text(table + stage.format(finished.source))
    first = cli("run", pipeline, "--quiet")
    assert first == (0, "", "")
    before = (run / schema.EMBEDDINGS).stat().st_ino
    again, anew = cli("run", pipeline), cli("run", pipeline, "--overwrite")
    assert again.err.count("is up to date") == 2
    assert "up to date" not in anew.err
    assert (run / schema.EMBEDDINGS).stat().st_ino != before


# Ask


def test_ask_answers_with_the_base_model_and_states_an_uncertainty_or_why_not(cli: Any, finished: Any) -> None:
    ended = cli("ask", "What is 3 of test?", "--adapter", finished.folder / schema.ADAPTER, "--quiet")
    assert (ended.code, ended.err) == (0, "")
    answer, stated = ended.out.rstrip("\n").rsplit("\n", 1)
    asked = [json.loads(line) for line in finished.source.read_text().splitlines()]
    said = next(row["answers"][0] for row in asked if row["prompt"] == "What is 3 of test?")
    assert answer == said  # as in the run, with the adapter off
    assert stated.startswith(("  (uncertainty ", "  (malformed: "))
    assert stated.endswith(")")


def test_ask_reads_a_question_a_line_and_writes_a_json_object_a_line(cli: Any, finished: Any) -> None:
    lines = ["What is 3 of test?", "", "Who is it in test?", "why " * 300]
    ended = cli("ask", "--adapter", finished.folder / schema.ADAPTER, "--json", stdin="\n".join(lines))
    assert ended.code == 0, ended.err
    assert ended.err == ""
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [row["question"] for row in rows] == [line.strip() for line in lines if line]
    for row in rows[:2]:
        value, reason = parse_uncertainty(row["statement"])
        said = row["reason"] and row["reason"].removesuffix(", cut at max_tokens")
        assert (row["uncertainty"], said, row["error"]) == (value, reason, None)
        assert row["confidence"] == (None if value is None else pytest.approx(1 - value))
        assert isinstance(row["answer"], str)
    assert rows[2]["error"].endswith("that is over the model's context of 256")
    assert {rows[2][name] for name in ("answer", "uncertainty", "confidence", "statement", "reason")} == {None}


def test_ask_refuses_a_folder_that_is_no_adapter_before_it_loads_a_model(cli: Any, tmp_path: Path) -> None:
    ended = cli("ask", "Who?", "--adapter", tmp_path)
    assert ended == (1, "", f"uncal: {tmp_path} is no adapter of uncal's: it has no uncal.json\n")


def test_the_installed_command_is_the_same_as_the_module() -> None:
    command = Path(sys.executable).with_name("uncal")
    said = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout == f"uncal {uncal.__version__}\n"
