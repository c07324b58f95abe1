"""What the openai backend does when a server misbehaves; a real server is asked in tests/contract."""

import logging
import os
import time
from itertools import pairwise
from typing import Any

import pytest

from uncal.backends import make
from uncal.errors import ConfigError, ModelError
from uncal.types import Sampling

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def backend(hostile: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the hostile server that gives up soon."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return lambda **settings: make(
        "openai", **{"model": "hostile", "base_url": hostile.url, "retries": 2, "pause": 0.01, "timeout": 2} | settings
    )


def texts(group: Any) -> list[str]:
    return [completion.text for completion in group.completions]


@pytest.mark.parametrize("trick", ["reset", "half", "cut", "page", "choiceless", "null", "busy", "later", "broken"])
def test_what_passes_is_asked_again_until_it_is_answered(backend: Any, hostile: Any, trick: str) -> None:
    other, group = backend()(["who?", f"[{trick} 2] where?"], Sampling(n=2))
    assert texts(group) == ["WHERE? 0", "WHERE? 1"]
    assert texts(other) == ["WHO? 0", "WHO? 1"]
    assert len(hostile.requests()) == 4


@pytest.mark.parametrize(
    ("trick", "why"),
    [
        ("reset", "no connection"),
        ("half", "no connection"),
        ("cut", "the answer makes no sense"),
        ("page", "it has no choices"),
        ("choiceless", "it has no choices"),
        ("null", "a choice lacks what it should have"),
        ("broken", "status 500"),
    ],
)
def test_what_does_not_pass_is_a_failed_prompt_with_its_reason_and_the_others_are_done(
    backend: Any, trick: str, why: str
) -> None:
    lost, done = backend()([f"[{trick} 99] where?", "who?"], Sampling(n=2))
    assert lost.completions == []
    assert why in lost.error
    assert lost.error.endswith("(3 tries)")
    assert texts(done) == ["WHO? 0", "WHO? 1"]


@pytest.mark.parametrize("trick", ["stall", "drip"])
def test_a_server_that_says_nothing_or_never_ends_is_left_at_the_timeout(backend: Any, trick: str) -> None:
    start = time.monotonic()
    lost, done = backend(retries=1, timeout=0.5)([f"[{trick} 99] where?", "who?"], Sampling())
    assert time.monotonic() - start < 5
    assert lost.error == "no answer within 0.5 s (2 tries)"
    assert texts(done) == ["WHO? 0"]


def test_a_lone_prompt_that_breaks_the_connection_is_a_failed_prompt_while_the_server_lives(backend: Any) -> None:
    (lost,) = backend()(["[reset 99] where?"], Sampling())
    assert lost.error.startswith("no connection")


@pytest.mark.parametrize(("trick", "least"), [("busy", 0.95), ("later", 0.95)])  # a second, or a date in two
def test_retry_after_is_waited_for(backend: Any, hostile: Any, trick: str, least: float) -> None:
    backend()([f"[{trick} 1] who?"], Sampling())
    first, second = (request["time"] for request in hostile.requests())
    assert least <= second - first < least + 3


def test_pauses_double(backend: Any, hostile: Any) -> None:
    backend(pause=0.2, retries=3)(["[broken 3] who?"], Sampling())
    times = [request["time"] for request in hostile.requests()]
    pauses = [after - before for before, after in pairwise(times)]
    for pause, wanted in zip(pauses, (0.2, 0.4, 0.8), strict=True):
        assert 0.7 * wanted <= pause <= 1.25 * wanted + 0.3


def test_a_request_that_is_refused_for_good_is_not_sent_again(backend: Any, hostile: Any) -> None:
    (lost,) = backend()(["[wrong 99] who?"], Sampling())
    assert "status 400" in lost.error
    assert "maximum context length is 256 tokens" in lost.error
    assert len(hostile.requests()) == 1


def test_missing_choices_are_asked_for_again_with_another_seed(backend: Any, hostile: Any) -> None:
    (group,) = backend()(["[few 2] who?"], Sampling(n=5))
    assert texts(group) == ["WHO? 0", "WHO? 0", "WHO? 0", "WHO? 1", "WHO? 2"]
    bodies = [request["body"] for request in hostile.requests()]
    assert [body["n"] for body in bodies] == [5, 4, 3]
    assert len({body["seed"] for body in bodies}) == 3


