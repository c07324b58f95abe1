"""Ask: several answers and several statements become one of each."""

from typing import Any

import pytest

from uncal.commands.ask import _Asking, _voted
from uncal.errors import ConfigError
from uncal.reading import Read

NOTE: dict[str, Any] = {
    "prompts": {"answer": "{question}", "uncertainty": "Sure?", "order": "answer_first"},
    "read_out": {"format": "uncertainty", "temperature": 0.0, "max_tokens": 24},
    "answer_sampling": {"temperature": 0.1, "max_tokens": 16, "seed": 3},
}


def said(*numbers: float | None) -> list[Read]:
    return [Read("so", number, None if number is not None else "no <uncertainty> block") for number in numbers]


def test_the_mean_of_what_can_be_read_of_several_statements_is_given() -> None:
    row = _voted("?", [("Rome", said(0.1, None, 0.4))])
    assert (row["answer"], row["uncertainty"], row["confidence"]) == ("Rome", 0.25, 0.75)
    assert (row["statement"], row["reason"], row["error"]) == ("so", None, None)
    row = _voted("?", [("Rome", said(None, None))])
    assert (row["answer"], row["uncertainty"], row["reason"]) == ("Rome", None, "no <uncertainty> block")


def test_the_answer_with_the_most_confidence_in_all_is_given_as_it_was_first_written() -> None:
    drawn = [("The Oslo.", said(0.5)), ("Rome", said(0.2)), ("oslo", said(0.4)), ("Oslo", said(None))]
    row = _voted("?", drawn)
    assert row["answer"] == "The Oslo."  # 0.5 + 0.6 against 0.8
    assert row["confidence"] == pytest.approx(0.55)
    assert row["uncertainty"] == pytest.approx(0.45)
    row = _voted("?", [("Oslo", said(None)), ("Rome", said(None)), ("Rome", said(None))])
    assert (row["answer"], row["confidence"]) == ("Rome", None)  # by number alone


def test_several_are_drawn_at_temperature_1_and_one_as_it_was_trained() -> None:
    one, many = _Asking(NOTE, 1, 1), _Asking(NOTE, 5, 3)
    assert (one.answering.n, one.answering.temperature, one.stating.n, one.stating.temperature) == (1, 0.1, 1, 0.0)
    assert (many.answering.n, many.answering.temperature, many.stating.n, many.stating.temperature) == (5, 1.0, 3, 1.0)
    together = _Asking(NOTE | {"prompts": NOTE["prompts"] | {"order": "together"}}, 4, 1)
    assert (together.stating.n, together.stating.temperature) == (4, 1.0)


@pytest.mark.parametrize(
    ("votes", "analyses", "changes", "message"),
    [
        (0, 1, {}, "votes is 0; it must be at least 1"),
        (1, -1, {}, "analyses is -1; it must be at least 1"),
        (1, 2, {"prompts": NOTE["prompts"] | {"order": "together"}}, "states in one go; draw votes instead"),
        (
            1,
            2,
            {"read_out": NOTE["read_out"] | {"options": ["yes", "no"], "uncertainties": [0.0, 1.0]}},
            "this adapter's number is a mean already",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(votes: int, analyses: int, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _Asking(NOTE | changes, votes, analyses)
