"""What the vllm backend does beyond what every backend promises."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from uncal import prompts
from uncal.backends import make
from uncal.errors import ConfigError, ModelError
from uncal.types import Sampling

pytestmark = pytest.mark.usefixtures("vllm_installed")


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter that changes much."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(1)
    settings = LoraConfig(r=4, lora_alpha=256, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), settings).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def backend(tiny_model: Path, adapter: Path) -> Iterator[Any]:
    """The small model with the adapter, few prompts at a time."""
    small = {"kv_cache_memory_bytes": 1 << 29}
    made = make("vllm", model=str(tiny_model), adapter=str(adapter), chunk=150, engine_settings=small)
    yield made
    made.close()


@pytest.mark.slow
def test_an_adapter_gives_the_logprobs_that_it_gives_in_transformers(
    backend: Any, tiny_model: Path, adapter: Path
) -> None:
    import torch

    turn = prompts.answer_turn("Who wrote Middlemarch?", "{question}")
    completion = backend([turn], Sampling(max_tokens=8))[0].completions[0]
    told = {}
    for name in (str(adapter), None):
        reference: Any = make("transformers", model=str(tiny_model), adapter=name)
        asked = reference.encode(turn)
        with torch.inference_mode():
            logits = reference.network(torch.tensor([[*asked, *completion.tokens]])).logits[0]
        expected = logits.log_softmax(-1)[len(asked) - 1 : -1]
        told[name] = expected.gather(-1, torch.tensor(completion.tokens)[:, None])[:, 0].tolist()
    assert completion.logprobs == pytest.approx(told[str(adapter)], abs=1e-3)
    assert completion.logprobs != pytest.approx(told[None], abs=1e-3)


@pytest.mark.slow
def test_more_prompts_than_fit_at_once_are_all_drawn_in_order(backend: Any) -> None:
    import torch

    turns = [prompts.answer_turn(f"What is {i}?", "{question}") for i in range(400)]
    threads = torch.get_num_threads()
    groups = backend(turns, Sampling(n=2, max_tokens=2, seed=3))
    assert torch.get_num_threads() == threads
    assert [len(group.completions) for group in groups] == [2] * 400
    few = backend(turns[-3:], Sampling(n=2, max_tokens=2, seed=3))
    assert [[c.tokens for c in group.completions] for group in few] == [
        [c.tokens for c in group.completions] for group in groups[-3:]
    ]


@pytest.mark.slow
def test_without_seeds_of_prompts_the_engine_s_seed_and_the_order_of_work_decide(tiny_model: Path) -> None:
    turns = [prompts.answer_turn(f"What is {i}?", "{question}") for i in range(4)]
    sampling = Sampling(n=3, max_tokens=6, seed=1)
    small = {"kv_cache_memory_bytes": 1 << 29}
    drawn = []
    for seed in (5, 5):
        made: Any = make("vllm", model=str(tiny_model), prompt_seeds=False, seed=seed, engine_settings=small)
        assert (made.provenance["prompt_seeds"], made.provenance["engine_seed"]) == (False, seed)
        calls = [made(turns, sampling) for _ in range(2)]
        made.close()
        assert all(len(c.tokens) == len(c.logprobs) for groups in calls for group in groups for c in group.completions)
        drawn.append([[c.tokens for group in groups for c in group.completions] for groups in calls])
        assert len({tuple(tokens) for tokens in drawn[-1][0]}) > 6
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[0][1]  # the same call again goes on where the generator is


@pytest.mark.parametrize(
    ("settings", "error", "why"),
    [
        ({"engine_settings": {"seed": 3}}, ConfigError, "engine_settings holds 'seed'"),
        ({"chunk": 0}, ConfigError, "chunk is 0; it must be at least 1"),
        ({"adapter": "no/such/folder"}, ModelError, "has no adapter_config.json"),
        ({"engine_settings": {"no_such_thing": 3}}, ModelError, "no_such_thing"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(
    settings: dict[str, Any], error: type[Exception], why: str, tiny_model: Path
) -> None:
    with pytest.raises(error, match=why) as caught:
        make("vllm", model=str(tiny_model), **settings)(["Who?"], Sampling())
    assert "\n" not in str(caught.value)
