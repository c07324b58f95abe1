"""A mix of target and outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from uncal.rewards._stated import OfColumns


@dataclass(frozen=True, kw_only=True)
class Mix(OfColumns):
    """share times a reward of the target, and 1 - share times `Brier` of the outcome.

    The target says much about each question and inherits the teacher's faults; the outcome is the truth and says
    little. With distance "squared" it is best to state the mean of both, share by share.

    Attributes
    ----------
    share : float, default=0.5
        Of the target, in [0, 1].
    distance : {"squared", "absolute"}, default="squared"
        To the target: as `SquaredTarget` has it, or `TargetMatch`.
    dead_zone : float, default=0.05
        As in `TargetMatch`; read for distance "absolute" alone.
    malformed : float, default=0.0
        Equal to the reward of the worst readable number.

    References
    ----------
    Status: proposal.

    Examples
    --------
    >>> said = ["<uncertainty>0.50</uncertainty>", "no idea"]
    >>> Mix(share=0.5)(said, uncertainty=[0.0, 0.0], correct=[True, True])
    [0.75, 0.0]
    """

    needs: ClassVar[frozenset[str]] = frozenset({"correct", "uncertainty"})
    source: ClassVar[str] = "a mix of target and outcome (proposal)"

    share: float = 0.5
    distance: Literal["squared", "absolute"] = "squared"
    dead_zone: float = 0.05
    malformed: float = 0.0

    def __post_init__(self) -> None:
        for name in ("share", "dead_zone"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must lie in [0, 1]")

    @property
    def proper(self) -> bool:
        """True unless the distance is absolute."""
        return self.distance == "squared" or self.share == 0

    def _reward(self, uncertainty: float | None, truth: Mapping[str, float]) -> float:
        if uncertainty is None:
            return self.malformed
        off = abs(uncertainty - truth["uncertainty"])
        target = 1 - off**2 if self.distance == "squared" else 1 - max(self.dead_zone, off)
        return self.share * target + (1 - self.share) * (1 - (1 - uncertainty - truth["correct"]) ** 2)


def mix_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`Mix` with its defaults, as a plain function."""
    return Mix()(completions, **columns)
