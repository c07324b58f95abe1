"""Graders: completions and accepted answers -> right or wrong. Each file here is one; its name is the plugin's."""

import hashlib
from dataclasses import fields, is_dataclass
from typing import Any

from uncal import plugins
from uncal.graders._agreement import Agreement as Agreement
from uncal.graders._agreement import agreement as agreement
from uncal.types import Grader

__getattr__, __dir__ = plugins.lazy_exports("graders")


def make(name: str, **settings: Any) -> Grader:
    """Make a grader by its name; settings are its fields."""
    made: Grader = plugins.make("graders", name, settings)
    return made


def identity(name: str, grader: Grader) -> str:
    """Say what graded: the grader's name and all its settings, those of its model or embedder too.

    A text of several lines or more than 200 letters, such as a prompt, goes by its hash.

    Examples
    --------
    >>> identity("exact_match", make("exact_match"))
    'exact_match(containment=True)'
    """
    return f"{name}({_settings(grader)})"


def _settings(thing: Any) -> str:
    if not is_dataclass(thing):
        return ""
    return ", ".join(f"{field.name}={_shown(getattr(thing, field.name))}" for field in fields(thing))


def _shown(value: Any) -> str:
    if is_dataclass(value):
        return f"{type(value).__name__}({_settings(value)})"
    if isinstance(value, str) and ("\n" in value or len(value) > 200):
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}"
    return repr(value)
