"""Train: make the model state its uncertainty. targets.parquet -> adapter/."""

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from uncal import artefacts, cards, progress, prompts, rewards
from uncal.artefacts import MadeBy, Shards
from uncal.errors import ArtefactError, ConfigError, MissingExtraError
from uncal.types import Message

log = logging.getLogger("uncal")
COMPLETE = "complete"
OURS = frozenset(
    {
        "beta",
        "bf16",
        "disable_tqdm",
        "gradient_accumulation_steps",
        "learning_rate",
        "logging_steps",
        "max_completion_length",
        "max_steps",
        "num_generations",
        "output_dir",
        "per_device_train_batch_size",
        "save_steps",
        "save_strategy",
        "save_total_limit",
        "scale_rewards",
        "seed",
        "temperature",
    }
)
"""Options of TRL that uncal sets from its own settings, or on which resuming and the method rest."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the train stage; the flags of ``uncal train`` are these fields.

    Attributes
    ----------
    model : str or None, default=None
        The base model; None takes the one that answered.
    rewards : tuple of str, default=("target_match",)
    reward_settings : mapping, default={}
        Settings handed to every reward.
    uncertainty_prompt : str
        What asks how unsure the answer is.
    warmup_steps : int, default=100
        Supervised steps on well-formed statements of the targets before reinforcement learning; 0 for a model that
        holds the format by itself. A small model that does not gets no reward to learn from without them.
    warmup_batch_size : int, default=16
    warmup_learning_rate : float, default=2e-4
        Falls to 0.
    steps : int, default=200
        GRPO steps; 0 leaves it at the warm-up. The paper takes 1000 (secondary source).
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
    micro_batch_size : int, default=16
        Statements in one forward and backward pass; less needs less memory.
    save_every : int, default=20
        Steps between checkpoints, from which a training that was cut off goes on.
    trl : mapping, default={}
        Any further option of TRL's GRPOConfig, such as use_vllm=true.
    seed : int, default=0
    """

    model: str | None = None
    rewards: tuple[str, ...] = ("target_match",)
    reward_settings: Mapping[str, Any] = field(default_factory=dict)
    uncertainty_prompt: str = prompts.UNCERTAINTY
    warmup_steps: int = 100
    warmup_batch_size: int = 16
    warmup_learning_rate: float = 2e-4
    steps: int = 200
    prompts_per_step: int = 8
    num_generations: int = 16
    temperature: float = 1.0
    max_tokens: int = 256
    learning_rate: float = 2e-5
    beta: float = 0.0
    lora_rank: int = 16
    lora_alpha: int = 32
    micro_batch_size: int = 16
    save_every: int = 20
    trl: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("warmup_steps", "steps"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        for name in ("warmup_batch_size", "prompts_per_step", "max_tokens", "lora_rank", "micro_batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.save_every < 1:
            raise ConfigError(f"save_every is {self.save_every}; it must be at least 1")
        if self.num_generations < 2:
            raise ConfigError(f"num_generations is {self.num_generations}; an advantage takes at least 2")
        if self.steps + self.warmup_steps == 0:
            raise ConfigError("steps and warmup_steps are both 0; there is nothing to train")
        if not self.rewards:
            raise ConfigError("rewards is empty; name at least one (`uncal list rewards`)")
        if taken := sorted(OURS & set(self.trl)):
            raise ConfigError(f"trl sets {', '.join(taken)}, which uncal sets itself; use its own settings")
        micro = min(self.micro_batch_size, self.warmup_batch_size)
        if self.warmup_steps and self.warmup_batch_size % micro:
            raise ConfigError(
                f"warmup_batch_size {self.warmup_batch_size} does not divide into micro batches of {micro}"
            )
        for name in self.rewards:
            rewards.make(name, **self.reward_settings)
        if self.steps and (self.prompts_per_step * self.num_generations) % self.micro_size:
            raise ConfigError(
                f"a step's {self.prompts_per_step * self.num_generations} statements (prompts_per_step * "
                f"num_generations) do not divide into micro batches of {self.micro_batch_size}"
            )

    @property
    def micro_size(self) -> int:
        """Statements in a pass: `micro_batch_size`, but no more than a step has."""
        return min(self.micro_batch_size, self.prompts_per_step * self.num_generations)


def train(targets: Path, out: Path, config: Config | None = None, *, overwrite: bool = False) -> Path:
    """Train a LoRA adapter on the train split: supervised warm-up, then GRPO.

    The conversation holds the question and the frozen answer; only the tokens of the uncertainty turn carry loss.
    `out` becomes a folder with the adapter, the tokenizer, a model card and uncal.json. A training that was cut off
    goes on from its last checkpoint.

    Raises
    ------
    ArtefactError
        If the train split has no question with a target.
    MissingExtraError
        If TRL or PEFT is not installed.
    """
    config = config or Config()
    making = MadeBy.of("train", config, {"targets": targets})
    if artefacts.is_done(out, making, overwrite=overwrite):
        return out
    sampled = making.lineage.get("sample", {})
    model = config.model or sampled.get("model")
    if model is None:
        raise ConfigError(f"{targets} does not say which model answered; pass --model")
    answer_prompt = sampled.get("answer_prompt", prompts.ANSWER)
    rows, too_long = _fitting(_rows(targets), model, answer_prompt, config)
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training needs the package {error.name!r}; `pip install 'uncal[train]'`") from error
    conversations = [
        prompts.uncertainty_turn(row["prompt"], row["answer"], answer_prompt, config.uncertainty_prompt) for row in rows
    ]
    with Shards(out, making, overwrite=overwrite) as shards:
        work = shards.folder
        warm, warmup_log = _warm_up(work, model, conversations, rows, config)
        trained, grpo_log = _reinforce(work, warm, model, conversations, rows, config)
        final = work / "final"
        _keep(trained, final, model)
        note = {
            "made_by": making.to_dict(),
            "base_model": model,
            "prompts": {"answer": answer_prompt, "uncertainty": config.uncertainty_prompt},
            "answer_sampling": {
                "temperature": sampled.get("answer_temperature", 0.1),
                "max_tokens": sampled.get("max_tokens", 64),
                "seed": sampled.get("seed", 0),
            },
            "read_out": {"temperature": 0.0, "max_tokens": config.max_tokens},
            "questions": len(rows),
            "over_the_context": too_long,
            "training": {"warmup": warmup_log, "grpo": grpo_log},
            "packages": _versions(),
        }
        artefacts.write_text(final / artefacts.NOTE, json.dumps(note, indent=2, sort_keys=True) + "\n")
        artefacts.write_text(final / "README.md", cards.model_card(note))
        if out.exists():
            out.rename(work / "replaced")
        final.rename(out)
        shutil.rmtree(work)
    return out


def _rows(targets: Path) -> list[dict[str, Any]]:
    """Questions of the train split that have a target."""
    rows: list[dict[str, Any]] = []
    for table in artefacts.read(targets, ["id", "split", "prompt", "answer", "uncertainty", "correct"]):
        wanted = pc.and_(pc.equal(table["split"], "train"), pc.is_valid(table["uncertainty"]))
        rows += table.filter(wanted).to_pylist()
    if not rows:
        raise ArtefactError(f"no question of the split 'train' in {targets} has a target")
    return rows


def _fitting(
    rows: list[dict[str, Any]], model: str, answer_prompt: str, config: Config
) -> tuple[list[dict[str, Any]], int]:
    """Leave out the questions whose conversation and statement are over the model's context, and count them."""
    from uncal.backends.transformers import Transformers

    backend = Transformers(model=model)
    kept = []
    for row in rows:
        turns = prompts.uncertainty_turn(row["prompt"], row["answer"], answer_prompt, config.uncertainty_prompt)
        if len(backend.encode(turns)) + config.max_tokens <= backend.context:
            kept.append(row)
    if not kept:
        raise ArtefactError(f"every question of the split 'train' is over the context of {model!r}")
    if left_out := len(rows) - len(kept):
        log.warning("train: %d questions are over the model's context and left out", left_out)
    return kept, left_out


def _warm_up(
    work: Path, model: str, conversations: list[Any], rows: list[dict[str, Any]], config: Config
) -> tuple[Path | None, list[dict[str, float]]]:
    """Teach the format and the targets by supervised steps; gives the adapter's folder, or None without a warm-up."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    if not config.warmup_steps:
        return None, []
    done = work / "warmup"
    if not (done / COMPLETE).exists():
        network, tokenizer = _model(model, None, config)
        dataset = Dataset.from_list(
            [
                _example(tokenizer, conversation, f"<uncertainty>{row['uncertainty']:.2f}</uncertainty>")
                for conversation, row in zip(conversations, rows, strict=True)
            ]
        )
        micro = min(config.micro_batch_size, config.warmup_batch_size)
        arguments = SFTConfig(
            **_shared_arguments(work / "warmup-checkpoints", config),
            max_steps=config.warmup_steps,
            learning_rate=config.warmup_learning_rate,
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=max(1, config.warmup_batch_size // micro),
            completion_only_loss=True,
            max_length=None,
        )
        trainer = SFTTrainer(model=network, args=arguments, train_dataset=dataset, processing_class=tokenizer)
        _run(trainer, "warm-up", config.warmup_steps, ("loss",))
        _finish(trainer, done, ("loss",))
    return done, json.loads((done / COMPLETE).read_text())


def _example(tokenizer: Any, conversation: list[Message], statement: str) -> dict[str, Any]:
    """Return a prompt and its completion as TRL takes them: conversations, or texts without a chat template."""
    from uncal.backends.transformers import templated

    prompt = templated(tokenizer, conversation)
    completion = statement if isinstance(prompt, str) else [{"role": "assistant", "content": statement}]
    return {"prompt": prompt, "completion": completion}


def _reinforce(
    work: Path, warm: Path | None, model: str, conversations: list[Any], rows: list[dict[str, Any]], config: Config
) -> tuple[Path, list[dict[str, float]]]:
    """Train by GRPO from the warm start; gives the adapter's folder."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from uncal.backends.transformers import templated

    if not config.steps:
        assert warm is not None
        return warm, []
    done = work / "grpo"
    keys = ("reward", "reward_std", "frac_reward_zero_std", "loss", "completions/mean_length")
    if not (done / COMPLETE).exists():
        network, tokenizer = _model(model, warm, config)
        dataset: Dataset = Dataset.from_list(
            [
                {
                    "prompt": templated(tokenizer, conversation),
                    "uncertainty": row["uncertainty"],
                    "correct": row["correct"],
                }
                for conversation, row in zip(conversations, rows, strict=True)
            ]
        )
        step_size = config.prompts_per_step * config.num_generations
        arguments = GRPOConfig(
            **_shared_arguments(work / "grpo-checkpoints", config)
            | {
                "max_steps": config.steps,
                "learning_rate": config.learning_rate,
                "per_device_train_batch_size": config.micro_size,
                "gradient_accumulation_steps": step_size // config.micro_size,
                "num_generations": config.num_generations,
                "max_completion_length": config.max_tokens,
                "temperature": config.temperature,
                "beta": config.beta,
                "scale_rewards": "none",
            }
            | dict(config.trl),
        )
        trainer = GRPOTrainer(
            model=network,
            args=arguments,
            reward_funcs=[rewards.make(name, **config.reward_settings) for name in config.rewards],
            train_dataset=dataset,
            processing_class=tokenizer,
        )
        _run(trainer, "GRPO", config.steps, ("reward",))
        _finish(trainer, done, keys)
    return done, json.loads((done / COMPLETE).read_text())


def _shared_arguments(folder: Path, config: Config) -> dict[str, Any]:
    """Options that supervised training and GRPO have in common."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "output_dir": str(folder),
        "seed": config.seed,
        "lr_scheduler_type": "linear",
        "save_strategy": "steps",
        "save_steps": config.save_every,
        "save_total_limit": 2,
        "logging_steps": 1,
        "report_to": [],
        "disable_tqdm": True,
        "bf16": cuda and torch.cuda.is_bf16_supported(),
        "gradient_checkpointing": cuda,
        "dataloader_pin_memory": cuda,
        "push_to_hub": False,
    }


def _model(model: str, adapter: Path | None, config: Config) -> tuple[Any, Any]:
    """Load the base model with a fresh adapter, or the one in a folder, and the tokenizer."""
    import torch
    from peft import LoraConfig, get_peft_model

    from uncal.backends import transformers as backend

    torch.manual_seed(config.seed)
    network = backend.load_model(model, dtype="float32")
    if adapter is not None:
        network = backend.put_adapter(network, str(adapter), trainable=True)
    else:
        lora = LoraConfig(
            r=config.lora_rank, lora_alpha=config.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        network = get_peft_model(network, lora)
    return network, backend.load_tokenizer(model)


def _run(trainer: Any, label: str, steps: int, shown: tuple[str, ...]) -> None:
    """Train, from the last whole checkpoint on if there is one."""
    from transformers import PrinterCallback, ProgressCallback, TrainerCallback

    with progress.bar(label, steps, "step") as bar:

        class Watch(TrainerCallback):  # type: ignore[misc]
            """Moves the bar, and marks a checkpoint as whole once all of it is written."""

            def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
                bar.update(state.global_step)

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
                bar.update(1)

            def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
                bar.set_postfix_str(" ".join(f"{key} {float(logs[key]):.3f}" for key in shown if key in (logs or {})))

            def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
                artefacts.write_text(Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE, "")

        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(Watch)
        last = _last_checkpoint(Path(trainer.args.output_dir), steps)
        if last is not None:
            log.info("train: %s goes on from %s", label, last.name)
        trainer.train(resume_from_checkpoint=str(last) if last else None)


def _last_checkpoint(folder: Path, steps: int) -> Path | None:
    """Find the newest whole checkpoint before the last step; others are removed.

    Half-written ones are of no use, and from the very last step a trainer would take one step too many.
    """
    whole = {}
    for checkpoint in folder.glob("checkpoint-*"):
        step = int(checkpoint.name.rpartition("-")[2])
        if (checkpoint / COMPLETE).exists() and step < steps:
            whole[step] = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return whole[max(whole)] if whole else None


def _finish(trainer: Any, done: Path, keys: tuple[str, ...]) -> None:
    """Save the adapter and what was logged, then mark the folder as whole."""
    shutil.rmtree(done, ignore_errors=True)
    trainer.model.save_pretrained(str(done), safe_serialization=True)
    history = [
        {"step": entry["step"]} | {key: float(entry[key]) for key in keys if key in entry}
        for entry in trainer.state.log_history
        if keys[0] in entry
    ]
    artefacts.write_text(done / COMPLETE, json.dumps(history))


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
