"""Completions that stand in a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from uncal import prompts, schema
from uncal.backends import make
from uncal.errors import ArtefactError, ConfigError
from uncal.stages import questions, sample
from uncal.types import Sampling

ROWS: list[dict[str, Any]] = [
    {"prompt": "Who?", "completions": ["Ann", "Bob", "Cid"], "logprobs": [[-1.0], [-2.0], [-3.0]], "answer": "Ann"},
    {"prompt": "Why?", "completions": ["so", "thus"]},
    {"prompt": "Who?", "completions": ["Dan"], "answer": "Eve", "answer_logprobs": [-0.5]},
    {"prompt": "When?", "completions": None, "error": "the model was ill"},
]
COLD, WARM = Sampling(temperature=0.1), Sampling(n=2)


@pytest.fixture
def replay(tmp_path: Path) -> Callable[..., Any]:
    """Backend of a JSONL file of some rows."""

    def write(rows: list[dict[str, Any]] = ROWS, **settings: Any) -> Any:
        file = tmp_path / "drawn.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return make("replay", **{"model": "somebody", "file": str(file)} | settings)

    return write


def texts(groups: list[Any]) -> list[list[str]]:
    return [[completion.text for completion in group.completions] for group in groups]


def test_prompts_are_found_as_they_stand_and_as_they_are_asked(replay: Any) -> None:
    backend = replay()
    assert texts(backend(["Why?", prompts.answer_turn("Why?")], Sampling(n=1))) == [["so"], ["so"]]
    assert replay(answer_prompt="Q: {question}")(["Q: Why?"], WARM)[0].completions[1].text == "thus"
    (unknown,) = backend(["Q: Why?"], WARM)
    assert unknown.error is not None
    assert unknown.error.endswith("drawn.jsonl has no completions of this prompt")


def test_a_single_cold_completion_is_the_answer_and_the_others_are_the_rest(replay: Any) -> None:
    backend = replay()
    (cold,), (warm,) = backend(["Who?"], COLD), backend(["Who?"], WARM)
    assert texts([cold, warm]) == [["Ann"], ["Ann", "Bob"]]
    assert texts(backend(["Why?"], COLD)) == [["so"]]  # a row without an answer
    assert [c.logprobs for c in warm.completions] == [[-1.0], [-2.0]]
    assert warm.completions[0].finish_reason == "unknown"


def test_none_is_given_twice_and_too_few_are_an_error(replay: Any) -> None:
    one, two, three = replay()(["Who?"] * 3, WARM)
    assert texts([one, two]) == [["Ann", "Bob"], ["Cid", "Dan"]]
    assert three.error.endswith("has 4 completions, and 6 are needed")
    assert replay()(["Who?", "Who?"], COLD)[1].completions[0].logprobs == [-0.5]


def test_why_a_row_failed_is_passed_on(replay: Any) -> None:
    (lost,) = replay()(["When?"], WARM)
    assert lost.error.endswith("has 0 completions, and 2 are needed; it says: the model was ill")


def test_other_columns_can_be_named(replay: Any) -> None:
    rows = [{"q": "Who?", "samples": ["Ann", "Bob"]}]
    backend = replay(rows, prompt_column="q", completions_column="samples")
    assert texts(backend(["Who?"], WARM)) == [["Ann", "Bob"]]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"question": "Who?", "completions": ["Ann"]}, "row 1: column 'prompt' is None; name the column"),
        ({"prompt": "Who?", "samples": ["Ann"]}, "row 1: no column 'completions'; name the column"),
        ({"prompt": "Who?", "completions": [1]}, "row 1: column 'completions' must be a list of texts"),
        ({"prompt": "Who?", "completions": ["a", "b"], "logprobs": [[-1.0]]}, "an entry for each of 2 texts"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(replay: Any, row: dict[str, Any], why: str) -> None:
    with pytest.raises(ArtefactError, match=why):
        replay([row])(["Who?"], WARM)


def test_settings_that_make_no_sense_are_refused(replay: Any) -> None:
    with pytest.raises(ConfigError, match=r"must contain \{question\}"):
        replay(answer_prompt="Who?")


def test_replaying_completions_gives_the_same_rows_and_a_changed_file_makes_them_anew(
    tmp_path: Path, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "asked.jsonl"
    source.write_text("".join(json.dumps({"prompt": f"What is {i}?"}) + "\n" for i in range(5)))
    asked = questions.questions(source, tmp_path / schema.QUESTIONS)
    shared = {"n_completions": 3, "max_tokens": 6, "top_logprobs": 2, "keep_tokens": True}
    shared["answer_prompt"] = "{question} Briefly."
    drawn = sample.sample(asked, tmp_path / "drawn.parquet", sample.Config(model=str(tiny_model), **shared))
    config = sample.Config(model="tiny", backend="replay", backend_settings={"file": str(drawn)}, **shared)
    again = sample.sample(asked, tmp_path / "again.parquet", config)
    table = pq.read_table(again)
    assert table.to_pylist() == pq.read_table(drawn).to_pylist()
    assert table.schema.names == [*schema.completions.names, *schema.details.names]
    assert [table.schema.field(name).type for name in schema.details.names] == schema.details.types

    caplog.set_level("INFO", "uncal")
    sample.sample(asked, again, config)
    assert "again.parquet is up to date" in caplog.text
    pq.write_table(pq.read_table(drawn).slice(1), drawn)
    sample.sample(asked, again, config)
    assert "making again.parquet anew (input replayed changed)" in caplog.text
    assert pq.read_table(again)["status"].to_pylist() == ["failed", *["done"] * 4]
