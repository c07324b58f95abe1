use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use uncal_core::{Bootstrap, Estimate, Metrics, Pairs, Result};

use crate::call::{Flat, detached, each_flat, slice};

/// (name, value, low, high, replicates skipped, share of replicates above 0)
type Row = (&'static str, f64, f64, f64, usize, f64);

fn row(estimate: &Estimate) -> Row {
    let Estimate { name, value, low, high, skipped, above_zero } = *estimate;
    (name, value, low, high, skipped, above_zero)
}

fn chosen(names: Option<&[String]>) -> Result<Metrics> {
    names.map_or(Ok(Metrics::ALL), Metrics::named)
}

/// See `uncal.fast.evaluate`.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, n_bins, bins, metrics, bootstrap, groups, seed, level, method, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn evaluate(
    py: Python<'_>,
    confidence: Flat<'_>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    n_bins: usize,
    bins: &str,
    metrics: Option<Vec<String>>,
    bootstrap: usize,
    groups: Option<PyReadonlyArray1<'_, i64>>,
    seed: u64,
    level: f64,
    method: &str,
    threads: Option<usize>,
) -> PyResult<Vec<Row>> {
    let (correct, weights, groups) = (correct.as_slice()?, slice(weights.as_ref())?, slice(groups.as_ref())?);
    let estimates = each_flat!(confidence, |values| detached(py, threads, || {
        let pairs = Pairs::confidences(values, correct, weights)?;
        let settings = Bootstrap { replicates: bootstrap, groups, seed, level, method: method.parse()? };
        uncal_core::evaluate(
            &pairs,
            n_bins,
            bins.parse()?,
            chosen(metrics.as_deref())?,
            (bootstrap > 0).then_some(&settings),
        )
    }))?;
    Ok(estimates.iter().map(row).collect())
}

/// See `uncal.fast.compare`.
#[pyfunction]
#[pyo3(signature = (confidence, other, correct, weights, n_bins, bins, metrics, bootstrap, groups, seed, level, method, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn compare(
    py: Python<'_>,
    confidence: Flat<'_>,
    other: Flat<'_>,
    correct: PyReadonlyArray1<'_, bool>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    n_bins: usize,
    bins: &str,
    metrics: Option<Vec<String>>,
    bootstrap: usize,
    groups: Option<PyReadonlyArray1<'_, i64>>,
    seed: u64,
    level: f64,
    method: &str,
    threads: Option<usize>,
) -> PyResult<Vec<Row>> {
    let (correct, weights, groups) = (correct.as_slice()?, slice(weights.as_ref())?, slice(groups.as_ref())?);
    macro_rules! compared {
        ($ours:expr, $theirs:expr) => {{
            let (ours, theirs) = ($ours.as_slice()?, $theirs.as_slice()?);
            detached(py, threads, || {
                let pairs = Pairs::confidences(ours, correct, weights)?;
                let others = Pairs::confidences(theirs, correct, weights)?;
                let settings = Bootstrap { replicates: bootstrap, groups, seed, level, method: method.parse()? };
                uncal_core::compare(&pairs, &others, n_bins, bins.parse()?, chosen(metrics.as_deref())?, &settings)
            })?
        }};
    }
    let estimates = match (&confidence, &other) {
        (Flat::Single(ours), Flat::Single(theirs)) => compared!(ours, theirs),
        (Flat::Double(ours), Flat::Double(theirs)) => compared!(ours, theirs),
        _ => return Err(PyTypeError::new_err("confidence and other: must be of one dtype")), // `uncal.fast` sees to it
    };
    Ok(estimates.iter().map(row).collect())
}
