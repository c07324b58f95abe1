//! The numerical kernels of uncal.
//!
//! Pure Rust: no Python, no files, no printing. One quantity per file; a file starts with the public function and ends
//! with its tests. Every function reads borrowed slices, returns `f64`, and gives the same bits for any number of
//! threads.

mod auprc;
mod aurc;
mod auroc;
mod binomial;
mod bins;
mod blocks;
mod bootstrap;
mod cluster_embeddings;
mod cluster_entailment;
mod convention;
mod corp;
mod cosine;
mod cumulative;
mod digamma;
mod ece;
mod eigen;
mod eigenvectors;
mod entropy;
mod error;
mod evaluate;
mod float;
mod fourier;
mod graph;
mod groups;
mod kernel;
mod lanes;
mod language_entropy;
mod laplacian;
mod lcs;
mod linkage;
mod mmce;
mod murphy;
mod normal;
mod pairs;
mod prr;
mod rank_correlation;
mod ranked;
mod relation;
mod reliability;
mod rows;
mod semantic_entropy;
mod side_by_side;
mod simd;
mod similarity;
mod smooth_ece;
mod spectral;
mod spectral_decomposition;
mod squares;
mod sum;
mod sweep;
mod texts;
mod ties;
mod tokens;
mod variation;
mod vocabulary;

pub mod fit;
pub mod pool;

pub use auprc::auprc;
pub use aurc::{
    Area, accuracy_at_confidence, accuracy_at_coverage, augrc, aurac, aurc, coverage_at_risk, e_aurc, risk_coverage,
};
pub use auroc::{AurocInterval, auroc, auroc_interval};
pub use bins::{Bins, Edges};
pub use bootstrap::Rng;
pub use cluster_embeddings::cluster_embeddings;
pub use cluster_entailment::{Algorithm, cluster_entailment, order_sensitive};
pub use convention::{Convention, ece_by};
pub use corp::{CorpParts, brier_corp};
pub use cosine::cosine_similarity;
pub use cumulative::{Test, ks_calibration_error, kuiper_calibration_error};
pub use ece::{Ece, Norm, ece};
pub use eigen::eigenvalues;
pub use eigenvectors::eigenvectors;
pub use entropy::{renyi_entropy, von_neumann_entropy};
pub use error::{Error, Result};
pub use evaluate::{Bootstrap, Estimate, Method, Metrics, compare, evaluate};
pub use float::{Float, Kind, Real};
pub use graph::{GraphMeasure, degree, eccentricity, graph_scores};
pub use groups::Groups;
pub use kernel::{Kernel, Shape};
pub use language_entropy::{GraphKernel, kernel_language_entropy};
pub use linkage::Linkage;
pub use mmce::mmce;
pub use murphy::{BrierParts, brier_decomposition};
pub use pairs::Pairs;
pub use prr::prr;
pub use rank_correlation::{kendall, reversed_pairs, spearman};
pub use relation::{Equivalence, Rule};
pub use reliability::{Reliability, reliability};
pub use rows::{brier, log_loss, signed_gap, spiegelhalter};
pub use semantic_entropy::{Estimator, num_semantic_sets, semantic_entropy};
pub use simd::Isa;
pub use simd::probe::{multiply_rate, read_bytes};
pub use similarity::{jaccard_similarity, rouge_l_similarity};
pub use smooth_ece::{SmoothEce, SmoothReliability, smooth_ece, smooth_reliability};
pub use spectral::{Bad, Spectral, spectral_scores, spectrum};
pub use spectral_decomposition::{Decomposition, spectral_decomposition};
pub use squares::Squares;
pub use texts::Texts;
pub use tokens::Tokens;
pub use variation::variation_ratio;
