import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from uncal import lm_eval
from uncal.errors import ArtefactError

SAMPLE = {
    "doc_id": 4,
    "target": "1",
    "resps": [[["-3.0", "False"]], [["-1.0", "True"]]],
    "filtered_resps": [["-3.0", "False"], ["-1.0", "True"]],
    "filter": "none",
    "metrics": ["acc"],
    "acc": 1.0,
}


def write(path: Path, *samples: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    batches = lm_eval.open_samples(path).batches(list(lm_eval.COLUMNS), 2)
    made: list[dict[str, Any]] = pa.Table.from_batches(batches).to_pylist()
    return made


def test_the_confidence_is_the_softmax_of_the_most_likely_option(tmp_path: Path) -> None:
    mutual = SAMPLE | {"filtered_resps": [[-1.0, True], [-1.0, False], [-9.0, False], [-7.0, False]], "acc": 0.0}
    mutual["acc_mutual_info"] = 1.0
    path = write(tmp_path / "samples_arc_easy_2026-01-02T03-04-05.678.jsonl", SAMPLE, mutual, SAMPLE)
    first, second, _ = rows(path)
    assert first == {"confidence": 1 / (1 + math.exp(-2)), "correct": 1.0, "task": "arc_easy", "doc_id": "4"}
    assert (second["confidence"], second["correct"]) == (0.5, 0.0)  # of the options, not of what stands behind them


def test_a_folder_is_all_of_its_samples(tmp_path: Path) -> None:
    write(tmp_path / "samples_a_2026-01-02T03-04-05.678.jsonl", SAMPLE)
    write(tmp_path / "samples_b_2026-01-02T03-04-05.678.jsonl", SAMPLE, SAMPLE)
    (tmp_path / "results_2026-01-02T03-04-05.678.json").write_text("{}")
    assert [row["task"] for row in rows(tmp_path)] == ["a", "b", "b"]
    assert lm_eval.open_samples(tmp_path).at(2).endswith("samples_b_2026-01-02T03-04-05.678.jsonl, line 2")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"filtered_resps": ["42"]}, "line 2: 'filtered_resps' holds no log-likelihoods of several options"),
        (
            {"filtered_resps": [["-1.0", "True"]]},
            "line 2: 'filtered_resps' holds no log-likelihoods of several options",
        ),
        ({"filtered_resps": [["nan", "True"]] * 2}, "line 2: 'filtered_resps' holds no log-likelihoods"),
        ({"acc": ...}, "line 2: no 'acc'; it says whether the most likely option is right"),
    ],
)
def test_samples_of_other_tasks_are_refused_by_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    bad = {key: value for key, value in (SAMPLE | change).items() if value is not ...}
    with pytest.raises(ArtefactError) as caught:
        rows(write(tmp_path / "samples.jsonl", SAMPLE, bad))
    assert said in str(caught.value)


def test_a_folder_without_samples_says_how_they_are_logged(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="lm-eval writes them with --log_samples"):
        lm_eval.open_samples(tmp_path)
