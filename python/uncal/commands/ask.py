"""Ask: an answer by the base weights, then how unsure it is by the adapter."""

import json
import math
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from uncal import artefacts, backends, prompts, reading
from uncal.errors import ArtefactError, ConfigError
from uncal.normal import normalize
from uncal.types import Sampling
from uncal.voting import confidence_weighted_vote, mean_over_analyses


def ask(
    questions: Iterable[str],
    adapter: Path,
    *,
    model: str | None = None,
    batch_size: int = 16,
    votes: int = 1,
    analyses: int = 1,
    settings: dict[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Answer questions, each with the stated probability that the answer is wrong.

    Where the adapter was trained on frozen answers, the answer is made with it off and is thus the base model's own.

    Parameters
    ----------
    questions : iterable of str
    adapter : Path
        A folder that `uncal train` made.
    model : str or None, default=None
        The base model; None takes the one that uncal.json names.
    batch_size : int, default=16
        Questions that are answered together.
    votes : int, default=1
        Answers that are drawn, at temperature 1 where there are several; the one with the most confidence in all is
        given, with the mean confidence of its draws (`uncal.voting.confidence_weighted_vote`).
    analyses : int, default=1
        Statements that are drawn of an answer, at temperature 1 where there are several; their mean is given
        (`uncal.voting.mean_over_analyses`).
    settings : dict or None, default=None
        Further settings of the transformers backend.

    Yields
    ------
    dict
        `question`, `answer`, `uncertainty` and `confidence` (None when no statement could be read, then `reason` says
        why), `statement` (the text; the first of several) and `error` (None, or why there is no answer).

    Raises
    ------
    ArtefactError
        If `adapter` is no such folder.
    ConfigError
        If votes or analyses are below 1, or statements of a model that answers itself are asked for anew.
    """
    note = read_note(adapter)
    asking = _Asking(note, votes, analyses)
    backend: Any = backends.make(
        "transformers", model=model or note["base_model"], adapter=str(adapter), **(settings or {})
    )
    rest = iter(questions)
    while batch := list(islice(rest, batch_size)):
        drawn = asking.frozen(batch, backend) if asking.order == "answer_first" else asking.whole(batch, backend)
        for question, found in zip(batch, drawn, strict=True):
            yield _row(question, error=found) if isinstance(found, str) else _voted(question, found)


class _Asking:
    """How an adapter is asked, and how often."""

    def __init__(self, note: dict[str, Any], votes: int, analyses: int) -> None:
        for name, value in (("votes", votes), ("analyses", analyses)):
            if value < 1:
                raise ConfigError(f"{name} is {value}; it must be at least 1")
        self.told, self.read_out = note["prompts"], reading.of_note(note)
        self.order = self.told["order"]
        if analyses > 1 and self.order != "answer_first":
            raise ConfigError("analyses is above 1, but this adapter answers and states in one go; draw votes instead")
        if analyses > 1 and self.read_out.options:
            raise ConfigError("analyses is above 1, but this adapter's number is a mean already, the same each time")
        how = note["answer_sampling"]
        self.answering = Sampling(**how | ({"n": votes, "temperature": 1.0} if votes > 1 else {}))
        several = analyses if self.order == "answer_first" else votes
        drawn = {"n": several, "temperature": 1.0} if several > 1 else {"temperature": note["read_out"]["temperature"]}
        self.stating = Sampling(max_tokens=note["read_out"]["max_tokens"], **drawn)

    def frozen(self, batch: list[str], backend: Any) -> list[list[tuple[str | None, list[reading.Read]]] | str]:
        """Answers with the adapter off, then statements of each with it on."""
        with backend.adapter_off():
            groups = backend([prompts.answer_turn(question, self.told["answer"]) for question in batch], self.answering)
        pairs = {
            (question, one.text): None
            for question, group in zip(batch, groups, strict=True)
            for one in group.completions
        }
        turns = [prompts.uncertainty_turn(q, a, self.told["answer"], self.told["uncertainty"]) for q, a in pairs]
        stated = dict(zip(pairs, self._read(backend, turns), strict=True))
        return [
            [(one.text, stated[question, one.text]) for one in group.completions] or str(group.error)
            for question, group in zip(batch, groups, strict=True)
        ]

    def whole(self, batch: list[str], backend: Any) -> list[list[tuple[str | None, list[reading.Read]]] | str]:
        """Answer and number in one turn, both with the adapter on."""
        turns = [prompts.answer_turn(question, self.told["uncertainty"]) for question in batch]
        return [
            str(found[0].reason) if found[0].text is None else [(one.answer, [one]) for one in found]
            for found in self._read(backend, turns)
        ]

    def _read(self, backend: Any, turns: list[Any]) -> list[list[reading.Read]]:
        if not turns:
            return []
        if self.read_out.options:
            return [[one] for one in reading.read(backend, turns, self.read_out, self.stating)]
        return [
            found if isinstance(found, list) else [reading.Read(None, None, found)]
            for found in reading.read_all(backend, turns, self.read_out, self.stating)
        ]


def _voted(question: str, drawn: list[tuple[str | None, list[reading.Read]]]) -> dict[str, Any]:
    """Give one answer and one number of all that was drawn."""
    means = mean_over_analyses([[one.uncertainty for one in read] for _, read in drawn])
    confidences = [None if math.isnan(mean) else 1 - float(mean) for mean in means]
    first = drawn[0][1][0]
    if len(drawn) == 1:
        answer, confidence = drawn[0][0], confidences[0]
    else:
        names = {normalize(answer): answer for answer, _ in reversed(drawn) if answer is not None}
        keys = [None if answer is None else normalize(answer) for answer, _ in drawn]
        vote = confidence_weighted_vote(keys, confidences, confidence="mean")
        answer = None if vote.answer is None else names[vote.answer]
        given = [c for key, c in zip(keys, confidences, strict=True) if key == vote.answer and c is not None]
        confidence = sum(given) / len(given) if given else None
    return _row(
        question,
        answer=answer,
        uncertainty=None if confidence is None else round(1 - confidence, 12),
        confidence=None if confidence is None else round(confidence, 12),
        statement=first.text,
        reason=first.reason if confidence is None else None,
    )


def _row(question: str, **known: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("answer", "uncertainty", "confidence", "statement", "reason", "error"))
    return {"question": question} | empty | known


def read_note(adapter: Path) -> dict[str, Any]:
    """Read the uncal.json of an adapter."""
    path = adapter / artefacts.NOTE
    try:
        note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for key in ("base_model", "prompts", "read_out", "answer_sampling"):
            _ = note[key]
    except FileNotFoundError as error:
        raise ArtefactError(f"{adapter} is no adapter of uncal's: it has no {artefacts.NOTE}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is damaged: {error}") from error
    return note


def as_text(row: dict[str, Any]) -> str:
    """Write a row for a person."""
    if row["error"]:
        return f"(no answer: {row['error']})"
    stated = (
        f"uncertainty {row['uncertainty']:.2f}" if row["uncertainty"] is not None else f"malformed: {row['reason']}"
    )
    return f"{row['answer']}\n  ({stated})"
