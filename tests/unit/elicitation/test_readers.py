"""Replies are read strictly."""

import pytest

from uncal.elicitation import STRATEGIES, probe_turn, read_option, read_probe, read_steps
from uncal.elicitation._readers import read_answer_and_confidence, read_top_k, read_wording


@pytest.mark.parametrize(
    ("text", "answer", "stated"),
    [
        ("Answer: Rome\nConfidence: 85%", "Rome", 0.85),
        ("**Answer:** Rome\n**Confidence:** 85 %", "Rome", 0.85),
        ("- Answer: Rome\n- Confidence: 0.85", "Rome", 0.85),
        ("Answer: Milan\nNo.\nFinal answer: Rome\nConfidence: 10%\nOverall confidence: 85", "Rome", 0.85),
        ("Answer: 1914-1918\nConfidence: 1%", "1914-1918", 0.01),
    ],
)
def test_the_last_answer_and_the_last_confidence_count(text: str, answer: str, stated: float) -> None:
    assert read_answer_and_confidence(text) == ([answer], [stated], None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Rome, 85%", "no answer"),
        ("Answer:\nConfidence: 85%", "no answer"),
        ("Answer: Rome", "no confidence"),
        ("Answer: Rome\nConfidence: very likely", "confidence: no number"),
        ("Answer: Rome\nConfidence: 80-90%", "confidence: a range"),
        ("Answer: Rome\nConfidence: 150%", "confidence: outside [0, 100 %]"),
        ("Answer: <the shortest phrase that answers the question>\nConfidence: 50%", "the form, not an answer"),
        ("", "no answer"),
    ],
)
def test_what_does_not_fit_has_a_reason(text: str, reason: str) -> None:
    assert read_answer_and_confidence(text) == ([], [], reason)


STEPS = "Step 1: Italy, confidence: 90%\nStep 2: Rome (confidence: 50%)\nAnswer: Rome"


def test_steps_come_to_their_product_or_minimum_whatever_is_stated_at_the_end() -> None:
    assert read_steps(STEPS).stated == pytest.approx([0.45])
    assert read_steps(STEPS, "min").stated == [0.5]
    assert read_steps(STEPS, "last").reason == "no confidence"
    assert read_steps(f"{STEPS}\nConfidence: 70%", "last").stated == [0.7]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Answer: Rome\nConfidence: 70%", "no steps"),
        (STEPS.replace("Step 2", "Step 3"), "steps are not numbered one after the other"),
        (STEPS.replace("90%", "high"), "confidence of a step: no number"),
        (STEPS.replace(", confidence: 90%", ""), "confidence of a step: none"),
        (STEPS.replace("Answer: Rome", ""), "no answer"),
    ],
)
def test_steps_that_do_not_fit_have_a_reason(text: str, reason: str) -> None:
    assert read_steps(text) == ([], [], reason)


def test_guesses_are_read_with_their_probabilities() -> None:
    assert read_top_k("G1: Rome\nP1: 70%\nG2: Milan\nP2: 0.2") == (["Rome", "Milan"], [0.7, 0.2], None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Rome", "no guesses"),
        ("G1: Rome\nG2: Milan\nP1: 70%", "guesses and probabilities are not numbered alike"),
        ("G1: Rome\nG3: Milan\nP1: 70%\nP3: 10%", "guesses and probabilities are not numbered alike"),
        ("G1: \nP1: 70%", "a guess is blank"),
        ("G1: <guess>\nP1: 10%", "the form, not an answer"),
        ("G1: Rome\nP1: likely", "probability: no number"),
    ],
)
def test_guesses_that_do_not_fit_have_a_reason(text: str, reason: str) -> None:
    assert read_top_k(text) == ([], [], reason)


def test_a_probe_is_answered_by_a_line_or_a_number_alone() -> None:
    assert read_probe("It is well known.\nConfidence: 30%") == (0.3, None)
    assert read_probe("30%") == (0.3, None)
    assert read_probe("Quite likely") == (None, "no number")


def test_one_of_two_words_is_read_as_a_whole_word_at_the_beginning() -> None:
    texts = ["True", "**False**, it is Milan.", "Truely", "I say True", "True, not False", ""]
    assert [read_option(text, ("True", "False")) for text in texts] == [True, False, None, None, None, None]


def test_a_sentence_is_its_own_answer() -> None:
    assert read_wording(" It may be Rome. ") == (["It may be Rome."], [0.45], None)
    assert read_wording("  ").reason == "blank"


@pytest.mark.parametrize("name", [name for name, strategy in STRATEGIES.items() if strategy.template])
def test_examples_are_in_the_form_that_is_asked_for_and_the_question_comes_last(name: str) -> None:
    strategy = STRATEGIES[name]
    turns = strategy.shown("Where is {k} the {form}?", 3)
    assert "Where is {k} the {form}?" in turns[-1]["content"]
    assert "{question}" not in turns[-1]["content"]
    replies = [turn["content"] for turn in turns if turn["role"] == "assistant"]
    assert len(replies) == (0 if name in ("plain", "hedged") else 2)
    assert strategy.read is not None
    read = [strategy.read(reply) for reply in replies]
    assert all(reply.reason is None for reply in read)
    assert not read or read[0].stated[0] > 0.5 > read[1].stated[0]
    assert turns[-1] == strategy.turn("Where is {k} the {form}?", 3)[0]


def test_examples_of_probes_are_probes() -> None:
    turns = probe_turn("Q?", "A", examples=True)
    assert [read_probe(turn["content"])[0] for turn in turns[1::2]] == [0.85, 0.1]
    assert turns[-1:] == probe_turn("Q?", "A")
