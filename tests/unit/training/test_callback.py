"""What watches over a training: measures, alarms, and answers that stay as they were."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from uncal import fast
from uncal.backends import transformers as backend
from uncal.errors import UncalError
from uncal.training import CalibrationCallback, assert_answer_invariance
from uncal.training.callback import Watched, alarms
from uncal.training.invariance import answer_logits
from uncal.types import ReadOut

PROMPTS = [f"What is {i}?" for i in range(30)]
CORRECT = [i % 3 > 0 for i in range(30)]
LEVELS = ReadOut(options=("yes", "no", "so"), uncertainties=(0.0, 1.0, 0.5))


@pytest.fixture
def trainer(tiny_model: Path) -> Any:
    network = backend.load_model(str(tiny_model))
    tokenizer = backend.load_tokenizer(str(tiny_model))
    logged: list[dict[str, Any]] = []
    unwrapping = SimpleNamespace(unwrap_model=lambda network: network)
    return SimpleNamespace(
        model=network, processing_class=tokenizer, accelerator=unwrapping, logged=logged, log=logged.append
    )


def test_measures_are_those_of_the_numbers_that_are_read(trainer: Any) -> None:
    trainer.model.train()
    measured = CalibrationCallback(trainer, Watched(PROMPTS, correct=CORRECT), read_out=LEVELS).measure()
    assert trainer.model.training
    held = backend.Transformers.around(trainer.model.eval(), trainer.processing_class)
    weights = np.exp(held.option_logprobs(PROMPTS, LEVELS.options))
    confidence = 1 - weights @ np.array(LEVELS.uncertainties) / weights.sum(1)
    right = np.array(CORRECT)
    assert measured["brier"] == pytest.approx(np.square(confidence - right).mean())
    assert measured["ece"] == pytest.approx(fast.ece(confidence, right))
    assert measured["auroc"] == pytest.approx(fast.auroc(confidence, right))
    assert measured["mean_confidence"] == pytest.approx(confidence.mean())
    assert (measured["malformed"], measured["distinct"]) == (0, 30)


def test_what_cannot_be_read_counts_as_the_worst_in_brier_and_is_left_out_elsewhere(trainer: Any) -> None:
    measured = CalibrationCallback(trainer, Watched(PROMPTS, correct=CORRECT), max_tokens=3).measure()
    assert (measured["malformed"], measured["brier"], measured["distinct"]) == (1, 1, 0)
    assert math.isnan(measured["ece"])
    assert math.isnan(measured["auroc"])


def test_it_adds_to_the_metrics_of_the_trainer_and_logs_them(trainer: Any) -> None:
    callback = CalibrationCallback(trainer, Watched(PROMPTS, correct=CORRECT), read_out=LEVELS)
    metrics = {"eval_loss": 1.0}
    callback.on_evaluate(None, SimpleNamespace(log_history=[], global_step=3), None, metrics=metrics)
    assert metrics["eval_loss"] == 1
    assert 0 < metrics["eval_brier"] < 1
    assert trainer.logged == [{name: value for name, value in metrics.items() if name != "eval_loss"}]


@pytest.mark.parametrize(
    ("watched", "message"),
    [
        (Watched([], correct=[]), "watched has no prompts"),
        (Watched(PROMPTS), "watched must have either correct"),
        (Watched(PROMPTS, CORRECT, [["a"]] * 30), "watched must have either correct"),
    ],
)
def test_what_cannot_be_watched_is_refused(trainer: Any, watched: Watched, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CalibrationCallback(trainer, watched)


def seen(step: int, malformed: float = 0.0, distinct: float = 40, largest: float = 0.1) -> dict[str, float]:
    return {"step": step, "eval_malformed": malformed, "eval_distinct": distinct, "eval_largest_share": largest}


def test_a_collapse_is_named_when_it_is_first_seen() -> None:
    history = [seen(0, 0.02), seen(20, 0.06), seen(40, 0.08, largest=0.9), seen(60, 0.5, distinct=2, largest=1.0)]
    assert [(alarm["kind"], alarm["step"]) for alarm in alarms(history, 100)] == [
        ("malformed", 40),
        ("one_value", 40),
        ("few_values", 60),
    ]
    assert "8% of the statements are malformed, of 2% at first" in alarms(history, 100)[0]["what"]


def test_a_sound_training_and_one_with_few_questions_raise_no_alarm() -> None:
    assert alarms([seen(step) for step in range(5)], 100) == []
    assert alarms([seen(0, distinct=1, largest=1.0)], 19) == []


def test_groups_without_variance_are_named_after_ten_steps_in_a_row() -> None:
    steps = [{"step": i, "frac_reward_zero_std": 0.9} for i in range(1, 10)]
    assert alarms(steps, 100) == []
    assert alarms([*steps, {"step": 10, "frac_reward_zero_std": 0.5}, *steps], 100) == []
    (alarm,) = alarms([*steps, {"step": 10, "frac_reward_zero_std": 0.81}], 100)
    assert (alarm["kind"], alarm["step"]) == ("groups_alike", 10)


@pytest.mark.filterwarnings("ignore")
def test_answers_with_the_adapter_off_are_held_to_the_bit(trainer: Any) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    network = get_peft_model(trainer.model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    before = answer_logits(network, trainer.processing_class, PROMPTS[:3])
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "lora_B" in name:
                weight += 1
    assert_answer_invariance(network, trainer.processing_class, PROMPTS[:3], before)
    with torch.no_grad():
        network.base_model.model.model.norm.weight += 1e-3
    with pytest.raises(UncalError, match=r"prompts\[0\]: with the adapter off its logits differ"):
        assert_answer_invariance(network, trainer.processing_class, PROMPTS[:3], before)
