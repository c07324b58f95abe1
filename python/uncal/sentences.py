"""Sentences of a text, without a model."""

import re

_SHORT = frozenset(
    (
        *("mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "rev", "hon", "capt", "lt", "sgt", "col", "gen", "sen"),
        *("rep", "gov", "vs", "etc", "e.g", "i.e", "cf", "nos", "vol", "pp", "ca", "fig", "eq", "approx", "inc", "ltd"),
        *("co", "corp", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
    )
)
_END = re.compile(
    r"""([.!?\u2026]+["'\u2019\u201d)\]]*)\s+(?=["'\u2018\u201c(\[]*[^\W_a-z])|(?<=[\u3002\uff01\uff1f])|\n+"""
)


def sentences(text: str) -> list[str]:
    r"""Cut a text into sentences, by a rule.

    A sentence ends at a new line, after a full stop, exclamation mark or question mark (quotes and brackets included)
    that white space and anything but a small letter follow, and after such marks of Chinese and Japanese. A full stop
    behind a common abbreviation, a single letter or the number of an item ends none. Pieces without a letter or number
    are left out.

    Returns
    -------
    list of str
        Empty for a text without a letter or number.

    Notes
    -----
    Status: proposal.

    Examples
    --------
    >>> sentences("J. R. R. Tolkien wrote it in Oxford. Dr. Who? No!\n1. He was 3.5 years old")
    ['J. R. R. Tolkien wrote it in Oxford.', 'Dr. Who?', 'No!', '1. He was 3.5 years old']
    """
    found, start = [], 0
    for end in _END.finditer(text):
        if (end[1] or "").startswith(".") and _goes_on(text[start : end.start()].split()):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    found.append(text[start:].strip())
    return [one for one in found if any(letter.isalnum() for letter in one)]


def _goes_on(words: list[str]) -> bool:
    """Whether a full stop after these words ends no sentence."""
    last = words[-1].strip("\"'([").lower() if words else ""
    return last in _SHORT or (len(last) == 1 and last.isalpha()) or (len(words) == 1 and last.isdigit())
