use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::{GraphKernel, GraphMeasure, Squares};

use crate::call::{Flat, detached, each_flat, to_python};

/// See `uncal.fast.graph_scores`; one array for each name.
#[pyfunction]
#[pyo3(signature = (similarity, offsets, names, cut, threads))]
pub(crate) fn graph_scores<'py>(
    py: Python<'py>,
    similarity: Flat<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    names: Vec<String>,
    cut: f64,
    threads: Option<usize>,
) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
    let offsets = offsets.as_slice()?;
    let measures: Vec<GraphMeasure> =
        names.iter().map(|name| name.parse()).collect::<uncal_core::Result<_>>().map_err(to_python)?;
    let scores = each_flat!(similarity, |values| detached(py, threads, || {
        uncal_core::graph_scores(&Squares::new("similarity", values, offsets)?, &measures, cut)
    }))?;
    Ok(scores.into_iter().map(|scores| scores.into_pyarray(py)).collect())
}

/// See `uncal.fast.degree`, for each answer.
#[pyfunction]
#[pyo3(signature = (similarity, offsets, threads))]
pub(crate) fn degree<'py>(
    py: Python<'py>,
    similarity: Flat<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let distances = each_flat!(similarity, |values| detached(py, threads, || {
        uncal_core::degree(&Squares::new("similarity", values, offsets)?)
    }))?;
    Ok(distances.into_pyarray(py))
}

/// See `uncal.fast.eccentricity`, for each answer.
#[pyfunction]
#[pyo3(signature = (similarity, offsets, cut, threads))]
pub(crate) fn eccentricity<'py>(
    py: Python<'py>,
    similarity: Flat<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    cut: f64,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let distances = each_flat!(similarity, |values| detached(py, threads, || {
        uncal_core::eccentricity(&Squares::new("similarity", values, offsets)?, cut)
    }))?;
    Ok(distances.into_pyarray(py))
}

/// See `uncal.fast.kernel_language_entropy`.
#[pyfunction]
#[pyo3(signature = (weights, offsets, kernel, t, nu, kappa, unit_diagonal, scale, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn kernel_language_entropy<'py>(
    py: Python<'py>,
    weights: Flat<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    kernel: &str,
    t: f64,
    nu: f64,
    kappa: f64,
    unit_diagonal: bool,
    scale: bool,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let kernel = GraphKernel::new(kernel, t, nu, kappa).map_err(to_python)?;
    let entropies = each_flat!(weights, |values| detached(py, threads, || {
        uncal_core::kernel_language_entropy(&Squares::new("weights", values, offsets)?, kernel, unit_diagonal, scale)
    }))?;
    Ok(entropies.into_pyarray(py))
}
