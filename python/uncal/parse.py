"""Read the number that a model states about itself. Strict: what is unclear is malformed, never mended."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from uncal.levels import FIVE, ConfidenceBins
from uncal.types import Order

LEVELS = ConfidenceBins.even(FIVE)
_INTEGER = re.compile(r"10|[0-9]")
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


class Parts(NamedTuple):
    """The blocks of a text.

    Attributes
    ----------
    contents : dict
        Tag -> what stands in its block, stripped; empty when the text is malformed.
    reason : str or None
        What is wrong with a malformed text.
    """

    contents: dict[str, str]
    reason: str | None


def parse_parts(text: str, tags: Sequence[str]) -> Parts:
    """Read blocks in a given order, of which the last one ends the text.

    Of a tag that comes several times the last block counts that closes before the next of `tags` opens; what stands
    between blocks is left alone. What a model thinks, up to the last ``</think>``, is no part of the text: the opening
    tag may stand in the prompt. One that is opened and not closed makes the text malformed.

    Parameters
    ----------
    text : str
    tags : sequence of str
        In their order; "think" first, if it must be there.

    Examples
    --------
    >>> parse_parts("so Rome.</think><answer>Rome</answer><confidence>0.8</confidence>", ["answer", "confidence"])
    Parts(contents={'answer': 'Rome', 'confidence': '0.8'}, reason=None)
    >>> parse_parts("<confidence>0.8</confidence><answer>Rome</answer>", ["answer", "confidence"]).reason
    'text after </confidence>'
    """
    thought, closed, said = text.rpartition("</think>")
    if "<think>" in said:
        return Parts({}, "<think> is not closed")
    contents: dict[str, str] = {}
    for tag in reversed([tag for tag in tags if tag != "think"]):
        content, reason = _block(said, tag, ends=not contents)
        if reason is not None:
            return Parts({}, reason)
        contents[tag] = content
        said = said.rpartition(f"<{tag}>")[0]
    if "think" in tags:
        if not closed:
            return Parts({}, "no </think>")
        contents["think"] = thought.rpartition("<think>")[2].strip()
    return Parts({tag: contents[tag] for tag in tags}, None)


def _parse(text: str, tag: str) -> Stated:
    content, reason = _block(text, tag)
    if reason is not None:
        return Stated(None, reason)
    if not content.isascii() or not _NUMBER.fullmatch(content):
        return Stated(None, "not a decimal")
    value = float(content)
    if not 0.0 <= value <= 1.0:
        return Stated(None, "outside [0, 1]")
    return Stated(value, None)


def _block(text: str, tag: str, *, ends: bool = True) -> tuple[str, str | None]:
    """Content of the last block of a tag, which ends the text if `ends`; or why there is none."""
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}; it must be a str")
    _, opening, rest = text.rpartition(f"<{tag}>")
    if not opening:
        return "", f"no <{tag}> block"
    content, closing, after = rest.partition(f"</{tag}>")
    if not closing:
        return "", f"<{tag}> is not closed"
    if ends and after.strip():
        return "", f"text after </{tag}>"
    return content.strip(), None


class Format(NamedTuple):
    """A way to write an uncertainty.

    Attributes
    ----------
    write : callable
        An uncertainty in [0, 1] -> text.
    read : callable
        Text -> `Stated`, whose value is the uncertainty.
    words : str
        What a prompt says of it, after "state".
    """

    write: Callable[[float], str]
    read: Callable[[str], Stated]
    words: str


def _read_confidence(text: str) -> Stated:
    value, reason = parse_confidence(text)
    return Stated(None if value is None else 1.0 - value, reason)


def _read_tenths(text: str) -> Stated:
    content, reason = _block(text, "confidence")
    if reason is None and not _INTEGER.fullmatch(content):
        reason = "not a whole number from 0 to 10"
    return Stated(None, reason) if reason else Stated(1.0 - int(content) / 10, None)


def _read_words(text: str) -> Stated:
    content, reason = _block(text, "confidence")
    if reason is None and content not in LEVELS.labels:
        reason = f"not one of {', '.join(LEVELS.labels)}"
    return Stated(None, reason) if reason else Stated(1.0 - LEVELS.decode(content), None)


def _write_words(uncertainty: float) -> str:
    confidence = round(1 - uncertainty, 9)  # 1 - 0.8 is below the edge 0.2
    return f"<confidence>{LEVELS.encode(confidence)}</confidence>"


FORMATS = {
    "uncertainty": Format(
        lambda uncertainty: f"<uncertainty>{uncertainty:.2f}</uncertainty>",
        parse_uncertainty,
        "the probability that the answer is wrong, as a decimal from 0.00 (surely right) to 1.00 (surely wrong), in "
        "<uncertainty>...</uncertainty>",
    ),
    "confidence": Format(
        lambda uncertainty: f"<confidence>{1 - uncertainty:.2f}</confidence>",
        _read_confidence,
        "the probability that the answer is right, as a decimal from 0.00 (surely wrong) to 1.00 (surely right), in "
        "<confidence>...</confidence>",
    ),
    "confidence_of_ten": Format(
        lambda uncertainty: f"<confidence>{round(10 * (1 - uncertainty))}</confidence>",
        _read_tenths,
        "how sure it is that the answer is right, as a whole number from 0 (surely wrong) to 10 (surely right), in "
        "<confidence>...</confidence>",
    ),
    "confidence_words": Format(
        _write_words,
        _read_words,
        f"how sure it is that the answer is right, as one of {', '.join(LEVELS.labels)}, in "
        "<confidence>...</confidence>",
    ),
}
"""Ways to write an uncertainty: in two decimals as it is; as a confidence; as a confidence in whole tenths, or in five
words of which each is read as the middle of its fifth.

