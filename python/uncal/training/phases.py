"""The two phases of a training, each by a trainer of TRL's: supervised records, then rewards."""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from uncal import artefacts, progress
from uncal.backends.transformers import templated
from uncal.errors import ConfigError
from uncal.training.callback import CalibrationCallback, Watched
from uncal.training.credit import SegmentedTrainer
from uncal.types import Message, Objective, Record

log = logging.getLogger("uncal")
COMPLETE = "complete"
BETTER_IF_GREATER = {"auroc": True, "brier": False, "ece": False}
MEASURES = ("ece", "brier", "auroc", "malformed", "distinct", "largest_share")
REWARDED = ("reward", "reward_std", "frac_reward_zero_std", "loss", "completions/mean_length")


@dataclass(frozen=True, kw_only=True)
class Watching:
    """What a phase is measured on while it runs.

    Attributes
    ----------
    watched : Watched
    every : int
        Steps between two measures.
    max_tokens : int
    best : {"brier", "ece", "auroc"} or None
        Keep the adapter that was best by it, instead of the last.
    patience : int
        End a phase after so many measures without a better one; 0 goes to the end.
    """

    watched: Watched
    every: int
    max_tokens: int
    best: str | None = None
    patience: int = 0


class _SupervisedTrainer(SFTTrainer):  # type: ignore[misc]
    """TRL's, with the objective's loss where it has one."""

    objective: Objective

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        named = {name: inputs[name] for name in ("input_ids", "attention_mask", "labels") if name in inputs}
        loss = self.objective.loss(model, named, self.processing_class)
        if loss is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.model_accepts_loss_kwargs and num_items_in_batch is not None:
            loss = loss / self.current_gradient_accumulation_steps  # which the trainer leaves to such losses
        return (loss, None) if return_outputs else loss


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Moves the bar, and marks a checkpoint as whole once all of it is written."""

    def __init__(self, bar: Any, shown: str) -> None:
        self.bar, self.shown = bar, shown

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self.bar.update(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self.bar.update(1)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        if self.shown in (logs or {}):
            self.bar.set_postfix_str(f"{self.shown} {float(logs[self.shown]):.3f}")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        if state.is_world_process_zero:
            artefacts.write_text(Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE, "")


def supervised(
    done: Path,
    network: Any,
    tokenizer: Any,
    objective: Objective,
    records: Sequence[Record],
    options: Mapping[str, Any],
    watching: Watching | None = None,
) -> None:
    """Train on records, and leave the adapter and what was logged in the folder `done`.

    Parameters
    ----------
    done : Path
        Checkpoints stand beside it.
    network, tokenizer
    objective : Objective
        Whose loss it is.
    records : sequence of Record
    options : mapping
        Of TRL's SFTConfig.
    watching : Watching or None, default=None
    """
    dataset = Dataset.from_list([_example(tokenizer, record) for record in records])
    arguments = SFTConfig(
        **_options(done, options, watching), completion_only_loss=True, max_length=None, per_device_eval_batch_size=1
    )
    trainer = _SupervisedTrainer(
        model=network,
        args=arguments,
        train_dataset=dataset,
        eval_dataset=dataset.select([0]) if watching else None,
        processing_class=tokenizer,
    )
    trainer.objective = objective
    _run(trainer, done, "supervised", objective, watching, ("loss",))


def _example(tokenizer: Any, record: Record) -> dict[str, Any]:
    """Return a prompt and its completion as TRL takes them: conversations, or texts without a chat template."""
    prompt = templated(tokenizer, record.turns)
    completion = record.text if isinstance(prompt, str) else [{"role": "assistant", "content": record.text}]
    return {"prompt": prompt, "completion": completion}


def reinforced(
    done: Path,
    network: Any,
    tokenizer: Any,
    objective: Objective,
    rows: Sequence[Mapping[str, Any]],
    turns: Sequence[list[Message]],
    options: Mapping[str, Any],
    watching: Watching | None = None,
) -> None:
    """Train by GRPO, and leave the adapter and what was logged in the folder `done`.

    Parameters
    ----------
    done : Path
        Checkpoints stand beside it.
    network, tokenizer
    objective : Objective
        Whose rewards they are; they are handed what the objective needs of each row.
    rows : sequence of mapping
    turns : sequence of conversations
        How each row is asked.
    options : mapping
        Of TRL's GRPOConfig.
    watching : Watching or None, default=None
    """
    dataset = Dataset.from_list(
        [
            {"prompt": templated(tokenizer, turn)} | {name: row[name] for name in sorted(objective.needs)}
            for row, turn in zip(rows, turns, strict=True)
        ]
    )
    arguments = GRPOConfig(
        **_options(done, options, watching)
        | {
            "scale_rewards": "none",
            "reward_weights": [weight for _, weight in objective.rewards.values()],
            "per_device_eval_batch_size": options["num_generations"],
        }
    )
    rewards = [reward for reward, _ in objective.rewards.values()]
    in_parts = [reward for reward in rewards if hasattr(reward, "parts")]
    if in_parts and len(rewards) > 1:
        raise ConfigError(f"reward {in_parts[0].__name__} credits parts of a completion, and must be the only one")
    trainer = (SegmentedTrainer if in_parts else GRPOTrainer)(
        model=network,
        args=arguments,
        reward_funcs=rewards,
        train_dataset=dataset,
        eval_dataset=dataset.select([0]) if watching else None,
        processing_class=tokenizer,
    )
    if in_parts:
        trainer.segmented = in_parts[0]
    _run(trainer, done, "GRPO", objective, watching, REWARDED)


def _options(done: Path, given: Mapping[str, Any], watching: Watching | None) -> dict[str, Any]:
    """Options that both phases have in common."""
    cuda = torch.cuda.is_available()
    options: dict[str, Any] = {
        "output_dir": str(done.with_name(f"{done.name}-checkpoints")),
        "lr_scheduler_type": "linear",
        "save_strategy": "steps",
        "save_total_limit": 2,
        "logging_steps": 1,
        "report_to": [],
        "disable_tqdm": True,
        "bf16": cuda and torch.cuda.is_bf16_supported(),
        "gradient_checkpointing": cuda,
        "dataloader_pin_memory": cuda,
        "push_to_hub": False,
    } | dict(given)
    if watching:
        options |= {"eval_strategy": "steps", "eval_steps": watching.every, "eval_on_start": True}
        if watching.best:
            options |= {
                "save_steps": watching.every,  # what is measured is kept, or it could not be gone back to
                "load_best_model_at_end": True,
                "metric_for_best_model": f"eval_{watching.best}",
                "greater_is_better": BETTER_IF_GREATER[watching.best],
            }
    return options


def _run(
    trainer: Any, done: Path, label: str, objective: Objective, watching: Watching | None, keys: tuple[str, ...]
) -> None:
    """Train, from the last whole checkpoint on if there is one; then save, and mark the folder as whole."""
    steps = trainer.args.max_steps
    with progress.bar(label, steps, "step") as bar:
        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(_Watch(bar, keys[0]))
        calibration = None
        if watching:
            read_out = replace(objective.read_out, order=objective.order)
            calibration = CalibrationCallback(
                trainer, watching.watched, read_out=read_out, max_tokens=watching.max_tokens
            )
            # Before the trainer's own look at the metrics, which it may end at.
            trainer.callback_handler.callbacks.insert(0, calibration)
            if watching.patience:
                trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=watching.patience))
        last = last_checkpoint(Path(trainer.args.output_dir), steps, writes=trainer.is_world_process_zero())
        if last is not None:
            log.info("train: %s goes on from %s", label, last.name)
            trainer.args.eval_on_start = False  # what it would measure has been measured
        started = _weights(trainer) if watching and watching.best else {}
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    logged = trainer.state.log_history
    best = _best(trainer, watching, started)
    note = {
        "steps": _picked(logged, keys),
        "validation": _picked(logged, tuple(f"eval_{name}" for name in MEASURES)),
        "best": best,
        "alarms": calibration.alarms if calibration else [],
    }
    if trainer.is_world_process_zero():
        shutil.rmtree(done, ignore_errors=True)
        trainer.accelerator.unwrap_model(trainer.model).save_pretrained(str(done), safe_serialization=True)
        artefacts.write_text(done / COMPLETE, json.dumps(artefacts.finite(note)))
    trainer.accelerator.wait_for_everyone()


def _weights(trainer: Any) -> dict[str, Any]:
    """Copy what is trained."""
    network = trainer.accelerator.unwrap_model(trainer.model)
    return {name: weight.detach().clone() for name, weight in network.named_parameters() if weight.requires_grad}


def _best(trainer: Any, watching: Watching | None, started: Mapping[str, Any]) -> dict[str, Any] | None:
    """Say which step was best; the trainer has gone back to it, but for the start, to which this goes back."""
    if watching is None or watching.best is None:
        return None
    name, greater = f"eval_{watching.best}", BETTER_IF_GREATER[watching.best]
    step, value = trainer.state.best_global_step, trainer.state.best_metric
    first = next((entry[name] for entry in trainer.state.log_history if name in entry and not entry.get("step")), None)
    if first is not None and (value is None or (first >= value if greater else first <= value)):
        step, value = 0, first
        network = trainer.accelerator.unwrap_model(trainer.model)
        with torch.no_grad():
            for key, weight in network.named_parameters():
                if key in started:
                    weight.copy_(started[key])
    return {"metric": watching.best, "value": value, "step": step}


def _picked(logged: Sequence[Mapping[str, Any]], keys: tuple[str, ...]) -> list[dict[str, float]]:
    return [
        {"step": entry["step"]} | {key: float(entry[key]) for key in keys if key in entry}
        for entry in logged
        if keys[0] in entry
    ]


def last_checkpoint(folder: Path, steps: int, *, writes: bool = True) -> Path | None:
    """Find the newest whole checkpoint before the last step; others are removed, by the process that writes.

    Half-written ones are of no use, and from the very last step a trainer would take one step too many.
    """
    whole = {}
    for checkpoint in folder.glob("checkpoint-*"):
        step = int(checkpoint.name.rpartition("-")[2])
        if (checkpoint / COMPLETE).exists() and step < steps:
            whole[step] = checkpoint
        elif writes:
            shutil.rmtree(checkpoint)
    return whole[max(whole)] if whole else None
