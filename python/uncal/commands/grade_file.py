"""Or: which samples of a file of your own are right, by the accepted answers in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from uncal import artefacts, formats, group_files
from uncal.artefacts import MadeBy
from uncal.errors import ArtefactError, ConfigError
from uncal.group_files import Layout, Place
from uncal.stages import grade

STAGE = "grade FILE"
NAMES = {
    "answers": ("answers", "accepted", "accepted_answers", "references", "reference", "target", "gold"),
    "answer": ("answer",),
    "prompt": ("prompt", "question"),
}
"""Names that are looked for, the first one wins, where none is given."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of ``uncal grade FILE``; its flags are these fields.

    Attributes
    ----------
    grader : str, default="exact_match"
        `uncal list graders` shows them.
    grader_settings : mapping, default={}
        Settings of the grader, and of the model or embedder that it asks.
    format : str, default="auto"
        auto recognises files that trl, lm-eval or uqlm wrote by their columns; columns takes them as they are. Columns
        that are named below win over those of the format.
    id_column : str or None, default=None
        Column of the id of a row, as `uncal score` looks for it unless set.
    group_column : str or None, default=None
        Where a row is one sample: the column of the id of its group. Rows of a group lie next to each other.
    texts_column : str or None, default=None
        Column of the samples, as `uncal score` looks for it unless set.
    answers_column : str or None, default=None
        Column of the accepted answers, a list or one text; answers, accepted, accepted_answers, references, reference,
        target or gold unless set.
    answer_column : str or None, default=None
        Column of the one answer that `correct` is about; answer unless set. Without one `correct` is null.
    prompt_column : str or None, default=None
        Column of the question, which a judge is shown; prompt or question unless set.
    """

    grader: str = "exact_match"
    grader_settings: Mapping[str, Any] = field(default_factory=dict)
    format: str = "auto"
    id_column: str | None = None
    group_column: str | None = None
    texts_column: str | None = None
    answers_column: str | None = None
    answer_column: str | None = None
    prompt_column: str | None = None

    def __post_init__(self) -> None:
        formats.check(self.format)
        if self.group_column is not None and self.id_column is not None:
            raise ConfigError("group_column and id_column are both set; the name of a group is its id")


def run(path: Path, out: Path | None, config: Config, *, overwrite: bool) -> None:
    """Grade a file; where the result goes must be said."""
    if out is None:
        raise ConfigError("out is not set; say by --out FILE.parquet where the grades go")
    grade_file(path, out, config, overwrite=overwrite)


def grade_file(path: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Grade the samples of a file, and its answers where it has some, by the accepted answers in it.

    Parameters
    ----------
    path : Path
        Parquet, Arrow, JSONL, JSON, CSV, TSV, or a folder that `datasets` saved; also what TRL, lm-evaluation-harness
        and uqlm write.
    out : Path
        As grades.parquet of a run.
    config : Config, optional
    overwrite : bool, default=False
        Write anew what is there, whoever made it.

    Raises
    ------
    ArtefactError
        If the file has no samples or no accepted answers, or a value makes no sense.
    """
    config = config or Config()
    if out.suffix not in (".parquet", ".arrow"):
        raise ConfigError(f"out is {out}; grades are written to a .parquet or an .arrow file")
    opened = formats.open_samples(path, config.format)
    kept = opened.row_columns({name: getattr(config, f"{name}_column") for name in NAMES}, NAMES)
    source = opened.source
    if "answers" not in kept:
        raise ArtefactError(
            f"{path} has no accepted answers (looked for {', '.join(NAMES['answers'])}); it has "
            f"{', '.join(source.names)}: name the column by --answers-column"
        )
    given = {name: getattr(config, f"{name}_column") for name in ("id", "group", "texts")}
    columns = {name: column for name, column in given.items() if column is not None}
    layout = replace(opened.layout(Layout(columns=columns)), kept=kept)

    def batches(rows: int) -> Iterator[pa.Table]:
        for batch in group_files.read(source, ["texts"], layout, rows):
            made = {name: batch[name].to_pylist() for name in ("id", *kept)}
            places = [Place(source.at, row) for row in batch["row"].to_pylist()]
            yield pa.table(
                {
                    "id": batch["id"],
                    "completions": batch["texts"],
                    "answers": pa.array(
                        [_accepted(*pair, kept["answers"]) for pair in zip(made["answers"], places, strict=True)],
                        pa.list_(pa.string()),
                    ),
                    "answer": _texts(made.get("answer"), places, kept.get("answer", "")),
                    "prompt": _texts(made.get("prompt"), places, kept.get("prompt", "")),
                }
            )

    making = MadeBy.of(STAGE, config, {"samples": path}, sampled=("samples",))
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    settings = grade.Config(grader=config.grader, grader_settings=config.grader_settings)
    total = source.rows if "group" not in layout.columns else None
    grade.write_grades(batches, total, out, making, settings, overwrite=overwrite)
    grade.tell(out, batches, config.grader)
    return out


def _accepted(value: Any, place: Place, column: str) -> list[str]:
    """Read the accepted answers of a row: a list, a list written as text, or one answer."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = group_files.list_of(value)
        except ValueError:  # an answer that starts so
            value = [value]
    answers = value if isinstance(value, list) else [value]
    for answer in answers:
        if isinstance(answer, dict | list):
            place.fail(0, column, f"holds {answer!r}; accepted answers are texts or numbers")
    return [str(answer) for answer in answers if answer is not None and str(answer).strip()]


def _texts(values: list[Any] | None, places: list[Place], column: str) -> pa.Array:
    if values is None:
        return pa.nulls(len(places), pa.string())
    for value, place in zip(values, places, strict=True):
        if isinstance(value, dict | list):
            place.fail(0, column, "holds no text")
    return pa.array([None if value is None else str(value) for value in values], pa.string())
