use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::{AurocInterval, BrierParts, CorpParts, Pairs, SmoothEce};

use crate::call::{Flat, detached, each_flat, slice};

/// Bindings that take rows, what else they need, and threads, and return numbers.
macro_rules! metrics {
    ($($name:ident($kind:ident $(, $more:ident: $type:ty)*) -> $returns:ty { |$pairs:ident| $body:expr })+) => {$(
        #[doc = concat!("See `uncal.fast.", stringify!($name), "`.")]
        #[pyfunction]
        #[pyo3(signature = (confidence, correct, weights, $($more,)* threads))]
        pub(crate) fn $name(
            py: Python<'_>,
            confidence: Flat<'_>,
            correct: PyReadonlyArray1<'_, bool>,
            weights: Option<PyReadonlyArray1<'_, f64>>,
            $($more: $type,)*
            threads: Option<usize>,
        ) -> PyResult<$returns> {
            let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
            each_flat!(confidence, |values| detached(py, threads, || {
                let $pairs = metrics!(@pairs $kind, values, correct, weights);
                $body
            }))
        }
    )+};
    (@pairs confidences, $values:ident, $correct:ident, $weights:ident) => {
        Pairs::confidences($values, $correct, $weights)?
    };
    (@pairs scores, $values:ident, $correct:ident, $weights:ident) => {
        Pairs::scores("confidence", $values, $correct, $weights)?
    };
}

metrics! {
    accuracy_at_confidence(scores, threshold: f64) -> (f64, f64) {
        |pairs| uncal_core::accuracy_at_confidence(&pairs, threshold)
    }
    accuracy_at_coverage(scores, coverage: f64) -> f64 { |pairs| uncal_core::accuracy_at_coverage(&pairs, coverage) }
    augrc(scores) -> f64 { |pairs| Ok(uncal_core::augrc(&pairs)) }
    auprc(scores, wrong: bool) -> f64 { |pairs| Ok(uncal_core::auprc(&pairs, wrong)) }
    aurac(scores) -> f64 { |pairs| Ok(uncal_core::aurac(&pairs)) }
    aurc(scores, method: &str) -> f64 { |pairs| Ok(uncal_core::aurc(&pairs, method.parse()?)) }
    auroc(scores) -> f64 { |pairs| Ok(uncal_core::auroc(&pairs)) }
    auroc_interval(scores, level: f64) -> (f64, f64, f64, f64, f64) {
        |pairs| uncal_core::auroc_interval(&pairs, level)
            .map(|AurocInterval { value, low, high, std_error, ties }| (value, low, high, std_error, ties))
    }
    brier(confidences) -> f64 { |pairs| uncal_core::brier(&pairs) }
    brier_corp(confidences) -> (f64, f64, f64) {
        |pairs| uncal_core::brier_corp(&pairs)
            .map(|CorpParts { miscalibration, discrimination, uncertainty }| (miscalibration, discrimination, uncertainty))
    }
    brier_decomposition(confidences, n_bins: usize, bins: &str) -> (f64, f64, f64, f64, f64) {
        |pairs| {
            let BrierParts { reliability, resolution, uncertainty, within_variance, within_covariance } =
                uncal_core::brier_decomposition(&pairs, n_bins, bins.parse()?)?;
            Ok((reliability, resolution, uncertainty, within_variance, within_covariance))
        }
    }
    coverage_at_risk(scores, risk: f64) -> f64 { |pairs| uncal_core::coverage_at_risk(&pairs, risk) }
    ece_by(confidences, convention: &str, n_bins: Option<usize>) -> f64 {
        |pairs| uncal_core::ece_by(&pairs, convention.parse()?, n_bins)
    }
    e_aurc(scores) -> f64 { |pairs| Ok(uncal_core::e_aurc(&pairs)) }
    ks_calibration_error(confidences) -> (f64, f64) {
        |pairs| { let test = uncal_core::ks_calibration_error(&pairs); Ok((test.value, test.p_value)) }
    }
    kuiper_calibration_error(confidences) -> (f64, f64) {
        |pairs| { let test = uncal_core::kuiper_calibration_error(&pairs); Ok((test.value, test.p_value)) }
    }
    log_loss(confidences, eps: f64) -> f64 { |pairs| uncal_core::log_loss(&pairs, eps) }
    mmce(confidences, width: f64) -> f64 { |pairs| Ok(uncal_core::mmce(&pairs, width)) }
    signed_gap(confidences) -> f64 { |pairs| uncal_core::signed_gap(&pairs) }
    smooth_ece(confidences, sigma: Option<f64>) -> (f64, f64) {
        |pairs| uncal_core::smooth_ece(&pairs, sigma).map(|SmoothEce { value, sigma }| (value, sigma))
    }
    spiegelhalter(confidences) -> (f64, f64) { |pairs| uncal_core::spiegelhalter(&pairs) }
}

