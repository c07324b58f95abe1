"""The main job, end to end, on SmolLM2-135M-Instruct and all-MiniLM-L6-v2."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
PIPELINE = r'''
run = "{run}"

[questions]
source = "{source}"
limit = 24
shares = [0.4, 0.3, 0.0, 0.3]

[sample]
model = "{smollm2}"
n_completions = 3
max_tokens = 10
answer_prompt = "{{question}} Answer in a few words."
shard_size = 12

[embed]
embedder_settings = {{ model = "{minilm}" }}

[train]
uncertainty_prompt = """\
How likely is your answer wrong? \
Reply with <uncertainty>0.00</uncertainty> to <uncertainty>1.00</uncertainty>."""
supervised_steps = 12
supervised_batch_size = 4
supervised_learning_rate = 1e-3
steps = 1
prompts_per_step = 1
num_generations = 4
max_tokens = 14
'''


def uncal(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "uncal", *arguments],
        capture_output=True,
        text=True,
        timeout=1200,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        **options,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, smollm2: str, minilm: str) -> Path:
    folder = tmp_path_factory.mktemp("real")
    source = ROOT / "examples" / "demo" / "questions.jsonl"
    (folder / "pipeline.toml").write_text(
        PIPELINE.format(run=folder / "run", source=source, smollm2=smollm2, minilm=minilm)
    )
    done = uncal("run", str(folder / "pipeline.toml"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / 'run' / 'report.html'}\n"
    return folder / "run"


@pytest.mark.slow
def test_the_trained_model_holds_the_format_that_the_base_model_does_not(run: Path) -> None:
    report = json.loads((run / "report.json").read_text())
    table = {row["name"]: row for row in report["table"]}
    test = report["questions"]["test"]
    assert [table[name]["n"] + table[name]["malformed"] for name in table] == [test] * 4
    assert table["base"]["malformed"] > test / 2
    assert table["adapter"]["malformed"] == 0
    assert table["teacher"]["malformed"] == 0


@pytest.mark.slow
def test_the_warm_up_lowers_its_loss_and_grpo_earns_reward(run: Path) -> None:
    training = json.loads((run / "adapter" / "uncal.json").read_text())["training"]
    losses = [step["loss"] for step in training["supervised"]["steps"]]
    assert len(losses) == 12
    assert losses[-1] < losses[0] / 2
    assert [step["step"] for step in training["grpo"]["steps"]] == [1]
    assert training["grpo"]["steps"][0]["reward"] > 0.3


@pytest.mark.slow
def test_scores_agree_with_the_embeddings_and_the_definition(run: Path) -> None:
    import numpy as np

    from uncal import artefacts

    scores = pq.read_table(run / "scores.parquet")["von_neumann_entropy"].to_numpy()
    rows = np.array([r for t in artefacts.read(run / "embeddings.arrow") for r in t["embeddings"].to_pylist()])
    assert rows.shape == (24, 3, 384)
    for score, group in zip(scores, rows.astype(np.float64), strict=True):
        unit = group / np.linalg.norm(group, axis=1, keepdims=True)
        squared = ((unit[:, None] - unit[None]) ** 2).sum(-1)
        values = np.linalg.eigvalsh(np.exp(-squared) / 3)
        values = values[values > 1e-15]
        assert score == pytest.approx(-(values * np.log(values)).sum(), abs=1e-6)  # float32 embeddings
    assert scores.std() > 0.05


@pytest.mark.slow
def test_ask_gives_the_frozen_answer_and_a_number(run: Path) -> None:
    rows = pq.read_table(run / "completions.parquet", columns=["prompt", "answer"]).slice(0, 3).to_pylist()
    asked = uncal("ask", "--adapter", str(run / "adapter"), "--json", input="\n".join(r["prompt"] for r in rows) + "\n")
    assert asked.returncode == 0, asked.stderr
    told = [json.loads(line) for line in asked.stdout.splitlines()]
    # made by the base weights, so the adapter that is loaded beside them changes nothing
    assert [row["answer"] for row in told] == [row["answer"] for row in rows]
    assert all(0 <= row["uncertainty"] <= 1 for row in told)
    assert all(row["confidence"] == pytest.approx(1 - row["uncertainty"]) for row in told)


@pytest.mark.slow
def test_the_model_card_shows_the_measured_calibration(run: Path) -> None:
    card = (run / "adapter" / "README.md").read_text()
    assert "Not measured yet" not in card
    assert "| Trained model: adapter, one pass |" in card
