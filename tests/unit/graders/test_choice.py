"""Which letter a text chooses."""

import pytest

from uncal.graders.choice import Choice, chosen_letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("b.", "B"),
        ("(c)", "C"),
        ("**D**", "D"),
        ("B) Paris", "B"),
        ("B. Paris", "B"),
        ("B: Paris", "B"),
        ("B - Paris", "B"),
        ("The answer is B because of A.", "B"),
        ("Answer: **C**", "C"),
        ("answer is (A).", "A"),
        (r"\boxed{D}", "D"),
        ("At first the answer is A. No, the answer is B.", "B"),
        ("It must be (C), clearly", "C"),
        ("Let us think.\nA) no\nB) yes", None),
        ("(A) or (B)", None),
        ("A dog", None),
        ("I think so", None),
        ("the answer is a dog", None),
        ("Paris", None),
        ("", None),
    ],
)
def test_a_letter_is_read_where_it_is_chosen_and_only_there(text: str, letter: str | None) -> None:
    assert chosen_letter(text) == letter


def test_accepted_words_of_the_option_are_right_too() -> None:
    texts = ["B", "Paris.", "It is Paris", "A. Paris", " "]
    assert Choice()(texts, [["B", "Paris"]] * 5).tolist() == [True, True, False, False, False]
