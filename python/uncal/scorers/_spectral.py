"""Scores of the kernel matrix of a group's embeddings: one pass makes the matrix, and all of them from it."""

from collections.abc import Mapping
from typing import Any

from uncal import fast
from uncal.scorers._shared import Part
from uncal.types import FloatArray, Groups


def spectral(groups: Groups, parts: Mapping[str, Part], settings: dict[str, Any]) -> dict[str, FloatArray]:
    """Score embeddings.

    The setting ``eigenvalues`` keeps scores apart that would change the last bits of each other from float16 and
    float32 rows: "none" (it needs none of them), "all", "small" (it needs even the small ones, so float64 products).
    """
    rows = groups.column("embeddings")
    settings = {key: value for key, value in settings.items() if key != "eigenvalues"}
    scores = {part.score: part.own for part in parts.values()}
    found = fast.spectral_scores(rows, groups.offsets, scores=scores, nan_policy=groups.nan_policy, **settings)
    return {name: found[part.score] for name, part in parts.items()}


def unread(kernel: str) -> dict[str, str]:
    """Say which settings a kernel does not read, and which kernels do."""
    return {} if kernel in ("rbf", "laplacian") else {"gamma": "kernel=rbf or kernel=laplacian"}
