"""Rewards of a frozen answer's number: Brier, log, spherical, Rewarding Doubt, SaySelf, squared target, mix."""

import math
from typing import Any

import pytest

from uncal import objectives
from uncal.errors import ConfigError
from uncal.rewards import Brier, LogScore, Mix, RewardingDoubt, SaySelf, Spherical, SquaredTarget, TargetMatch


def said(value: float) -> str:
    return f"<uncertainty>{value:.2f}</uncertainty>"


def tenths(value: int) -> str:
    return f"<confidence>{value}</confidence>"


def test_brier_is_one_less_the_square_of_what_was_missing() -> None:
    assert Brier()([said(0.3)] * 2 + ["?"], correct=[True, False, True]) == pytest.approx([0.91, 0.51, 0.0])


def test_a_soft_outcome_is_matched_by_brier_and_weighed_by_the_others() -> None:
    assert Brier()([said(0.3)], correct=[0.7]) == pytest.approx([1.0])
    for reward in (LogScore(), Spherical()):
        right, wrong, soft = reward([said(0.3)] * 3, correct=[1, 0, 0.25])
        assert soft == pytest.approx(0.25 * right + 0.75 * wrong)


def test_the_log_score_is_clipped_and_what_cannot_be_read_costs_as_much_as_the_worst_number() -> None:
    assert LogScore()([said(0.2), said(1.0), "?"], correct=[True] * 3) == pytest.approx(
        [math.log(0.8), math.log(0.001), math.log(0.001)]
    )
    assert LogScore(clip=0.1)([said(1.0), "?"], correct=[True] * 2) == pytest.approx([math.log(0.1)] * 2)
    assert LogScore(malformed=-9.0)(["?"], correct=[True]) == [-9.0]
    with pytest.raises(ValueError, match=r"clip is 0\.5; it must lie in \(0, 0\.5\)"):
        LogScore(clip=0.5)


def worth(reward: Any, p: float) -> float:
    """Expected worth of an answer that is right with probability p, stated honestly, one more for a right one."""
    right, wrong = reward([f"<uncertainty>{1 - p:.6f}</uncertainty>"] * 2, correct=[True, False])
    return p * (1 + right) + (1 - p) * wrong


def test_with_accuracy_beside_it_the_log_score_pays_for_answers_known_to_be_wrong() -> None:
    reward = LogScore(clip=1e-9)
    grid = [i / 1000 for i in range(1, 1000)]
    values = [worth(reward, p) for p in grid]
    lowest = min(range(len(grid)), key=values.__getitem__)
    assert grid[lowest] == pytest.approx(1 / (1 + math.e), abs=1e-3)  # 0.269
    assert values[lowest] == pytest.approx(-0.313, abs=1e-3)
    assert worth(reward, 0.0) == pytest.approx(0, abs=1e-6)
    assert worth(reward, 0.64) < 0 < worth(reward, 0.66)
    assert [p for p, value in zip(grid, values, strict=True) if value < 0][-1] == pytest.approx(0.65, abs=0.01)


def test_with_accuracy_beside_it_brier_pays_most_for_the_answer_that_is_most_likely_right() -> None:
    values = [worth(Brier(), i / 100) for i in range(101)]
    assert values == pytest.approx([1 + (i / 100) ** 2 for i in range(101)])


@pytest.mark.parametrize("other", ["rlcr", "segmented"])
def test_the_log_score_cannot_be_trained_beside_a_trainable_answer(other: str) -> None:
    with pytest.raises(ConfigError, match="differ in order: answer_first, "):
        objectives.make("reinforce", names=("log_score", other))


def test_the_spherical_score_of_a_sure_answer_is_one_or_nothing() -> None:
    got = Spherical()([said(0.0), said(0.0), said(0.6)], correct=[True, False, False])
    assert got == pytest.approx([1.0, 0.0, 0.6 / math.sqrt(0.52)])


