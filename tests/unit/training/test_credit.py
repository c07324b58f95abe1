"""Which tokens of a completion are credited with which reward."""

from pathlib import Path
from typing import Any

import pytest

from uncal.backends.transformers import load_tokenizer


@pytest.mark.filterwarnings("ignore")
def test_each_part_gets_its_own_advantage(tiny_model: Path, tmp_path: Path) -> None:
    import numpy as np
    import torch
    from datasets import Dataset
    from trl import GRPOConfig

    from uncal.backends.transformers import load_model
    from uncal.training.credit import SegmentedTrainer

    class Parts:
        """The number is worth its length, the answer the place of the completion."""

        order = "confidence_first"
        __name__ = "parts"

        def parts(self, _completions: Any, **columns: Any) -> Any:
            assert columns["answers"] == [["a"]] * 4
            return np.array([[1.0, 3.0, 5.0, 7.0], [0.0, 1.0, np.nan, 2.0]])

        def __call__(self, completions: Any, **_: Any) -> list[float]:
            return [0.0] * len(completions)

    tokenizer = load_tokenizer(str(tiny_model))
    said = [
        "<confidence>0.70</confidence><answer>Rome</answer>",
        "<answer>Oslo</answer>",
        "no idea",
        "<confidence>0.70</confidence><answer></answer>",
    ]
    rows = [[*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id] for text in said]
    width = max(map(len, rows))

    class Spoken(SegmentedTrainer):
        """Says what is given, in place of generating."""

        def _generate(self, prompts: Any, *_: Any) -> Any:
            made = list(super()._generate(prompts))
            made[1] = rows  # completion ids
            return tuple(made)

    trainer = Spoken(
        model=load_model(str(tiny_model)),
        args=GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=width,
            scale_rewards="none",
            bf16=False,
            report_to=[],
        ),
        reward_funcs=Parts(),
        train_dataset=Dataset.from_list([{"prompt": "?", "answers": ["a"]}] * 4),
        processing_class=tokenizer,
    )
    trainer.segmented = Parts()
    trainer.model.train()
    output = trainer._generate_and_score_completions([{"prompt": "?", "answers": ["a"]}] * 4)
    credited = output["advantages"]
    assert credited.shape == output["completion_ids"].shape
    opening = len(tokenizer("<confidence>0.70</confidence>", add_special_tokens=False)["input_ids"])
    assert torch.unique(credited[0, : opening - 1]).tolist() == [-1.0]
    assert torch.unique(credited[0, opening + 1 : len(rows[0])]).tolist() == [-0.5]
    assert torch.unique(credited[1, : len(rows[1])]).tolist() == [1.0]  # all of it counts as the number's
    assert torch.unique(credited[2, : len(rows[2])]).tolist() == [-1.0]
    assert credited[2, len(rows[2]) :].abs().sum() == 0
    assert torch.unique(credited[3, opening + 1 : len(rows[3])]).tolist() == [0.0]  # alone in its group with an answer
