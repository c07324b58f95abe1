import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncal import verbal
from uncal.verbal import read_confidence

READ = {
    "90%": 0.9,
    "90 %": 0.9,
    "95\\%": 0.95,
    "0.9": 0.9,
    ".9": 0.9,
    "1e-1": 0.1,
    "1": 1.0,
    "100": 1.0,
    "0": 0.0,
    "9/10": 0.9,
    "9 out of 10": 0.9,
    "~ 0.9": 0.9,
    "0.85.": 0.85,
    "I'm about 85 % sure": 0.85,
    "I would say 90%.": 0.9,
    "I am 95 percent confident in it": 0.95,
    "my confidence is 0.7": 0.7,
    "<confidence>0.9</confidence>": 0.9,
    "<confidence>90%</confidence> That is all.": 0.9,
    "<Confidence> 0.4 </Confidence>": 0.4,
    "<confidence>0.1</confidence> no, <confidence>0.2</confidence>": 0.2,
    "<uncertainty>0.25</uncertainty>": 0.75,
    "<uncertainty>0.25</uncertainty><confidence>0.5</confidence>": 0.5,
    "Confidence: 85%": 0.85,
    "**Confidence:** 0.85": 0.85,
    "Confidence (0-100): 85": 0.85,
    "Confidence level: 70": 0.7,
    "Answer: 12\nConfidence: 95%\nThanks for asking 5 times": 0.95,
    "Confidence: 10%\nOn reflection.\nConfidence: 60%": 0.6,
    "Uncertainty: 20%": 0.8,
}
UNREAD = {
    "": "blank",
    " \n": "blank",
    "<confidence>0.9": "<confidence> is not closed",
    "<uncertainty>0.9": "<uncertainty> is not closed",
    "<confidence></confidence>": "no number and no word for one",
    "high": "no number and no word for one",
    "nan": "no number and no word for one",
    "inf": "no number and no word for one",
    "80-90%": "a range",
    "between 80% and 90%": "a range",
    "0,9": "several numbers",
    "I am 95 percent confident that it rose 5%": "several numbers",
    "101": "outside [0, 100 %]",
    "-5%": "outside [0, 100 %]",
    "150%": "outside [0, 100 %]",
    "12/10": "outside [0, 100 %]",
    "7/0": "outside [0, 100 %]",
    "There is a 10% chance that I'm wrong": "may speak of being wrong",
    "Probability of being wrong: 10%": "may speak of being wrong",
    "The answer is 42.": "a number that may be about something else",
    "Prices in that country have risen by 5% since then": "a number that may be about something else",
    "definitely not": "negated words",
    "Uncertainty: likely": "words of uncertainty",
}


@pytest.mark.parametrize(("text", "value"), READ.items(), ids=repr)
def test_a_confidence_is_read_however_it_is_written(text: str, value: float) -> None:
    found = read_confidence(text)
    assert (found.reason, found.by_words) == (None, False)
    assert found.value == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize(("text", "reason"), UNREAD.items(), ids=repr)
def test_what_can_be_read_in_two_ways_or_none_has_a_reason(text: str, reason: str) -> None:
    assert read_confidence(text) == (None, reason, False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Very likely.", 0.9),
        ("It is probably Paris", 0.75),
        ("I am not certain, but probably", 0.35),  # the least sure of several
        ("not impossible", 0.3),
        ("Confidence: almost certain", 0.95),
        ("<confidence>unlikely</confidence>", 0.15),
    ],
)
def test_words_count_where_there_is_no_number(text: str, value: float) -> None:
    assert read_confidence(text) == (value, None, True)


def test_a_number_counts_before_words_and_words_of_long_texts_do_not_count() -> None:
    assert read_confidence("Very likely, 60%") == (0.6, None, False)
    assert read_confidence("probably " + "and so on " * verbal.LONG).reason == "no number and no word for one"


@given(st.text(max_size=60) | st.text("0123456789.%/-<>confidence:e ", max_size=40))
def test_any_text_gives_a_probability_or_a_reason(text: str) -> None:
    found = read_confidence(text)
    assert (found.value is None) == (found.reason is not None)
    if found.value is not None:
        assert 0 <= found.value <= 1
        assert math.isfinite(found.value)


@given(st.integers(0, 1000))
def test_the_same_number_is_the_same_in_every_form(thousandths: int) -> None:
    value = thousandths / 1000
    forms = [f"{value:.3f}", f"{100 * value:.1f}%", f"{thousandths}/1000", f"<confidence>{value:.3f}</confidence>"]
    for form in forms:
        assert read_confidence(form).value == pytest.approx(value, abs=1e-12), form
