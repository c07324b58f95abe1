"""Intervals, paired tests, tables and figures of results that are made up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from uncal.errors import ConfigError
from uncal.testbed import compare
from uncal.testbed.compare import COUNTED, SHOWN

RNG = np.random.default_rng(0)


def results(level: float, seeds: int = 4) -> list[dict[str, Any]]:
    def numbers() -> dict[str, float]:
        return {name: level + 0.01 * float(RNG.standard_normal()) for name in (*SHOWN, *COUNTED)}

    return [
        {"regions": {region: {"stated": numbers(), "mean": numbers()} for region in ("in", "out")}}
        for _ in range(seeds)
    ]


def test_the_interval_and_the_test_are_students() -> None:
    ours, theirs = RNG.normal(size=8), RNG.normal(size=8)
    found = compare.paired(ours.tolist(), theirs.tolist())
    wanted = stats.ttest_rel(ours, theirs)
    assert found["p"] == pytest.approx(wanted.pvalue)
    low, high = wanted.confidence_interval()
    assert (found["low"], found["high"]) == pytest.approx((low, high))


def test_one_seed_has_no_interval_and_no_test() -> None:
    found = compare.paired([0.3], [0.1])
    assert found["mean"] == pytest.approx(0.2)
    assert np.isnan([found["low"], found["high"], found["p"]]).all()


def test_the_tables_hold_every_row_and_mark_what_differs(tmp_path: Path) -> None:
    made = {
        "level": 0.95,
        "seeds": [0, 1, 2, 3],
        "baseline": "distill:mean",
        "rows": compare._rows({"distill": results(0.1), "brier": results(0.3)}, "distill:mean"),
    }
    text = compare.as_text(made)
    assert text.count("| brier | stated |") == 4  # two regions, numbers and differences
    differences = text.partition("Difference to distill:mean")[2].partition("###")[0]
    assert "| distill | mean |" not in differences
    (row,) = [line for line in differences.splitlines() if line.startswith("| brier | mean |")]
    assert row.count("*") == len(SHOWN)  # 0.2 apart with a spread of 0.01
    assert "nan" not in text
    compare.draw(json.loads(json.dumps(made)), tmp_path / "compare.png")
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"baseline": "brier:median"}, "baseline is 'brier:median'; it must be one of"),
        ({"baseline": "log_score:mean"}, "baseline is 'log_score:mean'; it must be one of"),
        ({"seeds": [1, 1]}, r"seeds are \[1, 1\]; name at least one, each once"),
        ({"jobs": 0}, "jobs is 0; it must be at least 1"),
        ({"objective_settings": {"rlcr": {}}}, "objective_settings name rlcr, which is not compared"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_work(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        compare.compare(["brier"], given.pop("seeds", [0]), tmp_path, **given)
    assert not list(tmp_path.iterdir())
