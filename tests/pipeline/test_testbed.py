"""The testbed at a size for tests: real pretraining, real stages, real training, and what must come of it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from uncal import fast, schema
from uncal.cli import main
from uncal.stages import evaluate
from uncal.testbed import cell, compare
from uncal.testbed.cell import Budget, Settings
from uncal.testbed.model import Pretraining
from uncal.testbed.world import World

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SETTINGS = Settings(
    world=World(entities=400, relations=4, held_out=1, values=20, mentions=12_000),
    pretraining=Pretraining(pretraining_steps=350),
    budget=Budget(supervised_steps=150, steps=20, validate_every=50),
)
MARGIN = 0.05


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """So that sums are the same on any machine of its kind, and others' tests do not slow this one down."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("testbed")


@pytest.fixture(scope="module")
def made(out: Path) -> dict[str, Any]:
    return compare.compare(["target_match"], [0], out, SETTINGS)


def readings(made: dict[str, Any], objective: str) -> Any:
    """What was read for the test questions of relations that are trained on."""
    (result,) = [of for of in made["results"] if of["objective"] == objective]
    read = pq.read_table(Path(result["folder"]) / cell.READINGS).to_pandas()
    return read[read["region"] == "in"]


def test_training_halves_the_ece_raises_auroc_beyond_noise_and_holds_the_format(made: dict[str, Any]) -> None:
    base, trained = readings(made, "base"), readings(made, "target_match")
    assert trained["stated"].isna().mean() < 0.01
    correct = trained["correct"].to_numpy()
    before, after = (1 - of["mean"].to_numpy() for of in (base, trained))
    assert fast.ece(after, correct) < fast.ece(before, correct) / 2
    # Over 240 questions the difference of two AUROCs has a standard error of about 0.045, and training brings some 0.2:
    # nothing of a 99 % interval from paired resamples lies below the margin.
    _, low, _, _ = fast.compare(after, before, correct, metrics=["auroc"], level=0.99)["auroc"]
    assert low > MARGIN


def test_the_ideal_number_is_ahead_of_all_others_and_the_teacher_of_all_trained_ones(made: dict[str, Any]) -> None:
    for region in ("in", "out"):
        brier = {(row["objective"], row["read"]): row["regions"][region]["brier"]["mean"] for row in made["rows"]}
        assert min(brier, key=lambda row: brier[row]) == ("bayes", "stated")
        assert all(brier["teacher", "stated"] < brier[name, "mean"] for name in ("distill", "target_match"))


def test_the_stages_run_on_the_small_model_as_on_any_other(out: Path, made: dict[str, Any]) -> None:
    (result,) = [of for of in made["results"] if of["objective"] == "target_match"]
    run, folder = out / "seed-0", Path(result["folder"])
    shutil.copytree(folder / cell.ADAPTER, run / schema.ADAPTER)
    report = json.loads(evaluate.evaluate(run, run, evaluate.Config(bootstrap=20, shard_size=512)).read_text())
    (row,) = [row for row in report["table"] if row["name"] == schema.TRAINED]
    read = pq.read_table(folder / cell.READINGS).to_pandas()
    read = read[(read["region"] != "validate") & read["stated"].notna()]
    assert row["n"] == len(read)
    assert row["brier"][0] == pytest.approx(fast.brier(1 - read["stated"].to_numpy(), read["correct"].to_numpy()))


def test_what_is_there_is_not_made_again(out: Path, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell.train, "train", None)
    again = compare.compare(["target_match"], [0], out, SETTINGS)
    assert again["results"] == made["results"]


def test_the_command_line_prints_one_result_as_json_and_refuses_another_world_in_the_same_folder(
    out: Path, made: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    world = ["--entities=400", "--relations=4", "--held-out=1", "--values=20", "--mentions=12000"]
    arguments = ["testbed", "run", "--objective", "teacher", "--out", str(out), *world, "--pretraining-steps=350"]
    assert main(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed in made["results"]
    assert main([*arguments, "--zipf=2.0"]) == 2
    assert "out has the world of other settings" in capsys.readouterr().err
    assert (out / "compare.md").read_text().startswith("### In distribution")
    assert (out / "compare.png").exists()
