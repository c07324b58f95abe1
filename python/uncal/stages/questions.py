"""Questions: what is asked, in four disjoint splits. JSONL, CSV, Parquet, a known set, ... -> questions.parquet."""

import hashlib
import heapq
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from uncal import artefacts, question_sets, schema, tables
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
    question_set : str or None, default=None
        The file or folder holds this set as the Hugging Face hub has it, such as trivia_qa, and its columns are known;
        `uncal list question_sets` shows them. Without a file or folder of its name, the set's name as source loads it
        from the hub.
    subset : str or None, default=None
        Of a set from the hub, another than the one that is usual.
    hub_split : str or None, default=None
        The same for the hub's split, such as train. It has nothing to do with the four splits here.
    context : bool, default=False
        Put the paragraphs of hotpot_qa, or the support of sciq, before the question.
    seed : int, default=0
    """

    shares: tuple[float, float, float, float] = (0.25, 0.45, 0.10, 0.20)
    limit: int | None = None
    id_column: str = "id"
    prompt_column: str = "prompt"
    answers_column: str = "answers"
    split_column: str | None = None
    question_set: str | None = None
    subset: str | None = None
    hub_split: str | None = None
    context: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.shares) != len(schema.SPLITS) or any(not 0 <= share <= 1 for share in self.shares):
            raise ConfigError(f"shares is {self.shares}; give four numbers in [0, 1] for {', '.join(schema.SPLITS)}")
        if abs(sum(self.shares) - 1) > 1e-9:
            raise ConfigError(f"shares add up to {sum(self.shares):g}; they must add up to 1")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit is {self.limit}; it must be at least 1")
        if self.question_set is not None and self.question_set not in question_sets.SETS:
            raise ConfigError(
                f"question_set is {self.question_set!r}; it must be one of {', '.join(question_sets.SETS)}"
            )


Numbered = Iterator[tuple[int, dict[str, Any]]]


def questions(source: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Read questions from `source`, check them, split them.

    Parameters
    ----------
    source : Path
        A file, a folder that `datasets` saved, or the name of a known set, which comes from the hub.
    out : Path
    config : Config, optional
    overwrite : bool, default=False

    Raises
    ------
    ArtefactError
        If a question has no prompt, an id comes twice, there is no question at all, or a set cannot be loaded.
    """
    config = config or Config()
    rows, making, config = _opened(source, config)
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    chosen = _chosen(rows, source, config)
    count, splits, again = 0, Counter[str](), Counter[str]()
    with artefacts.writer(out, schema.questions, making) as write:
        found = (row for number, row in _read(rows(), source, config, again) if chosen is None or number in chosen)
        while part := list(islice(found, 4096)):
            write(pa.Table.from_pylist(part, schema.questions))
            count += len(part)
            splits.update(row["split"] for row in part)
        if not count:
            raise ArtefactError(f"no questions in {source}")
    log.info("questions: %d (%s)", count, ", ".join(f"{split} {splits[split]}" for split in schema.SPLITS))
    if config.question_set is not None:
        if again:
            log.warning("questions: %d rows whose question came before are left out", again.total())
        known = question_sets.SETS[config.question_set]
        log.info("questions: %s, licence %s", config.question_set, known.licence)
        log.info("questions: cite %s", known.citation)
        if known.grader != "exact_match":
            log.info("questions: its answers are for --grader %s", known.grader)
    return out


def is_set(source: Path) -> bool:
    """Say whether a source is the name of a set on the hub, and nothing on disk."""
    return not source.exists() and str(source) in question_sets.SETS


def _opened(source: Path, config: Config) -> tuple[Callable[[], Numbered], MadeBy, Config]:
    """Rows of the source, which can be read again, and what they come from."""
    if is_set(source):
        name = str(source)
        if config.question_set not in (None, name):
            raise ConfigError(f"question_set is {config.question_set!r} and the source is {name}; name one")
        config = replace(config, question_set=name)
        _, fingerprint = question_sets.from_hub(name, config.subset, config.hub_split)
        making = replace(MadeBy.of("questions", config, {}), inputs={"source": fingerprint})

        def of_hub() -> Numbered:
            loaded, _ = question_sets.from_hub(name, config.subset, config.hub_split)
            return ((number, dict(row)) for number, row in enumerate(loaded, 1))

        rows: Callable[[], Numbered] = of_hub
    else:
        for setting in ("subset", "hub_split"):
            if getattr(config, setting) is not None:
                raise ConfigError(f"{setting} is of a set from the hub, and {source} is not the name of one")
        making = MadeBy.of("questions", config, {"source": source})

        def of_file() -> Numbered:
            return tables.rows(source)

        rows = of_file
    if config.context and (config.question_set is None or not question_sets.SETS[config.question_set].has_context):
        having = [name for name, known in question_sets.SETS.items() if known.has_context]
        raise ConfigError(f"context is for the question sets {', '.join(having)}")
    return rows, making, config


def _read(rows: Numbered, source: Path, config: Config, again: Counter[str]) -> Numbered:
    """Check and split rows; `again` counts questions of a set without ids that come again, which are passed over."""
    seen: dict[bytes, int] = {}
    for number, row in rows:
        where = f"{source}, row {number}"
        found = _of_set(row, where, config) if config.question_set is not None else _of_columns(row, where, config)
        key = hashlib.blake2b(found["id"].encode(), digest_size=12).digest()
        if key in seen and config.question_set is not None and found["id"] == question_sets.id_of(found["prompt"]):
            again[found["id"]] += 1
            continue
        if key in seen:
            raise ArtefactError(f"{where}: id {found['id']!r} came before, in row {seen[key]}; ids must be unique")
        seen[key] = number
        split = _split(found["id"], config) if config.split_column is None else row.get(config.split_column)
        if split not in schema.SPLITS:
            raise ArtefactError(
                f"{where}: column {config.split_column!r} is {split!r}, not one of {', '.join(schema.SPLITS)}"
            )
        yield number, found | {"split": split}


def _of_set(row: dict[str, Any], where: str, config: Config) -> dict[str, Any]:
    try:
        return question_sets.question(str(config.question_set), row, context=config.context)
    except ArtefactError as error:
        raise ArtefactError(f"{where}: {error}") from error


def _of_columns(row: dict[str, Any], where: str, config: Config) -> dict[str, Any]:
    if config.prompt_column not in row:
        raise ArtefactError(f"{where}: no column {config.prompt_column!r}; there are {', '.join(map(str, row))}")
    prompt = row[config.prompt_column]
    if not isinstance(prompt, str) or not prompt.strip():
        raise ArtefactError(f"{where}: column {config.prompt_column!r} is {prompt!r}; a question is a text")
    name = row.get(config.id_column)
    name = question_sets.id_of(prompt) if name is None or name == "" else str(name)
    return {"id": name, "prompt": prompt, "answers": _answers(row.get(config.answers_column), where, config)}


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


def _chosen(rows: Callable[[], Numbered], source: Path, config: Config) -> set[int] | None:
    if config.limit is None:
        return None
    ranked = ((_hash(row["id"], config.seed + 1), number) for number, row in _read(rows(), source, config, Counter()))
    return {number for _, number in heapq.nsmallest(config.limit, ranked)}
