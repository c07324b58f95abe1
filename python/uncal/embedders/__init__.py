"""Embedders: texts -> (K, D) float32 vectors. Each file here is one; its name is the plugin's."""

from typing import Any

from uncal import plugins
from uncal.types import Embedder

__getattr__, __dir__ = plugins.lazy_exports("embedders")


def make(name: str, **settings: Any) -> Embedder:
    """Make a embedder by its name; settings are its fields."""
    made: Embedder = plugins.make("embedders", name, settings)
    return made
