"""Right if the text means about the same as an accepted answer, to an embedder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uncal.types import BoolArray, Embedder, Grader


@dataclass(frozen=True, kw_only=True)
class Similarity(Grader):
    """Cosine of the embeddings of a text and of an accepted answer, the nearest of them, of at least a threshold.

    Cheap and coarse: embedders put answers of one kind near each other, right or wrong ("1942" and "1943"). Agreement
    with exact match says how coarse, and the threshold belongs to one embedder.

    Attributes
    ----------
    embedder : Embedder
        ``uncal grade`` makes it from the setting ``embedder``, a name, and the settings of that embedder beside it.
    threshold : float, default=0.8
        In (0, 1]. Status: inferred.

    Examples
    --------
    >>> from uncal.embedders import Hashing
    >>> Similarity(embedder=Hashing())(["paris!", "London", ""], [["Paris"]] * 3)
    array([ True, False, False])
    """

    embedder: Embedder
    threshold: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}; it must lie in (0, 1]")

    def __call__(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], _questions: Sequence[str] | None = None, /
    ) -> BoolArray:
        """Grade texts, (K,) each with its accepted answers -> (K,) bool."""
        distinct = sorted({*texts, *(answer for accepted in answers for answer in accepted)})
        if not distinct:
            return np.zeros(0, dtype=bool)
        rows = self.embedder(distinct).astype(np.float64)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        row = dict(zip(distinct, rows, strict=True))
        nearest = [
            max((float(row[text] @ row[answer]) for answer in accepted), default=0.0)
            for text, accepted in zip(texts, answers, strict=True)
        ]
        # Equal rows have a cosine of 1 but for rounding.
        return np.array([cosine >= self.threshold - 1e-6 for cosine in nearest], dtype=bool)
