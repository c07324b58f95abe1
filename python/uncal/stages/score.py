"""Score: how unsure the model looks. embeddings.arrow, or a file of your own -> scores.parquet."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uncal import artefacts, embedders, entailers, formats, group_files, progress, schema, scorers, types
from uncal.ahead import ahead
from uncal.artefacts import MadeBy
from uncal.errors import ArtefactError, ConfigError, RowError
from uncal.group_files import Layout, Source
from uncal.stages._made import MADE, OF_SAMPLES, TEXTS, WORKS, Maker, Work
from uncal.types import FloatArray, Groups, IntArray, Scorer

log = logging.getLogger("uncal")
DEAR = 64
"""Rows in memory at a time where more is made of a row than the embeddings of its texts, which takes long."""


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
    format : str, default="auto"
        auto recognises files that trl, lm-eval or uqlm wrote by their columns; columns takes them as they are. Columns
        that are named below win over those of the format.
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
    token_logprobs_column : str or None, default=None
        Log-probabilities of each sample's tokens; token_logprobs or logprobs unless set.
    top_logprobs_column : str or None, default=None
        Of each sample's tokens those of the most probable ones at its place; top_logprobs unless set.
    relevance_column : str or None, default=None
        How much a sample's meaning changes without each of its tokens; relevance or token_relevance unless set.
    sentence_entail_column : str or None, default=None
        Of each sample's sentences how likely each of the group's samples entails it; sentence_entail unless set.
    sentence_contra_column : str or None, default=None
        The same for contradiction; sentence_contra unless set.
    answer_column : str or None, default=None
        The answer that is judged, one text a group; answer or greedy_answer unless set.
    answer_entail_column : str or None, default=None
        How likely that answer entails each sample; answer_entail unless set.
    answer_contra_column : str or None, default=None
        The same for contradiction; answer_contra unless set.
    answer_logprobs_column : str or None, default=None
        Log-probabilities of that answer's tokens; answer_logprobs or greedy_logprobs unless set.
    answer_top_logprobs_column : str or None, default=None
        Of that answer's tokens those of the most probable ones at its place; answer_top_logprobs unless set.
    answer_top_classes_column : str or None, default=None
        What those say of the token that was written: 1 entails it, 0 is neutral, -1 contradicts it; answer_top_classes
        unless set.
    answer_relevance_column : str or None, default=None
        How much that answer's meaning changes without each of its tokens; answer_relevance unless set.
    token_texts_column : str or None, default=None
        What each token adds to a sample's text, which relevance is made of; token_texts unless set.
    answer_token_texts_column : str or None, default=None
        The same of that answer; answer_token_texts unless set.
    answer_top_texts_column : str or None, default=None
        What the most probable tokens at each of its places would have added; answer_top_texts unless set.
    dim : int or None, default=None
        Numbers of a vector, where a group's embeddings are bytes, or one flat list; the column's metadata may say so.
        An error where vectors are of another length.
    dtype : str or None, default=None
        What bytes hold: float16, float32 or float64; needed unless the column's metadata says it.
    mean_logprobs : bool, default=False
        Of the log-probabilities of a sample's tokens take the mean; the sum otherwise.
    embedder : str or None, default=None
        Makes embeddings of the texts, and relevance and answer_relevance of those of their tokens, also, with a
        warning, for a file that has them; not used, with a warning, where no scorer reads them.
    embedder_settings : mapping, default={}
        Settings of the embedder, such as model=FOLDER.
    entailer : str or None, default=None
        Makes entail, contra, and what is like them of sentences, answers and their tokens, of the texts, also, with a
        warning, for a file that has them; not used, with a warning, where no scorer reads them.
    entailer_settings : mapping, default={}
        Settings of the entailer, such as model=FOLDER; of one that asks a backend, backend=NAME and its settings too.
    entailer_cache : str or None, default=None
        File of the pairs that were judged, so that no pair is judged twice, whatever happens; it may serve many runs
        and entailers. pairs.sqlite beside the result unless set.
    question_column : str or None, default=None
        What the texts answer; prompt, question, query or input unless set.
    conditioned : bool, default=True
        The entailer sees the question before each text, sentences excepted, and relevance is that of texts with their
        question, as published; otherwise texts stand alone.
    """

    scorers: tuple[str, ...] = ("von_neumann_entropy",)
    scorer_settings: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 4096
    format: str = "auto"
    id_column: str | None = None
    group_column: str | None = None
    embeddings_column: str | None = None
    texts_column: str | None = None
    logprobs_column: str | None = None
    entail_column: str | None = None
    contra_column: str | None = None
    token_logprobs_column: str | None = None
    top_logprobs_column: str | None = None
    relevance_column: str | None = None
    sentence_entail_column: str | None = None
    sentence_contra_column: str | None = None
    answer_column: str | None = None
    answer_entail_column: str | None = None
    answer_contra_column: str | None = None
    answer_logprobs_column: str | None = None
    answer_top_logprobs_column: str | None = None
    answer_top_classes_column: str | None = None
    answer_relevance_column: str | None = None
    token_texts_column: str | None = None
    answer_token_texts_column: str | None = None
    answer_top_texts_column: str | None = None
    dim: int | None = None
    dtype: str | None = None
    mean_logprobs: bool = False
    embedder: str | None = None
    embedder_settings: Mapping[str, Any] = field(default_factory=dict)
    entailer: str | None = None
    entailer_settings: Mapping[str, Any] = field(default_factory=dict)
    entailer_cache: str | None = None
    question_column: str | None = None
    conditioned: bool = True

    def __post_init__(self) -> None:
        if not self.scorers:
            raise ConfigError("scorers is empty; name at least one (`uncal list scorers`)")
        if twice := [name for name in dict.fromkeys(self.scorers) if self.scorers.count(name) > 1]:
            raise ConfigError(f"scorers names {twice[0]!r} more than once; a column has a name of its own")
        if self.rows < 1:
            raise ConfigError(f"rows is {self.rows}; it must be at least 1")
        formats.check(self.format)
        if self.dim is not None and self.dim < 1:
            raise ConfigError(f"dim is {self.dim}; it must be at least 1")
        if self.dtype is not None and self.dtype not in group_files.BYTES:
            raise ConfigError(f"dtype is {self.dtype!r}; it must be one of {', '.join(group_files.BYTES)}")
        if self.embedder is None and self.embedder_settings:
            raise ConfigError("embedder_settings are set, and embedder is not; name one (--embedder)")
        if self.entailer is None and self.entailer_settings:
            raise ConfigError("entailer_settings are set, and entailer is not; name one (--entailer)")
        if self.entailer is None and self.entailer_cache:
            raise ConfigError("entailer_cache is set, and entailer is not; name one (--entailer)")
        if self.question_column and self.embedder is None and self.entailer is None:
            raise ConfigError(
                "question_column is set, and neither embedder nor entailer is; one of them reads texts with questions"
            )
        if self.group_column is not None and self.id_column is not None:
            raise ConfigError("group_column and id_column are both set; the name of a group is its id")
        _ = self.made  # or a wrong setting would be noticed late
        for by in ("embedder", "entailer"):
            if getattr(self, by) is None or any(work.by == by for work in self.works):
                continue
            for name in (name for name, work in MADE.items() if work.by == by):
                if getattr(self, f"{name}_column") is not None:
                    raise ConfigError(f"{by} and {name}_column are both set; a column is made or read, not both")

    @cached_property
    def made(self) -> dict[str, Scorer]:
        """The scorers by name."""
        return scorers.make_several(self.scorers, self.scorer_settings)

    @cached_property
    def needs(self) -> frozenset[str]:
        """Columns that the scorers read."""
        return frozenset[str]().union(*(scorer.needs for scorer in self.made.values()))

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """What an embedder or an entailer makes of texts: what is needed and no column was named for."""
        return tuple(
            work
            for work in WORKS
            if getattr(self, work.by) is not None
            and self.needs.intersection(work.makes)
            and all(getattr(self, f"{name}_column") is None for name in work.makes)
        )

    @property
    def made_of_texts(self) -> frozenset[str]:
        """Columns that an embedder or an entailer makes."""
        return self.needs.intersection(name for work in self.works for name in work.makes)

    @property
    def read(self) -> frozenset[str]:
        """What is read of the file: what scorers need and is not made, what it is made of, and `question`."""
        given = {name for work in self.works for name in work.reads}
        asked = self.conditioned and any(work.asked for work in self.works)
        return (self.needs - self.made_of_texts) | given | ({"question"} if asked else set())

    @property
    def layout(self) -> Layout:
        """Where the file keeps what."""
        names = ("id", "group", "question", *schema.COLUMNS, *TEXTS)
        given = {name: getattr(self, f"{name}_column") for name in names}
        columns = {name: column for name, column in given.items() if column is not None}
        return Layout(columns=columns, dim=self.dim, dtype=self.dtype, mean_logprobs=self.mean_logprobs)


