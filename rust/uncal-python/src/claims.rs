use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::call::{Rows, detached, each_dtype};

/// See `uncal.fast.claim_conditioned_probability`; `classes` row by row.
#[pyfunction]
#[pyo3(signature = (top_logprobs, classes, offsets, threads))]
pub(crate) fn claim_conditioned_probability<'py>(
    py: Python<'py>,
    top_logprobs: Rows<'py>,
    classes: PyReadonlyArray1<'py, i64>,
    offsets: PyReadonlyArray1<'py, i64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (classes, offsets) = (classes.as_slice()?, offsets.as_slice()?);
    let probabilities = each_dtype!(top_logprobs, |view| detached(py, threads, || {
        uncal_core::claim_conditioned_probability(view, classes, offsets)
    }))?;
    Ok(probabilities.into_pyarray(py))
}
