"""Scores of the kernel matrix of a group's embeddings: one pass makes the matrix, and all of them from it."""

from collections.abc import Mapping
from typing import Any

from uncal import fast
from uncal.scorers._shared import Part
from uncal.types import FloatArray, Groups


def spectral(groups: Groups, parts: Mapping[str, Part], settings: dict[str, Any]) -> dict[str, FloatArray]:
    """Score embeddings.

    Scores that need small eigenvalues have the setting ``exact``: they make a pass compute all of its scores from
    products in float64, so they go apart, or the others' last bits would depend on their company.
    """
    rows = groups.column("embeddings")
    settings = {key: value for key, value in settings.items() if key != "exact"}
    scores = {part.score: part.own for part in parts.values()}
    found = fast.spectral_scores(rows, groups.offsets, scores=scores, nan_policy=groups.nan_policy, **settings)
    return {name: found[part.score] for name, part in parts.items()}
