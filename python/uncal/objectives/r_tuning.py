"""Say whether one is sure, or refuse to answer, by whether the model was right: R-Tuning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from uncal.objectives._rows import usable
from uncal.types import Message, Objective, ReadOut, Record

SURE, UNSURE = "I am sure.", "I am unsure."
REFUSAL = "I do not know."
ASK_SURE = f"Are you sure that the answer above is correct? Reply with {SURE} or {UNSURE}"
ASK_OR_REFUSE = (
    "If you know that the answer above is correct, repeat it in <answer>...</answer>. If you do not know, reply with "
    f"{REFUSAL}"
)
"""Status: our own wording."""


@dataclass(frozen=True, kw_only=True)
class RTuning(Objective):
    """Questions that the model answered right are known, the others unknown; it learns to tell them apart.

    Attributes
    ----------
    mode : {"sure", "refuse"}, default="sure"
        After the answer it says that it is sure, or unsure; or it repeats the answer, or withdraws it and says that it
        does not know.

    References
    ----------
    R-Tuning, known from the baseline in SaySelf's code, and arXiv 2406.10099 for refusals. Status: secondary; the
    frozen answer in place of the accepted one, refusing after it, and reading the probability of the words are choices
    of this library.

    Examples
    --------
    >>> rows = [{"answer": "Paris", "correct": True}, {"answer": "Oslo", "correct": False}]
    >>> [record.text for record in RTuning(mode="refuse").records(rows, [[], []], 0)]
    ['<answer>Paris</answer>', 'I do not know.']
    """

    mode: Literal["sure", "refuse"] = "sure"

    @property
    def needs(self) -> frozenset[str]:
        """The outcome."""
        return frozenset({"correct"})

    @property
    def ask(self) -> str:
        """Whether it is sure; or leave to refuse."""
        return ASK_SURE if self.mode == "sure" else ASK_OR_REFUSE

    @property
    def read_out(self) -> ReadOut:
        """Probability of being unsure, or of a refusal, against the other way to begin."""
        options = (UNSURE, SURE) if self.mode == "sure" else (REFUSAL, "<answer>")
        return ReadOut(options=options, uncertainties=(1.0, 0.0))

    def records(
        self,
        rows: Sequence[Mapping[str, Any]],
        turns: Sequence[list[Message]],
        seed: int,  # noqa: ARG002
    ) -> list[Record]:
        """Say of every row with an outcome whether it is known."""
        made = []
        for row, turn in usable("RTuning", rows, turns, self.needs | {"answer"}):
            known, unknown = (SURE, UNSURE) if self.mode == "sure" else (f"<answer>{row['answer']}</answer>", REFUSAL)
            made.append(Record(turn, known if row["correct"] else unknown))
        return made
