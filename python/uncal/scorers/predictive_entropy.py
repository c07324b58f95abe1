"""Predictive entropy: how improbable sampled completions are on average."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from uncal.scorers._tokens import group_means
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class PredictiveEntropy(Scorer):
    """Monte-Carlo estimate of the entropy of whole answers: ``-mean(l_i)``, l the log-probability of each completion.

    Different words for one meaning count as different, and long completions as improbable. Cost O(N). Use it as the
    baseline of `semantic_entropy`, of which it is the estimator "naive". A group of one completion has minus its
    log-probability.

    References
    ----------
    Malinin and Gales, Uncertainty Estimation in Autoregressive Structured Prediction, ICLR 2021, arXiv 2002.07650.
    Status: verified in lm-polygraph's code.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"logprobs"})
    range: ClassVar[str] = "0 up"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Malinin and Gales, ICLR 2021 (verified)"
    cost: ClassVar[str] = "O(N) a group; N samples with log-probabilities"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        logprobs = np.asarray(groups.column("logprobs"), np.float64)
        wrong = np.flatnonzero(np.isnan(logprobs) | (logprobs == np.inf))
        if wrong.size:
            raise ValueError(f"logprobs: row {wrong[0]} is {logprobs[wrong[0]]}, must be a number or -infinity")
        return 0.0 - group_means(logprobs, groups.offsets)
