use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::Pairs;

use crate::call::{detached, slice};

/// See `uncal.fast.reliability`; the arrays in the order of its fields.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, n_bins, bins, threads))]
pub(crate) fn reliability<'py>(
    py: Python<'py>,
    confidence: PyReadonlyArray1<'py, f64>,
    correct: PyReadonlyArray1<'py, bool>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    n_bins: usize,
    bins: &str,
    threads: Option<usize>,
) -> PyResult<[Bound<'py, PyArray1<f64>>; 6]> {
    let (values, correct, weights) = (confidence.as_slice()?, correct.as_slice()?, slice(weights.as_ref())?);
    let diagram = detached(py, threads, || {
        uncal_core::reliability(&Pairs::confidences(values, correct, weights)?, n_bins, bins.parse()?)
    })?;
    let fields = [diagram.edges, diagram.count, diagram.mean_confidence, diagram.accuracy, diagram.low, diagram.high];
    Ok(fields.map(|field| field.into_pyarray(py)))
}
