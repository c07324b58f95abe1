"""Beta calibration as a scikit-learn estimator."""

import numpy as np
import pytest
from scipy.special import expit

from uncal.calibrators import Beta

SCORES = np.array([0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95])
CORRECT = np.array([0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1], dtype=bool)


def test_the_numbers_are_those_of_maximum_likelihood() -> None:
    beta = Beta().fit(SCORES, CORRECT)
    assert (beta.a_, beta.b_, beta.c_) == pytest.approx((0.7822043692, 0.6725696289, 0.1298842306), abs=1e-7)
    expected = expit(beta.a_ * np.log(SCORES) - beta.b_ * np.log(1 - SCORES) + beta.c_)
    np.testing.assert_allclose(beta.confidence(SCORES), expected, rtol=1e-12)


def test_variants_tie_the_ends_or_the_middle() -> None:
    tied = Beta(variant="am").fit(SCORES, CORRECT)
    assert tied.a_ == tied.b_
    centred = Beta(variant="ab").fit(SCORES, CORRECT)
    assert centred.confidence([0.5]) == pytest.approx([0.5], abs=1e-12)
    with pytest.raises(ValueError, match='variant: is "abc", must be one of'):
        Beta(variant="abc").fit(SCORES, CORRECT)  # type: ignore[arg-type]


def test_it_moves_one_half_where_temperature_scaling_cannot() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 2000)
    correct = rng.random(2000) < confidence - 0.3
    assert Beta().fit(confidence, correct).confidence([0.5, 0.8]) == pytest.approx([0.2, 0.5], abs=0.06)


def test_confidences_that_rank_backwards_become_the_base_rate() -> None:
    beta = Beta().fit(SCORES, ~CORRECT)
    assert (beta.a_, beta.b_) == (0, 0)
    assert beta.confidence([0.1, 0.9]) == pytest.approx([0.5, 0.5])


def test_0_and_1_are_taken_within_a_rounding_of_themselves() -> None:
    beta = Beta().fit(SCORES, CORRECT)
    near = beta.confidence([2.220446049250313e-16, 1 - 2.220446049250313e-16])
    np.testing.assert_array_equal(beta.confidence([0.0, 1.0]), near)
