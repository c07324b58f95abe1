"""`uncal evaluate FILE` on confidences that people already have."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import artefacts, fast, group_files, schema
from uncal.commands import evaluate_file as module
from uncal.commands.evaluate_file import Config, evaluate_file
from uncal.errors import ArtefactError, ConfigError

RNG = np.random.default_rng(0)
CONFIDENCE = RNG.beta(5, 2, 400).round(3)
CORRECT = RNG.random(400) < np.clip(CONFIDENCE - 0.15, 0, 1)
TABLE = pa.table({"id": range(400), "conf": CONFIDENCE, "ok": CORRECT, "task": ["b", "a"] * 200})


def write(path: Path, table: pa.Table) -> Path:
    match path.suffix:
        case ".parquet":
            pq.write_table(table, path, row_group_size=70)
        case ".arrow":
            with pa.ipc.new_file(str(path), table.schema) as sink:
                sink.write_table(table, max_chunksize=70)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
        case ".json":
            path.write_text(json.dumps(table.to_pylist()))
        case suffix:
            sign = "\t" if suffix == ".tsv" else ","
            lines = [table.column_names, *([str(v) for v in row.values()] for row in table.to_pylist())]
            path.write_text("".join(sign.join(line) + "\n" for line in lines))
    return path


def report(path: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(path.read_text())
    return made


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl", ".json", ".csv", ".tsv"])
def test_a_file_of_every_kind_gives_the_numbers_of_the_kernels(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"preds{suffix}", TABLE)
    made = report(evaluate_file(path, tmp_path / "out", Config(correct="ok", bootstrap=50, seed=3)))
    wanted = fast.evaluate(CONFIDENCE, CORRECT, bootstrap=50, seed=3)
    assert {name: made["metrics"][name] for name in wanted} == {name: list(value) for name, value in wanted.items()}
    assert (made["n"], made["accuracy"]) == (400, CORRECT.mean())
    assert made["mean_confidence"] == pytest.approx(CONFIDENCE.mean(), abs=1e-12)
    assert made["reliability"]["count"] == fast.reliability(CONFIDENCE, CORRECT).count.tolist()


def test_the_command_prints_a_table_and_the_main_finding_and_leaves_two_files(cli: Any, tmp_path: Path) -> None:
    path, out = write(tmp_path / "preds.csv", TABLE), tmp_path / "out"
    ended = cli("evaluate", path, "--confidence", "conf", "--correct", "ok", "--bootstrap", 100, "--out", out)
    assert ended.code == 0, ended.err
    assert ended.err == f"{out / schema.REPORT_HTML}\n"
    assert sorted(file.name for file in out.iterdir()) == [schema.REPORT_HTML, schema.REPORT_JSON]
    lines = ended.out.splitlines()
    assert lines[0] == f"{path}: 400 rows measured of 400"
    value, low, high = fast.evaluate(CONFIDENCE, CORRECT, bootstrap=100)["auroc"]
    assert re.search(rf"^auroc  +{value:.3f}  \[{low:.3f}, {high:.3f}\]$", ended.out, re.MULTILINE)
    table = lines[lines.index("") + 1 :][:4]
    assert len({line.rindex("]") for line in table[1:]}) == 1  # aligned
    gap = CONFIDENCE.mean() - CORRECT.mean()
    assert f"Overconfident by {gap:.2f} on average; worst between " in ended.out
    made = report(out / schema.REPORT_JSON)
    assert made["schema_version"] == schema.VERSION
    assert made["made_by"]["inputs"] == {"predictions": artefacts.sha256(path)}
    assert made["settings"]["bootstrap"] == 100
    page = (out / schema.REPORT_HTML).read_text()
    assert made["findings"][0] in page
    assert not any(part in page for part in ("<script", "http://", "https://", "@import", "url("))
    again = cli("evaluate", path, "--confidence", "conf", "--correct", "ok", "--bootstrap", 100, "--out", out)
    assert again.out == ended.out
    assert "is up to date" in again.err
    other = cli("evaluate", path, "--confidence", "conf", "--correct", "ok", "--bootstrap", 0, "--out", out)
    assert re.search(rf"^auroc  +{value:.3f}$", other.out, re.MULTILINE)
    assert "(bootstrap 100 -> 0)" in other.err


def test_without_out_the_folder_is_named_after_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "preds.parquet", TABLE)
    monkeypatch.chdir(tmp_path)
    module.run(path, None, Config(correct="ok", bootstrap=0), overwrite=False)
    assert (tmp_path / "preds-report" / schema.REPORT_HTML).exists()


def test_the_worst_bin_is_named_with_what_it_says_and_how_often_it_is_right(tmp_path: Path) -> None:
    confidence, correct = np.repeat([0.85, 0.55, 0.3], [500, 500, 2]), np.zeros(1002, bool)
    correct[:305] = correct[500:775] = True  # .61 where it says .85; .55 where it says .55; two rows are no evidence
    path = write(tmp_path / "p.parquet", pa.table({"confidence": confidence, "correct": correct}))
    made = report(evaluate_file(path, tmp_path / "out", Config(n_bins=10, bootstrap=0)))
    gap = confidence.mean() - correct.mean()
    assert made["findings"][0] == (
        f"Overconfident by {gap:.2f} on average; worst between 0.80 and 0.90: says 0.85, is right 0.61."
    )
    assert "ece_distinct" in made["metrics"]  # three values are stated
    assert made["metrics"]["ece_distinct"] == [fast.ece(confidence, correct, bins="distinct")]


@pytest.mark.parametrize("bins", get_args(fast.Bins))
def test_any_bins_of_ece_are_those_of_the_report(tmp_path: Path, bins: fast.Bins) -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(150)
    correct = rng.random(150) < confidence
    path = write(tmp_path / "p.parquet", pa.table({"confidence": confidence, "correct": correct}))
    made = report(evaluate_file(path, tmp_path / "out", Config(n_bins=9, bins=bins, bootstrap=0)))
    assert made["metrics"]["ece"] == [fast.ece(confidence, correct, n_bins=9, bins=bins)]
    assert made["reliability"]["edges"] == fast.reliability(confidence, correct, n_bins=9, bins=bins).edges.tolist()
    told = {
        "width": "9 bins of equal width",
        "mass": "9 bins of nearly",
        "distinct": "a bin for",
        "sweep": "as many bins",
    }
    assert f"ECE takes {told[bins]}" in (tmp_path / "out" / schema.REPORT_HTML).read_text()


@pytest.mark.parametrize("bins", ["distinct", "sweep"])
def test_a_bin_for_every_row_is_not_drawn(tmp_path: Path, bins: str) -> None:
    confidence = np.linspace(0.1, 0.9, 2000)
    path = write(tmp_path / "p.parquet", pa.table({"confidence": confidence, "correct": confidence > 0.5}))
    made = report(evaluate_file(path, tmp_path / "out", Config(bins=bins, bootstrap=0)))
    assert made["metrics"]["ece"] == [pytest.approx(0.3, abs=1e-3)]
    assert len(made["reliability"]["count"]) == 15


def test_a_calibrated_file_is_said_to_be_one(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", pa.table({"confidence": [0.5] * 100, "correct": [True, False] * 50}))
    made = report(evaluate_file(path, tmp_path / "out", Config(bootstrap=20)))
    assert made["findings"][0] == "Neither over- nor underconfident on average; no bin is shown to be off."
    assert made["findings"][1].endswith("not shown to beat chance.")
    one = write(tmp_path / "one.parquet", pa.table({"confidence": [0.5] * 10, "correct": [True] * 10}))
    made = report(evaluate_file(one, tmp_path / "one", Config(bootstrap=20)))
    assert made["findings"][1] == "All answers are right, so AUROC is undefined."
    assert made["metrics"]["auroc"] == [None, None, None]


def test_texts_are_parsed_and_what_cannot_be_read_is_counted_and_told(cli: Any, tmp_path: Path) -> None:
    said = ["90%", "about 0.8", "<confidence>0.7</confidence>", "no idea", "80-90%", "Probably", None, "9/10"] * 5
    path = write(tmp_path / "p.parquet", pa.table({"said": said, "correct": [True, False] * 20}))
    flags = ["--confidence", "said", "--parse", "--bootstrap", 0, "--out", tmp_path / "out"]
    plain = cli("evaluate", path, *flags[:2], *flags[3:])
    assert plain.code == 1
    assert "row 0 (from 0): column 'said' is '90%'; it must be a number; --parse reads confidences" in plain.err
    ended = cli("evaluate", path, *flags)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].endswith(": 20 rows measured of 40")
    assert "  20 rows with no readable number in 'said', left out" in lines
    for count, reason in ((5, "a range"), (5, "blank"), (10, "no number and no word for one")):
        assert any(line.strip() == f"{count} of these: {reason}" for line in lines) or reason.startswith("no number")
    made = report(tmp_path / "out" / schema.REPORT_JSON)
    assert made["read"]["stated"][0]["by_words"] == 5
    assert sum(made["read"]["stated"][0]["unread"].values()) == 20
    sounds = cli("evaluate", path, *flags, "--reader", "linguistic", "--overwrite")
    assert "  5 numbers in 'said' are those of words, such as “probably”" not in sounds.out.splitlines()
    assert "  10 numbers in 'said' are those of words, such as “probably”" in sounds.out.splitlines()
    assert "  25 numbers in 'said' are that of a text without a hedge" in sounds.out.splitlines()
    refused = cli("evaluate", path, "--reader", "linguistic")
    assert (refused.code, "reader is 'linguistic', and parse is not set" in refused.err) == (2, True)
    worst = cli("evaluate", path, *flags, "--unparsed", "worst")
    assert worst.out.splitlines()[0].endswith(": 40 rows measured of 40")
    assert "  20 rows with no readable number in 'said', taken as the worst case" in worst.out.splitlines()


def test_weights_questions_and_a_table_by_value_go_through_to_the_kernels(tmp_path: Path) -> None:
    weights, question = RNG.integers(1, 4, 400).astype(float), np.arange(400) // 4
    table = TABLE.append_column("w", pa.array(weights)).append_column("q", pa.array([f"q{i}" for i in question]))
    path = write(tmp_path / "p.parquet", table)
    config = Config(correct="ok", weights="w", group="q", by="task", bootstrap=40)
    made = report(evaluate_file(path, tmp_path / "out", config))
    wanted = fast.evaluate(CONFIDENCE, CORRECT, weights=weights, groups=question, bootstrap=40)
    assert made["metrics"]["brier"] == list(wanted["brier"])
    assert made["accuracy"] == pytest.approx(np.average(CORRECT, weights=weights), abs=1e-12)
    assert [row["value"] for row in made["by"]] == ["a", "b"]
    some = slice(1, None, 2)
    part = fast.evaluate(CONFIDENCE[some], CORRECT[some], weights=weights[some], groups=question[some], bootstrap=40)
    assert made["by"][0]["metrics"]["ece"] == list(part["ece"])
    assert made["by"][0]["n"] == 200
    assert "By task" in (tmp_path / "out" / schema.REPORT_HTML).read_text()


def test_intervals_from_few_groups_are_said_to_be_not_worth_much(tmp_path: Path) -> None:
    table = TABLE.append_column("q", pa.array([f"q{i % 19}" for i in range(400)]))
    path = write(tmp_path / "p.parquet", table)
    made = report(evaluate_file(path, tmp_path / "few", Config(correct="ok", group="q", bootstrap=40)))
    assert [note for note in made["notes"] if note.startswith("group: 'q' has 19 values, and intervals of so few ")]
    assert "has 19 values" in (tmp_path / "few" / schema.REPORT_HTML).read_text()
    plain = report(evaluate_file(path, tmp_path / "none", Config(correct="ok", group="q", bootstrap=0)))
    assert not plain["notes"]


def test_every_metric_of_the_kernels_appears_everywhere(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", TABLE)
    made = evaluate_file(path, tmp_path / "out", Config(correct="ok", bootstrap=10))
    page = made.with_name(schema.REPORT_HTML).read_text()
    found = fast.evaluate(CONFIDENCE, CORRECT, bootstrap=10)
    assert len(found) == 15
    for name, value in found.items():
        assert report(made)["metrics"][name] == list(value)
        assert re.search(rf"^{name} ", module.as_text(report(made)), re.MULTILINE)
        assert f"<code>{name}</code>" in page


def test_a_comparison_is_of_the_rows_that_both_have(tmp_path: Path) -> None:
    other = np.where(np.arange(400) < 10, np.nan, CONFIDENCE**2)
    path = write(tmp_path / "p.parquet", TABLE.append_column("other", pa.array(other)))
    made = report(evaluate_file(path, tmp_path / "out", Config(correct="ok", compare="other", bootstrap=20)))
    row = made["compare"]["metrics"]["brier"]
    assert made["n"] == 390
    assert row["other"] == pytest.approx(fast.brier(other[10:], CORRECT[10:]), abs=1e-12)
    assert row["value"] == pytest.approx(made["metrics"]["brier"][0] - row["other"], abs=1e-12)
    ours, theirs = CONFIDENCE[10:], other[10:]
    for name, known in fast.compare(ours, theirs, CORRECT[10:], bootstrap=20).items():
        found = made["compare"]["metrics"][name]
        assert [found[field] for field in known._fields] == pytest.approx(list(known), abs=1e-12)
    coarse = Config(correct="ok", compare="other", bootstrap=20, n_bins=3, bins="mass")
    made_coarse = report(evaluate_file(path, tmp_path / "coarse", coarse))["compare"]["metrics"]["ece"]
    known = fast.compare(ours, theirs, CORRECT[10:], bootstrap=20, n_bins=3, bins="mass")["ece"]
    assert made_coarse["low"] == pytest.approx(known.low, abs=1e-12)
    assert "chance above 0" in module.as_text(made)
    plain = report(evaluate_file(path, tmp_path / "plain", Config(correct="ok", compare="other", bootstrap=0)))
    assert plain["compare"]["metrics"]["brier"] == {"other": row["other"], "value": row["value"]}
    assert "conf against other" in (tmp_path / "out" / schema.REPORT_HTML).read_text()


def test_samples_of_lm_eval_are_evaluated_by_task(cli: Any, tmp_path: Path) -> None:
    for task, gap in (("easy", 3.0), ("hard", 0.5)):
        options = [["-1.0", "True"], [str(-1.0 - gap), "False"]]
        rows = [{"doc_id": i, "filtered_resps": options, "acc": float(i % 4 > 0)} for i in range(40)]
        name = f"samples_{task}_2026-01-02T03-04-05.678.jsonl"
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--format", "lm-eval", "--by", "task", "--bootstrap", 0, "--out", tmp_path / "out"]
    ended = cli("evaluate", tmp_path, *flags)
    assert ended.code == 0, ended.err
    assert re.search(rf"^easy +40  {1 / (1 + np.exp(-3)):.3f}  0.750", ended.out, re.MULTILINE)
    assert re.search(rf"^hard +40  {1 / (1 + np.exp(-0.5)):.3f}  0.750", ended.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--confidence", "no"], 1, "has no column 'no'; it has id, conf, ok, task"),
        (
            [],
            1,
            "has no correct (looked for correct, is_correct, right); it has id, conf, ok, task: name the column by",
        ),
        (["--correct", "task"], 1, "line 2: column 'task' is 'b'; it must be true or false, yes or no, 1 or 0, or"),
        (["--correct", "ok", "--by", "no"], 1, "has no column 'no'"),
        (
            ["--correct", "ok", "--unparsed", "guess"],
            2,
            "unparsed is 'guess'; it must be one of drop, worst, base_rate",
        ),
        (["--correct", "ok", "--format", "csv"], 2, "format is 'csv'; it must be one of columns, lm-eval"),
        (["--correct", "ok", "--n-bins", "0"], 2, "n_bins is 0; it must be from 1 to 10,000"),
        (["--correct", "ok", "--bootstrap", "-1"], 2, "bootstrap is -1; it must be 0 or more"),
        (["--correct", "ok", "--split", "test"], 2, "--split is a setting of a run, not of one FILE"),
        (["--correct", "ok", "--run", "r"], 2, "a FILE and --run DIR are both given; name one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_flags_and_columns_are_one_line(cli: Any, tmp_path: Path, flags: list[str], code: int, said: str) -> None:
    path = write(tmp_path / "p.csv", TABLE)
    ended = cli("evaluate", path, "--out", tmp_path / "out", *flags)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_settings_of_one_file_are_no_settings_of_a_run(cli: Any, tmp_path: Path) -> None:
    ended = cli("evaluate", "--run", tmp_path, "--confidence", "c")
    assert ended.code == 2
    assert "--confidence is a setting of one FILE, not of a run" in ended.err


def test_a_report_of_a_run_or_of_a_stranger_is_not_written_over(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", TABLE)
    (tmp_path / schema.REPORT_JSON).write_text('{"mine": 1}')
    with pytest.raises(ArtefactError, match="uncal did not make it; pass another --out, or --overwrite"):
        evaluate_file(path, tmp_path, Config(correct="ok"))
    with pytest.raises(ConfigError, match="the report goes into a folder"):
        evaluate_file(path, path, Config(correct="ok"))


def test_too_many_values_of_by_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", pa.table({"conf": [0.5] * 1001, "correct": [True] * 1001, "t": range(1001)}))
    with pytest.raises(ArtefactError, match="column 't' has 1,001 values; --by takes one of 1,000 at most"):
        evaluate_file(path, tmp_path / "out", Config(by="t", bootstrap=0))


def test_names_of_columns_and_values_are_escaped_in_the_page(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    table = pa.table({evil: [0.5, 0.6], "correct": [True, False], "t": [evil, "b"]})
    path = write(tmp_path / "p.parquet", table)
    made = evaluate_file(path, tmp_path / "out", Config(confidence=evil, by="t", bootstrap=0))
    assert evil not in made.with_name(schema.REPORT_HTML).read_text()


def test_batches_are_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "p.parquet", TABLE)
    seen: list[int] = []
    opened = group_files.open_file

    def watched(path: Path) -> group_files.Source:
        source = opened(path)
        kept = source.batches

        def batches(columns: list[str], rows: int) -> Any:
            assert columns == ["conf", "ok"]  # no other column is read
            for batch in kept(columns, rows):
                seen.append(batch.num_rows)
                yield batch

        return group_files.Source(source.path, source.names, batches, source.rows, source.at)

    monkeypatch.setattr(group_files, "open_file", watched)
    monkeypatch.setattr(module.predictions, "ROWS", 50)
    evaluate_file(path, tmp_path / "out", Config(correct="ok", bootstrap=0))
    assert sum(seen) == 400
    assert max(seen) <= 50


MEASURED = """
import resource, sys
from pathlib import Path
from uncal import group_files, predictions
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
source = group_files.open_file(Path(sys.argv[1]))
before = peak()
found = predictions.read(source, predictions.Columns(stated=("c",), correct="y"))
print(len(found.correct), peak() - before)
"""


def test_memory_is_that_of_the_columns_and_a_little(tmp_path: Path) -> None:
    rows, path = 20_000_000, tmp_path / "p.parquet"
    stated = np.tile(CONFIDENCE.astype(np.float32), rows // 400)
    table = pa.table({"c": stated, "y": np.tile(CORRECT, rows // 400)})
    pq.write_table(table, path, row_group_size=rows, use_dictionary=False)
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, path], capture_output=True, text=True, check=True, timeout=300
    )
    count, megabytes = ended.stdout.split()
    assert int(count) == rows
    assert float(megabytes) < 5 * rows / 2**20 + 160
