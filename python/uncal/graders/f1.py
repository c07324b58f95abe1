"""Right if enough words of the text and of an accepted answer are the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uncal.normal import normalize
from uncal.types import BoolArray, Grader


def token_f1(text: str, answer: str) -> float:
    """F1 of the words that two texts share, after SQuAD's normalisation; 0 for a blank text.

    Where normalisation leaves nothing of `answer` ("The", "?") both are compared as they stand, stripped.

    References
    ----------
    Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, EMNLP 2016; its evaluation script.

    Examples
    --------
    >>> token_f1("the city of Paris", "Paris, France")
    0.4
    """
    said, wanted = normalize(text).split(), normalize(answer).split()
    if not wanted:
        return float(bool(answer.strip()) and text.strip() == answer.strip())
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted))


@dataclass(frozen=True, kw_only=True)
class F1(Grader):
    """Token F1 with an accepted answer, the best of them, of at least a threshold.

    Attributes
    ----------
    threshold : float, default=0.5
        In (0, 1]. Status: inferred; papers that grade so take 0.3 to 0.5, and their numbers do not compare.

    Examples
    --------
    >>> F1()(["the city of Paris", "Paris", ""], [["Paris, France"]] * 3)
    array([False,  True, False])
    """

    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}; it must lie in (0, 1]")

    def __call__(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], _questions: Sequence[str] | None = None, /
    ) -> BoolArray:
        """Grade texts, (K,) each with its accepted answers -> (K,) bool."""
        scores = [
            max((token_f1(text, answer) for answer in accepted), default=0.0)
            for text, accepted in zip(texts, answers, strict=True)
        ]
        return np.array([score >= self.threshold for score in scores], dtype=bool)
