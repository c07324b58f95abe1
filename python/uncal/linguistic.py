"""Read how sure a text sounds: hedges of a versioned lexicon, and percentages where it gives them.

`uncal.verbal` reads what a text states; this reads how it is worded, and has a number for a text without any hedge too.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from uncal.errors import ConfigError
from uncal.verbal import read_confidence

LEXICON = Path(__file__).parent / "lexicons" / "hedges-1.json"
"""The newest one; a changed lexicon is a new file of a higher number, and the old ones stay."""

_QUOTED = re.compile(r'"[^"\n]*"|\u201c[^\u201d\n]*\u201d|\u00ab[^\u00bb\n]*\u00bb')
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_PERCENT = r"\d\s*(?:%|percent\b|per\s?cent\b)"
_PERCENTAGE = re.compile(
    rf"{_PERCENT}\s+(?:\w+\s+){{0,2}}(?:sure|certain|confiden\w+|chances?|likel\w+|probab\w+)\b"
    rf"|\b(?:confidence|certainty|chances?|likelihood|probability)\b[^.%]{{0,40}}?{_PERCENT}",
    re.IGNORECASE,
)
"""A percentage beside the word that says that it is about being sure."""
_NEGATED = re.compile(r"(?:\b(?:not|never|cannot|hardly)|n't)(?:\s+\w+){0,2}\s+$", re.IGNORECASE)


class Linguistic(NamedTuple):
    """How sure a text sounds.

    Attributes
    ----------
    value : float or None
        In [0, 1]; None when it cannot be said.
    reason : str or None
        Why it cannot be said; None when there is a value. One of a few texts, so that they can be counted.
    markers : tuple of str
        The hedges that the value is made of, in the order of the text; none where it is that of a percentage, or where
        there is no hedge.
    unmarked : bool
        There is no hedge, and the value is the one for plain statements.
    """

    value: float | None
    reason: str | None
    markers: tuple[str, ...] = ()
    unmarked: bool = False

    @property
    def by_words(self) -> bool:
        """The value is that of hedges."""
        return bool(self.markers)


@dataclass(frozen=True)
class Marker:
    """A hedge.

    Attributes
    ----------
    text : str
        In lower case.
    confidence : float
        Of a statement that has it, in [0, 1].
    source, status : str
        Where the number comes from, and what it is worth: verified, secondary, inferred, recalled or proposal.
    as_written : bool, default=False
        In lower case only: "may" is a hedge, "May" a month.
    not_after : list of str, default=[]
        Not a hedge behind these words: "sure" is none in "make sure".
    """

    text: str
    confidence: float
    source: str
    status: str
    as_written: bool = False
    not_after: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ConfigError(f"confidence of {self.text!r} is {self.confidence}; it must lie in [0, 1]")


@dataclass(frozen=True)
class Lexicon:
    """Hedges and what they are worth.

    Attributes
    ----------
    name : str
    version : int
    unmarked : float
        Confidence of a text without a hedge. It dominates results where most texts have none.
    negated : float
        Of a negated hedge of certainty that is not listed as such.
    stronger, weaker : tuple of str
        Words before a hedge that move it half of the way to the nearer end of [0, 1], or to 0.5.
    markers : mapping of str to Marker
    """

    name: str
    version: int
    unmarked: float
    negated: float
    stronger: tuple[str, ...]
    weaker: tuple[str, ...]
    markers: Mapping[str, Marker]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds hedges, the longest first."""
        texts = sorted(map(re.escape, self.markers), key=len, reverse=True)
        return re.compile(rf"(?<![\w'])(?:{'|'.join(texts)})(?![\w'])", re.IGNORECASE)

    @cached_property
    def degree(self) -> re.Pattern[str]:
        """Finds a word of degree at the end of what stands before a hedge."""
        return re.compile(rf"\b({'|'.join(map(re.escape, (*self.stronger, *self.weaker)))})\s+$", re.IGNORECASE)


@cache
def load_lexicon(path: Path = LEXICON) -> Lexicon:
    """Read a lexicon.

    Raises
    ------
    ConfigError
        If the file is none.

    Examples
    --------
    >>> lexicon = load_lexicon()
    >>> lexicon.name, lexicon.version, lexicon.markers["probably"].confidence
    ('hedges', 1, 0.75)
    """
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        markers = [Marker(**row) for row in read["markers"]]
        return Lexicon(
            name=str(read["name"]),
            version=int(read["version"]),
            unmarked=float(read["unmarked"]),
            negated=float(read["negated"]),
            stronger=tuple(read["stronger"]),
            weaker=tuple(read["weaker"]),
            markers={marker.text: marker for marker in markers},
        )
    except FileNotFoundError as error:
        raise ConfigError(f"no lexicon {path}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is no lexicon of hedges: {error}") from error


