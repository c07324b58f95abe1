"""The kernels: NumPy in, NumPy out, compiled code in between.

Arrays are borrowed where they lie: NumPy arrays that are C-contiguous, anything with ``__dlpack__`` (torch CPU tensors)
or ``__array__``, and pyarrow fixed-size lists. Embeddings are float16, float32 or float64; results are
float64. The GIL is released, and the bits do not depend on the number of threads.

Groups are a 3-D array (P, N, D), or a 2-D array (K, D) with `offsets` (P + 1,): group p is rows ``offsets[p]`` to
``offsets[p + 1]``, the first offset is 0, the last is K, none is empty. Entropies are in nats. Weights count
repetitions: a row of weight 2 is that row twice, a row of weight 0 is not there. For rows of groups that is `counts`,
from 1.

Input that makes no sense is a ``ValueError`` that names the argument and the first bad row or group: a wrong shape or
dtype, a value that is not finite, bad offsets, lengths that differ, no rows.
"""

from uncal.fast._clusters import (
    Algorithm,
    Estimator,
    Linkage,
    Rule,
    cluster_embeddings,
    cluster_entailment,
    num_semantic_sets,
    order_sensitive,
    semantic_entropy,
)
from uncal.fast._fits import (
    BetaFit,
    BetaVariant,
    HistogramFit,
    IsotonicFit,
    PlattAtomFit,
    PlattFit,
    TemperatureFit,
    VennAbers,
    VennAbersFit,
    fit_beta,
    fit_histogram,
    fit_isotonic,
    fit_platt,
    fit_platt_atom,
    fit_temperature,
    fit_venn_abers,
    venn_abers,
)
from uncal.fast._graph import (
    GraphKernel,
    GraphMeasure,
    cosine_similarity,
    degree,
    eccentricity,
    eigenvalue_laplacian,
    graph_scores,
    kernel_language_entropy,
)
from uncal.fast._metrics import (
    Bins,
    Interval,
    Reliability,
    auroc,
    brier,
    ece,
    evaluate,
    reliability,
)
from uncal.fast._spectral import (
    Kernel,
    NanPolicy,
    SpectralDecomposition,
    eigen_score,
    predictive_kernel_entropy,
    renyi_entropy,
    semantic_volume,
    spectral_decomposition,
    spectral_scores,
    spectrum,
    von_neumann_entropy,
)
from uncal.fast._texts import (
    Tokens,
    jaccard_similarity,
    rouge_l_similarity,
    variation_ratio,
)
from uncal.fast._threads import (
    set_num_threads,
)

__all__ = [
    "Algorithm",
    "BetaFit",
    "BetaVariant",
    "Bins",
    "Estimator",
    "GraphKernel",
    "GraphMeasure",
    "HistogramFit",
    "Interval",
    "IsotonicFit",
    "Kernel",
    "Linkage",
    "NanPolicy",
    "PlattAtomFit",
    "PlattFit",
    "Reliability",
    "Rule",
    "SpectralDecomposition",
    "TemperatureFit",
    "Tokens",
    "VennAbers",
    "VennAbersFit",
    "auroc",
    "brier",
    "cluster_embeddings",
    "cluster_entailment",
    "cosine_similarity",
    "degree",
    "eccentricity",
    "ece",
    "eigen_score",
    "eigenvalue_laplacian",
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
    "kernel_language_entropy",
    "num_semantic_sets",
    "order_sensitive",
    "predictive_kernel_entropy",
    "reliability",
    "renyi_entropy",
    "rouge_l_similarity",
    "semantic_entropy",
    "semantic_volume",
    "set_num_threads",
    "spectral_decomposition",
    "spectral_scores",
    "spectrum",
    "variation_ratio",
    "venn_abers",
    "von_neumann_entropy",
]
