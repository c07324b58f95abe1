"""Log score of the stated confidence against the outcome, of frozen answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.rewards._stated import OfColumns


@dataclass(frozen=True, kw_only=True)
class LogScore(OfColumns):
    """ln q if the answer is right, ln(1 - q) if it is wrong, q clipped to [clip, 1 - clip].

    A proper scoring rule, and harsh: a sure answer that is wrong costs most. Answers must be frozen. Beside a reward
    for right answers, of which the model gives one of its choice, the log score would pay for wrong ones: stated
    honestly, an answer with probability p is worth ``p + p ln p + (1 - p) ln(1 - p)``, which falls to -0.31 at
    p = 0.27 and is above that of an answer known to be wrong, 0, only from p = 0.65 on. It has no other order than
    "answer_first", and so cannot be trained together with `Rlcr`. Soft `correct` weighs the two.

    Attributes
    ----------
    clip : float, default=0.001
        In (0, 0.5).
    malformed : float or None, default=None
        None is ln(clip), the reward of the worst readable number.

    References
    ----------
    arXiv 2507.16806, section on bounded scores (verified); the clip is that of arXiv 2503.02623 (verified); the two
    figures are our own derivation.

    Examples
    --------
    >>> reward = LogScore()
    >>> [round(r, 3) for r in reward(["<uncertainty>0.50</uncertainty>", "no idea"], correct=[True, True])]
    [-0.693, -6.908]
    """

    needs: ClassVar[frozenset[str]] = frozenset({"correct"})
    proper: ClassVar[bool] = True
    source: ClassVar[str] = "logarithmic score; clip of arXiv 2503.02623 (verified)"

    clip: float = 0.001
    malformed: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.clip < 0.5:
            raise ValueError(f"clip is {self.clip}; it must lie in (0, 0.5)")

    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        if uncertainty is None:
            return math.log(self.clip) if self.malformed is None else self.malformed
        u = min(max(uncertainty, self.clip), 1 - self.clip)
        return truth["correct"] * math.log1p(-u) + (1 - truth["correct"]) * math.log(u)


def log_score_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`LogScore` with its defaults, as a plain function."""
    return LogScore()(completions, **columns)
