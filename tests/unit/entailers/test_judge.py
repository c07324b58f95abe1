"""Pairs are judged once, and some not at all."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from uncal import entailers
from uncal.entailers import judge, judge_groups
from uncal.errors import ArtefactError, UncalError
from uncal.types import Entailer, FloatArray


@dataclass(frozen=True)
class Counting(Entailer):
    """Says that a text entails those that it is not shorter than, and counts what it is asked."""

    name: str = "counting"
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
        self.asked.extend(pairs)
        return np.array([[1.0, 0.0, 0.0] if len(a) >= len(b) else [0.25, 0.25, 0.5] for a, b in pairs])


def test_equal_and_blank_texts_are_not_asked_about_and_equal_pairs_once() -> None:
    entailer = Counting()
    pairs = [("Rome", " Rome\n"), ("", " "), ("Rome", ""), (" ", "Rome"), ("Rome", "Paris"), ("Rome ", "Paris")]
    rows = judge(pairs, entailer)
    assert entailer.asked == [("Rome", "Paris")]
    assert rows.tolist() == [[1, 0, 0]] * 2 + [[0, 1, 0]] * 2 + [[0.25, 0.25, 0.5]] * 2
    assert judge([], entailer).shape == (0, 3)


def test_the_question_stands_before_both_texts_and_makes_no_blank_answer_readable() -> None:
    entailer = Counting()
    rows = judge([("Rome", "Paris"), ("Rome", "")], entailer, contexts=["Where is it? ", "Where?"])
    assert entailer.asked == [("Where is it? Rome", "Where is it? Paris")]
    assert rows[1].tolist() == [0, 1, 0]


def test_matrices_of_groups_are_row_by_row_premise_by_hypothesis() -> None:
    made = judge_groups([["Rome", "Paris"], None, [], ["x"]], Counting())
    entail, contra = made["entail"], made["contra"]
    assert entail[0] is not None
    assert entail[0].tolist() == [1, 0.25, 1, 1]
    assert contra[0] is not None
    assert contra[0].tolist() == [0, 0.5, 0, 0]
    assert [None if part is None else part.tolist() for part in entail[1:]] == [None, [], [1]]
    assert judge_groups([], Counting()) == {"entail": [], "contra": []}


def test_a_cache_keeps_rows_by_entailer_and_pair(tmp_path: Path) -> None:
    cache = tmp_path / "new" / "pairs.sqlite"
    first, again, other = Counting(), Counting(), Counting("other")
    pairs = [(f"text {i}", f"longer text {i}") for i in range(700)]
    rows = judge(pairs, first, cache=cache)
    np.testing.assert_array_equal(judge([*pairs, ("a", "bb")], again, cache=cache)[:-1], rows)
    assert (len(first.asked), again.asked) == (700, [("a", "bb")])
    judge(pairs[:2], other, cache=cache)
    assert len(other.asked) == 2
    judge([(b, a) for a, b in pairs[:3]], again, cache=cache)
    assert len(again.asked) == 4  # of the other direction nothing is known


def test_a_pair_without_a_verdict_is_nan_and_asked_again(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Mute(Counting):
        def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
            super().__call__(pairs)
            return np.array([[np.nan] * 3 if a == "?" else [1.0, 0, 0] for a, _ in pairs])

    entailer = Mute()
    for _ in range(2):
        rows = judge([("?", "b"), ("a", "b")], entailer, cache=tmp_path / "pairs.sqlite")
        assert np.isnan(rows[0]).all()
        assert rows[1].tolist() == [1, 0, 0]
    assert entailer.asked == [("?", "b"), ("a", "b"), ("?", "b")]


@pytest.mark.parametrize("rows", [[[0.5, 0.5, 0.5]], [[1.5, -0.5, 0]], [[1.0, 0.0]], [[np.nan, 0.5, 0.5]]])
def test_what_is_no_distribution_over_three_is_an_error_that_names_the_entailer(rows: list[list[float]]) -> None:
    @dataclass(frozen=True)
    class Broken(Counting):
        def __call__(self, pairs: Sequence[tuple[str, str]], /) -> FloatArray:
            return np.array(rows * len(pairs))

    with pytest.raises(UncalError, match="entailer 'counting' gave a"):
        judge([("a", "b")], Broken())


def test_a_file_that_is_no_cache_is_named_and_left_alone(tmp_path: Path) -> None:
    text, foreign = tmp_path / "a.txt", tmp_path / "b.sqlite"
    text.write_text("something else\n" * 100)
    with sqlite3.connect(foreign) as file:
        file.execute("CREATE TABLE mine (x)")
    with pytest.raises(ArtefactError, match=r"cache of pairs .*a\.txt cannot be used"):
        judge([("a", "b")], Counting(), cache=text)
    with pytest.raises(ArtefactError, match=r"b\.sqlite is a database of another program"):
        judge([("a", "b")], Counting(), cache=foreign)
    assert text.read_text() == "something else\n" * 100


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from uncal.entailers import CHUNK, judge
from uncal.types import Entailer

class Dying(Entailer):
    name = "counting"
    left = 3
    def __call__(self, pairs):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.tile([0.5, 0.25, 0.25], (len(pairs), 1))

judge([(f"a{i}", f"b{i}") for i in range(4 * CHUNK)], Dying(), cache=Path(sys.argv[1]))
"""


def test_a_kill_loses_the_chunk_in_flight_at_most(tmp_path: Path) -> None:
    cache = tmp_path / "pairs.sqlite"
    ended = subprocess.run([sys.executable, "-c", KILLED, cache], timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    entailer = Counting()
    rows = judge([(f"a{i}", f"b{i}") for i in range(4 * entailers.CHUNK)], entailer, cache=cache)
    assert len(entailer.asked) == 2 * entailers.CHUNK
    assert rows[0].tolist() == [0.5, 0.25, 0.25]


SHARING = """
import sys
from pathlib import Path
import numpy as np
from uncal.entailers import judge
from uncal.types import Entailer

class Even(Entailer):
    name = "counting"
    def __call__(self, pairs):
        return np.tile([0.5, 0.25, 0.25], (len(pairs), 1))

for i in range(int(sys.argv[2]), int(sys.argv[2]) + 20):
    judge([(f"a{i}", f"b{i}")], Even(), cache=Path(sys.argv[1]))
"""


def test_two_processes_may_use_a_cache_at_a_time(tmp_path: Path) -> None:
    cache = tmp_path / "pairs.sqlite"
    processes = [subprocess.Popen([sys.executable, "-c", SHARING, cache, str(start)]) for start in (0, 10)]
    assert [process.wait(120) for process in processes] == [0, 0]
    entailer = Counting()
    judge([(f"a{i}", f"b{i}") for i in range(30)], entailer, cache=cache)
    assert entailer.asked == []
    assert cache.stat().st_size < 100_000
