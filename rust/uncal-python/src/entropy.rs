use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::{Kernel, Shape};

use crate::call::{Rows, detached, each_dtype, to_python};

/// See `uncal.fast.renyi_entropy`; order 1 is `uncal.fast.von_neumann_entropy`.
#[pyfunction]
#[pyo3(signature = (embeddings, offsets, alpha, kernel, gamma, normalize, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn renyi_entropy<'py>(
    py: Python<'py>,
    embeddings: Rows<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    alpha: f64,
    kernel: &str,
    gamma: f64,
    normalize: bool,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let kernel = parse(kernel, gamma, normalize)?;
    let entropies = each_dtype!(embeddings, |rows| detached(py, threads, || {
        uncal_core::renyi_entropy(rows, offsets, &kernel, alpha)
    }))?;
    Ok(entropies.into_pyarray(py))
}

/// See `uncal.fast.spectrum`.
#[pyfunction]
#[pyo3(signature = (embeddings, offsets, kernel, gamma, normalize, threads))]
pub(crate) fn spectrum<'py>(
    py: Python<'py>,
    embeddings: Rows<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    kernel: &str,
    gamma: f64,
    normalize: bool,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let kernel = parse(kernel, gamma, normalize)?;
    let spectra =
        each_dtype!(embeddings, |rows| detached(py, threads, || { uncal_core::spectrum(rows, offsets, &kernel) }))?;
    Ok(spectra.into_pyarray(py))
}

fn parse(kernel: &str, gamma: f64, normalize: bool) -> PyResult<Kernel> {
    let shape: Shape = kernel.parse().map_err(to_python)?;
    Kernel::new(shape, gamma, normalize).map_err(to_python)
}
