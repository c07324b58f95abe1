use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use uncal_core::{Algorithm, Equivalence, Result};

use crate::call::{Flat, detached, slice, to_python};

/// Evaluate an expression with the slices of two arrays of one type, the second optional.
macro_rules! each_pair {
    ($entail:expr, $contra:expr, |$e:ident, $c:ident| $body:expr) => {{
        macro_rules! with {
            ($first:expr, $second:expr) => {{
                let ($e, $c) = ($first.as_slice()?, slice($second)?);
                $body
            }};
        }
        match (&$entail, &$contra) {
            (Flat::Single(entail), None) => with!(entail, None),
            (Flat::Single(entail), Some(Flat::Single(contra))) => with!(entail, Some(contra)),
            (Flat::Double(entail), None) => with!(entail, None),
            (Flat::Double(entail), Some(Flat::Double(contra))) => with!(entail, Some(contra)),
            _ => Err(PyValueError::new_err("contra: must have the dtype of entail")),
        }
    }};
}

/// See `uncal.fast.cluster_entailment`.
#[pyfunction]
#[pyo3(signature = (entail, contra, offsets, rule, algorithm, threshold, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn cluster_entailment<'py>(
    py: Python<'py>,
    entail: Flat<'py>,
    contra: Option<Flat<'py>>,
    offsets: PyReadonlyArray1<'py, i64>,
    rule: &str,
    algorithm: &str,
    threshold: f64,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let offsets = offsets.as_slice()?;
    let (equivalence, algorithm) = parse(rule, algorithm, threshold).map_err(to_python)?;
    let ids = each_pair!(entail, contra, |e, c| detached(py, threads, || {
        uncal_core::cluster_entailment(e, c, offsets, equivalence, algorithm)
    }))?;
    Ok(ids.into_pyarray(py))
}

/// See `uncal.fast.order_sensitive`.
#[pyfunction]
#[pyo3(signature = (entail, contra, offsets, rule, algorithm, threshold, threads))]
#[allow(clippy::too_many_arguments)] // Python's signature
pub(crate) fn order_sensitive<'py>(
    py: Python<'py>,
    entail: Flat<'py>,
    contra: Option<Flat<'py>>,
    offsets: PyReadonlyArray1<'py, i64>,
    rule: &str,
    algorithm: &str,
    threshold: f64,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let offsets = offsets.as_slice()?;
    let (equivalence, algorithm) = parse(rule, algorithm, threshold).map_err(to_python)?;
    let sensitive = each_pair!(entail, contra, |e, c| detached(py, threads, || {
        uncal_core::order_sensitive(e, c, offsets, equivalence, algorithm)
    }))?;
    Ok(sensitive.into_pyarray(py))
}

fn parse(rule: &str, algorithm: &str, threshold: f64) -> Result<(Equivalence, Algorithm)> {
    Ok((Equivalence::new(rule.parse()?, threshold)?, algorithm.parse()?))
}
