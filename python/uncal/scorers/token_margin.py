"""Margin: how little the most probable tokens of an answer lead."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._tokens import OfTop
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class TokenMargin(OfTop):
    """One minus the mean lead of the most probable token over the second: ``1 - mean(p_1 - p_2)``.

    Two tokens at each place are enough. Cost O(T k). Use it where a server gives no more. See
    `uncal.fast.token_margin`.

    Attributes
    ----------
    of : {"answer", "samples"}, default="answer"
        The frozen answer, or the mean over a group's samples.

    References
    ----------
    Margin sampling of active learning, averaged over tokens. Status: recalled.
    """

    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus probability"
    source: ClassVar[str] = "margin sampling (recalled)"
    cost: ClassVar[str] = "O(T k) an answer; the k most probable tokens at each place"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return 1.0 - self.measured(groups, fast.token_margin)