def score_batch(batch: pa.Table, config: Config) -> pa.Table:
    """Score some groups. Pure.

    Parameters
    ----------
    batch : pyarrow.Table
        `id`, and the columns that the scorers need, as `schema.columns` takes them.
    config : Config

    Returns
    -------
    pyarrow.Table
        As many rows: `id` and a float64 column for each scorer, null where a group lacks what the scorer needs or has
        embeddings that are not finite.

    Raises
    ------
    RowError
        If a row holds what makes no sense.
    """
    together: defaultdict[frozenset[str], dict[str, Scorer]] = defaultdict(dict)
    for name, scorer in config.made.items():
        together[scorer.needs][name] = scorer
    columns = schema.columns(batch, config.needs)
    scores: dict[str, FloatArray] = {}
    for needs, made in together.items():
        groups, scorable = schema.groups({name: columns[name] for name in sorted(needs)})
        whole = len(groups.offsets) > len(scorable)
        rows = np.arange(len(scorable)) if whole else np.flatnonzero(scorable)
        given = _score(made, groups, rows) if len(rows) else dict.fromkeys(made, np.zeros(0))
        for name, values in given.items():
            scores[name] = np.full(batch.num_rows, np.nan)
            scores[name][scorable] = values[scorable] if whole else values
    found = {name: pa.array(scores[name], mask=np.isnan(scores[name])) for name in config.scorers}
    return pa.table({"id": batch["id"]} | found)


