"""Replies in the forms that models were asked for, read strictly: what does not fit is counted with its reason."""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from uncal.linguistic import read_linguistic
from uncal.verbal import read_confidence

_MARKS = r"[\s*_#>-]*"
_ANSWER = re.compile(rf"^{_MARKS}(?:final\s+)?answer[*_]*\s*:[*_]*[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_CONFIDENCE = re.compile(
    rf"^{_MARKS}(?:overall\s+|final\s+)?confidence[*_]*\s*:[*_]*[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE
)
_STEP = re.compile(rf"^{_MARKS}step\s+(\d+)\b(.*)$", re.IGNORECASE | re.MULTILINE)
_STEP_CONFIDENCE = re.compile(r"confidence[*_]*\s*:[*_]*\s*([^,;\n()\]]*)", re.IGNORECASE)
_GUESS = re.compile(rf"^{_MARKS}G(\d+)[*_]*\s*:[*_]*[ \t]*(.*)$", re.MULTILINE)
_CHANCE = re.compile(rf"^{_MARKS}P(\d+)[*_]*\s*:[*_]*[ \t]*(.*)$", re.MULTILINE)


_BLANK_FORM = re.compile(r"<.*>")
"""A place of the form that was handed back as it is."""


class Reply(NamedTuple):
    """What a reply says.

    Attributes
    ----------
    guesses : list of str
        Answers, the likeliest first; one, but for top-k. Empty when the reply cannot be read.
    stated : list of float
        In [0, 1], as many.
    reason : str or None
        Why it cannot be read; None when it can. One of a few texts, so that they can be counted.
    """

    guesses: list[str]
    stated: list[float]
    reason: str | None = None


Reader = Callable[[str], Reply]


def unread(reason: str) -> Reply:
    """Give a reply of which nothing is known but why."""
    return Reply([], [], reason)


def read_answer_and_confidence(text: str) -> Reply:
    r"""Read the last line "Answer: ..." and the last line "Confidence: ...", a number.

    Examples
    --------
    >>> read_answer_and_confidence("Answer: Rome\nConfidence: 85%")
    Reply(guesses=['Rome'], stated=[0.85], reason=None)
    >>> read_answer_and_confidence("Answer: Rome\nConfidence: high").reason
    'confidence: no number'
    """
    answer = _last(_ANSWER, text)
    if answer is None:
        return unread("no answer")
    if _BLANK_FORM.fullmatch(answer):
        return unread("the form, not an answer")
    line = _last(_CONFIDENCE, text)
    if line is None:
        return unread("no confidence")
    value, reason = _number(line)
    return Reply([answer], [value]) if value is not None else unread(f"confidence: {reason}")


def read_steps(text: str, combine: Literal["product", "min", "last"] = "product") -> Reply:
    r"""Read steps "Step 1: ..., confidence: 90%", numbered from 1, and the answer, with what they come to.

    Parameters
    ----------
    text : str
    combine : {"product", "min", "last"}, default="product"
        Of the confidences of all steps the product, or the smallest; or the confidence stated with the answer.

    Examples
    --------
    >>> text = "Step 1: Italy, confidence: 90%\nStep 2: Rome, confidence: 50%\nAnswer: Rome\nConfidence: 80%"
    >>> [read_steps(text, combine).stated for combine in ("product", "min", "last")]
    [[0.45], [0.5], [0.8]]
    """
    reply = read_answer_and_confidence(text)
    if combine == "last" or reply.reason in ("no answer", "the form, not an answer"):
        return reply
    answer = _last(_ANSWER, text)
    numbers, stated = [], []
    for step in _STEP.finditer(text):
        inside = _STEP_CONFIDENCE.search(step[2])
        value, reason = _number(inside[1]) if inside else (None, "none")
        if value is None:
            return unread(f"confidence of a step: {reason}")
        numbers.append(int(step[1]))
        stated.append(value)
    if not stated:
        return unread("no steps")
    if numbers != list(range(1, len(numbers) + 1)):
        return unread("steps are not numbered one after the other")
    product = 1.0
    for value in stated:
        product *= value
    return Reply([str(answer)], [product if combine == "product" else min(stated)])


def read_top_k(text: str) -> Reply:
    r"""Read guesses "G1: ..." to "Gk: ..." and their probabilities "P1: ..." to "Pk: ...".

    Examples
    --------
    >>> read_top_k("G1: Rome\nG2: Milan\nP1: 70%\nP2: 20%")
    Reply(guesses=['Rome', 'Milan'], stated=[0.7, 0.2], reason=None)
    """
    guesses = [(int(number), said.strip()) for number, said in _GUESS.findall(text)]
    chances = [(int(number), said) for number, said in _CHANCE.findall(text)]
    if not guesses:
        return unread("no guesses")
    places = list(range(1, len(guesses) + 1))
    if [number for number, _ in guesses] != places or [number for number, _ in chances] != places:
        return unread("guesses and probabilities are not numbered alike")
    if not all(said for _, said in guesses):
        return unread("a guess is blank")
    if any(_BLANK_FORM.fullmatch(said) for _, said in guesses):
        return unread("the form, not an answer")
    stated = []
    for _, said in chances:
        value, reason = _number(said)
        if value is None:
            return unread(f"probability: {reason}")
        stated.append(value)
    return Reply([said for _, said in guesses], stated)


def read_probe(text: str) -> tuple[float | None, str | None]:
    """Read the confidence that a reply to a probe states: a line "Confidence: ...", or a reply that is but a number.

    Examples
    --------
    >>> read_probe("Confidence: 30%"), read_probe("30%"), read_probe("Rome has 3 million people")[1]
    ((0.3, None), (0.3, None), 'no number')
    """
    line = _last(_CONFIDENCE, text)
    return _number(text if line is None else line)


def read_option(text: str, options: tuple[str, str]) -> bool | None:
    """Say whether a reply begins with the first of two words, as whole words in any case, and does not hold the other.

    Examples
    --------
    >>> [read_option(text, ("True", "False")) for text in ("True.", "false", "It is true", "True or False?")]
    [True, False, None, None]
    """
    said: list[str] = re.findall(r"\w+", text.lower())
    first, second = (option.lower() for option in options)
    if not said or said[0] not in (first, second) or {first, second} <= set(said):
        return None
    return said[0] == first


def read_wording(text: str) -> Reply:
    """Take the whole reply as the answer, and how sure it sounds as its confidence.

    Examples
    --------
    >>> read_wording("It is probably Rome.")
    Reply(guesses=['It is probably Rome.'], stated=[0.75], reason=None)
    """
    found = read_linguistic(text)
    return Reply([text.strip()], [found.value]) if found.value is not None else unread(str(found.reason))


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    said = [line.strip() for line in pattern.findall(text)]
    return said[-1] if said and said[-1] else None


def _number(text: str) -> tuple[float | None, str | None]:
    """Read a number; words, and a number among others, are none."""
    found = read_confidence(text)
    if found.by_words or found.reason in ("no number and no word for one", "a number that may be about something else"):
        return None, "no number"
    return found.value, found.reason
