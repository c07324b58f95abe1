use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::call::detached;

/// See `uncal.fast.sentence_disagreement`.
#[pyfunction]
#[pyo3(signature = (entail, contra, sentences, offsets, threads))]
pub(crate) fn sentence_disagreement<'py>(
    py: Python<'py>,
    entail: PyReadonlyArray1<'py, f64>,
    contra: PyReadonlyArray1<'py, f64>,
    sentences: PyReadonlyArray1<'py, i64>,
    offsets: PyReadonlyArray1<'py, i64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (entail, contra) = (entail.as_slice()?, contra.as_slice()?);
    let (sentences, offsets) = (sentences.as_slice()?, offsets.as_slice()?);
    let scores = detached(py, threads, || uncal_core::sentence_disagreement(entail, contra, sentences, offsets))?;
    Ok(scores.into_pyarray(py))
}
