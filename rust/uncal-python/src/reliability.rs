use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::Pairs;

use crate::call::{Flat, detached, each_flat, slice};

/// See `uncal.fast.reliability`; the arrays in the order of its fields.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, n_bins, bins, threads))]
pub(crate) fn reliability<'py>(
    py: Python<'py>,
    confidence: Flat<'py>,
    correct: PyReadonlyArray1<'py, bool>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    n_bins: usize,
    bins: &str,
    threads: Option<usize>,
) -> PyResult<[Bound<'py, PyArray1<f64>>; 6]> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let diagram = each_flat!(confidence, |values| detached(py, threads, || {
        uncal_core::reliability(&Pairs::confidences(values, correct, weights)?, n_bins, bins.parse()?)
    }))?;
    let fields = [diagram.edges, diagram.count, diagram.mean_confidence, diagram.accuracy, diagram.low, diagram.high];
    Ok(fields.map(|field| field.into_pyarray(py)))
}
