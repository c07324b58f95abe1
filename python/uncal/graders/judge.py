"""Right if a language model says so."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from uncal.types import Backend, BoolArray, Grader, Prompt, Sampling

PROMPT = """Question: {question}
Reference answer: {reference}
Proposed answer: {answer}

Does the proposed answer state the same answer to the question as the reference answer? Reply with yes or no alone."""
"""Status: our own wording, after the pattern of published judges."""

_VERDICT = re.compile(r"\W*(yes|no)\s*(?:[.,;:!*\"'\n]|$)", re.IGNORECASE)
_WORDS = {"yes": re.compile(r"\byes\b", re.IGNORECASE), "no": re.compile(r"\bno\b", re.IGNORECASE)}


class Verdict(NamedTuple):
    """What a judge said of a text, and what it means; where nothing can be read `right` is None, and `reason` why."""

    right: bool | None
    said: str | None
    reason: str | None = None


def read_verdict(text: str) -> bool | None:
    """Read yes or no out of what a judge said, strictly.

    It must begin with the one word, followed by punctuation or nothing, and must not hold the other; None otherwise.

    Examples
    --------
    >>> [read_verdict(text) for text in ("Yes.", "**no**", "No, it is Rome.", "No doubt", "Yes and no", "Maybe", "")]
    [True, False, False, None, None, None, None]
    """
    match = _VERDICT.match(text)
    if match is None:
        return None
    word = match[1].lower()
    return None if _WORDS["no" if word == "yes" else "yes"].search(text) else word == "yes"


@dataclass(frozen=True, kw_only=True)
class Judge(Grader):
    """A language model is asked whether a text states the same answer as the accepted ones.

    It takes the most probable token each time, so that the same texts get the same verdicts, and equal texts of a
    question are judged once. A blank text, and one without an accepted answer, is wrong without a question asked.
    Verdicts that cannot be read, and texts that the backend cannot take, are masked: the result is then a masked array,
    and ``uncal grade`` writes null there and says how many. Judges err; ``uncal grade`` and the report give their
    agreement with exact match.

    Attributes
    ----------
    backend : Backend
        ``uncal grade`` makes it from the setting ``backend``, a name ("transformers" unless set), and the settings of
        that backend beside it, such as ``model``.
    prompt : str
        What it is asked; {question}, {reference} and {answer} are replaced.
    max_answers : int, default=10
        Accepted answers that it is shown, the first ones.
    max_tokens : int, default=8
        A verdict is cut after so many tokens.

    Examples
    --------
    >>> from uncal.backends import make
    >>> judge = Judge(backend=make("transformers", model="SOME/MODEL"))
    >>> judge(["", "Rome"], [["Paris"], []])  # needs no model
    array([False, False])
    """

    backend: Backend
    prompt: str = PROMPT
    max_answers: int = 10
    max_tokens: int = 8

    def __post_init__(self) -> None:
        for part in ("{reference}", "{answer}"):
            if part not in self.prompt:
                raise ValueError(f"prompt {self.prompt!r} must contain {part}")
        for name in ("max_answers", "max_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    def __call__(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], questions: Sequence[str] | None = None, /
    ) -> BoolArray:
        """Grade texts, (K,) each with its accepted answers and its question -> (K,) bool, masked where unreadable."""
        given = self.verdicts(texts, answers, questions)
        right = np.array([bool(verdict.right) for verdict in given], dtype=bool)
        unread = np.array([verdict.right is None for verdict in given], dtype=bool)
        masked: Any = np.ma.MaskedArray  # without types in NumPy 2.3
        return masked(right, unread) if unread.any() else right

    def verdicts(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], questions: Sequence[str] | None = None
    ) -> list[Verdict]:
        """Ask about texts, (K,) each; without `questions` the judge sees the answers alone."""
        asked = [
            self._turn(text, accepted, question) if text.strip() and accepted else None
            for text, accepted, question in zip(texts, answers, questions or [""] * len(texts), strict=True)
        ]
        distinct = list(dict.fromkeys(turn for turn in asked if turn is not None))
        prompts: list[Prompt] = [[{"role": "user", "content": turn}] for turn in distinct]
        said = {}
        if prompts:
            groups = self.backend(prompts, Sampling(temperature=0.0, max_tokens=self.max_tokens))
            said = dict(zip(distinct, groups, strict=True))
        made = []
        for turn in asked:
            if turn is None:
                made.append(Verdict(False, None))
            elif (group := said[turn]).error is not None or not group.completions:
                made.append(Verdict(None, None, group.error or "no completion"))
            else:
                text = group.completions[0].text
                right = read_verdict(text)
                made.append(Verdict(right, text, "neither yes nor no" if right is None else None))
        return made

    def _turn(self, text: str, accepted: Sequence[str], question: str) -> str:
        reference = " / ".join(accepted[: self.max_answers])
        parts = {"question": question, "reference": reference, "answer": text.strip()}
        # In one pass, for a text may hold a placeholder.
        return re.sub(r"\{(question|reference|answer)\}", lambda match: parts[match[1]], self.prompt)
