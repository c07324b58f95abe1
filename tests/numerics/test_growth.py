"""Time and memory of fits and metrics over sizes: both grow as the rows do, and memory is what was promised."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Each call is in a process of its own, a fork, whose peak starts at what it finds there: packages and columns. A call
# on few rows comes first, for what is the same for any number of rows: pages of code, threads and their stacks.
MEASURED = """
import json, os, sys, time
import numpy as np
from uncal import fast
calls = {
    "ece": fast.ece,
    "fit_platt": fast.fit_platt,
    "auroc": fast.auroc,
    "fit_isotonic": lambda *rows, threads: fast.fit_isotonic(*rows, increasing=True, threads=threads),
    "evaluate": fast.evaluate,
}
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
def columns(kind, size):
    generator = np.random.default_rng(size)
    if kind == "any":
        confidence = generator.random(size, dtype=np.float32)
    elif kind == "few":
        confidence = generator.integers(0, 11, size) / 10
    else:  # sorted the wrong way round, and wrong where sure: the most that isotonic regression can have to pool
        confidence = np.linspace(1, 0, size)
        return confidence, confidence < 0.5
    return confidence, generator.random(size, dtype=np.float32) < confidence
kind, *sizes = sys.argv[1], *map(int, sys.argv[2:])
for size in sizes:
    rows = columns(kind, size)
    for name, call in calls.items():
        if child := os.fork():
            if os.waitpid(child, 0)[1]:
                sys.exit(f"{name} failed")
            continue
        call(*(column[: 1 << 14] for column in rows), threads=2)
        before = peak()
        call(*rows, threads=2)
        memory = peak() - before
        times, started = max(1, sizes[-1] // size // 4), time.process_time()
        for _ in range(times):
            call(*rows, threads=1)
        taken = (time.process_time() - started) / times / size
        print(json.dumps({"name": name, "size": size, "memory": memory, "time": taken}), flush=True)
        os._exit(0)
"""
SIZES = tuple(1 << power for power in (18, 20, 22))
# Bytes for each row, and MiB whatever their number. Sums keep nothing of a row; ranks keep a value and its verdict in 4
# or 8 bytes; smooth ECE has a grid.
MOST = {"ece": (0, 4), "fit_platt": (0, 4), "auroc": (9, 3), "fit_isotonic": (9, 3), "evaluate": (9, 8)}

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")


@pytest.fixture(scope="module", params=["any", "few", "wrong"])
def measured(request: pytest.FixtureRequest) -> dict[str, list[dict[str, float]]]:
    command = [sys.executable, "-c", MEASURED, request.param, *map(str, SIZES)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return {name: [line for line in lines if line["name"] == name] for name in MOST}


@pytest.mark.parametrize("name", MOST)
def test_memory_beside_the_columns_is_so_many_bytes_a_row(
    measured: dict[str, list[dict[str, float]]], name: str
) -> None:
    bytes_a_row, mebibytes = MOST[name]
    assert [line["size"] for line in measured[name]] == list(SIZES)
    for line in measured[name]:
        assert line["memory"] <= bytes_a_row * line["size"] + mebibytes * 2**20, measured[name]


@pytest.mark.parametrize("name", MOST)
def test_time_a_row_does_not_grow_with_the_rows(measured: dict[str, list[dict[str, float]]], name: str) -> None:
    first, *others = (line["time"] for line in measured[name])
    assert max(others) < 4 * first, measured[name]
