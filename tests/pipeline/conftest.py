"""The real command line in its own process, a whole run of a small real model, and big inputs made by uncal itself."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from uncal import artefacts, backends, prompts, schema
from uncal.artefacts import MadeBy
from uncal.stages import embed, grade, questions, sample, score
from uncal.types import Sampling

TOO_LONG = "never-ending"
UNGRADED = "no-accepted-answer"


class Ended(NamedTuple):
    """A process that has ended."""

    code: int
    out: str
    err: str


def _hear_interrupts() -> None:
    """Undo what a shell does to what it runs in the background, tests included: it makes them deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Cli:
    """`uncal ...` as a user types it, each call a process of its own."""

    environment: dict[str, str]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start it and go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "uncal", *map(str, arguments)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_interrupts,
        )

    def __call__(self, *arguments: object, stdin: str = "", timeout: float = 300) -> Ended:
        """Run it to its end."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(stdin, timeout)
        finally:
            process.kill()
        return Ended(process.returncode, out, err)

    def stop_when(
        self, ready: Callable[[], bool], *arguments: object, how: signal.Signals = signal.SIGKILL, timeout: float = 300
    ) -> Ended:
        """Run it until `ready` says so, then send it a signal that ends it."""
        process = self.start(*arguments)
        try:
            end = time.monotonic() + timeout
            while not ready():
                assert process.poll() is None, f"it ended before its traces were seen: {process.communicate()}"
                assert time.monotonic() < end, "its traces were never seen"
                time.sleep(0.001)
            process.send_signal(how)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        if how == signal.SIGKILL:
            assert process.returncode == -how, "it was done before it could be killed"
        return Ended(process.returncode, out, err)


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The command line; where bytecode is not kept, it is for the session, for torch takes long to compile."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    before = sys.dont_write_bytecode, sys.pycache_prefix
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        environment["PYTHONPYCACHEPREFIX"] = str(tmp_path_factory.mktemp("bytecode"))
        sys.dont_write_bytecode, sys.pycache_prefix = False, environment["PYTHONPYCACHEPREFIX"]
    yield Cli(environment)
    sys.dont_write_bytecode, sys.pycache_prefix = before


# A whole run


@dataclass(frozen=True)
class Finished:
    """A run of all nine stages that nothing interrupted."""

    folder: Path
    source: Path
    pipeline: Path
    ended: Ended

    def copy(self, folder: Path, *names: str) -> Path:
        """Copy some artefacts into another run folder."""
        folder.mkdir(exist_ok=True)
        for name in names:
            copy: Callable[..., Any] = shutil.copytree if (self.folder / name).is_dir() else shutil.copy2
            copy(self.folder / name, folder / name)
        return folder


@pytest.fixture(scope="session")
def asked(cli: Cli, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions of which the small model answers every other one right: what it says is the accepted answer."""
    del cli  # comes first, so that this process leaves bytecode for the others
    rows: list[dict[str, Any]] = [
        {"id": f"{split}-{i}", "prompt": f"What is {i} of {split}?", "split": split}
        for split, n in (("calibrate", 12), ("train", 6), ("validate", 2), ("test", 12))
        for i in range(n)
    ]
    backend: Any = backends.make("transformers", model=str(tiny_model))
    turns = [prompts.answer_turn(row["prompt"], "{question}") for row in rows]
    for i, (row, group) in enumerate(zip(rows, backend(turns, Sampling(temperature=0.1, max_tokens=12)), strict=True)):
        row["answers"] = [group.completions[0].text if i % 2 else "Anne Brontë"]
    rows += [
        {"id": f"{TOO_LONG}-{split}", "prompt": "why " * 300, "answers": ["because"], "split": split}
        for split in ("calibrate", "train", "test")
    ]
    rows += [
        {"id": f"{UNGRADED}-{split}", "prompt": f"Who is it in {split}?", "answers": [], "split": split}
        for split in ("calibrate", "test")
    ]
    source = tmp_path_factory.mktemp("asked") / "asked.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return source


