//! Cosines of every two rows of a group.

use ndarray::ArrayView2;

use crate::Float;
use crate::kernel::{dot, make_unit};

/// The cosines of n rows, an n by n matrix row by row, each in `[-1, 1]`.
///
/// Rows of one direction to the last bit, equal ones above all, have cosine exactly 1; a row of zeros has cosine 0 with
/// every other row and 1 with other rows of zeros.
pub(crate) fn cosines<T: Float>(rows: ArrayView2<'_, T>, out: &mut [f64]) {
    let (n, columns) = rows.dim();
    let mut units: Vec<f64> = rows.iter().map(|x| x.widen()).collect();
    units.chunks_exact_mut(columns).for_each(make_unit);
    for i in 0..n {
        let a = &units[i * columns..][..columns];
        out[i * n + i] = 1.0;
        for j in 0..i {
            let b = &units[j * columns..][..columns];
            let cosine = if a == b { 1.0 } else { dot(a, b).clamp(-1.0, 1.0) };
            out[i * n + j] = cosine;
            out[j * n + i] = cosine;
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use ndarray::{Array2, array};

    use super::*;

    fn of<T: Float>(rows: &Array2<T>) -> Vec<f64> {
        let mut out = vec![f64::NAN; rows.nrows() * rows.nrows()];
        cosines(rows.view(), &mut out);
        out
    }

    #[test]
    fn rows_of_known_angle() {
        let found = of(&array![[3.0, 0.0], [8.0, 6.0], [0.0, -2.0], [-5.0, 0.0]]);
        let known = [[1.0, 0.8, 0.0, -1.0], [0.8, 1.0, -0.6, -0.8], [0.0, -0.6, 1.0, 0.0], [-1.0, -0.8, 0.0, 1.0]];
        assert!(found.iter().zip(known.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?}");
    }

    #[test]
    fn equal_rows_are_exactly_alike_and_zeros_only_like_zeros() {
        let row: Vec<f64> = (0..13).map(|j| 0.1 + f64::from(j) / 3.0).collect();
        let rows = Array2::from_shape_fn((3, 13), |(i, j)| if i == 1 { 0.0 } else { row[j] });
        assert_eq!(of(&rows), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        assert_eq!(of(&array![[0.0], [-0.0]]), [1.0; 4]);
        assert_eq!(of(&array![[f16::MAX], [f16::MIN]]), [1.0, -1.0, -1.0, 1.0]);
    }
}
