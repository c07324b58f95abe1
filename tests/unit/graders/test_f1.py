"""Token F1 beside SQuAD's definition."""

import pytest

from uncal.graders.f1 import F1, token_f1


@pytest.mark.parametrize(
    ("text", "answer", "f1"),
    [
        ("Paris", "Paris", 1.0),
        ("the Paris!", "paris", 1.0),  # articles and punctuation fall away
        ("Paris, France", "Paris", 2 / 3),  # precision 1/2, recall 1
        ("new york new york", "new york", 2 / 3),  # a word counts as often as it stands in both
        ("London", "Paris", 0.0),
        ("", "Paris", 0.0),
        ("?", "?", 1.0),
        ("anything", "", 0.0),
    ],
)
def test_f1_is_the_harmonic_mean_of_precision_and_recall_of_words(text: str, answer: str, f1: float) -> None:
    assert token_f1(text, answer) == pytest.approx(f1, abs=1e-12)


def test_the_best_accepted_answer_counts_and_the_threshold_is_met_by_equality() -> None:
    texts, answers = ["Paris, France", "Paris, France"], [["London", "Paris"], ["London"]]
    assert F1(threshold=2 / 3)(texts, answers).tolist() == [True, False]
    assert F1(threshold=0.67)(texts, answers).tolist() == [False, False]
    with pytest.raises(ValueError, match=r"threshold is 0; it must lie in \(0, 1\]"):
        F1(threshold=0)
