"""The rule of exact match, case by case."""

import pytest

from uncal.graders.exact_match import ExactMatch
from uncal.normal import normalize


@pytest.mark.parametrize(
    ("text", "accepted", "right"),
    [
        ("Paris", ["Paris"], True),
        ("  paris. ", ["Paris"], True),
        ("The Eiffel Tower", ["eiffel tower"], True),
        ("The capital of France is Paris.", ["Paris"], True),
        ("It is New York, of course", ["New York"], True),
        ("New Delhi or York", ["New York"], False),  # not next to each other
        ("York New", ["New York"], False),  # not in order
        ("Paris is not the capital, London is", ["Paris"], True),  # the rule does not read
        ("Parisian", ["Paris"], False),  # not a whole word
        ("Paris", ["Paris, France"], False),  # all the words of the accepted answer
        ("42", ["forty-two", "42"], True),
        ("142", ["42"], False),
        ("1,000", ["1000"], True),
        ("It's 3.5", ["3.5"], True),
        ("", ["Paris"], False),
        ("   \n", ["Paris"], False),
        ("Paris", [], False),
        ("?", ["?"], True),  # nothing is left of it, so it is compared as it stands
        ("is it ?", ["?"], False),
        ("anything", [""], False),
        ("The", ["the"], False),
        ("the", ["the"], True),
        ("naïve", ["Naïve"], True),
    ],
)
def test_the_rule(text: str, accepted: list[str], right: bool) -> None:
    assert ExactMatch()([text], [accepted]).tolist() == [right]


def test_without_containment_a_chatty_text_is_wrong() -> None:
    strict = ExactMatch(containment=False)
    texts = ["The capital of France is Paris.", "paris!"]
    assert strict(texts, [["Paris"]] * 2).tolist() == [False, True]


def test_a_text_without_its_answers_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        ExactMatch()(["a", "b"], [["a"]])


def test_normalisation_is_that_of_squad() -> None:
    assert normalize("A man, a plan, THE  canal!") == "man plan canal"
    assert normalize("anthem theatre") == "anthem theatre"
