use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::Linkage;

use crate::call::{Rows, detached, each_dtype, to_python};

/// See `uncal.fast.cluster_embeddings`.
#[pyfunction]
#[pyo3(signature = (embeddings, offsets, threshold, linkage, threads))]
pub(crate) fn cluster_embeddings<'py>(
    py: Python<'py>,
    embeddings: Rows<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    threshold: f64,
    linkage: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let offsets = offsets.as_slice()?;
    let linkage: Linkage = linkage.parse().map_err(to_python)?;
    let ids = each_dtype!(embeddings, |rows| detached(py, threads, || {
        uncal_core::cluster_embeddings(rows, offsets, threshold, linkage)
    }))?;
    Ok(ids.into_pyarray(py))
}
