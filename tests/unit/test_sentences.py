"""Sentences are cut by a rule that is written down."""

import pytest

from uncal.sentences import sentences


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Rome", ["Rome"]),
        ("It is Rome. It was Troy", ["It is Rome.", "It was Troy"]),
        ('He said "No!" Then he left.', ['He said "No!"', "Then he left."]),
        ("It costs 3.5 million. 12 people paid", ["It costs 3.5 million.", "12 people paid"]),
        ("Dr. Smith met J. R. Ewing, cf. Dallas. Why?", ["Dr. Smith met J. R. Ewing, cf. Dallas.", "Why?"]),
        ("Well... Maybe", ["Well...", "Maybe"]),
        ("about the U.S. economy", ["about the U.S. economy"]),
        ("1. Rome\n2. Paris", ["1. Rome", "2. Paris"]),
        ("- Rome\n\n- Paris\n---", ["- Rome", "- Paris"]),
        ("東京です。京都。", ["東京です。", "京都。"]),
        ("Ça va. Élan vital", ["Ça va.", "Élan vital"]),
        (" \n ... ", []),
        ("", []),
    ],
)
def test_a_text_is_cut_where_a_sentence_ends_and_nowhere_else(text: str, cut: list[str]) -> None:
    assert sentences(text) == cut


def test_nothing_but_white_space_and_marks_is_lost() -> None:
    text = "One. Two! (Three?) Four\nFive: six... Seven"
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