def _score(made: Mapping[str, Scorer], groups: Groups, rows: IntArray) -> dict[str, FloatArray]:
    """Score groups; an error of a kernel becomes one of the first row that has it by itself."""
    try:
        return scorers.score(made, groups)
    except ValueError as error:
        if str(error).startswith("UNCAL_"):
            raise ConfigError(f"the environment variable {error}") from error
        group, cause = _first_bad(made, groups)
        if cause is None:
            raise
        raise RowError(int(rows[group]), _of_one_group(str(cause))) from cause


def _first_bad(made: Mapping[str, Scorer], groups: Groups) -> tuple[int, ValueError | None]:
    """Find the first group that cannot be scored, by halves, and why."""
    low, high, places = 0, len(groups.offsets) - 1, np.arange(len(groups.offsets) - 1)
    while True:
        middle = (low + high + 1) // 2
        try:
            scorers.score(made, groups.take((low <= places) & (places < middle)))
        except ValueError as error:
            if middle - low == 1:
                return low, error
            high = middle
        else:
            if middle == high:
                return low, None
            low = middle


def _of_one_group(text: str) -> str:
    """Reword what a kernel says of the only group it was given: no number of the group, and what its rows are."""
    text = re.sub(r" \(in group 0\)| of group 0\b|\bgroup 0 ", "", text)
    column = text.partition(":")[0]
    tokens = column in (*types.TOKENS, *types.ANSWER_TOKENS)
    what = "token" if tokens else "value" if column in types.SENTENCES else "sample"
    return re.sub(r"\brow (\d+)", rf"{what} \1 (from 0)", text)


