"""Sample: one frozen answer and N completions of every question. questions.parquet -> completions.parquet."""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from uncal import artefacts, backends, progress, prompts, schema
from uncal.artefacts import MadeBy, Shards
from uncal.errors import ConfigError
from uncal.types import Backend, CompletionGroup, Sampling

log = logging.getLogger("uncal")
BACKEND = b"uncal.backend"
"""Key in the metadata of completions.parquet: what the backend says of itself, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the sample stage; the flags of ``uncal sample`` are these fields.

    Attributes
    ----------
    model : str
        A folder, a .gguf file, ``package:NAME/PATH`` or a name on the Hugging Face hub.
    backend : str, default="transformers"
        What runs the model; `uncal list backends` shows them.
    backend_settings : mapping, default={}
        Further settings of the backend, such as dtype=bfloat16.
    n_completions : int, default=10
        Completions of each question. Status: inferred; the paper says "several".
    temperature : float, default=1.0
        Of the completions.
    answer_temperature : float, default=0.1
        Of the answer, which is kept frozen.
    top_p : float, default=1.0
        Draw completions from the smallest set of tokens whose probabilities add up to this.
    max_tokens : int, default=64
        An answer or completion is cut after so many tokens.
    answer_prompt : str
        What asks for the answer; {question} is replaced.
    shard_size : int or None, default=None
        Questions between two writes to disk; None leaves it to the backend: 64, for vllm 2048, for openai 256.
    seed : int, default=0
        The same seed gives the same completions.
    top_logprobs : int, default=0
        Keep the largest log-probabilities at every token too, so many of them.
    keep_tokens : bool, default=False
        Keep the tokens too: ids and texts, and with top_logprobs the texts of the answer's most probable tokens.
    """

    model: str
    backend: str = "transformers"
    backend_settings: Mapping[str, Any] = field(default_factory=dict)
    n_completions: int = 10
    temperature: float = 1.0
    answer_temperature: float = 0.1
    top_p: float = 1.0
    max_tokens: int = 64
    answer_prompt: str = prompts.ANSWER
    shard_size: int | None = None
    seed: int = 0
    top_logprobs: int = 0
    keep_tokens: bool = False

    def __post_init__(self) -> None:
        prompts.check(self.answer_prompt)
        if self.shard_size is not None and self.shard_size < 1:
            raise ConfigError(f"shard_size is {self.shard_size}; it must be at least 1")
        try:
            _ = self.samplings
        except ValueError as error:
            raise ConfigError(str(error)) from error

    @property
    def samplings(self) -> tuple[Sampling, Sampling]:
        """How the answer and how the completions are drawn."""
        answer = Sampling(
            temperature=self.answer_temperature,
            max_tokens=self.max_tokens,
            seed=self.seed,
            top_logprobs=self.top_logprobs,
            token_texts=self.keep_tokens,
            top_texts=self.keep_tokens and self.top_logprobs > 0,
        )
        completions = Sampling(
            n=self.n_completions,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            seed=self.seed + 1,
            top_logprobs=self.top_logprobs,
            token_texts=self.keep_tokens,
        )
        return answer, completions

    @property
    def columns(self) -> pa.Schema:
        """Columns of completions.parquet."""
        return schema.detailed(tokens=self.keep_tokens, top_logprobs=self.top_logprobs > 0)

    @property
    def replayed(self) -> dict[str, Path]:
        """The file that completions come from, if that is what the backend does."""
        file = self.backend_settings.get("file")
        return {"replayed": Path(file)} if self.backend == "replay" and isinstance(file, str) else {}


def sample_batch(batch: pa.Table, config: Config, backend: Backend) -> pa.Table:
    """Answer and complete some questions; a question that the backend cannot take becomes a failed row.

    Parameters
    ----------
    batch : pyarrow.Table
        `id` and `prompt`.
    config : Config
    backend : Backend

    Returns
    -------
    pyarrow.Table
        As many rows, with the columns of completions.parquet.
    """
    turns = [prompts.answer_turn(question, config.answer_prompt) for question in batch["prompt"].to_pylist()]
    answers, completions = (backend(turns, sampling) for sampling in config.samplings)
    rows = [
        {"id": name, "prompt": question} | _row(answer, group, config)
        for name, question, answer, group in zip(
            batch["id"].to_pylist(), batch["prompt"].to_pylist(), answers, completions, strict=True
        )
    ]
    return pa.Table.from_pylist(rows, config.columns)


