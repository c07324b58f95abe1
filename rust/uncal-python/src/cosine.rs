use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::call::{Rows, detached, each_dtype};

/// See `uncal.fast.cosine_similarity`.
#[pyfunction]
#[pyo3(signature = (embeddings, offsets, clip, threads))]
pub(crate) fn cosine_similarity<'py>(
    py: Python<'py>,
    embeddings: Rows<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    clip: bool,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let cosines = each_dtype!(embeddings, |rows| detached(py, threads, || {
        uncal_core::cosine_similarity(rows, offsets, clip)
    }))?;
    Ok(cosines.into_pyarray(py))
}
