//! The numerical kernels of uncal.
//!
//! Pure Rust: no Python, no files, no printing. One quantity per file; a file starts with the public function and ends
//! with its tests. Every function reads borrowed slices, returns `f64`, and gives the same bits for any number of
//! threads.

mod auroc;
mod bins;
mod bootstrap;
mod brier;
mod cluster_embeddings;
mod cluster_entailment;
mod cosine;
mod ece;
mod eigen;
mod eigenvectors;
mod entropy;
mod error;
mod evaluate;
mod float;
mod graph;
mod groups;
mod kernel;
mod lanes;
mod language_entropy;
mod laplacian;
mod lcs;
mod linkage;
mod pairs;
mod ranked;
mod relation;
mod reliability;
mod semantic_entropy;
mod side_by_side;
mod simd;
mod similarity;
mod spectral;
mod spectral_decomposition;
mod squares;
mod sum;
mod texts;
mod ties;
mod tokens;
mod variation;
mod vocabulary;

pub mod fit;
pub mod pool;

pub use auroc::auroc;
pub use bins::{Bins, Edges};
pub use bootstrap::Rng;
pub use brier::brier;
pub use cluster_embeddings::cluster_embeddings;
pub use cluster_entailment::{Algorithm, cluster_entailment, order_sensitive};
pub use cosine::cosine_similarity;
pub use ece::{Ece, Norm, ece};
pub use eigen::eigenvalues;
pub use eigenvectors::eigenvectors;
pub use entropy::{renyi_entropy, von_neumann_entropy};
pub use error::{Error, Result};
pub use evaluate::{Bootstrap, Estimate, evaluate};
pub use float::{Float, Kind, Real};
pub use graph::{GraphMeasure, degree, eccentricity, graph_scores};
pub use groups::Groups;
pub use kernel::{Kernel, Shape};
pub use language_entropy::{GraphKernel, kernel_language_entropy};
pub use linkage::Linkage;
pub use pairs::Pairs;
pub use relation::{Equivalence, Rule};
pub use reliability::{Reliability, reliability};
pub use semantic_entropy::{Estimator, num_semantic_sets, semantic_entropy};
pub use simd::Isa;
pub use simd::probe::{multiply_rate, read_bytes};
pub use similarity::{jaccard_similarity, rouge_l_similarity};
pub use spectral::{Bad, Spectral, spectral_scores, spectrum};
pub use spectral_decomposition::{Decomposition, spectral_decomposition};
pub use squares::Squares;
pub use texts::Texts;
pub use tokens::Tokens;
pub use variation::variation_ratio;
