"""Rewarding Doubt: the log score of a confidence in whole tenths, scaled, with a bonus for right answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.rewards._stated import OfColumns

CLIP = 0.001
BEST, WORST = math.log1p(-CLIP), math.log(CLIP) / 2  # M and m; the half is theirs, so that sure and wrong is below -1


@dataclass(frozen=True, kw_only=True)
class RewardingDoubt(OfColumns):
    """scale ((s - m) / (M - m) + bonus c), s the log score of the stated confidence, clipped to [0.001, 0.999].

    M = ln 0.999, m = ln(0.001) / 2, c whether the answer is right. The bonus does not depend on what is stated, so the
    score stays proper. The confidence is a whole number from 0 to 10.

    Attributes
    ----------
    scale : float, default=10.0
        5 in the authors' setting with several facts.
    bonus : float, default=0.25
    malformed : float, default=-3.0
        Times `scale`.

    References
    ----------
    Rewarding Doubt, arXiv 2503.02623. Status: verified in its code.

    Examples
    --------
    >>> reward = RewardingDoubt()
    >>> said = ["<confidence>10</confidence>", "<confidence>5</confidence>", "very sure"]
    >>> [round(r, 3) for r in reward(said, correct=[True, False, True])]
    [12.5, 7.995, -30.0]
    """

    format: ClassVar[str] = "confidence_of_ten"
    needs: ClassVar[frozenset[str]] = frozenset({"correct"})
    proper: ClassVar[bool] = True
    source: ClassVar[str] = "Rewarding Doubt, arXiv 2503.02623 (verified)"

    scale: float = 10.0
    bonus: float = 0.25
    malformed: float = -3.0

    def __post_init__(self) -> None:
        if not 0 < self.scale < math.inf:
            raise ValueError(f"scale is {self.scale}; it must be above 0 and finite")

    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        if uncertainty is None:
            return self.scale * self.malformed
        u, c = min(max(uncertainty, CLIP), 1 - CLIP), truth["correct"]
        score = c * math.log1p(-u) + (1 - c) * math.log(u)
        return self.scale * ((score - WORST) / (BEST - WORST) + self.bonus * c)


def rewarding_doubt_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`RewardingDoubt` with its defaults, as a plain function."""
    return RewardingDoubt()(completions, **columns)
