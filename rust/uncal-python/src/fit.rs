use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use uncal_core::{Pairs, fit};

use crate::call::{detached, slice};

/// See `uncal.fast.fit_platt`; (slope, intercept, iterations, converged).
#[pyfunction]
#[pyo3(signature = (scores, correct, weights, smoothing, tolerance, threads))]
pub(crate) fn fit_platt(
    py: Python<'_>,
    scores: PyReadonlyArray1<'_, f64>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    smoothing: bool,
    tolerance: f64,
    threads: Option<usize>,
) -> PyResult<(f64, f64, usize, bool)> {
    let (values, correct, weights) = (scores.as_slice()?, correct.as_slice()?, slice(weights.as_ref())?);
    let map = detached(py, threads, || {
        Ok(fit::platt(&Pairs::scores("scores", values, correct, weights)?, smoothing, tolerance))
    })?;
    Ok((map.slope, map.intercept, map.iterations, map.converged))
}
