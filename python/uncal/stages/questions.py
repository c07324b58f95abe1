"""Questions: what is asked, in four disjoint splits. JSONL, CSV, Parquet, ... -> questions.parquet."""

import hashlib
import heapq
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from uncal import artefacts, schema, tables
from uncal.artefacts import MadeBy
from uncal.errors import ArtefactError, ConfigError

log = logging.getLogger("uncal")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the questions stage; the flags of ``uncal questions`` are these fields.

    Attributes
    ----------
    shares : tuple of four float, default=(0.25, 0.45, 0.10, 0.20)
        Shares of the splits calibrate, train, validate and test. A question's split follows from its id and `seed`
        alone, so shares are kept on average.
    limit : int or None, default=None
        Take so many questions, chosen by the hash of their ids; None takes all.
    id_column : str, default="id"
        Column of the unique name of a question; where the file has none, the prompt's hash is taken.
    prompt_column : str, default="prompt"
    answers_column : str, default="answers"
        Column of the accepted answers: a list, or one text. A question may have none.
    split_column : str or None, default=None
        Column that says the split; None splits by hash.
    seed : int, default=0
    """

    shares: tuple[float, float, float, float] = (0.25, 0.45, 0.10, 0.20)
    limit: int | None = None
    id_column: str = "id"
    prompt_column: str = "prompt"
    answers_column: str = "answers"
    split_column: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.shares) != len(schema.SPLITS) or any(not 0 <= share <= 1 for share in self.shares):
            raise ConfigError(f"shares is {self.shares}; give four numbers in [0, 1] for {', '.join(schema.SPLITS)}")
        if abs(sum(self.shares) - 1) > 1e-9:
            raise ConfigError(f"shares add up to {sum(self.shares):g}; they must add up to 1")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit is {self.limit}; it must be at least 1")


def questions(source: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Read questions from `source`, check them, split them.

    Raises
    ------
    ArtefactError
        If a question has no prompt, an id comes twice, or there is no question at all.
    """
    config = config or Config()
    making = MadeBy.of("questions", config, {"source": source})
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    chosen = _chosen(source, config)
    count, splits = 0, Counter[str]()
    with artefacts.writer(out, schema.questions, making) as write:
        found = (row for number, row in _read(source, config) if chosen is None or number in chosen)
        while rows := list(islice(found, 4096)):
            write(pa.Table.from_pylist(rows, schema.questions))
            count += len(rows)
            splits.update(row["split"] for row in rows)
        if not count:
            raise ArtefactError(f"no questions in {source}")
    log.info("questions: %d (%s)", count, ", ".join(f"{split} {splits[split]}" for split in schema.SPLITS))
    return out


def _read(source: Path, config: Config) -> Iterator[tuple[int, dict[str, Any]]]:
    seen: dict[bytes, int] = {}
    for number, row in tables.rows(source):
        where = f"{source}, row {number}"
        if config.prompt_column not in row:
            raise ArtefactError(f"{where}: no column {config.prompt_column!r}; there are {', '.join(map(str, row))}")
        prompt = row[config.prompt_column]
        if not isinstance(prompt, str) or not prompt.strip():
            raise ArtefactError(f"{where}: column {config.prompt_column!r} is {prompt!r}; a question is a text")
        name = row.get(config.id_column)
        name = hashlib.sha256(prompt.encode()).hexdigest()[:16] if name is None or name == "" else str(name)
        key = hashlib.blake2b(name.encode(), digest_size=12).digest()
        if key in seen:
            raise ArtefactError(f"{where}: id {name!r} came before, in row {seen[key]}; ids must be unique")
        seen[key] = number
        split = _split(name, config) if config.split_column is None else row.get(config.split_column)
        if split not in schema.SPLITS:
            raise ArtefactError(
                f"{where}: column {config.split_column!r} is {split!r}, not one of {', '.join(schema.SPLITS)}"
            )
        answers = row.get(config.answers_column)
        yield number, {"id": name, "prompt": prompt, "answers": _answers(answers, where, config), "split": split}


def _answers(given: object, where: str, config: Config) -> list[str]:
    if given is None or given == "":
        return []
    answers = given if isinstance(given, list) else [given]
    for answer in answers:
        if isinstance(answer, dict | list) or answer is None:
            raise ArtefactError(f"{where}: column {config.answers_column!r} holds {answer!r}; answers are texts")
    return [str(answer) for answer in answers if str(answer).strip()]


def _split(name: str, config: Config) -> str:
    point, end = _hash(name, config.seed), 0.0
    for split, share in zip(schema.SPLITS, config.shares, strict=True):
        end += share
        if point < end:
            return split
    return next(split for split, share in zip(reversed(schema.SPLITS), reversed(config.shares), strict=True) if share)


def _hash(name: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") / 2**64)


def _chosen(source: Path, config: Config) -> set[int] | None:
    if config.limit is None:
        return None
    ranked = ((_hash(row["id"], config.seed + 1), number) for number, row in _read(source, config))
    return {number for _, number in heapq.nsmallest(config.limit, ranked)}
