"""The judge on real models, and what it makes of what they say."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from uncal import backends, graders, schema
from uncal.graders.judge import Judge, read_verdict
from uncal.stages import grade


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("Yes", True),
        ("yes.", True),
        ("**No**", False),
        ('"No"', False),
        ("No, it is Rome.", False),
        ("Yes\nThey agree.", True),
        ("No doubt", None),
        ("Yes, but also no", None),
        ("Yesterday", None),
        ("The answer is yes", None),
        ("Maybe", None),
        ("", None),
    ],
)
def test_a_verdict_is_one_word_at_the_start_or_none(said: str, right: bool | None) -> None:
    assert read_verdict(said) is right


def test_what_cannot_be_read_is_masked_and_null_in_the_file(tiny_model: Path) -> None:
    judge = Judge(backend=backends.make("transformers", model=str(tiny_model)), max_tokens=4)
    verdicts = judge(["Paris", "", "Rome"], [["Paris"], ["Paris"], []], ["Which city?"] * 3)
    assert np.ma.getmaskarray(verdicts).tolist() == [True, False, False]  # a random model babbles; others are not asked
    assert judge.verdicts(["Paris"], [["Paris"]])[0].reason == "neither yes nor no"
    batch = pa.table(
        {
            "id": ["a"],
            "prompt": ["Which city?"],
            "answers": pa.array([["Paris"]], pa.list_(pa.string())),
            "answer": ["Paris"],
            "completions": pa.array([["Rome", ""]], pa.list_(pa.string())),
        }
    )
    (row,) = grade.grade_batch(batch, grade.Config(grader="judge"), judge).to_pylist()
    assert (row["correct"], row["completions_correct"]) == (None, [None, False])
    assert row["grader"].startswith(f"judge(backend=Transformers(model={str(tiny_model)!r}, ")
    assert ", prompt=sha256:" in row["grader"]


def test_a_text_over_the_context_is_masked_with_the_reason(tiny_model: Path) -> None:
    judge = Judge(backend=backends.make("transformers", model=str(tiny_model)))
    (verdict,) = judge.verdicts(["why " * 300], [["because"]])
    assert verdict.right is None
    assert "over the model's context" in str(verdict.reason)


def test_a_placeholder_in_a_text_is_not_replaced() -> None:
    judge: Any = Judge(backend=backends.make("transformers", model="not loaded"))
    turn = judge._turn("{reference} {question}", ["Paris", "Lutetia"], "{answer}?")
    assert "Question: {answer}?\nReference answer: Paris / Lutetia\nProposed answer: {reference} {question}\n" in turn
    with pytest.raises(ValueError, match=r"must contain \{reference\}"):
        Judge(backend=judge.backend, prompt="Is {answer} right?")


def test_a_real_model_gives_verdicts_that_can_be_read_and_no_judgement_to_trust(smollm2: str) -> None:
    judge = grade.make_grader("judge", {"model": smollm2})
    questions = ["What is the capital of France?", "What is 6 * 7?"] * 2
    texts, answers = ["Paris", "42", "London", "41"], [["Paris"], ["42"]] * 2
    verdicts = judge(texts, answers, questions)
    assert not np.ma.getmaskarray(verdicts).any()
    found = graders.agreement(verdicts, graders.make("exact_match")(texts, answers))
    assert found.n == 4
    assert found.kappa < 0.5  # of 135M parameters; measured: it says no to all
    assert repr(smollm2) in graders.identity("judge", judge)


def test_settings_that_are_not_the_judges_are_the_backends() -> None:
    judge: Any = grade.make_grader("judge", {"model": "m", "max_tokens": 3, "batch_tokens": 64})
    assert (judge.max_tokens, judge.backend.model, judge.backend.batch_tokens) == (3, "m", 64)
    assert schema.grades.field("completions_correct").type.value_type == pa.bool_()


def test_agreement_is_the_share_and_cohens_kappa_as_scikit_learn_has_it() -> None:
    from sklearn.metrics import cohen_kappa_score

    generator = np.random.default_rng(0)
    first, second = generator.random((2, 200)) < np.array([[0.4], [0.6]])
    found = graders.agreement(first, second)
    assert found.n == 200
    assert found.share == (first == second).mean()
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    masked = np.ma.MaskedArray(first, np.arange(200) >= 100)
    assert graders.agreement(masked, second) == graders.agreement(first[:100], second[:100])
    assert np.isnan(graders.agreement(first[:0], second[:0]).share)
    assert np.isnan(graders.agreement(first | True, second | True).kappa)
