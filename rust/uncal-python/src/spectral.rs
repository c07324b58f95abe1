use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::{Bad, Error, Kernel, Shape, Spectral};

use crate::call::{Rows, detached, each_dtype, slice, to_python};

/// See `uncal.fast.spectral_scores`; a score is its name and its one or two settings.
#[pyfunction]
#[pyo3(signature = (embeddings, offsets, counts, scores, kernel, gamma, normalize, propagate, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn spectral_scores<'py>(
    py: Python<'py>,
    embeddings: Rows<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    counts: Option<PyReadonlyArray1<'py, f64>>,
    scores: Vec<(String, f64, bool)>,
    kernel: &str,
    gamma: f64,
    normalize: bool,
    propagate: bool,
    threads: Option<usize>,
) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
    let offsets = offsets.as_slice()?;
    let counts = slice(counts.as_ref())?;
    let scores = scores.iter().map(|(name, x, flag)| score(name, *x, *flag)).collect::<PyResult<Vec<_>>>()?;
    let kernel = parse(kernel, gamma, normalize)?;
    let columns = each_dtype!(embeddings, |rows| detached(py, threads, || {
        uncal_core::spectral_scores(rows, offsets, counts, &kernel, &scores, bad(propagate))
    }))?;
    Ok(columns.into_iter().map(|column| column.into_pyarray(py)).collect())
}

/// See `uncal.fast.spectrum`.
#[pyfunction]
#[pyo3(signature = (embeddings, offsets, counts, kernel, gamma, normalize, propagate, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn spectrum<'py>(
    py: Python<'py>,
    embeddings: Rows<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    counts: Option<PyReadonlyArray1<'py, f64>>,
    kernel: &str,
    gamma: f64,
    normalize: bool,
    propagate: bool,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let counts = slice(counts.as_ref())?;
    let kernel = parse(kernel, gamma, normalize)?;
    let spectra = each_dtype!(embeddings, |rows| detached(py, threads, || {
        uncal_core::spectrum(rows, offsets, counts, &kernel, bad(propagate))
    }))?;
    Ok(spectra.into_pyarray(py))
}

/// See `uncal.fast.spectral_decomposition`.
#[pyfunction]
#[pyo3(signature = (embeddings, offsets, clarification_ids, kernel, gamma, normalize, threads))]
#[allow(clippy::too_many_arguments, clippy::type_complexity)] // Python's signature
pub(crate) fn spectral_decomposition<'py>(
    py: Python<'py>,
    embeddings: Rows<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    clarification_ids: PyReadonlyArray1<'py, i64>,
    kernel: &str,
    gamma: f64,
    normalize: bool,
    threads: Option<usize>,
) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>)> {
    let (offsets, ids) = (offsets.as_slice()?, clarification_ids.as_slice()?);
    let kernel = parse(kernel, gamma, normalize)?;
    let parts = each_dtype!(embeddings, |rows| detached(py, threads, || {
        uncal_core::spectral_decomposition(rows, offsets, ids, &kernel)
    }))?;
    Ok((parts.total.into_pyarray(py), parts.aleatoric.into_pyarray(py), parts.epistemic.into_pyarray(py)))
}

fn bad(propagate: bool) -> Bad {
    if propagate { Bad::Propagate } else { Bad::Raise }
}

fn score(name: &str, x: f64, flag: bool) -> PyResult<Spectral> {
    Ok(match name {
        "renyi_entropy" => Spectral::Renyi(x),
        "effective_rank" => Spectral::EffectiveRank,
        "predictive_kernel_entropy" => Spectral::PredictiveKernel,
        "semantic_volume" => Spectral::Volume { eps: x, center: flag },
        "eigen_score" => Spectral::Eigen { alpha: x },
        _ => {
            let needed = "renyi_entropy, effective_rank, predictive_kernel_entropy, semantic_volume or eigen_score";
            return Err(to_python(Error::Setting { name: "scores", value: name.to_owned(), needed }));
        }
    })
}

fn parse(kernel: &str, gamma: f64, normalize: bool) -> PyResult<Kernel> {
    let shape: Shape = kernel.parse().map_err(to_python)?;
    Kernel::new(shape, gamma, normalize).map_err(to_python)
}
