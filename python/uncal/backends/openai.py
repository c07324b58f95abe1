"""Sampling from a server that speaks OpenAI's protocol: OpenAI itself, `vllm serve`, llama.cpp, Ollama and others."""

import asyncio
import email.utils
import math
import os
import random
import re
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAIError

from uncal.backends._seeds import digests
from uncal.errors import ConfigError, ModelError
from uncal.types import Backend, Completion, CompletionGroup, FloatArray, Message, Prompt, Sampling

REFUSED = {401: "refuses the key", 404: "has no such model or address"}
AGAIN = (408, 409, 425, 429)
LONGEST_WAIT = 120.0
"""Seconds that a server may tell us to wait."""
Job = Callable[["_Line"], Awaitable[Any]]
"""What is to be done over a connection, in one request or several."""


@dataclass(frozen=True, kw_only=True)
class Openai(Backend):
    """Draw completions from a server that speaks OpenAI's protocol for chats.

    Each prompt is a request of its own, `concurrency` of them at a time. What passes (status 408, 409, 425, 429 and
    5xx, timeouts, dropped connections, answers that are no answer) is asked again after a pause that doubles each time,
    or as long as the server's Retry-After says; a prompt for which that does not help is a group with an error. A
    server that gives fewer completions than asked for is asked for the rest. The key comes from the environment and
    goes to the server alone.

    Attributes
    ----------
    model : str
        As the server calls it.
    base_url : str, default="https://api.openai.com/v1"
        Where the server is.
    key_variable : str, default="OPENAI_API_KEY"
        Name of the environment variable that holds the key; a server of one's own may need none.
    logprobs : bool, default=True
        Ask for log-probabilities; False for servers that refuse that. Where there are none, the lists are empty. They
        are as the server gives them: `vllm serve` and OpenAI give those of the untempered distribution.
    concurrency : int, default=16
        Requests at a time.
    timeout : float, default=120
        Seconds for one request, from sending it to the end of the answer.
    retries : int, default=5
        Times that a request is sent again.
    pause : float, default=1
        Seconds before the first of those; each further one waits twice as long, up to a minute.
    max_n : int or None, default=None
        Completions to ask for in one request, at most; 1 for servers that give no more.
    max_tokens_name : str, default="max_tokens"
        What the request calls the length of an answer; OpenAI's models that reason want "max_completion_tokens".
    extra_body : mapping, default={}
        Whatever else a request says, such as `return_token_ids=true` for `vllm serve`, which gives `tokens`.
    """

    shard_size: ClassVar[int] = 256

    model: str
    base_url: str = "https://api.openai.com/v1"
    key_variable: str = "OPENAI_API_KEY"
    logprobs: bool = True
    concurrency: int = 16
    timeout: float = 120.0
    retries: int = 5
    pause: float = 1.0
    max_n: int | None = None
    max_tokens_name: str = "max_tokens"
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ConfigError("base_url must be http://HOST/... or https://HOST/...")
        if address.username or address.password or address.query:  # not shown: it may be a key
            raise ConfigError("base_url holds a user, password or query; a key belongs in the environment alone")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.key_variable):
            raise ConfigError("key_variable must be the name of an environment variable, not a key")
        for name, least in {"concurrency": 1, "retries": 0, "pause": 0, "max_n": 1}.items():
            if (value := getattr(self, name)) is not None and value < least:
                raise ConfigError(f"{name} is {value}; it must be at least {least}")
        if not self.timeout > 0:
            raise ConfigError(f"timeout is {self.timeout}; it must be above 0 seconds")

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the server is, and the client's version."""
        return {"backend": "openai", "base_url": self.base_url, "openai": metadata.version("openai")}

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[CompletionGroup]:
        """Complete every prompt.

        Parameters
        ----------
        prompts : sequence of str or list of messages
            A text is sent as one message of the user.
        sampling : Sampling

        Returns
        -------
        list of CompletionGroup, one for each prompt, in order
            A prompt that the server refuses or fails to answer is a group with an error.

        Raises
        ------
        ModelError
            If the server refuses the key or the model, or no prompt at all can be sent to it.
        """
        if not prompts:
            return []
        seeds = [int.from_bytes(digest[:4], "little") >> 1 for digest in digests(prompts, sampling.seed)]
        found = _finished(self._all([self._complete(*asked, sampling) for asked in zip(prompts, seeds, strict=True)]))
        return [CompletionGroup([], str(one)) if isinstance(one, Exception) else CompletionGroup(one) for one in found]

    def option_logprobs(self, prompts: Sequence[Prompt], options: Sequence[str], /) -> FloatArray:
        """Say how likely each option is as the beginning of the model's turn, (P, O).

        From servers that say what tokens a conversation is (``/tokenize`` beside ``/v1``) and how likely the tokens of
        a prompt are (`prompt_logprobs`), as `vllm serve` does. NaN for a prompt that leaves no room in the context. An
        option is tokenized by itself. Each prompt is a request, and with each option one more.

        Raises
        ------
        ConfigError
            If the server does not say that.
        ModelError
            As for completions.
        """
        found = np.full((len(prompts), len(options)), np.nan)
        if not prompts:
            return found
        told = _finished(self._all([self._tokens(option) for option in options]))
        for option, tokens in zip(options, told, strict=True):
            if not tokens:
                raise ValueError(
                    f"options are {list(options)}; each must have a token at least, and {option!r} has none"
                )
            if isinstance(tokens, Exception):
                raise ConfigError(f"{self._silent} ({tokens})")
        turns = [[_user(prompt)] if isinstance(prompt, str) else prompt for prompt in prompts]
        read = _taken(_finished(self._all([self._tokens(turn) for turn in turns])))
        cells = [(p, o) for p, tokens in enumerate(read) if tokens is not None for o in range(len(options))]
        given = _taken(_finished(self._all([self._likelihood(read[p], told[o]) for p, o in cells])))
        for cell, value in zip(cells, given, strict=True):
            found[cell] = np.nan if value is None else value
        return found

    @property
    def _silent(self) -> str:
        return (
            f"backend openai cannot say how likely given words are: {self.base_url} does not tell the tokens of a "
            "conversation, or how likely those of a prompt are, as `vllm serve` does; have replies drawn"
        )

    async def _all(self, jobs: Sequence[Job]) -> list[Any]:
        """Do some jobs, `concurrency` at a time; one that was given up has its `_GivenUpError` for a result."""
        if not jobs:
            return []
        key = os.environ.get(self.key_variable) or "none"
        places = asyncio.Semaphore(self.concurrency)
        async with AsyncOpenAI(api_key=key, base_url=self.base_url, max_retries=0, timeout=self.timeout) as client:
            line = _Line(client)

            async def one(job: Job) -> Any:
                async with places:
                    try:
                        return await job(line)
                    except _GivenUpError as error:
                        return _GivenUpError(_hidden(str(error), key), refused=error.refused)

            tasks = [asyncio.ensure_future(one(job)) for job in jobs]
            try:
                found = await asyncio.gather(*tasks)
            except (ConfigError, ModelError) as error:
                raise type(error)(_hidden(str(error), key)) from None
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            if (line.dead or not line.answered) and not await self._lives(client):
                raise ModelError(
                    f"{self.base_url} cannot be reached; what came before is kept, and the same command goes on there"
                )
        return found

    async def _lives(self, client: AsyncOpenAI) -> bool:
        try:
            async with asyncio.timeout(self.timeout):
                await client.get("/models", cast_to=object)
        except (TimeoutError, APIConnectionError):
            return False
        except (OpenAIError, ValueError):  # an answer of some kind
            return True
        return True

    def _complete(self, prompt: Prompt, seed: int, sampling: Sampling) -> Job:
        """Ask until there are n completions; each further request has a seed of its own."""

        async def job(line: "_Line") -> list[Completion]:
            async def ask(n: int, seed: int) -> list[Completion]:
                body = self._body(prompt, sampling) | {"n": n, "seed": seed}
                drawn: list[Completion] = await self._ask(
                    line, "/chat/completions", body, partial(_read, sampling=sampling)
                )
                return drawn

            if sampling.temperature == 0:  # all alike, and some servers refuse to draw more than one
                return (await ask(1, seed))[:1] * sampling.n
            drawn: list[Completion] = []
            while len(drawn) < sampling.n:
                wanted = min(sampling.n - len(drawn), self.max_n or sampling.n)
                drawn += (await ask(wanted, seed + len(drawn)))[:wanted]
            return drawn

        return job

    def _tokens(self, text: str | list[Message]) -> Job:
        """Ask for the tokens of a text, or of a conversation and the opening of the model's turn."""
        if isinstance(text, str):
            given: dict[str, Any] = {"prompt": text, "add_special_tokens": False}
        else:
            template = {name: value for name, value in self.extra_body.items() if name.startswith("chat_template")}
            given = {"messages": text} | template
        address = f"{self.base_url.rstrip('/').removesuffix('/v1')}/tokenize"

        async def job(line: "_Line") -> list[int]:
            try:
                tokens: list[int] = await self._ask(line, address, {"model": self.model} | given, _tokens_of)
            except ModelError as error:
                if getattr(error.__cause__, "status_code", None) == 404:
                    raise ConfigError(self._silent) from error
                raise
            return tokens

        return job

    def _likelihood(self, prompt: list[int], option: list[int]) -> Job:
        """Ask for the log-probability of the last tokens of a prompt."""
        body = {
            "model": self.model,
            "prompt": [*prompt, *option],
            "max_tokens": 1,
            "temperature": 0.0,
            "prompt_logprobs": 0,
        }

        async def job(line: "_Line") -> float:
            told: float | None = await self._ask(line, "/completions", body, partial(_logprob_of, option=option))
            if told is None:
                raise ConfigError(self._silent)
            return told

        return job

    def _body(self, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
        messages = [_user(prompt)] if isinstance(prompt, str) else prompt
        body: dict[str, Any] = {
            "model": self.model,
            "messages": messages,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self.max_tokens_name: sampling.max_tokens,
        }
        if self.logprobs:
            body["logprobs"] = True
            if sampling.top_logprobs:
                # One more than wanted: vLLM counts the token drawn among them, which may not be of the largest.
                body["top_logprobs"] = min(sampling.top_logprobs + 1, max(20, sampling.top_logprobs))
        return body | dict(self.extra_body)

    async def _ask(self, line: "_Line", address: str, body: dict[str, Any], read: Callable[[Any], Any]) -> Any:
        """Send one request, again where that may help; `read` raises a `ValueError` for an answer that is none."""
        for attempt in range(self.retries + 1):
            told: float | None = None
            reached = True
            try:
                async with asyncio.timeout(self.timeout):
                    answer = await line.client.post(address, cast_to=object, body=body)
                line.answered, line.dead = True, False
                return read(answer)
            except TimeoutError:
                reached, why = False, f"no answer within {self.timeout:g} s"
            except APIStatusError as error:
                line.answered, line.dead = True, False
                status = error.status_code
                why = f"status {status}: {_first_line(error)}"
                if status in REFUSED:
                    raise ModelError(f"{self.base_url} {REFUSED[status]} ({why}{self._hint(status)})") from error
                if status < 500 and status not in AGAIN:
                    raise _GivenUpError(why, refused=True) from error
                told = _told_to_wait(error.response.headers)
            except APIConnectionError as error:
                reached, why = False, f"no connection: {_first_line(error.__cause__ or error)}"
            except (OpenAIError, ValueError) as error:
                why = f"the answer makes no sense: {_first_line(error)}"
            if line.dead and not reached:
                break
            if attempt < self.retries:
                wait = min(60.0, self.pause * 2**attempt) * random.uniform(0.75, 1.25)
                await asyncio.sleep(wait if told is None else min(told, LONGEST_WAIT))
        line.dead = not reached
        raise _GivenUpError(f"{why} ({attempt + 1} tries)")

    def _hint(self, status: int) -> str:
        if status == 401 and not os.environ.get(self.key_variable):
            return f"; the environment variable {self.key_variable} is not set"
        return ""


@dataclass
class _Line:
    """What the requests of a call know of the server together.

    Attributes
    ----------
    client : AsyncOpenAI
    answered : bool
        It has answered once, whatever it said.
    dead : bool
        A request was given up for want of an answer and none has had one since, so that others try once only.
    """

    client: AsyncOpenAI
    answered: bool = False
    dead: bool = False


class _GivenUpError(Exception):
    """A request that is not sent again, because the server refuses it or does not answer."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


def _finished(doing: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    """Wait for what is done; in a thread where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(doing)
    results: list[list[Any]] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(asyncio.run(doing))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


def _tokens_of(answer: Any) -> list[int]:
    """Read the tokens of an answer; `ValueError` if it has none."""
    tokens = answer.get("tokens") if isinstance(answer, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
        raise ValueError("it has no tokens")
    return tokens


def _logprob_of(answer: Any, option: list[int]) -> float | None:
    """Read how likely the last tokens of a prompt are; None where the server does not tell."""
    first = _choices(answer)[0]
    told = first.get("prompt_logprobs") if isinstance(first, dict) else None
    if not told:
        return None
    try:
        last = zip(told[-len(option) :], option, strict=True)
        return math.fsum(float(one[str(token)]["logprob"]) for one, token in last)
    except (KeyError, TypeError) as error:
        raise ValueError(f"prompt_logprobs lack a token ({error})") from error


def _taken(found: list[Any]) -> list[Any]:
    """Give what was found, None for what the server refuses; a `ModelError` for what it did not answer."""
    for one in found:
        if isinstance(one, _GivenUpError) and not one.refused:
            raise ModelError(str(one))
    return [None if isinstance(one, _GivenUpError) else one for one in found]


def _choices(answer: Any) -> list[Any]:
    """Give the choices of an answer; `ValueError` if it has none."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices:
        raise ValueError("it has no choices")
    return choices


def _read(answer: Any, sampling: Sampling) -> list[Completion]:
    """Read the completions of an answer; `ValueError` if it has none."""
    choices = _choices(answer)
    try:
        return [_completion(choice, sampling) for choice in choices]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a choice lacks what it should have ({type(error).__name__}: {error})") from error


def _completion(choice: dict[str, Any], sampling: Sampling) -> Completion:
    text = choice["message"]["content"]
    if text is None:  # a refusal, or nothing but reasoning
        text = ""
    if not isinstance(text, str):
        raise TypeError(f"content is {type(text).__name__}")
    told = (choice.get("logprobs") or {}).get("content") or []
    largest: list[list[Mapping[str, Any]]] = []
    if sampling.top_logprobs and all(token.get("top_logprobs") for token in told):
        ordered = [sorted(token["top_logprobs"], key=lambda other: -float(other["logprob"])) for token in told]
        largest = [others[: sampling.top_logprobs] for others in ordered]
    return Completion(
        text.strip(),
        [int(token) for token in choice.get("token_ids") or []],
        [float(token["logprob"]) for token in told],
        str(choice.get("finish_reason") or "unknown"),
        [[float(other["logprob"]) for other in others] for others in largest] or None,
        # A server names the token that ends the turn, too, which is no part of the text.
        [_within(text, token) for token in told] or None if sampling.token_texts else None,
        [[str(other["token"]) for other in others] for others in largest] or None if sampling.top_texts else None,
    )


def _within(text: str, token: Mapping[str, Any]) -> str:
    """Give a token's text, or "" where the text of the whole does not hold it."""
    said = str(token["token"])
    return said if said in text else ""


def _told_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After says, as a number or a date."""
    said = headers.get("retry-after")
    if not said:
        return None
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def _hidden(text: str, key: str) -> str:
    """Take the key out of what a server says."""
    return text if key == "none" else text.replace(key, "[key]")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:300]