def score(samples: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Score every group of `samples`: a run's embeddings.arrow, or a file of any kind that `group_files` reads.

    What embeddings.arrow of a run does not hold is taken from the completions.parquet beside it, also where no
    embeddings were made, if no scorer needs them.

    Raises
    ------
    ConfigError
        If `out` is no such file, or an environment variable of `uncal.fast` makes no sense.
    ArtefactError
        If the file has no rows, lacks what a scorer needs, or holds what makes no sense.
    """
    config = config or Config()
    if out.is_dir():
        raise ConfigError(f"out is {out}, a folder; name a file in it, such as {out / schema.SCORES}")
    if out.suffix not in (".parquet", ".arrow"):
        raise ConfigError(f"out is {out}; scores are written to a .parquet or an .arrow file")
    _tell_unused(config)
    source, layout, inputs = _open(samples, config)
    columns = group_files.resolve(source, ("id", *config.read), layout)
    _check(source, columns, layout, config)
    further = {name: columns[name] for name in ("question", *TEXTS) if name in columns}
    gathered = {name: column for name, column in further.items() if name in OF_SAMPLES}
    kept = {name: column for name, column in further.items() if name not in gathered}
    layout = replace(layout, kept=layout.kept | kept, gathered=gathered)
    making = MadeBy.of("score", config, inputs, sampled=("samples",))
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    makers = {work.by for work in config.works}
    make = Maker(
        config.works,
        config.made_of_texts,
        embedders.make(str(config.embedder), **config.embedder_settings) if "embedder" in makers else None,
        entailers.make(str(config.entailer), **config.entailer_settings) if "entailer" in makers else None,
        Path(config.entailer_cache) if config.entailer_cache else out.with_name(schema.PAIRS),
    )
    rows = min(config.rows, DEAR) if config.made_of_texts - {"embeddings"} else config.rows
    unscored = dict.fromkeys(config.scorers, 0)
    total = source.rows if "group" not in layout.columns else None
    count = 0
    with (
        artefacts.writer(out, schema.scores(config.scorers), making) as write,
        progress.bar("score", total) as bar,
        closing(ahead(group_files.read(source, sorted(config.read - further.keys()), layout, rows))) as batches,
    ):
        for batch in batches:
            try:
                scores = score_batch(make(batch), config)
            except RowError as error:
                raise ArtefactError(_explained(error, batch, source, columns, layout)) from error
            except ValueError as error:  # of several groups together
                first = source.at(batch["row"][0].as_py())
                raise ArtefactError(f"{first} and the {batch.num_rows - 1} groups after it: {error}") from error
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


def _tell_unused(config: Config) -> None:
    """Warn of settings that say where to find, or how to make, what no scorer reads."""
    made = {"embedder": "embeddings or relevance", "entailer": "entail or contra"}
    for by, what in made.items():
        if getattr(config, by) is not None and not any(work.by == by for work in config.works):
            names = ", ".join(config.scorers)
            log.warning("score: the %s %s is not used: no %s is read by %s", by, getattr(config, by), what, names)
    says = {name: [f"{name}_column"] for name in (*schema.COLUMNS, *TEXTS, "question")}
    says["embeddings"] += ["dim", "dtype"]
    says["logprobs"] += ["mean_logprobs"]
    for column, settings in says.items():
        for setting in settings if column not in config.read else ():
            if getattr(config, setting) not in (None, False):
                log.warning("score: %s is not used: nothing reads %s out of the file", setting, column)


def _explained(error: RowError, batch: pa.Table, source: Source, columns: Mapping[str, str], layout: Layout) -> str:
    """Say where in the file a row of a batch is, what it is called there, and what is wrong with it."""
    kind = "group" if "group" in layout.columns else "id"
    named = f", {kind} {batch['id'][error.row].as_py()!r}" if kind in ("group", *columns) else ""
    argument, _, complaint = error.what.partition(": ")
    what = f"column {columns[argument]!r}: {complaint}" if argument in columns else error.what
    return f"{source.at(batch['row'][error.row].as_py())}{named}: {what}"


def _check(source: Source, columns: Mapping[str, str], layout: Layout, config: Config) -> None:
    """Complain of what is not there and say who makes it; tell what is there and is made anew."""
    lacking = sorted(config.read - columns.keys())
    for name in lacking:
        looked = f"{source.path} has no {name} (looked for {', '.join(group_files.NAMES[name])}); it has"
        flag = f"name the column by --{name.replace('_', '-')}-column"
        if name in MADE:
            them = "them" if name == "embeddings" else "it"
            how = f"{flag}, or have {them} made of texts by --{MADE[name].by}"
        elif name == "question":
            how = f"{flag}, or have texts read without by --no-conditioned"
        elif name in TEXTS:
            also = " --top-logprobs K" if name == "answer_top_texts" else ""
            how = f"{flag}; `uncal sample --keep-tokens{also}` keeps such"
        else:
            continue
        raise ArtefactError(f"{looked} {', '.join(source.names)}: {how}")
    for name, column in group_files.resolve(source, sorted(config.made_of_texts), layout).items():
        by = MADE[name].by
        log.warning(
            "score: the column %r of %s is not read: --%s %s makes %s of the texts; leave it out to score that column",
            *(column, source.path, by, getattr(config, by), name),
        )


def _open(samples: Path, config: Config) -> tuple[Source, Layout, dict[str, Path]]:
    """Open the file, together with the completions of its run where they are wanted, and name what is read."""
    beside = samples.with_name(schema.COMPLETIONS)
    of_run = _maker(samples) == "embed" if samples.exists() else samples.name == schema.EMBEDDINGS
    if of_run and beside.exists():
        if "embeddings" not in config.read:
            samples = beside
        elif not samples.exists():
            raise ArtefactError(f"no file {samples}; run `uncal embed --run {samples.parent}` first")
    opened = formats.open_samples(samples, config.format)
    source, layout = opened.source, opened.layout(config.layout)
    inputs = {{"embed": "embeddings", "sample": "completions"}.get(_maker(samples), "samples"): samples}
    lacking = config.read - group_files.resolve(source, config.read, layout).keys()
    if of_run and samples != beside and lacking and "embeddings" not in lacking and beside.exists():
        inputs["completions"] = beside
        return _run(source, group_files.open_file(beside)), layout, inputs
    return source, layout, inputs


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

    return Source(embeddings.path, [*embeddings.names, *ours], batches, embeddings.rows, embeddings.at)