def _row(answer: CompletionGroup, group: CompletionGroup, config: Config) -> dict[str, Any]:
    for drawn, wanted in zip((answer, group), config.samplings, strict=True):
        error = drawn.error
        if error is None and len(drawn.completions) != wanted.n:
            error = f"{len(drawn.completions)} completions came, and {wanted.n} were asked for"
        if error is not None:
            return {"status": schema.FAILED, "error": error}
    first, completions = answer.completions[0], group.completions
    row: dict[str, Any] = {
        "answer": first.text,
        "answer_logprobs": first.logprobs,
        "completions": [completion.text for completion in completions],
        "logprobs": [completion.logprobs for completion in completions],
        "finish_reasons": [completion.finish_reason for completion in completions],
        "status": schema.DONE,
    }
    if config.keep_tokens:
        row |= {
            "answer_tokens": first.tokens,
            "tokens": [completion.tokens for completion in completions],
            "answer_token_texts": first.token_texts,
            "token_texts": [completion.token_texts for completion in completions],
            "answer_top_texts": first.top_texts,
        }
    if config.top_logprobs:
        row |= {
            "answer_top_logprobs": first.top_logprobs,
            "top_logprobs": [completion.top_logprobs for completion in completions],
        }
    return row


def sample(questions: Path, out: Path, config: Config, *, overwrite: bool = False, retry_failed: bool = False) -> Path:
    """Answer and complete every question; goes on after its last whole shard.

    Parameters
    ----------
    questions, out : Path
    config : Config
    overwrite : bool, default=False
        Make `out` anew, whatever is there.
    retry_failed : bool, default=False
        Where `out` is up to date, draw those of its questions again that failed; all other rows stay as they are.
    """
    making = MadeBy.of("sample", config, {"questions": questions, **config.replayed}, foreign=("replayed",))
    again = False
    if artefacts.is_done(out, making, overwrite=overwrite, tidy=not retry_failed):
        failed = _failed(out)
        again = retry_failed and failed > 0
        if not again:
            shutil.rmtree(artefacts.parts_of(out), ignore_errors=True)
            _tell(out, failed)
            return out
        log.info("sample: drawing %d questions again that failed", failed)
    backend = backends.make(config.backend, model=config.model, **config.backend_settings)
    columns = config.columns.with_metadata({BACKEND: json.dumps(backend.provenance, sort_keys=True)})
    try:
        if again:
            _retry(questions, out, config, making, columns, backend)
        else:
            with (
                Shards(out, making, columns, overwrite=overwrite) as shards,
                progress.bar("sample", artefacts.count_rows(questions)) as bar,
            ):
                batches = artefacts.read(questions, ["id", "prompt"], config.shard_size or backend.shard_size)
                shards.run(batches, lambda batch: sample_batch(batch, config, backend), bar.update)
    finally:
        backend.close()
    _tell(out, _failed(out))
    return out


def _failed(out: Path) -> int:
    return sum(pc.sum(pc.equal(t["status"], schema.FAILED)).as_py() or 0 for t in artefacts.read(out, ["status"]))


def _tell(out: Path, failed: int) -> None:
    if failed:
        log.warning(
            "sample: %d questions failed; column `error` of %s says why, and --retry-failed draws them again",
            failed,
            out,
        )


def _retry(questions: Path, out: Path, config: Config, making: MadeBy, columns: pa.Schema, backend: Backend) -> None:
    """Draw the failed questions of `out` in shards, then write it anew with their rows replaced."""
    size = config.shard_size or backend.shard_size

    def failed() -> Iterator[pa.Table]:
        for tables in artefacts.read_together(size, questions=(questions, ["prompt"]), out=(out, ["status"])):
            yield tables["questions"].filter(pc.equal(tables["out"]["status"], schema.FAILED))

    def replaced(drawn: Iterator[pa.Table]) -> Iterator[pa.Table]:
        held = columns.empty_table()
        for table in artefacts.read(out, columns.names, size):
            rows = np.flatnonzero(pc.equal(table["status"], schema.FAILED).to_numpy())
            while held.num_rows < len(rows):
                held = pa.concat_tables([held, next(drawn).cast(columns)])
            places = np.arange(table.num_rows)
            places[rows] = table.num_rows + np.arange(len(rows))
            yield pa.concat_tables([table.cast(columns), held.slice(0, len(rows))]).take(places)
            held = held.slice(len(rows))

    # Shards of another state of `out` are of no use.
    retrying = replace(making, inputs=making.inputs | {"completions": artefacts.sha256(out)})
    with Shards(out, retrying, columns) as shards, progress.bar("sample", _failed(out)) as bar:
        batches = artefacts.rechunk(failed(), size)
        count = shards.make(batches, lambda batch: sample_batch(batch, config, backend), bar.update)
        shards.join(count, making, replaced)
