"""Venn-Abers prediction as a scikit-learn estimator."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from uncal import calibrators
from uncal.calibrators import VennAbers

SCORES = np.array([0.1, 0.2, 0.35, 0.4, 0.6, 0.7, 0.8, 0.9])
CORRECT = np.array([0, 0, 1, 0, 1, 0, 1, 1], dtype=bool)


def by_definition(scores: np.ndarray, correct: np.ndarray, asked: np.ndarray, increasing: bool) -> list[np.ndarray]:
    """Two isotonic fits for each question."""
    return [
        np.array(
            [
                IsotonicRegression(increasing=increasing)
                .fit(np.append(scores, score), np.append(correct, label))
                .predict([score])[0]
                for score in asked
            ]
        )
        for label in (0.0, 1.0)
    ]


def test_the_interval_is_that_of_two_isotonic_fits_with_the_row_added() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=60).round(1)
    correct = rng.random(60) < 1 / (1 + np.exp(2 * scores))
    asked = np.concatenate([scores, rng.normal(size=30), [-9.0, 9.0]])
    venn_abers = VennAbers().fit(scores, correct)
    assert not venn_abers.increasing_
    low, high = venn_abers.interval(asked)
    for ours, theirs in zip((low, high), by_definition(scores, correct, asked, False), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert (low <= high).all()
    confidence = venn_abers.confidence(asked)
    np.testing.assert_allclose(confidence, high / (1 - low + high), rtol=1e-14)
    assert ((low <= confidence) & (confidence <= high)).all()


def test_the_known_intervals() -> None:
    venn_abers = VennAbers().fit(SCORES, CORRECT)
    low, high = venn_abers.interval([0.05, 0.4, 0.5, 0.95])
    assert low == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3])
    assert high == pytest.approx([1 / 3, 0.6, 2 / 3, 1])
    assert venn_abers.confidence([0.05, 0.4, 0.5, 0.95]) == pytest.approx([0.25, 9 / 19, 0.5, 0.75])


def test_the_interval_comes_back_from_json_bit_for_bit(tmp_path: Path) -> None:
    venn_abers = VennAbers(increasing=True).fit(SCORES, CORRECT)
    again = calibrators.load(venn_abers.save(tmp_path / "c.json"))
    assert isinstance(again, VennAbers)
    assert again.increasing is True
    for ours, theirs in zip(again.interval(SCORES), venn_abers.interval(SCORES), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("right", "expected"), [(True, (4 + 1) / (4 + 2)), (False, 1 / (4 + 2))])
def test_rows_of_one_kind_give_the_smoothed_rate_at_a_score_that_all_have(right: bool, expected: float) -> None:
    venn_abers = VennAbers().fit([1.0] * 4, [right] * 4)
    low, high = venn_abers.interval([1.0])
    assert (low[0], high[0]) == pytest.approx((4 / 5, 1) if right else (0, 1 / 5))
    assert venn_abers.confidence([1.0]) == pytest.approx([expected])


def test_more_rows_make_the_interval_narrower() -> None:
    few, many = (VennAbers().fit(np.tile(SCORES, times), np.tile(CORRECT, times)).interval([0.5]) for times in (1, 50))
    assert many[1][0] - many[0][0] < (few[1][0] - few[0][0]) / 10
