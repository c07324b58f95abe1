//! What every binding shares: borrowing arrays, releasing the GIL, mapping errors.

use half::f16;
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use uncal_core::{Error, Result, pool};

/// Rows of any of the three float types, borrowed, never copied.
#[derive(FromPyObject)]
pub(crate) enum Rows<'py> {
    #[pyo3(transparent, annotation = "float32")]
    Single(PyReadonlyArray2<'py, f32>),
    #[pyo3(transparent, annotation = "float64")]
    Double(PyReadonlyArray2<'py, f64>),
    #[pyo3(transparent, annotation = "float16")]
    Half(PyReadonlyArray2<'py, f16>),
}

/// Evaluate an expression with the view of whichever type of rows this is.
macro_rules! each_dtype {
    ($rows:expr, |$view:ident| $body:expr) => {
        match &$rows {
            $crate::call::Rows::Single(array) => {
                let $view = $crate::call::view(array)?;
                $body
            }
            $crate::call::Rows::Double(array) => {
                let $view = $crate::call::view(array)?;
                $body
            }
            $crate::call::Rows::Half(array) => {
                let $view = $crate::call::view(array)?;
                $body
            }
        }
    };
}
pub(crate) use each_dtype;

/// The view of an array that is contiguous and aligned; `uncal.fast` made it so.
pub(crate) fn view<'a, T: numpy::Element>(array: &'a PyReadonlyArray2<'_, T>) -> PyResult<ndarray::ArrayView2<'a, T>> {
    let shape = (array.shape()[0], array.shape()[1]);
    let values = array.as_slice()?;
    ndarray::ArrayView2::from_shape(shape, values).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Run a kernel without the GIL on the threads of the call; its errors become `ValueError`.
pub(crate) fn detached<R: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    kernel: impl FnOnce() -> Result<R> + Send,
) -> PyResult<R> {
    py.detach(|| pool::with_threads(threads, kernel).and_then(|result| result)).map_err(to_python)
}

pub(crate) fn to_python(error: Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// An optional array as an optional slice.
pub(crate) fn slice<'a, T: numpy::Element>(array: Option<&'a PyReadonlyArray1<'_, T>>) -> PyResult<Option<&'a [T]>> {
    Ok(array.map(PyReadonlyArray1::as_slice).transpose()?)
}

/// Flat matrices of either float type, borrowed, never copied.
#[derive(FromPyObject)]
pub(crate) enum Flat<'py> {
    #[pyo3(transparent, annotation = "float32")]
    Single(PyReadonlyArray1<'py, f32>),
    #[pyo3(transparent, annotation = "float64")]
    Double(PyReadonlyArray1<'py, f64>),
}

/// Evaluate an expression with the slice of whichever type of matrices this is.
macro_rules! each_flat {
    ($flat:expr, |$slice:ident| $body:expr) => {
        match &$flat {
            $crate::call::Flat::Single(array) => {
                let $slice = array.as_slice()?;
                $body
            }
            $crate::call::Flat::Double(array) => {
                let $slice = array.as_slice()?;
                $body
            }
        }
    };
}
pub(crate) use each_flat;
