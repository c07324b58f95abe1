"""Make tests/numerics/data/conventions.json: calibration errors by the libraries themselves, on data that tell their rules apart.

    python -m venv peers && peers/bin/pip install netcal==1.4.0 torchmetrics==1.9.0 relplot==1.0.3 mapie==1.6.0
    peers/bin/pip install --no-deps uqlm==0.6.7 lm-polygraph==0.7.0
    peers/bin/python benches/peers/conventions.py

RLCR is no package, and not here: its rule is written out in test_conventions.py.
"""

import json
import sys
from importlib import import_module, metadata
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

import numpy as np
import relplot.metrics
import torch
from mapie.metrics.calibration import expected_calibration_error
from netcal.metrics import ECE
from torchmetrics.functional.classification import binary_calibration_error

WRITTEN = Path(__file__).parents[2] / "tests/numerics/data/conventions.json"
PACKAGES = ["netcal", "torchmetrics", "torch", "uqlm", "lm-polygraph", "relplot", "mapie", "numpy"]
N_BINS = [None, 1, 2, 3, 10, 15, 20, 49]


# Packages without their __init__, which import servers and models.
for package in ("uqlm", "uqlm.calibration", "uqlm.utils", "lm_polygraph", "lm_polygraph.ue_metrics"):
    parent = package.rpartition(".")[0]
    path = sys.modules[parent].__path__ if parent else None
    sys.modules[package] = module_from_spec(PathFinder.find_spec(package, path))
uqlm = import_module("uqlm.calibration.evaluate")
lm_polygraph = import_module("lm_polygraph.ue_metrics.ece")


def given(**settings):
    return {name: value for name, value in settings.items() if value is not None}


ERRORS = {
    "netcal": lambda q, c, n: ECE(**given(bins=n)).measure(q, c.astype(int)),
    "torchmetrics": lambda q, c, n: binary_calibration_error(
        torch.from_numpy(q), torch.from_numpy(c.astype(int)), **given(n_bins=n)
    ),
    "uqlm": lambda q, c, n: uqlm._evaluate_single_calibrator(q, c.astype(int), plot=False, **given(n_bins=n))["ece"],
    "lm_polygraph": lambda q, c, n: lm_polygraph.ECE(**given(n_bins=n))(-q, c.astype(int)),
    "relplot": lambda q, c, n: relplot.metrics.binnedECE(q, c.astype(int), **given(nbins=n)),
    "mapie": lambda q, c, n: expected_calibration_error(c.astype(int), q, **given(num_bins=n)),
}


def cases():
    rng = np.random.default_rng(17)
    q = [0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1, 1]
    yield "ten rows", q, [0, 1, 0, 0, 1, 0, 1, 1, 1, 0]
    for q in (0.0, 0.3, 0.5, 0.6, 1.0):
        yield f"one row at {q}, right", [q], [1]
        yield f"one row at {q}, wrong", [q], [0]
    level = rng.integers(10, size=200)
    said = np.arange(1, 11) / 10
    true = np.clip(said + 0.2 * np.where(np.arange(10) % 2, 1, -1), 0, 1)
    yield "tenths in words", said[level], rng.random(200) < true[level]
    for m in (3, 10, 15, 20, 49):
        k = rng.integers(0, m + 1, 120)
        yield f"k / {m}", k / m, rng.random(120) < (k % 3) / 3 + 0.2
        edges = np.linspace(0, 1, m + 1)[k]
        around = np.clip(np.nextafter(edges, rng.integers(0, 2, 120) * 1.0), 0, 1)
        yield f"at and beside edges of {m}", np.append(edges, around), rng.random(240) < 0.5
    ends = rng.integers(0, 2, 60) * 1.0
    yield "zeros and ones", ends, rng.random(60) < 0.6
    yield "saturated", np.append(np.ones(90), np.full(10, 0.5)), np.append(np.arange(90) < 63, np.arange(10) < 5)
    yield "all of one confidence", np.full(40, 0.7), np.arange(40) % 3 == 0
    q = np.append(rng.random(100), [0, 1, 0.5])
    yield "all right", q, np.ones(103)
    yield "all wrong", q, np.zeros(103)
    q = rng.random(300)
    yield "no ties", q, rng.random(300) < q**2
    yield "near zero and one", np.clip(rng.normal(0.5, 2, 200), 1e-17, 1 - 1e-16), rng.random(200) < 0.5


def main():
    found = []
    for name, q, c in cases():
        q, c = np.asarray(q, dtype=np.float64), np.asarray(c, dtype=bool)
        for dtype in ("float64", "float32"):
            told = q.astype(dtype)
            errors = {}
            for peer, error in ERRORS.items():
                with np.errstate(all="ignore"):
                    for n in N_BINS:
                        # a single bin in which nobody is has no error
                        value = float(error(told, c, n))
                        errors.setdefault(peer, []).append(None if np.isnan(value) else value)
            case = {"name": name, "dtype": dtype, "confidence": told.tolist(), "correct": c.astype(int).tolist()}
            case["ece"] = errors
            if dtype == "float64":
                value, width = relplot.metrics.smECE(q, c.astype(int), return_width=True)
                case["smooth"] = {"auto": float(value), "width": float(width)}
                for sigma in (0.01, 0.05, 0.3, 1.0):
                    case["smooth"][str(sigma)] = float(relplot.metrics.smECE_sigma(q, c.astype(int), sigma))
            found.append(case)
    versions = {name: metadata.version(name) for name in PACKAGES}
    lines = ",\n".join(json.dumps(case) for case in found)
    text = f'{{"versions": {json.dumps(versions)},\n"n_bins": {json.dumps(N_BINS)},\n"cases": [\n{lines}\n]}}\n'
    WRITTEN.write_text(text)


if __name__ == "__main__":
    main()