def test_max_n_and_other_settings_reach_the_server(backend: Any, hostile: Any) -> None:
    made = backend(max_n=2, max_tokens_name="max_completion_tokens", logprobs=False, extra_body={"top_k": 5})
    (group,) = made(["who?"], Sampling(n=3, temperature=0.5, top_p=0.9, max_tokens=7))
    assert len(group.completions) == 3
    assert [c.logprobs for c in group.completions] == [[], [], []]
    first, second = (request["body"] for request in hostile.requests())
    assert (first["n"], second["n"]) == (2, 1)
    assert (first["temperature"], first["top_p"], first["max_completion_tokens"], first["top_k"]) == (0.5, 0.9, 7, 5)
    assert "max_tokens" not in first
    assert "logprobs" not in first


def test_logprobs_and_the_largest_are_read_where_the_server_has_them(backend: Any) -> None:
    (group,) = backend()(["who?"], Sampling(n=1, top_logprobs=2))
    (completion,) = group.completions
    assert completion.logprobs == [-0.5]
    assert completion.top_logprobs == [[-0.25, -0.5]]
    assert completion.tokens == []


def test_a_server_that_cannot_say_how_likely_words_are_is_told_of_in_one_line(backend: Any) -> None:
    with pytest.raises(ConfigError, match=r"does not tell the tokens of a conversation.*have replies drawn") as error:
        backend().option_logprobs(["who?"], ["yes", "no"])
    assert "\n" not in str(error.value)
    assert backend().option_logprobs([], ["yes"]).shape == (0, 1)


def test_texts_of_tokens_are_those_of_the_server_where_the_text_has_them(backend: Any) -> None:
    sampling = Sampling(n=1, top_logprobs=2, token_texts=True, top_texts=True)
    (group,) = backend()(["who?"], sampling)
    completion = group.completions[0]
    assert (completion.text, completion.token_texts, completion.top_texts) == ("WHO? 0", ["WHO?"], [["WHO?", "0"]])


def test_no_more_requests_are_under_way_than_allowed(backend: Any) -> None:
    start = time.monotonic()
    backend(concurrency=2)([f"[slow 1] who is {i}?" for i in range(6)], Sampling())
    assert time.monotonic() - start > 0.85  # three rounds of 0.3 s


def test_the_key_is_sent_and_appears_nowhere_else(
    backend: Any, hostile: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    made = backend(retries=0)
    (lost,) = made(["[broken 9] who?"], Sampling())
    with pytest.raises(ModelError) as caught:
        made(["[stranger 9] who?"], Sampling())
    assert hostile.requests()[0]["key"] == f"Bearer {KEY}"
    assert "[key]" in str(caught.value)
    said = [lost.error, str(caught.value), repr(made), str(made.provenance), caplog.text, *capfd.readouterr()]
    assert not [text for text in said if KEY in text]


def test_an_unset_key_is_named_when_the_server_wants_one(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = backend(key_variable="SOMEBODYS_KEY")
    monkeypatch.delenv("SOMEBODYS_KEY", raising=False)
    with pytest.raises(ModelError, match="the environment variable SOMEBODYS_KEY is not set"):
        made(["[stranger 9] who?"], Sampling())


def test_a_server_that_is_not_there_is_an_error_and_not_a_failure_of_each_prompt(backend: Any, hostile: Any) -> None:
    hostile.kill()
    with pytest.raises(ModelError, match="cannot be reached"):
        backend(retries=1)(["who?"] * 50, Sampling())


def test_it_works_where_an_event_loop_runs_already(backend: Any) -> None:
    import asyncio

    made = backend()

    async def notebook() -> Any:
        return made(["who?"], Sampling())

    assert texts(asyncio.run(notebook())[0]) == ["WHO? 0"]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"base_url": "https://user:hunter2@example.org/v1"}, "a key belongs in the environment alone"),
        ({"base_url": "https://example.org/v1?api-key=hunter2"}, "a key belongs in the environment alone"),
        ({"key_variable": "sk-hunter2"}, "must be the name of an environment variable"),
        ({"base_url": "example.org"}, "base_url must be http"),
        ({"concurrency": 0}, "concurrency is 0; it must be at least 1"),
        ({"timeout": 0}, "timeout is 0; it must be above 0 seconds"),
        ({"api_key": "hunter2"}, "has no setting 'api_key'"),
    ],
)
def test_settings_that_make_no_sense_or_hold_a_key_are_refused_without_being_shown(
    settings: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        make("openai", model="m", **settings)
    assert "hunter2" not in str(caught.value)
    assert os.environ.get("OPENAI_API_KEY") is None or KEY not in str(caught.value)
