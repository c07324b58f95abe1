"""How right a model's numbers are, read in two ways, against correctness and against the ideal number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from uncal import artefacts, fast, graders, prompts, reading, schema
from uncal.backends.transformers import Transformers
from uncal.parse import FORMATS
from uncal.testbed.model import ANSWER_PROMPT
from uncal.testbed.prepare import MODEL
from uncal.testbed.world import Facts
from uncal.types import BoolArray, FloatArray, Objective, Prompt, ReadOut, Sampling

REGIONS = ("in", "out", "validate")
"""Test questions of relations that are trained on; of the others; the split on which one may choose."""
MAX_TOKENS = 12
"""Of a turn with a number: an answer in its tags, a number in its own, and the end."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Questions for which numbers are read; K of them.

    Attributes
    ----------
    facts : Facts
    ids, prompts, answers, region : list of str
        `answers` are the frozen ones.
    numbers : list of int
        Of the facts.
    correct : ndarray of shape (K,), bool
        Whether the frozen answer is right.
    target : ndarray of shape (K,)
        The teacher's uncertainty.
    """

    facts: Facts
    ids: list[str]
    prompts: list[str]
    answers: list[str]
    region: list[str]
    numbers: list[int]
    correct: BoolArray
    target: FloatArray

    @classmethod
    def of(cls, folder: Path, facts: Facts) -> "Asked":
        """Take the splits test and validate of a run."""
        rows: list[dict[str, Any]] = []
        for table in artefacts.read(folder / schema.TARGETS):
            rows += [row for row in table.to_pylist() if row["split"] in ("test", "validate")]
        numbers = [int(row["id"].removeprefix("fact-")) for row in rows]
        where = {True: "out", False: "in"}
        return cls(
            facts=facts,
            ids=[row["id"] for row in rows],
            prompts=[row["prompt"] for row in rows],
            answers=[row["answer"] for row in rows],
            region=[
                "validate" if row["split"] == "validate" else where[bool(facts.held_out[number])]
                for row, number in zip(rows, numbers, strict=True)
            ],
            numbers=numbers,
            correct=np.array([row["correct"] for row in rows], dtype=bool),
            target=np.array([row["uncertainty"] for row in rows], dtype=np.float64),
        )

    @property
    def accepted(self) -> list[list[str]]:
        """The accepted answers of each."""
        facts = self.facts
        return [[facts.value_names[facts.relation[i]][facts.accepted[i]]] for i in self.numbers]


@dataclass(frozen=True, eq=False)
class Readings:
    """What was read for K questions.

    Attributes
    ----------
    answers : list of str
        What the number is about.
    correct : ndarray of shape (K,), bool
        Whether that is right.
    ideal : ndarray of shape (K,)
        The Bayes-optimal uncertainty of it.
    numbers : mapping of str to ndarray of shape (K,)
        "stated", by the most probable tokens, and "mean", of all numbers that might be stated -> uncertainties, NaN
        where there is none.
    """

    answers: list[str]
    correct: BoolArray
    ideal: FloatArray
    numbers: Mapping[str, FloatArray]


def of_frozen(asked: Asked, numbers: Mapping[str, FloatArray]) -> Readings:
    """Take numbers that are about the frozen answers."""
    return Readings(asked.answers, asked.correct, asked.facts.ideal(asked.numbers, asked.answers), numbers)


def read(folder: Path, asked: Asked, adapter: Path | None, objective: Objective, asking: str) -> Readings:
    """Have a model, with an adapter or without one, say how unsure it is.

    Parameters
    ----------
    folder : Path
        That `prepare` made.
    asked : Asked
    adapter : Path or None
    objective : Objective
        What it was trained on: it says what a completion holds and how the number is written. One that is read by
        options of its own has no "stated".
    asking : str
        What asks for the number.
    """
    put = None if adapter is None else str(adapter)
    backend = Transformers(model=str(folder / MODEL), adapter=put, batch_tokens=1 << 16)
    order, read_out = objective.order, objective.read_out
    turns: list[Prompt] = [
        list(prompts.turns(order, question, answer, ANSWER_PROMPT, asking))
        for question, answer in zip(asked.prompts, asked.answers, strict=True)
    ]
    form = ReadOut(format=read_out.format, order=order)
    if read_out.options and read_out.options != reading.statements(form).options:
        return of_frozen(asked, {"mean": _values(reading.read(backend, turns, read_out, Sampling()))})
    written = reading.read(backend, turns, form, Sampling(temperature=0.0, max_tokens=MAX_TOKENS))
    stated = _values(written)
    if order == "answer_first":
        return of_frozen(asked, {"stated": stated, "mean": _mean(backend, turns, form)})
    answers = [one.answer or "" for one in written]
    said = [i for i, answer in enumerate(answers) if answer]
    if order == "together":  # the number is that of its own answer
        tag = FORMATS[form.format].write(0.0).partition(">")[0] + ">"
        turns = [
            _continued(backend, turn, (one.text or "").rpartition(tag)[0])
            for turn, one in zip(turns, written, strict=True)
        ]
    mean = np.full(len(turns), np.nan)
    mean[said] = _mean(backend, [turns[i] for i in said], form)
    return Readings(
        answers,
        graders.make("exact_match")(answers, asked.accepted),
        asked.facts.ideal(asked.numbers, answers),
        {"stated": stated, "mean": mean},
    )


def _values(found: Sequence[reading.Read]) -> FloatArray:
    return np.array([np.nan if one.uncertainty is None else one.uncertainty for one in found], dtype=np.float64)


def _mean(backend: Transformers, turns: Sequence[Prompt], form: ReadOut) -> FloatArray:
    return _values(reading.read(backend, turns, reading.statements(form), Sampling()))


def _continued(backend: Transformers, turn: Prompt, opening: str) -> str:
    """Return a conversation as the text that the model reads, with the beginning of its own turn."""
    text: str = backend.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    return f"{text}{opening}"


def by_region(asked: Asked, readings: Readings) -> dict[str, dict[str, dict[str, float]]]:
    """Measure what was read: region -> how it was read -> what `measure` gives."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for region in REGIONS:
        rows = np.array(asked.region) == region
        found[region] = {
            how: measure(values[rows], readings.correct[rows], readings.ideal[rows])
            for how, values in readings.numbers.items()
        }
    return found


