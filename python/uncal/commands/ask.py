"""Ask: an answer by the base weights, then how unsure it is by the adapter."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from uncal import artefacts, backends, prompts, reading
from uncal.errors import ArtefactError
from uncal.parse import answer_of
from uncal.types import Backend, ReadOut, Sampling


def ask(
    questions: Iterable[str],
    adapter: Path,
    *,
    model: str | None = None,
    batch_size: int = 16,
    settings: dict[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Answer questions, each with the stated probability that the answer is wrong.

    The answer is made with the adapter off and is thus the base model's own.

    Parameters
    ----------
    questions : iterable of str
    adapter : Path
        A folder that `uncal train` made.
    model : str or None, default=None
        The base model; None takes the one that uncal.json names.
    batch_size : int, default=16
        Questions that are answered together.
    settings : dict or None, default=None
        Further settings of the transformers backend.

    Yields
    ------
    dict
        `question`, `answer`, `uncertainty` and `confidence` (None when the statement is malformed, then `reason` says
        why), `statement` (the text) and `error` (None, or why there is no answer).

    Raises
    ------
    ArtefactError
        If `adapter` is no such folder.
    """
    note = read_note(adapter)
    backend: Any = backends.make(
        "transformers", model=model or note["base_model"], adapter=str(adapter), **(settings or {})
    )
    answering = Sampling(**note["answer_sampling"])
    told, read_out = note["prompts"], reading.of_note(note)
    stating = Sampling(temperature=note["read_out"]["temperature"], max_tokens=note["read_out"]["max_tokens"])
    rest = iter(questions)
    while batch := list(islice(rest, batch_size)):
        if told["order"] != "answer_first":
            yield from _answered_by_itself(batch, backend, told, read_out, stating)
            continue
        with backend.adapter_off():
            answers = backend([prompts.answer_turn(question, told["answer"]) for question in batch], answering)
        answered = [(q, group.completions[0].text) for q, group in zip(batch, answers, strict=True) if not group.error]
        turns = [prompts.uncertainty_turn(q, answer, told["answer"], told["uncertainty"]) for q, answer in answered]
        statements = iter(reading.read(backend, turns, read_out, stating) if turns else [])
        for question, group in zip(batch, answers, strict=True):
            if group.error:
                yield _row(question, error=group.error)
                continue
            yield _stated(question, group.completions[0].text, next(statements))


def _answered_by_itself(
    batch: list[str], backend: Backend, told: dict[str, str], read_out: ReadOut, stating: Sampling
) -> Iterator[dict[str, Any]]:
    """Answer and number in one turn, both with the adapter on."""
    turns = [prompts.answer_turn(question, told["uncertainty"]) for question in batch]
    for question, found in zip(batch, reading.read(backend, turns, read_out, stating), strict=True):
        if found.text is None:
            yield _row(question, error=found.reason)
        else:
            yield _stated(question, answer_of(found.text), found)


def _stated(question: str, answer: str | None, found: reading.Read) -> dict[str, Any]:
    value = found.uncertainty
    return _row(
        question,
        answer=answer,
        uncertainty=value,
        confidence=None if value is None else round(1 - value, 12),
        statement=found.text,
        reason=found.reason,
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
