"""Hidden states as embeddings, against transformers asked one text at a time."""

from pathlib import Path

import numpy as np
import pytest

from uncal import fast
from uncal.embedders import make
from uncal.errors import ConfigError, ModelError

TEXTS = ["Paris", "in the city of Paris, which lies on the Seine", "", "42", "Paris"]


@pytest.mark.parametrize("layer", [0, 1, 2, -1, None])
@pytest.mark.parametrize("position", ["last", "mean"])
def test_rows_are_the_states_that_transformers_gives(tiny_model: Path, layer: int | None, position: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rows = make("hidden_state", model=str(tiny_model), layer=layer, position=position)(TEXTS)
    network = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    for row, text in zip(rows, TEXTS, strict=True):
        if not text:
            assert not row.any()
            continue
        with torch.inference_mode():
            ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
            states = network(ids, output_hidden_states=True).hidden_states
        own = states[1 if layer is None else layer][0, 1:]
        expected = own[-1] if position == "last" else own.mean(dim=0)
        np.testing.assert_allclose(row, expected.numpy(), atol=2e-6)


def test_the_size_of_batches_and_the_context_do_not_matter(tiny_model: Path) -> None:
    texts = [f"{i} and {'so on and ' * (i % 7)}" for i in range(20)]
    whole = make("hidden_state", model=str(tiny_model))(texts)
    np.testing.assert_allclose(make("hidden_state", model=str(tiny_model), batch_tokens=1)(texts), whole, atol=2e-6)
    long = make("hidden_state", model=str(tiny_model))(["word " * 1000])  # the model holds 256 tokens
    assert np.isfinite(long).all()


def test_eigen_score_reads_them(tiny_model: Path) -> None:
    rows = make("hidden_state", model=str(tiny_model))(["Paris", "Paris", "Paris", "Paris", "Rome", "17"])
    alike, unlike = fast.eigen_score(rows, [0, 3, 6])
    assert alike < unlike


def test_wrong_settings_are_named(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="layer is 3; the model has 2 layers"):
        make("hidden_state", model=str(tiny_model), layer=3)([""])
    with pytest.raises(ConfigError, match="dtype is 'int8'; it must be auto, float32, bfloat16 or float16"):
        make("hidden_state", model=str(tiny_model), dtype="int8")
    with pytest.raises(ConfigError, match="batch_tokens is 0; it must be at least 1"):
        make("hidden_state", model=str(tiny_model), batch_tokens=0)
    with pytest.raises(ModelError, match="no model folder"):
        make("hidden_state", model="./nowhere")(["x"])
