"""Scorers: a group of completions -> its uncertainty. Each file here is one; its name is the plugin's."""

from typing import Any

from uncal import plugins
from uncal.types import Scorer

__getattr__, __dir__ = plugins.lazy_exports("scorers")


def make(name: str, **settings: Any) -> Scorer:
    """Make a scorer by its name; settings are its fields."""
    made: Scorer = plugins.make("scorers", name, settings)
    return made
