"""The adapter in the real `evaluate`."""

from pathlib import Path
from typing import Any

import datasets
import evaluate
import numpy as np
import pytest

from uncal import fast, hf_evaluate

RNG = np.random.default_rng(0)
CONFIDENCE = RNG.random(200)
CORRECT = RNG.random(200) < CONFIDENCE**2


class Accuracy(evaluate.Metric):
    """Somebody else's metric: the hub, where those of `evaluate` are, is not asked in tests."""

    def _info(self) -> Any:
        number = datasets.Value("float64")
        features = datasets.Features({"predictions": number, "references": number})
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, *, predictions: Any, references: Any) -> dict[str, float]:
        return {"accuracy": float(np.mean((np.array(predictions) > 0.5) == np.array(references)))}


@pytest.mark.parametrize("keep_in_memory", [True, False])
def test_it_computes_what_fast_evaluate_does(tmp_path: Path, keep_in_memory: bool) -> None:
    metric = hf_evaluate.load(keep_in_memory=keep_in_memory, cache_dir=str(tmp_path))
    wanted = fast.evaluate(CONFIDENCE, CORRECT)
    assert metric.compute(predictions=CONFIDENCE, references=CORRECT) == wanted
    assert metric.compute(predictions=CONFIDENCE.tolist(), references=CORRECT.astype(int).tolist()) == wanted
    single = CONFIDENCE.astype(np.float32)
    found = metric.compute(predictions=single, references=CORRECT)
    assert found == fast.evaluate(single.astype(np.float64), CORRECT)
    assert not list(tmp_path.rglob("*.arrow"))


def test_rows_may_come_one_by_one_and_in_batches(tmp_path: Path) -> None:
    metric = hf_evaluate.load(["ece", "auroc"], n_bins=7, cache_dir=str(tmp_path))
    metric.add(prediction=CONFIDENCE[0], reference=CORRECT[0])
    metric.add_batch(predictions=CONFIDENCE[1:90], references=CORRECT[1:90])
    metric.add_batch(predictions=CONFIDENCE[90:], references=CORRECT[90:])
    assert len(metric) == 200
    assert metric.compute() == fast.evaluate(CONFIDENCE, CORRECT, metrics=["ece", "auroc"], n_bins=7)


def test_settings_of_load_are_those_of_compute_unless_it_is_told_others(tmp_path: Path) -> None:
    weights, groups = RNG.integers(0, 3, 200), np.arange(200) // 4
    options: dict[str, Any] = {"metrics": ["brier"], "bootstrap": 50, "level": 0.9, "seed": 3}
    metric = hf_evaluate.load(**options, cache_dir=str(tmp_path))
    found = metric.compute(predictions=CONFIDENCE, references=CORRECT, weights=weights, groups=groups)
    value, low, high = fast.evaluate(CONFIDENCE, CORRECT, weights=weights, groups=groups, **options)["brier"]
    assert found == {"brier": value, "brier_low": low, "brier_high": high}
    found = metric.compute(predictions=CONFIDENCE, references=CORRECT, bootstrap=0)
    assert found == fast.evaluate(CONFIDENCE, CORRECT, metrics=["brier"])


def test_it_combines_with_metrics_of_others_and_with_itself(tmp_path: Path) -> None:
    cache = str(tmp_path)
    both = evaluate.combine([hf_evaluate.load(["ece"], cache_dir=cache), Accuracy(cache_dir=cache)])
    right = float(np.mean((CONFIDENCE > 0.5) == CORRECT))
    wanted = fast.evaluate(CONFIDENCE, CORRECT, metrics=["ece"]) | {"accuracy": right}
    assert both.compute(predictions=CONFIDENCE, references=CORRECT) == wanted
    few, many = (hf_evaluate.load(["ece"], n_bins=n, cache_dir=cache) for n in (5, 50))
    found = evaluate.combine({"few": few, "many": many}).compute(predictions=CONFIDENCE, references=CORRECT)
    few_ece, many_ece = (fast.ece(CONFIDENCE, CORRECT, n_bins=n) for n in (5, 50))
    assert found == {"few_ece": few_ece, "many_ece": many_ece}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"predictions": [0.5, 1.5], "references": [1, 0]}, r"^confidence: row 1 is 1.5"),
        ({"predictions": [0.5, 0.5], "references": [1, 0.5]}, r"^correct: "),
        ({"predictions": [0.5, 0.5], "references": [1, None]}, r"^correct: "),
        ({"predictions": [0.5], "references": [1], "n_bins": 0}, r"^n_bins: "),
    ],
)
def test_what_makes_no_sense_is_refused_as_fast_refuses_it(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    metric = hf_evaluate.load(keep_in_memory=True, cache_dir=str(tmp_path))
    with pytest.raises(ValueError, match=said):
        metric.compute(**given)
