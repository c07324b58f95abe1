"""Calibrators and metrics beside scikit-learn and NumPy, on the same rows in the same run.

    python benches/python/bench_metrics.py [--rows 100000 1000000] [--seconds 1]

Prints nanoseconds a row, medians of at least five runs.
"""

import argparse
import time
from functools import partial
from statistics import median

import numpy as np
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from uncal import fast


def ece_with_numpy(q, c, n_bins=15):
    place = np.clip(np.searchsorted(np.linspace(0, 1, n_bins + 1), q, side="left") - 1, 0, None)
    gaps = np.bincount(place, weights=q, minlength=n_bins) - np.bincount(place, weights=c, minlength=n_bins)
    return np.abs(gaps).sum() / len(q)


def bootstrap_with_numpy(q, c, replicates=20):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(replicates):
        rows = rng.integers(len(q), size=len(q))
        found.append((ece_with_numpy(q[rows], c[rows]), roc_auc_score(c[rows], q[rows])))
    return np.quantile(found, [0.025, 0.975], axis=0)


def seconds(call, budget):
    call()
    times = []
    while len(times) < 5 or sum(times) < budget:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def cases(k):
    """What it is, who the peer is, the peer's call, ours with the threads left open."""
    rng = np.random.default_rng(0)
    q = rng.uniform(size=k)
    c = rng.uniform(size=k) < q
    scores = 3 * (1 - q) + rng.normal(size=k)
    sigmoid, newton = _SigmoidCalibration(), LogisticRegression(C=np.inf, solver="newton-cholesky")
    isotonic = IsotonicRegression(increasing="auto")
    return [
        ("fit_platt", "sklearn sigmoid", lambda: sigmoid.fit(scores, c), partial(fast.fit_platt, scores, c)),
        ("fit_platt", "sklearn newton", lambda: newton.fit(scores[:, None], c), partial(fast.fit_platt, scores, c)),
        ("fit_isotonic", "sklearn", lambda: isotonic.fit(scores, c), partial(fast.fit_isotonic, scores, c)),
        ("ece", "numpy bincount", lambda: ece_with_numpy(q, c), partial(fast.ece, q, c)),
        ("brier", "sklearn", lambda: brier_score_loss(c, q), partial(fast.brier, q, c)),
        ("auroc", "sklearn", lambda: roc_auc_score(c, q), partial(fast.auroc, q, c)),
        (
            "20 resamples",
            "numpy, sklearn",
            lambda: bootstrap_with_numpy(q, c),
            partial(fast.evaluate, q, c, bootstrap=20),
        ),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=1.0, help="at least so long for each figure")
    arguments = parser.parse_args()
    columns = ("theirs ns", "1 thread", "ratio", "2 threads", "ratio")
    print(f"{'rows':>8} {'what':>13} {'peer':>16}", *(f"{column:>9}" for column in columns))
    for k in arguments.rows:
        for what, name, peer, ours in cases(k):
            theirs = seconds(peer, arguments.seconds)
            one, two = (seconds(partial(ours, threads=n), arguments.seconds) for n in (1, 2))
            figures = (theirs / k * 1e9, one / k * 1e9, theirs / one, two / k * 1e9, theirs / two)
            print(f"{k:8} {what:>13} {name:>16}", *(f"{figure:9.2f}" for figure in figures))


if __name__ == "__main__":
    main()