@pytest.fixture(scope="session")
def finished(cli: Cli, asked: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """`uncal run` of all nine stages on the small model."""
    folder = tmp_path_factory.mktemp("finished")
    pipeline = folder / "pipeline.toml"
    pipeline.write_text(
        f"""
        [questions]
        source = "{asked}"
        split_column = "split"

        [sample]
        model = "{tiny_model}"
        n_completions = 4
        max_tokens = 12
        answer_prompt = "{{question}}"
        shard_size = 4

        [embed]
        embedder = "hashing"

        [train]
        uncertainty_prompt = "How unsure?"
        supervised_steps = 4
        supervised_batch_size = 2
        steps = 4
        prompts_per_step = 1
        num_generations = 2
        max_tokens = 8
        save_every = 2

        [evaluate]
        shard_size = 4
        bootstrap = 100
        """
    )
    ended = cli("run", pipeline, "--run", folder / "run")
    assert ended.code == 0, ended.err
    return Finished(folder / "run", asked, pipeline, ended)


# Inputs that take a while


@pytest.fixture(scope="session")
def fabricate() -> Callable[..., Path]:
    """Maker of a run folder with many questions, as if the stages up to `score` had run."""
    return _fabricate


def _fabricate(folder: Path, count: int, *, completions: int = 4, words: int = 4, dim: int = 16) -> Path:
    """Write questions, completions, embeddings, grades and scores, each of `count` rows."""
    generator = np.random.default_rng(0)
    ids = [f"q{i}" for i in range(count)]
    total = count * completions
    texts = [f"thing {' '.join(map(str, row))}" for row in generator.integers(1000, size=(total, words)).tolist()]
    groups = [texts[i : i + completions] for i in range(0, total, completions)]
    sampled = sample.Config(model="somebody/s-model", n_completions=completions)
    vectors = generator.standard_normal((total, dim)).astype(np.float32)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dim)
    offsets = pa.array(np.arange(0, total + 1, completions, dtype=np.int64))
    columns = {
        schema.QUESTIONS: {
            "prompt": [f"What is {name}?" for name in ids],
            "answers": [group[:1] for group in groups],
            "split": [schema.SPLITS[i % 4] for i in range(count)],
        },
        schema.COMPLETIONS: {
            "prompt": [f"What is {name}?" for name in ids],
            "answer": [group[i % completions] for i, group in enumerate(groups)],
            "answer_logprobs": [[-0.5]] * count,
            "completions": groups,
            "logprobs": [[[-0.5]] * completions] * count,
            "finish_reasons": [["stop"] * completions] * count,
            "status": [schema.DONE] * count,
            "error": pa.nulls(count, pa.string()),
        },
        schema.EMBEDDINGS: {"embeddings": pa.LargeListArray.from_arrays(offsets, flat)},
        schema.GRADES: {
            "correct": [i % 3 == 0 for i in range(count)],
            "completions_correct": [[True] + [False] * (completions - 1)] * count,
            "grader": ["exact_match"] * count,
        },
        schema.SCORES: {"von_neumann_entropy": generator.random(count)},
    }
    makers: dict[str, tuple[str, Any, pa.Schema]] = {
        schema.QUESTIONS: ("questions", questions.Config(), schema.questions),
        schema.COMPLETIONS: ("sample", sampled, schema.completions),
        schema.EMBEDDINGS: ("embed", embed.Config(embedder="hashing"), schema.embeddings(dim)),
        schema.GRADES: ("grade", grade.Config(), schema.grades),
        schema.SCORES: ("score", score.Config(), schema.scores(("von_neumann_entropy",))),
    }
    for name, (stage, config, fields) in makers.items():
        with artefacts.writer(folder / name, fields, MadeBy.of(stage, config, {})) as write:
            write(pa.table({"id": ids} | columns[name], fields))
    return folder


@pytest.fixture
def strays() -> Callable[[Path], list[str]]:
    """Finder of what unfinished work left in a folder."""
    return lambda folder: sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in (".tmp", ".parts")
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A disk of its own in memory; called with mount options it is mounted, or mounted anew with others."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        again = "remount," if folder.is_mount() else ""
        try:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", str(folder)],
                check=True,
                capture_output=True,
                text=True,
                timeout=30,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            why = getattr(error, "stderr", None) or error
            pytest.skip(f"no file system may be mounted here: {str(why).strip()}")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True, timeout=30)
