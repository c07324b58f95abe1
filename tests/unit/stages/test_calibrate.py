"""From scores to targets."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import artefacts, calibrators, fast, plugins, schema
from uncal.artefacts import MadeBy
from uncal.calibrators import Platt
from uncal.errors import ArtefactError, ConfigError, FingerprintError
from uncal.stages import calibrate as stage
from uncal.stages import score as score_stage
from uncal.stages.calibrate import Config, calibrate

SPLITS = ("calibrate", "train", "test")


def lay_out(
    run: Path, scores: Sequence[float | None], correct: Sequence[bool | None], gamma: float = 1.0
) -> dict[str, Path]:
    """Write the artefacts that calibrate reads; splits take turns."""
    run.mkdir(exist_ok=True)
    n = len(scores)
    ids = [f"q{i}" for i in range(n)]
    texts = [f"text {i}" for i in range(n)]
    tables: dict[str, tuple[pa.Schema, dict[str, Any]]] = {
        schema.QUESTIONS: (
            schema.questions,
            {"id": ids, "prompt": texts, "answers": [["x"]] * n, "split": [SPLITS[i % 3] for i in range(n)]},
        ),
        schema.COMPLETIONS: (
            schema.completions,
            {name: [None] * n for name in schema.completions.names} | {"id": ids, "prompt": texts, "answer": texts},
        ),
        schema.GRADES: (
            schema.grades,
            {"id": ids, "correct": list(correct), "completions_correct": [None] * n, "grader": ["g"] * n},
        ),
        schema.SCORES: (
            schema.scores(("von_neumann_entropy",)),
            {"id": ids, "von_neumann_entropy": list(scores)},
        ),
    }
    making = MadeBy.of("score", score_stage.Config(scorer_settings={"gamma": gamma}), {})
    for name, (columns, values) in tables.items():
        with artefacts.writer(run / name, columns, making if name == schema.SCORES else None) as write:
            write(pa.table(values, columns))
    return {name: run / name for name in tables}


def run_stage(run: Path, config: Config | None = None) -> tuple[dict[str, Any], pa.Table]:
    inputs = [run / name for name in (schema.QUESTIONS, schema.COMPLETIONS, schema.GRADES, schema.SCORES)]
    out = calibrate(*inputs, run / schema.CALIBRATOR, config)
    return json.loads(out.read_text()), pq.read_table(run / schema.TARGETS)


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.gamma(2.0, size=300)
    return scores, rng.random(300) < 1 / (1 + np.exp(2 * scores - 3))


def test_the_map_is_fitted_on_the_calibrate_split_alone(tmp_path: Path, data: tuple[np.ndarray, np.ndarray]) -> None:
    scores, correct = data
    lay_out(tmp_path, scores, correct)
    stored, targets = run_stage(tmp_path)
    expected = Platt().fit(scores[::3], correct[::3])
    assert stored["parameters"]["slope"] == expected.slope_
    assert stored["fitted_on"] == {
        "split": "calibrate",
        "questions": 100,
        "correct": int(correct[::3].sum()),
        "score": "von_neumann_entropy",
    }
    assert targets.schema.names == schema.targets.names
    outside = np.arange(300) % 3 != 0
    np.testing.assert_array_equal(targets["uncertainty"].to_numpy()[outside], 1 - expected.confidence(scores)[outside])
    assert targets["correct"].to_pylist() == correct.tolist()
    assert targets["split"].to_pylist()[:4] == ["calibrate", "train", "test", "calibrate"]


def test_a_target_of_the_calibrate_split_never_comes_from_its_own_row(
    tmp_path: Path, data: tuple[np.ndarray, np.ndarray]
) -> None:
    scores, correct = data
    lay_out(tmp_path / "a", scores, correct)
    _, before = run_stage(tmp_path / "a")
    for row in (0, 3, 297):  # turning a label over moves the targets of others, not its own
        turned = correct.copy()
        turned[row] = not turned[row]
        lay_out(tmp_path / f"b{row}", scores, turned)
        _, after = run_stage(tmp_path / f"b{row}")
        old, new = before["uncertainty"].to_numpy(), after["uncertainty"].to_numpy()
        assert old[row] == new[row]
        assert (old[::3] != new[::3]).sum() > 50
    inside = before["uncertainty"].to_numpy()[::3]
    fitted = Platt().fit(scores[::3], correct[::3])
    assert (inside != 1 - fitted.confidence(scores[::3])).all()
    folds = stage._folds([f"q{i}" for i in range(0, 300, 3)], Config())
    assert np.bincount(folds).tolist() == [20] * 5
    fold = folds == folds[0]
    without = Platt().fit(scores[::3][~fold], correct[::3][~fold])
    np.testing.assert_array_equal(inside[fold], 1 - without.confidence(scores[::3][fold]))


def test_rows_without_a_score_or_a_grade_are_left_out_and_null(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        [0.1, None, 0.3, 0.2, 0.9, None, 0.8, 0.4, 0.5],
        [True, True, None, None, False, True, False, True, True],
    )
    stored, targets = run_stage(tmp_path)
    assert stored["fitted_on"]["questions"] == 2  # rows 0 and 6; row 3 has no grade
    uncertainty = targets["uncertainty"].to_pylist()
    assert [value is None for value in uncertainty] == [False, True, False, False, False, True, False, False, False]


@pytest.mark.parametrize(("right", "rate"), [(True, 1 / 12), (False, 11 / 12)])
def test_answers_of_one_kind_give_the_smoothed_rate_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, right: bool, rate: float
) -> None:
    lay_out(tmp_path, np.linspace(0, 1, 30).tolist(), [right] * 30)
    with caplog.at_level(logging.WARNING, "uncal"):
        stored, targets = run_stage(tmp_path)
    assert "all 10 answers of the calibrate split are " + ("right" if right else "wrong") in caplog.text
    assert stored["parameters"]["slope"] == pytest.approx(0, abs=1e-12)
    outside = targets["uncertainty"].to_numpy()[1::3]
    np.testing.assert_allclose(outside, rate, rtol=1e-9)


def test_a_score_that_points_the_wrong_way_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scores = np.linspace(0, 1, 60)
    lay_out(tmp_path, scores.tolist(), (scores > 0.5).tolist())
    with caplog.at_level(logging.WARNING, "uncal"):
        run_stage(tmp_path)
    assert "a higher score goes with more right answers here" in caplog.text


def test_no_graded_question_is_one_error(tmp_path: Path) -> None:
    lay_out(tmp_path, [0.1, 0.2, 0.3], [None, True, True])
    with pytest.raises(ArtefactError, match="no question of the split 'calibrate' has both a score and a grade"):
        run_stage(tmp_path)


def test_a_lone_labelled_question_gets_a_target_of_one_half(tmp_path: Path) -> None:
    lay_out(tmp_path, [0.1, 0.2, 0.3], [True, True, True])
    assert run_stage(tmp_path)[1]["uncertainty"].to_pylist()[0] == 0.5


def test_a_calibrator_can_be_applied_to_another_run_of_the_same_making(
    tmp_path: Path, data: tuple[np.ndarray, np.ndarray]
) -> None:
    scores, correct = data
    lay_out(tmp_path / "a", scores, correct)
    first, _ = run_stage(tmp_path / "a")
    assert first["fingerprint"]["gamma"] == 1.0
    apply = str(tmp_path / "a" / schema.CALIBRATOR)
    lay_out(tmp_path / "b", scores[::-1], [None] * 300)
    second, targets = run_stage(tmp_path / "b", Config(apply=apply))
    assert second["parameters"] == first["parameters"]
    assert second["fitted_on"] == first["fitted_on"]
    expected = 1 - calibrators.load(apply).confidence(scores[::-1])
    np.testing.assert_array_equal(targets["uncertainty"].to_numpy(), expected)


def test_scores_made_another_way_are_refused(tmp_path: Path, data: tuple[np.ndarray, np.ndarray]) -> None:
    scores, correct = data
    lay_out(tmp_path / "a", scores, correct)
    run_stage(tmp_path / "a")
    lay_out(tmp_path / "b", scores, correct, gamma=2.0)
    with pytest.raises(FingerprintError, match=r"fitted on other scores: gamma 1\.0 at the fit, 2\.0 now"):
        run_stage(tmp_path / "b", Config(apply=str(tmp_path / "a" / schema.CALIBRATOR)))
    assert not (tmp_path / "b" / schema.CALIBRATOR).exists()


@pytest.mark.parametrize("method", plugins.names("calibrators"))
def test_every_method_makes_targets_of_scores_in_0_to_1(
    tmp_path: Path, data: tuple[np.ndarray, np.ndarray], method: str
) -> None:
    scores, correct = data
    scores = scores / scores.max()
    lay_out(tmp_path, scores, correct)
    stored, targets = run_stage(tmp_path, Config(method=method))
    assert stored["kind"] == method
    fitted = calibrators.make(method)
    mapped = 1 - scores if fitted.takes == "confidence" else scores
    assert stored["fingerprint"].get("mapped") == ("1 - score" if fitted.takes == "confidence" else None)
    expected = 1 - fitted.fit(mapped[::3], correct[::3]).confidence(mapped)
    outside = np.arange(300) % 3 != 0
    np.testing.assert_array_equal(targets["uncertainty"].to_numpy()[outside], expected[outside])
    assert fast.auroc(-expected, correct) > 0.7  # a high target goes with wrong answers

    lay_out(tmp_path / "b", scores[::-1], [None] * 300)
    _, again = run_stage(tmp_path / "b", Config(apply=str(tmp_path / schema.CALIBRATOR)))
    np.testing.assert_array_equal(again["uncertainty"].to_numpy(), expected[::-1])


@pytest.mark.parametrize("method", ["beta", "histogram", "temperature"])
@pytest.mark.parametrize("row", [3, 1])  # of the calibrate split, and of another
def test_a_score_above_1_is_one_error_that_names_the_methods_that_take_it(
    tmp_path: Path, data: tuple[np.ndarray, np.ndarray], method: str, row: int
) -> None:
    scores, correct = data
    scores = scores / scores.max()
    scores[row] = 1.5
    lay_out(tmp_path, scores, correct)
    said = rf"^score 'von_neumann_entropy' of question 'q{row}' is 1\.5, and the method '{method}' takes scores in "
    with pytest.raises(ConfigError, match=said + r"\[0, 1\]; isotonic, platt, platt_atom, venn_abers take any score$"):
        run_stage(tmp_path, Config(method=method))
    assert not (tmp_path / schema.CALIBRATOR).exists()


@pytest.mark.parametrize(
    ("method", "settings", "said"),
    [
        ("isotonic", {"increasing": "up"}, "method 'isotonic': increasing: "),
        ("isotonic", {"clip": 0.7}, r"method 'isotonic': clip: is 0\.7, must be"),
        ("histogram", {"bins": "even"}, r"method 'histogram': bins: is \"even\", must be one of"),
        ("isotonic", {"centred": True}, "'isotonic' has no setting 'centred'; it has increasing, centered, clip"),
    ],
)
def test_a_setting_that_a_method_refuses_is_one_error(
    tmp_path: Path, data: tuple[np.ndarray, np.ndarray], method: str, settings: dict[str, Any], said: str
) -> None:
    scores, correct = data
    lay_out(tmp_path, scores / scores.max(), correct)
    with pytest.raises(ConfigError, match=said):
        run_stage(tmp_path, Config(method=method, method_settings=settings))


def test_a_calibrator_of_groups_is_not_applied(tmp_path: Path, data: tuple[np.ndarray, np.ndarray]) -> None:
    scores, correct = data
    lay_out(tmp_path, scores, correct)
    path = calibrators.Grouped().fit(scores, correct, groups=np.arange(300) % 2).save(tmp_path / "grouped.json")
    with pytest.raises(ArtefactError, match=r"grouped\.json maps scores by group, and questions have none"):
        run_stage(tmp_path, Config(apply=str(path)))
