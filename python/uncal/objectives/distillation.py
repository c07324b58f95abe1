"""Supervised statements of the target, and nothing else; read by the mean of what might be stated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from uncal.parse import FORMATS
from uncal.reading import statements
from uncal.types import Message, Objective, ReadOut, Record


@dataclass(frozen=True, kw_only=True)
class Distillation(Objective):
    """Write the target; the baseline that every reward has to beat.

    A model that cannot tell two questions apart learns to spread its statements over both targets. The most probable
    one is then their mode, the mean of all is the mean target, which is the better number. Stop early: after a few
    passes it knows the targets of the training questions by heart, and is worse on others.

    Attributes
    ----------
    format : {"uncertainty", "confidence", "confidence_of_ten"}, default="uncertainty"
        How the number is written.
    read : {"mean", "stated"}, default="mean"
        Whether it is read as the mean of what the model might state, or as what it states.

    Examples
    --------
    >>> objective = Distillation()
    >>> objective.records([{"uncertainty": 0.25}], [[]], 0)
    [Record(turns=[], text='<uncertainty>0.25</uncertainty>')]
    >>> len(objective.read_out.options)
    101
    """

    needs: ClassVar[frozenset[str]] = frozenset({"uncertainty"})

    format: Literal["uncertainty", "confidence", "confidence_of_ten"] = "uncertainty"
    read: Literal["mean", "stated"] = "mean"

    @property
    def read_out(self) -> ReadOut:
        """As `read` says."""
        written = ReadOut(format=self.format)
        return statements(written) if self.read == "mean" else written

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """State the target of every row that has one."""
        write = FORMATS[self.format].write
        return [
            Record(turn, write(row["uncertainty"]))
            for row, turn in zip(rows, turns, strict=True)
            if row["uncertainty"] is not None
        ]
