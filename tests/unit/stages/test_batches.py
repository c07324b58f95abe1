"""The pure halves of the stages: tables in, tables out."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from uncal import backends, embedders, graders, schema
from uncal.errors import ConfigError
from uncal.stages import embed, grade, sample, score


def test_sample_keeps_order_and_names_what_failed(tiny_model: Path) -> None:
    config = sample.Config(model=str(tiny_model), n_completions=3, max_tokens=4)
    backend = backends.make("transformers", model=str(tiny_model))
    batch = pa.table({"id": ["a", "b", "c"], "prompt": ["one?", "why " * 300, "three?"]})
    made = sample.sample_batch(batch, config, backend)
    assert made.schema.equals(schema.completions)
    assert made["id"].to_pylist() == ["a", "b", "c"]
    assert made["status"].to_pylist() == ["done", "failed", "done"]
    one, failed, _ = made.to_pylist()
    assert len(one["completions"]) == len(one["logprobs"]) == len(one["finish_reasons"]) == 3
    assert all(len(logprobs) <= 4 for logprobs in one["logprobs"])
    assert failed["answer"] is None
    assert "context of 256" in failed["error"]


def test_logprobs_are_those_of_the_untempered_distribution(tiny_model: Path) -> None:
    import torch

    from uncal.backends.transformers import Transformers
    from uncal.types import Sampling

    backend = Transformers(model=str(tiny_model))
    prompt = "What is it?"
    cold = backend([prompt], Sampling(n=1, temperature=0.1, max_tokens=6, seed=1))[0].completions[0]
    ids = backend.encode(prompt)
    with torch.inference_mode():
        logits = backend.network(torch.tensor([[*ids, *cold.tokens]])).logits[0].double()
    expected = logits.log_softmax(-1)[range(len(ids) - 1, len(ids) + len(cold.tokens) - 1), cold.tokens]
    np.testing.assert_allclose(cold.logprobs, expected.numpy(), atol=1e-5)  # float32 network, cached against whole


def test_the_probability_of_an_option_is_that_of_all_its_tokens(tiny_model: Path) -> None:
    import torch

    from uncal.backends.transformers import Transformers

    backend = Transformers(model=str(tiny_model), batch_tokens=40)
    prompts, options = ["What is it?", "And a longer one, what is that?"], ["True", "False", "not one of the two"]
    expected = np.empty((2, 3))
    for p, prompt in enumerate(prompts):
        for o, option in enumerate(options):
            ids, told = backend.encode(prompt), backend.tokenizer(option, add_special_tokens=False)["input_ids"]
            with torch.inference_mode():
                logits = backend.network(torch.tensor([[*ids, *told]])).logits[0].double()
            steps = range(len(ids) - 1, len(ids) + len(told) - 1)
            expected[p, o] = logits.log_softmax(-1)[steps, told].sum()
    assert len(backend.tokenizer(options[2], add_special_tokens=False)["input_ids"]) > 2
    found = backend.option_logprobs(prompts, options)
    np.testing.assert_allclose(found, expected, atol=1e-4)  # sums of float32 logarithms near -11
    with pytest.raises(ValueError, match=r"options are .*; each must have a token at least"):
        backend.option_logprobs(prompts, ["True", ""])


def test_draws_follow_the_tempered_distribution() -> None:
    import torch

    from uncal.backends.transformers import _draw
    from uncal.types import Sampling

    logits = torch.log(torch.tensor([0.5, 0.3, 0.2])).expand(20000, 3)
    uniform = torch.from_numpy(np.random.default_rng(0).random(20000))
    for temperature in (1.0, 0.5):
        weights = np.array([0.5, 0.3, 0.2]) ** (1 / temperature)
        drawn, logprobs = _draw(logits, uniform, Sampling(temperature=temperature))
        shares = np.bincount(drawn.numpy(), minlength=3) / 20000
        np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.015)  # four standard deviations
        np.testing.assert_allclose(logprobs.numpy(), np.log([0.5, 0.3, 0.2])[drawn.numpy()], atol=1e-6)
    drawn, _ = _draw(logits, uniform, Sampling(top_p=0.6))
    np.testing.assert_allclose(np.bincount(drawn.numpy(), minlength=3) / 20000, [0.625, 0.375, 0], atol=0.015)
    drawn, _ = _draw(logits, uniform, Sampling(temperature=0.0))
    assert set(drawn.tolist()) == {0}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_embed_gives_a_null_for_a_null_and_a_zero_row_for_a_blank(dtype: str) -> None:
    config = embed.Config(embedder="hashing", dtype=dtype)
    groups = [["Paris", "", "Paris"], None, ["London"]]
    batch = pa.table({"id": ["a", "b", "c"], "completions": pa.array(groups, pa.list_(pa.string()))})
    made = embed.embed_batch(batch, config, embedders.make("hashing"))
    assert made.schema.equals(schema.embeddings(256, dtype))
    a, b, c = made["embeddings"].to_pylist()
    assert b is None
    assert a[0] == a[2]
    assert not any(a[1])
    assert math.isclose(sum(x * x for x in c[0]), 1, rel_tol=1e-3)
    found, scorable = schema.groups(schema.columns(made, {"embeddings"}))
    assert scorable.tolist() == [True, False, True]
    assert found.offsets.tolist() == [0, 3, 3, 4]


def test_embed_of_only_failed_rows_is_nulls() -> None:
    batch = pa.table({"id": ["a"], "completions": pa.array([None], pa.list_(pa.string()))})
    made = embed.embed_batch(batch, embed.Config(embedder="hashing"), embedders.make("hashing"))
    assert made["embeddings"].to_pylist() == [None]


def test_grade_is_null_without_an_accepted_answer_or_without_an_answer() -> None:
    texts = pa.list_(pa.string())
    batch = pa.table(
        {
            "id": ["a", "b", "c", "d"],
            "answers": pa.array([["x"], [], ["x"], ["x"]], texts),
            "answer": pa.array(["It is x.", "x", None, ""]),
            "completions": pa.array([["x", "y"], ["x"], None, ["x", ""]], texts),
        }
    )
    made = grade.grade_batch(batch, grade.Config(), graders.make("exact_match"))
    assert made.schema.equals(schema.grades)
    assert made["correct"].to_pylist() == [True, None, None, False]
    assert made["completions_correct"].to_pylist() == [[True, False], None, None, [True, False]]
    assert set(made["grader"].to_pylist()) == {"exact_match(containment=True)"}


def test_score_is_the_kernel_and_null_where_a_group_cannot_be_scored() -> None:
    column = pa.array(
        [[[1, 0], [0, 1]], None, [[1, 0], [1, 0]], [[math.nan, 0]], [[1, 0]]], schema.embeddings(2).field(1).type
    )
    config = score.Config(scorers=("von_neumann_entropy", "renyi_entropy"))
    made = score.score_batch(pa.table({"id": list("abcde"), "embeddings": column}), config)
    assert made.schema.equals(schema.scores(config.scorers))
    entropy = made["von_neumann_entropy"].to_pylist()
    assert entropy[0] == pytest.approx(0.6839611991, abs=1e-6)  # float32 embeddings
    assert entropy[1:] == [None, 0.0, None, 0.0]
    collision = math.log(2) - math.log(1 + math.exp(-4))  # -ln of (1 + k^2) / 2 with k = exp(-2)
    assert made["renyi_entropy"].to_pylist()[0] == pytest.approx(collision, abs=1e-6)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"answer_prompt 'Hi' must contain \{question\}"):
        sample.Config(model="m", answer_prompt="Hi")
    with pytest.raises(ConfigError, match="n is 0; draw at least 1"):
        sample.Config(model="m", n_completions=0)
    with pytest.raises(ConfigError, match=r"temperature is -1\.0; it must be 0 or more"):
        sample.Config(model="m", temperature=-1.0)
    with pytest.raises(ConfigError, match="dtype is 'int8'; it must be float32 or float16"):
        embed.Config(dtype="int8")
    with pytest.raises(ConfigError, match="scorers is empty"):
        score.Config(scorers=())
