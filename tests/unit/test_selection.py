"""Which questions and tokens are worth training on."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy

from uncal.selection import (
    balance_by_target,
    drop_zero_variance,
    error_uncertainty_quadrants,
    forking_token_mask,
    known_unknown_split,
    mc_dropout_aggregate,
    select_top_uncertain,
)

NAN = math.nan


def test_groups_that_are_all_alike_are_dropped() -> None:
    rewards = [1, 1, 1, 0, 1, 0.5, NAN, 0.5, NAN, 0.5, 0.7]
    assert drop_zero_variance(rewards, [0, 2, 5, 7, 9, 9, 11]).tolist() == [False, True, False, False, False, True]
    assert drop_zero_variance([0.5, 0.7], [0, 2], min_std=0.2).tolist() == [False]


@given(st.lists(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=2, max_size=5), max_size=6))
def test_what_is_kept_is_what_has_an_advantage(groups: list[list[float]]) -> None:
    ends = np.cumsum([0, *map(len, groups)])
    kept = drop_zero_variance([r for group in groups for r in group], ends)
    advantages = [any(r != sum(group) / len(group) for r in group) for group in groups]
    assert kept.tolist() == advantages


@given(st.lists(st.floats(0, 1) | st.just(NAN), max_size=60), st.integers(1, 12), st.none() | st.integers(1, 5))
def test_every_bin_that_is_not_empty_gives_as_many(targets: list[float], n_bins: int, per_bin: int | None) -> None:
    drawn = balance_by_target(targets, n_bins=n_bins, per_bin=per_bin, seed=1)
    assert (np.diff(drawn) > 0).all()

    def count(rows: Any) -> dict[int, int]:
        bins = [min(int(targets[i] * n_bins), n_bins - 1) for i in rows if not math.isnan(targets[i])]
        return {b: bins.count(b) for b in set(bins)}

    there = count(range(len(targets)))
    most = per_bin if per_bin is not None else min(there.values(), default=0)
    assert count(drawn) == {b: min(most, n) for b, n in there.items()}
    assert drawn.tolist() == balance_by_target(targets, n_bins=n_bins, per_bin=per_bin, seed=1).tolist()


def test_other_seeds_draw_others() -> None:
    draws = {tuple(balance_by_target([0.1] * 50 + [0.9] * 5, n_bins=2, seed=seed)) for seed in range(5)}
    assert len(draws) == 5


def test_quadrants_are_told_apart_by_their_quantiles() -> None:
    perplexity, entropy = [1.0, 1.0, 8.0, 8.0], [0.1, 2.0, 0.1, 2.0]
    wanted = ["redundant", "calibration", "misconception", "noise"]
    assert error_uncertainty_quadrants(perplexity, entropy).tolist() == wanted
    assert set(error_uncertainty_quadrants(perplexity, entropy, (1.0, 1.0))) == {"redundant"}
    quarter = error_uncertainty_quadrants(np.arange(8.0), np.arange(8.0), (0.25, 0.75)).tolist()
    assert quarter == ["redundant"] * 2 + ["misconception"] * 4 + ["noise"] * 2
    assert error_uncertainty_quadrants([], []).tolist() == []


def test_the_most_uncertain_come_first_by_the_weight_of_the_two_models() -> None:
    base, full = [0.9, 0.5, 0.1, 0.5], [0.0, 0.8, 0.9, 0.8]
    assert select_top_uncertain(base, full, 2, weight=0.0).tolist() == [0, 1]
    assert select_top_uncertain(base, full, 3, weight=1.0).tolist() == [2, 1, 3]
    assert select_top_uncertain(base, full, 9).tolist() == [1, 3, 2, 0]


def test_dropout_passes_are_put_together_as_their_definitions_say() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(5), size=(7, 3))
    total, inner = scipy_entropy(p.mean(0), axis=1), scipy_entropy(p, axis=2).mean(0)
    np.testing.assert_allclose(mc_dropout_aggregate(p), total, rtol=1e-12)
    np.testing.assert_allclose(mc_dropout_aggregate(p, "mean_entropy"), inner, rtol=1e-12)
    np.testing.assert_allclose(mc_dropout_aggregate(p, "mutual_information"), total - inner, atol=1e-12)


def test_passes_that_agree_have_no_mutual_information() -> None:
    sure, alike = np.array([[[1.0, 0.0]]] * 4), np.array([[[0.5, 0.5]]] * 4)
    assert mc_dropout_aggregate(sure).tolist() == [0.0]
    assert mc_dropout_aggregate(alike).tolist() == [pytest.approx(math.log(2))]
    assert mc_dropout_aggregate(alike, "mutual_information").tolist() == [0.0]


def test_what_is_answered_often_enough_is_known() -> None:
    known, unknown = known_unknown_split([True, False, True])
    assert (known.tolist(), unknown.tolist()) == ([0, 2], [1])
    known, unknown = known_unknown_split([0.5, 0.8, NAN], threshold=0.6)
    assert (known.tolist(), unknown.tolist()) == ([1], [0])


@given(st.lists(st.floats(0, 10), min_size=1, max_size=80, unique=True), st.floats(0, 1))
def test_the_tokens_of_the_highest_entropy_are_marked(entropy: list[float], quantile: float) -> None:
    mask = forking_token_mask(entropy, quantile)
    values = np.array(entropy)
    assert mask.any()
    assert values[mask].min() > values[~mask].max(initial=-1)
    assert abs(mask.mean() - (1 - quantile)) <= 1 / len(entropy) + 1e-9


def test_padding_neither_counts_nor_is_marked() -> None:
    mask = forking_token_mask([[5.0, NAN, NAN], [1.0, 2.0, 3.0], [0.1, 0.2, 0.3]])
    assert mask.tolist() == [[True, False, False], [False, False, True], [False, False, False]]
    assert not forking_token_mask([NAN, NAN]).any()
    assert forking_token_mask([0.5, 0.5]).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: drop_zero_variance([1, 2], [0, 1]), "offsets must rise from 0 to the 2 rewards"),
        (lambda: drop_zero_variance([[1]], [0, 1]), r"rewards has shape \(1, 1\)"),
        (lambda: drop_zero_variance([math.inf], [0, 1]), "rewards has infinite values"),
        (lambda: drop_zero_variance([1.0], [0, 1], min_std=NAN), "min_std is nan"),
        (lambda: balance_by_target([1.5]), "targets must lie in"),
        (lambda: balance_by_target([0.5], n_bins=0), "n_bins is 0"),
        (lambda: balance_by_target([0.5], per_bin=0), "per_bin is 0"),
        (lambda: error_uncertainty_quadrants([1.0], [1.0, 2.0]), "entropy has 2 entries"),
        (lambda: error_uncertainty_quadrants([NAN], [1.0]), "perplexity has NaN at 0"),
        (lambda: error_uncertainty_quadrants([1.0], [1.0], (0.5, 2.0)), "quantiles is"),
        (lambda: select_top_uncertain([1.0], [1.0], 0), "k is 0"),
        (lambda: select_top_uncertain([1.0], [1.0], 1, weight=2), "weight is 2"),
        (lambda: select_top_uncertain([1.0], [], 1), "u_full has 0 entries"),
        (lambda: mc_dropout_aggregate([[0.5, 0.5]]), r"probabilities has shape \(1, 2\)"),
        (lambda: mc_dropout_aggregate([[[0.5, 0.6]]]), "probabilities must be 0 or more and add up to 1"),
        (lambda: mc_dropout_aggregate([[[1.0]]], "variance"), "method is 'variance'"),  # type: ignore[arg-type]
        (lambda: known_unknown_split([1.0], threshold=NAN), "threshold is nan"),
        (lambda: forking_token_mask([1.0], 1.5), r"quantile is 1\.5"),
        (lambda: forking_token_mask([math.inf]), "entropy has infinite values"),
    ],
)
def test_what_makes_no_sense_is_named(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
