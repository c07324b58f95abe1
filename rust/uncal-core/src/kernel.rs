//! Kernel (Gram) matrices of the rows of one group, as density matrices: symmetric, positive, trace 1.

use std::str::FromStr;

use ndarray::ArrayView2;

use crate::{Error, Float, Result};

/// How alike two rows are, as a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// exp(-gamma |a - b|^2), with the Euclidean norm.
    Rbf,
    /// exp(-gamma |a - b|_1), with the sum of absolute differences.
    Laplacian,
    /// a . b
    Cosine,
    /// (1 + a . b) / 2
    Cosine01,
    /// (a . b)^2
    Poly2,
}

impl FromStr for Shape {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "rbf" => Self::Rbf,
            "laplacian" => Self::Laplacian,
            "cosine" => Self::Cosine,
            "cosine01" => Self::Cosine01,
            "poly2" => Self::Poly2,
            _ => {
                let names = "one of rbf, laplacian, cosine, cosine01, poly2";
                return Err(Error::setting("kernel", name, names));
            }
        })
    }
}

/// A kernel between rows.
///
/// A row of zeros (an empty answer) has no direction: whatever the shape, its value is 0 with every other row and 1
/// with other rows of zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kernel {
    shape: Shape,
    gamma: f64,
    normalize: bool,
}

impl Kernel {
    /// A kernel of this shape; `gamma` matters to `Rbf` and `Laplacian`; `normalize` first divides each row by its
    /// Euclidean norm, without it the formula meets the rows as they are and the matrix is divided by its trace.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `gamma` is finite and above 0.
    pub fn new(shape: Shape, gamma: f64, normalize: bool) -> Result<Self> {
        if gamma > 0.0 && gamma.is_finite() {
            Ok(Self { shape, gamma, normalize })
        } else {
            Err(Error::setting("gamma", gamma, "a finite number above 0"))
        }
    }

    /// The density matrix of group `p`, whose rows start at row `start` of all.
    pub(crate) fn density<T: Float>(&self, p: usize, start: usize, rows: ArrayView2<'_, T>) -> Result<Density> {
        let points = Points::new(p, start, rows, self.normalize)?;
        let distinct = points.counts.len();
        let mut matrix = Vec::new();
        let entries = distinct.saturating_mul(distinct);
        matrix.try_reserve_exact(entries).map_err(|_| Error::Memory { group: p, rows: distinct })?;
        matrix.resize(entries, 0.0);
        let mut trace = 0.0;
        for i in 0..distinct {
            for j in 0..i {
                matrix[i * distinct + j] = self.between(points.row(i), points.row(j));
            }
            let own = self.with_itself(points.row(i));
            matrix[i * distinct + i] = own;
            trace += points.counts[i] * own;
        }
        if !trace.is_normal() {
            return Err(Error::Trace { group: p, trace });
        }
        for i in 0..distinct {
            for j in 0..=i {
                let repeated = (points.counts[i] * points.counts[j]).sqrt();
                let value = matrix[i * distinct + j] / trace * repeated;
                matrix[i * distinct + j] = value;
                matrix[j * distinct + i] = value;
            }
        }
        Ok(Density { matrix, distinct, size: rows.nrows() })
    }

    fn between(&self, a: &[f64], b: &[f64]) -> f64 {
        if is_zero(a) || is_zero(b) {
            return 0.0; // rows of zeros are one point, so the other row is not zero
        }
        match self.shape {
            Shape::Rbf => (-self.gamma * fold(a, b, |a, b| (a - b) * (a - b))).exp(),
            Shape::Laplacian => (-self.gamma * fold(a, b, |a, b| (a - b).abs())).exp(),
            Shape::Cosine => dot(a, b),
            Shape::Cosine01 => 0.5 + 0.5 * dot(a, b),
            Shape::Poly2 => dot(a, b).powi(2),
        }
    }

