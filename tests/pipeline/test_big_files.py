"""Files of millions of pairs: what `uncal evaluate` and `uncal calibrate` keep of a row; numbers are the arrays'."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uncal import calibrators, fast
from uncal.commands import calibrate_file, evaluate_file

FEW, MANY = 1_000_000, 4_000_000
# The peak of anonymous memory of each of two runs in a process of its own, in KiB.
MEASURED = """
import sys, threading
from pathlib import Path
from uncal.commands import calibrate_file, evaluate_file
most, done = 0, threading.Event()
def watch():
    global most
    while not done.wait(0.002):
        for line in open("/proc/self/status"):
            if line.startswith("RssAnon"):
                most = max(most, int(line.split()[1]))
kind, folder, *files = sys.argv[1:]
threading.Thread(target=watch, daemon=True).start()
for number, path in enumerate(map(Path, files)):
    out = Path(folder) / f"{kind}{number}"
    if kind == "evaluate":
        evaluate_file.evaluate_file(path, out, evaluate_file.Config(bootstrap=0))
    elif kind == "apply":
        config = calibrate_file.Config(scores="confidence", apply=f"{folder}/apply.json", column="calibrated")
        calibrate_file.calibrate_file(path, out.with_suffix(".parquet"), config)
    else:
        config = calibrate_file.Config(scores="confidence", method=kind)
        calibrate_file.calibrate_file(path, out.with_suffix(".json"), config)
    print(most)
done.set()
"""


def pairs(rows: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(rows)
    confidence = generator.random(rows, dtype=np.float32)
    return confidence, generator.random(rows, dtype=np.float32) < 0.1 + 0.8 * confidence**2


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pairs")
    paths = [folder / f"{rows}.parquet" for rows in (FEW, MANY)]
    for path, rows in zip(paths, (FEW, MANY), strict=True):
        confidence, correct = pairs(rows)
        pq.write_table(pa.table({"confidence": confidence, "correct": correct}), path, use_dictionary=False)
    calibrators.make("platt").fit(*pairs(1000)).save(folder / "apply.json")
    return paths


# Five bytes of every row are the columns. A float64 copy of the confidences would be eight more.
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize(("kind", "most"), [("platt", 9), ("isotonic", 20), ("evaluate", 28), ("apply", 5)])
def test_so_many_bytes_of_a_row_are_in_memory_at_once(files: list[Path], kind: str, most: float) -> None:
    command = [sys.executable, "-c", MEASURED, kind, str(files[0].parent), *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    few, many = map(int, ended.stdout.split()[-2:])
    assert (many - few) * 1024 / (MANY - FEW) < most


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature"])
def test_a_fit_to_a_file_is_the_fit_to_its_arrays(files: list[Path], tmp_path: Path, method: str) -> None:
    config = calibrate_file.Config(scores="confidence", method=method)
    calibrate_file.calibrate_file(files[0], tmp_path / "c.json", config)
    confidence, correct = pairs(FEW)
    scores = np.linspace(0, 1, 101)
    found = calibrators.load(tmp_path / "c.json").confidence(scores)
    in_float32 = calibrators.make(method).fit(confidence, correct).confidence(scores)
    in_float64 = calibrators.make(method).fit(confidence.astype(np.float64), correct).confidence(scores)
    assert found.tolist() == in_float32.tolist()
    # Passes over float32 are added up in float64; their steps to the optimum differ in the last places.
    assert found == pytest.approx(in_float64, abs=1e-7)


def test_a_report_on_a_file_is_that_on_its_arrays(files: list[Path], tmp_path: Path) -> None:
    report = evaluate_file.evaluate_file(files[0], tmp_path / "out", evaluate_file.Config(bootstrap=0))
    made = json.loads(report.read_text())
    confidence, correct = pairs(FEW)
    wanted = fast.evaluate(confidence, correct)
    assert {name: made["metrics"][name] for name in wanted} == {name: [value] for name, value in wanted.items()}
    edges, q = np.linspace(0, 1, 51), confidence.astype(np.float64)
    for i in (0, 1, 24, 49):
        inside = ((q > edges[i]) | (i == 0)) & (q <= edges[i + 1])
        assert made["histogram"]["right"][i] == np.sum(inside & correct)
        assert made["histogram"]["wrong"][i] == np.sum(inside & ~correct)
    curve = made["risk_coverage"]
    assert (curve["coverage"][-1], curve["risk"][-1]) == (1.0, pytest.approx(1 - correct.mean(), abs=1e-12))
