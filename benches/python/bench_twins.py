"""Near twins among a million vectors: how long an index takes, what it misses, and what comparing all would take.

``python benches/python/bench_twins.py [--vectors 1e6]``; needs faiss. A fifth of the vectors are queries, and of every
hundredth of these a reference is a near twin, its cosine about 0.97. Vectors are random directions, where cells of an
index have nothing to go by, and directions around topics, as texts have them.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncal import twins

DIM = 384
TWIN = 0.97


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def make(folder: Path, queries: int, references: int, topics: int) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Write both sides to files and map them; twin i is of reference i."""
    generator = np.random.default_rng(0)
    centres = unit(generator.standard_normal((max(1, topics), DIM), np.float32))

    def rows(n: int) -> NDArray[np.float32]:
        noise = unit(generator.standard_normal((n, DIM), np.float32))
        return unit(noise + centres[generator.integers(len(centres), size=n)]) if topics else noise

    def mapped(name: str, n: int) -> NDArray[np.float16]:
        made = np.memmap(folder / name, np.float16, "w+", shape=(n, DIM))
        for start in range(0, n, 65_536):
            made[start : start + 65_536] = rows(len(made[start : start + 65_536]))
        return made

    theirs, mine = mapped("references", references), mapped("queries", queries)
    twin = queries // 100
    away = unit(generator.standard_normal((twin, DIM), np.float32))
    mine[:twin] = unit(TWIN * theirs[:twin].astype(np.float32) + np.sqrt(1 - TWIN**2) * away)
    return mine, theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=float, default=1e6)
    total = int(parser.parse_args().vectors)
    queries, references = total // 5, total - total // 5
    for topics in (0, 2000):
        with tempfile.TemporaryDirectory() as folder:
            mine, theirs = make(Path(folder), queries, references, topics)
            start = time.perf_counter()
            found = list(twins.nearest(mine, theirs, index=True))
            took = time.perf_counter() - start
            places = np.concatenate([part.place for part in found])
            similar = np.concatenate([part.similarity for part in found])
            some = mine[: max(1, queries // 200)]
            start = time.perf_counter()
            exact = np.concatenate([part.place for part in twins.nearest(some, theirs, index=False)])
            whole = (time.perf_counter() - start) * queries / len(some)
            twin = queries // 100
            print(f"{references:,} references, {queries:,} queries, {DIM} dimensions, {topics or 'no'} topics")
            print(f"  index and search        {took:8.1f} s")
            print(f"  comparing all           {whole:8.1f} s, {whole / took:.1f} times that, by {len(some):,} queries")
            print(f"  planted twins found     {(places[:twin] == np.arange(twin)).mean():8.2%} of {twin:,}")
            print(f"  nearest, like comparing {(places[: len(some)] == exact).mean():8.2%} of {len(some):,}")
            print(f"  others at 0.95 or more  {int((similar[twin:] >= 0.95).sum()):8,}")
            print(f"  peak memory             {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.2f} GiB")


if __name__ == "__main__":
    main()
