"""Embed: a vector for every completion. completions.parquet, or a file of your own -> embeddings.arrow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from uncal import artefacts, embedders, formats, group_files, progress, schema
from uncal.artefacts import MadeBy, Shards
from uncal.errors import ConfigError
from uncal.group_files import Layout
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
    format : str, default="auto"
        auto recognises files that trl, lm-eval or uqlm wrote by their columns; columns takes them as they are. Columns
        that are named below win over those of the format.
    id_column : str or None, default=None
        Column of the id of a row, as `uncal score` looks for it unless set.
    group_column : str or None, default=None
        Where a row is one sample: the column of the id of its group. Rows of a group lie next to each other.
    texts_column : str or None, default=None
        Column of the texts, as `uncal score` looks for it unless set.
    """

    embedder: str = "sentence_transformers"
    embedder_settings: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    shard_size: int = 256
    format: str = "auto"
    id_column: str | None = None
    group_column: str | None = None
    texts_column: str | None = None

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "float16"):
            raise ConfigError(f"dtype is {self.dtype!r}; it must be float32 or float16")
        if self.shard_size < 1:
            raise ConfigError(f"shard_size is {self.shard_size}; it must be at least 1")
        formats.check(self.format)
        if self.group_column is not None and self.id_column is not None:
            raise ConfigError("group_column and id_column are both set; the name of a group is its id")

    @property
    def layout(self) -> Layout:
        """Where the file keeps what."""
        given = {name: getattr(self, f"{name}_column") for name in ("id", "group", "texts")}
        return Layout(columns={name: column for name, column in given.items() if column is not None})


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
    """Embed every completion; goes on after its last whole shard.

    Raises
    ------
    ArtefactError
        If `completions` cannot be read as texts of groups.
    """
    config = config or Config()
    if out.suffix not in (".parquet", ".arrow"):
        raise ConfigError(f"out is {out}; embeddings are written to an .arrow or a .parquet file")
    opened = formats.open_samples(completions, config.format)
    layout = opened.layout(config.layout)
    making = MadeBy.of("embed", config, {"completions": completions})
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    embedder = embedders.make(config.embedder, **config.embedder_settings)
    with (
        Shards(out, making, overwrite=overwrite) as shards,
        progress.bar("embed", opened.source.rows if "group" not in layout.columns else None) as bar,
    ):
        read = group_files.read(opened.source, ["texts"], layout, config.shard_size)
        batches = (batch.rename_columns({"texts": "completions"}) for batch in read)
        shards.run(batches, lambda batch: embed_batch(batch, config, embedder), bar.update)
    return out
