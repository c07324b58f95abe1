"""Objectives: rows of targets -> what a model is trained on. Each file here is one; its name is the plugin's.

Every reward is an objective by its own name as well: supervised records of its targets first, then GRPO with it.
"""

from typing import Any

from uncal import plugins
from uncal.errors import ConfigError
from uncal.types import Objective

__getattr__, __dir__ = plugins.lazy_exports("objectives")


def make(name: str, **settings: Any) -> Objective:
    """Make an objective by its name, or by that of a reward; settings are its fields, or the reward's.

    Parameters
    ----------
    name : str
        A name of `uncal list objectives` or `uncal list rewards`, or "their_package.module:attribute": a class of
        either kind, or a plain reward function. Where both kinds have the name, it is the objective.
    **settings

    Examples
    --------
    >>> make("target_match", dead_zone=0.1).rewards
    {'target_match': (TargetMatch(dead_zone=0.1, malformed=0.0), 1.0)}
    """
    made: Objective
    if name in plugins.names("objectives") or _is_objective(name):
        made = plugins.make("objectives", name, settings)
        return made
    if ":" not in name and name not in plugins.names("rewards"):
        raise ConfigError(f"objective is {name!r}; it must be one of {', '.join(names())}, or module:attribute")
    made = plugins.make("objectives", "reinforce", {"names": (name,), "settings": settings})
    return made


def names() -> list[str]:
    """Names that `make` takes: of objectives and of rewards.

    Examples
    --------
    >>> "target_match" in names()
    True
    """
    return sorted({*plugins.names("objectives"), *plugins.names("rewards")})


def _is_objective(name: str) -> bool:
    return ":" in name and hasattr(plugins.load("objectives", name), "records")
