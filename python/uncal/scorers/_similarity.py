"""How alike the completions of a group are, and what the graph of that says."""

from collections.abc import Mapping
from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from uncal import fast
from uncal.scorers._shared import Part
from uncal.scorers._tokens import as_list
from uncal.types import FloatArray, Groups

Similarity = Literal["cosine", "jaccard", "rouge_l", "entail"]

ToAnswer = Literal["rouge_l", "jaccard", "entail"]

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
            return probabilities(groups, "entail", 1.0)  # each entails itself


def needs_to_answer(similarity: str) -> frozenset[str]:
    """Columns that the similarities of a frozen answer to the samples are made of."""
    if similarity not in get_args(ToAnswer):
        raise ValueError(f"similarity is {similarity!r}; it must be one of {', '.join(get_args(ToAnswer))}")
    return frozenset({"answer_entail"} if similarity == "entail" else {"answer", "texts"})


def to_answer(groups: Groups, similarity: ToAnswer) -> FloatArray:
    """Say how like each completion is to the frozen answer of its group, (K,)."""
    if similarity == "entail":
        values = np.asarray(groups.column("answer_entail"), np.float64)
        wrong = np.flatnonzero(~((values >= 0.0) & (values <= 1.0)))
        if wrong.size:
            raise ValueError(f"answer_entail: row {wrong[0]} is {values[wrong[0]]}, must be a probability in [0, 1]")
        return values
    texts, answers = as_list(groups.column("texts")), as_list(groups.column("answer"))
    owners = np.repeat(np.arange(len(groups.offsets) - 1), np.diff(groups.offsets)).tolist()
    pairs = [[answers[owner], text] for owner, text in zip(owners, texts, strict=True)]
    if not pairs:
        return np.zeros(0)
    of = fast.rouge_l_similarity if similarity == "rouge_l" else fast.jaccard_similarity
    return of(pairs)[:, 0, 1]


def probabilities(groups: Groups, name: str, diagonal: float) -> NDArray[Any]:
    """Copy a column of matrices of probabilities, with this on their diagonals, whatever they have there."""
    values = np.array(groups.column(name)).reshape(-1)
    sizes = np.diff(groups.offsets)
    starts = np.cumsum(sizes * sizes) - sizes * sizes
    place = np.arange(groups.offsets[-1]) - np.repeat(groups.offsets[:-1], sizes)
    values[np.repeat(starts, sizes) + place * (np.repeat(sizes, sizes) + 1)] = diagonal
    wrong = np.flatnonzero(~((values >= 0.0) & (values <= 1.0)))
    if wrong.size > 0:
        group = int(np.searchsorted(starts, wrong[0], side="right")) - 1
        row, column = divmod(int(wrong[0] - starts[group]), int(sizes[group]))
        entry = f"entry ({row}, {column}) of group {group} is {values[wrong[0]]}"
        raise ValueError(f"{name}: {entry}, must be a probability in [0, 1]")
    return values


def graph(groups: Groups, parts: Mapping[str, Part], settings: dict[str, Any]) -> dict[str, FloatArray]:
    """Measure the similarity graph: one spectrum for all parts."""
    values = matrices(groups, settings["similarity"])
    names: list[Any] = list(dict.fromkeys(part.score for part in parts.values()))
    found = fast.graph_scores(values, groups.offsets, names=names, cut=settings.get("cut", 0.9))
    return {name: found[part.score] for name, part in parts.items()}
