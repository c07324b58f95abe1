"""The world's law, and the ideal number against brute force."""

from itertools import chain, permutations

import numpy as np
import pytest

from uncal.errors import ConfigError
from uncal.testbed.world import SHARES, World, draw, posterior

SMALL = World(entities=60, relations=4, held_out=1, values=6, mentions=900, noise=0.2)


def by_enumeration(counts: np.ndarray, ambiguity: float, noise: float) -> np.ndarray:
    """Bayes' theorem over every way in which a fact can be, one by one."""
    V = len(counts)
    ways = [(1 - ambiguity, np.eye(V)[value]) for value in range(V)]
    ways = [(weight / V, shares) for weight, shares in ways]
    for shares in SHARES:
        for pair in permutations(range(V), 2):
            right = np.zeros(V)
            right[list(pair)] = shares
            ways.append((ambiguity / len(SHARES) / (V * (V - 1)), right))
    weights = np.array([weight * np.prod(((1 - noise) * right + noise / V) ** counts) for weight, right in ways])
    return weights @ np.array([right for _, right in ways]) / weights.sum()


@pytest.mark.parametrize("ambiguity", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_the_ideal_number_is_bayes_theorem_over_every_way_a_fact_can_be(ambiguity: float, noise: float) -> None:
    counts = np.random.default_rng(0).poisson(1.5, (40, 5))
    counts[0] = 0
    found = posterior(counts, np.full(40, ambiguity), noise)
    wanted = np.array([by_enumeration(row, ambiguity, noise) for row in counts])
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-14)


def test_a_fact_told_very_often_leaves_no_overflow_behind() -> None:
    counts = np.array([[100_000, 0, 0], [53_000, 47_000, 0]])
    found = posterior(counts, np.array([0.5, 0.5]), 0.05)
    assert found[0, 0] > 0.99
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found[1], [0.5, 0.5, 0], atol=1e-9)  # the shares (0.5, 0.5) fit best


def test_answers_are_right_as_often_as_the_ideal_number_says() -> None:
    ideal, right = [], []
    for seed in range(150):
        facts = draw(SMALL, seed)
        # An answer that is not always the best one, so that all probabilities come up.
        answers = np.random.default_rng(seed).integers(SMALL.values, size=len(facts.counts))
        told = facts.counts.argmax(1)
        answers[::2] = told[::2]
        known = posterior(facts.counts, facts.ambiguity, SMALL.noise)
        ideal.append(known[np.arange(len(known)), answers])
        right.append(facts.accepted == answers)
    said, was = np.concatenate(ideal), np.concatenate(right)
    for low in np.arange(0, 1, 0.1):
        rows = (said >= low) & (said < low + 0.1)
        spread = np.sqrt((said[rows] * (1 - said[rows])).sum()) / rows.sum()
        assert abs(was[rows].mean() - said[rows].mean()) < 4 * spread  # four standard errors, ten bins, one seed


def test_no_other_number_has_a_better_brier_score_than_the_ideal_one() -> None:
    scores = {}
    for shift in (-0.05, 0.0, 0.05):
        total = 0.0
        for seed in range(40):
            facts = draw(SMALL, seed)
            told = facts.counts.argmax(1)
            known = posterior(facts.counts, facts.ambiguity, SMALL.noise)[np.arange(len(told)), told]
            total += np.square(np.clip(known + shift, 0, 1) - (facts.accepted == told)).sum()
        scores[shift] = total
    assert scores[0.0] == min(scores.values())


def test_the_uncertainty_of_an_answer_is_one_minus_its_probability_and_of_a_stranger_one() -> None:
    facts = draw(SMALL, 0)
    names = facts.value_names[facts.relation[7]]
    known = posterior(facts.counts, facts.ambiguity, SMALL.noise)[7]
    found = facts.ideal([7, 7, 7], [names[0], f" {names[1]}", "nobody"])
    np.testing.assert_allclose(found, [1 - known[0], 1 - known[1], 1.0])


def test_a_seed_gives_the_same_world_and_another_seed_another() -> None:
    one, same, other = draw(SMALL, 3), draw(SMALL, 3), draw(SMALL, 4)
    assert one.table().equals(same.table())
    assert (one.counts == same.counts).all()
    assert not one.table().equals(other.table())


def test_held_out_relations_are_asked_in_the_test_alone_and_the_others_in_fixed_shares() -> None:
    facts = draw(World(), 0)
    assert set(facts.split[facts.held_out]) == {"test"}
    names, counts = np.unique(facts.split[~facts.held_out], return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {"calibrate": 600, "train": 1080, "validate": 240, "test": 480}
    assert facts.counts.sum() == World().mentions
    assert (facts.shares[np.arange(len(facts.shares)), facts.accepted] > 0).all()
    words = [*facts.entity_names, *facts.relation_names, *chain(*facts.value_names)]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"noise": 0.0}, r"noise is 0.0; it must lie in \(0, 1\)"),
        ({"relations": 2}, "relations is 2; it must be more than held_out, 2"),
        ({"values": 1}, "values is 1; it must be at least 2"),
        ({"zipf": -1.0}, "zipf is -1.0; it must be 0 or more"),
        ({"most_ambiguous": 1.5}, r"most_ambiguous is 1.5; it must lie in \[0, 1\]"),
    ],
)
def test_settings_that_make_no_world_are_refused(setting: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        World(**setting)  # type: ignore[arg-type]
