"""The paper's reward."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncal.rewards import TargetMatch, target_match_reward


def said(value: float) -> str:
    return f"<uncertainty>{value:.2f}</uncertainty>"


@pytest.mark.parametrize(
    ("stated", "target", "reward"), [(0.70, 0.72, 0.95), (0.70, 0.70, 0.95), (0.70, 0.20, 0.5), (0.0, 1.0, 0.0)]
)
def test_known_values(stated: float, target: float, reward: float) -> None:
    assert TargetMatch()([said(stated)], uncertainty=[target]) == [pytest.approx(reward)]


@given(st.integers(0, 100), st.integers(0, 100))
def test_it_is_symmetric_and_the_same_for_complements(a: int, b: int) -> None:
    x, y = a / 100, b / 100
    reward = TargetMatch()([said(x)], uncertainty=[y])[0]
    assert TargetMatch()([said(y)], uncertainty=[x])[0] == pytest.approx(reward)
    assert TargetMatch()([said(1 - x)], uncertainty=[1 - y])[0] == pytest.approx(reward)
    assert reward is not None
    assert 0 <= reward <= 0.95


def test_the_best_statement_lies_within_the_dead_zone_of_the_median_target() -> None:
    targets = [0.1, 0.2, 0.9]
    mean = [math.fsum(r or 0 for r in TargetMatch()([said(x / 100)] * 3, uncertainty=targets)) for x in range(101)]
    best = [x / 100 for x in range(101) if mean[x] == pytest.approx(max(mean))]
    assert all(abs(x - 0.2) <= 0.05 + 1e-9 for x in best)


@pytest.mark.parametrize("text", ["", "90%", "nan", "<uncertainty>nan</uncertainty>", "<uncertainty>150</uncertainty>"])
def test_what_cannot_be_read_gets_the_reward_of_the_malformed(text: str) -> None:
    assert TargetMatch()([text], uncertainty=[0.5]) == [0.0]
    assert TargetMatch(malformed=-1.0)([text], uncertainty=[0.5]) == [-1.0]


def test_a_missing_target_skips_the_completion() -> None:
    assert TargetMatch()([said(0.5)] * 2, uncertainty=[None, math.nan]) == [None, None]


def test_messages_and_texts_are_the_same_and_other_columns_are_left_alone() -> None:
    text = "<reflect>hm</reflect>" + said(0.3)
    conversation = [{"role": "assistant", "content": text}]
    for completion in (text, conversation):
        rewards = target_match_reward([completion], uncertainty=[0.3], prompts=["?"], trainer_state=None)
        assert rewards == [0.95]


def test_a_data_set_without_targets_is_told_so() -> None:
    with pytest.raises(ValueError, match="no column 'uncertainty'"):
        TargetMatch()([said(0.3)])
    with pytest.raises(ValueError, match="uncertainty has 1 entries; it must have one for each of the 2 completions"):
        TargetMatch()([said(0.3)] * 2, uncertainty=[0.3])
