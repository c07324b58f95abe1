"""Questions are read, checked and split."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from uncal.errors import ArtefactError, ConfigError
from uncal.stages.questions import Config, questions


def make(tmp_path: Path, rows: list[dict[str, Any]], config: Config | None = None) -> list[dict[str, Any]]:
    source = tmp_path / "q.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(pq.read_table(questions(source, tmp_path / "questions.parquet", config)).to_pylist())


def numbered(n: int) -> list[dict[str, Any]]:
    return [{"id": f"q{i}", "prompt": f"What is {i}?", "answers": [str(i)]} for i in range(n)]


def test_shares_are_kept_on_average_and_splits_follow_from_the_id_alone(tmp_path: Path) -> None:
    rows = make(tmp_path, numbered(4000))
    counts = Counter(row["split"] for row in rows)
    expected = {"calibrate": 1000, "train": 1800, "validate": 400, "test": 800}
    for split, n in expected.items():  # four standard deviations of a binomial count
        assert abs(counts[split] - n) < 4 * (n * (1 - n / 4000)) ** 0.5
    (tmp_path / "b").mkdir()
    some = make(tmp_path / "b", numbered(4000)[100:200][::-1])
    assert {row["id"]: row["split"] for row in some}.items() <= {row["id"]: row["split"] for row in rows}.items()


def test_another_seed_splits_another_way(tmp_path: Path) -> None:
    one = make(tmp_path, numbered(100))
    two = make(tmp_path, numbered(100), Config(seed=1))
    assert [row["split"] for row in one] != [row["split"] for row in two]


def test_a_split_without_a_share_stays_empty(tmp_path: Path) -> None:
    rows = make(tmp_path, numbered(300), Config(shares=(0.5, 0.0, 0.0, 0.5)))
    assert {row["split"] for row in rows} == {"calibrate", "test"}


def test_a_limit_takes_so_many_in_their_order_and_nests(tmp_path: Path) -> None:
    few = [row["id"] for row in make(tmp_path, numbered(200), Config(limit=20))]
    more = [row["id"] for row in make(tmp_path, numbered(200), Config(limit=50))]
    assert len(few) == 20
    assert few == sorted(few, key=lambda name: int(name[1:]))
    assert set(few) < set(more)


def test_answers_may_be_a_text_a_number_a_list_or_nothing(tmp_path: Path) -> None:
    given = ["x", 7, ["a", "b", " "], [], None, "", [3]]
    rows = make(tmp_path, [{"id": i, "prompt": "?", "answers": answers} for i, answers in enumerate(given)])
    assert [row["answers"] for row in rows] == [["x"], ["7"], ["a", "b"], [], [], [], ["3"]]
    assert [row["id"] for row in rows] == [str(i) for i in range(7)]


def test_without_ids_the_prompt_names_the_question(tmp_path: Path) -> None:
    rows = make(tmp_path, [{"prompt": "a?"}, {"prompt": "b?"}])
    assert len({row["id"] for row in rows}) == 2
    with pytest.raises(ArtefactError, match=r"row 2: id '\w{16}' came before, in row 1"):
        make(tmp_path, [{"prompt": "a?"}, {"prompt": "a?"}])


def test_columns_are_mapped_and_splits_can_be_given(tmp_path: Path) -> None:
    config = Config(id_column="key", prompt_column="q", answers_column="a", split_column="part")
    rows = make(tmp_path, [{"key": 1, "q": "?", "a": "x", "part": "test"}], config)
    assert rows == [{"id": "1", "prompt": "?", "answers": ["x"], "split": "test"}]
    with pytest.raises(ArtefactError, match="column 'part' is 'dev', not one of calibrate, train, validate, test"):
        make(tmp_path, [{"key": 1, "q": "?", "part": "dev"}], config)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no questions in"),
        ([{"id": 1, "question": "?"}], "row 1: no column 'prompt'; there are id, question"),
        ([{"id": 1, "prompt": " "}], "row 1: column 'prompt' is ' '; a question is a text"),
        ([{"id": 1, "prompt": None}], "a question is a text"),
        (
            [{"id": 1, "prompt": "?"}, {"id": 1, "prompt": "!"}],
            "row 2: id '1' came before, in row 1; ids must be unique",
        ),
        ([{"id": 1, "prompt": "?", "answers": [["x"]]}], "answers are texts"),
    ],
)
def test_a_question_that_is_none_is_one_error_that_names_the_row(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ArtefactError, match=message):
        make(tmp_path, rows)
    assert not (tmp_path / "questions.parquet").exists()


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"shares add up to 0\.9; they must add up to 1"):
        Config(shares=(0.3, 0.2, 0.2, 0.2))
    with pytest.raises(ConfigError, match="give four numbers in"):
        Config(shares=(1.5, -0.5, 0.0, 0.0))
    with pytest.raises(ConfigError, match="limit is 0; it must be at least 1"):
        Config(limit=0)


def test_the_demo_questions_are_as_good_as_they_should_be(tmp_path: Path) -> None:
    from uncal.graders.exact_match import ExactMatch

    source = Path(__file__).parents[3] / "examples" / "demo" / "questions.jsonl"
    rows = pq.read_table(questions(source, tmp_path / "questions.parquet")).to_pylist()
    assert len(rows) >= 400
    assert len({row["prompt"].lower() for row in rows}) == len(rows)
    accepted = [row["answers"] for row in rows]
    assert all(accepted)
    assert ExactMatch()([answers[0] for answers in accepted], accepted).all()
    # a model that only repeats the question is not right
    assert not ExactMatch()([row["prompt"] for row in rows], accepted).any()