    fn with_itself(&self, a: &[f64]) -> f64 {
        let unit = self.normalize || matches!(self.shape, Shape::Rbf | Shape::Laplacian);
        if unit || is_zero(a) { 1.0 } else { self.between(a, a) }
    }
}

/// A density matrix on the distinct rows of a group.
///
/// Equal rows are one point that counts several times: with the counts P and the kernel K of the points,
/// P^1/2 K P^1/2 has the spectrum of the whole matrix, but for zeros. So repeated answers cost nothing, and a group of
/// one repeated answer is exactly pure.
#[derive(Clone, Debug)]
pub(crate) struct Density {
    /// Row by row, `distinct` by `distinct`.
    pub matrix: Vec<f64>,
    /// How many rows differ from each other.
    pub distinct: usize,
    /// How many rows there are.
    pub size: usize,
}

/// The distinct rows of a group in `f64`, in order of first appearance, and how often each is there.
struct Points {
    values: Vec<f64>,
    columns: usize,
    counts: Vec<f64>,
}

impl Points {
    fn new<T: Float>(p: usize, start: usize, rows: ArrayView2<'_, T>, normalize: bool) -> Result<Self> {
        let columns = rows.ncols();
        if columns == 0 {
            return Err(Error::NoColumns);
        }
        let values = Vec::with_capacity(rows.len());
        let mut points = Self { values, columns, counts: Vec::with_capacity(rows.nrows()) };
        for (i, row) in rows.rows().into_iter().enumerate() {
            let end = points.values.len();
            points.values.extend(row.iter().map(|x| x.widen() + 0.0)); // -0.0 becomes 0.0
            let (earlier, new) = points.values.split_at_mut(end);
            if !new.iter().all(|x| x.is_finite()) {
                return Err(Error::NotFinite { row: start + i, group: p });
            }
            if normalize {
                make_unit(new);
            }
            // Rows that differ mostly differ in their first column, so this search is cheap.
            match earlier.chunks_exact(columns).position(|row| row == new) {
                Some(seen) => {
                    points.counts[seen] += 1.0;
                    points.values.truncate(end);
                }
                None => points.counts.push(1.0),
            }
        }
        Ok(points)
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns..(i + 1) * self.columns]
    }
}

/// Divide a row by its norm, also where the square of the norm is too large or too small for an `f64`.
pub(crate) fn make_unit(row: &mut [f64]) {
    const FAR: f64 = 1e140;
    const TWO_600: f64 = f64::from_bits((1023 + 600) << 52);
    let largest = row.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 {
        return;
    }
    if largest > FAR {
        row.iter_mut().for_each(|x| *x /= TWO_600);
    } else if largest < 1.0 / FAR {
        row.iter_mut().for_each(|x| *x *= TWO_600);
    }
    let norm = dot(row, row).sqrt();
    row.iter_mut().for_each(|x| *x = *x / norm + 0.0); // a tiny negative may have become -0.0
}

fn is_zero(row: &[f64]) -> bool {
    row.iter().all(|&x| x == 0.0)
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    fold(a, b, |a, b| a * b)
}

