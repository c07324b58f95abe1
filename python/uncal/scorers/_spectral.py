"""Scores of the kernel matrix of a group's embeddings: one pass makes the matrix, and all of them from it."""

from collections.abc import Mapping
from typing import Any

from uncal import fast
from uncal.scorers._shared import Part
from uncal.types import FloatArray, Groups


def spectral(groups: Groups, parts: Mapping[str, Part], settings: dict[str, Any]) -> dict[str, FloatArray]:  # noqa: ARG001
    """Score embeddings."""
    rows = groups.column("embeddings")
    return {
        name: getattr(fast, part.score)(rows, groups.offsets, **part.settings, **part.own)
        for name, part in parts.items()
    }
