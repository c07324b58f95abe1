"""The paper's reward: how near the stated uncertainty is to its target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.rewards._stated import OfColumns


@dataclass(frozen=True, kw_only=True)
class TargetMatch(OfColumns):
    """1 - max(dead_zone, |stated - target|); `malformed` where no uncertainty can be read.

    Constant inside the dead zone, so that hair-splitting over digits earns nothing. It is best for a model that states
    the median of the targets it cannot tell apart, not their mean: it regresses on the target and is no proper scoring
    rule for correctness.

    Attributes
    ----------
    dead_zone : float, default=0.05
        In [0, 1].
    malformed : float, default=0.0
        Equal to the reward of the worst readable number. Status: a choice of this library; the paper's could not be
        read.

    References
    ----------
    arXiv 2603.06317. Status of the formula: secondary; known from a reader's notes.

    Examples
    --------
    >>> reward = TargetMatch()
    >>> reward(["<uncertainty>0.70</uncertainty>", "no idea"], uncertainty=[0.2, 0.2])
    [0.5, 0.0]
    """

    needs: ClassVar[frozenset[str]] = frozenset({"uncertainty"})
    proper: ClassVar[bool] = False
    source: ClassVar[str] = "arXiv 2603.06317 (secondary)"

    dead_zone: float = 0.05
    malformed: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.dead_zone <= 1:
            raise ValueError(f"dead_zone is {self.dead_zone}; it must lie in [0, 1]")

    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        if uncertainty is None:
            return self.malformed
        return 1.0 - max(self.dead_zone, abs(uncertainty - truth["uncertainty"]))


def target_match_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`TargetMatch` with its defaults, as a plain function."""
    return TargetMatch()(completions, **columns)
