"""Scores of the kernel matrix of a group's embeddings: one pass makes the matrix, and all of them from it."""

from typing import Any

import numpy as np

from uncal import fast
from uncal.types import FloatArray, Groups


def spectral(groups: Groups, scores: tuple[str, ...], settings: dict[str, Any]) -> dict[str, FloatArray]:
    """Run `uncal.fast.spectral_scores`."""
    rows = groups.column("embeddings")
    kept = np.ones(len(groups.offsets) - 1, dtype=bool)
    if groups.nan_policy == "propagate":
        before = np.concatenate([[0], np.cumsum(~np.isfinite(rows).all(axis=1))])[groups.offsets]
        kept = (np.diff(before) == 0) & (np.diff(groups.offsets) > 0)
        groups = groups if kept.all() else groups.take(kept)
    made = {}
    for name in scores:
        values = np.full(len(kept), np.nan)
        if kept.any():
            values[kept] = getattr(fast, name)(
                groups.embeddings,
                groups.offsets,
                **{k: v for k, v in settings.items() if k != "alpha" or name == "renyi_entropy"},
            )
        made[name] = values
    return made
