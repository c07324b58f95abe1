"""Semantic density: how densely samples lie around the answer, by meaning."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from uncal import fast
from uncal.scorers._tokens import as_list, ends, naming, sample_logprobs
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class SemanticDensity(Scorer):
    """One minus the semantic density of the frozen answer: ``1 - sum(p_j k_j) / sum(p_j)``.

    p is each sample's length-normalised probability, ``exp(mean(l_t))``, and k = 1 - C - N / 2 how near it lies, by how
    likely the answer contradicts it (C) or is neutral to it (N). Of equal texts the most probable counts, and the
    answer itself does, with k = 1. Cost O(N T) and N pairs to judge. Use it to score one answer, not a question. See
    `uncal.fast.semantic_density`.

    Attributes
    ----------
    with_answer : bool, default=True
        Whether the answer counts among the samples, as published.

    References
    ----------
    Qiu and Miikkulainen, Semantic Density, NeurIPS 2024, arXiv 2405.13845. Status: verified in lm-polygraph and uqlm.
    """

    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus density"
    source: ClassVar[str] = "Semantic Density, arXiv 2405.13845 (verified)"
    cost: ClassVar[str] = "O(N T) a group; N pairs to an entailment model"

    with_answer: bool = True

    @property
    def needs(self) -> frozenset[str]:
        """What samples are, what the answer says of them, and its own tokens where it counts."""
        own = {"answer_logprobs"} if self.with_answer else set[str]()
        return frozenset({"texts", "token_logprobs", "answer_entail", "answer_contra"} | own)

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        logprobs = _distinct(sample_logprobs(groups, mean=True), groups)
        own = None
        if self.with_answer:
            with naming(logprobs="answer_logprobs", offsets="answer_offsets"):
                values = groups.column("answer_logprobs")
                own = fast.sequence_logprobs(values, ends(groups, "answer_offsets"), mean=True)
        entail, contra = groups.column("answer_entail"), groups.column("answer_contra")
        with naming(entail="answer_entail", contra="answer_contra", logprobs="token_logprobs"):
            return 1.0 - fast.semantic_density(logprobs, entail, contra, groups.offsets, answer_logprobs=own)


def _distinct(logprobs: FloatArray, groups: Groups) -> FloatArray:
    """Leave out, by -inf, all but the most probable of a group's equal texts."""
    texts = as_list(groups.column("texts"))
    kept: dict[tuple[int, str], int] = {}
    owners = np.repeat(np.arange(len(groups.offsets) - 1), np.diff(groups.offsets)).tolist()
    for row, said in enumerate(zip(owners, texts, strict=True)):
        best = kept.setdefault(said, row)
        if logprobs[row] > logprobs[best]:
            kept[said] = row
    found = np.full(len(logprobs), -np.inf)
    found[list(kept.values())] = logprobs[list(kept.values())]
    return found
