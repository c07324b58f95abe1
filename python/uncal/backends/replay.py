"""Completions from a file instead of a model: those that somebody has drawn already."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from uncal import artefacts, prompts, tables
from uncal.backends._seeds import occurrences
from uncal.errors import ArtefactError
from uncal.types import Backend, Completion, CompletionGroup, Prompt, Sampling

OF_COMPLETIONS = ("logprobs", "tokens", "finish_reasons", "top_logprobs", "token_texts", "top_texts")
OF_ANSWER = ("answer", *(f"answer_{name}" for name in OF_COMPLETIONS))
COLD = 0.5


@dataclass(frozen=True, kw_only=True)
class Replay(Backend):
    """Give completions that stand in a file: completions.parquet, or JSONL, Parquet, CSV and so on of one's own.

    A row holds a prompt and the list of its completions; `answer`, `logprobs`, `finish_reasons`, `tokens`,
    `top_logprobs`, `token_texts` and `answer_...`, as in completions.parquet, are taken where they are there. Prompts
    must be the same to the letter, either as they are asked or as they were before `answer_prompt` was put around them.
    A single completion below temperature 0.5 is the row's `answer`, if it has one; else the first `n` of its
    completions are given, for a prompt that comes again those after them. No completion is given twice and none is made
    up: a prompt with fewer is a group with an error. Seed and top_p are not looked at.

    Attributes
    ----------
    model : str
        What drew them, for the record.
    file : str
        Where they are. It is looked through once, into a temporary file, so memory does not grow with it.
    prompt_column : str, default="prompt"
    completions_column : str, default="completions"
    answer_prompt : str or None, default=None
        What the prompts of the file were asked with; None is what completions.parquet says of itself, and the default
        of `uncal sample` for other files.
    """

    shard_size: ClassVar[int] = 256

    model: str
    file: str
    prompt_column: str = "prompt"
    completions_column: str = "completions"
    answer_prompt: str | None = None

    def __post_init__(self) -> None:
        if self.answer_prompt is not None:
            prompts.check(self.answer_prompt)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the temporary file behind: a copy in another process makes its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_found"}

    @property
    def provenance(self) -> dict[str, Any]:
        """Which file."""
        return {"backend": "replay", "file": self.file, "sha256": artefacts.sha256(Path(self.file))}

    def close(self) -> None:
        """Remove the temporary file."""
        found = self.__dict__.pop("_found", None)
        if found is not None:
            found.close()

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[CompletionGroup]:
        """Complete every prompt.

        Parameters
        ----------
        prompts : sequence of str or list of messages
            Of a conversation its last message counts.
        sampling : Sampling

        Returns
        -------
        list of CompletionGroup, one for each prompt, in order
            A prompt that is not in the file, or has too few completions, is a group with an error.

        Raises
        ------
        ArtefactError
            If the file cannot be read, or a row is not what it should be.
        """
        texts = [prompt if isinstance(prompt, str) else prompt[-1]["content"] for prompt in prompts]
        return [self._group(text, again, sampling) for text, again in zip(texts, occurrences(texts), strict=True)]

    def _group(self, text: str, again: int, sampling: Sampling) -> CompletionGroup:
        rows = [json.loads(row) for (row,) in self._found.execute(FIND, (text,))]
        if not rows:
            return CompletionGroup([], f"{self.file} has no completions of this prompt")
        errors = [row["error"] for row in rows if row.get("error")]
        start = again * sampling.n
        if sampling.n == 1 and sampling.temperature < COLD and any(row.get("answer") is not None for row in rows):
            drawn = [_answer(row, sampling) for row in rows if row.get("answer") is not None]
        else:
            drawn = [completion for row in rows for completion in self._completions(row, sampling)]
        if len(drawn) < start + sampling.n:
            said = f"; it says: {errors[0]}" if errors else ""
            wanted = start + sampling.n
            return CompletionGroup([], f"{self.file} has {len(drawn)} completions, and {wanted} are needed{said}")
        return CompletionGroup(drawn[start : start + sampling.n])

    def _completions(self, row: dict[str, Any], sampling: Sampling) -> Iterator[Completion]:
        texts = row.get(self.completions_column) or []
        parts = [row.get(name) or [None] * len(texts) for name in OF_COMPLETIONS]
        for text, *told in zip(texts, *parts, strict=True):
            yield _completion(text, told, sampling)

    @cached_property
    def _found(self) -> sqlite3.Connection:
        """Rows by prompt, in a temporary file of SQLite's."""
        path = Path(self.file)
        template = self.answer_prompt or _template(path)
        wanted = (self.completions_column, *OF_ANSWER, *OF_COMPLETIONS, "error")
        store = sqlite3.connect("", check_same_thread=False)
        store.execute("CREATE TABLE rows (number INTEGER, row TEXT)")
        store.execute("CREATE TABLE prompts (prompt TEXT, number INTEGER)")
        for number, row in tables.rows(path):
            prompt = row.get(self.prompt_column)
            if not isinstance(prompt, str):
                raise ArtefactError(
                    f"{path}, row {number}: column {self.prompt_column!r} is {prompt!r}; name the column of the "
                    "prompts by prompt_column"
                )
            kept = {name: row[name] for name in wanted if row.get(name) is not None}
            self._check(kept, path, number)
            store.execute("INSERT INTO rows VALUES (?, ?)", (number, json.dumps(kept)))
            for asked in {prompt, prompts.answer_turn(prompt, template)[0]["content"]}:
                store.execute("INSERT INTO prompts VALUES (?, ?)", (asked, number))
        store.execute("CREATE INDEX by_prompt ON prompts (prompt)")
        store.execute("CREATE INDEX by_number ON rows (number)")
        return store

    def _check(self, row: dict[str, Any], path: Path, number: int) -> None:
        texts = row.get(self.completions_column, [])
        if isinstance(texts, str):  # a cell of a CSV file
            try:
                texts = row[self.completions_column] = json.loads(texts)
            except ValueError:
                texts = None
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ArtefactError(
                f"{path}, row {number}: column {self.completions_column!r} must be a list of texts; name the column of "
                "the completions by completions_column"
            )
        if not texts and "answer" not in row and "error" not in row:
            raise ArtefactError(
                f"{path}, row {number}: no column {self.completions_column!r}; name the column of the completions by "
                "completions_column"
            )
        for name in OF_COMPLETIONS:
            if name in row and (not isinstance(row[name], list) or len(row[name]) != len(texts)):
                raise ArtefactError(f"{path}, row {number}: {name!r} must have an entry for each of {len(texts)} texts")


FIND = "SELECT row FROM rows JOIN prompts USING (number) WHERE prompt = ? ORDER BY number"


def _template(path: Path) -> str:
    """Return what a completions.parquet was drawn with; the default for other files."""
    try:
        maker = artefacts.made_by(path) if path.is_file() else None
    except ArtefactError:
        maker = None
    said = maker.config.get("answer_prompt") if maker is not None else None
    return said if isinstance(said, str) else prompts.ANSWER


def _answer(row: dict[str, Any], sampling: Sampling) -> Completion:
    text, *told = (row.get(name) for name in OF_ANSWER)
    return _completion(str(text), told, sampling)


def _completion(text: str, told: list[Any], sampling: Sampling) -> Completion:
    """Make a completion of what a row says of it, in the order of `OF_COMPLETIONS`."""
    logprobs, tokens, reason, top, texts, others = told
    k = sampling.top_logprobs
    return Completion(
        text,
        tokens or [],
        logprobs or [],
        reason or "unknown",
        [values[:k] for values in top] if top and k else None,
        texts if sampling.token_texts else None,
        [tokens[:k] for tokens in others] if others and k and sampling.top_texts else None,
    )
