"""Platt scaling as a scikit-learn estimator."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from uncal import calibrators
from uncal.calibrators import Platt
from uncal.errors import ArtefactError, FingerprintError

SCORES = np.array([0.1, 0.4, 0.5, 0.9, 1.2, 1.5, 2.0, 2.2])
CORRECT = np.array([1, 1, 0, 1, 1, 0, 0, 0], dtype=bool)

MANY_FEATURES = "the check fits several features; a calibrator takes one score"
ONE_DIMENSION = "the check cuts X to one dimension, as the tag one_d_array says, and then indexes it by two"
NAMES = "the second argument is named correct, which says more than y"
EXPECTED_FAILURES = {
    "check_fit_score_takes_y": NAMES,
    "check_sample_weight_equivalence_on_dense_data": NAMES,
    "check_sample_weights_shape": MANY_FEATURES,
    "check_sample_weights_not_overwritten": MANY_FEATURES,
    "check_estimators_nan_inf": MANY_FEATURES,
    "check_classifiers_one_label_sample_weights": MANY_FEATURES,
    "check_classifier_not_supporting_multiclass": MANY_FEATURES,
    "check_classifiers_train": "the check wants 83 % accuracy from the first of two features alone",
    "check_estimator_sparse_array": "the check itself fails to convert a sparse array of one dimension",
    "check_fit1d": "one dimension is accepted",
    "check_dont_overwrite_parameters": ONE_DIMENSION,
    "check_n_features_in_after_fitting": ONE_DIMENSION,
    "check_dtype_object": ONE_DIMENSION,
    "check_f_contiguous_array_estimator": ONE_DIMENSION,
    "check_methods_sample_order_invariance": ONE_DIMENSION,
    "check_methods_subset_invariance": ONE_DIMENSION,
    "check_fit2d_1sample": ONE_DIMENSION,
    "check_fit2d_1feature": ONE_DIMENSION,
    "check_dict_unchanged": ONE_DIMENSION,
    "check_n_features_in": ONE_DIMENSION,
    "check_fit2d_predict1d": ONE_DIMENSION,
}


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks_pass() -> None:
    results = check_estimator(Platt(), expected_failed_checks=EXPECTED_FAILURES, on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in results) >= 30
    xfailed = {r["check_name"] for r in results if r["status"] == "xfail"}
    assert xfailed == set(EXPECTED_FAILURES)  # a check that passes after all leaves the list


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


def test_a_column_and_a_row_of_scores_are_the_same() -> None:
    flat, column = Platt().fit(SCORES, CORRECT), Platt().fit(SCORES[:, None], CORRECT)
    assert (flat.slope_, flat.intercept_) == (column.slope_, column.intercept_)
    np.testing.assert_array_equal(flat.confidence(SCORES), flat.confidence(SCORES[:, None]))
    with pytest.raises(ValueError, match="scores has 2 features, but a calibrator is expecting 1"):
        Platt().fit(np.ones((8, 2)), CORRECT)


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


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.integers(0, 2**32 - 1))
def test_any_fit_survives_the_round_trip(tmp_path_factory: Any, scores: list[float], seed: int) -> None:
    correct = np.random.default_rng(seed).random(len(scores)) < 0.5
    platt = Platt().fit(scores, correct)
    path = platt.save(tmp_path_factory.mktemp("fit") / "c.json")
    np.testing.assert_array_equal(calibrators.load(path).confidence(scores), platt.confidence(scores))


def test_another_fingerprint_is_refused_and_the_difference_named() -> None:
    platt = Platt().fit(SCORES, CORRECT, fingerprint={"kernel": "rbf", "n_completions": 10})
    same = platt.confidence(SCORES, fingerprint={"kernel": "rbf", "n_completions": 10})
    np.testing.assert_array_equal(same, platt.confidence(SCORES))
    with pytest.raises(FingerprintError, match="fitted on other scores: n_completions 10 at the fit, 5 now; fit one"):
        platt.confidence(SCORES, fingerprint={"kernel": "rbf", "n_completions": 5})


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


def test_it_clones_pickles_not_needed_and_works_in_a_pipeline() -> None:
    assert clone(Platt(smoothing=False)).smoothing is False
    pipeline = make_pipeline(FunctionTransformer(lambda x: 2 * x), Platt()).fit(SCORES[:, None], CORRECT)
    np.testing.assert_allclose(
        pipeline.predict_proba(SCORES[:, None])[:, 1], Platt().fit(SCORES, CORRECT).confidence(SCORES), atol=1e-9
    )
    out_of_fold = cross_val_predict(Platt(), np.tile(SCORES, 5)[:, None], np.tile(CORRECT, 5), method="predict_proba")
    assert out_of_fold.shape == (40, 2)


def test_weights_stand_for_repetition() -> None:
    weights = np.array([1, 2, 3, 1, 2, 1, 1, 4])
    repeated = Platt().fit(np.repeat(SCORES, weights), np.repeat(CORRECT, weights))
    weighted = Platt().fit(SCORES, CORRECT, sample_weight=weights)
    assert weighted.slope_ == pytest.approx(repeated.slope_, rel=1e-9)
    assert weighted.intercept_ == pytest.approx(repeated.intercept_, rel=1e-9)
