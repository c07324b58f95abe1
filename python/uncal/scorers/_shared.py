"""Scores that come out of one pass over the data together, and groups that cannot be scored."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from uncal.types import ROWS, SENTENCES, SQUARES, TOKENS, BoolArray, FloatArray, Groups, Scorer


class Part(NamedTuple):
    """What a scorer takes out of a pass that can give several scores.

    Attributes
    ----------
    run : callable
        The pass: groups, parts by name, and the settings of all parts -> the scores by name.
    score : str
        The score's name in `uncal.fast`.
    settings : dict
        Settings of the pass. Parts of one pass run together unless they want different values of one.
    own : dict
        Settings that are this score's alone.
    """

    run: Callable[[Groups, Mapping[str, "Part"], dict[str, Any]], dict[str, FloatArray]]
    score: str
    settings: dict[str, Any]
    own: dict[str, Any]


class Shared(Scorer):
    """A scorer that is a part of a pass; `uncal.scorers.score` runs those of one pass together."""

    @property
    @abstractmethod
    def part(self) -> Part:
        """Which pass, which score, which settings."""

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        part = self.part
        return part.run(groups, {"it": part}, part.settings)["it"]


def run_together(parts: Mapping[str, Part], groups: Groups) -> dict[str, FloatArray]:
    """Run all parts in as few passes as their settings allow."""
    left, scores = dict(parts), dict[str, FloatArray]()
    while left:
        run, _, settings, _ = next(iter(left.values()))
        members: dict[str, Part] = {}
        for name, part in left.items():
            agree = all(part.settings.get(key, value) == value for key, value in settings.items())
            alone = any(part.score == other.score and part.own != other.own for other in members.values())
            if part.run is run and agree and not alone:
                settings = settings | part.settings
                members[name] = part
        scores |= run(groups, members, settings)
        left = {name: part for name, part in left.items() if name not in members}
    return scores


def propagated(
    names: Iterable[str], groups: Groups, call: Callable[[Groups], dict[str, FloatArray]]
) -> dict[str, FloatArray]:
    """Call, and where that fails for groups that are empty or not finite, call for the others and give NaN for those.

    Kernels that know `nan_policy` never fail so; the columns are looked at only after one that does not know it has.
    """
    try:
        return call(groups)
    except ValueError:
        whole = _whole(groups)
        if groups.nan_policy == "raise" or whole.all():
            raise
    scores = {name: np.full(len(whole), np.nan) for name in names}
    if whole.any():
        for name, values in call(groups.take(whole)).items():
            scores[name][whole] = values
    return scores


def _whole(groups: Groups) -> BoolArray:
    """Which groups have rows, and only finite ones; frozen answers alone have none."""
    sizes = np.diff(groups.offsets)
    whole: BoolArray = sizes > 0
    if all(getattr(groups, name) is None for name in (*ROWS, *SQUARES, *TOKENS, *SENTENCES)):
        return np.ones(len(sizes), dtype=bool)
    if groups.embeddings is not None:
        bad = np.concatenate([[0], np.cumsum(~np.isfinite(groups.embeddings).all(axis=1))])
        whole &= np.diff(bad[groups.offsets]) == 0
    return whole
