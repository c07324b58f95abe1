"""What every backend promises; run on a small model from scratch, each the way that users run it."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from uncal import prompts
from uncal.backends import make
from uncal.errors import ConfigError
from uncal.plugins import names
from uncal.types import Backend, Prompt, Sampling

QUESTIONS = ["What is the capital of France?", "What is 2 + 3?", "Which planet do we live on, and since when?"]
DRAWING = [name for name in names("backends") if name != "replay"]


def turns(questions: list[str]) -> list[Prompt]:
    return [prompts.answer_turn(question, "{question}") for question in questions]


@pytest.fixture(scope="module")
def reference(tiny_model: Path) -> Any:
    return make("transformers", model=str(tiny_model))


@pytest.fixture(scope="module", params=names("backends"))
def backend(request: pytest.FixtureRequest, tiny_model: Path, tmp_path_factory: Any) -> Iterator[Backend]:
    match request.param:
        case "vllm":
            request.getfixturevalue("vllm_installed")
            made = make("vllm", model=str(tiny_model), engine_settings={"kv_cache_memory_bytes": 1 << 29})
        case "openai":
            server = request.getfixturevalue("served_tiny_model")
            made = make("openai", model="served", base_url=server.url, extra_body={"return_token_ids": True})
        case "replay":
            file = tmp_path_factory.mktemp("replay") / "drawn.jsonl"
            _record(request.getfixturevalue("reference"), file)
            made = make("replay", model="tiny", file=str(file), answer_prompt="{question}")
        case name:
            made = make(name, model=str(tiny_model))
    yield made
    made.close()


def _record(backend: Backend, file: Path) -> None:
    asked = [*QUESTIONS, "why?"]
    sampling = Sampling(n=8, max_tokens=6, seed=1, top_logprobs=3, token_texts=True, top_texts=True)
    groups = backend(turns(asked), sampling)
    with file.open("w") as opened:
        for prompt, group in zip(asked, groups, strict=True):
            texts, tokens, logprobs, reasons, top, *told = zip(*group.completions, strict=True)
            row = {"prompt": prompt, "completions": texts, "tokens": tokens, "logprobs": logprobs}
            row |= {"finish_reasons": reasons, "top_logprobs": top, "token_texts": told[0], "top_texts": told[1]}
            opened.write(json.dumps(row) + "\n")


def test_there_are_n_completions_of_each_prompt_with_a_logprob_for_each_token(backend: Backend) -> None:
    groups = backend(turns(QUESTIONS), Sampling(n=4, max_tokens=6, seed=1))
    assert [len(group.completions) for group in groups] == [4, 4, 4]
    for group in groups:
        assert group.error is None
        for completion in group.completions:
            assert 1 <= len(completion.tokens) == len(completion.logprobs) <= 6
            assert all(logprob <= 0 for logprob in completion.logprobs)
            assert completion.finish_reason == ("length" if len(completion.tokens) == 6 else "stop")
            assert completion.top_logprobs is None
    assert len({c.text for c in groups[0].completions}) > 1


def test_logprobs_are_those_of_the_untempered_distribution_and_the_largest_stand_beside_them(
    backend: Backend, reference: Any
) -> None:
    import torch

    prompt = turns(QUESTIONS[:1])[0]
    (group,) = backend([prompt], Sampling(n=2, temperature=0.6, max_tokens=6, seed=1, top_logprobs=3))
    asked = reference.encode(prompt)
    for completion in group.completions:
        with torch.inference_mode():
            logits = reference.network(torch.tensor([[*asked, *completion.tokens]])).logits[0].double()
        expected = logits.log_softmax(-1)[len(asked) - 1 : -1]
        drawn = expected.gather(-1, torch.tensor(completion.tokens)[:, None])[:, 0]
        assert completion.logprobs == pytest.approx(drawn.tolist(), abs=1e-4)
        assert completion.top_logprobs is not None
        for told, largest in zip(completion.top_logprobs, expected.topk(3).values.tolist(), strict=True):
            assert told == pytest.approx(largest, abs=1e-4)


def test_texts_of_tokens_make_up_the_text_and_stand_among_the_most_probable_ones(backend: Backend) -> None:
    sampling = Sampling(n=3, max_tokens=6, seed=1, top_logprobs=3, token_texts=True, top_texts=True)
    for group in backend(turns(QUESTIONS), sampling):
        for completion in group.completions:
            texts, top = completion.token_texts, completion.top_texts
            assert texts is not None
            assert "".join(texts).strip() == completion.text
            assert len(texts) == len(completion.logprobs)
            assert top is not None
            assert completion.top_logprobs is not None
            assert [len(others) for others in top] == [3] * len(texts)
            for text, logprob, others, largest in zip(
                texts, completion.logprobs, top, completion.top_logprobs, strict=True
            ):
                if logprob > largest[-1] and text and "\N{REPLACEMENT CHARACTER}" not in "".join(others):
                    assert text in others
    (plain,) = backend(turns(QUESTIONS[:1]), Sampling(max_tokens=2, top_logprobs=1))
    assert plain.completions[0].token_texts is plain.completions[0].top_texts is None


@pytest.mark.parametrize("backend", DRAWING, indirect=True)
def test_another_seed_gives_other_completions(backend: Backend) -> None:
    one, other = (backend(turns(QUESTIONS), Sampling(n=3, max_tokens=5, seed=s)) for s in (1, 2))
    assert [g.completions for g in one] != [g.completions for g in other]


@pytest.mark.parametrize("backend", DRAWING, indirect=True)
def test_temperature_0_takes_the_most_probable_token_each_time(backend: Backend) -> None:
    (group,) = backend(turns(QUESTIONS[:1]), Sampling(n=2, temperature=0, max_tokens=4, top_logprobs=1))
    one, other = group.completions
    assert one == other
    assert one.top_logprobs is not None
    assert one.logprobs == pytest.approx([largest for (largest,) in one.top_logprobs], abs=1e-6)


def test_the_same_seed_gives_the_same_completions(backend: Backend) -> None:
    first, again = (backend(turns(QUESTIONS), Sampling(n=3, max_tokens=5, seed=1)) for _ in range(2))
    assert _tokens(first) == _tokens(again)


def test_a_completion_does_not_depend_on_what_else_is_asked(backend: Backend) -> None:
    sampling = Sampling(n=3, max_tokens=5, seed=3)
    together = backend(turns(QUESTIONS), sampling)
    alone = [backend(turns([question]), sampling)[0] for question in QUESTIONS]
    assert _tokens(alone) == _tokens(together)


def test_the_same_prompt_twice_is_drawn_twice(backend: Backend) -> None:
    one, two = backend(turns([QUESTIONS[0]] * 2), Sampling(n=2, max_tokens=8, seed=4))
    assert [c.tokens for c in one.completions] != [c.tokens for c in two.completions]


def test_order_is_kept_and_no_prompts_give_nothing(backend: Backend) -> None:
    forward = backend(turns(QUESTIONS), Sampling(max_tokens=4))
    backward = backend(turns(QUESTIONS[::-1]), Sampling(max_tokens=4))
    assert _tokens(forward) == _tokens(backward[::-1])
    assert backend([], Sampling()) == []


def test_a_prompt_that_cannot_be_completed_is_a_group_with_an_error_and_the_others_are_done(backend: Backend) -> None:
    long, short = backend([*turns(["why " * 300]), *turns(["why?"])], Sampling(n=2, max_tokens=4))
    assert long.completions == []
    assert long.error
    assert "context" in long.error or "no completions of this prompt" in long.error
    assert "\n" not in long.error
    assert len(short.completions) == 2


def test_it_pickles_without_its_weights(backend: Backend) -> None:
    backend(turns(QUESTIONS[:1]), Sampling(max_tokens=2))
    packed = pickle.dumps(backend)
    assert len(packed) < 10_000
    assert pickle.loads(packed) == backend


def test_it_says_what_ran_as_json_holds_it(backend: Backend) -> None:
    said = backend.provenance
    assert json.loads(json.dumps(said)) == said
    assert said["backend"] in names("backends")


def _tokens(groups: list[Any]) -> list[list[list[int]]]:
    return [[completion.tokens for completion in group.completions] for group in groups]


def test_options_have_the_probability_that_the_model_gives_them_or_none_is_claimed(
    backend: Backend, reference: Any
) -> None:
    if type(backend).option_logprobs is Backend.option_logprobs:
        with pytest.raises(ConfigError, match="cannot say how likely given words are"):
            backend.option_logprobs(turns(QUESTIONS), ["yes", "no"])
        return
    options = ["yes", "no", "a", "a rather long option"]
    found = backend.option_logprobs([*turns(QUESTIONS), *turns(["why " * 300])], options)
    assert found.shape == (4, 4)
    assert np.isnan(found[3]).all()
    assert np.isfinite(found[:3]).all()
    assert (np.exp(found[:3, :3]).sum(axis=1) < 1).all()
    assert (found[:3, 3] < found[:3, 2]).all()
    given = reference.option_logprobs(turns(QUESTIONS), options)
    np.testing.assert_allclose(found[:3], given, atol=1e-4)
    alone = backend.option_logprobs(turns(QUESTIONS[:1]), options[::-1])
    np.testing.assert_allclose(alone[0], found[0, ::-1], atol=1e-4)  # sums of float32 logarithms
    assert backend.option_logprobs([], ["yes"]).shape == (0, 1)
    with pytest.raises(ValueError, match="each must have a token at least"):
        backend.option_logprobs(turns(QUESTIONS[:1]), ["yes", ""])
