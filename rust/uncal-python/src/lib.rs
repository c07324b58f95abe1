//! `uncal._rust`: what `uncal.fast` calls. Views in, the GIL released, errors mapped; no arithmetic.

mod auroc;
mod brier;
mod call;
mod cluster_embeddings;
mod cluster_entailment;
mod ece;
mod entropy;
mod evaluate;
mod fit;
mod pool;
mod reliability;
mod semantic_entropy;

/// The compiled kernels of uncal; use `uncal.fast`, which checks and documents them.
#[pyo3::pymodule]
mod _rust {
    #[pymodule_export]
    use crate::auroc::auroc;
    #[pymodule_export]
    use crate::brier::brier;
    #[pymodule_export]
    use crate::cluster_embeddings::cluster_embeddings;
    #[pymodule_export]
    use crate::cluster_entailment::{cluster_entailment, order_sensitive};
    #[pymodule_export]
    use crate::ece::ece;
    #[pymodule_export]
    use crate::entropy::{renyi_entropy, spectrum};
    #[pymodule_export]
    use crate::evaluate::evaluate;
    #[pymodule_export]
    use crate::fit::fit_platt;
    #[pymodule_export]
    use crate::pool::{num_threads, set_num_threads};
    #[pymodule_export]
    use crate::reliability::reliability;
    #[pymodule_export]
    use crate::semantic_entropy::{num_semantic_sets, semantic_entropy};
}
