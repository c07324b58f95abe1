"""The strict reader of stated numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncal import parse_confidence, parse_uncertainty


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<uncertainty>0.37</uncertainty>", 0.37),
        ("<uncertainty> 0.37\n</uncertainty>  \n", 0.37),
        ("I doubt it. <uncertainty>1</uncertainty>", 1.0),
        ("<uncertainty>0</uncertainty>", 0.0),
        ("<uncertainty>.5</uncertainty>", 0.5),
        ("<uncertainty>1.</uncertainty>", 1.0),
        ("<uncertainty>+0.25</uncertainty>", 0.25),
        ("<uncertainty>0.2</uncertainty> no: <uncertainty>0.9</uncertainty>", 0.9),
        ("<reflect>hm</reflect>\n<uncertainty>0.10</uncertainty>", 0.1),
    ],
)
def test_a_decimal_in_the_last_block_is_read(text: str, value: float) -> None:
    assert parse_uncertainty(text) == (value, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no <uncertainty> block"),
        ("0.37", "no <uncertainty> block"),
        ("<confidence>0.37</confidence>", "no <uncertainty> block"),
        ("<Uncertainty>0.37</Uncertainty>", "no <uncertainty> block"),
        ("<uncertainty>0.37", "<uncertainty> is not closed"),
        ("<uncertainty>0.2</uncertainty> and <uncertainty>0.3", "<uncertainty> is not closed"),
        ("<uncertainty>0.37</uncertainty>.", "text after </uncertainty>"),
        ("<uncertainty>0.37</uncertainty></uncertainty>", "text after </uncertainty>"),
        ("<uncertainty></uncertainty>", "not a decimal"),
        ("<uncertainty>nan</uncertainty>", "not a decimal"),
        ("<uncertainty>inf</uncertainty>", "not a decimal"),
        ("<uncertainty>90%</uncertainty>", "not a decimal"),
        ("<uncertainty>1e-1</uncertainty>", "not a decimal"),
        ("<uncertainty>0,5</uncertainty>", "not a decimal"),
        ("<uncertainty>-0.1</uncertainty>", "not a decimal"),
        ("<uncertainty>0.3 0.4</uncertainty>", "not a decimal"),
        ("<uncertainty>one half</uncertainty>", "not a decimal"),
        ("<uncertainty>\N{ARABIC-INDIC DIGIT ZERO}.5</uncertainty>", "not a decimal"),
        ("<uncertainty>1_0</uncertainty>", "not a decimal"),
        ("<uncertainty>.</uncertainty>", "not a decimal"),
        ("<uncertainty>1.01</uncertainty>", "outside [0, 1]"),
        ("<uncertainty>150</uncertainty>", "outside [0, 1]"),
    ],
)
def test_what_is_unclear_is_malformed_and_says_why(text: str, reason: str) -> None:
    assert parse_uncertainty(text) == (None, reason)


def test_confidence_has_its_own_tag() -> None:
    assert parse_confidence("<confidence>0.9</confidence>") == (0.9, None)
    assert parse_confidence("<uncertainty>0.9</uncertainty>") == (None, "no <confidence> block")


def test_a_thing_that_is_no_text_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="text is NoneType; it must be a str"):
        parse_uncertainty(None)  # type: ignore[arg-type]


@given(st.text() | st.text(alphabet="<>/uncertainy0123456789.%+- e", max_size=60))
def test_any_text_gives_a_number_in_range_or_a_reason(text: str) -> None:
    value, reason = parse_uncertainty(text)
    assert (value is None) != (reason is None)
    assert value is None or 0 <= value <= 1


@given(st.text(), st.integers(0, 100))
def test_a_well_formed_end_is_read_whatever_stands_before_it(before: str, hundredths: int) -> None:
    assert parse_uncertainty(f"{before}<uncertainty>{hundredths / 100:.2f}</uncertainty>").value == hundredths / 100
