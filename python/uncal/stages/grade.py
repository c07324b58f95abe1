"""Grade: which answers are right. questions.parquet, completions.parquet -> grades.parquet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import artefacts, graders, progress, schema
from uncal.artefacts import MadeBy
from uncal.types import Grader


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the grade stage; the flags of ``uncal grade`` are these fields.

    Attributes
    ----------
    grader : str, default="exact_match"
    grader_settings : mapping, default={}
        Settings of the grader, such as containment=false.
    """

    grader: str = "exact_match"
    grader_settings: Mapping[str, Any] = field(default_factory=dict)


def grade_batch(batch: pa.Table, config: Config, grader: Grader) -> pa.Table:
    """Grade the answer and the completions of some questions.

    Parameters
    ----------
    batch : pyarrow.Table
        `id`, `answers` (accepted), `answer` and `completions`.
    config : Config
    grader : Grader

    Returns
    -------
    pyarrow.Table
        As many rows. `correct` is null where no answer is accepted or none was given (a failed row).
    """
    texts, accepted, sizes = [], [], []
    columns = (batch[name].to_pylist() for name in ("answers", "answer", "completions"))
    for answers, answer, completions in zip(*columns, strict=True):
        gradable = bool(answers) and answer is not None
        mine = [answer, *completions] if gradable else []
        texts += mine
        accepted += [answers] * len(mine)
        sizes.append(len(mine))
    verdicts = np.split(grader(texts, accepted), np.cumsum(sizes)[:-1])
    return pa.Table.from_pylist(
        [
            {
                "id": name,
                "correct": bool(verdict[0]) if len(verdict) else None,
                "completions_correct": verdict[1:].tolist() if len(verdict) else None,
                "grader": config.grader,
            }
            for name, verdict in zip(batch["id"].to_pylist(), verdicts, strict=True)
        ],
        schema.grades,
    )


def grade(
    questions: Path, completions: Path, out: Path, config: Config | None = None, *, overwrite: bool = False
) -> Path:
    """Grade every answer and completion."""
    config = config or Config()
    making = MadeBy.of("grade", config, {"questions": questions, "completions": completions})
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    grader = graders.make(config.grader, **config.grader_settings)
    files = {"questions": (questions, ["answers"]), "completions": (completions, ["answer", "completions"])}
    with (
        artefacts.writer(out, schema.grades, making) as write,
        progress.bar("grade", artefacts.count_rows(questions)) as bar,
    ):
        for tables in artefacts.read_together(1024, **files):
            batch = tables["completions"].append_column("answers", tables["questions"]["answers"])
            write(grade_batch(batch, config, grader))
            bar.update(batch.num_rows)
    return out
