"""Dedup: questions of one split that have a near twin in another, which leak what they ask.

A twin is found by the cosine of the embeddings of two questions. Embeddings are written to a temporary file as they are
made; all pairs are compared up to 4e9 of them, and more go through an index of faiss.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from uncal import artefacts, embedders, progress, schema, tables, twins
from uncal.artefacts import MadeBy
from uncal.errors import ArtefactError, ConfigError
from uncal.types import Embedder

log = logging.getLogger("uncal")
STAGE = "dedup"
BATCH = 4096
"""Questions that are embedded at a time."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of ``uncal dedup``; its flags are these fields.

    Attributes
    ----------
    embedder : str, default="sentence_transformers"
    embedder_settings : mapping, default={}
        Settings of the embedder, such as model=FOLDER.
    threshold : float, default=0.95
        Cosine from which on two questions are twins. Status: inferred; it belongs to an embedder, so look at what is
        found.
    queries : tuple of str, default=("test",)
        Splits whose questions must have no twin.
    references : tuple of str, default=("calibrate", "train", "validate")
        Splits in which twins are looked for.
    id_column : str, default="id"
    prompt_column : str, default="prompt"
    split_column : str, default="split"
        Not read where a second file is given: then all of the first one is compared with all of the second.
    """

    embedder: str = "sentence_transformers"
    embedder_settings: Mapping[str, Any] = field(default_factory=dict)
    threshold: float = 0.95
    queries: tuple[str, ...] = ("test",)
    references: tuple[str, ...] = ("calibrate", "train", "validate")
    id_column: str = "id"
    prompt_column: str = "prompt"
    split_column: str = "split"

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold is {self.threshold}; it must lie in (0, 1]")
        for name in ("queries", "references"):
            if not getattr(self, name):
                raise ConfigError(f"{name} is empty; name at least one split")
        if both := set(self.queries) & set(self.references):
            raise ConfigError(
                f"queries and references both name {', '.join(sorted(both))}; a split is one or the other"
            )


@dataclass(frozen=True)
class Side:
    """Questions of one side, in memory but for their embeddings."""

    ids: list[str]
    splits: list[str]
    rows: NDArray[np.float16]


def dedup(
    source: Path, out: Path, config: Config | None = None, *, against: Path | None = None, overwrite: bool = False
) -> Path:
    """Find the questions that have a near twin on the other side.

    Parameters
    ----------
    source : Path
        questions.parquet, or any file of questions with a column of splits.
    out : Path
        Parquet: `id`, `split`, `twin`, `twin_split`, `similarity`, and both prompts, the nearest pairs first.
    config : Config, optional
    against : Path, optional
        A file of questions to look for twins in; splits are then not read.
    overwrite : bool, default=False
        Write anew what is there, whoever made it.

    Raises
    ------
    ArtefactError
        If a column is missing, or one side has no questions.
    MissingExtraError
        If the questions are so many that faiss is needed, and it is not installed.
    """
    config = config or Config()
    if out.suffix not in (".parquet", ".arrow"):
        raise ConfigError(f"out is {out}; twins are written to a .parquet or an .arrow file")
    inputs = {"questions": source} if against is None else {"questions": source, "against": against}
    making = MadeBy.of(STAGE, config, inputs, foreign=("against",))
    if not artefacts.is_done(out, making, overwrite=overwrite):
        embedder = embedders.make(config.embedder, **config.embedder_settings)
        with tempfile.TemporaryDirectory(prefix="uncal-dedup-") as folder:
            sides = {"queries": Path(folder) / "queries.f16", "references": Path(folder) / "references.f16"}
            mine = _embedded(sides["queries"], source, None if against else config.queries, embedder, config)
            theirs = _embedded(
                *(sides["references"], against or source, None if against else config.references, embedder, config)
            )
            found = list(_twins(mine, theirs, config.threshold))
            del mine, theirs  # their files are mapped
        found = _with_prompts(found, source, against or source, config)
        with artefacts.writer(out, schema.twins, making) as write:
            write(pa.Table.from_pylist(sorted(found, key=lambda row: -row["similarity"]), schema.twins))
    tell(out)
    return out


def tell(out: Path) -> None:
    """Say how many questions have a twin, and show the nearest."""
    counts, first = Counter[tuple[str, str]](), None
    for table in artefacts.read(out):
        counts.update(zip(table["split"].to_pylist(), table["twin_split"].to_pylist(), strict=True))
        first = first or next(iter(table.slice(0, 1).to_pylist()), None)
    if first is None:
        log.info("dedup: no question has a near twin")
        return
    for (mine, theirs), count in counts.most_common():
        log.warning("dedup: %d questions of %s have a near twin in %s; %s lists them", count, mine, theirs, out)
    log.warning(
        "dedup: the nearest, with a cosine of %.3f: %r and %r",
        *(first["similarity"], _short(first["prompt"]), _short(first["twin_prompt"])),
    )


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def sizes(questions: Path, config: Config) -> tuple[int, int]:
    """Count the questions of both sides in a questions.parquet."""
    splits = Counter[str]()
    for table in artefacts.read(questions, ["split"]):
        splits.update(table["split"].to_pylist())
    return sum(splits[name] for name in config.queries), sum(splits[name] for name in config.references)


def _questions(source: Path, splits: tuple[str, ...] | None, config: Config) -> Iterator[tuple[str, str, str]]:
    """Ids, splits and prompts of one side."""
    for number, row in tables.rows(source):
        wanted = [config.prompt_column] if splits is None else [config.prompt_column, config.split_column]
        if lacking := [name for name in wanted if name not in row]:
            raise ArtefactError(
                f"{source}, row {number}: no column {lacking[0]!r}; there are {', '.join(map(str, row))}"
            )
        split = "" if splits is None else str(row[config.split_column])
        if splits is None or split in splits:
            prompt = row[config.prompt_column]
            if not isinstance(prompt, str):
                raise ArtefactError(
                    f"{source}, row {number}: column {config.prompt_column!r} is {prompt!r}; a question is a text"
                )
            yield str(row.get(config.id_column, number)), split, prompt


def _embedded(file: Path, source: Path, splits: tuple[str, ...] | None, embedder: Embedder, config: Config) -> Side:
    """Embed the questions of one side into a file, and map it."""
    ids, owners, dim = [], [], 0
    asked = _questions(source, splits, config)
    with file.open("wb") as sink, progress.bar("dedup", None) as bar:
        while batch := list(islice(asked, BATCH)):
            rows = embedder([prompt for _, _, prompt in batch]).astype(np.float16)
            sink.write(rows.tobytes())
            ids += [name for name, _, _ in batch]
            owners += [split for _, split, _ in batch]
            dim = rows.shape[1]
            bar.update(len(batch))
    if not ids:
        which = f" of the splits {', '.join(splits)}" if splits else ""
        raise ArtefactError(f"{source} has no questions{which}")
    return Side(ids, owners, np.memmap(file, np.float16, "r", shape=(len(ids), dim)))


def _twins(mine: Side, theirs: Side, threshold: float) -> Iterator[dict[str, Any]]:
    row = 0
    with progress.bar("dedup: compare", len(mine.ids)) as bar:
        for found in twins.nearest(mine.rows, theirs.rows):
            for similarity, place in zip(found.similarity.tolist(), found.place.tolist(), strict=True):
                if similarity >= threshold - 1e-3:  # what float16 loses
                    yield {
                        "id": mine.ids[row],
                        "split": mine.splits[row],
                        "twin": theirs.ids[place],
                        "twin_split": theirs.splits[place],
                        "similarity": min(1.0, similarity),
                    }
                row += 1
            bar.update(len(found.place))


def _with_prompts(found: list[dict[str, Any]], source: Path, against: Path, config: Config) -> list[dict[str, Any]]:
    """Read the files once more, for the prompts of those few."""
    wanted = {
        "prompt": (source, {row["id"] for row in found}),
        "twin_prompt": (against, {row["twin"] for row in found}),
    }
    prompts: dict[str, dict[str, str]] = {}
    for name, (file, ids) in wanted.items():
        prompts[name] = {one: prompt for one, _, prompt in _questions(file, None, config) if one in ids} if ids else {}
    return [
        row | {"prompt": prompts["prompt"][row["id"]], "twin_prompt": prompts["twin_prompt"][row["twin"]]}
        for row in found
    ]
