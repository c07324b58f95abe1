"""`uncal score` on a big file of groups: does scoring hide behind reading, and does memory stay small.

    python benches/python/bench_score_file.py [--prompts 1000000] [--completions 10] [--dim 384] [--folder DIR]

Makes one file of float16 embeddings after the other (1e6 prompts are 7.7 GB), removed at the end: Parquet lists,
Parquet FixedSizeBinary, Arrow IPC. Prints for each the seconds that reading it takes (the same
batches, decoded, or in a mapped file looked at once, without scoring), the seconds of the score stage, their ratio, and
the peak of RssAnon of `uncal score` in its own process (/proc/PID/status, read every 10 ms; Linux). Reading and scoring
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

from uncal import group_files
from uncal.stages import score

GROUP = 10_000  # prompts of a row group, and of an Arrow batch


def tables(prompts, n, dim):
    rng = np.random.default_rng(0)
    values = rng.standard_normal(GROUP * n * dim, dtype=np.float32).astype(np.float16)
    for start in range(0, prompts, GROUP):
        count = min(GROUP, prompts - start)
        rows = np.roll(values, start)[: count * n * dim]  # other groups each time, for little time
        yield pa.array([f"q{i}" for i in range(start, start + count)]), rows


def lists(rows, n, dim):
    flat = pa.FixedSizeListArray.from_arrays(pa.array(rows), dim)
    return pa.LargeListArray.from_arrays(pa.array(np.arange(0, len(flat) + 1, n)), flat)


def raw(rows, n, dim):
    width = n * dim * rows.itemsize
    return pa.Array.from_buffers(pa.binary(width), rows.nbytes // width, [None, pa.py_buffer(rows)])


def write(path, column, prompts, n, dim):
    sink = None
    for ids, rows in tables(prompts, n, dim):
        values = column(rows, n, dim)
        field = pa.field("embeddings", values.type, metadata={"dim": str(dim), "dtype": "float16"})
        table = pa.table([ids, values], pa.schema([("id", pa.string()), field]))
        if sink is None:
            new = pa.ipc.new_file if path.suffix == ".arrow" else pq.ParquetWriter
            more = {} if path.suffix == ".arrow" else {"compression": "none", "use_dictionary": ["id"]}
            sink = new(str(path), table.schema, **more)
        sink.write_table(table)
    sink.close()


def read(path):
    start = time.perf_counter()
    seen = 0
    config = score.Config()
    for batch in group_files.read(group_files.open_file(path), ["embeddings"], config.layout, config.rows):
        seen += batch.num_rows
        if path.suffix == ".arrow":  # a mapped file is read when it is looked at
            numbers = batch["embeddings"].chunk(0).values.values
            seen += int(np.max(numbers.to_numpy().view(np.uint64)) == 0)
    assert seen == pq.read_metadata(path).num_rows if path.suffix == ".parquet" else seen
    return time.perf_counter() - start


def scored(path):
    start = time.perf_counter()
    score.score(path, path.with_name("scores.parquet"), overwrite=True)
    return time.perf_counter() - start


def peak(path):
    """MiB of anonymous memory of `uncal score` at its highest."""
    command = [sys.executable, "-m", "uncal", "score", path, "-o", path.with_name("scores.parquet"), "--overwrite"]
    process = subprocess.Popen([*map(str, command), "--quiet"])
    most = 0
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                most = max(most, int(line.split()[1]))
        time.sleep(0.01)
    assert process.returncode == 0
    return most / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=1_000_000)
    parser.add_argument("--completions", type=int, default=10)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files are made, instead of the usual temporary folder")
    options = parser.parse_args()
    kinds = [
        ("Parquet lists", "lists.parquet", lists),
        ("Parquet FixedSizeBinary", "bytes.parquet", raw),
        ("Arrow IPC", "lists.arrow", lists),
    ]
    columns = ("GB", "read s", "score s", "ratio", "GB/s", "RssAnon MiB")
    print(f"{'':24}", *(f"{column:>11}" for column in columns))
    for label, name, column in kinds:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            path = Path(folder) / name
            write(path, column, options.prompts, options.completions, options.dim)
            size = path.stat().st_size / 1e9
            read(path)
            times = [(read(path), scored(path)) for _ in range(options.rounds)]
            reading, scoring = median(t[0] for t in times), median(t[1] for t in times)
            figures = (size, reading, scoring, scoring / reading, size / scoring, peak(path))
            print(f"{label:24}", *(f"{figure:11.2f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
