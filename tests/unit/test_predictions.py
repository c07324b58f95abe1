from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import group_files, predictions
from uncal.errors import ArtefactError
from uncal.predictions import Columns, Predictions


def read(path: Path, columns: dict[str, Any], **settings: Any) -> Predictions:
    pq.write_table(pa.table(columns), path / "p.parquet", row_group_size=3)
    stated = settings.pop("stated", ("c",))
    return predictions.read(group_files.open_file(path / "p.parquet"), Columns(stated=stated, correct="y", **settings))


@pytest.mark.parametrize(
    "verdicts",
    [
        pa.array([True, False, None, True]),
        pa.array([1, 0, None, 1], pa.int8()),
        pa.array([1.0, 0.0, float("nan"), 1.0]),
        pa.array([Decimal(1), Decimal(0), None, Decimal(1)]),
        pa.array(["true", "False", "", "TRUE"]),
        pa.array(["yes", " no", None, "Yes "]),
        pa.array(["1", "0", "nan", "1.0"]).dictionary_encode(),
        pa.array(["yes", "no", "None", "yes"], pa.large_string()),
    ],
    ids=lambda array: str(array.type),
)
def test_verdicts_are_read_in_every_form_and_missing_ones_are_counted(tmp_path: Path, verdicts: pa.Array) -> None:
    found = read(tmp_path, {"c": [0.9, 0.2, 0.5, 0.7], "y": verdicts})
    assert found.correct.tolist() == [True, False, True]
    assert found.stated[0].tolist() == [0.9, 0.2, 0.7]
    assert (found.rows, found.ungraded, found.dropped) == (4, 1, 0)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"y": ["yes", "no", "no", "maybe"]},
            "row 3 (from 0): column 'y' is 'maybe'; it must be true or false, yes or",
        ),
        ({"y": [1, 0, 1, 2]}, "row 3 (from 0): column 'y' is 2; it must be true or false"),
        ({"y": [[True]] * 4}, "column 'y' is list<element: bool>; it must hold verdicts"),
        ({"c": [0.1, 0.2, 0.3, 1.5]}, "row 3 (from 0): column 'c' is 1.5; a confidence lies in [0, 1]; divide"),
        ({"c": [0.1, 0.2, 0.3, -0.5]}, "row 3 (from 0): column 'c' is -0.5; a confidence lies in [0, 1]"),
        ({"c": [0.1, 0.2, 0.3, float("inf")]}, "row 3 (from 0): column 'c' is inf; a confidence lies in [0, 1]"),
        (
            {"c": ["0.1", "0.2", "0.3", "90%"]},
            "row 3 (from 0): column 'c' is '90%'; it must be a number; --parse reads",
        ),
        ({"c": [{"a": 1}] * 4}, "it must hold numbers"),
        ({"w": [1.0, 1.0, 1.0, -1.0]}, "row 3 (from 0): column 'w' is -1; a weight is finite, and 0 or more"),
        ({"w": [1.0, 1.0, 1.0, None]}, "row 3 (from 0): column 'w' is nan; a weight is finite, and 0 or more"),
        ({"w": [0.0, 0.0, 0.0, 0.0]}, "column 'w' is 0 in every row"),
        ({"g": ["a", "a", "b", None]}, "row 3 (from 0): column 'g' is null; every row needs a value in it"),
        ({"y": [None] * 4}, "no row has a verdict in 'y', 'c'"),
        ({"c": [None] * 4}, "no row has a verdict and a number in 'y', 'c': 4 no value"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_makes_no_sense_is_named_by_row_and_column(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    sound = {"c": [0.1, 0.2, 0.3, 0.4], "y": [True, False, True, False], "w": [1.0] * 4, "g": ["a", "a", "b", "b"]}
    with pytest.raises(ArtefactError) as caught:
        read(tmp_path, sound | columns, weights="w", group="g")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("policy", "confidence"),
    [("drop", [0.9, 0.1]), ("worst", [0.9, 0.0, 1.0, 0.1]), ("base_rate", [0.9, 0.5, 0.5, 0.1])],
)
def test_rows_without_a_number_go_by_the_policy_and_are_counted(
    tmp_path: Path, policy: Any, confidence: list[float]
) -> None:
    columns = {"c": ["90%", "dunno", "", "0.1", "5%"], "y": [True, True, False, False, None]}
    found = read(tmp_path, columns, parse=True, unparsed=policy)
    assert found.stated[0].tolist() == confidence
    assert found.unread[0] == {"no number and no word for one": 1, "blank": 1}
    assert (found.rows, found.ungraded, found.dropped) == (5, 1, 2 if policy == "drop" else 0)


def test_a_row_is_dropped_when_either_of_two_columns_lacks_its_number(tmp_path: Path) -> None:
    columns = {"c": [0.1, None, 0.3, 0.4], "d": [0.1, 0.2, None, 0.8], "y": [True, False, True, False]}
    found = read(tmp_path, columns, stated=("c", "d"))
    assert [part.tolist() for part in found.stated] == [[0.1, 0.4], [0.1, 0.8]]
    assert (found.dropped, [unread.total() for unread in found.unread]) == (2, [1, 1])


def test_float32_stays_float32_and_other_numbers_become_float64(tmp_path: Path) -> None:
    kinds = {"float": np.float32, "halffloat": np.float32, "double": np.float64, "int64": np.float64}
    for kind, wanted in kinds.items():
        values = pa.array(np.array([0, 1, 1, 0], np.float16)).cast(kind)
        assert read(tmp_path, {"c": values, "y": [True, False, True, False]}).stated[0].dtype == wanted


def test_questions_and_values_are_numbered_in_order_of_appearance(tmp_path: Path) -> None:
    columns = {
        "c": [0.1] * 5,
        "y": [True, False, None, True, True],
        "g": ["b", "a", "x", "b", "c"],
        "t": [7, 7, 1, 3, 7],
    }
    found = read(tmp_path, columns, group="g", by="t")
    assert found.group is not None
    assert found.group.tolist() == [0, 1, 0, 3]
    assert found.by is not None
    assert [found.names[code] for code in found.by] == [7, 7, 3, 7]
    integers = read(tmp_path, columns, group="t").group
    assert integers is not None
    assert integers.tolist() == [7, 7, 3, 7]


def test_text_files_of_any_length_grow_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "ROWS", 7)
    values = np.random.default_rng(0).random(100).round(3)
    (tmp_path / "p.csv").write_text("c,y\n" + "".join(f"{value},{int(value > 0.5)}\n" for value in values))
    found = predictions.read(group_files.open_file(tmp_path / "p.csv"), Columns(stated=("c",), correct="y"))
    assert found.stated[0].tolist() == values.tolist()
    assert found.correct.tolist() == (values > 0.5).tolist()
