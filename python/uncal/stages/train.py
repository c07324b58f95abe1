"""Train: make the model state its uncertainty. targets.parquet -> adapter/."""

import json
import logging
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from uncal import artefacts, cards, objectives, prompts, schema, selection
from uncal.artefacts import MadeBy, Shards
from uncal.errors import ArtefactError, ConfigError, MissingExtraError
from uncal.types import Objective

log = logging.getLogger("uncal")
OURS = frozenset(
    {
        "beta",
        "bf16",
        "disable_tqdm",
        "eval_on_start",
        "eval_steps",
        "eval_strategy",
        "gradient_accumulation_steps",
        "greater_is_better",
        "learning_rate",
        "load_best_model_at_end",
        "logging_steps",
        "max_completion_length",
        "max_steps",
        "metric_for_best_model",
        "num_generations",
        "output_dir",
        "per_device_train_batch_size",
        "reward_weights",
        "save_steps",
        "save_strategy",
        "save_total_limit",
        "seed",
        "temperature",
    }
)
"""Options of TRL that uncal sets from its own settings, or on which resuming and the method rest."""
PEFTS = frozenset({"lora_alpha", "r", "task_type"})
"""Options of PEFT's LoraConfig that uncal sets from its own settings."""
ELSEWHERE = {
    "answers": (schema.QUESTIONS, "answers"),
    "completions": (schema.COMPLETIONS, "completions"),
    "completions_correct": (schema.GRADES, "completions_correct"),
}
"""Columns that objectives may need and that stand beside targets.parquet."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the train stage; the flags of ``uncal train`` are these fields.

    Attributes
    ----------
    objective : str, default="target_match"
        What is trained on: a name of `uncal list objectives` or `uncal list rewards`, or module:attribute.
    objective_settings : mapping, default={}
        Settings of the objective, or of the reward.
    model : str or None, default=None
        The base model; None takes the one that answered.
    start : str or None, default=None
        An adapter to start from, which `uncal train` made of the same model; None starts afresh.
    select : {"all", "balanced", "differing"}, default="all"
        Questions that are trained on: all of the split; as many of each tenth of the targets as the rarest has
        (`uncal.selection.balance_by_target`); those whose sampled answers are neither all right nor all wrong.
    uncertainty_prompt : str or None, default=None
        What asks for the number, with {question} where the model answers itself; None is the objective's own.
    supervised_steps : int, default=100
        Steps on the objective's records, well-formed statements of the targets unless it says otherwise. A small model
        that does not hold the format gets no reward to learn from without them.
    supervised_batch_size : int, default=16
    supervised_learning_rate : float, default=2e-4
        Falls to 0.
    steps : int, default=200
        GRPO steps, for an objective that has rewards; 0 leaves it at the supervised ones. The paper takes 1000
        (secondary source).
    prompts_per_step : int, default=8
        Questions in a GRPO step. The paper takes 32 (secondary source).
    num_generations : int, default=16
        Statements drawn of each question in a step, as in the paper (secondary source).
    temperature : float, default=1.0
        Of those draws. The paper takes 1.5 (secondary source).
    max_tokens : int, default=256
        A statement is cut after so many tokens.
    learning_rate : float, default=2e-5
        Of GRPO; falls to 0.
    beta : float, default=0.0
        Weight of the KL term.
    lora_rank : int, default=16
        As in the paper (secondary source).
    lora_alpha : int, default=32
    quantization : {"none", "4bit"}, default="none"
        "4bit" holds the base model in 4 bits while the adapter is trained (QLoRA); it takes CUDA and bitsandbytes.
    micro_batch_size : int, default=16
        Statements in one forward and backward pass of a process; less needs less memory.
    save_every : int, default=20
        Steps between checkpoints, from which a training that was cut off goes on.
    validate_every : int, default=0
        Steps between two measures of ECE, Brier and AUROC on the split validate; 0 measures none.
    validate_questions : int, default=256
        At most so many are asked.
    best : {"brier", "ece", "auroc"} or None, default=None
        Keep the adapter that was best by this on the split validate, instead of the last; it needs validate_every.
    patience : int, default=0
        End a phase after so many measures that were no better; 0 goes on to its last step. It needs best.
    trl : mapping, default={}
        Any further option of TRL's GRPOConfig, or its SFTConfig where that has it, such as use_vllm=true.
    peft : mapping, default={}
        Any further option of PEFT's LoraConfig, such as lora_dropout=0.05.
    seed : int, default=0
    """

    objective: str = "target_match"
    objective_settings: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    start: str | None = None
    select: str = "all"
    uncertainty_prompt: str | None = None
    supervised_steps: int = 100
    supervised_batch_size: int = 16
    supervised_learning_rate: float = 2e-4
    steps: int = 200
    prompts_per_step: int = 8
    num_generations: int = 16
    temperature: float = 1.0
    max_tokens: int = 256
    learning_rate: float = 2e-5
    beta: float = 0.0
    lora_rank: int = 16
    lora_alpha: int = 32
    quantization: str = "none"
    micro_batch_size: int = 16
    save_every: int = 20
    validate_every: int = 0
    validate_questions: int = 256
    best: str | None = None
    patience: int = 0
    trl: Mapping[str, Any] = field(default_factory=dict)
    peft: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("supervised_steps", "steps", "validate_every", "patience"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        least_one = ("supervised_batch_size", "prompts_per_step", "max_tokens", "lora_rank", "micro_batch_size")
        for name in (*least_one, "save_every", "validate_questions"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.num_generations < 2:
            raise ConfigError(f"num_generations is {self.num_generations}; an advantage takes at least 2")
        if self.select not in ("all", "balanced", "differing"):
            raise ConfigError(f"select is {self.select!r}; it must be all, balanced or differing")
        if self.quantization not in ("none", "4bit"):
            raise ConfigError(f"quantization is {self.quantization!r}; it must be none or 4bit")
        if self.best not in (None, "brier", "ece", "auroc"):
            raise ConfigError(f"best is {self.best!r}; it must be brier, ece or auroc")
        if self.best and not self.validate_every:
            raise ConfigError(f"best is {self.best!r} and validate_every 0; nothing is measured to choose by")
        if self.patience and not self.best:
            raise ConfigError(f"patience is {self.patience} and best is not set; say what must get better")
        if taken := sorted(OURS & set(self.trl)):
            raise ConfigError(f"trl sets {', '.join(taken)}, which uncal sets itself; use its own settings")
        if taken := sorted(PEFTS & set(self.peft)):
            raise ConfigError(f"peft sets {', '.join(taken)}, which uncal sets itself; use its own settings")
        objective = self.make_objective()
        if self.uncertainty_prompt is not None and objective.order != "answer_first":
            prompts.check(self.uncertainty_prompt)
        if not (self.steps and objective.rewards) and not self.supervised_steps:
            without = "" if objective.rewards else f", and {self.objective} has no rewards"
            raise ConfigError(f"supervised_steps is 0{without or ' and so is steps'}; there is nothing to train")
        if self.supervised_steps:
            _divided("supervised_batch_size", self.supervised_batch_size, self.micro_batch_size)
        if self.steps and objective.rewards:
            what = "prompts_per_step * num_generations"
            _divided(what, self.prompts_per_step * self.num_generations, self.micro_batch_size)

    def make_objective(self) -> Objective:
        """Make what is trained on."""
        return objectives.make(self.objective, **self.objective_settings)


def train(targets: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Train a LoRA adapter on the train split: supervised records, then GRPO where the objective has rewards.

    Only what the model is to say carries loss: the uncertainty turn after a frozen answer, or answer and number where
    it answers itself. `out` becomes a folder with the adapter, the tokenizer, a model card and uncal.json. A training
    that was cut off goes on from its last checkpoint. Under ``accelerate launch`` the processes share each step.

    Columns that an objective needs and targets.parquet does not have are read from the files beside it.

    Raises
    ------
    ArtefactError
        If the train split has no question with a target, or a file is missing that the objective needs.
    MissingExtraError
        If TRL or PEFT is not installed.
    """
    config = config or Config()
    objective = config.make_objective()
    needed = _needed(objective, config)
    beside = {name: targets.parent / file for name, (file, _) in ELSEWHERE.items() if name in needed}
    for name, path in beside.items():
        if not path.exists():
            what = config.objective if name in _needed(objective) else f"select {config.select!r}"
            raise ArtefactError(f"no file {path}; {what} needs its column {ELSEWHERE[name][1]!r}")
    start = {"start": Path(config.start)} if config.start else {}
    making = MadeBy.of("train", config, {"targets": targets} | {path.name: path for path in beside.values()} | start)
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    sampled = making.lineage.get("sample", {})
    model = config.model or sampled.get("model")
    if model is None:
        raise ConfigError(f"{targets} does not say which model answered; pass --model")
    told = {
        "answer": sampled.get("answer_prompt", prompts.ANSWER),
        "uncertainty": config.uncertainty_prompt
        or objective.ask
        or prompts.ask(objective.order, objective.read_out.format),
        "order": objective.order,
    }
    rows, too_long = _fitting(_selected(_rows(targets, "train", objective, beside), config), model, told, config)
    if not rows:
        raise ArtefactError(f"no question of the split 'train' in {targets} has a target")
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training needs the package {error.name!r}; `pip install 'uncal[train]'`") from error
    watching = _watching(targets, objective, beside, model, told, config)
    with _workplace(out, making, overwrite=overwrite) as work:
        trained, logged = _train(work, model, objective, rows, told, watching, config)
        if _rank():
            return out
        final = work / "final"
        _keep(trained, final, model)
        note = {
            "made_by": making.to_dict(),
            "base_model": model,
            "prompts": told,
            "answer_sampling": {
                "temperature": sampled.get("answer_temperature", 0.1),
                "max_tokens": sampled.get("max_tokens", 64),
                "seed": sampled.get("seed", 0),
            },
            "read_out": {"temperature": 0.0, "max_tokens": config.max_tokens} | _read_out(objective),
            "questions": len(rows),
            "over_the_context": too_long,
            "training": logged,
            "packages": _versions(),
        }
        artefacts.write_text(final / artefacts.NOTE, json.dumps(note, indent=2, sort_keys=True) + "\n")
        artefacts.write_text(final / "README.md", cards.model_card(note))
        if out.exists():
            out.rename(work / "replaced")
        final.rename(out)
        shutil.rmtree(work)
    return out


def _needed(objective: Objective, config: Config | None = None) -> frozenset[str]:
    """Columns that its records, its rewards, its validation and the selection read."""
    needed = objective.needs | (frozenset() if objective.order == "answer_first" else {"answers"})
    return needed | ({"completions_correct"} if config is not None and config.select == "differing" else frozenset())


def _selected(rows: list[dict[str, Any]], config: Config) -> list[dict[str, Any]]:
    """Leave out what `select` leaves out, and say how many."""
    if config.select == "all" or not rows:
        return rows
    if config.select == "balanced":
        targets = [math.nan if row["uncertainty"] is None else row["uncertainty"] for row in rows]
        kept = [rows[i] for i in selection.balance_by_target(targets, seed=config.seed)]
    else:
        kept = [row for row in rows if len({c for c in row["completions_correct"] or () if c is not None}) > 1]
    log.info("train: select %s keeps %d of %d questions", config.select, len(kept), len(rows))
    if not kept:
        raise ArtefactError(f"select {config.select!r} leaves none of {len(rows)} questions of the split 'train'")
    return kept


def _read_out(objective: Objective) -> dict[str, Any]:
    read_out = objective.read_out
    return {
        "format": read_out.format,
        "opening": read_out.opening,
        "options": list(read_out.options),
        "uncertainties": list(read_out.uncertainties),
    }


def _rows(targets: Path, split: str, objective: Objective, beside: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Questions of a split that have what the objective needs of targets.parquet."""
    files = {"targets": (targets, ["split", "prompt", "answer", "uncertainty", "correct"])}
    files |= {name: (path, [ELSEWHERE[name][1]]) for name, path in beside.items()}
    rows: list[dict[str, Any]] = []
    for tables in artefacts.read_together(4096, **files):
        table = tables["targets"]
        for name in beside:
            table = table.append_column(name, tables[name][ELSEWHERE[name][1]])
        wanted = pc.equal(table["split"], split)
        for name in sorted({"uncertainty", "correct"} & objective.needs):
            wanted = pc.and_(wanted, pc.is_valid(table[name]))
        rows += table.filter(wanted).to_pylist()
    return rows


def _fitting(
    rows: list[dict[str, Any]], model: str, told: Mapping[str, str], config: Config
) -> tuple[list[dict[str, Any]], int]:
    """Give each row its conversation; leave out those over the model's context with a statement, and count them."""
    from uncal.backends.transformers import Transformers

    backend = Transformers(model=model)
    kept = []
    for row in rows:
        order: Any = told["order"]
        turns = prompts.turns(order, row["prompt"], row["answer"], told["answer"], told["uncertainty"])
        if len(backend.encode(turns)) + config.max_tokens <= backend.context:
            kept.append(row | {"turns": turns})
    if rows and not kept:
        raise ArtefactError(f"every question of the split {rows[0]['split']!r} is over the context of {model!r}")
    if left_out := len(rows) - len(kept):
        log.warning("train: %d questions are over the model's context and left out", left_out)
    return kept, left_out


def _watching(
    targets: Path,
    objective: Objective,
    beside: Mapping[str, Path],
    model: str,
    told: Mapping[str, str],
    config: Config,
) -> Any:
    """Questions of the split validate on which a training is measured; None if it is not."""
    if not config.validate_every:
        return None
    from uncal.training.callback import Watched
    from uncal.training.phases import Watching

    frozen = objective.order == "answer_first"
    rows = _rows(targets, "validate", objective, beside)
    rows = [row for row in rows if (row["correct"] is not None if frozen else row["answers"])]
    rows, _ = _fitting(rows[: config.validate_questions], model, told, config)
    if not rows:
        raise ArtefactError(f"no graded question of the split 'validate' in {targets}; set validate_every to 0")
    judged: dict[str, Any] = (
        {"correct": [row["correct"] for row in rows]} if frozen else {"answers": [row["answers"] for row in rows]}
    )
    return Watching(
        watched=Watched([row["turns"] for row in rows], **judged),
        every=config.validate_every,
        max_tokens=config.max_tokens,
        best=config.best,
        patience=config.patience,
    )


@contextmanager
def _workplace(out: Path, making: MadeBy, *, overwrite: bool) -> Iterator[Path]:
    """Give the folder of checkpoints; of several processes the first one keeps it in order."""
    if _processes() == 1:
        with Shards(out, making, overwrite=overwrite) as shards:
            yield shards.folder
        return
    from accelerate import PartialState

    state = PartialState()
    if state.is_main_process:
        with Shards(out, making, overwrite=overwrite) as shards:
            state.wait_for_everyone()
            yield shards.folder
    else:
        state.wait_for_everyone()
        yield artefacts.parts_of(out)


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _train(
    work: Path,
    model: str,
    objective: Objective,
    rows: list[dict[str, Any]],
    told: Mapping[str, str],
    watching: Any,
    config: Config,
) -> tuple[Path, dict[str, Any]]:
    """Run both phases; gives the adapter's folder, and what was logged."""
    from uncal.training import phases

    turns = [row["turns"] for row in rows]
    trained = Path(config.start) if config.start else None
    logged: dict[str, Any] = {}
    if config.supervised_steps:
        done = work / "supervised"
        if not (done / phases.COMPLETE).exists():
            records = objective.records(rows, turns, config.seed)
            if not records:
                raise ArtefactError(f"objective {config.objective!r} makes no record of {len(rows)} questions")
            with _network(model, trained, told, rows, config) as (network, tokenizer):
                options = _supervised_options(config)
                phases.supervised(done, network, tokenizer, objective, records, options, watching)
        trained, logged["supervised"] = done, json.loads((done / phases.COMPLETE).read_text())
    if config.steps and objective.rewards:
        done = work / "grpo"
        if not (done / phases.COMPLETE).exists():
            with _network(model, trained, told, rows, config) as (network, tokenizer):
                options = _grpo_options(config)
                phases.reinforced(done, network, tokenizer, objective, rows, turns, options, watching)
        trained, logged["grpo"] = done, json.loads((done / phases.COMPLETE).read_text())
    assert trained is not None
    return trained, logged


def _supervised_options(config: Config) -> dict[str, Any]:
    from dataclasses import fields

    from trl import SFTConfig

    micro, passes = _divided("supervised_batch_size", config.supervised_batch_size, config.micro_batch_size)
    known = {field.name for field in fields(SFTConfig)}
    return {
        "seed": config.seed,
        "save_steps": config.save_every,
        "max_steps": config.supervised_steps,
        "learning_rate": config.supervised_learning_rate,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": passes,
    } | {name: value for name, value in config.trl.items() if name in known}


def _grpo_options(config: Config) -> dict[str, Any]:
    what = "prompts_per_step * num_generations"
    micro, passes = _divided(what, config.prompts_per_step * config.num_generations, config.micro_batch_size)
    return {
        "seed": config.seed,
        "save_steps": config.save_every,
        "max_steps": config.steps,
        "learning_rate": config.learning_rate,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": passes,
        "num_generations": config.num_generations,
        "max_completion_length": config.max_tokens,
        "temperature": config.temperature,
        "beta": config.beta,
        "scale_rewards": "none",
    } | dict(config.trl)


def _divided(what: str, size: int, micro: int) -> tuple[int, int]:
    """Divide a step among processes and passes of `micro`; gives the size of a pass and how many a process makes."""
    processes = _processes()
    micro = min(micro, max(1, size // processes))
    if size % (micro * processes):
        each = f" for each of {processes} processes" if processes > 1 else ""
        raise ConfigError(f"{what} is {size}, which does not divide into micro batches of {micro}{each}")
    return micro, size // (micro * processes)


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def _network(
    model: str, adapter: Path | None, told: Mapping[str, str], rows: list[dict[str, Any]], config: Config
) -> Iterator[tuple[Any, Any]]:
    """Load the base model with a fresh adapter, or the one in a folder; check afterwards that its answers are the same.

    The tokenizer comes with it.
    """
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    from uncal.backends import transformers as backend
    from uncal.training import invariance

    torch.manual_seed(config.seed)
    network = backend.load_model(model, dtype="float32", quantization=config.quantization)
    if adapter is not None:
        network = backend.put_adapter(network, str(adapter), trainable=True)
    else:
        options = {"target_modules": "all-linear"} | dict(config.peft)
        lora = LoraConfig(r=config.lora_rank, lora_alpha=config.lora_alpha, task_type="CAUSAL_LM", **options)
        if config.quantization != "none":
            network = prepare_model_for_kbit_training(network)
        network = get_peft_model(network, lora)
    tokenizer = backend.load_tokenizer(model)
    asked = [prompts.answer_turn(row["prompt"], told["answer"]) for row in rows[:4]]
    before = invariance.answer_logits(network, tokenizer, asked)
    yield network, tokenizer
    invariance.assert_answer_invariance(network, tokenizer, asked, before)


def _keep(trained: Path, final: Path, model: str) -> None:
    """Put the adapter and the tokenizer into the folder that becomes the artefact."""
    from uncal.backends import transformers as backend

    shutil.rmtree(final, ignore_errors=True)
    final.mkdir()
    shutil.copy2(trained / "adapter_model.safetensors", final)
    settings = json.loads((trained / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = model  # as the user named it, not a folder of this machine
    artefacts.write_text(final / "adapter_config.json", json.dumps(settings, indent=2, sort_keys=True) + "\n")
    backend.load_tokenizer(model).save_pretrained(str(final))


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "transformers", "trl", "peft")}
