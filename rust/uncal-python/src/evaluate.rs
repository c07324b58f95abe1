use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use uncal_core::{Bootstrap, Pairs};

use crate::call::{detached, slice};

/// See `uncal.fast.evaluate`; (name, value, low, high, replicates skipped) for each metric.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, n_bins, bins, bootstrap, groups, seed, level, threads))]
#[allow(clippy::too_many_arguments, clippy::type_complexity)] // Python's signature
pub(crate) fn evaluate(
    py: Python<'_>,
    confidence: PyReadonlyArray1<'_, f64>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    n_bins: usize,
    bins: &str,
    bootstrap: usize,
    groups: Option<PyReadonlyArray1<'_, i64>>,
    seed: u64,
    level: f64,
    threads: Option<usize>,
) -> PyResult<Vec<(&'static str, f64, f64, f64, usize)>> {
    let (values, correct, weights) = (confidence.as_slice()?, correct.as_slice()?, slice(weights.as_ref())?);
    let groups = slice(groups.as_ref())?;
    let estimates = detached(py, threads, || {
        let pairs = Pairs::confidences(values, correct, weights)?;
        let settings = Bootstrap { replicates: bootstrap, groups, seed, level };
        uncal_core::evaluate(&pairs, n_bins, bins.parse()?, (bootstrap > 0).then_some(&settings))
    })?;
    Ok(estimates.into_iter().map(|e| (e.name, e.value, e.low, e.high, e.skipped)).collect())
}
