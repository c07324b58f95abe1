"""What objectives share in reading rows: which of them can be used, and the answers that were drawn."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from uncal.normal import normalize
from uncal.types import Message

log = logging.getLogger("uncal")

Row = Mapping[str, Any]


def usable(
    name: str, rows: Sequence[Row], turns: Sequence[list[Message]], columns: frozenset[str]
) -> list[tuple[Row, list[Message]]]:
    """Rows that have something in every column, each with its conversation; the others are counted in the log."""
    kept, lacking = [], set[str]()
    for row, turn in zip(rows, turns, strict=True):
        gone = [column for column in columns if not _is_there(row[column])]
        lacking.update(gone)
        if not gone:
            kept.append((row, turn))
    if lacking:
        left_out = len(rows) - len(kept)
        log.warning("%s: %d of %d rows lack %s; left out", name, left_out, len(rows), " or ".join(sorted(lacking)))
    return kept


def _is_there(value: Any) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return False
    return not isinstance(value, list | tuple) or len(value) > 0


class Cluster(NamedTuple):
    """Completions that say the same.

    Attributes
    ----------
    text : str
        The first of them.
    n : int
    correct : bool or None
        Whether at least half of those with a verdict are right; None without any.
    """

    text: str
    n: int
    correct: bool | None


def clusters(completions: Sequence[str], verdicts: Sequence[bool | None] | None = None) -> list[Cluster]:
    """Group completions by their normalised text; the largest group first, of equal ones the one that came first.

    Blank completions belong to no group.

    Examples
    --------
    >>> clusters(["Lyon", "Paris", "paris."], [False, True, True])
    [Cluster(text='Paris', n=2, correct=True), Cluster(text='Lyon', n=1, correct=False)]
    """
    members: dict[str, list[int]] = {}
    for i, text in enumerate(completions):
        if text and text.strip():
            members.setdefault(same(text), []).append(i)
    found = []
    for mine in members.values():
        told = [bool(verdicts[i]) for i in mine if verdicts[i] is not None] if verdicts is not None else []
        found.append(Cluster(completions[mine[0]], len(mine), 2 * sum(told) >= len(told) if told else None))
    return sorted(found, key=lambda cluster: -cluster.n)


def same(text: str) -> str:
    """Return a text in the form that decides what counts as the same answer."""
    return normalize(text) or text.strip().casefold()


def agreement(answer: str, completions: Sequence[str]) -> float:
    """Share of the completions that say what the answer says.

    Examples
    --------
    >>> agreement("Paris", ["paris", "Lyon", "Paris!", ""])
    0.5
    """
    return sum(same(text) == same(answer) for text in completions if text and text.strip()) / len(completions)