type Columns<'py> = Vec<Bound<'py, PyArray1<f64>>>;

fn columns<const N: usize>(py: Python<'_>, columns: [Vec<f64>; N]) -> Columns<'_> {
    columns.into_iter().map(|column| PyArray1::from_vec(py, column)).collect()
}

/// See `uncal.fast.risk_coverage`; coverage and risk.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, threads))]
pub(crate) fn risk_coverage<'py>(
    py: Python<'py>,
    confidence: Flat<'py>,
    correct: PyReadonlyArray1<'py, bool>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    threads: Option<usize>,
) -> PyResult<Columns<'py>> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let (coverage, risk) = each_flat!(confidence, |values| detached(py, threads, || {
        Ok(uncal_core::risk_coverage(&Pairs::scores("confidence", values, correct, weights)?))
    }))?;
    Ok(columns(py, [coverage, risk]))
}

/// See `uncal.fast.smooth_reliability`; confidence, accuracy and density.
#[pyfunction]
#[pyo3(signature = (confidence, correct, weights, sigma, points, threads))]
pub(crate) fn smooth_reliability<'py>(
    py: Python<'py>,
    confidence: Flat<'py>,
    correct: PyReadonlyArray1<'py, bool>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    sigma: Option<f64>,
    points: usize,
    threads: Option<usize>,
) -> PyResult<Columns<'py>> {
    let (correct, weights) = (correct.as_slice()?, slice(weights.as_ref())?);
    let found = each_flat!(confidence, |values| detached(py, threads, || {
        uncal_core::smooth_reliability(&Pairs::confidences(values, correct, weights)?, sigma, points)
    }))?;
    Ok(columns(py, [found.confidence, found.accuracy, found.density]))
}

/// See `uncal.fast.prr`.
#[pyfunction]
#[pyo3(signature = (uncertainty, quality, max_rejection, threads))]
pub(crate) fn prr(
    py: Python<'_>,
    uncertainty: Flat<'_>,
    quality: PyReadonlyArray1<'_, f64>,
    max_rejection: f64,
    threads: Option<usize>,
) -> PyResult<f64> {
    let quality = quality.as_slice()?;
    each_flat!(uncertainty, |values| detached(py, threads, || uncal_core::prr(values, quality, max_rejection)))
}

/// See `uncal.fast.spearman`.
#[pyfunction]
#[pyo3(signature = (x, y, threads))]
pub(crate) fn spearman(
    py: Python<'_>,
    x: PyReadonlyArray1<'_, f64>,
    y: PyReadonlyArray1<'_, f64>,
    threads: Option<usize>,
) -> PyResult<f64> {
    let (x, y) = (x.as_slice()?, y.as_slice()?);
    detached(py, threads, || uncal_core::spearman(x, y))
}

/// See `uncal.fast.kendall`.
#[pyfunction]
#[pyo3(signature = (x, y, threads))]
pub(crate) fn kendall(
    py: Python<'_>,
    x: PyReadonlyArray1<'_, f64>,
    y: PyReadonlyArray1<'_, f64>,
    threads: Option<usize>,
) -> PyResult<f64> {
    let (x, y) = (x.as_slice()?, y.as_slice()?);
    detached(py, threads, || uncal_core::kendall(x, y))
}

/// See `uncal.fast.reversed_pairs`.
#[pyfunction]
#[pyo3(signature = (confidence, quality, threads))]
pub(crate) fn reversed_pairs(
    py: Python<'_>,
    confidence: PyReadonlyArray1<'_, f64>,
    quality: PyReadonlyArray1<'_, f64>,
    threads: Option<usize>,
) -> PyResult<f64> {
    let (confidence, quality) = (confidence.as_slice()?, quality.as_slice()?);
    detached(py, threads, || uncal_core::reversed_pairs(confidence, quality))
}
