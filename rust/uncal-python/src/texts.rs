use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use uncal_core::{Squares, Texts, Tokens};

use crate::call::{Flat, detached, each_flat};

/// See `uncal.fast.jaccard_similarity`; text `row` is the bytes of UTF-8 before `ends[row]`.
#[pyfunction]
#[pyo3(signature = (bytes, ends, offsets, threads))]
pub(crate) fn jaccard_similarity<'py>(
    py: Python<'py>,
    bytes: PyReadonlyArray1<'py, u8>,
    ends: PyReadonlyArray1<'py, i64>,
    offsets: PyReadonlyArray1<'py, i64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (bytes, ends, offsets) = (bytes.as_slice()?, ends.as_slice()?, offsets.as_slice()?);
    let matrices = detached(py, threads, || uncal_core::jaccard_similarity(&Texts::new(bytes, ends)?, offsets))?;
    Ok(matrices.into_pyarray(py))
}

/// See `uncal.fast.rouge_l_similarity`; text `row` is the bytes of UTF-8 before `ends[row]`.
#[pyfunction]
#[pyo3(signature = (bytes, ends, offsets, tokens, threads))]
pub(crate) fn rouge_l_similarity<'py>(
    py: Python<'py>,
    bytes: PyReadonlyArray1<'py, u8>,
    ends: PyReadonlyArray1<'py, i64>,
    offsets: PyReadonlyArray1<'py, i64>,
    tokens: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (bytes, ends, offsets) = (bytes.as_slice()?, ends.as_slice()?, offsets.as_slice()?);
    let matrices = detached(py, threads, || {
        let tokens: Tokens = tokens.parse()?;
        uncal_core::rouge_l_similarity(&Texts::new(bytes, ends)?, offsets, tokens)
    })?;
    Ok(matrices.into_pyarray(py))
}

/// See `uncal.fast.variation_ratio`.
#[pyfunction]
#[pyo3(signature = (similarity, offsets, threads))]
pub(crate) fn variation_ratio<'py>(
    py: Python<'py>,
    similarity: Flat<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let offsets = offsets.as_slice()?;
    let ratios = each_flat!(similarity, |values| detached(py, threads, || {
        uncal_core::variation_ratio(&Squares::new("similarity", values, offsets)?)
    }))?;
    Ok(ratios.into_pyarray(py))
}
