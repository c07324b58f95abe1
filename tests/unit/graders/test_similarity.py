"""Similarity with a real embedder."""

from uncal.embedders import make as make_embedder
from uncal.graders.similarity import Similarity
from uncal.stages.grade import make_grader


def test_a_paraphrase_is_right_and_another_thing_wrong_to_a_real_embedder(minilm: str) -> None:
    grade = make_grader("similarity", {"model": minilm, "threshold": 0.7})
    texts = ["The capital of France is Paris.", "a motor car", "London", ""]
    answers = [["Paris is France's capital."], ["an automobile"], ["Mount Everest"], ["Paris"]]
    assert grade(texts, answers).tolist() == [True, True, False, False]


def test_equal_texts_are_right_at_the_threshold_of_1() -> None:
    grade = Similarity(embedder=make_embedder("hashing"), threshold=1.0)
    assert grade(["Paris", "Pariss"], [["London", "paris"], ["Paris"]]).tolist() == [True, False]
