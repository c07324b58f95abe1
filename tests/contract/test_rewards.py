"""What every reward promises: run by the real GRPOTrainer on a small model from scratch."""

import math
import pickle
from pathlib import Path
from typing import Any

import pytest

from uncal.plugins import names
from uncal.rewards import make
from uncal.types import Reward

COLUMNS = {"uncertainty": [0.3, 0.3, 0.9], "correct": [True, True, False], "answers": [["a"], ["a"], ["b"]]}
HOSTILE = ["", "nan", "<uncertainty>nan</uncertainty>", "<uncertainty>150</uncertainty>", "90%", "<uncertainty>0.3"]


@pytest.fixture(params=names("rewards"))
def reward(request: pytest.FixtureRequest) -> Reward:
    return make(request.param)


def test_there_is_one_number_or_none_for_each_completion(reward: Reward) -> None:
    given = reward(["<uncertainty>0.30</uncertainty>", "x", "<uncertainty>0.10</uncertainty>"], **COLUMNS)
    assert len(given) == 3
    assert all(value is None or math.isfinite(value) for value in given)


def test_hostile_texts_give_finite_numbers(reward: Reward) -> None:
    columns = {name: [values[0]] * len(HOSTILE) for name, values in COLUMNS.items()}
    assert all(value is None or math.isfinite(value) for value in reward(HOSTILE, **columns))


def test_it_has_a_name_and_pickles(reward: Reward, request: pytest.FixtureRequest) -> None:
    assert reward.__name__ == request.node.callspec.params["reward"]
    assert pickle.loads(pickle.dumps(reward)) == reward


@pytest.mark.filterwarnings("ignore")
def test_a_plain_grpo_trainer_runs_it(reward: Reward, tiny_model: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    prompt = [{"role": "user", "content": "How sure are you?"}]
    dataset = Dataset.from_list([{"prompt": prompt, "uncertainty": 0.3, "correct": True, "answers": ["a"]}] * 2)
    trainer: Any = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_model),
        args=GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=1,
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=4,
            bf16=False,
            gradient_checkpointing=False,
            report_to=[],
            logging_steps=1,
        ),
        reward_funcs=reward,
        train_dataset=dataset,
        processing_class=AutoTokenizer.from_pretrained(tiny_model),
    )
    trainer.train()
    logged = trainer.state.log_history[0]
    assert logged[f"rewards/{reward.__name__}/mean"] == logged["reward"]
