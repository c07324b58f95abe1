"""One objective on one seed: trained from what the seed's objectives share, read, measured, kept."""

import hashlib
import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from uncal import artefacts, objectives, schema
from uncal.errors import ConfigError
from uncal.stages import train
from uncal.testbed import measure
from uncal.testbed.model import TOGETHER_PROMPT, UNCERTAINTY_PROMPT, Pretraining
from uncal.testbed.prepare import locked, prepare
from uncal.testbed.world import Facts, World
from uncal.types import Objective

log = logging.getLogger("uncal")
RESULT, READINGS, ADAPTER = "result.json", "readings.parquet", "adapter"
START = "distill"
"""What every objective with rewards starts from, if it writes its number alike."""
OF_GRPO = ("steps", "prompts_per_step", "num_generations", "temperature", "learning_rate", "beta", "trl")
UNTRAINED = ("bayes", "teacher", "base")
"""Rows without training: the ideal number, the targets themselves, and the model before it was trained."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much training every objective gets.

    Attributes
    ----------
    supervised_steps : int, default=400
        Of the distillation that rewards start from, at most; the step that is best on the split validate is taken.
    supervised_batch_size : int, default=64
    supervised_learning_rate : float, default=3e-3
        Falls to 0.
    steps : int, default=100
        Of GRPO. An objective without rewards gets as many supervised steps more.
    prompts_per_step : int, default=32
    num_generations : int, default=8
    temperature : float, default=1.0
    learning_rate : float, default=1e-3
        Of GRPO; falls to 0.
    beta : float, default=0.0
        Weight of the KL term.
    lora_rank : int, default=32
    validate_every : int, default=25
        Steps between two measures on the split validate, of which the one with the best Brier score is kept; 0 keeps
        the last step.
    trl : mapping, default={}
        Any further option of TRL's GRPOConfig, or its SFTConfig where that has it.
    """

    supervised_steps: int = 400
    supervised_batch_size: int = 64
    supervised_learning_rate: float = 3e-3
    steps: int = 100
    prompts_per_step: int = 32
    num_generations: int = 8
    temperature: float = 1.0
    learning_rate: float = 1e-3
    beta: float = 0.0
    lora_rank: int = 32
    validate_every: int = 25
    trl: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.supervised_steps < 1:
            raise ConfigError(f"supervised_steps is {self.supervised_steps}; rewards need a start, so at least 1")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a testbed is made of."""

    world: World = field(default_factory=World)
    pretraining: Pretraining = field(default_factory=Pretraining)
    budget: Budget = field(default_factory=Budget)


def run(
    objective: str,
    seed: int,
    out: Path,
    settings: Settings | None = None,
    objective_settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train one objective on one seed and measure it; what is there already is not made again.

    Parameters
    ----------
    objective : str
        As `uncal.objectives.make` takes it, or "bayes", "teacher" or "base".
    seed : int
        Of the world, of the model and of training.
    out : Path
        Holds a folder for each seed.
    settings : Settings, optional
    objective_settings : mapping, optional

    Returns
    -------
    dict
        What the folder's result.json holds: `objective`, `objective_settings`, `seed`, `budget`, `order`, `format`,
        `seconds` of each part, `training` (what was logged), `folder`, and `regions`: region -> "stated" and "mean" ->
        numbers, as `uncal.testbed.measure.measure` gives them.
    """
    settings, told = settings or Settings(), dict(objective_settings or {})
    made = None if objective in UNTRAINED else objectives.make(objective, **told)
    if made is not None and made.order == "confidence_first":
        raise ConfigError(
            f"objective {objective!r} states its number before the answer; the testbed's model has no such"
        )
    shared = (out / f"seed-{seed}").resolve()
    facts = prepare(shared, settings.world, settings.pretraining, seed)
    budget = _spent(settings.budget, made, objective)
    key = {"objective": objective, "objective_settings": told, "seed": seed, "budget": budget}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()[:8]
    folder = shared / f"{re.sub(r'[^A-Za-z0-9_]+', '-', objective)}-{digest}"
    with locked(folder):
        if (folder / RESULT).exists():
            log.info("testbed: %s of seed %d is there", objective, seed)
            result: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
            return result
        if made is None:
            result = _untrained(objective, shared, facts, folder)
        else:
            start = None
            alike = (made.order, made.read_out.format) == ("answer_first", "uncertainty")
            if made.rewards and alike:
                start = Path(run(START, seed, out, settings)["folder"]) / ADAPTER
            result = _trained(key, made, shared, facts, folder, settings.budget, start)
        result = artefacts.finite(key | {"folder": str(folder)} | result)
        artefacts.write_text(folder / RESULT, json.dumps(result, indent=1) + "\n")
    return result


