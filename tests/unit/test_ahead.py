"""Reading ahead."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from uncal.ahead import ahead


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "uncal-ahead"]


def test_items_come_in_order_and_at_most_two_wait() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(10):
            made.append(i)
            yield i

    got = []
    for i in ahead(items()):
        time.sleep(0.02)
        assert len(made) <= i + 4  # the one here, two that wait, one in the reader's hand
        got.append(i)
    assert got == list(range(10))
    assert threads() == []


def test_the_next_one_is_fetched_while_the_caller_works() -> None:
    fetched = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        fetched.set()
        yield 1

    for i in ahead(items()):
        if i == 0:
            assert fetched.wait(10)  # set by the reader, while this loop's body runs


def test_an_error_of_the_reader_is_raised_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 0
        raise ValueError("the second is bad")

    got = []
    with pytest.raises(ValueError, match="the second is bad"):
        got += list(ahead(items()))
    batches = ahead(items())
    assert next(batches) == 0
    with pytest.raises(ValueError, match="the second is bad"):
        next(batches)
    assert threads() == []


def test_the_reader_ends_and_closes_its_source_when_the_caller_stops() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    batches = ahead(items())
    assert next(batches) == 0
    batches.close()
    assert closed.is_set()
    assert threads() == []


INTERRUPTED = """
import faulthandler, random, signal, threading
from contextlib import closing
from uncal.ahead import ahead
faulthandler.dump_traceback_later(100, exit=True)
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
generator = random.Random(0)
for _ in range(1000):
    try:
        with closing(ahead(iter(range(10**9)))) as items:
            next(items)
            signal.setitimer(signal.ITIMER_REAL, generator.uniform(1e-5, 1e-3))
            for _ in items:
                pass
    except KeyboardInterrupt:
        pass
print([thread.name for thread in threading.enumerate()])
"""


def test_an_interrupt_at_any_moment_ends_the_reader() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120)
    assert ended.stdout == "['MainThread']\n", ended.stderr
