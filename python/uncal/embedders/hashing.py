"""Embeddings without a model: hashed words and letter triples."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uncal.types import Embedder

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class Hashing(Embedder):
    """Embed texts by signed feature hashing of their words and of each word's letter triples.

    It sees spelling, not meaning: "Paris" and "the city of Paris" are near, "car" and "automobile" are not. For trying
    things out without a model, and as a baseline that a real embedder has to beat.

    Attributes
    ----------
    dim : int, default=256

    References
    ----------
    Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009.

    Examples
    --------
    >>> rows = Hashing(dim=64)(["Paris", "paris!", ""])
    >>> rows.shape, bool((rows[0] == rows[1]).all()), float(rows[2].sum())
    ((3, 64), True, 0.0)
    """

    dim: int = 256

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ValueError(f"dim is {self.dim}; it must be at least 1")

    @property
    def name(self) -> str:
        """`hashing` and the number of dimensions."""
        return f"hashing-{self.dim}"

    def __call__(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Embed texts, (K,) -> (K, dim) float32 of unit length, zero for a blank text."""
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                for feature in (word, *(f" {word} "[i : i + 3] for i in range(len(word)))):
                    digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
                    row[(digest >> 1) % self.dim] += 1 if digest & 1 else -1
            if norm := float(np.linalg.norm(row)):
                row /= norm
        return rows
