"""Testbed: objectives on small worlds where truth is known, in minutes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uncal import settings
from uncal.errors import ConfigError
from uncal.testbed import compare
from uncal.testbed.cell import Budget, Settings, run
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
    baseline : str, default="distill:mean"
        What the others are tested against: an objective, and how it is read, stated or mean.
    jobs : int, default=1
        Processes, each with one thread where there are several.
    """

    objectives: str = "target_match,brier,rlcr,log_score"
    objective_settings: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 10
    first_seed: int = 0
    baseline: str = "distill:mean"
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


ACTIONS = {
    "run": (Run, "train one objective on one seed and measure it; writes JSON to standard output"),
    "compare": (Compare, "train several objectives on several seeds and set them side by side"),
}
"""Each with its settings and what it does."""


def testbed(action: str, out: Path, typed: Mapping[str, Any]) -> str:
    """Run an action; gives what is to be shown.

    Parameters
    ----------
    action : {"run", "compare"}
    out : Path
    typed : mapping
        Flags by their fields' names; what is no setting is passed over.
    """

    def made(config: type[Any]) -> Any:
        mine = {name: value for name, value in typed.items() if name in config.__dataclass_fields__}
        return settings.build(config, mine, f"uncal testbed {action}")

    whole = Settings(**{name: made(part) for name, part in PARTS.items()})
    told = made(ACTIONS[action][0])
    if action == "run":
        return json.dumps(run(told.objective, told.seed, out, whole, told.objective_settings), indent=1)
    seeds = range(told.first_seed, told.first_seed + told.seeds)
    found = compare.compare(told.names, seeds, out, whole, told.of_each, baseline=told.baseline, jobs=told.jobs)
    return compare.as_text(found)