Examples
--------
>>> FORMATS["confidence_of_ten"].write(0.3)
'<confidence>7</confidence>'
>>> FORMATS["confidence"].read("<confidence>0.70</confidence>").value
0.30000000000000004
"""


class Parsed(NamedTuple):
    """What a trained model's completion holds.

    Attributes
    ----------
    answer : str or None
        None in the order "answer_first", whose answer is frozen, and where there is none to be read.
    uncertainty : float or None
        In [0, 1]; None when it cannot be read.
    reason : str or None
        What is wrong with a malformed completion; None when there is a number, and an answer where there should be one.
    """

    answer: str | None
    uncertainty: float | None
    reason: str | None


def parse_completion(text: str, order: Order = "answer_first", form: str = "uncertainty") -> Parsed:
    """Read a completion: the number, and the answer unless that is frozen.

    Parameters
    ----------
    text : str
    order : {"answer_first", "together", "confidence_first"}, default="answer_first"
        What it should hold, as `parse_parts` reads it: the number alone; the answer and then the number; the number and
        then the answer.
    form : str, default="uncertainty"
        How the number should be written: a name in `FORMATS`.

    Examples
    --------
    >>> parse_completion("<answer>Rome</answer><confidence>0.75</confidence>", "together", "confidence")
    Parsed(answer='Rome', uncertainty=0.25, reason=None)
    >>> parse_completion("<confidence>90%</confidence><answer>Rome</answer>", "confidence_first", "confidence")
    Parsed(answer='Rome', uncertainty=None, reason='not a decimal')
    """
    way = FORMATS[form]
    if order == "answer_first":
        return Parsed(None, *way.read(text))
    tag = way.write(0.0)[1:].partition(">")[0]
    contents, reason = parse_parts(text, ("answer", tag) if order == "together" else (tag, "answer"))
    if reason is None and not contents["answer"]:
        reason = "<answer> is empty"
    if reason is not None:
        return Parsed(None, None, reason)
    return Parsed(contents["answer"], *way.read(f"<{tag}>{contents[tag]}</{tag}>"))
