use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use uncal_core::{Ece, Pairs};

use crate::call::{detached, slice};

/// See `uncal.fast.ece`.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, n_bins, bins, edges, norm, debias, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn ece(
    py: Python<'_>,
    confidence: PyReadonlyArray1<'_, f64>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    n_bins: usize,
    bins: &str,
    edges: &str,
    norm: &str,
    debias: bool,
    threads: Option<usize>,
) -> PyResult<f64> {
    let (values, correct, weights) = (confidence.as_slice()?, correct.as_slice()?, slice(weights.as_ref())?);
    detached(py, threads, || {
        let kind = Ece { n_bins, bins: bins.parse()?, edges: edges.parse()?, norm: norm.parse()?, debias };
        uncal_core::ece(&Pairs::confidences(values, correct, weights)?, &kind)
    })
}
