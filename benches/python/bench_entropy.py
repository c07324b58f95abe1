"""Entropy of groups of embeddings beside NumPy's batched eigvalsh, on the same rows in the same run.

    python benches/python/bench_entropy.py [--seconds 1]

Prints microseconds a group, medians of at least five runs. NumPy gets the best batch formula known to us: one matmul
for all Gram matrices, one eigvalsh for all spectra. Threads of its BLAS are held to one beside our one.
"""

import argparse
import os
import time
from statistics import median

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

from uncal import fast  # noqa: E402


def with_numpy(x):
    unit = x / np.linalg.norm(x, axis=2, keepdims=True)
    cosine = unit @ unit.transpose(0, 2, 1)
    values = np.linalg.eigvalsh(np.exp(2 * cosine - 2) / x.shape[1])
    values = np.clip(values, 1e-30, None)
    return -np.sum(values * np.log(values), axis=1)


def seconds(call, budget):
    call()
    times = []
    while len(times) < 5 or sum(times) < budget:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="at least so long for each figure")
    budget = parser.parse_args().seconds
    rng = np.random.default_rng(0)
    columns = ("numpy us", "1 thread", "ratio", "2 threads", "ratio", "worst")
    print(f"{'N':>4} {'D':>5} {'type':>8}", *(f"{column:>9}" for column in columns))
    for n, d, p in [(5, 384, 2000), (10, 384, 1000), (10, 1024, 500), (20, 384, 500), (64, 384, 100), (300, 384, 4)]:
        centre = rng.normal(size=(p, 1, d))
        for dtype in (np.float32, np.float64):
            x = (centre + rng.normal(size=(p, n, d))).astype(dtype)
            theirs, one, two = (
                seconds(call, budget) / p * 1e6
                for call in (
                    lambda x=x: with_numpy(x),
                    lambda x=x: fast.von_neumann_entropy(x, threads=1),
                    lambda x=x: fast.von_neumann_entropy(x, threads=2),
                )
            )
            worst = np.abs(with_numpy(x) - fast.von_neumann_entropy(x)).max()
            figures = (theirs, one, theirs / one, two, theirs / two)
            print(f"{n:4} {d:5} {np.dtype(dtype).name:>8}", *(f"{figure:9.2f}" for figure in figures), f"{worst:9.1e}")


if __name__ == "__main__":
    main()
