use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::call::{detached, slice};

/// See `uncal.fast.semantic_density`.
#[pyfunction]
#[pyo3(signature = (logprobs, entail, contra, answer_logprobs, offsets, threads))]
pub(crate) fn semantic_density<'py>(
    py: Python<'py>,
    logprobs: PyReadonlyArray1<'py, f64>,
    entail: PyReadonlyArray1<'py, f64>,
    contra: PyReadonlyArray1<'py, f64>,
    answer_logprobs: Option<PyReadonlyArray1<'py, f64>>,
    offsets: PyReadonlyArray1<'py, i64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (logprobs, entail, contra) = (logprobs.as_slice()?, entail.as_slice()?, contra.as_slice()?);
    let (own, offsets) = (slice(answer_logprobs.as_ref())?, offsets.as_slice()?);
    let densities = detached(py, threads, || uncal_core::semantic_density(logprobs, entail, contra, own, offsets))?;
    Ok(densities.into_pyarray(py))
}
