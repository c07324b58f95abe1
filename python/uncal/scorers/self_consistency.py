"""Self-consistency: how few completions give the most frequent answer."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from uncal.normal import normalize
from uncal.scorers._tokens import as_list
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class SelfConsistency(Scorer):
    """One minus the share of the most frequent text of a group: ``1 - max(n_C) / N``.

    Texts are compared after normalisation: case, ASCII punctuation, the words a, an and the, and white space do not
    count (SQuAD's rule). Cost O(N). Use it for short answers: numbers, names, letters of choices.

    References
    ----------
    Wang et al., Self-Consistency Improves Chain of Thought Reasoning in Language Models, ICLR 2023, arXiv 2203.11171;
    its vote share as a confidence. Status: recalled.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"texts"})
    range: ClassVar[str] = "0 to 1 - 1 / N"
    unit: ClassVar[str] = "share of completions"
    source: ClassVar[str] = "Self-Consistency, arXiv 2203.11171 (recalled)"
    cost: ClassVar[str] = "O(N) a group; nothing"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        texts = [normalize(text) for text in as_list(groups.column("texts"))]
        sizes = np.diff(groups.offsets)
        if not sizes.all():
            raise ValueError(f"offsets: group {int((sizes == 0).argmax())} is empty")
        starts = groups.offsets[:-1].tolist()
        most = [
            max(Counter(texts[start : start + n]).values()) for start, n in zip(starts, sizes.tolist(), strict=True)
        ]
        return 1.0 - np.array(most, np.float64) / sizes
