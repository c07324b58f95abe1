use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::call::{Flat, detached, each_flat};

/// See `uncal.fast.sequence_logprobs`.
#[pyfunction]
#[pyo3(signature = (logprobs, offsets, mean, threads))]
pub(crate) fn sequence_logprobs<'py>(
    py: Python<'py>,
    logprobs: Flat<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    mean: bool,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let sums = each_flat!(logprobs, |values| detached(py, threads, || {
        uncal_core::sequence_logprobs(values, offsets, mean)
    }))?;
    Ok(sums.into_pyarray(py))
}

/// See `uncal.fast.token_quantiles`; those of a sequence next to each other.
#[pyfunction]
#[pyo3(signature = (logprobs, offsets, alphas, threads))]
pub(crate) fn token_quantiles<'py>(
    py: Python<'py>,
    logprobs: Flat<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    alphas: PyReadonlyArray1<'py, f64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (offsets, alphas) = (offsets.as_slice()?, alphas.as_slice()?);
    let quantiles = each_flat!(logprobs, |values| detached(py, threads, || {
        uncal_core::token_quantiles(values, offsets, alphas)
    }))?;
    Ok(quantiles.into_pyarray(py))
}
