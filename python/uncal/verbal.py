"""Read how sure a text says it is: numbers in the ways that people and models write them, then a few words.

`uncal.parse` is for training, where one format is taught and everything else is malformed. This is for texts that are
there already. It is lenient about the form and strict about the meaning: a text that can be read in two ways is counted
with its reason and never guessed.
"""

import re
from typing import NamedTuple

WORDS = {
    "almost no chance": 0.03,
    "unlikely": 0.15,
    "doubtful": 0.2,
    "not impossible": 0.3,
    "not certain": 0.35,
    "not sure": 0.35,
    "possibly": 0.4,
    "perhaps": 0.42,
    "could be": 0.45,
    "may": 0.45,
    "might": 0.45,
    "about even": 0.5,
    "i think": 0.65,
    "i believe": 0.68,
    "likely": 0.72,
    "probably": 0.75,
    "very likely": 0.9,
    "almost certain": 0.95,
    "almost certainly": 0.95,
    "certain": 0.95,
    "certainly": 0.95,
    "definitely": 0.97,
}
"""What words are worth before anybody has measured it; of several the least sure counts. Status: proposal."""

LONG = 20
"""Words of a text without block or label beyond which a hedge may be about anything."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?(?!\.?\d)"
_BLOCK = re.compile(r"<(confidence|uncertainty)>", re.IGNORECASE)
_LABEL = re.compile(
    r"\b(confidence|certainty|probability|likelihood|uncertainty)\b[*_]*(?:\s+(?:level|score|rating))?[*_]*"
    r"(?:\s*\([^()\n]*\))?[*_]*\s*(?:[:=]|\bis\b|\bof\b)[*_]*",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\d\s*%?\s*(?:-|\u2013|\u2014|\bto\b|\band\b)\s*\.?\d", re.IGNORECASE)
_PERCENT = re.compile(rf"({_NUMBER})\s*(?:%|\\%|percent\b|per\s?cent\b|pct\b)", re.IGNORECASE)
_SHARE = re.compile(rf"({_NUMBER})\s*(?:/|out\s+of)\s*({_NUMBER})", re.IGNORECASE)
_PLAIN = re.compile(_NUMBER, re.IGNORECASE)
_ABOUT_IT = re.compile(r"\b(?:sure|confiden\w*|certain\w*|probab\w*|likel\w*|chances?|odds)\b", re.IGNORECASE)
_ABOUT_ERROR = re.compile(
    r"\b(?:wrong|incorrect|mistaken|unsure|uncertain\w*|doubt\w*|unlikely|errors?|false|not\s+(?:sure|certain|confident))\b",
    re.IGNORECASE,
)
_WORDS = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, WORDS), key=len, reverse=True))})\b", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|never|no|cannot)\b|n't\b", re.IGNORECASE)


class Verbal(NamedTuple):
    """A confidence that a text states.

    Attributes
    ----------
    value : float or None
        In [0, 1]; None when it cannot be read.
    reason : str or None
        Why it cannot be read; None when there is a value. One of a few texts, so that they can be counted.
    by_words : bool
        The value is that of a word in `WORDS`, and not a number of the text.
    """

    value: float | None
    reason: str | None
    by_words: bool = False

    @property
    def unmarked(self) -> bool:
        """Never: a text without a number or word has no value."""
        return False


def read_confidence(text: str) -> Verbal:
    """Read the probability of being right that a text states.

    Parameters
    ----------
    text : str
        What a model wrote. The last ``<confidence>`` block counts if there is one (or ``<uncertainty>``, taken from 1),
        else the line after the last label, such as "Confidence:" (or "Uncertainty:"), else the whole text.

    Returns
    -------
    Verbal
        A percentage, a share such as "9/10" or "9 out of 10", or a plain number: up to 1 as it is, above 1 and up to
        100 as a percentage. A plain number that is not in a block or behind a label counts only alone or beside a word
        such as "sure". Without any number, the words of `WORDS`, in a block, behind a label, or in a text of at most
        `LONG` words. None, with the reason: blank; a block that is not closed; several numbers; a range; a number
        outside [0, 100 %]; a number of a text that may speak of being wrong; a number that may be about
        something else; negated words; no number and no such word.

    Notes
    -----
    Status: numbers above 1 as percentages are secondary (RLCR's evaluation); that code takes the first number and 0.0
    where it finds none, which this does not. The words are a proposal.

    Examples
    --------
    >>> [read_confidence(text).value for text in ("90%", "0.9", "9/10", "I'm about 90 % sure", "Confidence: 90")]
    [0.9, 0.9, 0.9, 0.9, 0.9]
    >>> read_confidence("I'd say 80 to 90%").reason
    'a range'
    >>> read_confidence("Very likely.")
    Verbal(value=0.9, reason=None, by_words=True)
    """
    if not text.strip():
        return Verbal(None, "blank")
    blocks = list(_BLOCK.finditer(text))
    named = [block for block in blocks if block[1].lower() == "confidence"] or blocks
    if named:
        name = named[-1][1]
        content, closing, _ = re.split(rf"(</{name}>|\Z)", text[named[-1].end() :], maxsplit=1, flags=re.IGNORECASE)
        if not closing:
            return Verbal(None, f"<{name.lower()}> is not closed")
        return _turned(_read(content, pointed_at=True), name)
    labels = list(_LABEL.finditer(text))
    if labels:
        line = text[labels[-1].end() :].lstrip().partition("\n")[0]
        return _turned(_read(line, pointed_at=True), labels[-1][1])
    return _read(text, pointed_at=False)


def _turned(found: Verbal, name: str) -> Verbal:
    """Take what a text calls uncertainty from 1; words about it say nothing that could be turned."""
    if name.lower() != "uncertainty" or found.value is None:
        return found
    return Verbal(None, "words of uncertainty") if found.by_words else Verbal(1 - found.value, None)


def _read(text: str, *, pointed_at: bool) -> Verbal:
    if _RANGE.search(text):
        return Verbal(None, "a range")
    marked = [float(number) / 100 for number in _PERCENT.findall(text)]
    marked += [_divided(float(a), float(b)) for a, b in _SHARE.findall(text)]
    plain = [] if marked else [float(number) for number in _PLAIN.findall(text)]
    values = set(marked) or {number / 100 if number > 1 else number for number in plain}
    if not values:
        return _read_words(text, pointed_at=pointed_at)
    if len(values) > 1:
        return Verbal(None, "several numbers")
    value = values.pop()
    if not 0 <= value <= 1:
        return Verbal(None, "outside [0, 100 %]")
    if _ABOUT_ERROR.search(text):
        return Verbal(None, "may speak of being wrong")
    alone = sum(any(map(str.isalnum, word)) for word in text.split()) <= (6 if marked else 1)
    if not (pointed_at or alone or _ABOUT_IT.search(text)):
        return Verbal(None, "a number that may be about something else")
    return Verbal(value, None)


def _divided(part: float, whole: float) -> float:
    return part / whole if whole > 0 else -1.0


def _read_words(text: str, *, pointed_at: bool) -> Verbal:
    found = [word.lower() for word in _WORDS.findall(text)]
    if not found or (not pointed_at and len(text.split()) > LONG):
        return Verbal(None, "no number and no word for one")
    if _NEGATION.search(_WORDS.sub("", text)):
        return Verbal(None, "negated words")
    return Verbal(min(WORDS[word] for word in found), None, by_words=True)
