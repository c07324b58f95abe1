"""The smooth calibration error as relplot 1.0.3 computes it, step by step."""

import numpy as np

from uncal.fast._arguments import FloatArray, Rows

_LEAST = 0.001


def smooth_ece(rows: Rows, sigma: float | None) -> float:
    """Find the error at `sigma`, or at the width that ten bisections find."""
    q = rows.confidence.astype(np.float64)
    weights = np.ones(len(q)) if rows.weights is None else rows.weights
    residuals = (q - rows.correct) * weights
    if sigma is None:
        sigma = _width(q, residuals, weights)
    elif not _LEAST <= sigma < np.inf:
        raise ValueError(f"sigma: is {sigma}, must be a finite number of at least {_LEAST}")
    return _error(q, residuals, weights, sigma)


def _width(q: FloatArray, residuals: FloatArray, weights: FloatArray) -> float:
    """Find the last width, of ten, that is neither too small nor below its error."""
    if _error(q, residuals, weights, 1.0) > 1:
        return 1.0
    above, below = 1.0, 0.0
    for _ in range(10):
        middle = (above + below) / 2
        if middle < _LEAST or middle < _error(q, residuals, weights, middle):
            below = middle
        else:
            above = middle
    return above


def _error(q: FloatArray, residuals: FloatArray, weights: FloatArray, sigma: float) -> float:
    places = np.linspace(0, 1, max(round(10 / sigma), 200))
    density = _smoothed(q, weights, places, sigma) + 0.0001
    mean = _smoothed(q, residuals, places, sigma) / density
    return float(np.sum(np.abs(mean) * density) / np.sum(density))


def _smoothed(q: FloatArray, values: FloatArray, places: FloatArray, sigma: float) -> FloatArray:
    """Put values on a grid, reflect it without repeating its ends, convolve, and read off in between."""
    points = max(2000, round(20 / sigma)) // 2 + 1
    cell = (q * (points - 1)).astype(np.int64).clip(0, points - 2)
    share = q * (points - 1) - cell
    grid = np.bincount(cell, (1 - share) * values, points) + np.bincount(cell + 1, share * values, points)
    around = np.concatenate([grid[:0:-1], grid, grid[-2::-1]])
    t = np.linspace(0, 1, points)
    kernel = np.exp(-((t - 0.5) ** 2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    smooth = np.convolve(around, kernel, "valid")[points // 2 : points // 2 + points]
    cell = (places * (points - 1)).astype(np.int64).clip(0, points - 2)
    share = (places - cell * (1 / (points - 1))) / (1 / (points - 1))
    return np.asarray(smooth[cell] * (1 - share) + smooth[cell + 1] * share)
