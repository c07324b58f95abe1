"""Score: how unsure the model looks. embeddings.arrow -> scores.parquet."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import artefacts, progress, schema, scorers
from uncal.artefacts import MadeBy
from uncal.errors import ConfigError

log = logging.getLogger("uncal")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the score stage; the flags of ``uncal score`` are these fields.

    Attributes
    ----------
    scorers : tuple of str, default=("von_neumann_entropy",)
        Each becomes a column; `uncal list scorers` shows them.
    scorer_settings : mapping, default={}
        Settings handed to every scorer, such as gamma=0.5.
    rows : int, default=4096
        Questions in memory at a time.
    """

    scorers: tuple[str, ...] = ("von_neumann_entropy",)
    scorer_settings: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 4096

    def __post_init__(self) -> None:
        if not self.scorers:
            raise ConfigError("scorers is empty; name at least one (`uncal list scorers`)")
        if self.rows < 1:
            raise ConfigError(f"rows is {self.rows}; it must be at least 1")
        for name in self.scorers:
            scorers.make(name, **self.scorer_settings)


def score_batch(batch: pa.Table, config: Config) -> pa.Table:
    """Score some groups. Pure.

    Parameters
    ----------
    batch : pyarrow.Table
        `id` and `embeddings`.
    config : Config

    Returns
    -------
    pyarrow.Table
        As many rows: `id` and a float64 column for each scorer, null where a group is null, empty or not finite.
    """
    groups, scorable = schema.groups(batch["embeddings"])
    columns = {"id": batch["id"]}
    for name in config.scorers:
        values = np.zeros(len(scorable))
        if scorable.any():
            values[scorable] = scorers.make(name, **config.scorer_settings)(groups)
        columns[name] = pa.array(values, mask=~scorable)
    return pa.table(columns)


def score(embeddings: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Score every group of `embeddings`."""
    config = config or Config()
    making = MadeBy.of("score", config, {"embeddings": embeddings})
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    unscored = 0
    with (
        artefacts.writer(out, schema.scores(config.scorers), making) as write,
        progress.bar("score", artefacts.count_rows(embeddings)) as bar,
    ):
        for batch in artefacts.read(embeddings, ["id", "embeddings"], config.rows):
            scores = score_batch(batch, config)
            unscored += scores[config.scorers[0]].null_count
            write(scores)
            bar.update(batch.num_rows)
    if unscored:
        log.warning("score: %d groups could not be scored and are null in %s", unscored, out)
    return out
