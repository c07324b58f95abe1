"""Entailment by asking a language model."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from uncal.types import Backend, Entailer, FloatArray, Prompt, Sampling

log = logging.getLogger("uncal")

PROMPT = """Here are two texts.
First: {premise}
Second: {hypothesis}

Does the first entail the second, contradict it, or neither? Reply with one word: entailment, contradiction, neutral."""
"""Status: our own wording, after the pattern of published judges."""

WORDS = ("entailment", "neutral", "contradiction")
"""What it may reply, in the order of a row."""
_FIRST = re.compile(r"\W*(entailment|neutral|contradiction)\s*(?:[.,;:!*\"'\n]|$)", re.IGNORECASE)


def read_label(text: str) -> str | None:
    """Read the label out of a reply, strictly.

    The reply must begin with one of `WORDS`, followed by punctuation or nothing, and hold none of the others; None
    otherwise.

    Examples
    --------
    >>> [read_label(text) for text in ("Entailment.", "**neutral**", "entails", "Neutral, not contradiction", "")]
    ['entailment', 'neutral', None, None, None]
    """
    match = _FIRST.match(text)
    if match is None:
        return None
    label = match[1].lower()
    return label if {word for word in WORDS if word in text.lower()} == {label} else None


@dataclass(frozen=True, kw_only=True)
class Llm(Entailer):
    """Judge pairs by asking a language model, which takes the most probable token each time.

    A reply that cannot be read, and a pair that the backend cannot take, is a row of NaN, and a warning says how many
    there were and why: scorers then have no score for that group.

    Attributes
    ----------
    backend : Backend
        On the command line its name, "transformers" unless set, and its settings, such as model=FOLDER, beside these.
    prompt : str
        What it is asked; {premise} and {hypothesis} are replaced.
    read : {"word", "probabilities"}, default="word"
        "word" reads one of three words from the reply, and the row has a 1; "probabilities" takes those of the three
        words as the reply, which add up to 1, from backends that have `option_logprobs`.
    max_tokens : int, default=8
        A reply is cut after so many tokens.

    Examples
    --------
    >>> from uncal.backends import make
    >>> Llm(backend=make("transformers", model="SOME/MODEL"))([]).shape
    (0, 3)
    """

    backend: Backend
    prompt: str = PROMPT
    read: Literal["word", "probabilities"] = "word"
    max_tokens: int = 8

    def __post_init__(self) -> None:
        for part in ("{premise}", "{hypothesis}"):
            if part not in self.prompt:
                raise ValueError(f"prompt {self.prompt!r} must contain {part}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; it must be at least 1")

    @property
    def name(self) -> str:
        """All settings, those of the backend too."""
        return f"llm {self!r}"

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
        """Judge pairs, (K,) -> (K, 3)."""
        turns = [self._turn(*pair) for pair in pairs]
        if not turns:
            return np.zeros((0, 3))
        if self.read == "probabilities":
            logprobs = self.backend.option_logprobs(turns, WORDS)
            exponents = np.exp(logprobs - logprobs.max(axis=1, keepdims=True))
            shares: FloatArray = exponents / exponents.sum(axis=1, keepdims=True)
            if lost := int(np.isnan(shares[:, 0]).sum()):
                log.warning(
                    "entailer llm: %d of %d pairs have no verdict: the backend cannot take them", lost, len(pairs)
                )
            return shares
        rows = np.full((len(pairs), 3), np.nan)
        unread: Counter[str] = Counter()
        sampling = Sampling(temperature=0.0, max_tokens=self.max_tokens)
        for row, group in zip(rows, self.backend(turns, sampling), strict=True):
            if group.error is not None or not group.completions:
                unread[group.error or "no completion"] += 1
            elif (label := read_label(group.completions[0].text)) is None:
                unread["not one of the three words"] += 1
            else:
                row[:] = 0.0
                row[WORDS.index(label)] = 1.0
        if unread:
            why = "; ".join(f"{count} {reason}" for reason, count in unread.most_common(3))
            log.warning("entailer llm: %d of %d pairs have no verdict: %s", unread.total(), len(pairs), why)
        return rows

    def _turn(self, premise: str, hypothesis: str) -> Prompt:
        parts = {"premise": premise, "hypothesis": hypothesis}
        # In one pass, for a text may hold a placeholder.
        asked = re.sub(r"\{(premise|hypothesis)\}", lambda match: parts[match[1]], self.prompt)
        return [{"role": "user", "content": asked}]
