"""Learned deferral: its features and curve by their definitions, and that it learns what a single score cannot say."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncal.deferral import Curve, Deferral, deferral_curve, features
from uncal.errors import ArtefactError
from uncal.types import BoolArray, FloatArray, IntArray


def answers(count: int, seed: int) -> tuple[FloatArray, IntArray, BoolArray]:
    """Answers of 3 to 30 tokens: the large model helps where a token is doubtful, however long the answer is."""
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *rng.integers(3, 30, size=count)])
    logprobs = -rng.exponential(0.2, size=offsets[-1])
    helps = rng.random(count) < 0.4
    logprobs[offsets[:-1][helps]] -= rng.exponential(2.0, size=int(helps.sum()))
    return logprobs, offsets, helps


def test_features_are_quantiles_sum_mean_and_length() -> None:
    logprobs, offsets, _ = answers(50, 0)
    for row, start, end in zip(features(logprobs, offsets), offsets[:-1], offsets[1:], strict=True):
        own = logprobs[start:end]
        expected = [*np.quantile(own, np.arange(11) / 10), own.sum(), own.mean(), np.log(len(own))]
        np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-14)


def test_it_learns_what_neither_sum_nor_mean_says() -> None:
    logprobs, offsets, helps = answers(2000, 1)
    model = Deferral().fit(logprobs, helps, offsets)
    logprobs, offsets, helps = answers(2000, 2)
    small, large = ~helps, np.ones(2000, dtype=bool)
    rows = features(logprobs, offsets)
    learned = deferral_curve(model.chance(logprobs, offsets), small, large).area
    by_sum, by_mean = (deferral_curve(-rows[:, column], small, large).area for column in (11, 12))
    assert learned > max(by_sum, by_mean) + 0.005
    assert learned < deferral_curve(helps, small, large).area
    chance = model.chance(logprobs, offsets)
    assert abs(chance.mean() - helps.mean()) < 0.05


def test_a_saved_model_gives_the_same_bits(tmp_path: Path) -> None:
    logprobs, offsets, helps = answers(200, 3)
    model = Deferral(penalty=0.5).fit(logprobs, helps, offsets)
    model.save(tmp_path / "deferral.json")
    again = Deferral.load(tmp_path / "deferral.json")
    assert again.penalty == 0.5
    np.testing.assert_array_equal(again.chance(logprobs, offsets), model.chance(logprobs, offsets))
    wrong = [json.dumps({"kind": "platt"}), "[", json.dumps(json.loads(model.to_json()) | {"weights": [1.0]})]
    for text in wrong:
        with pytest.raises(ArtefactError, match="this is no deferral model of uncal"):
            Deferral.from_json(text)


def by_definition(score: FloatArray, small: FloatArray, large: FloatArray) -> Curve:
    """The mean over many random orders of ties, answer by answer."""
    rng = np.random.default_rng(0)
    curves = []
    for _ in range(4000):
        order = np.lexsort([rng.random(len(score)), -score])
        handed = [np.isin(np.arange(len(score)), order[:k]) for k in range(len(score) + 1)]
        curves.append([np.where(those, large, small).mean() for those in handed])
    mean = np.mean(curves, axis=0)
    rate = np.arange(len(score) + 1) / len(score)
    return Curve(rate, mean, float(np.trapezoid(mean, rate)))


def test_the_curve_is_the_mean_over_random_orders_of_ties() -> None:
    score = np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    small, large = np.array([0.0, 1, 0, 1, 1]), np.array([1.0, 0, 1, 1, 0])
    found, expected = deferral_curve(score, small, large), by_definition(score, small, large)
    assert found.rate.tolist() == [0, 0.2, 0.8, 1.0]
    np.testing.assert_allclose(np.interp(expected.rate, found.rate, found.quality), expected.quality, atol=0.01)
    assert abs(found.area - expected.area) < 0.01


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_curves_start_with_the_small_model_and_end_with_the_large_one(rows: list[tuple[int, bool, bool]]) -> None:
    score, small, large = (np.array(column, float) for column in zip(*rows, strict=True))
    found = deferral_curve(score, small, large)
    assert (found.rate[0], found.rate[-1]) == (0, 1)
    np.testing.assert_allclose([found.quality[0], found.quality[-1]], [small.mean(), large.mean()], atol=1e-12)
    best = deferral_curve(large - small, small, large).area
    assert found.area <= best + 1e-12
    again = deferral_curve(score[::-1], small[::-1], large[::-1])
    np.testing.assert_allclose(again.quality, found.quality, atol=1e-12)


def test_what_makes_no_sense_is_named() -> None:
    two = np.full((2, 3), -1.0)
    with pytest.raises(ValueError, match=r"^logprobs: sequence 1 has a token of -infinity"):
        features(np.array([-1.0, -np.inf]), [0, 1, 2])
    with pytest.raises(ValueError, match=r"^helps: all 2 are alike"):
        Deferral().fit(two, [True, True])
    with pytest.raises(ValueError, match=r"^helps: has shape \(3,\) and dtype bool, must be \(2,\) bool"):
        Deferral().fit(two, [True, False, True])
    with pytest.raises(ValueError, match=r"^penalty: is 0"):
        Deferral(penalty=0)
    with pytest.raises(ValueError, match="not fitted"):
        Deferral().chance(two)
    with pytest.raises(ValueError, match="not fitted"):
        Deferral().to_json()
    with pytest.raises(ValueError, match=r"^large: has shape \(1,\), must be \(2,\)"):
        deferral_curve([1.0, 2.0], [1, 0], [1])
    with pytest.raises(ValueError, match=r"^score: row 1 is not finite"):
        deferral_curve([1.0, np.nan], [1, 0], [1, 0])
