"""Squared distance of the stated uncertainty to its target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.rewards._stated import OfColumns


@dataclass(frozen=True, kw_only=True)
class SquaredTarget(OfColumns):
    """1 - (stated - target)^2; `malformed` where no uncertainty can be read.

    It is best for a model that states the mean of the targets it cannot tell apart, where `TargetMatch` is best at
    their median: with targets that are calibrated, the mean is the honest number.

    Attributes
    ----------
    malformed : float, default=0.0
        Equal to the reward of the worst readable number.

    References
    ----------
    Status: proposal.

    Examples
    --------
    >>> SquaredTarget()(["<uncertainty>0.70</uncertainty>", "no idea"], uncertainty=[0.2, 0.2])
    [0.75, 0.0]
    """

    needs: ClassVar[frozenset[str]] = frozenset({"uncertainty"})
    proper: ClassVar[bool] = True
    source: ClassVar[str] = "squared loss on the target (proposal)"

    malformed: float = 0.0

    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        if uncertainty is None:
            return self.malformed
        return 1.0 - (uncertainty - truth["uncertainty"]) ** 2


def squared_target_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`SquaredTarget` with its defaults, as a plain function."""
    return SquaredTarget()(completions, **columns)
