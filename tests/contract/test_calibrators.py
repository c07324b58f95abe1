"""What every calibrator promises."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from uncal import calibrators
from uncal.calibrators import Calibrator
from uncal.errors import ArtefactError, ConfigError, FingerprintError
from uncal.plugins import names

NAMES = names("calibrators")
ANY_SCORE = ["isotonic", "platt", "platt_atom", "venn_abers"]
HOSTILE = {
    "two points": ([0.0, 1.0], [True, False]),
    "one row": ([0.5], [True]),
    "constant": ([0.25] * 6, [True, False, True, True, False, True]),
    "all right": ([0.0, 0.1, 0.5, 1.0], [True] * 4),
    "all wrong": ([0.0, 0.1, 0.5, 1.0], [False] * 4),
    "separable": ([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [False] * 3 + [True] * 3),
    "1e-300": ([0.0, 1e-300, 2e-300, 3e-300, 5e-324, 1e-310], [False, True, False, True, True, False]),
    "next to 1": ([1.0, 1 - 2**-53, 1 - 2**-52, 0.5, 0.5 + 2**-53], [True, False, True, False, True]),
}
WIDE = {
    "1e300": ([-1e300, 1e300, 1e299, 0.0, -1.7e308, 1.7e308], [True, False, True, False, True, False]),
    "1e8 and a little": ([1e8, 1e8 + 1, 1e8 + 2, 1e8 + 3], [False, True, False, True]),
    "1e8 and the next float": ([1e8, 1e8 + 2e-8, 1e8 + 4e-8, 1e8 + 6e-8], [False, True, False, True]),
    "of every size": ([1e-300, -1e-300, 1.0, -1.0, 1e300, -1e300, -0.0], [True, False, True, False, True, False, True]),
}

MANY_FEATURES = "the check fits several features; a calibrator takes one score"
ONE_DIMENSION = "the check cuts X to one dimension, as the tag one_d_array says, and then indexes it by two"
SECOND_ARGUMENT = "the second argument is named correct, which says more than y"
LEAVES = "the X of the check leaves [0, 1]"
EXPECTED_FAILURES = {
    "check_fit_score_takes_y": SECOND_ARGUMENT,
    "check_sample_weight_equivalence_on_dense_data": SECOND_ARGUMENT,
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
OF_CONFIDENCES = {
    "check_estimators_overwrite_params": LEAVES,
    "check_estimators_fit_returns_self": LEAVES,
    "check_readonly_memmap_input": LEAVES,
    "check_positive_only_tag_during_fit": LEAVES,
    "check_estimators_dtypes": LEAVES,
    "check_sample_weights_pandas_series": LEAVES,
    "check_sample_weights_not_an_array": LEAVES,
    "check_all_zero_sample_weights_error": LEAVES,
    "check_pipeline_consistency": LEAVES,
    "check_estimators_pickle": LEAVES,
    "check_classifier_data_not_an_array": LEAVES,
    "check_classifiers_classes": LEAVES,
    "check_classifiers_regression_target": LEAVES,
    "check_fit_idempotent": LEAVES,
    "check_fit_check_is_fitted": LEAVES,
    "check_requires_y_none": LEAVES,
}
OF_ONE = {
    "temperature": {"check_classifiers_one_label": "a temperature moves no confidence across 0.5"},
    "histogram": {"check_classifiers_one_label": "a bin without rows gives its midpoint, whatever the one label"},
}


DOCUMENTED = {
    "one class": (
        ([0.6, 0.7, 0.8], [True] * 3, [0.6, 0.8]),
        {"platt": [4 / 5] * 2, "isotonic": [1, 1], "venn_abers": [2 / 3, 4 / 5], "temperature": [1, 1]}
        | {"beta": [1, 1], "histogram": [1, 1]},
    ),
    "two rows": (
        ([0.25, 0.75], [False, True], [0.25, 0.75]),
        {"platt": [1 / 3, 2 / 3], "isotonic": [0, 1], "venn_abers": [1 / 3, 2 / 3], "temperature": [0, 1]}
        | {"beta": [0, 1], "histogram": [0, 1]},
    ),
    "constant": (
        ([0.75] * 4, [True, True, True, False], [0.75]),
        {"platt": [(3 * 4 / 5 + 1 / 3) / 4], "isotonic": [3 / 4], "venn_abers": [2 / 3], "temperature": [3 / 4]}
        | {"beta": [3 / 4], "histogram": [3 / 4], "platt_atom": [2 / 3]},
    ),
    "parted": (
        ([0.1, 0.2, 0.8, 0.9], [False, False, True, True], [0.1, 0.9]),
        {"platt": [0.22496218, 0.77503782], "isotonic": [0, 1], "venn_abers": [1 / 4, 3 / 4], "temperature": [0, 1]}
        | {"beta": [0, 1], "histogram": [0, 1]},
    ),
}


@pytest.fixture(params=NAMES)
def calibrator(request: pytest.FixtureRequest) -> Calibrator:
    return calibrators.make(request.param)


@pytest.fixture
def labelled(calibrator: Calibrator) -> tuple[np.ndarray, np.ndarray]:
    return some(calibrator)


def some(calibrator: Calibrator, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Uncertainties up from 0, or confidences that are too sure; which answers were right."""
    rng = np.random.default_rng(0)
    scores = rng.gamma(2.0, size=n)
    log_odds = 2 - 1.5 * scores
    correct = rng.random(n) < logistic(log_odds)
    return (scores if calibrator.takes == "score" else logistic(1.5 * log_odds)), correct


