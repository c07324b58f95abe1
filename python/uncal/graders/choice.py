"""Right if the text chooses an accepted letter of a multiple-choice question."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uncal.normal import normalize
from uncal.types import BoolArray, Grader

_STATED = re.compile(r"(?:\b(?i:answer|choice|option)\b(?:\s+(?i:is|letter))*|\\boxed)[\s:=*(\[{\"']*([A-Z])(?![\w'])")
_LEADING = re.compile(r"^\W*([A-Z])(?:[).:\]]|\s+[-\u2013\u2014]|\W*$)", re.MULTILINE)
_BRACKETED = re.compile(r"\(([A-Z])\)")
_ALONE = re.compile(r"^\W*([A-Za-z])\W*$")


def chosen_letter(text: str) -> str | None:
    r"""Find the letter that a text chooses, a capital; None where it chooses none, or several.

    In this order: a letter that is the whole text ("b", "(B)"); the last one behind "answer", "choice", "option" or
    ``\boxed``; those at the start of a line ("B) Paris", "**B**") and in round brackets, if all of them are the same.
    But for a whole text only capitals count, for "a" is a word.

    Examples
    --------
    >>> [chosen_letter(text) for text in ("b)", "B. Paris", "I think the answer is C, not B.", "A dog", "(A) or (B)")]
    ['B', 'B', 'C', None, None]
    """
    if alone := _ALONE.match(text):
        return alone[1].upper()
    if stated := _STATED.findall(text):
        return str(stated[-1])
    found = {*_LEADING.findall(text), *_BRACKETED.findall(text)}
    return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, kw_only=True)
class Choice(Grader):
    """The letter that a text chooses, as `chosen_letter` reads it, is an accepted one.

    Accepted answers of one letter are letters of options, others the words of options: a text that chooses no letter is
    right if it is equal to such words, after SQuAD's normalisation.

    Examples
    --------
    >>> Choice()(["The answer is (B).", "paris", "C) Rome", ""], [["B", "Paris"]] * 4)
    array([ True,  True, False, False])
    """

    def __call__(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], _questions: Sequence[str] | None = None, /
    ) -> BoolArray:
        """Grade texts, (K,) each with its accepted answers -> (K,) bool."""
        return np.array([_is_right(text, accepted) for text, accepted in zip(texts, answers, strict=True)], dtype=bool)


def _is_right(text: str, accepted: Sequence[str]) -> bool:
    if not text.strip():
        return False
    letters = {alone[1].upper() for answer in accepted if (alone := _ALONE.match(answer))}
    if letters and (letter := chosen_letter(text)) is not None:
        return letter in letters
    words = {normalize(answer) for answer in accepted if not _ALONE.match(answer)} - {""}
    return normalize(text) in words
