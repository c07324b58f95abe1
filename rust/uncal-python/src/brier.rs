use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use uncal_core::Pairs;

use crate::call::{detached, slice};

/// See `uncal.fast.brier`.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, threads))]
pub(crate) fn brier(
    py: Python<'_>,
    confidence: PyReadonlyArray1<'_, f64>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    threads: Option<usize>,
) -> PyResult<f64> {
    let (values, correct, weights) = (confidence.as_slice()?, correct.as_slice()?, slice(weights.as_ref())?);
    detached(py, threads, || Ok(uncal_core::brier(&Pairs::confidences(values, correct, weights)?)))
}
