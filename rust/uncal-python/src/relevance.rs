use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::Squares;

use crate::call::{Flat, detached, each_flat};

/// See `uncal.fast.token_sar`.
#[pyfunction]
#[pyo3(signature = (logprobs, relevance, offsets, threads))]
pub(crate) fn token_sar<'py>(
    py: Python<'py>,
    logprobs: Flat<'py>,
    relevance: PyReadonlyArray1<'py, f64>,
    offsets: PyReadonlyArray1<'py, i64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (relevance, offsets) = (relevance.as_slice()?, offsets.as_slice()?);
    let scores =
        each_flat!(logprobs, |values| detached(py, threads, || { uncal_core::token_sar(values, relevance, offsets) }))?;
    Ok(scores.into_pyarray(py))
}

/// See `uncal.fast.sentence_sar`.
#[pyfunction]
#[pyo3(signature = (logprobs, similarity, offsets, t, threads))]
pub(crate) fn sentence_sar<'py>(
    py: Python<'py>,
    logprobs: PyReadonlyArray1<'py, f64>,
    similarity: Flat<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    t: f64,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (logprobs, offsets) = (logprobs.as_slice()?, offsets.as_slice()?);
    let scores = each_flat!(similarity, |values| detached(py, threads, || {
        uncal_core::sentence_sar(logprobs, &Squares::new("similarity", values, offsets)?, t)
    }))?;
    Ok(scores.into_pyarray(py))
}
