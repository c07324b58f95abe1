"""Judge one's own completions, all of them, right and wrong: the self-evaluation records of EpiCaR."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from uncal.objectives._rows import log, usable
from uncal.types import Message, Objective, ReadOut, Record

NO, YES = "No", "Yes"
ASK = f"Is the answer above correct? Reply with {YES} or {NO} only."
"""Status: our own wording."""


@dataclass(frozen=True, kw_only=True)
class SelfEvaluation(Objective):
    """Say Yes or No to each completion that was drawn of a question; P(No) is the uncertainty.

    The completion stands where the frozen answer stands when it is read. All completions take part, not only right
    ones, and one that was drawn often counts as often.

    Attributes
    ----------
    reason : bool, default=False
        Learn to write the right completions too, as the paper does between its rounds. The frozen answer is made
        without the adapter and does not change by it.

    References
    ----------
    EpiCaR, arXiv 2601.06786. Status: secondary; its rounds are left out.

    Examples
    --------
    >>> turns = [{"role": "user", "content": "Capital?"}, {"role": "assistant", "content": "Rome"}]
    >>> row = {"completions": ["Rome", "Oslo"], "completions_correct": [True, False]}
    >>> made = SelfEvaluation().records([row], [[*turns, {"role": "user", "content": "Sure?"}]], 0)
    >>> [(record.turns[1]["content"], record.text) for record in made]
    [('Rome', 'Yes'), ('Oslo', 'No')]
    """

    reason: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """What was drawn, and which of it is right."""
        return frozenset({"completions", "completions_correct"})

    @property
    def ask(self) -> str:
        """Whether the answer is right."""
        return ASK

    @property
    def read_out(self) -> ReadOut:
        """Probability of No, of the two."""
        return ReadOut(options=(NO, YES), uncertainties=(1.0, 0.0))

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """Judge every completion that has a verdict and is not blank."""
        made, unjudged = [], 0
        for row, turn in usable("SelfEvaluation", rows, turns, self.needs):
            before, asked = turn[:-2], turn[-1]
            for text, right in zip(row["completions"], row["completions_correct"], strict=True):
                if right is None or not text or not text.strip():
                    unjudged += 1
                    continue
                made.append(Record([*before, {"role": "assistant", "content": text}, asked], YES if right else NO))
                if self.reason and right:
                    made.append(Record(before, text))
        if unjudged:
            log.warning("SelfEvaluation: %d completions are blank or have no verdict; left out", unjudged)
        return made
