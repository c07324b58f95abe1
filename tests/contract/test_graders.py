"""What every grader promises."""

import pickle
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from uncal.embedders import Hashing
from uncal.graders import identity, make
from uncal.plugins import names
from uncal.types import Backend, Completion, CompletionGroup, Grader, Prompt, Sampling


@dataclass(frozen=True)
class Reader(Backend):
    """Reads what the judge is asked and answers right, which no model does that is small enough for a test."""

    def __call__(self, prompts: Sequence[Prompt], _: Sampling, /) -> list[CompletionGroup]:
        groups = []
        for prompt in prompts:
            asked = prompt if isinstance(prompt, str) else prompt[-1]["content"]
            reference, answer = re.findall(r"^(?:Reference|Proposed) answer: (.*)$", asked, re.MULTILINE)
            said = "Yes." if answer in reference.split(" / ") else "No."
            groups.append(CompletionGroup([Completion(said, [1], [-0.1], "stop")]))
        return groups


SETTINGS: dict[str, dict[str, Any]] = {"judge": {"backend": Reader()}, "similarity": {"embedder": Hashing()}}


@pytest.fixture(params=names("graders"))
def grader(request: pytest.FixtureRequest) -> Grader:
    return make(request.param, **SETTINGS.get(request.param, {}))


def test_a_plain_answer_is_right_and_another_wrong(grader: Grader) -> None:
    assert grader(["42", "41"], [["42"], ["42"]]).tolist() == [True, False]


def test_blank_text_and_no_accepted_answer_are_wrong(grader: Grader) -> None:
    assert grader(["", " \n", "42"], [["42"], ["42"], []]).tolist() == [False, False, False]


def test_each_text_is_graded_on_its_own(grader: Grader) -> None:
    texts, answers = ["1", "2", "3"], [["1"], ["9"], ["8", "3"]]
    together = grader(texts, answers)
    assert together.dtype == bool
    np.testing.assert_array_equal(together, [grader([t], [a])[0] for t, a in zip(texts, answers, strict=True)])


def test_nothing_gives_nothing(grader: Grader) -> None:
    assert grader([], []).shape == (0,)


def test_questions_may_be_given_whether_it_reads_them_or_not(grader: Grader) -> None:
    texts, answers, asked = ["42", "41"], [["42"], ["42"]], ["What is 6 * 7?", "What is 6 * 7?"]
    assert grader(texts, answers, asked).tolist() == [True, False]


@pytest.mark.parametrize("name", names("graders"))
def test_its_identity_names_every_setting_and_it_pickles(name: str) -> None:
    grader = make(name, **SETTINGS.get(name, {}))
    again = pickle.loads(pickle.dumps(grader))
    assert again == grader
    said = identity(name, again)
    assert said.startswith(f"{name}(")
    for setting in grader.__dataclass_fields__:  # type: ignore[attr-defined]
        assert f"{setting}=" in said