def read_linguistic(
    text: str,
    *,
    lexicon: Lexicon | None = None,
    unmarked: float | Literal["lexicon"] | None = "lexicon",
    several: Literal["min", "mean"] = "min",
) -> Linguistic:
    """Read the confidence that a text conveys by its wording.

    Parameters
    ----------
    text : str
        An answer in words. What stands in quotation marks is not the speaker's own and does not count.
    lexicon : Lexicon, optional
        The newest of the package unless given.
    unmarked : float or None, default="lexicon"
        For a text without a hedge; None says nothing of it; the lexicon's number (0.8) unless set.
    several : {"min", "mean"}, default="min"
        Of several hedges the weakest, or their mean.

    Returns
    -------
    Linguistic
        A percentage of a sentence about being sure, such as "I am 80% sure", wins over words. Otherwise hedges, the
        longest that fits at each place; one behind "not", "never" or "cannot", with up to two words between, counts as
        negated certainty where it speaks of more than 0.5. None, with the reason: blank; several percentages; a
        percentage that cannot be read; a negated doubt that the lexicon does not list; no hedge, where `unmarked` is
        None.

    References
    ----------
    arXiv 2509.24202, on confidence in words; their mapper is a trained encoder. Status of this one and its numbers:
    proposal.

    Examples
    --------
    >>> read_linguistic("It is probably Rome, I think.")
    Linguistic(value=0.65, reason=None, markers=('probably', 'i think'), unmarked=False)
    >>> [read_linguistic(text).value for text in ("It is Rome.", "I'm not sure, but Rome.", "I'm 90% sure it is Rome.")]
    [0.8, 0.35, 0.9]
    >>> read_linguistic("It is not doubtful.").reason
    'a negated doubt'
    """
    if not text.strip():
        return Linguistic(None, "blank")
    lexicon = lexicon or load_lexicon()
    own = _QUOTED.sub(" ", text.replace("\u2019", "'"))
    sentences = _SENTENCE.split(own)
    if (stated := _stated(sentences)) is not None:
        return stated
    found = [pair for sentence in sentences for pair in _hedges(sentence, lexicon)]
    if not found:
        value = lexicon.unmarked if unmarked == "lexicon" else unmarked
        return Linguistic(value, "no hedge" if value is None else None, unmarked=value is not None)
    values = [value for _, value in found if value is not None]
    if len(values) < len(found):
        return Linguistic(None, "a negated doubt")
    value = min(values) if several == "min" else sum(values) / len(values)
    return Linguistic(value, None, tuple(marker for marker, _ in found))


def _stated(sentences: list[str]) -> Linguistic | None:
    """Read percentages of sentences about being sure; None where there are none."""
    read = [read_confidence(sentence) for sentence in sentences if _PERCENTAGE.search(sentence)]
    values = {one.value for one in read}
    if not values:
        return None
    if len(values) > 1:
        return Linguistic(None, "several percentages")
    value = values.pop()
    return Linguistic(value, None if value is not None else "a percentage that cannot be read")


def _hedges(sentence: str, lexicon: Lexicon) -> list[tuple[str, float | None]]:
    """Find hedges and what each is worth where it stands; None for a negated doubt."""
    found: list[tuple[str, float | None]] = []
    for match in lexicon.pattern.finditer(sentence):
        marker = lexicon.markers[match[0].lower()]
        before = sentence[: match.start()]
        if marker.as_written and match[0] != marker.text:
            continue
        if marker.not_after and re.search(rf"\b(?:{'|'.join(marker.not_after)})\s+$", before, re.IGNORECASE):
            continue
        value: float | None = marker.confidence
        if degree := lexicon.degree.search(before):
            before = before[: degree.start()]
            nearer = float(marker.confidence > 0.5) if degree[1].lower() in lexicon.stronger else 0.5
            value = (marker.confidence + nearer) / 2
        if _NEGATED.search(before):
            value = lexicon.negated if marker.confidence > 0.5 else None
        found.append((match[0].lower(), value))
    return found
