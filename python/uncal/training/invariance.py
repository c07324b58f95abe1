"""Prove that training left the answers alone."""

from collections.abc import Sequence
from typing import Any

import torch

from uncal.errors import UncalError
from uncal.types import Prompt


def answer_logits(network: Any, tokenizer: Any, prompts: Sequence[Prompt]) -> list[torch.Tensor]:
    """Logits of each prompt's next token with the adapter off, (V,) each.

    Parameters
    ----------
    network : peft.PeftModel
    tokenizer : transformers.PreTrainedTokenizerBase
    prompts : sequence of conversations or texts
    """
    from uncal.backends.transformers import encode

    training = network.training
    network.eval()
    try:
        with torch.inference_mode(), network.disable_adapter():
            return [
                network(torch.tensor([encode(tokenizer, prompt)], device=network.device)).logits[0, -1].cpu()
                for prompt in prompts
            ]
    finally:
        network.train(training)


def assert_answer_invariance(
    network: Any, tokenizer: Any, prompts: Sequence[Prompt], before: Sequence[torch.Tensor]
) -> None:
    """Check that with the adapter off a trained model answers as it did before, bit for bit.

    Parameters
    ----------
    network : peft.PeftModel
        After training.
    tokenizer : transformers.PreTrainedTokenizerBase
    prompts : sequence of conversations or texts
    before : sequence of tensors
        What `answer_logits` gave of them before.

    Raises
    ------
    UncalError
        If any logit differs: the base model's own weights were trained.
    """
    for i, (now, then) in enumerate(zip(answer_logits(network, tokenizer, prompts), before, strict=True)):
        if not torch.equal(now, then):
            raise UncalError(
                f"prompts[{i}]: with the adapter off its logits differ from those before training by up to "
                f"{(now - then).abs().max().item():.3g}; the base model's own weights were changed"
            )
