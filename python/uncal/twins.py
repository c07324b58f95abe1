"""Nearest neighbours among many vectors: exact where that is quick, by an index of faiss where it is not."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from uncal.errors import MissingExtraError
from uncal.types import IntArray

Rows = NDArray[np.float16] | NDArray[np.float32] | NDArray[np.float64]

EXACT_PAIRS = 4_000_000_000
"""Pairs of vectors up to which all are compared: a minute or so for 384 dimensions on two busy cores."""
BATCH = 1024
"""Queries at a time."""
BLOCK = 16_384
"""References at a time."""


class Nearest(NamedTuple):
    """For some queries, one after the other, the nearest reference of each.

    Attributes
    ----------
    similarity : ndarray of shape (n,), float32
        Cosine, exact also where the index is not.
    place : ndarray of shape (n,), int64
        Row of the reference.
    """

    similarity: NDArray[np.float32]
    place: IntArray


def needs_index(queries: int, references: int) -> bool:
    """Say whether so many vectors go through an index of faiss."""
    return queries * references > EXACT_PAIRS


def nearest(queries: Rows, references: Rows, *, index: bool | None = None, probes: int = 16) -> Iterator[Nearest]:
    """Find for each query the reference of the highest cosine, batch by batch.

    Parameters
    ----------
    queries : ndarray of shape (Q, D)
        May be mapped from a file; read once, in order.
    references : ndarray of shape (R, D)
        At least one. May be mapped from a file too: an index keeps 2 D bytes of each in memory, an exact search none.
    index : bool, optional
        Go through an index of faiss, which may miss the nearest one; `needs_index` decides unless set.
    probes : int, default=16
        Cells of the index, of about 4 sqrt(R), that are looked through for a query.

    Yields
    ------
    Nearest
        Of up to `BATCH` queries. A zero vector has a cosine of 0 with every other.

    Raises
    ------
    ValueError
        If there is no reference, or the vectors differ in length.
    MissingExtraError
        If an index is needed and faiss is not installed.

    Examples
    --------
    >>> found = next(nearest(np.array([[1.0, 0.1]]), np.array([[0.0, 1.0], [2.0, 0.0]])))
    >>> found.place.tolist(), round(float(found.similarity[0]), 3)
    ([1], 0.995)
    """
    if not len(references):
        raise ValueError("references is empty; at least one is needed")
    if queries.shape[1] != references.shape[1]:
        raise ValueError(
            f"queries have vectors of {queries.shape[1]} numbers, references of {references.shape[1]}; they must agree"
        )
    if needs_index(len(queries), len(references)) if index is None else index:
        return _by_index(queries, references, probes)
    return _exact(queries, references)


def _exact(queries: Rows, references: Rows) -> Iterator[Nearest]:
    for start in range(0, len(queries), BATCH):
        batch = _unit(queries[start : start + BATCH])
        best = np.full(len(batch), -np.inf, np.float32)
        place = np.zeros(len(batch), np.int64)
        for first in range(0, len(references), BLOCK):
            cosines = batch @ _unit(references[first : first + BLOCK]).T
            found = cosines.argmax(1)
            values = np.take_along_axis(cosines, found[:, None], 1)[:, 0]
            better = values > best
            best[better], place[better] = values[better], first + found[better]
        yield Nearest(best, place)


def _by_index(queries: Rows, references: Rows, probes: int) -> Iterator[Nearest]:
    index = _index(references)
    index.nprobe = min(probes, index.nlist)
    for start in range(0, len(queries), BATCH):
        batch = _unit(queries[start : start + BATCH])
        _, found = index.search(batch, 1)
        place = np.maximum(found[:, 0], 0).astype(np.int64)  # -1 where the cells that were looked through are empty
        similarity = np.einsum("nd,nd->n", batch, _unit(references[place]))
        yield Nearest(similarity, place)


def _index(references: Rows) -> Any:
    """Sort the references into cells around centroids, as float16."""
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "so many questions need an index of the package 'faiss'; `pip install 'uncal[faiss]'`"
        ) from error
    count, dim = references.shape
    cells = max(1, min(round(4 * math.sqrt(count)), count // 39))  # below 39 a cell faiss warns
    centroids = faiss.IndexFlatIP(dim)
    kind = faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexIVFScalarQuantizer(centroids, dim, cells, kind, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = 10
    sample = np.sort(np.random.default_rng(0).choice(count, min(count, 64 * cells), replace=False))
    index.train(_unit(references[sample]))
    for start in range(0, count, BLOCK):
        index.add(_unit(references[start : start + BLOCK]))
    return index


def _unit(rows: Rows) -> NDArray[np.float32]:
    """Rows of length 1 in memory of their own; a zero row stays one."""
    made = np.array(rows, np.float32)
    norms = np.linalg.norm(made, axis=1, keepdims=True)
    made /= np.where(norms > 0, norms, 1)
    return made