def logistic(x: Any) -> np.ndarray:
    return 0.5 + np.tanh(np.asarray(x) / 2) / 2


def log_loss(confidence: np.ndarray, correct: np.ndarray) -> float:
    return float(-np.log(np.where(correct, confidence, 1 - confidence)).mean())


def squeezed(calibrator: Calibrator) -> Calibrator:
    """Make a calibrator of confidences one that squeezes any score into [0, 1] first."""
    kind = type(calibrator)

    class Squeezed(kind):  # type: ignore[misc, valid-type]
        takes = "score"
        __init__ = kind.__init__

        def _values(self, scores: Any) -> np.ndarray:
            return logistic(super()._values(scores))

    return Squeezed()


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks_pass(calibrator: Calibrator) -> None:
    results = check_estimator(calibrator, expected_failed_checks=None, on_fail=None)
    failed = {r["check_name"] for r in results if r["status"] == "failed"}
    expected = set(EXPECTED_FAILURES)  # a check that passes after all leaves the list
    if calibrator.takes == "confidence":
        expected = (expected | set(OF_CONFIDENCES) | set(OF_ONE.get(calibrator.kind, {}))) - {"check_fit1d"}
        again = check_estimator(squeezed(calibrator), on_fail=None)
        local = {"check_estimators_pickle"}  # the class is made here, so pickle does not find it
        assert {r["check_name"] for r in again if r["status"] == "failed"} == set(EXPECTED_FAILURES) | local
    else:
        assert sum(r["status"] == "passed" for r in results) >= 30
    assert failed == expected


def test_it_says_what_it_is(calibrator: Calibrator, request: pytest.FixtureRequest) -> None:
    assert calibrator.kind == request.node.callspec.params["calibrator"]
    assert calibrator.takes in ("score", "confidence")
    assert calibrator.source


def test_confidence_is_in_range_and_of_the_shape_of_the_scores(calibrator: Calibrator, labelled: tuple) -> None:
    scores, correct = labelled
    confidence = calibrator.fit(scores, correct).confidence(scores)
    assert confidence.shape == scores.shape
    assert ((confidence >= 0) & (confidence <= 1)).all()
    np.testing.assert_allclose(calibrator.predict_proba(scores).sum(axis=1), 1, atol=1e-15)
    np.testing.assert_array_equal(calibrator.predict_proba(scores)[:, 1], confidence)
    np.testing.assert_array_equal(calibrator.predict(scores), confidence > 0.5)
    assert calibrator.classes_.tolist() == [False, True]


def test_it_is_no_worse_than_the_base_rate_on_its_own_data(calibrator: Calibrator, labelled: tuple) -> None:
    scores, correct = labelled
    confidence = calibrator.fit(scores, correct).confidence(scores)
    assert log_loss(confidence, correct) < log_loss(np.full(len(correct), correct.mean()), correct)


