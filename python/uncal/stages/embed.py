"""Embed: a vector for every completion. completions.parquet -> embeddings.arrow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from uncal import artefacts, embedders, progress, schema
from uncal.artefacts import MadeBy, Shards
from uncal.errors import ConfigError
from uncal.types import Embedder


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the embed stage; the flags of ``uncal embed`` are these fields.

    Attributes
    ----------
    embedder : str, default="sentence_transformers"
    embedder_settings : mapping, default={}
        Settings of the embedder, such as model=FOLDER.
    dtype : str, default="float32"
        float32, or float16 for half the space on disk.
    shard_size : int, default=256
        Questions between two writes to disk.
    """

    embedder: str = "sentence_transformers"
    embedder_settings: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    shard_size: int = 256

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "float16"):
            raise ConfigError(f"dtype is {self.dtype!r}; it must be float32 or float16")
        if self.shard_size < 1:
            raise ConfigError(f"shard_size is {self.shard_size}; it must be at least 1")


def embed_batch(batch: pa.Table, config: Config, embedder: Embedder) -> pa.Table:
    """Embed the completions of some questions; equal texts once.

    Parameters
    ----------
    batch : pyarrow.Table
        `id` and `completions`; a null list gives a null.
    config : Config
    embedder : Embedder

    Returns
    -------
    pyarrow.Table
        As many rows: `id` and `embeddings`. A blank completion is a zero row.
    """
    column = embedders.embed_groups(batch["completions"].to_pylist(), embedder, config.dtype)
    columns = schema.embeddings(column.type.value_type.list_size, config.dtype)
    return pa.table({"id": batch["id"], "embeddings": column}, columns)


def embed(completions: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Embed every completion; goes on after its last whole shard."""
    config = config or Config()
    making = MadeBy.of("embed", config, {"completions": completions})
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    embedder = embedders.make(config.embedder, **config.embedder_settings)
    with (
        Shards(out, making, overwrite=overwrite) as shards,
        progress.bar("embed", artefacts.count_rows(completions)) as bar,
    ):
        batches = artefacts.read(completions, ["id", "completions"], config.shard_size)
        shards.run(batches, lambda batch: embed_batch(batch, config, embedder), bar.update)
    return out
