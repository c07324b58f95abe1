"""Right if the text's number is an accepted one, up to a tolerance."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from uncal.types import BoolArray, Grader

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_TIMES = "\N{MULTIPLICATION SIGN}"
_NUMBER = re.compile(
    rf"""(?<![\w.])(?P<sign>(?<!\d)[-+]\s?)?[$€£]?(?P<digits>{_DIGITS})
    (?:\s?/\s?(?P<below>\d+(?:\.\d+)?)(?!\s?/)|(?:e|\s?[{_TIMES}x*]\s?10\s?\^\s?\{{?)(?P<power>[-+]?\d{{1,3}})\}}?)?
    (?P<scale>\s?(?:thousand|million|billion|trillion)\b)?(?P<percent>\s?(?:%|\\%|percent\b|per\ cent\b))?""",
    re.VERBOSE | re.IGNORECASE,
)
_SCALES = {"": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_STATED = re.compile(r"\\boxed\s*\{|####|answer\s*(?:is|:|=)", re.IGNORECASE)


class Number(NamedTuple):
    """A number as it is written: its value, before a percent sign is heeded, and whether there is one."""

    value: float
    percent: bool


def numbers(text: str) -> list[Number]:
    """Find the numbers in a text.

    Commas between thousands, currency signs, fractions ("3/4"), powers of ten ("1.2e5", "1.2 x 10^5"), and thousand to
    trillion are understood; units are passed over. Digits behind a letter ("B2") are none, nor are numbers in words.

    Examples
    --------
    >>> numbers("from $1,200 to 1.5 million, 12% of it")
    [Number(value=1200.0, percent=False), Number(value=1500000.0, percent=False), Number(value=12.0, percent=True)]
    """
    found = []
    for match in _NUMBER.finditer(text.replace("\N{MINUS SIGN}", "-")):
        value = float(match["digits"].replace(",", ""))
        if match["below"]:
            below = float(match["below"])
            value = value / below if below else math.inf
        elif match["power"]:
            try:
                value *= 10.0 ** int(match["power"])
            except OverflowError:
                value = math.inf
        value *= _SCALES[(match["scale"] or "").strip().lower()]
        if math.isfinite(value):
            sign = -1.0 if (match["sign"] or "").startswith("-") else 1.0
            found.append(Number(sign * value, bool(match["percent"])))
    return found


@dataclass(frozen=True, kw_only=True)
class Numeric(Grader):
    r"""The number that a text ends with, or states as its answer, beside the accepted ones.

    Of a text that says ``\boxed{``, ``####`` or "answer is" the first number behind the last of these counts, otherwise
    `which`; the same goes for accepted answers, so that GSM8K's solutions are taken as they are. Numbers are read by
    `numbers`. 12% is 0.12; where only one side has the percent sign, the other may mean either: "12" and "0.12" are
    right for "12%". A text without a number is wrong, and an accepted answer without one is never met.

    Attributes
    ----------
    relative : float, default=1e-6
        A number is right within this share of the accepted one,
    absolute : float, default=1e-9
        or this far from it.
    which : {"last", "first", "only"}, default="last"
        Of several numbers; with "only", a text of several is wrong.

    Examples
    --------
    >>> Numeric()(["She has 48 + 24 = 72 clips.", "1,200 km", "none"], [["#### 72"], ["1200"], ["0"]])
    array([ True,  True, False])
    """

    relative: float = 1e-6
    absolute: float = 1e-9
    which: Literal["last", "first", "only"] = "last"

    def __post_init__(self) -> None:
        for name in ("relative", "absolute"):
            if not (0 <= getattr(self, name) < math.inf):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more, and finite")

    def __call__(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], _questions: Sequence[str] | None = None, /
    ) -> BoolArray:
        """Grade texts, (K,) each with its accepted answers -> (K,) bool."""
        return np.array(
            [self._is_right(text, accepted) for text, accepted in zip(texts, answers, strict=True)], dtype=bool
        )

    def _is_right(self, text: str, accepted: Sequence[str]) -> bool:
        said = self._number(text)
        return said is not None and any(
            wanted is not None and self._are_equal(said, wanted) for wanted in map(self._number, accepted)
        )

    def _number(self, text: str) -> Number | None:
        stated = [match.end() for match in _STATED.finditer(text)]
        if stated and (behind := numbers(text[stated[-1] :])):
            return behind[0]
        found = numbers(text)
        if not found or (self.which == "only" and len(found) > 1):
            return None
        return found[0 if self.which == "first" else -1]

    def _are_equal(self, said: Number, wanted: Number) -> bool:
        values = {said.value / 100 if said.percent else said.value}
        target = wanted.value / 100 if wanted.percent else wanted.value
        if said.percent != wanted.percent:
            values |= {said.value} if said.percent else {said.value / 100}
        return any(abs(value - target) <= max(self.absolute, self.relative * abs(target)) for value in values)
