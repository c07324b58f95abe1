"""A confidence in a few levels: as words, and as tokens whose probabilities can be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from uncal.errors import ConfigError
from uncal.types import FloatArray, IntArray

FIVE = ("very low", "low", "medium", "high", "very high")
"""Words for five levels of confidence. Status: inferred; the paper's own are not known for sure."""


@dataclass(frozen=True)
class ConfidenceBins:
    """Levels of confidence: which numbers fall into each, its label, and what it is worth.

    Attributes
    ----------
    edges : tuple of float, of length B + 1
        Rising from 0 to 1. A number on an inner edge belongs to the level above it.
    labels : tuple of str, of length B
        The lowest first.
    values : tuple of float, of length B
        What each label is read as, in [0, 1].

    References
    ----------
    Uncertainty Distillation, arXiv 2503.14749, which has five levels. Status: inferred (equal widths, labels);
    midpoints and `measured` are proposals.

    Examples
    --------
    >>> bins = ConfidenceBins.even(FIVE)
    >>> bins.encode(0.8), bins.decode("very high")
    ('very high', 0.9)
    """

    edges: tuple[float, ...]
    labels: tuple[str, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.edges) < 2 or (self.edges[0], self.edges[-1]) != (0, 1) or not (np.diff(self.edges) > 0).all():
            raise ValueError(f"edges are {self.edges}; they must rise from 0 to 1")
        for name in ("labels", "values"):
            if len(getattr(self, name)) != len(self.edges) - 1:
                raise ValueError(f"{name} are {getattr(self, name)}; there must be one for each of the levels")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels are {self.labels}; no two may be alike")
        if not all(0 <= value <= 1 for value in self.values):
            raise ValueError(f"values are {self.values}; they must lie in [0, 1]")

    @classmethod
    def even(cls, labels: Sequence[str]) -> Self:
        """Make levels of equal width, each worth its midpoint."""
        B = len(labels)
        edges = tuple(b / B for b in range(B + 1))
        return cls(edges, tuple(labels), tuple((2 * b + 1) / (2 * B) for b in range(B)))

    def encode(self, confidence: float) -> str:
        """Label of a confidence in [0, 1]; `ValueError` outside."""
        return self.labels[int(self._level(np.array([confidence], dtype=float))[0])]

    def decode(self, label: str) -> float:
        """Say what a label is worth; `ValueError` for one that there is not."""
        if label not in self.labels:
            raise ValueError(f"label is {label!r}; it must be one of {', '.join(self.labels)}")
        return self.values[self.labels.index(label)]

    def measured(self, confidence: ArrayLike, correct: ArrayLike) -> Self:
        """Make each level worth the share of right answers that it had; an empty one keeps its value.

        Parameters
        ----------
        confidence : array of shape (P,), in [0, 1]
            Of held-out answers, not of those that were trained on.
        correct : array of shape (P,), bool

        Examples
        --------
        >>> ConfidenceBins.even(("low", "high")).measured([0.1, 0.2, 0.9], [True, False, True]).values
        (0.5, 1.0)
        """
        level = self._level(np.asarray(confidence, dtype=float))
        counts = np.bincount(level, minlength=len(self.labels))
        right = np.bincount(level, weights=np.asarray(correct, dtype=float), minlength=len(self.labels))
        values = np.where(counts > 0, right / np.maximum(counts, 1), self.values)
        return type(self)(self.edges, self.labels, tuple(values.tolist()))

    def _level(self, confidence: FloatArray) -> IntArray:
        if not ((confidence >= 0) & (confidence <= 1)).all():
            raise ValueError(
                f"confidence is {confidence[~((confidence >= 0) & (confidence <= 1))][0]}; must be in [0, 1]"
            )
        level: IntArray = np.searchsorted(self.edges[1:-1], confidence, side="right")
        return level


@dataclass(frozen=True)
class LevelTokens:
    """Levels of confidence that one token tells apart.

    The levels are kept here once, for training and for reading: code that trained with 9 as 1.0 and read it as 0.9 has
    been published.

    Attributes
    ----------
    words : tuple of str, of length L
    levels : tuple of float, of length L
        Confidences in [0, 1], rising.
    ids : tuple of int, of length L
        The first token of each word.

    References
    ----------
    ConfTuner, arXiv 2508.18847. Status: verified in its code; the check of collisions is a proposal.
    """

    words: tuple[str, ...]
    levels: tuple[float, ...]
    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.words) == len(self.levels) == len(self.ids) >= 2:
            raise ConfigError(
                f"words {self.words}: there are {len(self.levels)} levels and {len(self.ids)} tokens; there must be "
                "one of each for every word, and two words at least"
            )
        if not (self.levels[0] >= 0 and self.levels[-1] <= 1 and (np.diff(self.levels) > 0).all()):
            raise ConfigError(f"levels are {self.levels}; they must rise within [0, 1]")
        for i, word in enumerate(self.words):
            if self.ids[i] in self.ids[:i]:
                twin = self.words[self.ids.index(self.ids[i])]
                raise ConfigError(
                    f"words {twin!r} and {word!r} begin with the same token of this tokenizer; take words that it "
                    "tells apart by their first token"
                )

    @classmethod
    def from_tokenizer(cls, tokenizer: Any, words: Sequence[str], levels: Sequence[float]) -> Self:
        """Find the first token of each word; `ConfigError` where two words share it.

        Parameters
        ----------
        tokenizer : transformers.PreTrainedTokenizerBase
        words : sequence of str
            In the order of their levels.
        levels : sequence of float
            Confidences in [0, 1], rising.
        """
        first = [list(tokenizer(word, add_special_tokens=False)["input_ids"])[:1] for word in words]
        if empty := [word for word, found in zip(words, first, strict=True) if not found]:
            raise ConfigError(f"words has {empty[0]!r}, which has no token")
        return cls(tuple(words), tuple(levels), tuple(found[0] for found in first))
