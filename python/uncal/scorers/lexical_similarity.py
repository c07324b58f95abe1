"""Lexical similarity, from the other end: how little the words of two completions have in common."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.types import FloatArray, Groups, Scorer


@dataclass(frozen=True, kw_only=True)
class LexicalSimilarity(Scorer):
    """One minus the mean ROUGE-L of two different completions: ``1 - sum(r_ij for i != j) / (N (N - 1))``.

    `variation_ratio` with `similarity` "rouge_l" is the same number; this one can take the tokens of the package
    rouge-score, with which it was published. Cost O(N^2) comparisons. Use it as the baseline that needs nothing but
    texts. See `uncal.fast.rouge_l_similarity`.

    Attributes
    ----------
    tokens : {"words", "rouge_score"}, default="words"
        Words of any script, or those of rouge-score without its stemmer: runs of a to z and 0 to 9.

    References
    ----------
    Fomicheva et al., Unsupervised Quality Estimation for Neural Machine Translation, TACL 2020. Status: verified in
    lm-polygraph's code, where it is negated rather than taken from 1.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"texts"})
    range: ClassVar[str] = "0 to 1"
    unit: ClassVar[str] = "one minus similarity"
    source: ClassVar[str] = "Fomicheva et al., TACL 2020 (verified)"
    cost: ClassVar[str] = "O(N^2) comparisons a group; nothing"

    tokens: fast.Tokens = "words"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        alike = fast.rouge_l_similarity(groups.column("texts"), groups.offsets, tokens=self.tokens)
        return fast.variation_ratio(alike, groups.offsets)
