"""Graders: completions and accepted answers -> right or wrong. Each file here is one; its name is the plugin's."""

from typing import Any

from uncal import plugins
from uncal.types import Grader

__getattr__, __dir__ = plugins.lazy_exports("graders")


def make(name: str, **settings: Any) -> Grader:
    """Make a grader by its name; settings are its fields."""
    made: Grader = plugins.make("graders", name, settings)
    return made
