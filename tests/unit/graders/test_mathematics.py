"""What math-verify calls equal."""

import threading

import pytest

from uncal.graders.mathematics import Mathematics


@pytest.mark.parametrize(
    ("text", "accepted", "right"),
    [
        (r"It is $\boxed{\frac{2}{4}}$.", ["1/2"], True),
        (r"$(x+1)^2$", ["x^2+2x+1"], True),
        (r"$(x+1)^2$", ["$x^2+2x+2$"], False),
        ("0.5", [r"\frac{1}{2}"], True),
        ("She sold 72 clips.", ["#### 72"], True),
        ("no idea", ["72"], False),
        ("", ["72"], False),
        ("72", [], False),
        ("7", ["5", "7"], True),
    ],
)
def test_formulas_that_are_equal_are_right(text: str, accepted: list[str], right: bool) -> None:
    assert Mathematics()([text], [accepted]).tolist() == [right]


def test_it_works_outside_the_main_thread_too() -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.extend(Mathematics()(["1/2", "1/3"], [["0.5"]] * 2).tolist()))
    thread.start()
    thread.join()
    assert found == [True, False]