def measure(uncertainty: FloatArray, correct: BoolArray, ideal: FloatArray, n_bins: int = 15) -> dict[str, float]:
    """Measure some uncertainties; those that are NaN are malformed: counted, and left out of all else.

    Parameters
    ----------
    uncertainty : ndarray of shape (K,), in [0, 1] or NaN
    correct : ndarray of shape (K,), bool
    ideal : ndarray of shape (K,), in [0, 1]
        The Bayes-optimal uncertainty.
    n_bins : int, default=15
        Of ECE, of equal width.

    Returns
    -------
    dict of str to float
        `n` that could be read, `malformed` (share), `accuracy`, `ece`, `smooth_ece`, `brier`, `auroc` (NaN where all
        answers are of one kind), `distance` (root mean square to `ideal`), `mean_uncertainty`, `distinct` (different
        values), `largest_share` (of the most common value).

    Examples
    --------
    >>> found = measure(np.array([0.0, 1.0, np.nan]), np.array([True, False, True]), np.array([0.1, 0.9, 0.5]))
    >>> found["malformed"], found["brier"], found["auroc"], found["distance"]
    (0.33333333333333337, 0.0, 1.0, 0.09999999999999999)
    """
    some = np.isfinite(uncertainty)
    if not some.any():
        return {"n": 0, "malformed": 1.0}
    confidence, right = 1 - uncertainty[some], correct[some]
    counts = Counter(np.round(confidence, 9).tolist())
    return {
        "n": int(some.sum()),
        "malformed": float(1 - some.mean()),
        "accuracy": float(right.mean()),
        "ece": fast.ece(confidence, right, n_bins=n_bins),
        "smooth_ece": fast.smooth_ece(confidence, right),
        "brier": fast.brier(confidence, right),
        "auroc": fast.auroc(confidence, right) if 0 < right.mean() < 1 else float("nan"),
        "distance": float(np.sqrt(np.mean((uncertainty[some] - ideal[some]) ** 2))),
        "mean_uncertainty": float(uncertainty[some].mean()),
        "distinct": len(counts),
        "largest_share": max(counts.values()) / len(confidence),
    }
