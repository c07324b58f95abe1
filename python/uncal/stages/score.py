"""Score: how unsure the model looks. embeddings.arrow, or a file of your own -> scores.parquet."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import artefacts, embedders, group_files, progress, schema, scorers
from uncal.ahead import ahead
from uncal.artefacts import MadeBy
from uncal.errors import ArtefactError, ConfigError, RowError
from uncal.group_files import Layout, Source
from uncal.types import Embedder, FloatArray, Scorer

log = logging.getLogger("uncal")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the score stage; the flags of ``uncal score`` are these fields.

    Attributes
    ----------
    scorers : tuple of str, default=("von_neumann_entropy",)
        Each becomes a column; `uncal list scorers` shows them.
    scorer_settings : mapping, default={}
        gamma=0.5 is for every scorer that has such a setting, renyi_entropy.alpha=3.0 for that one.
    rows : int, default=4096
        Rows in memory at a time; fewer where rows are big.
    id_column : str or None, default=None
        Column of the id of a row; id, question_id, prompt_id, qid or uid unless set, and the row's number, from 0, in
        a file that has none of them.
    group_column : str or None, default=None
        Where a row is one sample: the column of the id of its group. Rows of a group lie next to each other.
    embeddings_column : str or None, default=None
        embeddings, embedding, vectors or vector unless set. A list of vectors, or bytes; one vector where a row is one
        sample.
    texts_column : str or None, default=None
        texts, text, completions, completion, responses, response, samples or generations unless set.
    logprobs_column : str or None, default=None
        Log-likelihood of each sample, or of each of its tokens; logprobs, logprob, log_likelihoods, log_likelihood or
        cumulative_logprob unless set.
    entail_column : str or None, default=None
        A group's (N, N) matrix of how likely sample i entails sample j, flat or as N lists; entail or entailment
        unless set.
    contra_column : str or None, default=None
        The same for contradiction; contra or contradiction unless set.
    dim : int or None, default=None
        Numbers of a vector, where a group's embeddings are bytes, or one flat list; the column's metadata may say so.
    dtype : str or None, default=None
        What bytes hold: float16, float32 or float64; needed unless the column's metadata says it.
    mean_logprobs : bool, default=False
        Of the log-probabilities of a sample's tokens take the mean; the sum otherwise.
    embedder : str or None, default=None
        Makes embeddings from the texts, for a file that has none; not used, with a warning, where no scorer reads them.
    embedder_settings : mapping, default={}
        Settings of the embedder, such as model=FOLDER.
    """

    scorers: tuple[str, ...] = ("von_neumann_entropy",)
    scorer_settings: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 4096
    id_column: str | None = None
    group_column: str | None = None
    embeddings_column: str | None = None
    texts_column: str | None = None
    logprobs_column: str | None = None
    entail_column: str | None = None
    contra_column: str | None = None
    dim: int | None = None
    dtype: str | None = None
    mean_logprobs: bool = False
    embedder: str | None = None
    embedder_settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.scorers:
            raise ConfigError("scorers is empty; name at least one (`uncal list scorers`)")
        if twice := [name for name in dict.fromkeys(self.scorers) if self.scorers.count(name) > 1]:
            raise ConfigError(f"scorers names {twice[0]!r} more than once; a column has a name of its own")
        if self.rows < 1:
            raise ConfigError(f"rows is {self.rows}; it must be at least 1")
        if self.dim is not None and self.dim < 1:
            raise ConfigError(f"dim is {self.dim}; it must be at least 1")
        if self.dtype is not None and self.dtype not in group_files.BYTES:
            raise ConfigError(f"dtype is {self.dtype!r}; it must be one of {', '.join(group_files.BYTES)}")
        if self.embedder is not None and self.embeddings_column is not None:
            raise ConfigError("embedder and embeddings_column are both set; embeddings are made or read, not both")
        _ = self.made  # or a wrong setting would be noticed late

    @cached_property
    def made(self) -> dict[str, Scorer]:
        """The scorers by name."""
        return scorers.make_several(self.scorers, self.scorer_settings)

    @property
    def layout(self) -> Layout:
        """Where the file keeps what."""
        given = {name: getattr(self, f"{name}_column") for name in ("id", "group", *schema.COLUMNS)}
        columns = {name: column for name, column in given.items() if column is not None}
        return Layout(columns=columns, dim=self.dim, dtype=self.dtype, mean_logprobs=self.mean_logprobs)


def score_batch(batch: pa.Table, config: Config) -> pa.Table:
    """Score some groups. Pure.

    Parameters
    ----------
    batch : pyarrow.Table
        `id`, and the columns that the scorers need, as `schema.groups` takes them.
    config : Config

    Returns
    -------
    pyarrow.Table
        As many rows: `id` and a float64 column for each scorer, null where a group lacks what the scorer needs or has
        embeddings that are not finite.
    """
    together: defaultdict[frozenset[str], dict[str, Scorer]] = defaultdict(dict)
    for name, scorer in config.made.items():
        together[scorer.needs][name] = scorer
    scores: dict[str, FloatArray] = {}
    for needs, made in together.items():
        groups, scorable = schema.groups(batch, needs)
        given = scorers.score(made, groups) if len(groups.offsets) > 1 else dict.fromkeys(made, np.zeros(0))
        for name, values in given.items():
            scores[name] = np.full(batch.num_rows, np.nan)
            scores[name][scorable] = values[scorable] if len(values) == len(scorable) else values
    columns = {name: pa.array(scores[name], mask=np.isnan(scores[name])) for name in config.scorers}
    return pa.table({"id": batch["id"]} | columns)


