"""The number of meanings in a group."""

from dataclasses import dataclass
from typing import ClassVar

from uncal import fast
from uncal.scorers._clusters import Clustered
from uncal.types import FloatArray, Groups


@dataclass(frozen=True, kw_only=True)
class NumSemanticSets(Clustered):
    """How many clusters of completions that mean the same a group has: |C|, a whole number.

    Cost O(N^2 D) a group with clusters of embeddings, O(N^2) with given entailment; free beside `semantic_entropy`. Use
    it to look at groups, or as a coarse score: it knows nothing of how big clusters are. See
    `uncal.fast.num_semantic_sets`.

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
        Published with "non_contra".
    algorithm : {"first", "overwrite", "sequential", "components", "complete"}, default="first"
        Of clusters by entailment. With any but "components" the order of a group's completions can matter, where
        entailment is not transitive; `uncal.fast.order_sensitive` looks for such groups.

    References
    ----------
    Kuhn, Gal and Farquhar, ICLR 2023, arXiv 2302.09664; Lin, Trivedi and Sun, Generating with Confidence, TMLR 2024,
    arXiv 2305.19187. Status: verified in the authors' code.
    """

    range: ClassVar[str] = "1 to N"
    unit: ClassVar[str] = "meanings"
    source: ClassVar[str] = "Kuhn et al., arXiv 2302.09664 (verified; clusters of embeddings: proposal)"
    cost: ClassVar[str] = "O(N^2 D) a group by embeddings, O(N^2) by entailment; an embedder or an entailment model"

    def __call__(self, groups: Groups, /) -> FloatArray:
        """Score every group, (P,)."""
        return fast.num_semantic_sets(self.clusters_of(groups), groups.offsets)
