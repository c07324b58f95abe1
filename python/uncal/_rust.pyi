"""The compiled kernels of uncal; use `uncal.fast`, which checks and documents them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "_fma_rate",
    "_read_bytes",
    "_simd",
    "accuracy_at_confidence",
    "accuracy_at_coverage",
    "augrc",
    "auprc",
    "aurac",
    "aurc",
    "auroc",
    "auroc_interval",
    "brier",
    "brier_corp",
    "brier_decomposition",
    "claim_conditioned_probability",
    "cluster_embeddings",
    "cluster_entailment",
    "compare",
    "cosine_similarity",
    "coverage_at_risk",
    "degree",
    "e_aurc",
    "eccentricity",
    "ece",
    "ece_by",
    "evaluate",
    "fit_beta",
    "fit_histogram",
    "fit_isotonic",
    "fit_platt",
    "fit_platt_atom",
    "fit_temperature",
    "fit_venn_abers",
    "graph_scores",
    "jaccard_similarity",
    "kendall",
    "kernel_language_entropy",
    "ks_calibration_error",
    "kuiper_calibration_error",
    "log_loss",
    "mmce",
    "num_semantic_sets",
    "num_threads",
    "order_sensitive",
    "prr",
    "reliability",
    "reversed_pairs",
    "risk_coverage",
    "rouge_l_similarity",
    "semantic_density",
    "semantic_entropy",
    "sentence_disagreement",
    "sentence_sar",
    "sequence_logprobs",
    "set_num_threads",
    "signed_gap",
    "smooth_ece",
    "smooth_reliability",
    "spearman",
    "spectral_decomposition",
    "spectral_scores",
    "spectrum",
    "spiegelhalter",
    "token_measure",
    "token_quantiles",
    "token_sar",
    "variation_ratio",
    "venn_abers",
]

def _fma_rate(seconds: float, threads: int | None) -> float: ...
def _read_bytes(numbers: NDArray[np.float32], threads: int | None) -> float: ...
def _simd() -> str: ...
def accuracy_at_confidence(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threshold: float,
    threads: int | None,
) -> tuple[float, float]: ...
def accuracy_at_coverage(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    coverage: float,
    threads: int | None,
) -> float: ...
def augrc(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> float: ...
def auprc(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    wrong: bool,
    threads: int | None,
) -> float: ...
def aurac(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> float: ...
def aurc(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    method: str,
    threads: int | None,
) -> float: ...
def auroc(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> float: ...
def auroc_interval(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    level: float,
    threads: int | None,
) -> tuple[float, float, float, float, float]: ...
def brier(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> float: ...
def brier_corp(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> tuple[float, float, float]: ...
def brier_decomposition(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    threads: int | None,
) -> tuple[float, float, float, float, float]: ...
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
def compare(
    confidence: NDArray[Any],
    other: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    metrics: list[str] | None,
    bootstrap: int,
    groups: NDArray[np.int64] | None,
    seed: int,
    level: float,
    method: str,
    threads: int | None,
) -> list[tuple[str, float, float, float, int, float]]: ...
def cosine_similarity(
    embeddings: NDArray[Any],
    offsets: NDArray[np.int64],
    clip: bool,
    threads: int | None,
) -> NDArray[np.float64]: ...
def coverage_at_risk(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    risk: float,
    threads: int | None,
) -> float: ...
def degree(
    similarity: NDArray[Any],
    offsets: NDArray[np.int64],
    threads: int | None,
) -> NDArray[np.float64]: ...
def e_aurc(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> float: ...
def eccentricity(
    similarity: NDArray[Any],
    offsets: NDArray[np.int64],
    cut: float,
    threads: int | None,
) -> NDArray[np.float64]: ...
def ece(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    edges: str,
    norm: str,
    debias: bool,
    threads: int | None,
) -> float: ...
def ece_by(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    convention: str,
    n_bins: int | None,
    threads: int | None,
) -> float: ...
def evaluate(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    metrics: list[str] | None,
    bootstrap: int,
    groups: NDArray[np.int64] | None,
    seed: int,
    level: float,
    method: str,
    threads: int | None,
) -> list[tuple[str, float, float, float, int, float]]: ...
def fit_beta(
    confidence: NDArray[np.float32] | NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    variant: str,
    threads: int | None,
) -> tuple[float, float, float, int, bool]: ...
def fit_histogram(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    smoothing: float,
    threads: int | None,
) -> list[NDArray[np.float64]]: ...
def fit_isotonic(
    scores: NDArray[np.float32] | NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    increasing: bool | None,
    centered: bool,
    threads: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]: ...
def fit_platt(
    scores: NDArray[np.float32] | NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    smoothing: bool,
    tolerance: float | None,
    threads: int | None,
) -> tuple[float, float, int, bool]: ...
def fit_platt_atom(
    scores: NDArray[np.float32] | NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    atom: float | None,
    smoothing: bool,
    tolerance: float | None,
    threads: int | None,
) -> tuple[float | None, float, float, float, float, int, bool]: ...
def fit_temperature(
    confidence: NDArray[np.float32] | NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    eps: float,
    threads: int | None,
) -> tuple[float, int, bool]: ...
def fit_venn_abers(
    scores: NDArray[np.float32] | NDArray[np.float64],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    increasing: bool | None,
    threads: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], bool]: ...
def graph_scores(
    similarity: NDArray[Any],
    offsets: NDArray[np.int64],
    names: list[str],
    cut: float,
    threads: int | None,
) -> list[NDArray[np.float64]]: ...
def jaccard_similarity(
    bytes: NDArray[np.uint8],
    ends: NDArray[np.int64],
    offsets: NDArray[np.int64],
    threads: int | None,
) -> NDArray[np.float64]: ...
def kendall(x: NDArray[np.float64], y: NDArray[np.float64], threads: int | None) -> float: ...
def kernel_language_entropy(
    weights: NDArray[Any],
    offsets: NDArray[np.int64],
    kernel: str,
    t: float,
    nu: float,
    kappa: float,
    unit_diagonal: bool,
    scale: bool,
    threads: int | None,
) -> NDArray[np.float64]: ...
def ks_calibration_error(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> tuple[float, float]: ...
def kuiper_calibration_error(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> tuple[float, float]: ...
def log_loss(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    eps: float,
    threads: int | None,
) -> float: ...
def mmce(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    width: float,
    threads: int | None,
) -> float: ...
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
def prr(
    uncertainty: NDArray[Any], quality: NDArray[np.float64], max_rejection: float, threads: int | None
) -> float: ...
def reliability(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    n_bins: int,
    bins: str,
    threads: int | None,
) -> list[NDArray[np.float64]]: ...
def reversed_pairs(confidence: NDArray[np.float64], quality: NDArray[np.float64], threads: int | None) -> float: ...
def risk_coverage(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> list[NDArray[np.float64]]: ...
def rouge_l_similarity(
    bytes: NDArray[np.uint8],
    ends: NDArray[np.int64],
    offsets: NDArray[np.int64],
    tokens: str,
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
def signed_gap(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> float: ...
def smooth_ece(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    sigma: float | None,
    threads: int | None,
) -> tuple[float, float]: ...
def smooth_reliability(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    sigma: float | None,
    points: int,
    threads: int | None,
) -> list[NDArray[np.float64]]: ...
def spearman(x: NDArray[np.float64], y: NDArray[np.float64], threads: int | None) -> float: ...
def spectral_decomposition(
    embeddings: NDArray[Any],
    offsets: NDArray[np.int64],
    clarification_ids: NDArray[np.int64],
    kernel: str,
    gamma: float,
    normalize: bool,
    threads: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
def spectral_scores(
    embeddings: NDArray[Any],
    offsets: NDArray[np.int64],
    counts: NDArray[np.float64] | None,
    scores: list[tuple[str, float, bool]],
    kernel: str,
    gamma: float,
    normalize: bool,
    propagate: bool,
    threads: int | None,
) -> list[NDArray[np.float64]]: ...
def spectrum(
    embeddings: NDArray[Any],
    offsets: NDArray[np.int64],
    counts: NDArray[np.float64] | None,
    kernel: str,
    gamma: float,
    normalize: bool,
    propagate: bool,
    threads: int | None,
) -> NDArray[np.float64]: ...
def spiegelhalter(
    confidence: NDArray[Any],
    correct: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    threads: int | None,
) -> tuple[float, float]: ...
def variation_ratio(
    similarity: NDArray[np.float32] | NDArray[np.float64],
    offsets: NDArray[np.int64],
    threads: int | None,
) -> NDArray[np.float64]: ...
def venn_abers(
    x: NDArray[np.float64],
    p0: NDArray[np.float64],
    p1: NDArray[np.float64],
    increasing: bool,
    scores: NDArray[np.float64],
    threads: int | None,
) -> list[NDArray[np.float64]]: ...
def sequence_logprobs(
    logprobs: NDArray[np.float32] | NDArray[np.float64],
    offsets: NDArray[np.int64],
    mean: bool,
    threads: int | None,
) -> NDArray[np.float64]: ...
def token_quantiles(
    logprobs: NDArray[np.float32] | NDArray[np.float64],
    offsets: NDArray[np.int64],
    alphas: NDArray[np.float64],
    threads: int | None,
) -> NDArray[np.float64]: ...
def token_measure(
    top_logprobs: NDArray[Any],
    offsets: NDArray[np.int64],
    measure: str,
    tail: str,
    vocabulary: int | None,
    alpha: float,
    temperature: float,
    reduce: str,
    threads: int | None,
) -> NDArray[np.float64]: ...
def token_sar(
    logprobs: NDArray[np.float32] | NDArray[np.float64],
    relevance: NDArray[np.float64],
    offsets: NDArray[np.int64],
    threads: int | None,
) -> NDArray[np.float64]: ...
def sentence_sar(
    logprobs: NDArray[np.float64],
    similarity: NDArray[np.float32] | NDArray[np.float64],
    offsets: NDArray[np.int64],
    t: float,
    threads: int | None,
) -> NDArray[np.float64]: ...
def semantic_density(
    logprobs: NDArray[np.float64],
    entail: NDArray[np.float64],
    contra: NDArray[np.float64],
    answer_logprobs: NDArray[np.float64] | None,
    offsets: NDArray[np.int64],
    threads: int | None,
) -> NDArray[np.float64]: ...
def claim_conditioned_probability(
    top_logprobs: NDArray[Any],
    classes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    threads: int | None,
) -> NDArray[np.float64]: ...
def sentence_disagreement(
    entail: NDArray[np.float64],
    contra: NDArray[np.float64],
    sentences: NDArray[np.int64],
    offsets: NDArray[np.int64],
    threads: int | None,
) -> NDArray[np.float64]: ...