/// The sum of `term` over the columns, in eight sums side by side.
fn fold(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a.remainder().iter().zip(b.remainder()).map(|(&a, &b)| term(a, b)).sum();
    for (a, b) in a.zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += term(a, b);
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h)) + tail
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    const SHAPES: [Shape; 5] = [Shape::Rbf, Shape::Laplacian, Shape::Cosine, Shape::Cosine01, Shape::Poly2];

    fn density(shape: Shape, normalize: bool, rows: &Array2<f64>) -> Density {
        Kernel::new(shape, 1.0, normalize).unwrap().density(0, 0, rows.view()).unwrap()
    }

    fn close(a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15), "{a:?} != {b:?}");
    }

    #[test]
    fn each_shape_is_its_formula() {
        let rows = array![[3.0, 0.0], [8.0, 6.0]]; // the cosine is 0.8
        let off = |k: f64| [0.5, k / 2.0, k / 2.0, 0.5];
        close(&density(Shape::Rbf, true, &rows).matrix, &off((-0.4_f64).exp()));
        close(&density(Shape::Laplacian, true, &rows).matrix, &off((-0.8_f64).exp()));
        close(&density(Shape::Cosine, true, &rows).matrix, &off(0.8));
        close(&density(Shape::Cosine01, true, &rows).matrix, &off(0.9));
        close(&density(Shape::Poly2, true, &rows).matrix, &off(0.64));
    }

    #[test]
    fn raw_rows_meet_the_formula_as_they_are() {
        let rows = array![[1.0, 0.0], [1.0, 1.0]];
        close(&density(Shape::Rbf, false, &rows).matrix, &[0.5, 0.5 / 1f64.exp(), 0.5 / 1f64.exp(), 0.5]);
        close(&density(Shape::Cosine, false, &rows).matrix, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0]);
        close(&density(Shape::Cosine01, false, &rows).matrix, &[0.4, 0.4, 0.4, 0.6]);
        close(&density(Shape::Poly2, false, &rows).matrix, &[0.2, 0.2, 0.2, 0.8]);
    }

    #[test]
    fn equal_rows_are_one_point() {
        for shape in SHAPES {
            let same = density(shape, true, &array![[0.1, -0.0], [0.1, 0.0], [0.1, 0.0]]);
            assert_eq!((same.distinct, same.size, &same.matrix[..]), (1, 3, &[1.0][..]));
        }
        let mixed = density(Shape::Cosine, true, &array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]);
        close(&mixed.matrix, &[2.0 / 3.0, 0.0, 0.0, 1.0 / 3.0]);
    }

    #[test]
    fn rows_of_zeros_are_alike_and_unlike_the_rest() {
        for shape in SHAPES {
            for normalize in [true, false] {
                let rows = array![[0.0, 0.0], [1.0, 0.0], [-0.0, 0.0]];
                close(&density(shape, normalize, &rows).matrix, &[2.0 / 3.0, 0.0, 0.0, 1.0 / 3.0]);
            }
        }
    }

    #[test]
    fn norms_neither_overflow_nor_vanish() {
        for scale in [1e-320, 1e-200, 1.0, 1e200, 1e308] {
            let half = density(Shape::Cosine, true, &array![[scale, 0.0], [scale, scale]]);
            assert!((half.matrix[1] - 0.5_f64.sqrt() / 2.0).abs() < 1e-15, "{scale:e}: {:?}", half.matrix);
        }
    }

    #[test]
    fn raw_rows_out_of_range_are_an_error() {
        let kernel = Kernel::new(Shape::Cosine, 1.0, false).unwrap();
        let large = kernel.density(3, 0, array![[1e200], [1.0]].view()).unwrap_err();
        assert_eq!(large, Error::Trace { group: 3, trace: f64::INFINITY });
        let small = kernel.density(3, 0, array![[1e-200], [2e-200]].view()).unwrap_err();
        assert_eq!(small, Error::Trace { group: 3, trace: 0.0 });
        let rbf = density(Shape::Rbf, false, &array![[1.7e308], [-1.7e308]]);
        assert_eq!(rbf.matrix, [0.5, 0.0, 0.0, 0.5]);
    }

    #[test]
    fn the_first_bad_row_is_named() {
        let kernel = Kernel::new(Shape::Rbf, 1.0, true).unwrap();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = kernel.density(2, 10, array![[1.0], [bad], [bad]].view()).unwrap_err();
            assert_eq!(error, Error::NotFinite { row: 11, group: 2 });
        }
        let none = kernel.density(0, 0, Array2::<f64>::zeros((2, 0)).view()).unwrap_err();
        assert_eq!(none, Error::NoColumns);
    }

    #[test]
    fn gamma_must_be_a_finite_number_above_zero() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Kernel::new(Shape::Rbf, wrong, true), Err(Error::Setting { name: "gamma", .. })));
        }
        assert!(matches!("rfb".parse::<Shape>(), Err(Error::Setting { name: "kernel", .. })));
    }
}