def _spent(budget: Budget, objective: Objective | None, name: str) -> dict[str, Any]:
    """Say what of a budget an objective makes use of, so that what is shared is known again whatever the rest."""
    if objective is None:
        return {}
    spent = asdict(budget)
    return {key: value for key, value in spent.items() if key not in OF_GRPO} if name == START else spent


def _untrained(name: str, shared: Path, facts: Facts, folder: Path) -> dict[str, Any]:
    asked = measure.Asked.of(shared, facts)
    began = time.perf_counter()
    if name == "base":
        asking = objectives.make(START)
        readings = measure.read(shared, asked, None, asking, UNCERTAINTY_PROMPT)
    else:
        readings = measure.of_frozen(asked, {})
        number = readings.ideal if name == "bayes" else asked.target
        readings = measure.of_frozen(asked, {"stated": number})
    return _measured(asked, readings, folder) | {"seconds": {"evaluation": round(time.perf_counter() - began, 2)}}


def _trained(
    key: Mapping[str, Any],
    objective: Objective,
    shared: Path,
    facts: Facts,
    folder: Path,
    budget: Budget,
    start: Path | None,
) -> dict[str, Any]:
    asking = UNCERTAINTY_PROMPT if objective.order == "answer_first" else TOGETHER_PROMPT
    # What has no rewards gets as many supervised steps as the others get of GRPO; only the start itself does not.
    further = 0 if objective.rewards or key["objective"] == START else budget.steps
    config = train.Config(
        objective=key["objective"],
        objective_settings=key["objective_settings"],
        start=None if start is None else str(start),
        uncertainty_prompt=asking,
        supervised_steps=0 if start is not None else budget.supervised_steps + further,
        supervised_batch_size=budget.supervised_batch_size,
        supervised_learning_rate=budget.supervised_learning_rate,
        steps=budget.steps,
        prompts_per_step=budget.prompts_per_step,
        num_generations=budget.num_generations,
        temperature=budget.temperature,
        max_tokens=measure.MAX_TOKENS,
        learning_rate=budget.learning_rate,
        beta=budget.beta,
        lora_rank=budget.lora_rank,
        lora_alpha=budget.lora_rank,
        micro_batch_size=max(budget.supervised_batch_size, budget.prompts_per_step * budget.num_generations),
        save_every=10**6,
        validate_every=budget.validate_every,
        best="brier" if budget.validate_every else None,
        trl=budget.trl,
        seed=key["seed"],
    )
    began = time.perf_counter()
    adapter = train.train(shared / schema.TARGETS, folder / ADAPTER, config)
    trained = time.perf_counter()
    asked = measure.Asked.of(shared, facts)
    readings = measure.read(shared, asked, adapter, objective, asking)
    seconds = {"training": round(trained - began, 2), "evaluation": round(time.perf_counter() - trained, 2)}
    note = json.loads((adapter / artefacts.NOTE).read_text(encoding="utf-8"))
    phases = {
        phase: {"steps": len(logged["steps"]), "best": logged["best"], "alarms": logged["alarms"]}
        for phase, logged in note["training"].items()
    }
    return _measured(asked, readings, folder) | {
        "order": objective.order,
        "format": objective.read_out.format,
        "start": None if start is None else start.parent.name,
        "seconds": seconds,
        "training": phases,
    }


def _measured(asked: measure.Asked, readings: measure.Readings, folder: Path) -> dict[str, Any]:
    """Measure what was read, and keep it all beside."""
    columns = {
        "id": asked.ids,
        "region": asked.region,
        "answer": readings.answers,
        "correct": readings.correct.tolist(),
        "ideal": readings.ideal.tolist(),
        "target": asked.target.tolist(),
    } | {how: values.tolist() for how, values in readings.numbers.items()}
    with artefacts.aside(folder / READINGS) as temporary:
        pq.write_table(pa.table(columns), temporary)
    return {"regions": measure.by_region(asked, readings)}
