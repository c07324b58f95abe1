"""Scorers: a group of completions -> its uncertainty. Each file here is one; its name is the plugin's."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from uncal import plugins
from uncal.errors import ConfigError
from uncal.scorers._shared import Shared, propagated, run_together
from uncal.types import FloatArray, Groups, Scorer

__getattr__, __dir__ = plugins.lazy_exports("scorers")


def make(name: str, **settings: Any) -> Scorer:
    """Make a scorer by its name; settings are its fields."""
    made: Scorer = plugins.make("scorers", name, settings)
    return made


def make_several(names: Iterable[str], settings: Mapping[str, Any]) -> dict[str, Scorer]:
    """Make several scorers out of one table of settings.

    Parameters
    ----------
    names : iterable of str
    settings : mapping
        ``gamma`` goes to every scorer that has such a setting. ``"renyi_entropy.alpha"``, or a table ``alpha`` in a
        table ``renyi_entropy``, goes to that one alone.

    Raises
    ------
    ConfigError
        If a setting is one of none of them.

    Examples
    --------
    >>> made = make_several(["von_neumann_entropy", "renyi_entropy"], {"gamma": 0.5, "renyi_entropy.alpha": 3.0})
    >>> made["renyi_entropy"]
    RenyiEntropy(alpha=3.0, kernel='rbf', gamma=0.5, normalize=True)
    """
    names = list(names)
    kinds = {name: plugins.load("scorers", name) for name in names}
    known = {
        name: [f.name for f in fields(kind) if f.init] if is_dataclass(kind) else [] for name, kind in kinds.items()
    }
    given: dict[str, dict[str, Any]] = {name: {} for name in names}
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in settings.items():
        owner, dot, setting = key.partition(".")
        if owner in own and (dot or isinstance(value, Mapping)):
            own[owner] |= {setting: value} if dot else value
            continue
        takers = [name for name in names if key in known[name]]
        if not takers:
            had = dict.fromkeys(setting for name in names for setting in known[name])
            raise ConfigError(f"none of {', '.join(names)} has a setting {key!r}; there are {', '.join(had) or 'none'}")
        for name in takers:
            given[name][key] = value
    for name, kind in kinds.items():
        for field in fields(kind) if is_dataclass(kind) else ():
            value = (given[name] | own[name]).get(field.name, field.default)
            if isinstance(field.default, bool) and not isinstance(value, bool):
                raise ConfigError(f"{name}: {field.name} is {value!r}; it must be true or false")
    return {name: make(name, **given[name] | own[name]) for name in names}


def score(scorers: Mapping[str, Scorer], groups: Groups) -> dict[str, FloatArray]:
    """Score groups by several scorers; those that can share a pass over the data do.

    Parameters
    ----------
    scorers : mapping of str to Scorer
    groups : Groups
        With every column that one of them needs.

    Returns
    -------
    dict of str to ndarray of shape (P,)
        The same bits as each scorer gives by itself. Where `Groups.nan_policy` is "propagate", NaN for groups that are
        empty or not finite.
    """
    parts = {name: scorer.part for name, scorer in scorers.items() if isinstance(scorer, Shared)}
    scores = propagated(parts, groups, lambda whole: run_together(parts, whole)) if parts else {}
    for name, scorer in scorers.items():
        if name not in scores:
            scores |= propagated([name], groups, lambda whole, n=name, s=scorer: {n: s(whole)})  # type: ignore[misc]
    return {name: scores[name] for name in scorers}
