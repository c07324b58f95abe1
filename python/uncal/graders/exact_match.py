"""Right if the text says an accepted answer, after SQuAD's normalisation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uncal.normal import normalize
from uncal.types import BoolArray, Grader


@dataclass(frozen=True, kw_only=True)
class ExactMatch(Grader):
    """Exact match against any accepted answer, with a rule for chatty texts.

    Text and accepted answers are normalised by `normalize`. A text is right if it equals an accepted answer, or, with
    ``containment``, if the words of an accepted answer stand in it, all of them, next to each other and in order. That
    is all: the rule does not read. "The capital of France is Paris." is right for "Paris", and so is "Paris is not the
    capital, London is"; "Parisian" is not, and "Paris" is not right for "Paris, France".

    An accepted answer of which normalisation leaves nothing ("The", "?") is compared as it stands, stripped. A blank
    text is wrong.

    Attributes
    ----------
    containment : bool, default=True

    Examples
    --------
    >>> grade = ExactMatch()
    >>> grade(["The capital of France is Paris.", "Parisian", ""], [["Paris"]] * 3)
    array([ True, False, False])
    """

    containment: bool = True

    def __call__(
        self, texts: Sequence[str], answers: Sequence[Sequence[str]], _questions: Sequence[str] | None = None, /
    ) -> BoolArray:
        """Grade texts, (K,) each with its accepted answers -> (K,) bool."""
        return np.array(
            [self._is_right(text, accepted) for text, accepted in zip(texts, answers, strict=True)], dtype=bool
        )

    def _is_right(self, text: str, accepted: Sequence[str]) -> bool:
        said = normalize(text)
        for answer in accepted:
            wanted = normalize(answer)
            if not wanted:
                if answer.strip() and text.strip() == answer.strip():
                    return True
            elif said == wanted or (self.containment and f" {wanted} " in f" {said} "):
                return True
        return False
