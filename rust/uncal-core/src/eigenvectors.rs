//! Eigenvalues and eigenvectors of symmetric matrices.

use crate::eigen::Tridiagonal;

/// The eigenvalues of a symmetric matrix, from smallest to largest; the matrix becomes its eigenvectors.
///
/// As [`eigenvalues`](crate::eigenvalues), with every reflection and rotation applied to the unit vectors too. Where an
/// eigenvalue does not settle, cyclic Jacobi rotations of the whole matrix find all of them, so this always ends.
/// Residuals and dot products of the vectors are off by small multiples of `n` * 2.2e-16 (times the largest eigenvalue
/// in magnitude). Vectors of equal eigenvalues are an arbitrary basis of their space, and the sign of each is arbitrary.
/// Time O(n^3).
///
/// # Arguments
/// * `matrix` - n * n finite numbers, row by row; only those on and below the diagonal are read; row k becomes the
///   eigenvector of the k-th value, of length 1 and orthogonal to the others
///
/// # Panics
/// If `matrix` does not have n * n entries.
///
/// # Example
/// ```
/// let mut matrix = [2.0, 0.0, 0.0, 1.0];
/// assert_eq!(uncal_core::eigenvectors(&mut matrix, 2), [1.0, 2.0]);
/// assert_eq!(matrix, [0.0, 1.0, 1.0, 0.0]);
/// ```
#[must_use]
pub fn eigenvectors(matrix: &mut [f64], n: usize) -> Vec<f64> {
    let mut space = Decomposition::default();
    space.decompose(matrix, n);
    space.values
}

/// The space of [`eigenvectors`], to be used for one matrix after another.
#[derive(Default)]
pub(crate) struct Decomposition {
    tridiagonal: Tridiagonal,
    original: Vec<f64>,
    /// The eigenvalues of the last matrix, from smallest to largest.
    pub values: Vec<f64>,
}

impl Decomposition {
    /// Find `values`; the matrix becomes the vectors.
    pub(crate) fn decompose(&mut self, matrix: &mut [f64], n: usize) {
        self.decompose_in(Tridiagonal::STEPS, matrix, n);
    }

    fn decompose_in(&mut self, steps: usize, matrix: &mut [f64], n: usize) {
        assert_eq!(matrix.len(), n * n, "a matrix of {n} rows has {n} columns");
        let largest = matrix.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        matrix.iter_mut().for_each(|x| *x /= scale); // so that no square overflows
        self.original.clear();
        self.original.extend_from_slice(matrix);
        self.tridiagonal.reduce(matrix, n);
        accumulate(matrix, n);
        let settled = self.tridiagonal.ql(steps, |i, s, c| {
            let (above, below) = matrix.split_at_mut((i + 1) * n);
            rotate(&mut above[i * n..], &mut below[..n], s, c);
        });
        self.values.clear();
        if settled {
            self.values.extend_from_slice(self.tridiagonal.values());
        } else {
            jacobi(&mut self.original, matrix, n);
            self.values.extend((0..n).map(|i| self.original[i * n + i]));
        }
        for k in 0..n {
            let Some(least) = (k..n).min_by(|&i, &j| self.values[i].total_cmp(&self.values[j])) else { break };
            if least != k {
                self.values.swap(k, least);
                let (above, below) = matrix.split_at_mut(least * n);
                above[k * n..(k + 1) * n].swap_with_slice(&mut below[..n]);
            }
        }
        self.values.iter_mut().for_each(|x| *x *= scale);
    }
}

/// The reflections that [`Tridiagonal::reduce`] left in a matrix become their product, from the first to the last.
fn accumulate(matrix: &mut [f64], n: usize) {
    for k in 0..n {
        // reflection k turns the first k coordinates, which the product of those before it is made of
        let (product, row) = matrix.split_at_mut(k * n);
        let v = &row[..k];
        let h = v.iter().map(|x| x * x).sum::<f64>() / 2.0;
        if h > 0.0 {
            for x in product.chunks_exact_mut(n) {
                let x = &mut x[..k];
                let along = x.iter().zip(v).map(|(x, v)| x * v).sum::<f64>() / h;
                x.iter_mut().zip(v).for_each(|(x, v)| *x -= along * v);
            }
        }
        for x in product.chunks_exact_mut(n) {
            x[k] = 0.0;
        }
        row[..k].fill(0.0);
        row[k] = 1.0;
    }
}

/// x := c x - s y and y := s x + c y.
fn rotate(x: &mut [f64], y: &mut [f64], s: f64, c: f64) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

