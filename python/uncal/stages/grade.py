"""Grade: which answers are right. questions.parquet, completions.parquet -> grades.parquet."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import artefacts, graders, plugins, progress, schema
from uncal.artefacts import MadeBy, Shards
from uncal.types import BoolArray, Grader

log = logging.getLogger("uncal")
SHARD = 64
"""Questions between two writes to disk, with such a grader."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the grade stage; the flags of ``uncal grade`` are these fields.

    Attributes
    ----------
    grader : str, default="exact_match"
        `uncal list graders` shows them.
    grader_settings : mapping, default={}
        Settings of the grader, such as containment=false. A grader that asks a model or an embedder takes its name by
        backend=NAME or embedder=NAME, and the settings of that, such as model=FOLDER, beside its own.
    """

    grader: str = "exact_match"
    grader_settings: Mapping[str, Any] = field(default_factory=dict)


def make_grader(name: str, settings: Mapping[str, Any]) -> Grader:
    """Make a grader, and the backend or embedder that it asks.

    Parameters
    ----------
    name : str
    settings : mapping
        The grader's; for one with the field `backend` or `embedder` its name, and its settings beside the others.

    Examples
    --------
    >>> make_grader("similarity", {"embedder": "hashing", "dim": 64, "threshold": 0.7})
    Similarity(embedder=Hashing(dim=64), threshold=0.7)
    """
    made: Grader = plugins.make_whole("graders", name, settings)
    return made


def grade_batch(batch: pa.Table, config: Config, grader: Grader) -> pa.Table:
    """Grade the answer and the completions of some questions.

    Parameters
    ----------
    batch : pyarrow.Table
        `id`, `answers` (accepted), `answer` and `completions`; `prompt` too where there are questions.
    config : Config
    grader : Grader

    Returns
    -------
    pyarrow.Table
        As many rows. `correct` is null where no answer is accepted, none was given (a failed row), or the grader could
        not tell.
    """
    texts: list[str] = []
    accepted: list[list[str]] = []
    questions: list[str] = []
    ends = []
    rows = batch.to_pylist()
    for row in rows:
        mine = [row["answer"], *(row["completions"] or ())] if row["answers"] else []
        mine = [text for text in mine if text is not None]
        texts += mine
        accepted += [row["answers"]] * len(mine)
        questions += [row.get("prompt") or ""] * len(mine)
        ends.append(len(texts))
    # A masked array gives None where the grader could not tell. NumPy 2.3 has no types for it.
    masked: Any = np.ma.asarray
    verdicts: list[bool | None] = masked(grader(texts, accepted, questions)).tolist()
    name = graders.identity(config.grader, grader)
    made, start = [], 0
    for row, end in zip(rows, ends, strict=True):
        given = verdicts[start:end]
        first = int(row["answer"] is not None)
        made.append(
            {
                "id": row["id"],
                "correct": given[0] if given and first else None,
                "completions_correct": given[first:] if given and row["completions"] is not None else None,
                "grader": name,
            }
        )
        start = end
    return pa.Table.from_pylist(made, schema.grades)


def grade(
    questions: Path, completions: Path, out: Path, config: Config | None = None, *, overwrite: bool = False
) -> Path:
    """Grade every answer and completion; with a grader that asks a model it goes on after its last whole shard."""
    config = config or Config()
    making = MadeBy.of("grade", config, {"questions": questions, "completions": completions})
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    files = {"questions": (questions, ["prompt", "answers"]), "completions": (completions, ["answer", "completions"])}

    def batches(rows: int) -> Iterator[pa.Table]:
        for tables in artefacts.read_together(rows, **files):
            asked = tables["questions"]
            answered = tables["completions"].append_column("prompt", asked["prompt"])
            yield answered.append_column("answers", asked["answers"])

    write_grades(batches, artefacts.count_rows(questions), out, making, config, overwrite=overwrite)
    tell(out, batches, config.grader)
    return out


def write_grades(
    batches: Callable[[int], Iterator[pa.Table]],
    total: int | None,
    out: Path,
    making: MadeBy,
    config: Config,
    *,
    overwrite: bool,
) -> None:
    """Grade batches, as `grade_batch` takes them, into a file; `batches` gives them by the rows of each."""
    grader = make_grader(config.grader, config.grader_settings)
    with progress.bar("grade", total) as bar:
        if any(hasattr(grader, part) for part in plugins.PARTS):
            with Shards(out, making, schema.grades, overwrite=overwrite) as shards:
                shards.run(batches(SHARD), lambda batch: grade_batch(batch, config, grader), bar.update)
            return
        with artefacts.writer(out, schema.grades, making) as write:
            for batch in batches(1024):
                write(grade_batch(batch, config, grader))
                bar.update(batch.num_rows)


def tell(out: Path, batches: Callable[[int], Iterator[pa.Table]], grader: str) -> None:
    """Say how many answers are right, what the grader could not tell, and how far it agrees with exact match."""
    exact = graders.make("exact_match")
    verdicts: list[BoolArray] = []
    others: list[BoolArray] = []
    unread = 0
    grades = (row for table in artefacts.read(out) for row in table.to_pylist())
    for batch in batches(1024):
        told = []
        for row, given in zip(batch.select(["answer", "answers"]).to_pylist(), grades):  # noqa: B905 - batch by batch
            unread += (given["completions_correct"] or []).count(None)
            if row["answers"] and row["answer"] is not None:
                unread += given["correct"] is None
                told += [(given["correct"], row)] if given["correct"] is not None else []
        verdicts.append(np.array([correct for correct, _ in told], dtype=bool))
        if grader != "exact_match":
            others.append(exact([row["answer"] for _, row in told], [row["answers"] for _, row in told]))
    right = np.concatenate([np.zeros(0, dtype=bool), *verdicts])
    share = f", {right.mean():.1%} right" if len(right) else ""
    log.info("grade: %d answers graded%s", len(right), share)
    if unread:
        log.warning("grade: of %d texts %s could not tell; they are null in %s", unread, grader, out)
    if others and len(right):
        found = graders.agreement(right, np.concatenate(others))
        log.info("grade: agrees with exact match on %.1f%% of them, kappa %.2f", 100 * found.share, found.kappa)
