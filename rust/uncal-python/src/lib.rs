//! `uncal._rust`: what `uncal.fast` calls. Views in, the GIL released, errors mapped; no arithmetic.

mod agreement;
mod call;
mod claims;
mod cluster_embeddings;
mod cluster_entailment;
mod cosine;
mod density;
mod ece;
mod evaluate;
mod fit;
mod graph;
mod machine;
mod metrics;
mod pool;
mod relevance;
mod reliability;
mod semantic_entropy;
mod sequence;
mod spectral;
mod texts;
mod token_measure;

/// The compiled kernels of uncal; use `uncal.fast`, which checks and documents them.
#[pyo3::pymodule]
mod _rust {
    #[pymodule_export]
    use crate::agreement::sentence_disagreement;
    #[pymodule_export]
    use crate::claims::claim_conditioned_probability;
    #[pymodule_export]
    use crate::cluster_embeddings::cluster_embeddings;
    #[pymodule_export]
    use crate::cluster_entailment::{cluster_entailment, order_sensitive};
    #[pymodule_export]
    use crate::cosine::cosine_similarity;
    #[pymodule_export]
    use crate::density::semantic_density;
    #[pymodule_export]
    use crate::ece::ece;
    #[pymodule_export]
    use crate::evaluate::{compare, evaluate};
    #[pymodule_export]
    use crate::fit::{
        fit_beta, fit_histogram, fit_isotonic, fit_platt, fit_platt_atom, fit_temperature, fit_venn_abers, venn_abers,
    };
    #[pymodule_export]
    use crate::graph::{degree, eccentricity, graph_scores, kernel_language_entropy};
    #[pymodule_export]
    use crate::machine::{_fma_rate, _read_bytes, _simd};
    #[pymodule_export]
    use crate::metrics::{
        accuracy_at_confidence, accuracy_at_coverage, augrc, auprc, aurac, aurc, auroc, auroc_interval, brier,
        brier_corp, brier_decomposition, coverage_at_risk, e_aurc, ece_by, kendall, ks_calibration_error,
        kuiper_calibration_error, log_loss, mmce, prr, reversed_pairs, risk_coverage, signed_gap, smooth_ece,
        smooth_reliability, spearman, spiegelhalter,
    };
    #[pymodule_export]
    use crate::pool::{num_threads, set_num_threads};
    #[pymodule_export]
    use crate::relevance::{sentence_sar, token_sar};
    #[pymodule_export]
    use crate::reliability::reliability;
    #[pymodule_export]
    use crate::semantic_entropy::{num_semantic_sets, semantic_entropy};
    #[pymodule_export]
    use crate::sequence::{sequence_logprobs, token_quantiles};
    #[pymodule_export]
    use crate::spectral::{spectral_decomposition, spectral_scores, spectrum};
    #[pymodule_export]
    use crate::texts::{jaccard_similarity, rouge_l_similarity, variation_ratio};
    #[pymodule_export]
    use crate::token_measure::token_measure;
}
