"""Abstention and flips against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from uncal import fast


@st.composite
def verdicts(draw):
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a, b = draw(st.sampled_from([0.0, 0.3, 0.8, 1.0])), draw(st.sampled_from([0.0, 0.5, 1.0]))
    return rng.random(n) < a, rng.random(n) < b, rng


@settings(deadline=None, max_examples=80)
@given(verdicts(), st.floats(0, 10))
def test_abstention_is_that_of_its_definition(data, penalty):
    right, silent, rng = data
    found = fast.abstention(right, silent, penalty=penalty)
    nan = float("nan")
    mean = lambda rows: pytest.approx(rows.mean() if rows.size else nan, nan_ok=True)  # noqa: E731
    assert found.accuracy == mean(right[~silent])
    assert found.coverage == pytest.approx(1 - silent.mean())
    assert found.correct_abstention == mean(~right[silent])
    assert found.over_abstention == mean(right[silent])
    assert found.utility == pytest.approx(np.where(silent, 0, np.where(right, 1, -penalty)).mean())
    if silent.any() or not right.all():
        assert found.f1 == pytest.approx(f1_score(~right, silent, zero_division=0.0))
    else:
        assert np.isnan(found.f1)
    order = rng.permutation(len(right))
    assert fast.abstention(right[order], silent[order], penalty=penalty) == pytest.approx(found, nan_ok=True)
    weights = rng.integers(0, 3, len(right))
    weights[0] = 1
    again = fast.abstention(np.repeat(right, weights), np.repeat(silent, weights), penalty=penalty)
    assert fast.abstention(right, silent, penalty=penalty, weights=weights) == pytest.approx(again, nan_ok=True)


@pytest.mark.parametrize("penalty", [0.0, 0.5, 1.0, 4.0])
def test_no_threshold_earns_more_than_the_one_of_the_penalty(penalty):
    q = np.linspace(0.0005, 0.9995, 1000)
    best = fast.abstention_threshold(penalty)
    assert best == penalty / (1 + penalty)

    def earned(threshold):  # by calibrated answers, on average
        return np.where(q < threshold, 0, q - penalty * (1 - q)).mean()

    assert earned(best) == max(earned(threshold) for threshold in [*np.linspace(0, 1, 101), best])


@settings(deadline=None, max_examples=60)
@given(verdicts())
def test_flip_rates_are_those_of_their_definition(data):
    before, after, rng = data
    found = fast.flip_rates(before, after)
    nan = float("nan")
    lost = (~after[before]).mean() if before.any() else nan
    won = after[~before].mean() if not before.all() else nan
    assert found == pytest.approx((lost, won), nan_ok=True)
    assert fast.flip_rates(~before, ~after) == pytest.approx((won, lost), nan_ok=True)
    order = rng.permutation(len(before))
    assert fast.flip_rates(before[order], after[order]) == pytest.approx(found, nan_ok=True)
    assert fast.flip_rates(before, after, weights=np.full(len(before), 3)) == pytest.approx(found, nan_ok=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fast.abstention([], []), "correct: empty, needs at least one row"),
        (lambda: fast.abstention([True], [True, False]), "abstained: has 2 rows, 1 expected"),
        (lambda: fast.abstention([0.5], [True]), "correct: row 0 is 0.5, must be bool, or all 0 and 1"),
        (lambda: fast.abstention([True], [2]), "abstained: row 0 is 2, must be bool, or all 0 and 1"),
        (
            lambda: fast.abstention([True], [True], penalty=-1.0),
            "penalty: is -1.0, must be a finite number of at least",
        ),
        (lambda: fast.abstention([True], [True], weights=[0]), "weights: their sum is 0.0, must lie between"),
        (lambda: fast.abstention_threshold(float("inf")), "penalty: is inf, must be a finite number of at least 0"),
        (lambda: fast.flip_rates([], []), "before: empty, needs at least one row"),
        (lambda: fast.flip_rates([True], []), "after: has 0 rows, 1 expected"),
        (lambda: fast.flip_rates([True], [None]), "after: row 0 is None, must be bool, or all 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_named(call, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call()
    assert str(caught.value).startswith(message)
