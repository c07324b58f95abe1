"""Write the target, by cross-entropy alone; the mean of what the model might write is its number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from uncal.objectives import _rows as rows_of
from uncal.objectives import _stating as stating
from uncal.parse import FORMATS
from uncal.types import Message, Objective, Order, ReadOut, Record


@dataclass(frozen=True, kw_only=True)
class Distill(Objective):
    """Supervised on the target alone: each record states it.

    A row's target is one number, yet of like questions the targets differ, and cross-entropy teaches how they are
    distributed; the mean is read without sampling. It overfits soon, so stop it early by a split that it does not see.

    Attributes
    ----------
    start : {"uncertainty", "correct"}, default="uncertainty"
        What is stated: the target, or the outcome as 0 or 1.
    format : str, default="uncertainty"
        How: a name in `uncal.parse.FORMATS`.
    order : {"answer_first", "together", "confidence_first"}, default="answer_first"
        What a completion holds.
    read : {"mean", "stated"}, default="mean"
        The mean over all statements that the format has, by their probabilities; or the one that the model writes,
        which is the only way where it answers itself.

    References
    ----------
    Status: a choice of this library; the warm-up of arXiv 2603.06317 stretched to a method of its own.

    Examples
    --------
    >>> Distill().records([{"answer": "Paris", "uncertainty": 0.25}], [[]], 0)
    [Record(turns=[], text='<uncertainty>0.25</uncertainty>')]
    """

    start: Literal["uncertainty", "correct"] = "uncertainty"
    format: str = "uncertainty"
    order: Order = "answer_first"
    read: Literal["mean", "stated"] = "mean"

    def __post_init__(self) -> None:
        stating.check(self.format, self.order, self.read)

    @property
    def needs(self) -> frozenset[str]:
        """What is stated."""
        return frozenset({self.start})

    @property
    def read_out(self) -> ReadOut:
        """By the mean or as it is stated."""
        return stating.read_out(self.format, self.read)

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """State the target of every row that has one."""
        write = FORMATS[self.format].write
        made = []
        for row, turn in rows_of.usable(type(self).__name__, rows, turns, self.needs | {"answer"}):
            target = float(row["uncertainty"]) if self.start == "uncertainty" else 1.0 - float(row["correct"])
            made.append(Record(turn, stating.completion(self.order, row["answer"], write(target))))
        return made
