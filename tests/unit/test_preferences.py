"""Preferences by a model's own confidence."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncal.preferences import (
    SpanConfidence,
    answer_span_confidence,
    mean_by_answer,
    preference_pairs,
    preference_records,
)

LOGPROBS = [math.log(p) for p in (0.9, 0.8, 0.5, 0.4)]
TOP = [[math.log(a), math.log(b)] for a, b in ((0.9, 0.05), (0.8, 0.1), (0.5, 0.3), (0.5, 0.4))]


@pytest.mark.parametrize(
    ("method", "value"), [("margin", 0.45), ("mean_prob", 0.65), ("min_prob", 0.5), ("product", 0.4)]
)
def test_a_span_is_as_sure_as_its_tokens_alone(method: Any, value: float) -> None:
    found = answer_span_confidence(LOGPROBS, (1, 3), TOP, method)
    assert found == SpanConfidence(pytest.approx(value), method)


@pytest.mark.parametrize("top", [None, [[-0.1]] * 4, [[-0.1, -math.inf]] * 4, TOP[:2]])
def test_without_the_second_best_token_the_margin_gives_way_and_says_so(top: Any) -> None:
    assert answer_span_confidence(LOGPROBS, (1, 3), top) == SpanConfidence(pytest.approx(0.65), "mean_prob")


def test_a_trace_without_an_answer_has_no_confidence_and_no_pair() -> None:
    none = answer_span_confidence(LOGPROBS, None, TOP).value
    assert none is None
    assert answer_span_confidence(LOGPROBS, (2, 2), TOP).value is None
    assert preference_pairs([0.9, none, math.nan, 0.1]) == [(0, 3)]


@pytest.mark.parametrize("span", [(0, 5), (-1, 2), (3, 1)])
def test_a_span_outside_the_completion_is_an_error(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"span is .* within the 4 tokens of logprobs"):
        answer_span_confidence(LOGPROBS, span)


def test_probabilities_are_no_log_probabilities() -> None:
    with pytest.raises(ValueError, match="logprobs has a value that is not a log-probability"):
        answer_span_confidence([0.9, 0.8], (0, 2))
    with pytest.raises(ValueError, match="logprobs has a value"):
        answer_span_confidence([math.nan], (0, 1))
    with pytest.raises(ValueError, match="method is 'max'"):
        answer_span_confidence(LOGPROBS, (0, 1), method="max")  # type: ignore[arg-type]


def test_traces_with_one_answer_share_the_mean_of_their_scores() -> None:
    assert mean_by_answer([0.8, 0.4, 0.7, math.nan], ["a", "a", "b", "a"]) == [pytest.approx(0.6)] * 2 + [0.7, None]
    with pytest.raises(ValueError, match="answers has 1 entries"):
        mean_by_answer([0.1, 0.2], ["a"])


@given(st.lists(st.none() | st.floats(0, 1), max_size=12), st.floats(0, 1), st.integers(1, 5), st.integers(0, 9))
def test_pairs_keep_the_margin_and_a_cap_draws_from_them(
    scores: list[float | None], margin: float, most: int, seed: int
) -> None:
    pairs = preference_pairs(scores, margin)
    for better, worse in pairs:
        a, b = scores[better], scores[worse]
        assert a is not None
        assert b is not None
        assert a > b
        assert a - b >= margin
    known = [s for s in scores if s is not None]
    assert len(pairs) == sum(a > b and a - b >= margin for a in known for b in known)
    few = preference_pairs(scores, margin, most, seed)
    assert len(few) == min(most, len(pairs))
    assert set(few) <= set(pairs)
    assert few == preference_pairs(scores, margin, most, seed)


def test_one_distinct_score_gives_no_pairs() -> None:
    assert preference_pairs([0.5, 0.5, 0.5], margin=0.0) == []


def test_settings_of_pairs_are_checked() -> None:
    with pytest.raises(ValueError, match="margin is -1"):
        preference_pairs([0.1], margin=-1)
    with pytest.raises(ValueError, match="max_pairs is 0; it must be at least 1, or None"):
        preference_pairs([0.1], max_pairs=0)


@pytest.mark.filterwarnings("ignore")
def test_the_records_train_by_dpo(tiny_model: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    prompt: Any = [{"role": "user", "content": "What is 2 + 2?"}]
    records = preference_records(prompt, ["It is 5.", "It is 4."], preference_pairs([0.2, 0.9]))
    assert records[0]["chosen"] == [{"role": "assistant", "content": "It is 4."}]
    trainer: Any = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_model),
        args=DPOConfig(
            output_dir=str(tmp_path),
            max_steps=5,
            learning_rate=1e-2,
            per_device_train_batch_size=2,
            bf16=False,
            gradient_checkpointing=False,
            report_to=[],
            logging_steps=1,
        ),
        train_dataset=Dataset.from_list(records * 2),
        processing_class=AutoTokenizer.from_pretrained(tiny_model),
    )
    trainer.train()
    margins = [log["rewards/margins"] for log in trainer.state.log_history if "rewards/margins" in log]
    assert np.isclose(margins[0], 0)
    assert margins[-1] > 0
