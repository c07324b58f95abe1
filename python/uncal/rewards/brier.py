"""Brier score of the stated confidence against the outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.rewards._stated import OfColumns


@dataclass(frozen=True, kw_only=True)
class Brier(OfColumns):
    """1 - (q - c)^2 with q, one minus the stated uncertainty, and c, whether the answer is right.

    A proper scoring rule: best for a model that states the probability that the answer is wrong. `correct` may be soft,
    a share of graders for instance.

    Attributes
    ----------
    malformed : float, default=0.0
        Equal to the reward of the worst readable number, as in RLCR's code.

    References
    ----------
    Damani et al., RLCR, arXiv 2507.16806, where it is one of three rewards. Status: verified in its code.

    Examples
    --------
    >>> Brier()(["<uncertainty>0.50</uncertainty>", "<uncertainty>1.00</uncertainty>"], correct=[True, True])
    [0.75, 0.0]
    """

    needs: ClassVar[frozenset[str]] = frozenset({"correct"})
    proper: ClassVar[bool] = True
    source: ClassVar[str] = "RLCR, arXiv 2507.16806 (verified)"

    malformed: float = 0.0

    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        if uncertainty is None:
            return self.malformed
        return 1.0 - (1.0 - uncertainty - truth["correct"]) ** 2


def brier_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`Brier` with its defaults, as a plain function."""
    return Brier()(completions, **columns)
