"""Platt scaling as a scikit-learn estimator."""

import json
from pathlib import Path

import numpy as np
import pytest

from uncal import calibrators
from uncal.calibrators import Platt
from uncal.errors import ArtefactError

SCORES = np.array([0.1, 0.4, 0.5, 0.9, 1.2, 1.5, 2.0, 2.2])
CORRECT = np.array([1, 1, 0, 1, 1, 0, 0, 0], dtype=bool)


def test_the_confidence_is_that_of_the_formula() -> None:
    platt = Platt().fit(SCORES, CORRECT)
    assert platt.slope_ == pytest.approx(-1.3174463517, abs=1e-9)
    assert platt.intercept_ == pytest.approx(1.4369448458, abs=1e-9)
    expected = [0.78670887, 0.71299327, 0.68529672, 0.56248245, 0.46406437, 0.36836796, 0.23184048, 0.18824762]
    np.testing.assert_allclose(platt.confidence(SCORES), expected, atol=1e-8)
    np.testing.assert_allclose(
        platt.predict_proba(SCORES), np.column_stack([1 - np.array(expected), expected]), atol=1e-8
    )
    assert platt.classes_.tolist() == [False, True]
    assert platt.predict(SCORES).tolist() == [True] * 4 + [False] * 4


@pytest.mark.parametrize(("right", "expected"), [(True, 9 / 10), (False, 1 / 10)])
def test_answers_of_one_kind_give_the_smoothed_base_rate(right: bool, expected: float) -> None:
    platt = Platt().fit(SCORES, np.full(8, right))
    assert platt.slope_ == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(platt.confidence([0.0, 100.0]), expected, rtol=1e-9)
    assert platt.classes_.tolist() == [False, True]


def test_what_is_no_score_or_label_is_one_error() -> None:
    with pytest.raises(ValueError, match="scores holds NaN or infinity, first at row 1"):
        Platt().fit([0.0, np.nan], [True, False])
    with pytest.raises(ValueError, match="scores has 2 rows, correct has 3"):
        Platt().fit([0.0, 1.0], [True, False, True])
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        Platt().fit([0.0, 1.0, 2.0], [0, 1, 2])
    with pytest.raises(ValueError, match=r"sample_weight has shape \(1,\); it must have shape \(2,\)"):
        Platt().fit([0.0, 1.0], [True, False], sample_weight=[1.0])
    with pytest.raises(ValueError, match="sample_weight is zero in every row"):
        Platt().fit([0.0, 1.0], [True, False], sample_weight=[0.0, 0.0])


def test_other_labels_keep_their_names() -> None:
    platt = Platt().fit(SCORES, np.where(CORRECT, "right", "fail"))
    assert platt.classes_.tolist() == ["fail", "right"]
    assert platt.predict([0.0, 3.0]).tolist() == ["right", "fail"]


def test_extreme_scores_give_confidences_and_no_warning() -> None:
    platt = Platt().fit(SCORES, CORRECT)
    assert platt.confidence([1e300, -1e300, 0.0]).tolist()[:2] == [0.0, 1.0]


def test_it_comes_back_from_json_bit_for_bit(tmp_path: Path) -> None:
    platt = Platt(smoothing=False).fit(SCORES, CORRECT, fingerprint={"kernel": "rbf", "gamma": 1.0})
    path = platt.save(tmp_path / "calibrator.json", note="more")
    again = calibrators.load(path)
    assert isinstance(again, Platt)
    assert again.get_params() == {"smoothing": False}
    np.testing.assert_array_equal(again.confidence(SCORES), platt.confidence(SCORES))
    assert again.to_dict() == platt.to_dict()
    stored = json.loads(path.read_text())
    assert (stored["kind"], stored["schema_version"], stored["note"]) == ("platt", 1, "more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a calibrator that uncal wrote"),
        ("[]", "is not a calibrator that uncal wrote"),
        ('{"kind": "platt"}', "is not a calibrator that uncal wrote"),
        ('{"kind": "platt", "schema_version": 9}', "has calibrator schema version 9, this uncal reads 1"),
        ('{"kind": "platt", "schema_version": 1, "settings": {}}', "is damaged"),
    ],
)
def test_a_file_that_is_no_calibrator_is_one_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ArtefactError, match=message):
        calibrators.load(tmp_path / "c.json")
    with pytest.raises(ArtefactError, match="no calibrator"):
        calibrators.load(tmp_path / "none.json")


def test_weights_stand_for_repetition() -> None:
    weights = np.array([1, 2, 3, 1, 2, 1, 1, 4])
    repeated = Platt().fit(np.repeat(SCORES, weights), np.repeat(CORRECT, weights))
    weighted = Platt().fit(SCORES, CORRECT, sample_weight=weights)
    assert weighted.slope_ == pytest.approx(repeated.slope_, rel=1e-9)
    assert weighted.intercept_ == pytest.approx(repeated.intercept_, rel=1e-9)
