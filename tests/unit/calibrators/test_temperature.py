"""Temperature scaling as a scikit-learn estimator."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from uncal import fast
from uncal.calibrators import Temperature

SCORES = np.array([0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95])
CORRECT = np.array([0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1], dtype=bool)


def test_the_temperature_is_that_of_the_least_log_loss() -> None:
    scaling = Temperature().fit(SCORES, CORRECT)
    assert scaling.temperature_ == pytest.approx(1.3770645271, abs=1e-8)
    assert scaling.converged_
    least = minimize_scalar(
        lambda beta: np.logaddexp(0, np.where(CORRECT, -beta, beta) * logit(SCORES)).sum(), bounds=(0.01, 10)
    )
    assert 1 / scaling.temperature_ == pytest.approx(least.x, abs=1e-5)
    np.testing.assert_allclose(scaling.confidence(SCORES), expit(logit(SCORES) / scaling.temperature_), rtol=1e-12)


def test_the_ranking_and_the_verdicts_stay() -> None:
    confidence = Temperature().fit(SCORES, CORRECT).confidence(SCORES)
    assert (np.diff(confidence) > 0).all()
    np.testing.assert_array_equal(confidence > 0.5, SCORES > 0.5)
    assert fast.auroc(confidence, CORRECT) == fast.auroc(SCORES, CORRECT)


def test_0_and_1_are_taken_no_surer_than_eps() -> None:
    scaling = Temperature(eps=1e-3).fit(SCORES, CORRECT)
    expected = expit(logit([1e-3, 1e-3, 0.999]) / scaling.temperature_)
    np.testing.assert_allclose(scaling.confidence([0.0, 1e-3, 1.0]), expected, rtol=1e-12)


def test_what_has_no_best_temperature_ends_at_an_end_of_the_range() -> None:
    split = Temperature().fit([0.2, 0.4, 0.6, 0.8], [False, False, True, True])
    assert (split.temperature_, split.converged_) == (pytest.approx(1e-3), False)
    assert split.confidence([0.4, 0.5, 0.6]) == pytest.approx([0, 0.5, 1])
    backwards = Temperature().fit([0.2, 0.4, 0.6, 0.8], [True, True, False, False])
    assert (backwards.temperature_, backwards.converged_) == (pytest.approx(1e3), False)
    assert backwards.confidence([0.2, 0.8]) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_a_confidence_of_one_half_stays_there() -> None:
    assert Temperature().fit([0.5] * 4, [True, True, True, False]).confidence([0.5]).tolist() == [0.5]


def test_constant_confidences_become_the_share_of_right_answers() -> None:
    scaling = Temperature().fit([0.9] * 4, [True, True, True, False])
    assert scaling.confidence([0.9]) == pytest.approx([0.75], abs=1e-9)
