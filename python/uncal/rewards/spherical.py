"""Spherical score of the stated confidence against the outcome."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.rewards._stated import OfColumns


@dataclass(frozen=True, kw_only=True)
class Spherical(OfColumns):
    """The probability given to what came true, over the length of (q, 1 - q); in [0, 1].

    A proper scoring rule. Soft `correct` weighs the two outcomes.

    Attributes
    ----------
    malformed : float, default=0.0
        Equal to the reward of the worst readable number.

    References
    ----------
    The spherical score of the forecasting literature. Status: recalled; as a reward a proposal.

    Examples
    --------
    >>> reward = Spherical()
    >>> [round(r, 3) for r in reward(["<uncertainty>0.50</uncertainty>"] * 2, correct=[True, False])]
    [0.707, 0.707]
    """

    needs: ClassVar[frozenset[str]] = frozenset({"correct"})
    proper: ClassVar[bool] = True
    source: ClassVar[str] = "spherical score (recalled; as a reward: proposal)"

    malformed: float = 0.0

    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        if uncertainty is None:
            return self.malformed
        right, wrong = 1 - uncertainty, uncertainty
        return (truth["correct"] * right + (1 - truth["correct"]) * wrong) / math.hypot(right, wrong)


def spherical_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`Spherical` with its defaults, as a plain function."""
    return Spherical()(completions, **columns)
