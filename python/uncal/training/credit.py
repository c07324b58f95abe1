"""GRPO with an advantage for each part of a completion, the number's tokens credited with the number alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from trl import GRPOTrainer

from uncal.rewards.segmented import segment_advantages
from uncal.types import Order, Reward

ANSWER = "<answer>"


class SegmentedTrainer(GRPOTrainer):  # type: ignore[misc]
    """TRL's, whose advantages are those of the reward's `parts`, each for its own tokens.

    The reward as a whole is still what TRL logs. Its first part is the number's, its second the answer's; a completion
    changes from one to the other where its last ``<answer>`` begins, or ends, by its order.
    """

    segmented: Reward

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        ids, mask = output["completion_ids"], output["completion_mask"].bool()
        tokens = [row[kept].tolist() for row, kept in zip(ids, mask, strict=True)]
        texts = [self.processing_class.decode(row, skip_special_tokens=True) for row in tokens]
        columns = {name: [row[name] for row in inputs] for name in inputs[0] if name != "prompt"}
        columns["prompts"] = [row["prompt"] for row in inputs]
        # A group may lie in two processes: each of them needs all of it.
        whole = {name: gather_object(values) for name, values in columns.items()}
        rewards = self.segmented.parts(gather_object(texts), **whole)  # type: ignore[attr-defined]
        generations = self.num_generations if self.model.training else self.num_generations_eval
        advantages = _advantages(rewards, generations, self.scale_rewards)
        mine = slice(self.accelerator.process_index * len(texts), (self.accelerator.process_index + 1) * len(texts))
        credited = torch.zeros(ids.shape, device=ids.device)
        for row, (number, answer) in enumerate(advantages[:, mine].T):
            ends = [
                0,
                change_of(tokens[row], texts[row], self.segmented.order, self.processing_class),
                len(tokens[row]),
            ]
            parts = (number, answer) if self.segmented.order == "confidence_first" else (answer, number)
            for start, end, advantage in zip(ends, ends[1:], parts, strict=False):
                credited[row, mask[row].nonzero()[start:end, 0]] = float(advantage)
        output["advantages"] = credited
        return output


def _advantages(rewards: Any, generations: int, scale: str) -> Any:
    """Advantage of each completion in each part, (S, K)."""
    whole: Any = np.ones((1, rewards.shape[1], 1), dtype=bool)
    how: Any = "group" if scale == "group" else "none"
    return np.stack([segment_advantages(part[None], whole, generations, how)[:, 0] for part in rewards])


def change_of(tokens: Sequence[int], text: str, order: Order, tokenizer: Any) -> int:
    """Token from which on a completion is its second part; all of it is the first where there is no answer.

    Parameters
    ----------
    tokens : sequence of int
    text : str
        What they decode to.
    order : {"together", "confidence_first"}
    tokenizer : transformers.PreTrainedTokenizerBase
    """
    place = text.rfind(ANSWER if order == "confidence_first" else "</answer>")
    if place < 0:
        return len(tokens)
    if order == "together":
        place += len("</answer>")
    low, high = 0, len(tokens)
    while low < high:  # the least number of tokens whose text goes beyond the place
        middle = (low + high) // 2
        if len(tokenizer.decode(tokens[: middle + 1], skip_special_tokens=True)) > place:
            high = middle
        else:
            low = middle + 1
    return low
