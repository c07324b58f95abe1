"""Rewards: completions in, a number for each out, as TRL's trainers call them.

Each file here holds a configurable class and the plain function that ``trl grpo --reward_funcs`` takes by its dotted
path, ``uncal.rewards.target_match_reward`` for instance.
"""

from importlib import import_module
from typing import Any

from uncal import plugins
from uncal.types import Reward

_class, __dir__ = plugins.lazy_exports("rewards")


def __getattr__(name: str) -> Any:
    """Give a class, or the plain function of a reward."""
    plugin = name.removesuffix("_reward")
    if plugin != name and plugin in plugins.names("rewards"):
        return getattr(import_module(f"uncal.rewards.{plugin}"), name)
    return _class(name)


def make(name: str, **settings: Any) -> Reward:
    """Make a reward by its name; settings are its fields."""
    made: Reward = plugins.make("rewards", name, settings)
    return made
