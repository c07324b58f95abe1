"""Pairs are judged once, and some not at all."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from uncal.entailers._cache import PairCache
from uncal.errors import UncalError
from uncal.types import Entailer, FloatArray

SAME = (1.0, 0.0, 0.0)
"""Row of a pair of equal texts, two blank ones too: no judge is asked. Status: proposal."""
BLANK = (0.0, 1.0, 0.0)
"""Row of a pair of which one text is blank: nothing entails it or follows from it. Status: proposal."""
CHUNK = 256
"""Pairs that are judged between two writes to the cache."""


def judge(
    pairs: Sequence[tuple[str, str]],
    entailer: Entailer,
    *,
    contexts: Sequence[str] | None = None,
    cache: Path | None = None,
) -> FloatArray:
    """Judge pairs of texts, equal pairs once and those that need no judge not at all.

    Parameters
    ----------
    pairs : sequence of (str, str), of length K
        Which text might entail which. White space around them does not count.
    entailer : Entailer
    contexts : sequence of str, of length K, optional
        What is put before both texts of a pair, and a space: the question that they answer.
    cache : Path, optional
        File of rows that were judged before, and of those judged now, `CHUNK` by `CHUNK`; made if it is not there. One
        file may serve many entailers, and several processes at a time. Rows without a verdict are not kept.

    Returns
    -------
    ndarray of shape (K, 3)
        Probability of entailment, neutrality and contradiction. Of equal texts `SAME`, of a blank one and another
        `BLANK`; NaN where the entailer had no verdict.

    Raises
    ------
    UncalError
        If the entailer gives what is no such row.

    Notes
    -----
    Status of the texts with their question before them: verified (Farquhar et al. 2024).
    """
    rows = np.empty((len(pairs), 3))
    asked: dict[tuple[str, str], list[int]] = {}
    for k, (premise, hypothesis) in enumerate((a.strip(), b.strip()) for a, b in pairs):
        if premise == hypothesis:
            rows[k] = SAME
        elif not premise or not hypothesis:
            rows[k] = BLANK
        else:
            before = contexts[k].strip() if contexts is not None else ""
            pair = (f"{before} {premise}", f"{before} {hypothesis}") if before else (premise, hypothesis)
            asked.setdefault(pair, []).append(k)
    given = _judged(list(asked), entailer, cache if entailer.lasting else None)
    for places, row in zip(asked.values(), given, strict=True):
        rows[places] = row
    return rows


def _judged(pairs: list[tuple[str, str]], entailer: Entailer, cache: Path | None) -> FloatArray:
    """Judge distinct pairs, those that the cache knows excepted."""
    rows = np.full((len(pairs), 3), np.nan)
    if not pairs:
        return rows
    with PairCache(cache, entailer.name) if cache is not None else nullcontext() as kept:
        todo = list(range(len(pairs)))
        if kept is not None:
            known = kept.get(pairs)
            for k, row in known.items():
                rows[k] = row
            todo = [k for k in todo if k not in known]
        for start in range(0, len(todo), CHUNK):
            chunk = todo[start : start + CHUNK]
            fresh = _checked(entailer([pairs[k] for k in chunk]), len(chunk), entailer)
            rows[chunk] = fresh
            if kept is not None:
                told = ~np.isnan(fresh[:, 0])
                kept.put([pairs[k] for k, there in zip(chunk, told, strict=True) if there], fresh[told])
    return rows


def _checked(rows: FloatArray, count: int, entailer: Entailer) -> FloatArray:
    rows = np.asarray(rows, np.float64)
    if rows.shape != (count, 3):
        raise UncalError(f"entailer {entailer.name!r} gave an array of shape {rows.shape} for {count} pairs")
    told = rows[~np.isnan(rows).all(axis=1)]
    if not ((told >= 0).all() and np.allclose(told.sum(axis=1), 1, atol=1e-6)):
        raise UncalError(f"entailer {entailer.name!r} gave a row that is no distribution over three")
    return rows
