"""Sample: one frozen answer and N completions of every question. questions.parquet -> completions.parquet."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from uncal import artefacts, backends, progress, prompts, schema
from uncal.artefacts import MadeBy, Shards
from uncal.errors import ConfigError
from uncal.types import Backend, CompletionGroup, Sampling

log = logging.getLogger("uncal")


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
    shard_size : int, default=64
        Questions between two writes to disk.
    seed : int, default=0
        The same seed gives the same completions.
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
    shard_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        prompts.check(self.answer_prompt)
        if self.shard_size < 1:
            raise ConfigError(f"shard_size is {self.shard_size}; it must be at least 1")
        try:
            _ = self.samplings
        except ValueError as error:
            raise ConfigError(str(error)) from error

    @property
    def samplings(self) -> tuple[Sampling, Sampling]:
        """How the answer and how the completions are drawn."""
        answer = Sampling(temperature=self.answer_temperature, max_tokens=self.max_tokens, seed=self.seed)
        completions = Sampling(
            n=self.n_completions,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            seed=self.seed + 1,
        )
        return answer, completions


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
        {"id": name, "prompt": question} | _row(answer, group)
        for name, question, answer, group in zip(
            batch["id"].to_pylist(), batch["prompt"].to_pylist(), answers, completions, strict=True
        )
    ]
    return pa.Table.from_pylist(rows, schema.completions)


def _row(answer: CompletionGroup, group: CompletionGroup) -> dict[str, Any]:
    if error := answer.error or group.error:
        return {"status": schema.FAILED, "error": error}
    return {
        "answer": answer.completions[0].text,
        "answer_logprobs": answer.completions[0].logprobs,
        "completions": [completion.text for completion in group.completions],
        "logprobs": [completion.logprobs for completion in group.completions],
        "finish_reasons": [completion.finish_reason for completion in group.completions],
        "status": schema.DONE,
    }


def sample(questions: Path, out: Path, config: Config, *, overwrite: bool = False) -> Path:
    """Answer and complete every question; goes on after its last whole shard."""
    making = MadeBy.of("sample", config, {"questions": questions})
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    backend = backends.make(config.backend, model=config.model, **config.backend_settings)
    with (
        Shards(out, making, schema.completions, overwrite=overwrite) as shards,
        progress.bar("sample", artefacts.count_rows(questions)) as bar,
    ):
        batches = artefacts.read(questions, ["id", "prompt"], config.shard_size)
        shards.run(batches, lambda batch: sample_batch(batch, config, backend), bar.update)
    failed = sum(pc.sum(pc.equal(t["status"], schema.FAILED)).as_py() or 0 for t in artefacts.read(out, ["status"]))
    if failed:
        log.warning("sample: %d questions failed; column `error` of %s says why", failed, out)
    return out
