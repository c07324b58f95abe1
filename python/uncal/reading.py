"""Read the number that a model gives of an answer: written out, or the mean of what it might write."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from uncal import prompts, schema
from uncal.errors import ConfigError
from uncal.parse import FORMATS, parse_completion
from uncal.types import Backend, Completion, Grader, Prompt, ReadOut, Sampling

HOW = ("stated", "mean")


class Read(NamedTuple):
    """What was read of one answer.

    Attributes
    ----------
    text : str or None
        What the model wrote; None where it wrote nothing.
    uncertainty : float or None
        In [0, 1]; None where nothing could be read.
    reason : str or None
        Why not.
    answer : str or None
        That the model gave itself; None where it gave none, or was not asked to.
    """

    text: str | None
    uncertainty: float | None
    reason: str | None
    answer: str | None = None


def read(backend: Backend, turns: Sequence[Prompt], read_out: ReadOut, sampling: Sampling) -> list[Read]:
    """Read a number in every conversation.

    Parameters
    ----------
    backend : Backend
        With `option_logprobs` where the read-out has options.
    turns : sequence of conversations or texts
    read_out : ReadOut
    sampling : Sampling
        How a statement is drawn; the first of each is read.

    Examples
    --------
    ```python
    read(backends.make("transformers", model=model), turns, ReadOut(), Sampling())
    # [Read(text='<uncertainty>0.20</uncertainty>', uncertainty=0.2, reason=None, answer=None)]
    ```
    """
    if read_out.options:
        return _mean(backend, turns, read_out)
    return [
        found[0] if isinstance(found, list) else Read(None, None, found)
        for found in read_all(backend, turns, read_out, sampling)
    ]


def read_all(
    backend: Backend, turns: Sequence[Prompt], read_out: ReadOut, sampling: Sampling
) -> list[list[Read] | str | None]:
    """Read the number of every completion that is drawn, `sampling.n` in each conversation.

    Returns
    -------
    list of lists of Read, of length P; in place of a list why nothing could be drawn
    """
    return [
        [_parsed(completion, read_out) for completion in group.completions] if group.completions else group.error
        for group in backend(turns, sampling)
    ]


def _parsed(completion: Completion, read_out: ReadOut) -> Read:
    answer, value, reason = parse_completion(completion.text, read_out.order, read_out.format)
    if value is None and completion.finish_reason == "length":
        reason = f"{reason}, cut at max_tokens"
    return Read(completion.text, value, reason, answer)


def _mean(backend: Backend, turns: Sequence[Prompt], read_out: ReadOut) -> list[Read]:
    logprobs = backend.option_logprobs(turns, [f"{read_out.opening}{option}" for option in read_out.options])
    with np.errstate(invalid="ignore"):
        weights = np.exp(logprobs - logprobs.max(1, keepdims=True, initial=-np.inf))
    means = weights @ np.array(read_out.uncertainties) / weights.sum(1)
    return [
        Read(None, float(np.clip(mean, 0, 1)), None)
        if np.isfinite(mean)
        else Read(None, None, "the prompt is over the model's context")
        for mean in means
    ]


def statements(read_out: ReadOut) -> ReadOut:
    """Turn a read-out of written numbers into that of their mean: over all statements that the format has.

    Examples
    --------
    >>> mean = statements(ReadOut())
    >>> len(mean.options), mean.options[37], mean.uncertainties[37]
    (101, '<uncertainty>0.37', 0.37)
    """
    if read_out.options:
        return read_out
    way = FORMATS[read_out.format]
    written = {way.write(i / 100): i for i in range(101)}
    values = tuple(value for value in (way.read(text).value for text in written) if value is not None)
    options = tuple(text.partition("</")[0] for text in written)
    if any(other != option and other.startswith(option) for option in options for other in options):
        options = tuple(written)  # 1 is how 10 begins: only its closing tag tells them apart
    return ReadOut(format=read_out.format, order=read_out.order, options=options, uncertainties=values)


def of_note(note: Mapping[str, Any], how: str | None = None) -> ReadOut:
    """Say how the number of an adapter is read.

    Parameters
    ----------
    note : mapping
        What its uncal.json holds.
    how : {"stated", "mean"} or None, default=None
        As it is written, or the mean over what might be written; None is as the objective says that it was trained on.

    Raises
    ------
    ConfigError
        If the adapter was trained to write no number.

    Examples
    --------
    >>> of_note({"read_out": {"format": "confidence"}}).format
    'confidence'
    """
    said = note["read_out"]
    read_out = ReadOut(
        format=said.get("format", "uncertainty"),
        order=note.get("prompts", {}).get("order", "answer_first"),
        opening=said.get("opening", ""),
        options=tuple(said.get("options", ())),
        uncertainties=tuple(said.get("uncertainties", ())),
    )
    if how == "mean":
        return statements(read_out)
    if how == "stated" and read_out.options and read_out.options != statements(ReadOut(format=read_out.format)).options:
        raise ConfigError("read_out is 'stated', but this adapter was trained to write no number; leave it unset")
    return ReadOut(format=read_out.format, order=read_out.order) if how == "stated" else read_out


def statement_batch(
    batch: pa.Table,
    note: Mapping[str, Any],
    backend: Backend,
    *,
    how: str | None = None,
    max_tokens: int | None = None,
    seed: int = 0,
    grader: Grader | None = None,
) -> pa.Table:
    """Let a model state the uncertainty of some answers, taking the most probable token each time.

    Parameters
    ----------
    batch : pyarrow.Table
        `id`, `prompt`, `answer` and `source`; `answers` too where the model answers itself.
    note : mapping
        What the adapter's uncal.json holds: `prompts` and `read_out`.
    backend : Backend
    how : {"stated", "mean"} or None, default=None
        As `of_note` takes it.
    max_tokens : int or None, default=None
        A statement is cut after so many tokens; None is what the adapter was trained with.
    seed : int, default=0
    grader : Grader or None, default=None
        Of answers that the model gives itself.

    Returns
    -------
    pyarrow.Table
        As many rows, with the columns of statements.parquet.
    """
    told, rows = note["prompts"], batch.to_pylist()
    order = told.get("order", "answer_first")
    turns = [prompts.turns(order, row["prompt"], row["answer"], told["answer"], told["uncertainty"]) for row in rows]
    sampling = Sampling(temperature=0.0, max_tokens=max_tokens or note["read_out"]["max_tokens"], seed=seed)
    made = []
    for row, found in zip(rows, read(backend, turns, of_note(note, how), sampling), strict=True):
        made.append({"id": row["id"], "source": row["source"], "correct": None} | found._asdict())
    if order != "answer_first" and grader is not None:
        said = [one["answer"] or "" for one in made]
        # A masked array gives None where the grader could not tell. NumPy 2.3 has no types for it.
        masked: Any = np.ma.asarray
        verdicts = masked(grader(said, [row["answers"] for row in rows], [row["prompt"] for row in rows])).tolist()
        for one, row, verdict in zip(made, rows, verdicts, strict=True):
            one["correct"] = verdict if row["answers"] else None
    return pa.Table.from_pylist(made, schema.statements)
