"""`uncal evaluate` and `uncal calibrate` on a big file of pairs: how much time and memory beside reading it.

    python benches/python/bench_evaluate_file.py [--rows 100000000] [--folder DIR]

Makes one Parquet file of float32 confidences and verdicts (1e8 rows are 0.4 GB), and one of eleven distinct
confidences, both removed at the end. Runs each command in a process of its own and prints its seconds over those of one
that reads the same two columns, both less what it takes to start and import; and the peak of RssAnon (/proc/PID/status,
read every 10 ms; Linux) less that of a process that has only imported the command, in all, for each row, and without
the columns themselves, of which `evaluate` and a fit keep five bytes a row. Starting, reading and the command
alternate, medians are compared; the first reading, which warms the page cache, does not count.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PART = 1 << 20
COLUMNS = 5  # bytes of a row: a float32 and a bool
IMPORTS = {
    "evaluate": "from uncal import cli; from uncal.commands import evaluate_file",
    "calibrate": "from uncal import calibrators, cli; from uncal.commands import calibrate_file; calibrators.Platt",
}
READING = """
import sys; from pathlib import Path; from uncal import group_files
source = group_files.open_file(Path(sys.argv[1]))
assert sum(batch.num_rows for batch in source.batches(["confidence", "correct"], 1 << 16)) == source.rows
"""


def write(path, rows, distinct):
    generator = np.random.default_rng(0)
    schema = pa.schema([("confidence", pa.float32()), ("correct", pa.bool_())])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=bool(distinct)) as sink:
        for start in range(0, rows, PART):
            q = generator.random(min(PART, rows - start), dtype=np.float32)
            if distinct:
                q = np.floor(q * distinct) / np.float32(distinct - 1)
            correct = generator.random(len(q), dtype=np.float32) < 0.1 + 0.8 * q**2
            sink.write_table(pa.table({"confidence": q, "correct": correct}, schema))


def ran(*command):
    """Seconds and bytes of anonymous memory of a process at its highest."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                most = max(most, int(line.split()[1]))
        time.sleep(0.01)
    assert process.returncode == 0, command
    return time.perf_counter() - start, most << 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=lambda text: int(float(text)), default=100_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=["platt", "isotonic"])
    parser.add_argument("--bootstrap", type=int, default=0, help="resamples of evaluate")
    parser.add_argument("--folder", type=Path, help="where the files are made, instead of the usual temporary folder")
    options = parser.parse_args()
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    columns = ("x reading", "MiB", "B a row", "less columns")
    print(f"{options.rows:.0e} rows\n{'':42}", *(f"{column:>13}" for column in columns))
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        for label, distinct in (("", 0), (", 11 values", 11)):
            path = folder / f"pairs{distinct}.parquet"
            write(path, options.rows, distinct)
            evaluate = ["evaluate", path, "--bootstrap", options.bootstrap, "--out", folder / "report"]
            commands = {"evaluate": evaluate}
            if not distinct:
                for method in options.methods:
                    out = folder / f"{method}.json"
                    fit = ["calibrate", path, "--scores", "confidence", "--method", method, "--out", out]
                    commands[f"calibrate --method {method}"] = fit
                    use = ["calibrate", path, "--scores", "confidence", "--apply", out, "--column", "calibrated"]
                    commands[f"calibrate --apply {out.name}"] = [*use, "--out", folder / "calibrated.parquet"]
            for title, command in commands.items():
                imports = IMPORTS[command[0]]
                ran("-c", imports + READING, path)
                turns = [
                    (
                        ran("-c", imports),
                        ran("-c", imports + READING, path),
                        ran("-m", "uncal", *command, "--overwrite", "--quiet"),
                    )
                    for _ in range(options.rounds)
                ]
                start, reading, own = (median(turn[i][0] for turn in turns) for i in range(3))
                more = max(turn[2][1] for turn in turns) - max(turn[0][1] for turn in turns)
                beside = more / options.rows - (0 if "--apply" in command else COLUMNS)
                numbers = ((own - start) / (reading - start), more / 2**20, more / options.rows, beside)
                figures = [f"{number:13.2f}" for number in numbers]
                print(f"{title + label:42}", *figures, flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
