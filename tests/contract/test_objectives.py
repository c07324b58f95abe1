"""What every objective promises: its records, how it is read, and a step of the real trainer with its loss."""

import json
import logging
import math
import pickle
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from uncal import prompts
from uncal.objectives import make
from uncal.parse import FORMATS
from uncal.plugins import names
from uncal.types import Message, Objective, Sampling

SETTINGS: dict[str, dict[str, Any]] = {"reinforce": {"names": ("target_match",)}}
COLUMNS = ("uncertainty", "correct", "answers", "completions", "completions_correct")
ROWS: list[dict[str, Any]] = [
    {
        "id": f"q{i}",
        "prompt": f"What is the capital of land {i}?",
        "answer": answer,
        "answers": ["Oslo"],
        "uncertainty": uncertainty,
        "correct": answer == "Oslo",
        "completions": completions,
        "completions_correct": [text == "Oslo" for text in completions],
    }
    for i, (answer, uncertainty, completions) in enumerate(
        [
            ("Oslo", 0.1, ["Oslo", "Oslo", "Oslo", "Rome"]),
            ("Rome", 0.8, ["Rome", "Oslo", "Bern", "Lima"]),
            ("Oslo", 0.3, ["Oslo", "Oslo", "Bern", "oslo."]),
            ("Bern", 0.6, ["Rome", "Lima", "", "Bern"]),
        ]
    )
]


@pytest.fixture(params=names("objectives"))
def objective(request: pytest.FixtureRequest) -> Objective:
    return make(request.param, **SETTINGS.get(request.param, {}))


def asked(objective: Objective, rows: list[dict[str, Any]]) -> list[list[Message]]:
    """Conversations in which rows are asked, as the train stage has them."""
    asking = objective.ask or prompts.ask(objective.order, objective.read_out.format)
    return [prompts.turns(objective.order, row["prompt"], row["answer"], prompts.ANSWER, asking) for row in rows]


def test_rows_make_records_with_something_to_say(objective: Objective) -> None:
    made = objective.records(ROWS, asked(objective, ROWS), 0)
    assert len(made) >= len(ROWS)
    assert all(record.text.strip() for record in made)
    assert all(record.turns[-1]["role"] == "user" for record in made)
    assert all(turn["content"].strip() for record in made for turn in record.turns)


def test_records_are_the_same_for_the_same_seed_and_rows_stay_as_they_are(objective: Objective) -> None:
    rows, turns = pickle.loads(pickle.dumps(ROWS)), asked(objective, ROWS)
    before = pickle.loads(pickle.dumps(turns))
    assert objective.records(rows, turns, 7) == objective.records(rows, turns, 7)
    assert (rows, turns) == (ROWS, before)


def test_it_reads_the_columns_that_it_needs_and_no_others(objective: Objective) -> None:
    assert objective.needs <= set(COLUMNS)
    bare = [{name: row[name] for name in ("id", "prompt", "answer", *objective.needs)} for row in ROWS]
    assert objective.records(bare, asked(objective, bare), 0) == objective.records(ROWS, asked(objective, ROWS), 0)


def test_rows_that_lack_what_it_needs_are_left_out_and_counted(
    objective: Objective, caplog: pytest.LogCaptureFixture
) -> None:
    turns = asked(objective, ROWS)
    wanted = Counter(str(record) for record in objective.records(ROWS[:2], turns[:2], 0))
    for name in objective.needs:
        with caplog.at_level(logging.WARNING, "uncal"):
            lacking = [*ROWS[:2], ROWS[2] | {name: None}]
            made = objective.records(lacking, turns[:3], 0)
        assert Counter(str(record) for record in made) == wanted
        assert f"1 of 3 rows lack {name}; left out" in caplog.text
        caplog.clear()
    assert objective.records([row | dict.fromkeys(COLUMNS) for row in ROWS], turns, 0) == []


def test_what_is_read_is_what_the_records_say(objective: Objective) -> None:
    turns, read_out = asked(objective, ROWS), objective.read_out
    here = [record for record in objective.records(ROWS, turns, 0) if record.turns[-1] in [turn[-1] for turn in turns]]
    assert len(here) >= len(ROWS)
    for record in here:
        if read_out.options:
            begun = [option for option in read_out.options if record.text.startswith(read_out.opening + option)]
            assert len(begun) == 1, record.text
        else:
            assert FORMATS[read_out.format].read(record.text).value is not None, record.text
    assert all(0 <= uncertainty <= 1 for uncertainty in read_out.uncertainties)


def test_a_question_that_it_asks_itself_has_its_place_in_what_it_says(objective: Objective) -> None:
    asking = objective.ask or prompts.ask(objective.order, objective.read_out.format)
    assert ("{question}" in asking) == (objective.order != "answer_first")
    assert not {"{words}", "{wrong}", "{right}"} & {word.strip("().,") for word in asking.split()}


def test_it_pickles_and_prints_what_it_is(objective: Objective) -> None:
    assert pickle.loads(pickle.dumps(objective)) == objective
    assert repr(objective).startswith(type(objective).__name__)


@pytest.mark.filterwarnings("ignore")
def test_a_step_of_the_trainer_has_a_finite_loss_moves_the_adapter_and_leaves_a_number_to_read(
    objective: Objective, tiny_model: Path, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    from uncal import reading
    from uncal.backends import transformers as backend
    from uncal.training import phases

    network = backend.load_model(str(tiny_model), dtype="float32")
    network = get_peft_model(network, LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM"))
    tokenizer = backend.load_tokenizer(str(tiny_model))
    turns = asked(objective, ROWS)
    records = objective.records(ROWS, turns, 0)
    size = len(records) // 2 * 2
    options: Mapping[str, Any] = {
        "max_steps": 1,
        "learning_rate": 1e-2,
        "per_device_train_batch_size": size // 2,
        "gradient_accumulation_steps": 2,
        "save_steps": 1,
    }
    phases.supervised(tmp_path / "done", network, tokenizer, objective, records[:size], options)
    (logged,) = json.loads((tmp_path / "done" / phases.COMPLETE).read_text())["steps"]
    assert math.isfinite(logged["loss"])
    assert any(
        float(weight.detach().abs().max()) > 0 for name, weight in network.named_parameters() if "lora_B" in name
    )

    around = backend.Transformers.around(network, tokenizer)
    if objective.read_out.options:
        found = reading.read(around, turns, objective.read_out, Sampling())
        assert all(one.uncertainty is not None and 0 <= one.uncertainty <= 1 for one in found)
