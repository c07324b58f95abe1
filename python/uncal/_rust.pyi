"""The compiled kernels of uncal; use `uncal.fast`, which checks and documents them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "auroc",
    "brier",
    "cluster_embeddings",
    "cluster_entailment",
    "ece",
    "evaluate",
    "fit_platt",
    "num_semantic_sets",
    "num_threads",
    "order_sensitive",
    "reliability",
    "renyi_entropy",
    "semantic_entropy",
    "set_num_threads",
    "spectrum",
]

def auroc(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> float: ...
def brier(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> float: ...
def cluster_embeddings(
    embeddings: NDArray[Any], offsets: NDArray[np.int64], threshold: float, linkage: str, threads: int | None
) -> NDArray[np.int64]: ...
def cluster_entailment(
    entail: NDArray[Any],
    contra: NDArray[Any] | None,
    offsets: NDArray[np.int64],
    rule: str,
    algorithm: str,
    threshold: float,
    threads: int | None,
) -> NDArray[np.int64]: ...
def ece(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    edges: str,
    norm: str,
    debias: bool,
    threads: int | None,
) -> float: ...
def evaluate(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    bootstrap: int,
    groups: NDArray[np.int64] | None,
    seed: int,
    level: float,
    threads: int | None,
) -> list[tuple[str, float, float, float, int]]: ...
def fit_platt(
    scores: NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    smoothing: bool,
    tolerance: float,
    threads: int | None,
) -> tuple[float, float, int, bool]: ...
def num_semantic_sets(
    clusters: NDArray[np.int64], offsets: NDArray[np.int64], threads: int | None
) -> NDArray[np.float64]: ...
def num_threads() -> int: ...
def order_sensitive(
    entail: NDArray[Any],
    contra: NDArray[Any] | None,
    offsets: NDArray[np.int64],
    rule: str,
    algorithm: str,
    threshold: float,
    threads: int | None,
) -> NDArray[np.bool_]: ...
def reliability(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    threads: int | None,
) -> list[NDArray[np.float64]]: ...
def renyi_entropy(
    embeddings: NDArray[Any],
    offsets: NDArray[np.int64],
    alpha: float,
    kernel: str,
    gamma: float,
    normalize: bool,
    threads: int | None,
) -> NDArray[np.float64]: ...
def semantic_entropy(
    clusters: NDArray[np.int64],
    logprobs: NDArray[np.float64] | None,
    offsets: NDArray[np.int64],
    estimator: str,
    threads: int | None,
) -> NDArray[np.float64]: ...
def set_num_threads(n: int) -> None: ...
def spectrum(
    embeddings: NDArray[Any],
    offsets: NDArray[np.int64],
    kernel: str,
    gamma: float,
    normalize: bool,
    threads: int | None,
) -> NDArray[np.float64]: ...
