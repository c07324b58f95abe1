"""GRPO with an advantage for each part of a completion, the number's tokens credited with the number alone."""

from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from trl import GRPOTrainer

from uncal.rewards.segmented import segment_advantages, segment_masks
from uncal.types import Reward


class SegmentedTrainer(GRPOTrainer):  # type: ignore[misc]
    """TRL's, whose advantages are those of the reward's `parts`, the number's and the answer's, for their own tokens.

    The reward as a whole is still what TRL logs.
    """

    segmented: Reward

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        ids, mask = output["completion_ids"], output["completion_mask"].bool()
        decode = self.processing_class.decode
        tokens = [row[kept].tolist() for row, kept in zip(ids, mask, strict=True)]
        texts = [decode(row, skip_special_tokens=True) for row in tokens]
        columns = {name: [row[name] for row in inputs] for name in inputs[0] if name != "prompt"}
        columns["prompts"] = [row["prompt"] for row in inputs]
        # A group may lie in two processes: each of them needs all of it.
        whole = {name: gather_object(values) for name, values in columns.items()}
        rewards = self.segmented.parts(gather_object(texts), **whole)  # type: ignore[attr-defined]
        generations = self.num_generations if self.model.training else self.num_generations_eval
        advantages = _advantages(rewards, generations, self.scale_rewards)
        mine = slice(self.accelerator.process_index * len(texts), (self.accelerator.process_index + 1) * len(texts))
        whose = segment_masks([[decode([token], skip_special_tokens=True) for token in row] for row in tokens])
        credited = torch.zeros(ids.shape, device=ids.device)
        for row, each in enumerate(np.einsum("sk,skt->kt", advantages[:, mine], whose)):
            credited[row, mask[row]] = torch.from_numpy(each[: len(tokens[row])]).to(credited)
        output["advantages"] = credited
        return output


def _advantages(rewards: Any, generations: int, scale: str) -> Any:
    """Advantage of each completion in each part, (S, K)."""
    whole: Any = np.ones((1, rewards.shape[1], 1), dtype=bool)
    how: Any = "group" if scale == "group" else "none"
    return np.stack([segment_advantages(part[None], whole, generations, how)[:, 0] for part in rewards])
