"""Columns that scorers read and the score stage makes of texts, by an embedder or an entailer."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from uncal import embedders, entailers, group_files
from uncal.errors import RowError
from uncal.types import Embedder, Entailer

TEXTS = {"token_texts": 2, "answer_token_texts": 1, "answer_top_texts": 2}
"""Columns of a file that no scorer reads, and things are made of: lists in lists of texts, how many deep."""
OF_SAMPLES = ("token_texts",)
"""Those with an entry for each sample of a group; others are of its frozen answer."""


class Work(NamedTuple):
    """What is made together.

    Attributes
    ----------
    makes : tuple of str
        Columns of a group.
    by : {"embedder", "entailer"}
    reads : tuple of str
        Columns of the file, the question excepted.
    asked : bool
        Whether texts have their question before them.
    """

    makes: tuple[str, ...]
    by: str
    reads: tuple[str, ...]
    asked: bool = True


WORKS = (
    Work(("embeddings",), "embedder", ("texts",), asked=False),
    Work(("relevance",), "embedder", ("token_texts",)),
    Work(("answer_relevance",), "embedder", ("answer_token_texts",)),
    Work(("entail", "contra"), "entailer", ("texts",)),
    Work(("answer_entail", "answer_contra"), "entailer", ("answer", "texts")),
    Work(("sentence_entail", "sentence_contra"), "entailer", ("texts",), asked=False),
    Work(("answer_top_classes",), "entailer", ("answer_token_texts", "answer_top_texts")),
)
MADE = {name: work for work in WORKS for name in work.makes}
"""Columns that can be made."""


@dataclass(frozen=True)
class Maker:
    """Makes the columns that are wanted.

    Attributes
    ----------
    works : collection of Work
    wanted : frozenset of str
        Of what they make.
    embedder : Embedder or None
    entailer : Entailer or None
    cache : Path
        Of the entailer's pairs.
    """

    works: Collection[Work]
    wanted: frozenset[str]
    embedder: Embedder | None
    entailer: Entailer | None
    cache: Path

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Put them beside what a batch has, with `question` where texts are read with theirs."""
        questions = _questions(batch) if "question" in batch.column_names else None
        for work in self.works:
            made = _HOW[work.makes[0]](self, batch, questions if work.asked else None)
            for name in sorted(self.wanted & made.keys()):
                batch = batch.append_column(name, made[name])
        return batch


Columns = Mapping[str, pa.Array]
Questions = Sequence[str] | None


def _embeddings(maker: Maker, batch: pa.Table, _: Questions) -> Columns:
    assert maker.embedder is not None
    return {"embeddings": embedders.embed_groups(batch["texts"].to_pylist(), maker.embedder)}


def _relevance(maker: Maker, batch: pa.Table, questions: Questions) -> Columns:
    assert maker.embedder is not None
    groups = _lists(batch, "token_texts")
    flat = [tokens for group in groups for tokens in group or ()]
    asked = None
    if questions is not None:
        asked = [question for question, group in zip(questions, groups, strict=True) for _ in group or ()]
    made = iter(embedders.relevances(flat, maker.embedder, questions=asked))
    return {"relevance": _floats([None if group is None else [next(made) for _ in group] for group in groups], 2)}


def _answer_relevance(maker: Maker, batch: pa.Table, questions: Questions) -> Columns:
    assert maker.embedder is not None
    made = embedders.relevances(_lists(batch, "answer_token_texts"), maker.embedder, questions=questions)
    return {"answer_relevance": _floats(made, 1)}


def _pairs(maker: Maker, batch: pa.Table, questions: Questions) -> Columns:
    assert maker.entailer is not None
    judged = entailers.judge_groups(_texts(batch), maker.entailer, questions=questions, cache=maker.cache)
    return {name: _floats(values, 1) for name, values in judged.items()}


def _answers(maker: Maker, batch: pa.Table, questions: Questions) -> Columns:
    assert maker.entailer is not None
    judged = entailers.judge_answers(
        batch["answer"].to_pylist(), _texts(batch), maker.entailer, questions=questions, cache=maker.cache
    )
    return {name: _floats(values, 1) for name, values in judged.items()}


def _sentences(maker: Maker, batch: pa.Table, _: Questions) -> Columns:
    assert maker.entailer is not None
    judged = entailers.judge_sentences(_texts(batch), maker.entailer, cache=maker.cache)
    return {
        name: _floats([None if group is None else [one.tolist() for one in group] for group in values], 3)
        for name, values in judged.items()
    }


def _classes(maker: Maker, batch: pa.Table, questions: Questions) -> Columns:
    assert maker.entailer is not None
    mine, others = _lists(batch, "answer_token_texts"), _lists(batch, "answer_top_texts")
    for row, (tokens, top) in enumerate(zip(mine, others, strict=True)):
        if tokens is not None and top is not None and len(tokens) != len(top):
            raise RowError(
                row, f"answer_top_texts: has {len(top)} entries, one for each of {len(tokens)} tokens is due"
            )
    judged = entailers.judge_alternatives(mine, others, maker.entailer, questions=questions, cache=maker.cache)
    return {name: _floats(values, 2) for name, values in judged.items()}


_HOW: Mapping[str, Callable[[Maker, pa.Table, Questions], Columns]] = {
    "embeddings": _embeddings,
    "relevance": _relevance,
    "answer_relevance": _answer_relevance,
    "entail": _pairs,
    "answer_entail": _answers,
    "sentence_entail": _sentences,
    "answer_top_classes": _classes,
}
"""By the first column that is made."""


def _floats(values: Iterable[Any], depth: int) -> pa.Array:
    kind = pa.float64()
    for _ in range(depth):
        kind = pa.large_list(kind)
    return pa.array(values, kind)


def _texts(batch: pa.Table) -> list[list[str] | None]:
    """Texts of each group; None for one that holds a null."""
    return [None if group is None or None in group else group for group in batch["texts"].to_pylist()]


def _questions(batch: pa.Table) -> list[str]:
    if batch["question"].null_count:
        row = batch["question"].to_pylist().index(None)
        raise RowError(row, "question: is null; texts are read with it (--no-conditioned reads them without)")
    questions: list[str] = batch["question"].cast(pa.string()).to_pylist()
    return questions


def _lists(batch: pa.Table, name: str) -> list[Any]:
    """Give lists of texts, also where a file has them as text; None for a row that lacks one of them."""
    found = []
    for row, value in enumerate(batch[name].to_pylist()):
        try:
            found.append(_checked(value, TEXTS[name]))
        except ValueError as error:
            raise RowError(row, f"{name}: {error}") from error
    return found


def _checked(value: Any, depth: int) -> Any:
    if depth == 0 or value is None:
        if value is None or isinstance(value, str):
            return value
        raise ValueError(f"holds {value!r} where the text of a token is due")
    if isinstance(value, str):
        value = group_files.list_of(value) if value.strip() else None
    if value is not None and not isinstance(value, list):
        raise ValueError(f"is {value!r}, no list of texts")
    parts = None if value is None else [_checked(one, depth - 1) for one in value]
    return None if parts is None or None in parts else parts
