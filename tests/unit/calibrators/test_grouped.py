"""One map a group, drawn towards the pooled one."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from uncal import calibrators
from uncal.calibrators import Grouped, Isotonic, Platt, Temperature
from uncal.errors import ArtefactError, FingerprintError

RNG = np.random.default_rng(0)
SCORES = RNG.gamma(2.0, size=600)
GROUPS = RNG.choice(["law", "maths", "trivia"], 600, p=[0.05, 0.35, 0.6])
SHIFT = np.select([GROUPS == "maths", GROUPS == "law"], [-2.0, 1.0], 0.5)
CORRECT = RNG.random(600) < 1 / (1 + np.exp(1.5 * SCORES - 2 - SHIFT))


def log_odds(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log(1 - p)


def test_the_confidence_is_the_mix_of_both_maps_in_log_odds() -> None:
    grouped = Grouped(shrinkage=30.0).fit(SCORES, CORRECT, groups=GROUPS)
    pooled = Platt().fit(SCORES, CORRECT).confidence(SCORES)
    expected = np.empty(600)
    for name in ("law", "maths", "trivia"):
        rows = name == GROUPS
        n = rows.sum()
        own = Platt().fit(SCORES[rows], CORRECT[rows]).confidence(SCORES[rows])
        own = np.clip(own, 1 / (n + 2), (n + 1) / (n + 2))
        mix = n / (n + 30) * log_odds(own) + 30 / (n + 30) * log_odds(np.clip(pooled[rows], 1 / 602, 601 / 602))
        expected[rows] = 1 / (1 + np.exp(-mix))
        assert grouped.rows_[name] == n
    np.testing.assert_allclose(grouped.confidence(SCORES, groups=GROUPS), expected, rtol=1e-9)


def test_a_group_that_the_fit_did_not_see_gets_the_pooled_map() -> None:
    grouped = Grouped().fit(SCORES, CORRECT, groups=GROUPS)
    pooled = Platt().fit(SCORES, CORRECT).confidence([0.5, 1.5])
    np.testing.assert_array_equal(grouped.confidence([0.5, 1.5], groups=["chess", "a much longer name"]), pooled)
    np.testing.assert_array_equal(grouped.confidence([0.5, 1.5]), pooled)


def test_shrinkage_goes_from_a_map_of_their_own_to_the_pooled_one() -> None:
    rows = GROUPS == "law"
    own = Platt().fit(SCORES[rows], CORRECT[rows]).confidence(SCORES[rows])
    pooled = Platt().fit(SCORES, CORRECT).confidence(SCORES[rows])
    for shrinkage, expected in ((0.0, own), (math.inf, pooled)):
        grouped = Grouped(shrinkage=shrinkage).fit(SCORES, CORRECT, groups=GROUPS)
        np.testing.assert_array_equal(grouped.confidence(SCORES[rows], groups=GROUPS[rows]), expected)
    gaps = [
        np.abs(Grouped(shrinkage=s).fit(SCORES, CORRECT, groups=GROUPS).confidence([1.0], groups=["law"]) - 0.5).item()
        for s in (1.0, 30.0, 1000.0)
    ]
    assert gaps == sorted(gaps) or gaps == sorted(gaps, reverse=True)
    for bad in (-1.0, math.nan, "much", True):
        with pytest.raises(ValueError, match="shrinkage: is "):
            Grouped(shrinkage=bad).fit(SCORES, CORRECT, groups=GROUPS)  # type: ignore[arg-type]


def test_it_is_better_than_one_map_where_groups_differ_and_no_worse_on_rows_held_out() -> None:
    fit, test = np.arange(600) % 2 == 0, np.arange(600) % 2 == 1

    def log_loss(confidence: np.ndarray) -> float:
        return float(-np.log(np.where(CORRECT[test], confidence, 1 - confidence)).mean())

    pooled = Platt().fit(SCORES[fit], CORRECT[fit]).confidence(SCORES[test])
    grouped = Grouped().fit(SCORES[fit], CORRECT[fit], groups=GROUPS[fit])
    assert log_loss(grouped.confidence(SCORES[test], groups=GROUPS[test])) < log_loss(pooled) - 0.02


def test_the_one_row_of_a_group_does_not_overrule_the_rest() -> None:
    groups = np.where(np.arange(600) == 0, "alone", "others")
    grouped = Grouped(base=Isotonic(increasing=False)).fit(SCORES, CORRECT, groups=groups)
    pooled = grouped.confidence([1.0]).item()
    moved = grouped.confidence([1.0], groups=["alone"]).item()
    assert 0 < abs(moved - pooled) < 0.02


def test_groups_come_by_name_or_as_a_second_column() -> None:
    expected = Grouped().fit(SCORES, CORRECT, groups=GROUPS).confidence(SCORES, groups=GROUPS)
    table = np.column_stack([SCORES.astype(object), GROUPS.astype(object)])
    np.testing.assert_array_equal(Grouped().fit(table, CORRECT).confidence(table), expected)
    rows = [(score, name) for score, name in zip(SCORES.tolist(), GROUPS.tolist(), strict=True)]
    np.testing.assert_array_equal(Grouped().fit(rows, CORRECT).confidence(rows), expected)
    numbers = np.unique(GROUPS, return_inverse=True)[1]
    by_number = Grouped().fit(np.column_stack([SCORES, numbers]), CORRECT)
    assert list(by_number.maps_) == [0, 1, 2]
    np.testing.assert_array_equal(by_number.confidence(SCORES, groups=numbers), expected)
    assert by_number.predict_proba(np.column_stack([SCORES, numbers])).shape == (600, 2)
    np.testing.assert_array_equal(by_number.predict(SCORES, groups=numbers), expected > 0.5)


@pytest.mark.parametrize(
    ("scores", "groups", "said"),
    [
        ([0.1, 0.2], None, "groups: is missing; give groups=, or two columns"),
        ([[0.1, 1], [0.2, 2]], [1, 2], "groups: are given twice"),
        ([0.1, 0.2], ["a"], r"groups: has shape \(1,\), must be \(2,\)"),
        ([0.1, 0.2], [0.5, 1], "groups: row 0 is 0.5, must be integers or strings"),
        ([0.1, 0.2], [1.0, math.nan], "groups: row 1 is nan, must be integers or strings"),
        ([0.1, 0.2], np.array(["a", 1], dtype=object), "must be integers or strings, and of one sort"),
        ([0.1, 0.2], [None, None], "groups: dtype is object"),
        ([0.1, math.nan], ["a", "b"], "scores holds NaN or infinity, first at row 1"),
        ([[0.1, 1, 2], [0.2, 2, 3]], None, "scores has 3 features"),
    ],
)
def test_what_is_no_group_is_one_error(scores: Any, groups: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Grouped().fit(scores, [True, False], groups=groups)


def test_a_base_that_is_no_calibrator_is_refused() -> None:
    for base in ("platt", Grouped(), Platt):
        with pytest.raises(ValueError, match=r"base: is .* must be a calibrator of one score"):
            Grouped(base=base).fit(SCORES, CORRECT, groups=GROUPS)  # type: ignore[arg-type]


def test_the_base_says_what_it_takes() -> None:
    with pytest.raises(ValueError, match=r"temperature takes confidences in \[0, 1\]"):
        Grouped(base=Temperature()).fit(SCORES, CORRECT, groups=GROUPS)


def test_weights_stand_for_repetition_and_a_group_without_weight_has_no_map() -> None:
    weights = RNG.integers(0, 3, 600) * (GROUPS != "law")
    repeated = Grouped().fit(np.repeat(SCORES, weights), np.repeat(CORRECT, weights), groups=np.repeat(GROUPS, weights))
    weighted = Grouped().fit(SCORES, CORRECT, weights, groups=GROUPS)
    assert list(weighted.maps_) == list(repeated.maps_) == ["maths", "trivia"]
    np.testing.assert_allclose(
        weighted.confidence(SCORES, groups=GROUPS), repeated.confidence(SCORES, groups=GROUPS), rtol=1e-6
    )


@pytest.mark.parametrize("base", [None, Platt(smoothing=False), Isotonic(increasing=False, clip="auto")])
@pytest.mark.parametrize("names", [GROUPS, np.unique(GROUPS, return_inverse=True)[1]])
def test_it_comes_back_from_json_bit_for_bit(tmp_path: Path, base: Any, names: np.ndarray) -> None:
    grouped = Grouped(base=base, shrinkage=7.0).fit(SCORES, CORRECT, groups=names, fingerprint={"kernel": "rbf"})
    path = grouped.save(tmp_path / "c.json")
    again = calibrators.load(path)
    assert isinstance(again, Grouped)
    assert again.shrinkage == 7.0
    assert repr(again.base) == repr(base)
    for asked in (names, names[::-1]):
        np.testing.assert_array_equal(again.confidence(SCORES, groups=asked), grouped.confidence(SCORES, groups=asked))
    assert again.to_dict() == grouped.to_dict()
    with pytest.raises(FingerprintError):
        again.confidence(SCORES, fingerprint={"kernel": "cosine"})
    fields = json.loads(path.read_text())
    for name in ("pooled", "groups"):
        kept = {k: v for k, v in fields["parameters"].items() if k != name}
        path.write_text(json.dumps(fields | {"parameters": kept}))
        with pytest.raises(ArtefactError, match="is damaged"):
            calibrators.load(path)


NUMBER = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(NUMBER, st.booleans(), st.integers(-3, 3)), min_size=1, max_size=20))
def test_any_fit_survives_the_round_trip(tmp_path_factory: Any, rows: list[tuple[float, bool, int]]) -> None:
    scores, correct, groups = map(list, zip(*rows, strict=True))
    grouped = Grouped(shrinkage=1.0).fit(scores, correct, groups=groups)
    confidence = grouped.confidence(scores, groups=groups)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    again = calibrators.load(grouped.save(tmp_path_factory.mktemp("fit") / "c.json"))
    assert isinstance(again, Grouped)
    np.testing.assert_array_equal(again.confidence(scores, groups=groups), confidence)


def test_two_columns_go_through_pipelines_splits_and_searches() -> None:
    numbers = np.unique(GROUPS, return_inverse=True)[1]
    table = np.column_stack([SCORES, numbers])
    assert clone(Grouped(base=Platt(smoothing=False), shrinkage=3.0)).get_params()["base__smoothing"] is False
    out_of_fold = cross_val_predict(Grouped(), table, CORRECT, method="predict_proba")
    confidence = out_of_fold[:, 1]
    assert -np.log(np.where(CORRECT, confidence, 1 - confidence)).mean() < 0.5
    search = GridSearchCV(
        Grouped(base=Platt()), {"shrinkage": [10.0, 1e6], "base__smoothing": [True]}, scoring="neg_log_loss"
    )
    assert search.fit(table, CORRECT).best_params_["shrinkage"] == 10.0
    halved = make_pipeline(FunctionTransformer(lambda x: x * [0.5, 1]), Grouped()).fit(table, CORRECT)
    np.testing.assert_allclose(
        halved.predict_proba(table)[:, 1], Grouped().fit(table, CORRECT).confidence(table), rtol=1e-6
    )


def test_an_unfitted_one_says_so() -> None:
    with pytest.raises(NotFittedError):
        Grouped().confidence([0.5])
    with pytest.raises(NotFittedError):
        Grouped().predict([0.5])
