"""Reading numbers out of what a model wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from uncal import reading
from uncal.backends.replay import Replay
from uncal.types import ReadOut, Sampling

NUMBER, ANSWER = "<confidence>0.75</confidence>", "<answer>Rome</answer>"


@pytest.mark.parametrize(
    ("order", "text", "uncertainty", "reason"),
    [
        ("answer_first", NUMBER, 0.25, None),
        ("answer_first", NUMBER + ANSWER, None, "text after </confidence>"),
        ("together", ANSWER + NUMBER, 0.25, None),
        ("together", NUMBER, None, "no <answer> block"),
        ("confidence_first", NUMBER + ANSWER, 0.25, None),
        ("confidence_first", ANSWER + NUMBER, None, "text after </answer>"),
    ],
)
def test_a_number_is_read_where_the_order_says_it_stands(
    tmp_path: Path, order: Any, text: str, uncertainty: float | None, reason: str | None
) -> None:
    file = tmp_path / "written.jsonl"
    file.write_text(json.dumps({"prompt": "Which city?", "completions": [text]}))
    backend = Replay(model="m", file=str(file), answer_prompt="{question}")
    read_out = reading.of_note({"prompts": {"order": order}, "read_out": {"format": "confidence"}})
    assert read_out == ReadOut(format="confidence", order=order)
    found = reading.Read(text, uncertainty, reason, None if reason or order == "answer_first" else "Rome")
    assert reading.read(backend, ["Which city?"], read_out, Sampling()) == [found]
