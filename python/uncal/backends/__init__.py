"""Backends: prompts -> completions. Each file here is one; its name is the plugin's."""

from typing import Any

from uncal import plugins
from uncal.types import Backend

__getattr__, __dir__ = plugins.lazy_exports("backends")


def make(name: str, **settings: Any) -> Backend:
    """Make a backend by its name; settings are its fields."""
    made: Backend = plugins.make("backends", name, settings)
    return made
