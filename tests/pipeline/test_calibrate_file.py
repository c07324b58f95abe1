"""`uncal calibrate FILE`: a calibrator from anybody's scores, and confidences from a calibrator."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import calibrators, plugins, schema
from uncal.commands.calibrate_file import Config, calibrate_file
from uncal.errors import ArtefactError, ConfigError, FingerprintError
from uncal.stages import score

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=200)
CORRECT = RNG.random(200) < 1 / (1 + np.exp(2 * SCORES))
TABLE = pa.table({"name": [f"q{i}" for i in range(200)], "entropy": SCORES, "ok": CORRECT})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    pq.write_table(TABLE, tmp_path / "preds.parquet", row_group_size=30)
    return tmp_path / "preds.parquet"


def test_a_calibrator_is_fitted_and_applied_and_ids_are_kept(cli: Any, file: Path, tmp_path: Path) -> None:
    out, result = tmp_path / "calibrator.json", tmp_path / "calibrated.parquet"
    ended = cli("calibrate", file, "--scores", "entropy", "--correct", "ok", "--method", "platt", "--out", out)
    assert (ended.code, ended.err) == (0, f"{out}\n")
    wanted = calibrators.make("platt").fit(SCORES, CORRECT)
    slope = wanted.slope_  # type: ignore[attr-defined]
    assert ended.out.startswith(f"platt of 'entropy', fitted on 200 rows, {CORRECT.sum()} of them right: ")
    assert f"slope {slope:.6g}" in ended.out
    saved = json.loads(out.read_text())
    assert saved["parameters"]["slope"] == slope
    assert saved["fitted_on"] == {"file": str(file), "score": "entropy", "rows": 200, "correct": int(CORRECT.sum())}
    ended = cli("calibrate", file, "--apply", out, "--scores", "entropy", "--out", result)
    assert (ended.code, ended.out, ended.err) == (0, "", f"{result}\n")
    table = pq.read_table(result)
    assert table.drop_columns("confidence").equals(TABLE)
    np.testing.assert_array_equal(table["confidence"].to_numpy(), wanted.confidence(SCORES))
    again = cli("calibrate", file, "--apply", out, "--scores", "entropy", "--out", result)
    assert "calibrated.parquet is up to date" in again.err


@pytest.mark.parametrize("method", plugins.names("calibrators"))
def test_every_calibrator_goes_through_a_file(file: Path, tmp_path: Path, method: str) -> None:
    confidence = (np.argsort(np.argsort(-SCORES)) + 0.5) / 200  # some want probabilities
    pq.write_table(TABLE.append_column("conf", pa.array(confidence)), file)
    fitted = calibrate_file(file, tmp_path / "c.json", Config(scores="conf", correct="ok", method=method))
    config = Config(scores="conf", apply=str(fitted))
    table = pq.read_table(calibrate_file(file, tmp_path / "out.parquet", config))
    np.testing.assert_array_equal(table["confidence"].to_numpy(), calibrators.load(fitted).confidence(confidence))


def test_rows_without_a_score_or_a_verdict_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["id,score,correct", "a,0.1,yes", "b,,no", "c,0.9,no", "d,0.2,", "e,nan,yes", "f,0.3,yes"]
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n")
    fitted = calibrate_file(tmp_path / "p.csv", tmp_path / "c.json")
    assert json.loads(fitted.read_text())["fitted_on"]["rows"] == 3
    assert "1 of 6 rows have not a verdict and are left out" in caplog.text
    assert "2 of 6 rows have not a score and are left out" in caplog.text
    table = pq.read_table(calibrate_file(tmp_path / "p.csv", tmp_path / "o.parquet", Config(apply=str(fitted))))
    assert table["id"].to_pylist() == list("abcdef")
    assert [value is None for value in table["confidence"].to_pylist()] == [False, True, False, False, True, False]
    assert "2 of 6 rows have no score and no confidence" in caplog.text


def test_a_text_file_keeps_its_columns_also_where_their_kind_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setattr("uncal.commands.calibrate_file.ROWS", 2)
    rows = [{"id": i, "score": 1 if i < 3 else 0.5, "note": None if i < 2 else "x"} for i in range(5)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fitted = calibrate_file(file, tmp_path / "c.json", Config(scores="entropy", correct="ok"))
    out = calibrate_file(tmp_path / "p.jsonl", tmp_path / "o.arrow", Config(apply=str(fitted)))
    with pa.memory_map(str(out)) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
    assert table.drop_columns("confidence").to_pylist() == rows
    assert table["confidence"].null_count == 0


def test_stated_confidences_are_recalibrated_from_text(tmp_path: Path) -> None:
    table = pa.table({"said": ["90%", "0.5", "dunno", "60%"] * 10, "ok": [True, False, True, True] * 10})
    pq.write_table(table, tmp_path / "p.parquet")
    config = Config(scores="said", correct="ok", parse=True)
    fitted = calibrate_file(tmp_path / "p.parquet", tmp_path / "c.json", config)
    assert calibrators.load(fitted).n_fitted_ == 30
    config = Config(scores="said", parse=True, apply=str(fitted))
    made = pq.read_table(calibrate_file(tmp_path / "p.parquet", tmp_path / "o.parquet", config))
    assert made["confidence"].null_count == 10


def test_scores_that_uncal_made_another_way_are_refused(tmp_path: Path) -> None:
    vectors = RNG.normal(size=(20, 4, 3)).tolist()
    samples = tmp_path / "samples.parquet"
    pq.write_table(pa.table({"id": [str(i) for i in range(20)], "embeddings": vectors}), samples)
    made = {}
    for gamma in (0.5, 1.0):
        settings = score.Config(scorer_settings={"gamma": gamma})
        made[gamma] = score.score(samples, tmp_path / f"{gamma}.parquet", settings)
    labelled = pq.read_table(made[0.5]).append_column("correct", pa.array([True, False] * 10))
    pq.write_table(labelled, tmp_path / "labelled.parquet")
    config = Config(scores="von_neumann_entropy")
    fitted = calibrate_file(tmp_path / "labelled.parquet", tmp_path / "c.json", config)
    assert calibrators.load(fitted).fingerprint_["gamma"] == 0.5
    config = Config(scores="von_neumann_entropy", apply=str(fitted))
    assert pq.read_table(calibrate_file(made[0.5], tmp_path / "o.parquet", config))["confidence"].null_count == 0
    with pytest.raises(FingerprintError, match=r"gamma 0\.5 at the fit, 1\.0 now"):
        calibrate_file(made[1.0], tmp_path / "p.parquet", config)


@pytest.mark.parametrize(
    ("settings", "out", "error", "said"),
    [
        ({"scores": "no"}, "c.json", ArtefactError, "has no column 'no'; it has name, entropy, ok"),
        ({}, "c.json", ArtefactError, "has no scores (looked for score, scores, uncertainty)"),
        ({"scores": "entropy"}, "c.json", ArtefactError, "has no correct (looked for correct, is_correct, right)"),
        ({"scores": "name", "correct": "ok"}, "c.json", ArtefactError, "row 0 (from 0): column 'name' is 'q0'"),
        ({"scores": "entropy", "correct": "ok"}, "c.parquet", ConfigError, "c.parquet; name a .json file"),
        ({"scores": "entropy", "apply": "none.json"}, "o.parquet", ArtefactError, "no calibrator none.json"),
        ({"scores": "entropy", "apply": "none.json"}, "o.json", ConfigError, "name a .parquet or .arrow file"),
        ({"apply": "none.json"}, "preds.parquet", ConfigError, "is the input as well"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    file: Path, tmp_path: Path, settings: dict[str, Any], out: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        calibrate_file(file, tmp_path / out, Config(**settings))
    assert said in str(caught.value)


def test_wrong_settings_are_refused_before_anything_is_read() -> None:
    with pytest.raises(ConfigError, match="fitted or applied, not both"):
        Config(apply="c.json", correct="ok")
    with pytest.raises(ConfigError, match="no 'plat' in uncal"):
        Config(method="plat")


def test_a_column_of_that_name_is_not_written_over(file: Path, tmp_path: Path) -> None:
    pq.write_table(TABLE.append_column("confidence", pa.array(SCORES)), file)
    fitted = calibrate_file(file, tmp_path / "c.json", Config(scores="entropy", correct="ok"))
    with pytest.raises(ConfigError, match="has a column 'confidence' already; name the new one by --column"):
        calibrate_file(file, tmp_path / "o.parquet", Config(scores="entropy", apply=str(fitted)))
    config = Config(scores="entropy", apply=str(fitted), column="calibrated")
    assert "calibrated" in pq.read_table(calibrate_file(file, tmp_path / "o.parquet", config)).column_names


def test_flags_of_a_run_are_refused_beside_a_file(cli: Any, file: Path) -> None:
    ended = cli("calibrate", file, "--scores", "entropy", "--n-folds", 3, "-o", schema.CALIBRATOR)
    assert ended.code == 2
    assert "--n-folds is a setting of a run, not of one FILE" in ended.err
    ended = cli("calibrate", file, "--scores", "entropy", "--correct", "ok")
    assert (ended.code, ended.err) == (2, "uncal: out is not set; say where the result goes by --out PATH\n")
