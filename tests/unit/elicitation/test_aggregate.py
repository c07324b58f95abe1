"""Several replies make one number."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from uncal.elicitation import avg_conf, candidate, consistency, mean_stated, pair_rank, top_k_mean

ANSWERS = ["a", "a", "b", "a", "c"]
STATED = [0.9, 0.8, 0.95, 0.6, 0.5]


def test_published_numbers_come_out() -> None:
    assert candidate(ANSWERS) == "a"
    assert consistency(ANSWERS, "a") == pytest.approx(0.6)
    assert avg_conf(ANSWERS, STATED, "a") == pytest.approx(2.3 / 3.75)
    assert mean_stated(ANSWERS, STATED, "a") == pytest.approx(2.3 / 3)


def test_edges_are_as_documented() -> None:
    assert candidate([]) is None
    assert candidate(["b", "a", "a", "b"]) == "b"
    assert avg_conf(["a", "b"], [0.0, 0.0], "a") == 0.5  # nothing stated: consistency
    assert avg_conf(["a"], [0.3], "a") == 1
    assert math.isnan(consistency([], "a"))
    assert math.isnan(mean_stated(["b"], [0.5], "a"))
    assert math.isnan(top_k_mean([], "a"))
    assert pair_rank([]) == {}
    assert pair_rank([["a"]]) == {"a": 1.0}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), min_size=1, max_size=8))
def test_shares_of_all_answers_add_up_to_one(replies: list[tuple[str, float]]) -> None:
    answers, stated = [a for a, _ in replies], [q for _, q in replies]
    for share in (
        [consistency(answers, chosen) for chosen in set(answers)],
        [avg_conf(answers, stated, chosen) for chosen in set(answers)],
    ):
        assert math.fsum(share) == pytest.approx(1)


rankings = st.lists(
    st.sampled_from([list(p) for n in (1, 2, 3) for p in permutations("abcd", n)]), min_size=1, max_size=6
)


def likelihood(p: np.ndarray, names: list[str], orders: list[list[str]], prior: float) -> float:
    place = {name: i for i, name in enumerate(names)}
    pairs = [(place[a], place[b]) for order in orders for i, a in enumerate(order) for b in order[i + 1 :]]
    return float(sum(np.log(p[a] / (p[a] + p[b])) for a, b in pairs) + prior * np.log(p).sum())


@given(rankings)
def test_pair_rank_is_the_maximum_of_its_likelihood(orders: list[list[str]]) -> None:
    found = pair_rank(orders)
    names, p = list(found), np.array(list(found.values()))
    assert p.sum() == pytest.approx(1)
    if len(names) < 2:
        return
    softmax = lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum()  # noqa: E731
    best = minimize(lambda x: -likelihood(softmax(x), names, orders, 0.1), np.zeros(len(names)), tol=1e-12)
    np.testing.assert_allclose(p, softmax(best.x), atol=2e-4)  # how near BFGS comes
    assert likelihood(p, names, orders, 0.1) >= -best.fun - 1e-9


@given(rankings)
def test_the_order_of_replies_does_not_matter_and_who_always_wins_is_first(orders: list[list[str]]) -> None:
    found, again = pair_rank(orders), pair_rank(orders[::-1])
    assert found.keys() == again.keys()
    assert all(found[name] == pytest.approx(again[name], abs=1e-9) for name in found)
    one = pair_rank([["a", "b", "c"]])
    assert one["a"] > one["b"] > one["c"] > 0


def test_the_linear_form_is_what_it_says() -> None:
    orders = [["a", "b", "c"], ["b", "a"], ["a", "c"]]
    wins = {("a", "b"): 1, ("a", "c"): 2, ("b", "c"): 1, ("b", "a"): 1}
    x = np.zeros(3)
    place = {"a": 0, "b": 1, "c": 2}

    def objective(x: np.ndarray) -> float:
        p = np.exp(x)
        return float(sum(n * p[place[a]] / (p[place[a]] + p[place[b]]) for (a, b), n in wins.items()))

    for _ in range(1000):
        slope = [(objective(x + e) - objective(x - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
        x = x + 0.01 * np.array(slope)
    found = pair_rank(orders, form="linear")
    np.testing.assert_allclose(list(found.values()), np.exp(x) / np.exp(x).sum(), atol=1e-6)  # differences


def test_what_makes_no_sense_is_an_error() -> None:
    with pytest.raises(ValueError, match="rankings: an answer comes twice in ranking 1"):
        pair_rank([["a", "b"], ["b", "b"]])
    with pytest.raises(ValueError, match="prior is 0; it must be a finite number above 0"):
        pair_rank([["a", "b"]], prior=0)


def test_a_guess_that_a_reply_has_not_counts_as_nothing() -> None:
    assert top_k_mean([{"a": 0.6}, {"b": 0.9}, {"a": 0.3, "b": 0.5}], "a") == pytest.approx(0.3)
