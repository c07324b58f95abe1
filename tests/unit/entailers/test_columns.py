"""What an entailer is asked for each column, and where its verdicts go."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from uncal import fast
from uncal.entailers import judge_alternatives, judge_answers, judge_sentences
from uncal.types import Entailer, FloatArray


@dataclass(frozen=True)
class Lengths(Entailer):
    """Says that a text entails those that it is not shorter than and contradicts longer ones; lists what is asked."""

    name: str = "lengths"
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
        self.asked.extend(pairs)
        return np.array([[0.75, 0.25, 0.0] if len(a) >= len(b) else [0.0, 0.25, 0.75] for a, b in pairs])


def lists(values: Sequence[FloatArray | None]) -> list[list[float] | None]:
    return [None if one is None else one.tolist() for one in values]


def test_the_answer_is_the_premise_of_each_text_with_the_question_before_both() -> None:
    entailer = Lengths()
    groups = [["Rome", "Milano", " Turin"], None, ["x"], []]
    made = judge_answers(["Turin", "a", None, "b"], groups, entailer, questions=["Where?", "?", "?", "?"])
    assert entailer.asked == [("Where? Turin", "Where? Rome"), ("Where? Turin", "Where? Milano")]
    assert lists(made["answer_entail"]) == [[0.75, 0.0, 1.0], None, None, []]
    assert lists(made["answer_contra"]) == [[0.0, 0.75, 0.0], None, None, []]


def test_each_text_is_the_premise_of_the_sentences_of_the_others() -> None:
    entailer = Lengths()
    groups = [["It is Aa. It was Bb.", "It is Ccc."], None, ["alone"], ["", "One."]]
    made = judge_sentences(groups, entailer)
    assert entailer.asked == [
        ("It is Ccc.", "It is Aa."),
        ("It is Ccc.", "It was Bb."),
        ("It is Aa. It was Bb.", "It is Ccc."),
    ]
    entail, contra = made["sentence_entail"], made["sentence_contra"]
    assert [lists(one) if one is not None else None for one in entail] == [
        [[[1.0, 0.75], [1.0, 0.75]], [[0.75, 1.0]]],
        None,
        [[[1.0]]],
        [[], [[0.0, 1.0]]],  # a blank text has no sentence and leaves others open
    ]
    assert contra[0] is not None
    assert lists(contra[0]) == [[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0]]]
    flat = [np.concatenate([one.reshape(-1) for one in made[name][0] or ()]) for name in made]
    assert fast.sentence_disagreement(*flat, [0, 2, 3], [0, 2]).tolist() == [0.0]


def test_alternatives_stand_in_the_place_of_the_token_and_are_judged_both_ways() -> None:
    entailer = Lengths()
    tokens = [["It is", " Rome", ""], None, ["a"], ["b"]]
    top = [[["It is", "It was"], [" Rome", " Roma", ""], [""]], [["a"]], None, [["b"]]]
    made = judge_alternatives(tokens, top, entailer, questions=["Where?", "?", "?", "?"])
    assert entailer.asked == [
        ("Where? It is", "Where? It was"),
        ("Where? It was", "Where? It is"),
        ("Where? It is Rome", "Where? It is Roma"),
        ("Where? It is Roma", "Where? It is Rome"),
        ("Where? It is Rome", "Where? It is"),
        ("Where? It is", "Where? It is Rome"),
    ]
    # one way round each contradicts, the other way round it entails: neutral; of one length each entails the other
    assert made["answer_top_classes"] == [[[1, 0], [1, 1, 0], [1]], None, None, [[1]]]


def test_an_answer_of_which_a_pair_has_no_verdict_has_no_classes() -> None:
    @dataclass(frozen=True)
    class Mute(Lengths):
        def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
            return np.where([["Roma" in b] for _, b in pairs], np.nan, super().__call__(pairs))

    made = judge_alternatives([["Rome"], ["Paris"]], [[["Rome", "Roma"]], [["Paris", "Pari"]]], Mute())
    assert made["answer_top_classes"] == [None, [[1, 0]]]


def test_nothing_is_asked_of_nothing() -> None:
    entailer = Lengths()
    assert judge_answers([], [], entailer) == {"answer_entail": [], "answer_contra": []}
    assert judge_sentences([], entailer) == {"sentence_entail": [], "sentence_contra": []}
    assert judge_alternatives([], [], entailer) == {"answer_top_classes": []}
    assert entailer.asked == []
