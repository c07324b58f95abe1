"""Read the number that a model states about itself. Strict: what is unclear is malformed, never mended."""

import re
from typing import NamedTuple

_NUMBER = re.compile(r"[+]?(?:\d+(?:\.\d*)?|\.\d+)")


class Stated(NamedTuple):
    """A stated probability.

    Attributes
    ----------
    value : float or None
        In [0, 1]; None when the text is malformed.
    reason : str or None
        What is wrong with a malformed text; None when there is a value.
    """

    value: float | None
    reason: str | None


def parse_uncertainty(text: str) -> Stated:
    """Read the probability of being wrong from a text's last ``<uncertainty>`` block.

    Parameters
    ----------
    text : str
        What a model wrote, reasoning and all.

    Returns
    -------
    Stated
        The value, a decimal in [0, 1], or None and the reason: no block; not closed; text after it; not a decimal
        (nan, inf, "90%", "1e-1", words); outside [0, 1] (never clipped).

    Notes
    -----
    Status: a choice of this library; how the paper's parser works could not be read.

    Examples
    --------
    >>> parse_uncertainty("Two cities fit. <uncertainty>0.37</uncertainty>")
    Stated(value=0.37, reason=None)
    >>> parse_uncertainty("<uncertainty>150</uncertainty>")
    Stated(value=None, reason='outside [0, 1]')
    """
    return _parse(text, "uncertainty")


def parse_confidence(text: str) -> Stated:
    """Read the probability of being right from a text's last ``<confidence>`` block, as `parse_uncertainty` does.

    Examples
    --------
    >>> parse_confidence("<answer>Paris</answer><confidence>0.9</confidence>").value
    0.9
    >>> parse_confidence("<confidence>90%</confidence>").reason
    'not a decimal'
    """
    return _parse(text, "confidence")


def _parse(text: str, tag: str) -> Stated:
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}; it must be a str")
    _, opening, rest = text.rpartition(f"<{tag}>")
    if not opening:
        return Stated(None, f"no <{tag}> block")
    content, closing, after = rest.partition(f"</{tag}>")
    if not closing:
        return Stated(None, f"<{tag}> is not closed")
    if after.strip():
        return Stated(None, f"text after </{tag}>")
    content = content.strip()
    if not content.isascii() or not _NUMBER.fullmatch(content):
        return Stated(None, "not a decimal")
    value = float(content)
    if not 0.0 <= value <= 1.0:
        return Stated(None, "outside [0, 1]")
    return Stated(value, None)
