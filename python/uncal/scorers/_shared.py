"""Scores that come out of one pass over the data together."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from uncal.types import FloatArray, Groups, Scorer


class Part(NamedTuple):
    """What a scorer takes out of a pass that can give several scores.

    Attributes
    ----------
    run : callable
        The pass: groups, names of scores, settings -> the scores by name.
    score : str
        The score's name there.
    settings : dict
        Settings that it reads. Parts of one pass are run together unless they want different values of a setting.
    """

    run: Callable[[Groups, tuple[str, ...], dict[str, Any]], dict[str, FloatArray]]
    score: str
    settings: dict[str, Any]


class Shared(Scorer):
    """A scorer that is a part of a pass; `uncal.scorers.score` runs those of one pass together."""

    @property
    @abstractmethod
    def part(self) -> Part:
        """Which pass, which score, which settings."""

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        part = self.part
        return part.run(groups, (part.score,), part.settings)[part.score]
