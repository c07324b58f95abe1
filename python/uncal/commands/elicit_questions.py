"""The questions that `uncal elicit` asks: out of files of every kind, or of a run with its frozen answers."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from uncal import artefacts, schema, tables
from uncal.errors import ArtefactError

POOL = 4096
"""Accepted answers of other questions of which the wrong ones of `misleading` are taken."""


class Asked(NamedTuple):
    """A question of a file; `answer` is one that is judged instead of those that are drawn."""

    id: str
    prompt: str
    answers: list[str]
    answer: str | None
    distractors: list[str]


def files_of(questions: Path) -> dict[str, Path]:
    """Give the files that are read: one, or those of a run."""
    if not (questions / schema.QUESTIONS).exists():
        return {"questions": questions}
    files = {name: questions / f"{name}.parquet" for name in ("questions", "completions")}
    return {name: path for name, path in files.items() if path.exists()}


def read(files: Mapping[str, Path], split: str | None) -> Iterator[Asked]:
    """Read the questions of a split, or all; `ArtefactError` for a row that makes no sense."""
    frozen = _frozen(files["completions"]) if "completions" in files else {}
    for number, row in tables.rows(files["questions"]):
        where = f"{files['questions']}, row {number}"
        prompt = row.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise ArtefactError(f"{where}: column 'prompt' is {prompt!r}; a question is a text")
        if split is not None:
            if "split" not in row:
                raise ArtefactError(f"{where}: no column 'split'; there are {', '.join(map(str, row))}")
            if row["split"] != split:
                continue
        name = str(row.get("id") or hashlib.sha256(prompt.encode()).hexdigest()[:16])
        answer = frozen.get(name) or row.get("answer") or None
        distractors = _texts(row.get("distractors"), "distractors", where)
        yield Asked(name, prompt, _texts(row.get("answers"), "answers", where), answer, distractors)


def _frozen(completions: Path) -> dict[str, str | None]:
    return {
        name: answer
        for table in artefacts.read(completions, ["id", "answer"])
        for name, answer in zip(table["id"].to_pylist(), table["answer"].to_pylist(), strict=True)
    }


def _texts(given: object, name: str, where: str) -> list[str]:
    if given is None or given == "":
        return []
    found = given if isinstance(given, list) else [given]
    if any(isinstance(one, dict | list) or one is None for one in found):
        raise ArtefactError(f"{where}: column {name!r} is {given!r}; it must be a text, or a list of texts")
    return [str(one) for one in found if str(one).strip()]


def pool(rows: Iterator[Asked]) -> list[str]:
    """Give answers that are wrong for other questions."""
    return list(dict.fromkeys(row.answers[0] for row in islice(rows, POOL) if row.answers))
