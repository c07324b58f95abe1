"""Semantic entropy: the entropy of the meanings that a group's completions fall into."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from uncal import fast
from uncal.scorers._clusters import Clustered
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class SemanticEntropy(Clustered):
    """Entropy of the clusters of completions that mean the same: ``-sum(p_C ln p_C)``, with p_C the share of cluster C.

    Cost O(N^2 D) a group with clusters of embeddings, O(N^2) with given entailment. Use it as published with an
    entailment model; clusters of embeddings need none, but their threshold has to fit the embedder. It cannot tell
    groups apart in which all completions differ. See `uncal.fast.semantic_entropy`, `uncal.fast.cluster_embeddings` and
    `uncal.fast.cluster_entailment`.

    Attributes
    ----------
    clusters : {"embeddings", "entail"}, default="embeddings"
        What they are made of. "entail" (columns `entail` and `contra`) is the published way; status of the default:
        proposal.
    threshold : float or None, default=None
        With embeddings, the cosine from which two mean the same, 0.9 unless set; with the rule "soft", the probability,
        0.5 unless set.
    linkage : {"leader", "single", "average", "complete"}, default="leader"
        Of clusters of embeddings. With "leader" the order of a group's completions can matter.
    rule : {"strict", "relaxed", "non_contra", "soft"}, default="strict"
    algorithm : {"first", "overwrite", "sequential", "components", "complete"}, default="first"
        Of clusters by entailment. With any but "components" the order of a group's completions can matter, where
        entailment is not transitive; `uncal.fast.order_sensitive` looks for such groups.
    estimator : {"discrete", "rao_blackwell", "kuhn", "mean", "direct", "naive"}, default="discrete"
        "discrete" counts; the others weigh by the column `logprobs`, and count equal texts as often as they were
        sampled.

    References
    ----------
    Farquhar, Kossen, Kuhn and Gal, Detecting hallucinations in large language models using semantic entropy, Nature
    2024; Kuhn, Gal and Farquhar, ICLR 2023, arXiv 2302.09664. Status: verified in the authors' code.
    """

    range: ClassVar[str] = "0 to ln N (estimators discrete and rao_blackwell)"
    unit: ClassVar[str] = "nat"
    source: ClassVar[str] = "Farquhar et al., Nature 2024 (verified; clusters of embeddings: proposal)"
    cost: ClassVar[str] = "O(N^2 D) a group by embeddings, O(N^2) by entailment; an embedder or an entailment model"

    estimator: Literal["discrete", "rao_blackwell", "kuhn", "mean", "direct", "naive"] = "discrete"

    @property
    def needs(self) -> frozenset[str]:
        """What the clusters are made of, and log-probabilities unless they are only counted."""
        return super().needs | (frozenset() if self.estimator == "discrete" else {"logprobs"})

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        logprobs = None if self.estimator == "discrete" else groups.column("logprobs")
        clusters = self.clusters_of(groups)
        return fast.semantic_entropy(clusters, groups.offsets, logprobs=logprobs, estimator=self.estimator)
