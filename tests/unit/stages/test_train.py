"""Training on a small model from scratch."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import artefacts, prompts, reading, schema
from uncal.artefacts import MadeBy
from uncal.backends.transformers import Transformers
from uncal.errors import ArtefactError, ConfigError
from uncal.stages import grade, train
from uncal.types import Objective, ReadOut, Record, Reward, Sampling

CONFIG = {
    "supervised_steps": 3,
    "supervised_batch_size": 4,
    "supervised_learning_rate": 1e-2,
    "steps": 1,
    "prompts_per_step": 1,
    "num_generations": 2,
    "max_tokens": 6,
    "uncertainty_prompt": "How likely wrong?",
}


def targets(folder: Path, split: str = "train") -> Path:
    rows = {
        "id": [f"q{i}" for i in range(8)],
        "split": [split] * 8,
        "prompt": [f"What is {i}?" for i in range(8)],
        "answer": ["it", "", *["nothing"] * 6],
        "uncertainty": [0.1 * i for i in range(7)] + [None],
        "correct": [True, False] * 3 + [None, None],
    }
    with artefacts.writer(folder / "targets.parquet", schema.targets, MadeBy.of("calibrate", grade.Config(), {})) as w:
        w(pa.table(rows, schema.targets))
    return folder / "targets.parquet"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("template", [True, False])
def test_a_model_is_trained_with_and_without_a_chat_template(tiny_model: Path, tmp_path: Path, template: bool) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    if not template:
        (model / "chat_template.jinja").unlink()
    assert bool(Transformers(model=str(model)).tokenizer.chat_template) == template
    made = train.train(targets(tmp_path), tmp_path / "adapter", train.Config(model=str(model), **CONFIG))
    note = json.loads((made / "uncal.json").read_text())
    assert note["questions"] == 7  # one has no target
    assert [step["step"] for step in note["training"]["supervised"]["steps"]] == [1, 2, 3]
    assert len(note["training"]["grpo"]["steps"]) == 1
    assert note["base_model"] == str(model)
    assert json.loads((made / "adapter_config.json").read_text())["base_model_name_or_path"] == str(model)
    assert not (tmp_path / "adapter.parts").exists()

    # answers with the adapter off are bit for bit the base model's; with it on they differ
    sampling, turns = Sampling(n=2, max_tokens=8, seed=3), [prompts.answer_turn("Why?")]
    base, adapted = Transformers(model=str(model)), Transformers(model=str(model), adapter=str(made))
    with adapted.adapter_off():
        assert adapted(turns, sampling) == base(turns, sampling)
    assert adapted(turns, sampling)[0].completions[0].logprobs != base(turns, sampling)[0].completions[0].logprobs


def test_without_a_training_question_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"no question of the split 'train' in .* has a target"):
        train.train(targets(tmp_path, "test"), tmp_path / "adapter", train.Config(model="m"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0, "supervised_steps": 0}, "supervised_steps is 0 and so is steps; there is nothing to train"),
        ({"steps": -1}, "steps is -1; it must be 0 or more"),
        ({"num_generations": 1}, "num_generations is 1; an advantage takes at least 2"),
        ({"objective": "kindness"}, r"objective is 'kindness'; it must be one of .*target_match"),
        ({"best": "brier"}, "best is 'brier' and validate_every 0; nothing is measured to choose by"),
        ({"patience": 2}, "patience is 2 and best is not set; say what must get better"),
        ({"best": "nice", "validate_every": 5}, "best is 'nice'; it must be brier, ece or auroc"),
        ({"select": "best"}, "select is 'best'; it must be all, balanced or differing"),
        ({"quantization": "8bit"}, "quantization is '8bit'; it must be none or 4bit"),
        ({"peft": {"r": 4}}, "peft sets r, which uncal sets itself"),
        (
            {"prompts_per_step": 3, "num_generations": 5, "micro_batch_size": 4},
            "num_generations is 15, which does not divide into micro batches of 4",
        ),
        ({"lora_rank": 0}, "lora_rank is 0; it must be at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train.Config(**changes)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")
def test_only_the_statement_carries_loss(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def look(trainer: Any, *_: Any) -> None:
        batch = next(iter(trainer.get_train_dataloader()))
        for tokens, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            assert (labels == tokens)[labels != -100].all()
            seen.append(trainer.processing_class.decode(labels[labels != -100]))
        raise KeyboardInterrupt

    from uncal.training import phases  # TRL warns of the vLLM that is installed here

    monkeypatch.setattr(phases, "_run", look)
    with pytest.raises(KeyboardInterrupt):
        train.train(targets(tmp_path), tmp_path / "adapter", train.Config(model=str(tiny_model), **CONFIG))
    assert len(seen) == 4
    stated = re.compile(r"<uncertainty>0\.\d0</uncertainty><\|im_end\|>\n?")
    assert all(stated.fullmatch(text) for text in seen), seen


def test_options_that_uncal_sets_itself_are_not_taken_from_trl() -> None:
    with pytest.raises(ConfigError, match="trl sets max_steps, which uncal sets itself; use its own settings"):
        train.Config(trl={"max_steps": 3, "use_vllm": False})
    with pytest.raises(
        ConfigError, match="supervised_batch_size is 24, which does not divide into micro batches of 16"
    ):
        train.Config(supervised_batch_size=24)


@pytest.mark.filterwarnings("ignore")
def test_the_adapter_that_was_best_on_the_validate_split_is_kept(tiny_model: Path, tmp_path: Path) -> None:
    rows = pa.concat_tables([pq.read_table(targets(tmp_path, split)) for split in ("train", "validate")])
    rows = rows.set_column(0, "id", pa.array([f"q{i}" for i in range(rows.num_rows)]))
    with artefacts.writer(
        tmp_path / "all.parquet", schema.targets, MadeBy.of("calibrate", grade.Config(), {})
    ) as write:
        write(rows)
    watched = {"validate_every": 1, "best": "brier", "objective": f"{__name__}:Levels", "save_every": 1}
    config = train.Config(model=str(tiny_model), **CONFIG | watched | {"steps": 0, "supervised_steps": 4})
    note = json.loads((train.train(tmp_path / "all.parquet", tmp_path / "adapter", config) / "uncal.json").read_text())
    made = note["training"]["supervised"]
    assert [entry["step"] for entry in made["validation"]] == [0, 1, 2, 3, 4]
    briers = {entry["step"]: entry["eval_brier"] for entry in made["validation"]}
    assert len(set(briers.values())) == 5  # it does learn
    best = min(briers, key=lambda step: briers[step])
    assert made["best"] == {"metric": "brier", "step": best, "value": pytest.approx(briers[best])}

    held = Transformers(model=str(tiny_model), adapter=str(tmp_path / "adapter"))
    turns = [
        prompts.uncertainty_turn(f"What is {i}?", ["it", "", *["nothing"] * 6][i], prompts.ANSWER) for i in range(6)
    ]
    turns = [[*turn[:-1], {"role": "user", "content": "How likely wrong?"}] for turn in turns]
    confidence = [1 - one.uncertainty for one in reading.read(held, turns, LEVELS, Sampling())]
    assert np.square(np.array(confidence) - [True, False] * 3).mean() == pytest.approx(briers[best], abs=1e-5)


def test_questions_are_selected_by_target_or_by_what_was_drawn() -> None:
    drawn = [[True, False], [True, True], None, [False, None, True], [False]]
    rows = [
        {"id": i, "uncertainty": u, "completions_correct": c}
        for i, (u, c) in enumerate(zip([0.1] * 4 + [0.9], drawn, strict=True))
    ]
    chosen = train._selected(rows, train.Config(select="differing"))
    assert [row["id"] for row in chosen] == [0, 3]
    balanced = train._selected(rows, train.Config(select="balanced"))
    assert [row["uncertainty"] for row in balanced] == [0.1, 0.9]
    assert train._selected(rows, train.Config()) == rows
    with pytest.raises(ArtefactError, match="select 'differing' leaves none of 1 questions"):
        train._selected(rows[1:2], train.Config(select="differing"))


@pytest.mark.filterwarnings("ignore")
def test_a_training_that_only_makes_it_worse_ends_where_it_began(tiny_model: Path, tmp_path: Path) -> None:
    rows = pa.concat_tables([pq.read_table(targets(tmp_path, split)) for split in ("train", "validate")])
    rows = rows.set_column(0, "id", pa.array([f"q{i}" for i in range(rows.num_rows)]))
    right = pa.array(
        [row["split"] == "validate" for row in rows.to_pylist()]
    )  # all wrong to train on, all right to test
    rows = rows.set_column(rows.schema.get_field_index("correct"), "correct", right)
    with artefacts.writer(
        tmp_path / "all.parquet", schema.targets, MadeBy.of("calibrate", grade.Config(), {})
    ) as write:
        write(rows)
    watched = {"validate_every": 1, "best": "brier", "objective": f"{__name__}:Levels"}
    config = train.Config(model=str(tiny_model), **CONFIG | watched | {"steps": 0, "supervised_steps": 3})
    made = train.train(tmp_path / "all.parquet", tmp_path / "adapter", config)
    note = json.loads((made / "uncal.json").read_text())["training"]["supervised"]
    assert note["best"] == {"metric": "brier", "step": 0, "value": note["validation"][0]["eval_brier"]}
    sampling, turns = Sampling(n=2, max_tokens=8, seed=3), [prompts.answer_turn("Why?")]
    base, adapted = Transformers(model=str(tiny_model)), Transformers(model=str(tiny_model), adapter=str(made))
    assert adapted(turns, sampling) == base(turns, sampling)  # a fresh adapter changes nothing


LEVELS = ReadOut(options=("yes", "no"), uncertainties=(0.0, 1.0))


class Levels(Objective):
    """Learns to say yes of the right ones and no of the others, by a loss of its own."""

    needs = frozenset({"correct"})
    read_out = LEVELS

    def records(self, rows: Any, turns: Any, seed: int) -> list[Record]:  # noqa: ARG002
        return [Record(turn, "yes" if row["correct"] else "no") for row, turn in zip(rows, turns, strict=True)]

    def loss(self, network: Any, inputs: Any, tokenizer: Any) -> Any:
        assert tokenizer.chat_template
        return network(**inputs).loss


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_answers_itself_is_rewarded_for_answer_and_number(tiny_model: Path, tmp_path: Path) -> None:
    with artefacts.writer(
        tmp_path / "questions.parquet", schema.questions, MadeBy.of("questions", grade.Config(), {})
    ) as w:
        rows = {
            "id": [f"q{i}" for i in range(8)],
            "prompt": [f"What is {i}?" for i in range(8)],
            "answers": [["it"]] * 8,
            "split": ["train"] * 8,
        }
        w(pa.table(rows, schema.questions))
    seen.clear()
    config = train.Config(
        model=str(tiny_model), objective=f"{__name__}:Together", **CONFIG | {"uncertainty_prompt": None}
    )
    made = train.train(targets(tmp_path), tmp_path / "adapter", config)
    note = json.loads((made / "uncal.json").read_text())
    assert note["prompts"]["order"] == "together"
    assert "{question}" in note["prompts"]["uncertainty"]
    assert note["read_out"]["format"] == "confidence"
    assert seen == [["it"], ["it"]]
    again = train.Config(model=str(tiny_model), start=str(made), **CONFIG | {"supervised_steps": 0})
    onward = json.loads((train.train(targets(tmp_path), tmp_path / "onward", again) / "uncal.json").read_text())
    assert set(onward["training"]) == {"grpo"}

    (tmp_path / "questions.parquet").unlink()
    with pytest.raises(ArtefactError, match=r"no file .*questions\.parquet; .*Together needs its column 'answers'"):
        train.train(targets(tmp_path), tmp_path / "other", config)


seen: list[list[str]] = []


class Together(Reward):
    """Pays nothing, and notes what it is handed."""

    order = "together"
    format = "confidence"
    needs = frozenset({"answers"})
    __name__ = "together"

    def __call__(self, completions: Any, **columns: Any) -> list[float | None]:
        seen.extend(columns["answers"])
        return [0.0] * len(completions)
