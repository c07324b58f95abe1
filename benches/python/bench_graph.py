"""Graph measures of similarity matrices beside NumPy's batched eigensolvers, on the same matrices in the same run.

    python benches/python/bench_graph.py [--seconds 1]

Prints microseconds a group on one thread, medians of at least five runs. NumPy gets the best batch formula known to us:
one eigvalsh (or, for vectors, eigh) of all matrices at once. Threads of its BLAS are held to one beside our one.
"""

import argparse
import os
import time
from statistics import median

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

from uncal import fast  # noqa: E402


def affinity(a):
    w = (a + a.transpose(0, 2, 1)) / 2
    root = 1 / np.sqrt(w.sum(axis=2))
    return w * root[:, :, None] * root[:, None, :]


def eigenvalue_laplacian(a):
    return np.clip(np.linalg.eigvalsh(affinity(a)), 0, None).sum(axis=1)


def eccentricity(a):
    values, vectors = np.linalg.eigh(affinity(a))
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    return np.sqrt(np.sum(centred**2 * (values > 0.1)[:, None, :], axis=(1, 2)))


def language_entropy(w):
    w = w * (1 - np.eye(w.shape[1], dtype=w.dtype))
    values, vectors = np.linalg.eigh(np.eye(w.shape[1], dtype=w.dtype) * w.sum(axis=2, keepdims=True) - w)
    kernel = vectors * np.exp(-0.3 * values)[:, None, :] @ vectors.transpose(0, 2, 1)
    root = 1 / np.sqrt(np.diagonal(kernel, axis1=1, axis2=2))
    values = np.linalg.eigvalsh(kernel * root[:, :, None] * root[:, None, :] / w.shape[1])
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
    calls = {
        "EigV": (eigenvalue_laplacian, fast.eigenvalue_laplacian),
        "all three": (eigenvalue_laplacian, fast.graph_scores),
        "Ecc": (eccentricity, fast.eccentricity),
        "KLE": (language_entropy, fast.kernel_language_entropy),
    }
    print(f"{'N':>4} {'type':>8} {'measure':>10}", *(f"{column:>9}" for column in ("numpy us", "ours us", "ratio")))
    for n, p in [(5, 4000), (10, 2000), (20, 1000), (64, 100), (300, 4)]:
        a = rng.uniform(size=(p, n, n))
        a = (a + a.transpose(0, 2, 1)) / 2
        a[:, range(n), range(n)] = 1
        for dtype in (np.float32, np.float64):
            x = a.astype(dtype)
            for name, (with_numpy, ours) in calls.items():
                theirs, own = (
                    seconds(call, budget) / p * 1e6
                    for call in (lambda x=x, f=with_numpy: f(x), lambda x=x, f=ours: f(x, threads=1))
                )
                print(f"{n:4} {np.dtype(dtype).name:>8} {name:>10} {theirs:9.2f} {own:9.2f} {theirs / own:9.2f}")


if __name__ == "__main__":
    main()