def test_it_is_monotone_where_it_says_so(calibrator: Calibrator, labelled: tuple) -> None:
    scores, correct = labelled
    grid = np.sort(np.concatenate([scores, np.linspace(0, 1, 1001)]))
    if calibrator.takes == "score":
        grid = np.concatenate([[-1e300, -5.0], grid, [20.0, 1e300]])
    steps = np.diff(calibrator.fit(scores, correct).confidence(grid))
    if calibrator.monotone:
        assert (steps >= 0).all() if calibrator.takes == "confidence" else (steps <= 0).all()
    else:
        assert calibrator.kind in ("histogram", "platt_atom")


def test_the_order_of_the_rows_and_their_shape_do_not_matter(calibrator: Calibrator, labelled: tuple) -> None:
    scores, correct = labelled
    expected = clone(calibrator).fit(scores, correct).confidence(scores)
    backwards = clone(calibrator).fit(scores[::-1], correct[::-1]).confidence(scores)
    np.testing.assert_allclose(backwards, expected, rtol=1e-7, atol=1e-12)  # how near Newton steps end
    column = clone(calibrator).fit(scores[:, None], correct.tolist()).confidence(scores[:, None])
    np.testing.assert_array_equal(column, expected)
    with pytest.raises(ValueError, match="scores has 2 features, but a calibrator is expecting 1"):
        calibrator.fit(np.ones((len(correct), 2)), correct)


def test_weights_stand_for_repetition(calibrator: Calibrator) -> None:
    scores, correct = some(calibrator, 60)
    weights = np.random.default_rng(1).integers(0, 4, 60)
    repeated = clone(calibrator).fit(np.repeat(scores, weights), np.repeat(correct, weights))
    weighted = clone(calibrator).fit(scores, correct, sample_weight=weights)
    np.testing.assert_allclose(weighted.confidence(scores), repeated.confidence(scores), rtol=1e-6, atol=1e-9)


def test_it_comes_back_from_json_bit_for_bit(calibrator: Calibrator, labelled: tuple, tmp_path: Path) -> None:
    scores, correct = labelled
    calibrator.fit(scores, correct, fingerprint={"kernel": "rbf", "gamma": 1.0})
    path = calibrator.save(tmp_path / "c.json", note="more")
    again = calibrators.load(path)
    assert type(again) is type(calibrator)
    np.testing.assert_array_equal(again.confidence(scores), calibrator.confidence(scores))
    assert again.to_dict() == calibrator.to_dict()
    stored = json.loads(path.read_text())
    assert (stored["kind"], stored["schema_version"], stored["note"]) == (calibrator.kind, 1, "more")


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_any_fit_survives_the_round_trip(name: str, data: st.DataObject, tmp_path_factory: Any) -> None:
    calibrator = calibrators.make(name)
    low, high = (0.0, 1.0) if calibrator.takes == "confidence" else (None, None)
    number = st.floats(low, high, allow_nan=False, allow_infinity=False)
    rows = data.draw(st.lists(st.tuples(number, st.booleans()), min_size=1, max_size=30))
    scores, correct = [row[0] for row in rows], [row[1] for row in rows]
    asked = scores + data.draw(st.lists(number, max_size=10))
    confidence = calibrator.fit(scores, correct).confidence(asked)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    again = calibrators.load(calibrator.save(tmp_path_factory.mktemp("fit") / "c.json"))
    np.testing.assert_array_equal(again.confidence(asked), confidence)


@pytest.mark.parametrize("case", [*HOSTILE, *WIDE])
def test_hostile_scores_give_confidences_and_no_warning(calibrator: Calibrator, case: str, tmp_path: Path) -> None:
    if case in WIDE and calibrator.takes == "confidence":
        with pytest.raises(ValueError, match=r"scores: row \d is "):
            calibrator.fit(*WIDE[case])
        return
    scores, correct = (HOSTILE | WIDE)[case]
    asked = [0.0, 1.0, 0.5, 5e-324, 1e-300, 1 - 2**-53, *scores]
    if calibrator.takes == "score":
        asked += [-1e300, 1e300, 1.7976931348623157e308, -1.7976931348623157e308, -0.0]
    confidence = calibrator.fit(scores, correct).confidence(asked)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    again = calibrators.load(calibrator.save(tmp_path / "c.json"))
    np.testing.assert_array_equal(again.confidence(asked), confidence)
    if case == "separable":
        mapped = calibrator.confidence(scores)
        assert mapped[:3].max() < 0.5 < mapped[3:].min()


