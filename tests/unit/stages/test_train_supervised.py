"""Supervised objectives through the train stage: from the files of a run to a number that is read."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from uncal import artefacts, reading, schema
from uncal.artefacts import MadeBy
from uncal.backends.transformers import Transformers
from uncal.graders import make
from uncal.stages import grade, train

IDS = [f"q{i}" for i in range(8)]
SPLITS = ["train"] * 6 + ["validate"] * 2
SAID = [["Oslo", "Oslo", "Rome"], ["Rome", "Bern", "Rome"]] * 4


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Files of a run over eight questions; nobody answered the first."""
    prompts = [f"What is {i}?" for i in range(8)]
    nothing: list[Any] = [None] * 8
    tables: dict[str, tuple[pa.Schema, dict[str, Any]]] = {
        "targets": (
            schema.targets,
            {
                "split": SPLITS,
                "prompt": prompts,
                "answer": [None, *[said[0] for said in SAID[1:]]],
                "uncertainty": [None, *[0.1 * i for i in range(1, 8)]],
                "correct": [None, *[i % 2 == 0 for i in range(1, 8)]],
            },
        ),
        "questions": (schema.questions, {"prompt": prompts, "answers": [["Oslo"]] * 8, "split": SPLITS}),
        "completions": (
            schema.completions,
            dict.fromkeys(schema.completions.names, nothing) | {"completions": [None, *SAID[1:]]},
        ),
        "grades": (
            schema.grades,
            {
                "correct": nothing,
                "completions_correct": [None, *[[text == "Oslo" for text in said] for said in SAID[1:]]],
                "grader": nothing,
            },
        ),
    }
    for name, (columns, rows) in tables.items():
        with artefacts.writer(tmp_path / f"{name}.parquet", columns, MadeBy.of(name, grade.Config(), {})) as write:
            write(pa.table(rows | {"id": IDS}, columns))
    return tmp_path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "template", "validated"),
    [
        ("calibration_tuning", True, True),
        ("conf_tuner", False, True),
        ("self_evaluation", True, False),
        ("uncertainty_distillation", True, False),
    ],
)
def test_files_of_a_run_make_an_adapter_whose_number_is_read(
    run: Path, tiny_model: Path, name: str, template: bool, validated: bool
) -> None:
    model = run / "model"
    shutil.copytree(tiny_model, model)
    if not template:
        (model / "chat_template.jinja").unlink()
    config = train.Config(
        model=str(model),
        objective=name,
        supervised_steps=2,
        supervised_batch_size=4,
        micro_batch_size=2,
        max_tokens=8,
        validate_every=1 if validated else 0,
    )
    made = train.train(run / "targets.parquet", run / "adapter", config)
    note = json.loads((made / "uncal.json").read_text())
    logged = note["training"]["supervised"]
    assert [step["step"] for step in logged["steps"]] == [1, 2]
    if validated:
        assert [entry["step"] for entry in logged["validation"]] == [0, 1, 2]
        assert all(0 <= entry["eval_brier"] <= 1 for entry in logged["validation"])

    asked = pa.table({"id": ["a"], "prompt": ["What is 1?"], "answer": ["Oslo"], "source": ["adapter"]})
    asked = asked.append_column("answers", pa.array([["Oslo"]]))
    backend = Transformers(model=str(model), adapter=str(made))
    (row,) = reading.statement_batch(asked, note, backend, grader=make("exact_match")).to_pylist()
    if name == "uncertainty_distillation":
        assert (row["uncertainty"] is None) == (row["reason"] is not None)
        assert row["text"] is not None
    else:
        assert row["text"] is None
        assert 0 < row["uncertainty"] < 1
