"""Sequence probability: one minus how probable the answer is."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from uncal.scorers._tokens import OfAnswer
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class SequenceProbability(OfAnswer):
    """One minus the probability of the frozen answer: ``1 - exp(sum(l_t))``.

    The order is that of `g_nll`, the range that of a probability, which it is not of being right: long answers have 1,
    as near as float64 tells. Cost O(T). Use `g_nll` for ranking. See `uncal.fast.sequence_logprobs`.

    References
    ----------
    Maximum sequence probability, as in lm-polygraph. Status: recalled.
    """

    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus probability"
    source: ClassVar[str] = "maximum sequence probability (recalled)"
    cost: ClassVar[str] = "O(T) an answer; no more than the answer itself"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return np.asarray(0.0 - np.expm1(self.logprobs(groups)))
