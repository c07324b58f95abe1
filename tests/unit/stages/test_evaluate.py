"""What the numbers of the report are, on statements that are known."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import brier_score_loss, roc_auc_score

from uncal import artefacts, cards, reading
from uncal.stages import evaluate
from uncal.stages.evaluate import Config

CONFIG = Config(bootstrap=200)


def rows(n: int = 60) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    score = rng.uniform(0, math.log(4), n)
    correct = rng.random(n) < 1 - score / math.log(4)
    return [
        {
            "id": f"q{i}",
            "score": float(score[i]),
            "correct": bool(correct[i]),
            "n": 4,
            "uncertainty": 0.2 + score[i] / 3,
        }
        for i in range(n)
    ]


def test_metrics_are_those_of_scikit_learn_over_the_readable_statements() -> None:
    graded = rows()
    stated = {row["id"]: None if i % 5 == 0 else round(row["uncertainty"], 2) for i, row in enumerate(graded)}
    entry = evaluate._measure(graded, stated, CONFIG)
    kept = [row for row in graded if stated[row["id"]] is not None]
    correct = [row["correct"] for row in kept]
    confidence = [1 - stated[row["id"]] for row in kept]  # type: ignore[operator]
    assert (entry["n"], entry["malformed"]) == (48, 12)
    assert entry["malformed_share"][0] == 0.2
    assert entry["brier"][0] == pytest.approx(brier_score_loss(correct, confidence), abs=1e-12)
    assert entry["auroc"][0] == pytest.approx(roc_auc_score(correct, confidence), abs=1e-12)
    assert entry["auroc"][1] < entry["auroc"][0] < entry["auroc"][2]
    assert entry["accuracy"] == pytest.approx(np.mean(correct))
    assert entry["mean_confidence"] == pytest.approx(np.mean(confidence))
    assert entry["distinct"] == len(set(confidence))
    values = np.array(confidence)
    by_value = sum(abs(sum(v - c for v, c in zip(values, correct, strict=True) if v == u)) for u in set(confidence))
    assert entry["ece_distinct"][0] == pytest.approx(by_value / 48, abs=1e-12)
    assert sum(entry["reliability"]["count"]) == 48
    assert entry["risk_coverage"]["coverage"][-1] == 1
    assert entry["risk_coverage"]["risk"][-1] == pytest.approx(1 - np.mean(correct))


def test_without_a_readable_statement_there_is_no_number() -> None:
    graded = rows(5)
    entry = evaluate._measure(graded, dict.fromkeys((row["id"] for row in graded), None), CONFIG)
    assert (entry["n"], entry["malformed"], entry["auroc"], entry["reliability"]) == (0, 5, None, None)


def test_the_auroc_of_the_score_is_that_of_its_negative_and_skips_what_is_not_scored() -> None:
    graded = rows()
    expected = roc_auc_score([row["correct"] for row in graded], [-row["score"] for row in graded])
    assert expected > 0.6
    more = [*graded, *({**graded[0], "score": score, "correct": True} for score in (None, math.nan))]
    assert evaluate._score_auroc(more, CONFIG)[0] == pytest.approx(expected, abs=1e-12)


def test_imitation_is_the_rank_correlation_of_scipy() -> None:
    graded = rows()
    teacher = {row["id"]: row["uncertainty"] for row in graded}
    rng = np.random.default_rng(1)
    stated = {name: round(float(np.clip(value + rng.normal(0, 0.1), 0, 1)), 1) for name, value in teacher.items()}
    value, low, high = evaluate._spearman(graded, stated, teacher, CONFIG) or (0, 0, 0)
    assert value == pytest.approx(spearmanr(list(stated.values()), list(teacher.values())).statistic, abs=1e-12)
    assert low < value < high
    assert evaluate._spearman(graded, dict.fromkeys(stated, 0.5), teacher, CONFIG) is None  # one value: undefined


def test_entropy_is_read_over_its_largest_value() -> None:
    assert evaluate._over_log_n({"n": 4, "score": math.log(4)}) == 1
    assert evaluate._over_log_n({"n": 4, "score": 0.0}) == 0
    assert evaluate._over_log_n({"n": 1, "score": 0.0}) == 0
    assert evaluate._over_log_n({"n": None, "score": None}) is None


@pytest.mark.parametrize(("count", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634)])
def test_shares_have_wilson_intervals(count: int, n: int, low: float, high: float) -> None:
    share, *ends = evaluate._wilson(count, n, 0.95) or ()
    assert share == count / n
    np.testing.assert_allclose(ends, [low, high], atol=1e-4)


def entry(auroc: list[float] | None, **changes: Any) -> dict[str, Any]:
    known = {"n": 50, "malformed": 0, "accuracy": 0.5, "mean_confidence": 0.6, "largest_share": 0.1, "imitation": None}
    return known | {"auroc": auroc} | changes


def findings(*table: dict[str, Any], steps: int = 1000) -> str:
    named = [row | {"name": name} for name, row in zip(("teacher", "adapter", "base"), table, strict=False)]
    return " ".join(evaluate._findings(named, {"grpo": {"steps": [{}] * steps}}))


def test_findings_say_what_is_unwelcome() -> None:
    good = entry([0.8, 0.7, 0.9], imitation=[0.5, 0.3, 0.7])
    said = findings(good, good, entry(None, n=0, malformed=50))
    assert "The teacher is overconfident by 0.10 on average over 50 questions" in said
    assert "its AUROC of 0.80 [0.70, 0.90] tells right from wrong better than chance" in said
    assert "The base model stated no readable number on any of 50 questions." in said
    assert "little else" not in said
    assert "next to none" not in said

    said = findings(good, entry([0.5, 0.5, 0.5], largest_share=1.0), steps=2)
    assert "is not shown to beat chance" in said
    assert "has collapsed: one number makes up 100% of its statements" in said
    assert "not shown to follow its teacher: it has learnt the format, and little else" in said
    assert "2 GRPO steps are next to none" in said

    said = findings(good, entry([0.6, 0.55, 0.65], imitation=[0.3, 0.1, 0.5]))
    assert "well short of its teacher" in said
    said = findings(entry([math.nan] * 3, mean_confidence=0.5))
    assert "neither over- nor underconfident" in said
    assert "AUROC is undefined" in said


def test_the_card_shows_the_table() -> None:
    row = {"label": "Trained", "n": 3, "malformed": 1, "distinct": 2, "ece": [0.1, 0.0, 0.2], "ece_distinct": None}
    report = {
        "questions": {"test": 4},
        "split": "test",
        "level": 0.9,
        "grader": {"name": "exact_match(containment=True)", "exact_match": None},
        "table": [row | {"brier": [0.2] * 3, "auroc": None}],
    }
    shown = cards.calibration_table(report | {"findings": ["It has collapsed."]})
    assert "- It has collapsed." in shown.splitlines()
    assert "On 4 questions of the split `test`, 90% bootstrap" in shown
    assert "Answers were graded by `exact_match(containment=True)`." in shown
    assert "| Trained | 3 | 1 | 2 | 0.100 [0.000, 0.200] | n/a | 0.200 [0.200, 0.200] | n/a |" in shown


def test_a_number_that_is_none_becomes_null() -> None:
    assert json.dumps(artefacts.finite({"a": [math.nan, 1.0], "b": (math.inf,)})) == '{"a": [null, 1.0], "b": [null]}'


def test_a_statement_that_was_cut_says_so(tiny_model: Path) -> None:
    import pyarrow as pa

    from uncal.backends.transformers import Transformers

    batch = pa.table({"id": ["a", "b"], "prompt": ["x?", "why " * 300], "answer": ["y", "z"], "source": ["base"] * 2})
    note = {"prompts": {"answer": "{question}", "uncertainty": "How sure?"}, "read_out": {"max_tokens": 3}}
    made = reading.statement_batch(batch, note, Transformers(model=str(tiny_model))).to_pylist()
    assert made[0]["reason"] == "no <uncertainty> block, cut at max_tokens"
    assert made[1]["text"] is None
    assert made[1]["reason"].startswith("over the context: the prompt has ")
