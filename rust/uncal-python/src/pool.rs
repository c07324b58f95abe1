use pyo3::prelude::*;

use crate::call::to_python;

/// See `uncal.fast.set_num_threads`.
#[pyfunction]
pub(crate) fn set_num_threads(n: usize) -> PyResult<()> {
    uncal_core::pool::set_num_threads(n).map_err(to_python)
}

/// The threads that a call with `threads=None` gets.
#[pyfunction]
pub(crate) fn num_threads() -> PyResult<usize> {
    uncal_core::pool::num_threads().map_err(to_python)
}