def score(samples: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Score every group of `samples`: a run's embeddings.arrow, or a file of any kind that `group_files` reads.

    Texts and log-probabilities of a run are taken from the completions.parquet beside it.

    Raises
    ------
    ArtefactError
        If the file has no rows, lacks what a scorer needs, or holds what makes no sense.
    """
    config = config or Config()
    if out.suffix not in (".parquet", ".arrow"):
        raise ConfigError(f"out is {out}; scores are written to a .parquet or an .arrow file")
    wanted = frozenset[str]().union(*(scorer.needs for scorer in config.made.values()))
    if config.embedder is not None and "embeddings" not in wanted:
        names = ", ".join(config.scorers)
        log.warning("score: the embedder %s is not used: no embeddings are read by %s", config.embedder, names)
    source, inputs = _open(samples, wanted, config)
    making = MadeBy.of("score", config, inputs, sampled=("samples",))
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    embedder = None
    if "embeddings" in wanted and _embeds(source, config):
        embedder = embedders.make(str(config.embedder), **config.embedder_settings)
        wanted = wanted - {"embeddings"} | {"texts"}
    unscored = dict.fromkeys(config.scorers, 0)
    total = source.rows if config.group_column is None else None
    count = 0
    with (
        artefacts.writer(out, schema.scores(config.scorers), making) as write,
        progress.bar("score", total) as bar,
        closing(ahead(group_files.read(source, sorted(wanted), config.layout, config.rows))) as batches,
    ):
        for batch in batches:
            try:
                scores = score_batch(_embedded(batch, embedder), config)
            except RowError as error:
                place = f"row {count + error.row}" if config.group_column is None else f"group {batch['id'][error.row]}"
                raise ArtefactError(f"{samples}, {place}: {error.what}") from error
            except ValueError as error:  # of a kernel: an entailment of 2, a gamma of -1
                raise ArtefactError(f"{samples}, from row {count} on: {error}") from error
            for name in unscored:
                unscored[name] += scores[name].null_count
            write(scores)
            bar.update(batch.num_rows)
            count += batch.num_rows
        if not count:
            raise ArtefactError(f"{samples} has no rows")
    for missing in sorted(set(unscored.values()) - {0}):
        by = [name for name in unscored if unscored[name] == missing]
        who = "" if len(by) == len(unscored) else f" by {', '.join(by)}"
        log.warning("score: %d groups could not be scored%s and are null in %s", missing, who, out)
    return out


def _open(samples: Path, wanted: frozenset[str], config: Config) -> tuple[Source, dict[str, Path]]:
    """Open the file, together with the completions of its run where they are wanted, and name what is read."""
    source = group_files.open_file(samples)
    maker = _maker(samples)
    inputs = {{"embed": "embeddings", "sample": "completions"}.get(maker, "samples"): samples}
    lacking = wanted - group_files.resolve(source, wanted, config.layout).keys()
    beside = samples.with_name(schema.COMPLETIONS)
    if maker == "embed" and lacking and lacking <= {"texts", "logprobs"} and beside.exists():
        inputs["completions"] = beside
        return _run(source, group_files.open_file(beside)), inputs
    return source, inputs


def _maker(samples: Path) -> str:
    try:
        maker = artefacts.made_by(samples) if samples.suffix in (".arrow", ".parquet") else None
    except ArtefactError:
        maker = None
    return maker.stage if maker is not None else ""


def _run(embeddings: Source, completions: Source) -> Source:
    """Both files of a run as one, row by row."""
    ours = [name for name in completions.names if name not in embeddings.names]

    def batches(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        first = next(embeddings.batches(["embeddings"], rows), None)
        size = rows if first is None else first.num_rows
        files = {
            "embeddings": (embeddings.path, [name for name in columns if name in embeddings.names and name != "id"]),
            "completions": (completions.path, [name for name in columns if name in ours]),
        }
        for tables in artefacts.read_together(size, **files):
            merged = tables["embeddings"]
            for name in files["completions"][1]:
                merged = merged.append_column(name, tables["completions"][name])
            yield from merged.to_batches()

    return Source(embeddings.path, [*embeddings.names, *ours], batches, embeddings.rows)


def _embeds(source: Source, config: Config) -> bool:
    """Say whether embeddings have to be made."""
    if config.embedder is not None:
        return True
    if not group_files.resolve(source, ("embeddings",), config.layout):
        raise ArtefactError(
            f"{source.path} has no embeddings (looked for {', '.join(group_files.NAMES['embeddings'])}); it has "
            f"{', '.join(source.names)}: name the column by --embeddings-column, or have them made of texts by "
            "--embedder"
        )
    return False


def _embedded(batch: pa.Table, embedder: Embedder | None) -> pa.Table:
    if embedder is None:
        return batch
    return batch.append_column("embeddings", embedders.embed_groups(batch["texts"].to_pylist(), embedder))
