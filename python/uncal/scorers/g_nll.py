"""G-NLL: how improbable the greedy answer is."""

from dataclasses import dataclass
from typing import ClassVar

from uncal.scorers._tokens import OfAnswer
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class GNll(OfAnswer):
    """Minus the log-probability of the frozen answer: ``-sum(l_t)`` over its tokens.

    One answer says it, where others need ten samples. It stands for one minus the probability of the most probable
    answer, which greedy decoding finds nearly, so the answer should be greedy, or drawn at a low temperature; not
    divided by its length, on purpose. Cost O(T). Use it as the baseline that every sampled score has to beat. See
    `uncal.fast.sequence_logprobs`.

    References
    ----------
    Aichberger, Schweighofer and Hochreiter, Rethinking Uncertainty Estimation in Natural Language Generation, arXiv
    2412.15176. Status: secondary.
    """

    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "G-NLL, arXiv 2412.15176 (secondary)"
    cost: ClassVar[str] = "O(T) an answer; no more than the answer itself"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return 0.0 - self.logprobs(groups)
