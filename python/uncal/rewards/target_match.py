"""The paper's reward: how near the stated uncertainty is to its target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from uncal.parse import parse_uncertainty
from uncal.types import Reward, text_of


@dataclass(frozen=True, kw_only=True)
class TargetMatch(Reward):
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

    dead_zone: float = 0.05
    malformed: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.dead_zone <= 1:
            raise ValueError(f"dead_zone is {self.dead_zone}; it must lie in [0, 1]")

    @property
    def __name__(self) -> str:
        """`target_match`, under which the trainer logs it."""
        return "target_match"

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Reward every completion.

        Parameters
        ----------
        completions : sequence of str or of lists of messages, of length K
            As TRL hands them over; of messages the last one counts.
        **columns
            `uncertainty`, K numbers in [0, 1]: the target of each; None or NaN skips the completion. Others are left
            alone.

        Returns
        -------
        list of float or None, of length K

        Raises
        ------
        ValueError
            If there is no column `uncertainty`.
        """
        if "uncertainty" not in columns:
            raise ValueError("the data set has no column 'uncertainty', the target that target_match rewards")
        return [
            self._reward(text_of(completion), target)
            for completion, target in zip(completions, columns["uncertainty"], strict=True)
        ]

    def _reward(self, text: str, target: float | None) -> float | None:
        if target is None or target != target:
            return None
        stated = parse_uncertainty(text).value
        if stated is None:
            return self.malformed
        return 1.0 - max(self.dead_zone, abs(stated - target))


def target_match_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`TargetMatch` with its defaults, as a plain function."""
    return TargetMatch()(completions, **columns)
