"""SaySelf: Brier's score of a confidence in whole tenths, from -1 to 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.rewards._stated import OfColumns


@dataclass(frozen=True, kw_only=True)
class SaySelf(OfColumns):
    """2 (0.5 - (c - q)^2), q the stated confidence and c whether the answer is right; in [-1, 1].

    The confidence is a whole number from 0 to 10. There is nothing in it for right answers: a wrong one that is known
    to be wrong has 1. So the answer is frozen here, where the authors let the model give it in the same completion.
    What they do with 12, which is to make 0.1 of it, is not done: it is malformed.

    Attributes
    ----------
    malformed : float, default=-1.0
        Equal to the reward of the worst readable number.

    References
    ----------
    SaySelf, arXiv 2405.20974. Status: verified in its code.

    Examples
    --------
    >>> SaySelf()(["<confidence>10</confidence>", "<confidence>5</confidence>", "sure"], correct=[True, False, True])
    [1.0, 0.5, -1.0]
    """

    format: ClassVar[str] = "confidence_of_ten"
    needs: ClassVar[frozenset[str]] = frozenset({"correct"})
    proper: ClassVar[bool] = True
    source: ClassVar[str] = "SaySelf, arXiv 2405.20974 (verified)"

    malformed: float = -1.0

    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        if uncertainty is None:
            return self.malformed
        return 2 * (0.5 - (truth["correct"] - (1 - uncertainty)) ** 2)


def say_self_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`SaySelf` with its defaults, as a plain function."""
    return SaySelf()(completions, **columns)
