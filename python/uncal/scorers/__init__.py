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
        If a setting is one of none of them, or none of them reads it beside its other settings.

    Examples
    --------
    >>> made = make_several(["von_neumann_entropy", "renyi_entropy"], {"gamma": 0.5, "renyi_entropy.alpha": 3.0})
    >>> made["renyi_entropy"]
    RenyiEntropy(alpha=3.0, kernel='rbf', gamma=0.5, normalize=True)
    """
    names = list(names)
    kinds = {name: plugins.load("scorers", name) for name in names}
    given: dict[str, dict[str, Any]] = {name: {} for name in names}
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    takers: dict[str, list[str]] = {}
    for key, value in settings.items():
        owner, _, setting = key.rpartition(".")
        if key in own and isinstance(value, Mapping):
            own[key] |= value
        elif owner in own:
            own[owner][setting] = value
        else:
            takers[key] = [name for name in names if key in _known(kinds[name])]
            if not takers[key]:
                raise ConfigError(_nobodys(key, kinds))
            for name in takers[key]:
                given[name][key] = value
    for name, kind in kinds.items():
        for field in fields(kind) if is_dataclass(kind) else ():
            value = (given[name] | own[name]).get(field.name, field.default)
            if isinstance(field.default, bool) and not isinstance(value, bool):
                raise ConfigError(f"{name}: {field.name} is {value!r}; it must be true or false")
    made = {name: make(name, **given[name] | own[name]) for name in names}
    unread = {name: getattr(scorer, "unread", {}) for name, scorer in made.items()}
    for key, those in [*takers.items(), *((key, [name]) for name in names for key in own[name])]:
        if all(key in unread[name] for name in those):
            under = " or ".join(dict.fromkeys(unread[name][key] for name in those))
            raise ConfigError(f"the setting {key!r} is read by {', '.join(those)} with {under} only")
    return made


def _known(kind: type[Any]) -> list[str]:
    """Names of the settings of a scorer."""
    return [field.name for field in fields(kind) if field.init] if is_dataclass(kind) else []


def _nobodys(key: str, kinds: Mapping[str, type[Any]]) -> str:
    """Complain about a setting that no chosen scorer has."""
    chosen, others = ", ".join(kinds), [name for name in plugins.names("scorers") if name not in kinds]
    if (owner := key.rpartition(".")[0] or key) in others:
        return f"{key!r} is a setting of {owner}, and the scorers are {chosen}"
    if having := [name for name in others if key in _known(plugins.load("scorers", name))]:
        return f"none of {chosen} has a setting {key!r}; {', '.join(having)} {'have' if len(having) > 1 else 'has'} it"
    had = dict.fromkeys(setting for kind in kinds.values() for setting in _known(kind))
    return f"none of {chosen} has a setting {key!r}; there are {', '.join(had) or 'none'}"


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
