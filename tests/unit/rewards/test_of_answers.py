"""Rewards of completions that give their own answer: RLCR, its format, and the segmented one."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncal import objectives
from uncal.errors import ConfigError
from uncal.rewards import AnswerFormat, Rlcr, Segmented
from uncal.rewards.segmented import segment_advantages, segment_masks

ROME = [["Rome"]]


def together(answer: str, confidence: float | str) -> str:
    return f"<answer>{answer}</answer> I may mix it up. <confidence>{confidence}</confidence>"


def first(confidence: float | str, answer: str) -> str:
    return f"<confidence>{confidence}</confidence> So: <answer>{answer}</answer>"


def test_rlcr_adds_format_accuracy_and_brier_by_half_each() -> None:
    got = Rlcr()([together("Rome", 0.8), together("Oslo", 0.8), "Rome, surely"], answers=ROME * 3)
    assert got == pytest.approx([0.5 + 0.5 + 0.5 * 0.96, 0.5 + 0.5 * 0.36, 0.0])
    weighed = Rlcr(format_weight=0, accuracy_weight=1, brier_weight=2, malformed=-1)
    assert weighed([together("Rome", 0.8), "?"], answers=ROME * 2) == pytest.approx([1 + 2 * 0.96, -1.0])
    with pytest.raises(ValueError, match="brier_weight is -1; it must be 0 or more"):
        Rlcr(brier_weight=-1)


@given(st.floats(0, 2), st.floats(0, 2), st.floats(0, 1))
def test_an_answer_is_worth_what_the_documentation_says(accuracy: float, brier: float, p: float) -> None:
    reward = Rlcr(format_weight=0, accuracy_weight=accuracy, brier_weight=brier)
    right, wrong, sunk = reward(
        [together("Rome", f"{p:.9f}"), together("Oslo", f"{p:.9f}"), together("Oslo", 0)], answers=ROME * 3
    )
    assert p * right + (1 - p) * wrong - sunk == pytest.approx((accuracy - brier) * p + brier * p * p, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [
        (together("Rome", 0.8), True),
        ("It could be Oslo.</think>" + together("Rome", 0.8), True),
        ("<think>It could be Oslo.</think>" + together("Rome", 0.8), True),
        ("<think>It could be Oslo." + together("Rome", 0.8), False),
        (together("Rome", 0.8) + "</think>", False),
        (together("Oslo", 0.1) + together("Rome", 0.8), True),
        (together("Rome", 0.8) + " I am done.", False),
        (together("Rome", "80%"), False),
        (together("Rome", 80), False),
        (together(" ", 0.8), False),
        (first(0.8, "Rome"), False),
        ("<answer>Rome<confidence>0.8</confidence>", False),
        ("<answer>Rome <confidence>0.8</confidence></answer>", False),
    ],
)
def test_the_format_is_an_answer_and_then_a_confidence_at_the_end(text: str, well_formed: bool) -> None:
    assert AnswerFormat()([text]) == [1.0 if well_formed else 0.0]
    assert Rlcr()([text], answers=ROME) == [pytest.approx(1.48) if well_formed else 0.0]


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [
        ("a</think><answer>Rome</answer><analysis>b</analysis><confidence>1</confidence>", True),
        ("<think>a</think><answer>Rome</answer><analysis>b</analysis><confidence>1</confidence>", True),
        ("<answer>Rome</answer><analysis>b</analysis><confidence>1</confidence>", False),
        ("a</think><analysis>b</analysis><answer>Rome</answer><confidence>1</confidence>", False),
    ],
)
def test_further_tags_can_be_asked_for_and_what_is_thought_may_begin_in_the_prompt(
    text: str, well_formed: bool
) -> None:
    tags = ("think", "answer", "analysis", "confidence")
    assert AnswerFormat(tags=tags)([text]) == [float(well_formed)]
    assert Rlcr(tags=tags)([text], answers=ROME) == [1.5 if well_formed else 0.0]


@pytest.mark.parametrize("tags", [("answer",), ("confidence", "answer"), ("answer", "think", "confidence")])
def test_tags_without_an_answer_before_the_confidence_are_an_error(tags: tuple[str, ...]) -> None:
    for kind in (AnswerFormat, Rlcr):
        with pytest.raises(ValueError, match="tags is "):
            kind(tags=tags)


def test_the_grader_is_chosen_by_name_and_travels_with_the_reward() -> None:
    reward = Rlcr(grader="numeric", grader_settings={})
    assert reward([together("4.0", 1)], answers=[["4"]]) == [1.5]
    assert pickle.loads(pickle.dumps(reward))([together("5", 1)], answers=[["4"]]) == [0.5]


def test_an_answer_that_cannot_be_graded_skips_its_completion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torn.py").write_text(
        "import numpy as np\n"
        "class Torn:\n"
        "    def __call__(self, texts, answers, questions=None):\n"
        "        assert questions == ['Which?'] * len(texts)\n"
        "        return np.ma.masked_array([True] * len(texts), [text == 'Oslo' for text in texts])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    columns = {"answers": ROME * 3, "question": ["Which?"] * 3}
    assert Rlcr(grader="torn:Torn")([together("Oslo", 1), together("Rome", 1), "?"], **columns) == [None, 1.5, 0.0]
    said = [first(1, "Oslo"), first(1, "Rome"), "?"]
    assert Segmented(grader="torn:Torn")(said, **columns) == [None, 2.0, 0.0]


def test_a_question_without_accepted_answers_is_skipped_and_one_answer_may_stand_alone() -> None:
    for reward, text in ((Rlcr(), together("Rome", 1)), (Segmented(), first(1, "Rome"))):
        values = reward([text] * 3, answers=[None, [], "Rome"])
        assert values[:2] == [None, None]
        assert values[2] in (1.5, 2.0)
        with pytest.raises(ValueError, match="the data set has no column 'answers', which "):
            reward([text])


def test_confidence_and_answer_are_rewarded_apart() -> None:
    said = [first(0.8, "Rome"), first(0.8, "Oslo"), first("90%", "Rome"), "<answer>Rome</answer>"]
    parts = Segmented().parts(said, answers=ROME * 4)
    np.testing.assert_allclose(parts, [[0.96, 0.36, 0, 0], [1, 0, 1, 0]])
    assert Segmented()(said, answers=ROME * 4) == pytest.approx([1.96, 0.36, 1.0, 0.0])
    assert Segmented(malformed=-1.0).parts(["?"], answers=ROME).tolist() == [[-1.0], [-1.0]]


def test_a_pass_rate_is_the_share_of_right_answers_to_the_same_prompt() -> None:
    reward = Segmented(target="pass_rate")
    said = [first(0.5, "Rome"), first(0.5, "Oslo"), first(0.5, "Rome"), "?"]
    prompts: list[Any] = [[{"role": "user", "content": "a"}]] * 2 + [[{"role": "user", "content": "b"}]] * 2
    parts = reward.parts(said, answers=ROME * 4, prompts=prompts)
    np.testing.assert_allclose(parts, [[1, 1, 1, 0], [1, 0, 1, 0]])
    with pytest.raises(ValueError, match="no column 'prompts', which segmented reads"):
        reward(said, answers=ROME * 4)


def test_what_is_stated_first_is_read_where_the_objective_says_so() -> None:
    objective = objectives.make("segmented")
    assert (objective.order, objective.read_out.order) == ("confidence_first", "confidence_first")
    record = objective.records([{"answer": "Rome", "uncertainty": 0.2}], [[]], 0)[0]
    assert Segmented()([record.text], answers=ROME) == pytest.approx([1.96])
    with pytest.raises(ConfigError, match="differ in order: confidence_first, together"):
        objectives.make("reinforce", names=("segmented", "rlcr"))


def test_each_token_gets_the_advantage_of_its_own_segment() -> None:
    rewards = np.array([[1.0, 0.0, 0.5, 0.5], [0.0, 1.0, np.nan, 1.0]])
    masks = np.zeros((2, 4, 3), dtype=bool)
    masks[0, :, 0] = masks[1, :, 1] = True  # the third token is of neither
    got = segment_advantages(rewards, masks, group_size=2)
    np.testing.assert_array_equal(got, [[0.5, -0.5, 0], [-0.5, 0.5, 0], [0, 0, 0], [0, 0, 0]])
    scaled = segment_advantages(rewards, masks, group_size=2, scale="group")
    spread = math.sqrt(0.5) + 1e-4
    np.testing.assert_allclose(scaled[:2, :2], np.array([[0.5, -0.5], [-0.5, 0.5]]) / spread)
    assert not scaled[2:].any()


def test_the_tokens_of_a_real_tokenizer_fall_to_the_segment_that_they_write(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_model)
    texts = ["Hm. " + first(0.8, "Rome"), first(1, "Oslo"), "no tag at all", ""]
    tokens = [[tokenizer.decode(i) for i in tokenizer(text)["input_ids"]] for text in texts]
    masks = segment_masks(tokens)
    assert masks.shape == (2, 4, max(map(len, tokens)))
    for k, (text, pieces) in enumerate(zip(texts, tokens, strict=True)):
        assert masks[:, k].sum(0).tolist() == [1] * len(pieces) + [0] * (masks.shape[2] - len(pieces))
        parts = ["".join(p for p, mine in zip(pieces, mask[k], strict=False) if mine) for mask in masks]
        assert "".join(parts) == text
        assert "answer" not in parts[0]
        assert "confidence" not in parts[1]
    parts = Segmented().parts(texts[:2], answers=ROME * 2)
    advantages = segment_advantages(parts, masks[:, :2], group_size=2)
    assert set(advantages[0].round(9)) <= {round((0.96 - 0.0) / 2, 9), 0.5, 0.0}


def test_advantages_of_a_group_add_up_to_nothing() -> None:
    rng = np.random.default_rng(0)
    rewards = rng.normal(size=(2, 12))
    masks = np.zeros((2, 12, 2), dtype=bool)
    masks[0, :, 0] = masks[1, :, 1] = True
    for scale in ("none", "group"):
        got = segment_advantages(rewards, masks, group_size=4, scale=scale)
        np.testing.assert_allclose(got.reshape(3, 4, 2).sum(1), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group_size": 3}, "group_size is 3; the 4 completions do not divide"),
        ({"masks": np.zeros((2, 3, 1))}, r"masks has shape \(2, 3, 1\)"),
        ({"masks": np.ones((2, 4, 1))}, "masks: a token belongs to two segments"),
        ({"rewards_by_segment": np.full((2, 4), np.inf)}, "rewards_by_segment has infinite values"),
        ({"scale": "batch"}, "scale is 'batch'"),
    ],
)
def test_segments_that_do_not_fit_are_named(change: dict[str, Any], words: str) -> None:
    fits = {"rewards_by_segment": np.zeros((2, 4)), "masks": np.zeros((2, 4, 1)), "group_size": 2}
    with pytest.raises(ValueError, match=words):
        segment_advantages(**(fits | change))
