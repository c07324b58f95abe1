"""Entailers: pairs of texts -> entail, neutral, contra. Each file here is one; its name is the plugin's."""

from typing import Any

from uncal import plugins
from uncal.entailers._columns import judge_alternatives, judge_answers, judge_groups, judge_sentences
from uncal.entailers._judge import BLANK, CHUNK, SAME, judge
from uncal.types import Entailer

__all__ = [
    "BLANK",
    "CHUNK",
    "SAME",
    "judge",
    "judge_alternatives",
    "judge_answers",
    "judge_groups",
    "judge_sentences",
    "make",
]

__getattr__, __dir__ = plugins.lazy_exports("entailers")


def make(name: str, **settings: Any) -> Entailer:
    """Make an entailer by its name; settings are its fields.

    One that asks a backend takes the backend itself, or its name and its settings beside the others.
    """
    made: Entailer = plugins.make_whole("entailers", name, settings)
    return made