/// Turn two coordinates at a time until the matrix is diagonal; `vectors` becomes the product of the turns, by rows.
///
/// Slower than QL by a factor of ten or so, and sure to end: each turn takes the square of its entry from the sum of
/// the squares off the diagonal.
fn jacobi(a: &mut [f64], vectors: &mut [f64], n: usize) {
    const SWEEPS: usize = 60; // six to ten are usual
    for i in 0..n {
        for j in 0..n {
            vectors[i * n + j] = f64::from(u8::from(i == j));
            if j > i {
                a[i * n + j] = a[j * n + i];
            }
        }
    }
    let norm = a.iter().map(|x| x * x).sum::<f64>().sqrt();
    let negligible = f64::EPSILON * norm / (n.max(1) as f64);
    for _ in 0..SWEEPS {
        let mut diagonal = true;
        for p in 0..n {
            for q in p + 1..n {
                let off = a[p * n + q];
                if off.abs() <= negligible {
                    continue;
                }
                diagonal = false;
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
                let t = 1.0 / (theta.abs() + theta.hypot(1.0)).copysign(theta);
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                let (above, below) = a.split_at_mut(q * n);
                rotate(&mut above[p * n..(p + 1) * n], &mut below[..n], s, c);
                for row in a.chunks_exact_mut(n) {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
                let (above, below) = vectors.split_at_mut(q * n);
                rotate(&mut above[p * n..(p + 1) * n], &mut below[..n], s, c);
            }
        }
        if diagonal {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rng, eigenvalues};

    fn random(n: usize, seed: u64) -> Vec<f64> {
        let rng = Rng::new(seed, 0);
        symmetric(n, |i, j| rng.bits((i * n + j) as u64) as f64 / 2f64.powi(63) - 1.0)
    }

    fn symmetric(n: usize, entry: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        (0..n * n).map(|k| entry((k / n).max(k % n), (k / n).min(k % n))).collect()
    }

    /// The largest residual and the largest deviation from orthonormality, in units of n * 2.2e-16 (of the norm).
    fn errors(matrix: &[f64], values: &[f64], vectors: &[f64], n: usize) -> (f64, f64) {
        let norm = matrix.iter().fold(f64::MIN_POSITIVE, |norm, x| norm.max(x.abs()));
        let (mut residual, mut dots) = (0.0_f64, 0.0_f64);
        for k in 0..n {
            let x = &vectors[k * n..(k + 1) * n];
            for i in 0..n {
                let ax: f64 = (0..n).map(|j| matrix[i * n + j] / norm * x[j]).sum();
                residual = residual.max((ax - values[k] / norm * x[i]).abs());
            }
            for l in 0..=k {
                let dot: f64 = x.iter().zip(&vectors[l * n..(l + 1) * n]).map(|(x, y)| x * y).sum();
                dots = dots.max((dot - f64::from(u8::from(k == l))).abs());
            }
        }
        let unit = n as f64 * f64::EPSILON;
        (residual / unit, dots / unit)
    }

    /// By QL and by Jacobi rotations: ordered values, those of `eigenvalues`, and vectors that are theirs.
    fn check(matrix: &[f64], n: usize) {
        let alone = eigenvalues(&mut matrix.to_vec(), n);
        let largest = alone.iter().fold(f64::MIN_POSITIVE, |largest, x| largest.max(x.abs()));
        for steps in [Tridiagonal::STEPS, 0] {
            let (mut space, mut vectors) = (Decomposition::default(), matrix.to_vec());
            space.decompose_in(steps, &mut vectors, n);
            assert!(space.values.is_sorted());
            let (residual, dots) = errors(matrix, &space.values, &vectors, n);
            assert!(residual < 10.0 && dots < 10.0, "steps {steps}, n {n}: {residual} {dots}");
            for (a, b) in space.values.iter().zip(&alone) {
                assert!((a - b).abs() / largest < 10.0 * n as f64 * f64::EPSILON, "steps {steps}, n {n}: {a} {b}");
            }
        }
    }

    #[test]
    fn vectors_of_random_matrices_are_theirs() {
        for (n, seed) in [(1, 1), (2, 2), (3, 3), (4, 4), (10, 5), (33, 6), (90, 7)] {
            check(&random(n, seed), n);
        }
        assert_eq!(eigenvectors(&mut [], 0), []);
    }

    #[test]
    fn a_thousand_rows_are_taken_apart_and_put_together() {
        let n = 1000;
        let matrix = random(n, 8);
        let mut vectors = matrix.clone();
        let values = eigenvectors(&mut vectors, n);
        // Residuals and dots of some of the vectors; all of them would take a minute.
        for k in (0..n).step_by(97) {
            let x = &vectors[k * n..(k + 1) * n];
            for (i, row) in matrix.chunks_exact(n).enumerate() {
                let ax: f64 = row.iter().zip(x).map(|(a, x)| a * x).sum();
                assert!((ax - values[k] * x[i]).abs() < 1e-11);
            }
            for (l, y) in vectors.chunks_exact(n).enumerate() {
                let dot: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
                assert!((dot - f64::from(u8::from(k == l))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn spaces_of_equal_values_get_a_basis() {
        let n = 24;
        check(&vec![1.0; n * n], n);
        check(&vec![0.0; n * n], n);
        check(&symmetric(n, |i, j| f64::from(u8::from(i == j))), n);
        check(&symmetric(n, |i, j| f64::from(u8::from(i == j)) - 2.0 / n as f64), n);
        check(&symmetric(n, |i, j| f64::from(u8::from(i % 5 == j % 5))), n);
        check(&symmetric(n, |i, j| f64::from(u8::from(i / 6 == j / 6)) + 1e-15 * (i + j) as f64), n);
    }

    #[test]
    fn graded_and_extreme_matrices_end() {
        for power in [-300, -150, 0, 150, 300] {
            for grade in [0.1, 1.0, 8.0, -8.0] {
                let n = 25;
                let rough = random(n, 9);
                let entry = |i: usize, j: usize| {
                    let exponent = f64::from(power) - grade * (i + j) as f64 / 2.0;
                    rough[i * n + j] * 10f64.powf(exponent.clamp(-307.0, 307.0))
                };
                check(&symmetric(n, entry), n);
            }
        }
    }

    #[test]
    fn only_the_lower_half_is_read() {
        let n = 7;
        let matrix = random(n, 10);
        let mut lower = symmetric(n, |i, j| matrix[i * n + j]);
        (0..n).for_each(|i| (i + 1..n).for_each(|j| lower[i * n + j] = 0.0));
        for steps in [Tridiagonal::STEPS, 0] {
            let (mut one, mut other) = (Decomposition::default(), Decomposition::default());
            let (mut full, mut half) = (matrix.clone(), lower.clone());
            one.decompose_in(steps, &mut full, n);
            other.decompose_in(steps, &mut half, n);
            assert_eq!((one.values, full), (other.values, half));
        }
    }
}
