"""Perplexity of an answer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from uncal.scorers._tokens import OfAnswer
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class Perplexity(OfAnswer):
    """Perplexity of the frozen answer: ``exp(-mean(l_t))``.

    The order is that of `length_normalized_nll`. Cost O(T). Use it where others report it. See
    `uncal.fast.sequence_logprobs`.

    References
    ----------
    Fomicheva et al., Unsupervised Quality Estimation for Neural Machine Translation, TACL 2020. Status: recalled.
    """

    range: ClassVar[str] = "1 up"
    unit: ClassVar[str] = "tokens"
    source: ClassVar[str] = "Fomicheva et al., TACL 2020 (recalled)"
    cost: ClassVar[str] = "O(T) an answer; no more than the answer itself"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return np.asarray(np.exp(-self.logprobs(groups, mean=True)))
