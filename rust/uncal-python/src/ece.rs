use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use uncal_core::{Ece, Pairs};

use crate::call::{Flat, detached, each_flat, slice};

/// See `uncal.fast.ece`.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, n_bins, bins, edges, norm, debias, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn ece(
    py: Python<'_>,
    confidence: Flat<'_>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    n_bins: usize,
    bins: &str,
    edges: &str,
    norm: &str,
    debias: bool,
    threads: Option<usize>,
) -> PyResult<f64> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    each_flat!(confidence, |values| detached(py, threads, || {
        let kind = Ece { n_bins, bins: bins.parse()?, edges: edges.parse()?, norm: norm.parse()?, debias };
        uncal_core::ece(&Pairs::confidences(values, correct, weights)?, &kind)
    }))
}
