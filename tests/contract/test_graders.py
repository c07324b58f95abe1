"""What every grader promises."""

import numpy as np
import pytest

from uncal.graders import make
from uncal.plugins import names
from uncal.types import Grader


@pytest.fixture(params=names("graders"))
def grader(request: pytest.FixtureRequest) -> Grader:
    return make(request.param)


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
