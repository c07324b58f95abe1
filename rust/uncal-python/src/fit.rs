use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::{Pairs, fit};

use crate::call::{Flat, detached, each_flat, slice};

/// See `uncal.fast.fit_platt`; (slope, intercept, iterations, converged).
#[pyfunction]
#[pyo3(signature = (scores, correct, weights, smoothing, tolerance, threads))]
pub(crate) fn fit_platt(
    py: Python<'_>,
    scores: Flat<'_>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    smoothing: bool,
    tolerance: Option<f64>,
    threads: Option<usize>,
) -> PyResult<(f64, f64, usize, bool)> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let map = each_flat!(scores, |values| detached(py, threads, || {
        fit::platt(&Pairs::scores("scores", values, correct, weights)?, smoothing, tolerance)
    }))?;
    Ok((map.slope, map.intercept, map.iterations, map.converged))
}

/// See `uncal.fast.fit_platt_atom`; (atom, confidence, count, slope, intercept, iterations, converged).
#[pyfunction]
#[pyo3(signature = (scores, correct, weights, atom, smoothing, tolerance, threads))]
#[allow(clippy::too_many_arguments, clippy::type_complexity)] // Python's signature
pub(crate) fn fit_platt_atom(
    py: Python<'_>,
    scores: Flat<'_>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    atom: Option<f64>,
    smoothing: bool,
    tolerance: Option<f64>,
    threads: Option<usize>,
) -> PyResult<(Option<f64>, f64, f64, f64, f64, usize, bool)> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let map = each_flat!(scores, |values| detached(py, threads, || {
        fit::platt_atom(&Pairs::scores("scores", values, correct, weights)?, atom, smoothing, tolerance)
    }))?;
    let fit::Platt { slope, intercept, iterations, converged } = map.curve;
    Ok((map.atom, map.atom_confidence, map.atom_count, slope, intercept, iterations, converged))
}

/// See `uncal.fast.fit_isotonic`; (x, y, increasing), and None for `increasing` is "auto".
#[pyfunction]
#[pyo3(signature = (scores, correct, weights, increasing, centered, threads))]
#[allow(clippy::type_complexity)] // Python's signature
pub(crate) fn fit_isotonic<'py>(
    py: Python<'py>,
    scores: Flat<'py>,
    correct: PyReadonlyArray1<'py, bool>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    increasing: Option<bool>,
    centered: bool,
    threads: Option<usize>,
) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, bool)> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let curve = each_flat!(scores, |values| detached(py, threads, || {
        Ok(fit::isotonic(&Pairs::scores("scores", values, correct, weights)?, increasing, centered))
    }))?;
    Ok((curve.x.into_pyarray(py), curve.y.into_pyarray(py), curve.increasing))
}

/// See `uncal.fast.fit_venn_abers`; (x, p0, p1, increasing), and None for `increasing` is "auto".
#[pyfunction]
#[pyo3(signature = (scores, correct, weights, increasing, threads))]
#[allow(clippy::type_complexity)] // Python's signature
pub(crate) fn fit_venn_abers<'py>(
    py: Python<'py>,
    scores: Flat<'py>,
    correct: PyReadonlyArray1<'py, bool>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    increasing: Option<bool>,
    threads: Option<usize>,
) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, bool)> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let found = each_flat!(scores, |values| detached(py, threads, || {
        Ok(fit::venn_abers(&Pairs::scores("scores", values, correct, weights)?, increasing))
    }))?;
    Ok((found.x.into_pyarray(py), found.p0.into_pyarray(py), found.p1.into_pyarray(py), found.increasing))
}

/// See `uncal.fast.venn_abers`; (p0, p1, p).
#[pyfunction]
#[pyo3(signature = (x, p0, p1, increasing, scores, threads))]
pub(crate) fn venn_abers<'py>(
    py: Python<'py>,
    x: PyReadonlyArray1<'py, f64>,
    p0: PyReadonlyArray1<'py, f64>,
    p1: PyReadonlyArray1<'py, f64>,
    increasing: bool,
    scores: PyReadonlyArray1<'py, f64>,
    threads: Option<usize>,
) -> PyResult<[Bound<'py, PyArray1<f64>>; 3]> {
    let (x, p0, p1, scores) = (x.as_slice()?, p0.as_slice()?, p1.as_slice()?, scores.as_slice()?);
    let found = detached(py, threads, || fit::VennAbers::of(x, p0, p1, increasing, scores))?;
    Ok(found.map(|column| column.into_pyarray(py)))
}

/// See `uncal.fast.fit_temperature`; (temperature, iterations, converged).
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, eps, threads))]
pub(crate) fn fit_temperature(
    py: Python<'_>,
    confidence: Flat<'_>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    eps: f64,
    threads: Option<usize>,
) -> PyResult<(f64, usize, bool)> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let map = each_flat!(confidence, |values| detached(py, threads, || {
        fit::temperature(&Pairs::confidences(values, correct, weights)?, eps)
    }))?;
    Ok((map.temperature, map.iterations, map.converged))
}

/// See `uncal.fast.fit_beta`; (a, b, c, iterations, converged).
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, variant, threads))]
pub(crate) fn fit_beta(
    py: Python<'_>,
    confidence: Flat<'_>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    variant: &str,
    threads: Option<usize>,
) -> PyResult<(f64, f64, f64, usize, bool)> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let map = each_flat!(confidence, |values| detached(py, threads, || {
        fit::beta(&Pairs::confidences(values, correct, weights)?, variant.parse()?)
    }))?;
    Ok((map.a, map.b, map.c, map.iterations, map.converged))
}

/// See `uncal.fast.fit_histogram`; (edges, value).
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, n_bins, bins, smoothing, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn fit_histogram<'py>(
    py: Python<'py>,
    confidence: Flat<'py>,
    correct: PyReadonlyArray1<'py, bool>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    n_bins: usize,
    bins: &str,
    smoothing: f64,
    threads: Option<usize>,
) -> PyResult<[Bound<'py, PyArray1<f64>>; 2]> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let map = each_flat!(confidence, |values| detached(py, threads, || {
        fit::histogram(&Pairs::confidences(values, correct, weights)?, n_bins, bins.parse()?, smoothing)
    }))?;
    Ok([map.edges, map.value].map(|column| column.into_pyarray(py)))
}
