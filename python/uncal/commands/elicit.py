"""Elicit: have a model state how sure it is, in one of several ways -> a file of answers and confidences."""

import hashlib
import logging
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import pyarrow as pa

from uncal import artefacts, backends, elicitation, graders, progress, prompts, schema
from uncal.artefacts import MadeBy, Shards
from uncal.commands import elicit_questions
from uncal.commands.elicit_questions import Asked
from uncal.elicitation import STRATEGIES, Reply
from uncal.errors import ArtefactError, ConfigError
from uncal.normal import normalize
from uncal.stages.grade import make_grader
from uncal.types import Backend, CompletionGroup, Grader, Prompt, Sampling

log = logging.getLogger("uncal")
SAMPLINGS = ("self_random", "prompting", "misleading")
AGGREGATIONS = ("stated", "consistency", "avg_conf", "pair_rank", "top_k_mean")
Combine = Literal["product", "min", "last"]

COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("answers", pa.list_(pa.string())),
        ("answer", pa.string()),  # the one said most often, or that of the file
        ("correct", pa.bool_()),
        ("grader", pa.string()),  # null where nothing was graded
        ("confidence", pa.float64()),
        *((name, pa.float64()) for name in (*AGGREGATIONS, "p_true", "p_ik")),
        ("n_read", pa.int64()),
        ("guesses", pa.list_(pa.list_(pa.string()))),
        ("confidences", pa.list_(pa.list_(pa.float64()))),
        ("reasons", pa.list_(pa.string())),  # null where a reply could be read
        ("texts", pa.list_(pa.string())),
        ("status", pa.string()),
        ("error", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of ``uncal elicit``; its flags are these fields.

    Attributes
    ----------
    model : str
        A folder, a .gguf file, ``package:NAME/PATH`` or a name on the Hugging Face hub.
    backend : str, default="transformers"
        What runs the model; `uncal list backends` shows them.
    backend_settings : mapping, default={}
        Further settings of the backend, such as dtype=bfloat16.
    strategy : str, default="vanilla"
        What is asked: vanilla, cot, multi_step, top_k, self_probing, plain, hedged, p_true or p_ik.
    sampling : str, default="self_random"
        How replies differ: self_random draws the same prompt again; prompting puts the question in other words;
        misleading adds a hint in favour of a wrong answer, of the column distractors, or one of another question.
    samples : int, default=5
        Replies to each question. Status: inferred.
    temperature : float, default=0.7
        Status: inferred.
    k : int, default=4
        Guesses of top_k. Status: inferred.
    examples : bool, default=False
        Show two worked examples as turns before the question, which small models need to hold the form; where a form
        is asked for. Status: proposal; as published there are none.
    steps : str, default="product"
        What multi_step takes of the confidences of its steps: product or min; last takes the one stated at the end.
    aggregation : str or None, default=None
        What the column confidence is: stated (mean confidence of the replies that give the answer), consistency (their
        share), avg_conf (their share of all confidence), pair_rank or top_k_mean (of top_k). Unless set avg_conf, and
        stated for one reply. All that there are have columns of their own. Not for p_true and p_ik.
    read : str, default="probabilities"
        How p_true and p_ik are read: probabilities of the two words, adding up to 1, from a backend that has them; or
        drawn, the share of `samples` replies that say the one among those that say either.
    ideas : bool, default=False
        Show p_true the answers that were drawn besides, as published.
    max_tokens : int or None, default=None
        A reply is cut after so many tokens; from 64 to 384, by strategy, unless set.
    answer_prompt : str
        What asks for an answer where that is asked for by itself; {question} is replaced.
    grader : str, default="exact_match"
        Says whether the answer is right, where the file has accepted answers.
    grader_settings : mapping, default={}
        Settings of the grader, and of the backend or embedder that it asks, as `uncal grade` takes them.
    split : str or None, default=None
        Questions of this split alone, of a file that has splits.
    shard_size : int, default=64
        Questions between two writes to disk.
    seed : int, default=0
    """

    model: str
    backend: str = "transformers"
    backend_settings: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = "vanilla"
    sampling: str = "self_random"
    samples: int = 5
    temperature: float = 0.7
    k: int = 4
    examples: bool = False
    steps: str = "product"
    aggregation: str | None = None
    read: str = "probabilities"
    ideas: bool = False
    max_tokens: int | None = None
    answer_prompt: str = prompts.ANSWER
    grader: str = "exact_match"
    grader_settings: Mapping[str, Any] = field(default_factory=dict)
    split: str | None = None
    shard_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        prompts.check(self.answer_prompt)
        known = {
            "strategy": tuple(STRATEGIES),
            "sampling": SAMPLINGS,
            "aggregation": (*AGGREGATIONS, None),
            "steps": get_args(Combine),
            "read": ("probabilities", "drawn"),
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                allowed = ", ".join(value for value in values if value is not None)
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it must be one of {allowed}")
        for name in ("k", "shard_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.examples and self.strategy == "top_k" and self.k > elicitation.MOST:
            raise ConfigError(f"k is {self.k}; examples have up to {elicitation.MOST} guesses")
        if self.aggregation in ("pair_rank", "top_k_mean") and self.strategy != "top_k":
            raise ConfigError(f"aggregation is {self.aggregation!r}, which needs strategy top_k, not {self.strategy}")
        if self.aggregation is not None and self.strategy in ("p_true", "p_ik"):
            raise ConfigError(
                f"aggregation is set, and strategy {self.strategy} has one number a question; leave it out"
            )
        try:
            _ = self.drawing
        except ValueError as error:
            raise ConfigError(str(error).replace("n is", "samples is")) from error

    @property
    def drawing(self) -> Sampling:
        """How replies are drawn."""
        tokens = STRATEGIES[self.strategy].max_tokens if self.max_tokens is None else self.max_tokens
        return Sampling(n=self.samples, temperature=self.temperature, max_tokens=tokens, seed=self.seed)


def elicit(questions: Path, out: Path, config: Config, *, overwrite: bool = False) -> Path:
    """Ask every question, and write answers and confidences; goes on after its last whole shard.

    Parameters
    ----------
    questions : Path
        A run folder, or JSONL, JSON, CSV, TSV, Parquet, Arrow, or a folder that `datasets` saved, with the column
        prompt, and, where there are such, id, answers (accepted ones), answer (which self_probing and p_true judge),
        split and distractors (wrong answers). Of a run the frozen answers are judged.
    out : Path
        A .parquet or .arrow file.
    config : Config
    overwrite : bool, default=False

    Raises
    ------
    ArtefactError
        If a row makes no sense, or there is none.
    """
    if out.suffix not in (".parquet", ".arrow") or out.is_dir():
        raise ConfigError(f"out is {out}; name a .parquet or .arrow file")
    files = elicit_questions.files_of(questions)
    making = MadeBy.of("elicit", config, files)
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    asked = partial(elicit_questions.read, files, config.split)
    total = sum(1 for _ in asked())
    if not total:
        raise ArtefactError(f"{questions} has no questions{f' of split {config.split}' if config.split else ''}")
    wrong = elicit_questions.pool(asked()) if config.sampling == "misleading" else []
    backend = backends.make(config.backend, model=config.model, **config.backend_settings)
    grader = make_grader(config.grader, config.grader_settings)
    rows = asked()
    batches = iter(lambda: list(islice(rows, config.shard_size)), [])
    try:
        with Shards(out, making, COLUMNS, overwrite=overwrite) as shards, progress.bar("elicit", total) as bar:
            tabled = (pa.Table.from_pylist([row._asdict() for row in batch]) for batch in batches)
            shards.run(tabled, lambda batch: elicit_batch(batch, config, backend, grader, wrong), bar.update)
    finally:
        backend.close()
    return out


def elicit_batch(
    batch: pa.Table, config: Config, backend: Backend, grader: Grader, wrong: list[str] | None = None
) -> pa.Table:
    """Ask some questions.

    Parameters
    ----------
    batch : pyarrow.Table
        `id`, `prompt`, `answers`, `answer` and `distractors`.
    config : Config
    backend : Backend
    grader : Grader
    wrong : list of str, optional
        Answers of other questions, for sampling misleading.

    Returns
    -------
    pyarrow.Table
        As many rows, of `COLUMNS`. A question that the backend cannot take is a failed row; what cannot be read is null
        and has a reason.
    """
    rows = [Asked(**row) for row in batch.to_pylist()]
    strategy = STRATEGIES[config.strategy]
    if strategy.template is not None:
        groups = _drawn(rows, config, backend, wrong or [], strategy.shown if config.examples else strategy.turn)
        read: Any = strategy.read
        if config.strategy == "multi_step":
            read = partial(elicitation.read_steps, combine=cast(Combine, config.steps))
        replies = [[read(one.text) for one in group.completions] for group in groups]
    else:
        groups, replies = _answered(rows, config, backend, wrong or [])
        if config.strategy == "self_probing":
            groups, replies = _probed(rows, groups, replies, config, backend)
    made = [_row(row, group, mine, config) for row, group, mine in zip(rows, groups, replies, strict=True)]
    if config.strategy in ("p_true", "p_ik"):
        _weigh(rows, made, config, backend)
    gradable = [row for row in made if row["answers"] and row["answer"] is not None]
    if gradable:
        # A grader that cannot tell masks its verdict, which is None in a list.
        verdicts = grader(*([row[name] for row in gradable] for name in ("answer", "answers", "prompt")))
        for row, verdict in zip(gradable, verdicts.tolist(), strict=True):
            row |= {"correct": verdict, "grader": graders.identity(config.grader, grader)}
    return pa.Table.from_pylist(made, COLUMNS)


# Asking


def _drawn(rows: list[Asked], config: Config, backend: Backend, wrong: list[str], turn: Any) -> list[CompletionGroup]:
    """Draw `samples` replies to each question, from one prompt or from as many."""
    if config.sampling == "self_random":
        return backend([turn(row.prompt, config.k) for row in rows], config.drawing)
    texts = [text for row in rows for text in _variants(row, config, wrong)]
    alone = Sampling(temperature=config.temperature, max_tokens=config.drawing.max_tokens, seed=config.seed)
    found = backend([turn(text, config.k) for text in texts], alone)
    size = config.samples
    return [_joined(found[start : start + size]) for start in range(0, len(found), size)]


def _answered(
    rows: list[Asked], config: Config, backend: Backend, wrong: list[str]
) -> tuple[list[CompletionGroup], list[list[Reply]]]:
    """Draw answers, but for questions that have one, unless others are wanted as ideas."""
    todo = [row for row in rows if row.answer is None or config.ideas]
    turn = partial(_answer_turn, template=config.answer_prompt)
    drawn = iter(_drawn(todo, config, backend, wrong, turn) if todo else [])
    groups = [next(drawn) if row.answer is None or config.ideas else CompletionGroup([]) for row in rows]
    copies = config.samples if config.strategy == "self_probing" else 1
    replies = [
        [Reply([row.answer], [math.nan])] * copies
        if row.answer is not None
        else [Reply([one.text], [math.nan]) if one.text else Reply([], [], "blank") for one in group.completions]
        for row, group in zip(rows, groups, strict=True)
    ]
    return groups, replies


def _answer_turn(question: str, _: int, template: str) -> Prompt:
    return prompts.answer_turn(question, template)


def _joined(groups: list[CompletionGroup]) -> CompletionGroup:
    error = next((group.error for group in groups if group.error is not None), None)
    return CompletionGroup([] if error else [one for group in groups for one in group.completions], error)


def _variants(row: Asked, config: Config, wrong: list[str]) -> list[str]:
    if config.sampling == "prompting":
        ways = elicitation.VARIATIONS
        return [ways[i % len(ways)].replace("{question}", row.prompt) for i in range(config.samples)]
    hints = elicitation.HINTS
    mine = {_canonical(answer) for answer in row.answers}
    others = row.distractors or [answer for answer in wrong if _canonical(answer) not in mine]
    if not others:
        raise ConfigError(
            f"sampling is 'misleading', and there is no wrong answer for question {row.id!r}; give some in the column "
            "distractors"
        )
    suggested = [others[_hash(row.id, i, config.seed) % len(others)] for i in range(config.samples)]
    return [f"{row.prompt}\n\n{hints[i % len(hints)].replace('{wrong}', one)}" for i, one in enumerate(suggested)]


def _hash(name: str, i: int, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{i}\0{name}".encode()).digest()[:8], "big")


def _probed(
    rows: list[Asked], groups: list[CompletionGroup], replies: list[list[Reply]], config: Config, backend: Backend
) -> tuple[list[CompletionGroup], list[list[Reply]]]:
    """Ask how likely each reply's answer is to be right."""
    turns: list[Prompt] = [
        elicitation.probe_turn(row.prompt, reply.guesses[0], examples=config.examples)
        for row, mine in zip(rows, replies, strict=True)
        for reply in mine
        if reply.guesses
    ]
    sampling = Sampling(temperature=config.temperature, max_tokens=config.drawing.max_tokens, seed=config.seed + 1)
    said = iter(backend(turns, sampling) if turns else [])
    probed, read = [], []
    for group, mine in zip(groups, replies, strict=True):
        asked = [next(said) if reply.guesses else CompletionGroup([]) for reply in mine]
        whole = _joined([one for one in asked if one.completions or one.error]) if not group.error else group
        stated = [_stated(reply, one) for reply, one in zip(mine, asked, strict=True)]
        probed.append(whole)
        read.append([] if whole.error else stated)
    return probed, read


def _stated(reply: Reply, probe: CompletionGroup) -> Reply:
    if not probe.completions:
        return reply
    value, reason = elicitation.read_probe(probe.completions[0].text)
    return Reply(reply.guesses, [value]) if value is not None else Reply([], [], f"confidence: {reason}")


def _weigh(rows: list[Asked], made: list[dict[str, Any]], config: Config, backend: Backend) -> None:
    """Put in how likely the model says that the answer is true, or that it knows it."""
    todo = [(row, mine) for row, mine in zip(rows, made, strict=True) if mine["answer"] is not None]
    turns: list[Prompt] = []
    for row, mine in todo:
        if config.strategy == "p_ik":
            turns.append(elicitation.p_ik_turn(row.prompt))
        else:
            ideas = list(dict.fromkeys(mine["texts"])) if config.ideas else []
            turns.append(elicitation.p_true_turn(row.prompt, mine["answer"], ideas))
    options = elicitation.YES_NO if config.strategy == "p_ik" else elicitation.TRUE_FALSE
    if not turns:
        return
    if config.read == "probabilities":
        logprobs = backend.option_logprobs(turns, options)
        shares = 1 / (1 + np.exp(logprobs[:, 1] - logprobs[:, 0]))
        reasons = ["over the context" if np.isnan(share) else None for share in shares]
    else:
        sampling = Sampling(n=config.samples, temperature=config.temperature, max_tokens=8, seed=config.seed + 1)
        shares, reasons = np.full(len(turns), np.nan), [None] * len(turns)
        for i, group in enumerate(backend(turns, sampling)):
            said = [elicitation.read_option(one.text, options) for one in group.completions]
            told = [one for one in said if one is not None]
            shares[i] = sum(told) / len(told) if told else np.nan
            reasons[i] = None if told else group.error or f"neither {options[0]} nor {options[1]}"
    for (_, mine), share, reason in zip(todo, shares.tolist(), reasons, strict=True):
        value = None if math.isnan(share) else share
        mine |= {config.strategy: value, "confidence": value, "n_read": int(value is not None), "reasons": [reason]}


# Putting together


def _canonical(text: str) -> str:
    return normalize(text) or text.strip().casefold()


def _row(row: Asked, group: CompletionGroup, replies: list[Reply], config: Config) -> dict[str, Any]:
    known: dict[str, Any] = {"id": row.id, "prompt": row.prompt, "answers": row.answers, "answer": None}
    if group.error is not None:
        return known | {"status": schema.FAILED, "error": group.error, "n_read": 0}
    read = [reply for reply in replies if reply.guesses]
    first = [_canonical(reply.guesses[0]) for reply in read]
    chosen = elicitation.candidate(first)
    known |= {
        "answer": None if chosen is None else read[first.index(chosen)].guesses[0],
        "n_read": len(read),
        "guesses": [reply.guesses for reply in replies],
        "confidences": [reply.stated for reply in replies],
        "reasons": [reply.reason for reply in replies],
        "texts": [one.text for one in group.completions],
        "status": schema.DONE,
    }
    if chosen is None:
        return known
    if row.answer is None or STRATEGIES[config.strategy].template is not None:  # it was drawn
        known["consistency"] = elicitation.consistency(first, chosen)
    if config.strategy in ("p_true", "p_ik"):
        return known | {"confidences": None}
    stated = [reply.stated[0] for reply in read]
    known["stated"] = elicitation.mean_stated(first, stated, chosen)
    known["avg_conf"] = elicitation.avg_conf(first, stated, chosen)
    if config.strategy == "top_k":
        guesses = [_merged(reply) for reply in read]
        known["pair_rank"] = elicitation.pair_rank([list(mine) for mine in guesses])[chosen]
        known["top_k_mean"] = min(1.0, elicitation.top_k_mean(guesses, chosen))
    known["confidence"] = known[config.aggregation or ("stated" if config.samples == 1 else "avg_conf")]
    return known


def _merged(reply: Reply) -> dict[str, float]:
    """Guesses that are one, as one: where the first stands, with their probabilities together."""
    merged: dict[str, float] = {}
    for guess, chance in zip(reply.guesses, reply.stated, strict=True):
        merged[_canonical(guess)] = min(1.0, merged.get(_canonical(guess), 0.0) + chance)
    return merged


# Telling


def summary(path: Path) -> str:
    """Say what a file of elicited confidences holds, in a few lines."""
    count = failed = graded = right = 0
    stated: list[float] = []
    reasons: Counter[str] = Counter()
    replies = 0
    for table in artefacts.read(path, ["status", "correct", "confidence", "reasons"]):
        for status, correct, confidence, why in zip(*(column.to_pylist() for column in table.columns), strict=True):
            count += 1
            failed += status == schema.FAILED
            graded += correct is not None
            right += correct is True
            stated += [confidence] if confidence is not None else []
            replies += len(why or ())
            reasons.update(one for one in why or () if one is not None)
    lines = [f"{count:,} questions, {failed:,} failed, {len(stated):,} with a confidence"]
    if stated:
        lines[0] += f" ({math.fsum(stated) / len(stated):.3f} on average)"
    if graded:
        lines.append(f"{right:,} of {graded:,} graded answers right ({right / graded:.3f})")
    if reasons:
        lines.append(f"{reasons.total():,} of {replies:,} replies could not be read:")
        lines += [f"  {many:,} {reason}" for reason, many in reasons.most_common()]
    return "\n".join(lines)
