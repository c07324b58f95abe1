//! Maps from a score to a confidence, fitted to answers that were graded.

mod beta;
mod histogram;
mod isotonic;
mod logistic;
mod many;
mod platt;
mod platt_atom;
mod range;
mod temperature;
mod venn_abers;

pub use beta::{Beta, Variant, beta};
pub use histogram::{Histogram, histogram};
pub(crate) use isotonic::shares;
pub use isotonic::{Isotonic, isotonic};
pub use platt::{Platt, platt};
pub use platt_atom::{PlattAtom, platt_atom};
pub use temperature::{Temperature, temperature};
pub use venn_abers::{VennAbers, venn_abers};
