"""Which completions of a group mean the same."""

from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

from uncal import fast
from uncal.scorers._settings import between
from uncal.types import Groups, IntArray, Scorer

_made: WeakKeyDictionary[Groups, dict[tuple[Any, ...], IntArray]] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class Clustered(Scorer):
    """A scorer of clusters: the settings that make them, and the clusters, made once for the same groups."""

    clusters: Literal["embeddings", "entail"] = "embeddings"
    threshold: float | None = None
    linkage: Literal["leader", "single", "average", "complete"] = "leader"
    rule: Literal["strict", "relaxed", "non_contra", "soft"] = "strict"
    algorithm: Literal["first", "overwrite", "sequential", "components", "complete"] = "first"

    def __post_init__(self) -> None:
        if self.clusters not in ("embeddings", "entail"):
            raise ValueError(f"clusters is {self.clusters!r}; it must be embeddings or entail")
        if self.threshold is not None:
            between(self, "threshold", -1 if self.clusters == "embeddings" else 0, 1)

    @property
    def needs(self) -> frozenset[str]:
        """What the clusters are made of."""
        if self.clusters == "embeddings":
            return frozenset({"embeddings"})
        return frozenset({"entail"} if self.rule == "soft" else {"entail", "contra"})

    @property
    def unread(self) -> dict[str, str]:
        """Settings of the other kind of clusters, and of other rules."""
        if self.clusters == "embeddings":
            return dict.fromkeys(("rule", "algorithm"), "clusters=entail")
        return {"linkage": "clusters=embeddings"} | (
            {} if self.rule == "soft" else {"threshold": "rule=soft or clusters=embeddings"}
        )

    def clusters_of(self, groups: Groups) -> IntArray:
        """Give the cluster of each completion, (K,)."""
        made = _made.setdefault(groups, {})
        key = (self.clusters, self.threshold, self.linkage, self.rule, self.algorithm)
        if key not in made:
            made[key] = self._clusters_of(groups)
        return made[key]

    def _clusters_of(self, groups: Groups) -> IntArray:
        if self.clusters == "embeddings":
            threshold = 0.9 if self.threshold is None else self.threshold
            return fast.cluster_embeddings(
                groups.column("embeddings"), groups.offsets, threshold=threshold, linkage=self.linkage
            )
        return fast.cluster_entailment(
            groups.column("entail"),
            None if self.rule == "soft" else groups.column("contra"),
            groups.offsets,
            rule=self.rule,
            algorithm=self.algorithm,
            threshold=0.5 if self.threshold is None else self.threshold,
        )
