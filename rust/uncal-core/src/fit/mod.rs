//! Maps from a score to a confidence, fitted to answers that were graded.

mod platt;

pub use platt::{Platt, platt};
