"""Two tasks at once: state the confidence of one answer, and say which of two questions is the surer one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from uncal.errors import ConfigError
from uncal.objectives import _stating as stating
from uncal.objectives._rows import agreement, usable
from uncal.parse import FORMATS
from uncal.types import FloatArray, Message, Objective, ReadOut, Record

FIRST, SECOND = "A", "B"
ASK_WHICH = (
    f"Which of two questions are you more likely to answer correctly? Reply with {FIRST} or {SECOND} only.\n\n"
    f"{FIRST}: {{first}}\n\n{SECOND}: {{second}}"
)
"""Status: our own wording."""


@dataclass(frozen=True, kw_only=True)
class Metacognition(Objective):
    """State how often answers of like consistency are right, and compare questions by it.

    Consistency is the share of a question's completions that say what its frozen answer says. Answers are put into bins
    of equal width by it, and the target of each is the share of right answers in its bin. Training one of the two tasks
    did not help the other in the paper, both together carried over to other fields.

    Attributes
    ----------
    bins : int, default=10
    noise : float, default=0.0
        Standard deviation of what is added to each target before it is cut to [0, 1].
    pairs : float, default=1.0
        Pairs of questions for each row; 0 leaves single ones alone.
    margin : float, default=0.1
        Targets of a pair differ by more than this.
    format : str, default="uncertainty"
        How the number is stated: a name in `uncal.parse.FORMATS`.
    read : {"mean", "stated"}, default="mean"
        The mean over all statements, by their probabilities; or the one that the model writes.

    References
    ----------
    arXiv 2510.05126. Status: secondary; how much noise, the margin and how pairs are drawn are not known and choices of
    this library.

    Examples
    --------
    >>> rows = [
    ...     {"prompt": "Easy?", "answer": "a", "completions": ["a", "a"], "correct": True},
    ...     {"prompt": "Hard?", "answer": "a", "completions": ["b", "c"], "correct": False},
    ... ]
    >>> [record.text for record in Metacognition().records(rows, [[], []], 0)][:2]
    ['<uncertainty>0.00</uncertainty>', '<uncertainty>1.00</uncertainty>']
    """

    bins: int = 10
    noise: float = 0.0
    pairs: float = 1.0
    margin: float = 0.1
    format: str = "uncertainty"
    read: Literal["mean", "stated"] = "mean"

    def __post_init__(self) -> None:
        stating.check(self.format, self.order, self.read)
        if self.bins < 1:
            raise ConfigError(f"bins is {self.bins}; it must be at least 1")
        for name in ("noise", "pairs", "margin"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be a finite number of at least 0")

    @property
    def needs(self) -> frozenset[str]:
        """What was drawn, and the outcome."""
        return frozenset({"completions", "correct"})

    @property
    def read_out(self) -> ReadOut:
        """By the mean or as it is stated."""
        return stating.read_out(self.format, self.read)

    def records(self, rows: Sequence[Mapping[str, Any]], turns: Sequence[list[Message]], seed: int) -> list[Record]:
        """State the share of every row's bin, then compare rows that are drawn at random."""
        kept = usable("Metacognition", rows, turns, self.needs | {"answer"})
        if not kept:
            return []
        rng = np.random.default_rng(seed)
        consistency = [agreement(row["answer"], row["completions"]) for row, _ in kept]
        accuracy = bin_accuracy(consistency, [row["correct"] for row, _ in kept], bins=self.bins)
        targets = np.clip(accuracy + self.noise * rng.standard_normal(len(kept)), 0, 1)
        write = FORMATS[self.format].write
        made = [Record(turn, write(1.0 - target)) for (_, turn), target in zip(kept, targets.tolist(), strict=True)]
        for i, j in rng.integers(len(kept), size=(round(self.pairs * len(kept)), 2)).tolist():
            if abs(accuracy[i] - accuracy[j]) > self.margin:
                asked = ASK_WHICH.replace("{second}", kept[j][0]["prompt"]).replace("{first}", kept[i][0]["prompt"])
                text = FIRST if accuracy[i] > accuracy[j] else SECOND
                made.append(Record([{"role": "user", "content": asked}], text))
        return made


def bin_accuracy(consistency: ArrayLike, correct: ArrayLike, *, bins: int = 10) -> FloatArray:
    """Share of right answers in the bin of each.

    Parameters
    ----------
    consistency : array of shape (P,), in [0, 1]
    correct : array of shape (P,), bool
    bins : int, default=10
        Of equal width; a number on an edge belongs to the bin above it.

    Returns
    -------
    ndarray of shape (P,)

    Examples
    --------
    >>> bin_accuracy([0.1, 0.15, 0.9], [True, False, True], bins=2)
    array([0.5, 0.5, 1. ])
    """
    place = np.searchsorted(np.arange(1, bins) / bins, np.asarray(consistency, dtype=float), side="right")
    right = np.bincount(place, weights=np.asarray(correct, dtype=float), minlength=bins)
    accuracy: FloatArray = (right / np.maximum(np.bincount(place, minlength=bins), 1))[place]
    return accuracy


def pairwise_accuracy(chosen: ArrayLike, correct: ArrayLike) -> float:
    """How often the question that was chosen of two is the one that was answered right.

    Parameters
    ----------
    chosen : array of shape (M,), int
        0 for the first of a pair, 1 for the second.
    correct : array of shape (M, 2), bool
        Whether each of the two was answered right. Pairs of which both or none were count for nothing.

    Returns
    -------
    float
        In [0, 1], one half for guessing; NaN without a pair that counts.

    Examples
    --------
    >>> pairwise_accuracy([0, 1, 1], [[True, False], [True, False], [True, True]])
    0.5
    """
    pick, outcome = np.asarray(chosen, dtype=int), np.asarray(correct, dtype=bool)
    if outcome.shape != (len(pick), 2) or not np.isin(pick, (0, 1)).all():
        raise ValueError(f"chosen must hold 0 or 1 for each of the {len(outcome)} pairs of correct, (M, 2)")
    counted = outcome[:, 0] != outcome[:, 1]
    right = outcome[np.arange(len(pick)), pick]
    return float(right[counted].mean()) if counted.any() else float("nan")
