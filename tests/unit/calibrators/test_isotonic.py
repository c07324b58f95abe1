"""Isotonic regression as a scikit-learn estimator."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from uncal.calibrators import Isotonic
from uncal.calibrators.isotonic import interpolated

RNG = np.random.default_rng(0)
SCORES = RNG.gamma(2.0, size=500).round(2)
CORRECT = RNG.random(500) < 1 / (1 + np.exp(1.5 * SCORES - 2))


def test_it_maps_as_scikit_learns_does() -> None:
    weights = RNG.random(500)
    theirs = IsotonicRegression(increasing=False, out_of_bounds="clip").fit(SCORES, CORRECT, sample_weight=weights)
    ours = Isotonic().fit(SCORES, CORRECT, sample_weight=weights)
    assert not ours.increasing_
    asked = np.concatenate([SCORES, np.linspace(-1, 20, 2000)])
    np.testing.assert_allclose(ours.confidence(asked), theirs.predict(asked), rtol=1e-10, atol=1e-12)


def test_neighbours_that_violate_the_order_are_pooled() -> None:
    isotonic = Isotonic(increasing=True).fit([1.0, 2.0, 3.0, 4.0, 5.0], np.array([0, 1, 0, 1, 1], dtype=bool))
    assert isotonic.confidence([1.0, 2.0, 3.0, 4.0, 5.0]).tolist() == [0, 0.5, 0.5, 1, 1]
    assert isotonic.confidence([-9.0, 1.5, 9.0]).tolist() == [0, 0.25, 1]


def test_the_direction_is_learnt_or_told() -> None:
    assert Isotonic().fit(-SCORES, CORRECT).increasing_
    told = Isotonic(increasing=True).fit(SCORES, CORRECT)
    assert told.increasing_
    assert np.ptp(told.confidence(SCORES)) < 0.5  # nearly all is one block
    with pytest.raises(ValueError, match="increasing: "):
        Isotonic(increasing="up").fit(SCORES, CORRECT)  # type: ignore[arg-type]


def test_centred_keeps_the_ranking_inside_of_the_outer_knots() -> None:
    plain, centred = Isotonic().fit(SCORES, CORRECT), Isotonic(centered=True).fit(SCORES, CORRECT)
    inside = np.unique(SCORES[(centred.x_[0] < SCORES) & (centred.x_[-1] > SCORES)])
    assert (np.diff(centred.confidence(inside)) < 0).all()
    assert (np.diff(plain.confidence(inside)) == 0).any()
    mean = centred.confidence(SCORES).mean()
    assert abs(mean - CORRECT.mean()) < 0.02


@pytest.mark.parametrize(("clip", "ends"), [(None, (0, 1)), (0.125, (0.125, 0.875)), ("auto", (1 / 6, 5 / 6))])
def test_clip_keeps_confidences_off_0_and_1(clip: object, ends: tuple[float, float]) -> None:
    scores, correct = [1.0, 2.0, 3.0, 4.0], np.array([False, False, True, True])
    assert Isotonic(clip=clip).fit(scores, correct).confidence([1.0, 4.0]).tolist() == list(ends)  # type: ignore[arg-type]


def test_the_automatic_clip_counts_weights() -> None:
    fitted = Isotonic(clip="auto").fit([1.0, 2.0], [False, True], sample_weight=[3.0, 5.0])
    assert fitted.clip_ == 1 / 10


@pytest.mark.parametrize("clip", [0.5, -0.1, math.nan, "often", True])
def test_a_clip_that_makes_no_sense_is_refused(clip: object) -> None:
    with pytest.raises(ValueError, match="clip: is "):
        Isotonic(clip=clip).fit([1.0, 2.0], [True, False])  # type: ignore[arg-type]


def test_few_or_constant_rows_have_documented_results() -> None:
    assert Isotonic().fit([1.0, 2.0], [True, True]).confidence([0.0, 3.0]).tolist() == [1, 1]
    assert Isotonic().fit([1.0, 2.0], [False, False]).confidence([0.0, 3.0]).tolist() == [0, 0]
    assert Isotonic().fit([1.0] * 4, [True, False, True, True]).confidence([0.0, 3.0]).tolist() == [0.75, 0.75]
    assert Isotonic().fit([1.0, 2.0], [True, False]).confidence([1.0, 1.25, 2.0]).tolist() == [1, 0.75, 0]


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FINITE, min_size=1, max_size=8, unique_by=lambda x: x + 0.0), st.lists(FINITE, max_size=8))
def test_the_line_through_the_knots_is_monotone_and_stays_between_them(knots: list[float], asked: list[float]) -> None:
    x = np.sort(knots)
    y = np.linspace(0.1, 0.7, len(x))
    with np.errstate(over="ignore"):
        beside = [*np.nextafter(knots, math.inf), *np.nextafter(knots, -math.inf)]
    at = np.sort([*asked, *knots, *filter(math.isfinite, beside)])
    np.testing.assert_array_equal(interpolated(x, x, y), y)
    for values in (y, y[::-1]):
        steps = np.diff(interpolated(at, x, values))
        assert (steps >= 0).all() or (steps <= 0).all()
    assert (interpolated(at, x, y) >= y[0]).all()
    assert (interpolated(at, x, y) <= y[-1]).all()


def test_the_line_is_that_of_numpy_where_numpy_has_no_overflow() -> None:
    x, y = np.sort(RNG.normal(size=50)), np.sort(RNG.random(50))
    at = RNG.normal(size=1000) * 2
    np.testing.assert_allclose(interpolated(at, x, y), np.interp(at, x, y), rtol=0, atol=1e-14)
