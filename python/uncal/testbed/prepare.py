"""What all objectives of a seed share: the world, the model that has read it, its samples and their targets."""

import fcntl
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from uncal import artefacts, schema
from uncal.errors import ConfigError
from uncal.stages import calibrate, embed, grade, questions, sample, score
from uncal.testbed.model import ANSWER_PROMPT, Pretraining, pretrain
from uncal.testbed.world import Facts, World, draw

log = logging.getLogger("uncal")
FACTS, MODEL, WORLD, TIMES = "facts.parquet", "model", "world.json", "times.json"
MAX_TOKENS = 4
"""Of an answer, which is one word."""
SHARD = 1024


def prepare(folder: Path, world: World, pretraining: Pretraining, seed: int) -> Facts:
    """Draw a world, pretrain a model on it, and run the stages up to the targets; what is there already is kept.

    Parameters
    ----------
    folder : Path
        Becomes the folder of a run, with the world's facts.parquet, the model's folder and times.json besides.
    world : World
    pretraining : Pretraining
    seed : int

    Returns
    -------
    Facts

    Raises
    ------
    ConfigError
        If the folder holds a world of other settings.
    """
    facts = draw(world, seed)
    settings = {"seed": seed, "world": asdict(world), "pretraining": asdict(pretraining)}
    with locked(folder):
        _check(folder / WORLD, settings)
        if not (folder / FACTS).exists():
            with artefacts.aside(folder / FACTS) as temporary:
                pq.write_table(facts.table(), temporary)
        for name, act in _steps(folder, facts, pretraining, seed).items():
            with timed(folder, name):
                act()
    return facts


def _check(path: Path, settings: dict[str, Any]) -> None:
    if not path.exists():
        artefacts.write_text(path, json.dumps(settings, indent=1) + "\n")
    elif json.loads(path.read_text(encoding="utf-8")) != settings:
        raise ConfigError(f"out has the world of other settings, which {path} tells; pass another --out")


def _steps(folder: Path, facts: Facts, pretraining: Pretraining, seed: int) -> dict[str, Callable[[], object]]:
    asked, drawn = folder / schema.QUESTIONS, folder / schema.COMPLETIONS
    embedded, graded, scored = folder / schema.EMBEDDINGS, folder / schema.GRADES, folder / schema.SCORES
    model = folder / MODEL
    sampling = sample.Config(
        model=str(model), answer_prompt=ANSWER_PROMPT, max_tokens=MAX_TOKENS, shard_size=SHARD, seed=seed
    )
    embedding = embed.Config(embedder="hashing", shard_size=SHARD)
    return {
        "pretraining": lambda: model.exists() or pretrain(facts, model, pretraining, seed),
        "questions": lambda: questions.questions(folder / FACTS, asked, questions.Config(split_column="split")),
        "sample": lambda: sample.sample(asked, drawn, sampling),
        "embed": lambda: embed.embed(drawn, embedded, embedding),
        "grade": lambda: grade.grade(asked, drawn, graded),
        "score": lambda: score.score(embedded, scored),
        "calibrate": lambda: calibrate.calibrate(asked, drawn, graded, scored, folder / schema.CALIBRATOR),
    }


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time work on what a seed shares; others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def timed(folder: Path, name: str) -> Iterator[None]:
    """Note in the folder's times.json how long the block took, in seconds, unless an earlier run took longer."""
    start = time.perf_counter()
    yield
    taken = round(time.perf_counter() - start, 2)
    path = folder / TIMES
    times = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if taken > times.get(name, 0.0):
        artefacts.write_text(path, json.dumps(times | {name: taken}, indent=1) + "\n")
