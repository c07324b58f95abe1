"""What every backend promises; run on a small model from scratch, and once on the real SmolLM2."""

import pickle
from pathlib import Path

import pytest

from uncal import prompts
from uncal.backends import make
from uncal.plugins import names
from uncal.types import Backend, Prompt, Sampling

QUESTIONS = ["What is the capital of France?", "What is 2 + 3?", "Which planet do we live on, and since when?"]


def turns(questions: list[str]) -> list[Prompt]:
    return [prompts.answer_turn(question, "{question}") for question in questions]


@pytest.fixture(scope="module", params=names("backends"))
def backend(request: pytest.FixtureRequest, tiny_model: Path) -> Backend:
    return make(request.param, model=str(tiny_model))


def test_there_are_n_completions_of_each_prompt_with_a_logprob_for_each_token(backend: Backend) -> None:
    groups = backend(turns(QUESTIONS), Sampling(n=4, max_tokens=6, seed=1))
    assert [len(group.completions) for group in groups] == [4, 4, 4]
    for group in groups:
        assert group.error is None
        for completion in group.completions:
            assert 1 <= len(completion.tokens) == len(completion.logprobs) <= 6
            assert all(logprob <= 0 for logprob in completion.logprobs)
            assert completion.finish_reason == ("length" if len(completion.tokens) == 6 else "stop")
    assert len({c.text for c in groups[0].completions}) > 1


def test_the_same_seed_gives_the_same_completions_and_another_does_not(backend: Backend) -> None:
    first, again, other = (backend(turns(QUESTIONS), Sampling(n=3, max_tokens=5, seed=s)) for s in (1, 1, 2))
    assert first == again
    assert [g.completions for g in first] != [g.completions for g in other]


def test_a_completion_does_not_depend_on_what_else_is_asked(backend: Backend) -> None:
    sampling = Sampling(n=3, max_tokens=5, seed=3)
    together = backend(turns(QUESTIONS), sampling)
    for question, group in zip(QUESTIONS, together, strict=True):
        alone = backend(turns([question]), sampling)[0]
        assert [c.tokens for c in alone.completions] == [c.tokens for c in group.completions]


def test_the_same_prompt_twice_is_drawn_twice(backend: Backend) -> None:
    one, two = backend(turns([QUESTIONS[0]] * 2), Sampling(n=2, max_tokens=8, seed=4))
    assert [c.tokens for c in one.completions] != [c.tokens for c in two.completions]


def test_order_is_kept_and_no_prompts_give_nothing(backend: Backend) -> None:
    forward = backend(turns(QUESTIONS), Sampling(max_tokens=4))
    backward = backend(turns(QUESTIONS[::-1]), Sampling(max_tokens=4))
    assert forward == backward[::-1]
    assert backend([], Sampling()) == []


def test_a_prompt_over_the_context_is_a_group_with_an_error_and_the_others_are_done(backend: Backend) -> None:
    long, short = backend([*turns(["why " * 300]), *turns(["why?"])], Sampling(n=2, max_tokens=4))
    assert long.completions == []
    assert "over the model's context of 256" in str(long.error)
    assert len(short.completions) == 2


def test_it_pickles_without_its_weights(backend: Backend) -> None:
    backend(turns(QUESTIONS[:1]), Sampling(max_tokens=2))
    packed = pickle.dumps(backend)
    assert len(packed) < 10_000
    assert pickle.loads(packed) == backend
