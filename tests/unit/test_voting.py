"""Votes at test time."""

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncal.voting import Vote, confidence_weighted_vote, majority, max_confidence, mean_over_analyses

ANSWERS = ["a", "a", "b", "a", "c"]
STATED = [0.9, 0.8, 0.95, 0.6, 0.5]


def test_five_replies_come_to_the_known_numbers() -> None:
    assert majority(ANSWERS) == Vote("a", 0.6)
    assert max_confidence(ANSWERS, STATED) == Vote("b", 0.95)
    answer, confidence = confidence_weighted_vote(ANSWERS, STATED)
    assert (answer, round(confidence, 4)) == ("a", 0.6133)
    assert confidence_weighted_vote(ANSWERS, STATED, confidence="mean") == Vote("a", pytest.approx(2.3 / 3))


def test_a_few_sure_replies_outvote_many_unsure_ones() -> None:
    assert confidence_weighted_vote(["a", "a", "a", "b"], [0.1, 0.1, 0.1, 0.9]) == Vote("b", pytest.approx(0.75))


def test_of_equals_the_first_in_appearance_wins() -> None:
    assert majority(["b", "a", "a", "b"]).answer == "b"
    assert max_confidence(["b", "a"], [0.7, 0.7]).answer == "b"
    assert confidence_weighted_vote(["b", "a", "a"], [0.5, 0.25, 0.25]).answer == "b"
    for order in permutations([0.1, 0.2, 0.3]):  # floating sums of these differ by their order
        assert confidence_weighted_vote(["b", "b", "b", "a", "a", "a"], [0.3, 0.2, 0.1, *order]).answer == "b"


@pytest.mark.parametrize("nothing", [0.0, None, math.nan])
def test_where_nothing_is_stated_the_majority_decides(nothing: Any) -> None:
    answers = ["a", "b", "b"]
    assert max_confidence(answers, [nothing] * 3) == Vote("b", pytest.approx(2 / 3))
    assert confidence_weighted_vote(answers, [nothing] * 3) == Vote("b", pytest.approx(2 / 3))


def test_replies_without_an_answer_or_a_number_have_no_vote() -> None:
    assert majority([None, None, "a"]) == Vote("a", 1.0)
    assert max_confidence([None, "a", "b"], [0.9, None, 0.2]) == Vote("b", 0.2)
    assert confidence_weighted_vote([None, "a", "b"], [0.9, math.nan, 0.2]) == Vote("b", 1.0)
    for vote in (majority([]), majority([None]), max_confidence([None], [0.5]), confidence_weighted_vote([], [])):
        assert vote.answer is None
        assert math.isnan(vote.confidence)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), min_size=1))
def test_the_winner_has_the_most_confidence_and_shares_add_up_to_one(replies: list[tuple[str, float]]) -> None:
    answers, stated = [answer for answer, _ in replies], [q for _, q in replies]
    vote = confidence_weighted_vote(answers, stated)
    sums = {one: math.fsum(q for answer, q in replies if answer == one) for one in answers}
    if any(stated):
        assert sums[str(vote.answer)] == max(sums.values())
    assert 0 < vote.confidence <= 1
    equal = confidence_weighted_vote(answers, [0.5] * len(answers))
    assert equal.answer == majority(answers).answer
    assert equal.confidence == pytest.approx(majority(answers).confidence)


def test_the_mean_over_analyses_leaves_out_what_could_not_be_read() -> None:
    got = mean_over_analyses([[0.2, 0.4], [0.5, None, math.nan], [None], []])
    np.testing.assert_allclose(got, [0.3, 0.5, np.nan, np.nan])


def test_the_mean_over_analyses_has_a_lower_brier_score_than_one_draw() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=2000)
    correct = rng.uniform(size=2000) < p
    drawn = np.clip(p[:, None] + rng.normal(scale=0.2, size=(2000, 8)), 0, 1)
    brier = [float(np.square(mean_over_analyses(drawn[:, :k].tolist()) - correct).mean()) for k in (1, 2, 8)]
    assert brier[0] > brier[1] > brier[2]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: max_confidence(["a"], [1.5]), r"confidences\[0\] holds 1\.5"),
        (lambda: confidence_weighted_vote(["a"], []), "confidences has 0 entries"),
        (lambda: confidence_weighted_vote(["a"], [0.5], confidence="max"), "confidence is 'max'"),  # type: ignore[arg-type]
        (lambda: mean_over_analyses([[0.5], [math.inf]]), r"stated\[1\] holds inf"),
    ],
)
def test_what_makes_no_sense_is_named(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
