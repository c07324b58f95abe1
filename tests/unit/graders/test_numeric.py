"""What numbers are read out of texts, and when two are equal."""

import math
from typing import Any

import pytest

from uncal.graders.numeric import Numeric, numbers


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("42", [42]),
        ("-7 and \N{MINUS SIGN}8", [-7, -8]),
        ("1,234,567.5", [1234567.5]),
        ("1,23", [1, 23]),  # no thousands
        ("3/4 of it", [0.75]),
        ("1/0", []),
        ("1.2e5, 1.2 x 10^5, 1.2 \N{MULTIPLICATION SIGN} 10^{-3}", [1.2e5, 1.2e5, 1.2e-3]),
        ("$1.5 million", [1.5e6]),
        ("42km or .5 m.", [42, 0.5]),
        ("B2, v1.2.3, H2O", []),
        ("2-5", [2, 5]),
        ("+5", [5]),
        ("9" * 400, []),  # beyond float64
        ("1e999", []),
        ("forty-two", []),
        ("", []),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, values: list[float]) -> None:
    assert [number.value for number in numbers(text)] == pytest.approx(values)


@pytest.mark.parametrize(
    ("text", "accepted", "right", "settings"),
    [
        ("She sold 48 + 24 = 72 clips.", ["#### 72"], True, {}),
        ("#### 72 and 3 more words", ["72"], True, {}),
        ("The answer is 72, since 70 + 2.", ["72"], True, {}),
        (r"so \boxed{72} in 3 steps", ["72"], True, {}),
        ("72 of 100", ["72"], False, {}),
        ("72 of 100", ["72"], True, {"which": "first"}),
        ("72 of 100", ["100"], False, {"which": "only"}),
        ("1,200 km", ["1200"], True, {}),
        ("50%", ["0.5"], True, {}),
        ("50%", ["50"], True, {}),
        ("50", ["50%"], True, {}),
        ("0.5", ["50%"], True, {}),
        ("50%", ["50 percent"], True, {}),
        ("0.5%", ["50%"], False, {}),
        ("3.14", ["3.14159"], False, {}),
        ("3.14", ["3.14159"], True, {"relative": 1e-2}),
        ("0.001", ["0"], False, {}),
        ("0.001", ["0"], True, {"absolute": 1e-2}),
        ("none", ["0"], False, {}),
        ("0", ["none"], False, {}),
        ("7", ["5", "7"], True, {}),
    ],
)
def test_the_rule(text: str, accepted: list[str], right: bool, settings: dict[str, Any]) -> None:
    assert Numeric(**settings)([text], [accepted]).tolist() == [right]


def test_tolerances_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="relative is -1; it must be 0 or more, and finite"):
        Numeric(relative=-1)
    with pytest.raises(ValueError, match="absolute is inf"):
        Numeric(absolute=math.inf)


def test_long_texts_of_digits_and_signs_take_no_time() -> None:
    hostile = ["1," * 50_000, "1/" * 50_000, "-" * 100_000, "1e" * 50_000, "answer is " * 20_000]
    assert Numeric()(hostile, [["5"]] * 5).tolist() == [False] * 5
