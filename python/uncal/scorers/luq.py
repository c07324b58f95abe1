"""LUQ: how little the sentences of long completions are borne out by the others."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._tokens import ends, naming
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class Luq(Scorer):
    """One minus how likely the sentences of a group's completions are entailed by its other completions, on average.

    A sentence is borne out by another completion to ``E / (E + C)``; the columns `sentence_entail` and
    `sentence_contra` hold both for every sentence and completion. Cost O(N M) for M sentences of a group, and as many
    pairs to judge. Use it for answers of several sentences. See `uncal.fast.sentence_disagreement`.

    References
    ----------
    Zhang et al., LUQ: Long-text Uncertainty Quantification for LLMs, EMNLP 2024, arXiv 2403.20279. Status: recalled.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"sentence_entail", "sentence_contra"})
    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus probability"
    source: ClassVar[str] = "LUQ, arXiv 2403.20279 (recalled)"
    cost: ClassVar[str] = "O(N M) a group of M sentences; N M pairs to an entailment model"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        entail, contra = groups.column("sentence_entail"), groups.column("sentence_contra")
        with naming(entail="sentence_entail", contra="sentence_contra"):
            return fast.sentence_disagreement(entail, contra, ends(groups, "sentence_offsets"), groups.offsets)
