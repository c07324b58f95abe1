"""How alike the completions of a group are, and what the graph of that says."""

from collections.abc import Mapping
from typing import Any, Literal
from weakref import WeakKeyDictionary

from numpy.typing import NDArray

from uncal import fast
from uncal.scorers._shared import Part
from uncal.types import FloatArray, Groups

Similarity = Literal["cosine", "jaccard", "rouge_l", "entail"]

_NEEDS = {"cosine": "embeddings", "jaccard": "texts", "rouge_l": "texts", "entail": "entail"}
_made: WeakKeyDictionary[Groups, dict[str, NDArray[Any]]] = WeakKeyDictionary()


def needs(similarity: str) -> frozenset[str]:
    """Columns that a similarity is made of."""
    return frozenset({_NEEDS[similarity]})


def check(similarity: str, known: tuple[str, ...] = tuple(_NEEDS)) -> None:
    """Raise a `ValueError` unless there is such a similarity."""
    if similarity not in known:
        raise ValueError(f"similarity is {similarity!r}; it must be one of {', '.join(known)}")


def matrices(groups: Groups, similarity: str) -> NDArray[Any]:
    """Give the (n, n) matrix of each group, flat; made once for the same groups."""
    made = _made.setdefault(groups, {})
    if similarity not in made:
        made[similarity] = _matrices(groups, similarity)
    return made[similarity]


def _matrices(groups: Groups, similarity: str) -> NDArray[Any]:
    match similarity:
        case "cosine":
            return fast.cosine_similarity(groups.column("embeddings"), groups.offsets)
        case "jaccard":
            return fast.jaccard_similarity(groups.column("texts"), groups.offsets)
        case "rouge_l":
            return fast.rouge_l_similarity(groups.column("texts"), groups.offsets)
        case _:
            values: NDArray[Any] = groups.column(similarity)
            return values


def graph(groups: Groups, parts: Mapping[str, Part], settings: dict[str, Any]) -> dict[str, FloatArray]:
    """Measure the similarity graph: one spectrum for all parts."""
    values = matrices(groups, settings["similarity"])
    names: list[Any] = list(dict.fromkeys(part.score for part in parts.values()))
    found = fast.graph_scores(values, groups.offsets, names=names, cut=settings.get("cut", 0.9))
    return {name: found[part.score] for name, part in parts.items()}
