"""Testbed: objectives on small worlds where truth is known, in minutes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from uncal import settings
from uncal.errors import ConfigError
from uncal.testbed.cell import Budget, Settings
from uncal.testbed.model import Pretraining
from uncal.testbed.world import World

PARTS = {"world": World, "pretraining": Pretraining, "budget": Budget}
"""What flags set, in the order of the help."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Settings of ``uncal testbed run`` alone.

    Attributes
    ----------
    objective : str
        A name of `uncal list objectives` or `uncal list rewards`, module:attribute, or bayes, teacher or base.
    objective_settings : mapping, default={}
        Settings of the objective, or of the reward.
    seed : int, default=0
        Of the world, of the model and of training.
    """

    objective: str
    objective_settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Settings of ``uncal testbed compare`` alone.

    Attributes
    ----------
    objectives : str, default="target_match,brier,rlcr,log_score"
        Names as of `uncal testbed run`, with commas between them.
    objective_settings : mapping, default={}
        NAME.SETTING=VALUE of one of them.
    seeds : int, default=10
        So many, from `first_seed` on.
    first_seed : int, default=0
    baseline : str, default="distillation:mean"
        What the others are tested against: an objective, and how it is read, stated or mean.
    jobs : int, default=1
        Processes, each with one thread where there are several.
    """

    objectives: str = "target_match,brier,rlcr,log_score"
    objective_settings: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 10
    first_seed: int = 0
    baseline: str = "distillation:mean"
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ConfigError(f"seeds is {self.seeds}; it must be at least 1")
        for name in self.objective_settings:
            if "." not in name:
                raise ConfigError(f"objective_settings has {name!r}; say of which objective: NAME.SETTING=VALUE")

    @property
    def names(self) -> list[str]:
        """The objectives."""
        return [name.strip() for name in self.objectives.split(",") if name.strip()]

    @property
    def of_each(self) -> dict[str, dict[str, Any]]:
        """Settings by objective."""
        found: dict[str, dict[str, Any]] = {}
        for name, value in self.objective_settings.items():
            objective, _, setting = name.rpartition(".")
            found.setdefault(objective, {})[setting] = value
        return found


def shared(typed: Mapping[str, Any], where: str) -> Settings:
    """Make the settings of world, model and budget from flags."""
    parts = {
        name: settings.build(part, {key: value for key, value in typed.items() if key in part.__dataclass_fields__}, where)
        for name, part in PARTS.items()
    }
    return Settings(**parts)
