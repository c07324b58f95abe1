"""One training by several processes, as accelerate starts them."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from uncal import artefacts, schema, settings
from uncal.artefacts import MadeBy
from uncal.stages import grade, train

EXAMPLES = Path(__file__).parents[2] / "examples" / "training"
ROWS = 16
FLAGS = {
    "supervised-steps": 3,
    "supervised-batch-size": 4,
    "supervised-learning-rate": 1e-2,
    "micro-batch-size": 2,
    "steps": 2,
    "prompts-per-step": 2,
    "num-generations": 4,
    "max-tokens": 6,
    "validate-every": 1,
    "uncertainty-prompt": "How sure?",
}


@pytest.mark.slow
def test_two_processes_share_the_steps_and_make_one_adapter(tiny_model: Path, tmp_path: Path) -> None:
    rows = {
        "id": [f"q{i}" for i in range(ROWS)],
        "split": ["train"] * 12 + ["validate"] * 4,
        "prompt": [f"What is {i}?" for i in range(ROWS)],
        "answer": ["it"] * ROWS,
        "uncertainty": [0.05 * i for i in range(ROWS)],
        "correct": [True, False] * (ROWS // 2),
    }
    targets = tmp_path / "targets.parquet"
    with artefacts.writer(targets, schema.targets, MadeBy.of("calibrate", grade.Config(), {})) as write:
        write(pa.table(rows, schema.targets))
    flags = [text for flag, value in FLAGS.items() for text in (f"--{flag}", str(value))]
    command = [targets, "-o", tmp_path / "adapter", "--model", tiny_model, *flags]
    launcher = [Path(sys.executable).with_name("accelerate"), "launch"]
    launcher += ["--config_file", EXAMPLES / "two-processes-on-cpu.yaml", "-m", "uncal", "train"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run([*launcher, *command], capture_output=True, text=True, timeout=600, env=environment)
    assert ended.returncode == 0, ended.stderr[-3000:]
    made = read(tmp_path / "adapter")
    assert [entry["step"] for entry in made["training"]["supervised"]["steps"]] == [1, 2, 3]
    assert [entry["step"] for entry in made["training"]["grpo"]["steps"]] == [1, 2]
    assert len(made["training"]["grpo"]["validation"]) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "targets.parquet"]

    alone = subprocess.run(
        [sys.executable, "-m", "uncal", "train", *command, "--overwrite"], capture_output=True, text=True
    )
    assert alone.returncode == 0, alone.stderr[-3000:]
    mine = read(tmp_path / "adapter")["training"]["supervised"]["validation"]
    theirs = made["training"]["supervised"]["validation"]
    assert [entry["step"] for entry in mine] == [entry["step"] for entry in theirs]
    assert mine[0] == theirs[0]  # before the first step


def read(adapter: Path) -> Any:
    return json.loads((adapter / "uncal.json").read_text())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_is_a_valid_configuration(path: Path) -> None:
    from dataclasses import fields

    import trl

    config = settings.build(train.Config, tomllib.loads(path.read_text())["train"], str(path))
    assert set(config.trl) <= {field.name for field in fields(trl.GRPOConfig)}
