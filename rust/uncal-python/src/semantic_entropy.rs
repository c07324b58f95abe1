use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::Estimator;

use crate::call::{detached, slice, to_python};

/// See `uncal.fast.semantic_entropy`.
#[pyfunction]
#[pyo3(signature = (clusters, logprobs, offsets, estimator, threads))]
pub(crate) fn semantic_entropy<'py>(
    py: Python<'py>,
    clusters: PyReadonlyArray1<'py, i64>,
    logprobs: Option<PyReadonlyArray1<'py, f64>>,
    offsets: PyReadonlyArray1<'py, i64>,
    estimator: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (clusters, logprobs, offsets) = (clusters.as_slice()?, slice(logprobs.as_ref())?, offsets.as_slice()?);
    let estimator: Estimator = estimator.parse().map_err(to_python)?;
    let entropies = detached(py, threads, || uncal_core::semantic_entropy(clusters, logprobs, offsets, estimator))?;
    Ok(entropies.into_pyarray(py))
}

/// See `uncal.fast.num_semantic_sets`.
#[pyfunction]
#[pyo3(signature = (clusters, offsets, threads))]
pub(crate) fn num_semantic_sets<'py>(
    py: Python<'py>,
    clusters: PyReadonlyArray1<'py, i64>,
    offsets: PyReadonlyArray1<'py, i64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (clusters, offsets) = (clusters.as_slice()?, offsets.as_slice()?);
    Ok(detached(py, threads, || uncal_core::num_semantic_sets(clusters, offsets))?.into_pyarray(py))
}