@pytest.mark.parametrize("case", DOCUMENTED)
def test_few_rows_give_what_is_documented(calibrator: Calibrator, case: str) -> None:
    (scores, correct, asked), expected = DOCUMENTED[case]
    confidence = calibrator.fit(scores, correct).confidence(asked)
    if calibrator.kind != "platt_atom" or case == "constant":  # elsewhere it is platt, on what is not the atom
        assert confidence == pytest.approx(expected[calibrator.kind], abs=1e-6)


def test_what_is_no_confidence_is_one_error_that_names_those_that_take_any_score(calibrator: Calibrator) -> None:
    if calibrator.takes == "score":
        assert calibrator.kind in ANY_SCORE
        return
    said = rf"^scores: row 1 is 1\.5; {calibrator.kind} takes confidences in \[0, 1\], {', '.join(ANY_SCORE)} take any"
    with pytest.raises(ValueError, match=said):
        calibrator.fit([0.5, 1.5], [True, False])
    calibrator.fit([0.25, 0.75], [False, True])
    with pytest.raises(ValueError, match=said):
        calibrator.confidence([0.5, 1.5])
    with pytest.raises(ValueError, match=r"row 0 is -0\.25"):
        calibrator.confidence([-0.25])


def test_one_row_and_one_kind_of_answer_are_fitted(calibrator: Calibrator) -> None:
    for correct in ([True], [False], [True, True, True]):
        scores = np.linspace(0, 1, len(correct))
        confidence = calibrator.fit(scores, correct).confidence([0.0, 1.0])
        assert ((confidence >= 0) & (confidence <= 1)).all()


def test_another_fingerprint_is_refused_and_the_difference_named(calibrator: Calibrator, labelled: tuple) -> None:
    calibrator.fit(*labelled, fingerprint={"kernel": "rbf", "n_completions": 10})
    same = calibrator.confidence([0.5], fingerprint={"kernel": "rbf", "n_completions": 10})
    np.testing.assert_array_equal(same, calibrator.confidence([0.5]))
    with pytest.raises(FingerprintError, match="fitted on other scores: n_completions 10 at the fit, 5 now; fit one"):
        calibrator.confidence([0.5], fingerprint={"kernel": "rbf", "n_completions": 5})


def test_it_is_cloned_searched_and_piped_like_any_estimator(calibrator: Calibrator, labelled: tuple) -> None:
    scores, correct = labelled
    settings = calibrator.get_params()
    assert clone(calibrator).get_params() == settings
    assert calibrator.set_params(**settings) is calibrator
    half = make_pipeline(FunctionTransformer(lambda x: x / 2), clone(calibrator)).fit(scores[:, None], correct)
    np.testing.assert_array_equal(
        half.predict_proba(scores[:, None])[:, 1], clone(calibrator).fit(scores / 2, correct).confidence(scores / 2)
    )
    out_of_fold = cross_val_predict(calibrator, scores[:, None], correct, method="predict_proba")
    assert out_of_fold.shape == (400, 2)
    assert log_loss(np.clip(out_of_fold[:, 1], 1e-3, 1 - 1e-3), correct) < 0.693


def test_an_unfitted_one_says_so(calibrator: Calibrator) -> None:
    with pytest.raises(NotFittedError):
        calibrator.confidence([0.5])
    with pytest.raises(NotFittedError):
        calibrator.to_dict()


def test_a_setting_that_it_has_not_is_an_error_that_names_those_it_has(calibrator: Calibrator) -> None:
    with pytest.raises(ConfigError, match=f"'{calibrator.kind}' has no setting 'zeal'; it has "):
        calibrators.make(calibrator.kind, zeal=1)


def test_a_file_with_numbers_missing_is_one_error(calibrator: Calibrator, labelled: tuple, tmp_path: Path) -> None:
    fields = calibrator.fit(*labelled).to_dict()
    for name in fields["parameters"]:
        damaged = fields | {"parameters": {k: v for k, v in fields["parameters"].items() if k != name}}
        (tmp_path / "c.json").write_text(json.dumps(damaged))
        with pytest.raises(ArtefactError, match="is damaged"):
            calibrators.load(tmp_path / "c.json")
