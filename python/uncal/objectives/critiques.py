"""Judge a first number as appropriate, too high or too low, say why, and mend it: CritiCal's critiques."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from uncal.errors import ConfigError
from uncal.objectives._rows import agreement, clusters, log, same, usable
from uncal.parse import FORMATS
from uncal.types import Message, Objective, ReadOut, Record

ASK = {
    "answer": "You gave the answer above. Do not change it. Say how sure you are of it at first thought. Then "
    "criticise that number: is it appropriate, too high or too low, and why? Then state {words}, and stop.",
    "question": "You gave the answer above. Do not change it. Say how sure one can be about this question at first "
    "thought. Then criticise that number: is it appropriate, too high or too low, and why? Then state {words}, and "
    "stop.",
}
"""Status: our own wording."""


@dataclass(frozen=True, kw_only=True)
class Critiques(Objective):
    """Write a first confidence, a critique of it, and the number that it should have been.

    The first number is what the model's own completions suggest. In the paper a stronger model writes the critiques;
    here they are made of what is known: the number against the target or the outcome, and which other answers were
    drawn.

    Attributes
    ----------
    subject : {"answer", "question"}, default="answer"
        Confidence in the answer: the share of completions that agree with it. Or uncertainty of the question: the share
        of the most common answer. The paper found the former better for multiple choice, the latter for open questions.
    start : {"uncertainty", "correct"}, default="uncertainty"
        What the number is held against: the target; or the outcome, which of a question is the share of its completions
        that are right.
    tolerance : float, default=0.1
        A number no farther off than this is appropriate.
    format : str, default="confidence"
        How the last number is written: a name in `uncal.parse.FORMATS`.

    References
    ----------
    CritiCal, arXiv 2510.24505. Status: the three verdicts and both subjects verified in its code; critiques without a
    model, the first number and the tolerance are choices of this library.

    Examples
    --------
    >>> row = {"answer": "Paris", "completions": ["Paris", "Paris", "Paris", "Lyon"], "uncertainty": 0.6}
    >>> print(Critiques().records([row], [[]], 0)[0].text)
    First thought: 0.75. That is too high: "Lyon" is possible too, and such answers are right less often.
    <confidence>0.40</confidence>
    """

    subject: Literal["answer", "question"] = "answer"
    start: Literal["uncertainty", "correct"] = "uncertainty"
    tolerance: float = 0.1
    format: str = "confidence"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ConfigError(f"format is {self.format!r}; it must be one of {', '.join(FORMATS)}")
        if not 0 <= self.tolerance <= 1:
            raise ConfigError(f"tolerance is {self.tolerance}; it must lie in [0, 1]")

    @property
    def needs(self) -> frozenset[str]:
        """What was drawn, and what the number is held against."""
        if self.start == "correct" and self.subject == "question":
            return frozenset({"completions", "completions_correct"})
        return frozenset({"completions", self.start})

    @property
    def ask(self) -> str:
        """Ask for the first number, the critique and the last."""
        return ASK[self.subject].replace("{words}", FORMATS[self.format].words)

    @property
    def read_out(self) -> ReadOut:
        """The last number, as it is stated."""
        return ReadOut(format=self.format)

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """Criticise the first number of every row."""
        made = []
        kept = usable("Critiques", rows, turns, self.needs | {"answer"})
        for row, turn in kept:
            target = self._target(row)
            if target is None:
                continue
            groups = clusters(row["completions"])
            first = agreement(row["answer"], row["completions"])
            if self.subject == "question":
                first = groups[0].n / len(row["completions"]) if groups else 0.0
            others = [group.text for group in groups if same(group.text) != same(row["answer"])]
            said = critique(first, target, others[:2], tolerance=self.tolerance)
            made.append(Record(turn, f"First thought: {first:.2f}. {said}\n{FORMATS[self.format].write(1.0 - target)}"))
        if len(made) < len(kept):
            log.warning("Critiques: no completion of %d rows has a verdict; left out", len(kept) - len(made))
        return made

    def _target(self, row: Mapping[str, Any]) -> float | None:
        """Confidence that is right to have; None where no completion has a verdict."""
        if self.start == "uncertainty":
            return 1.0 - float(row["uncertainty"])
        if self.subject == "answer":
            return float(row["correct"])
        told = [bool(right) for right in row["completions_correct"] if right is not None]
        return sum(told) / len(told) if told else None


def critique(stated: float, target: float, others: Sequence[str] = (), *, tolerance: float = 0.1) -> str:
    """Say whether a stated confidence is appropriate, too high or too low, and why.

    Parameters
    ----------
    stated, target : float
        In [0, 1]: what was stated, and what would have been right.
    others : sequence of str, default=()
        Other answers that compete.
    tolerance : float, default=0.1

    Examples
    --------
    >>> critique(0.9, 0.85)
    'That is appropriate: no other answer competes, and such answers are right about as often.'
    """
    rivals = " and ".join(f'"{other}"' for other in others)
    seen = f"{rivals} {'are' if len(others) > 1 else 'is'} possible too" if others else "no other answer competes"
    if abs(stated - target) <= tolerance + 1e-9:
        return f"That is appropriate: {seen}, and such answers are right about as often."
    if stated > target:
        return f"That is too high: {seen}, and such answers are right less often."
    return f"That is too low: {seen}, and such answers are right more often."
