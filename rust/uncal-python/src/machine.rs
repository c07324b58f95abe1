use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use uncal_core::Isa;

use crate::call::{detached, to_python};

/// The name of the instruction set that kernels run on.
#[pyfunction]
pub(crate) fn _simd() -> PyResult<&'static str> {
    Isa::chosen().map(Isa::name).map_err(to_python)
}

/// Read an array as fast as this machine can; for benches.
#[pyfunction]
pub(crate) fn _read_bytes(py: Python<'_>, numbers: PyReadonlyArray1<'_, f32>, threads: Option<usize>) -> PyResult<f64> {
    let numbers = numbers.as_slice()?;
    detached(py, threads, || uncal_core::read_bytes(numbers))
}

/// Multiply and add as fast as this machine can, in billions a second; for benches.
#[pyfunction]
pub(crate) fn _fma_rate(py: Python<'_>, seconds: f64, threads: Option<usize>) -> PyResult<f64> {
    detached(py, threads, || uncal_core::multiply_rate(seconds))
}
