use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::{Result, Tail, TokenMeasure};

use crate::call::{Rows, detached, each_dtype, to_python};

/// See `uncal.fast.token_entropy` and those after it; `measure` is one of entropy, margin, `self_certainty`, renyi
/// (reads `alpha`) and `fisher_rao`.
#[pyfunction]
#[pyo3(signature = (top_logprobs, offsets, measure, tail, vocabulary, alpha, temperature, reduce, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn token_measure<'py>(
    py: Python<'py>,
    top_logprobs: Rows<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    measure: &str,
    tail: &str,
    vocabulary: Option<usize>,
    alpha: f64,
    temperature: f64,
    reduce: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let settings = || -> Result<_> { Ok((Tail::new(tail, vocabulary)?, reduce.parse()?)) };
    let (tail, reduce) = settings().map_err(to_python)?;
    let measure = match measure {
        "entropy" => TokenMeasure::Entropy,
        "margin" => TokenMeasure::Margin,
        "self_certainty" => TokenMeasure::SelfCertainty,
        "renyi" => TokenMeasure::Renyi(alpha),
        _ => TokenMeasure::FisherRao,
    };
    let measured = each_dtype!(top_logprobs, |view| detached(py, threads, || {
        uncal_core::token_measure(view, offsets, measure, tail, temperature, reduce)
    }))?;
    Ok(measured.into_pyarray(py))
}