@pytest.mark.parametrize(
    ("stated", "correct", "reward"),
    [(10, True, 12.5), (5, True, 10.495), (0, True, -7.503), (10, False, -10.003), (5, False, 7.995), (0, False, 10.0)],
)
def test_rewarding_doubt_gives_what_its_code_gives(stated: int, correct: bool, reward: float) -> None:
    assert RewardingDoubt()([tenths(stated)], correct=[correct]) == pytest.approx([reward], abs=5e-4)
    assert RewardingDoubt(scale=5.0)([tenths(stated), "?"], correct=[correct] * 2) == pytest.approx(
        [reward / 2, -15.0], abs=5e-4
    )


def test_say_self_runs_from_minus_one_to_one_and_takes_no_twelve() -> None:
    stated = [tenths(10), tenths(10), tenths(5), tenths(0), tenths(12), "<confidence>0.9</confidence>"]
    assert SaySelf()(stated, correct=[1, 0, 1, 0, 1, 1]) == [1.0, -1.0, 0.5, 1.0, -1.0, -1.0]


def test_the_squared_target_is_best_at_the_mean_where_target_match_is_best_at_the_median() -> None:
    targets = [0.1, 0.2, 0.9]

    def best(reward: Any) -> list[float]:
        totals = {x: math.fsum(reward([said(x / 100)] * 3, uncertainty=targets)) for x in range(101)}
        return [x / 100 for x, total in totals.items() if total == pytest.approx(max(totals.values()), abs=1e-12)]

    assert best(SquaredTarget()) == [0.4]
    assert best(TargetMatch(dead_zone=0.0)) == [0.2]


def test_a_mix_lies_between_its_parts_and_is_best_between_target_and_outcome() -> None:
    columns: dict[str, Any] = {"uncertainty": [0.2, 0.2], "correct": [True, False]}
    stated = [said(0.4)] * 2
    for distance, target in (("squared", SquaredTarget()), ("absolute", TargetMatch())):
        for share in (0.0, 0.25, 1.0):
            wanted = [
                share * a + (1 - share) * b
                for a, b in zip(target(stated, **columns), Brier()(stated, **columns), strict=True)
            ]
            assert Mix(share=share, distance=distance)(stated, **columns) == pytest.approx(wanted)
    totals = [math.fsum(Mix(share=0.5)([said(x / 100)] * 2, **columns)) for x in range(101)]
    assert totals.index(max(totals)) == 35  # between 0.2 and one wrong answer of two


def test_a_mix_skips_what_has_no_target_or_no_outcome() -> None:
    got = Mix()([said(0.2)] * 3, uncertainty=[None, 0.2, 0.2], correct=[True, math.nan, True])
    assert got == [None, None, pytest.approx(0.98)]
    with pytest.raises(ValueError, match=r"share is 1\.5; it must lie in \[0, 1\]"):
        Mix(share=1.5)


@pytest.mark.parametrize("value", [1.5, -0.1, math.inf, "yes"])
def test_a_value_that_is_no_probability_is_named_with_its_row(value: Any) -> None:
    with pytest.raises(ValueError, match=r"correct\[1\] is .*; it must lie in \[0, 1\], or be None"):
        Brier()([said(0.2)] * 2, correct=[True, value])


def test_trl_is_told_what_was_stated() -> None:
    metrics: dict[str, float] = {}
    extra: dict[str, list[Any]] = {}
    stated = [said(0.2), said(0.2), said(0.5), "?"]
    Brier()(stated, correct=[True] * 4, log_metric=metrics.__setitem__, log_extra=extra.__setitem__)
    assert metrics == {"brier/malformed": 0.25, "brier/distinct": 2.0, "brier/mean_uncertainty": pytest.approx(0.3)}
    assert extra == {"brier/uncertainty": [0.2, 0.2, 0.5, None]}
    Brier()(["?"], correct=[True], log_metric=metrics.__setitem__)
    assert metrics["brier/malformed"] == 1.0
