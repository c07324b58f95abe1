//! Eigenvalues of symmetric matrices.

/// The eigenvalues of a symmetric matrix, from smallest to largest.
///
/// Householder reflections make the matrix tridiagonal, implicit QL steps then make it diagonal; an eigenvalue that
/// does not settle is found by bisection instead, so this always ends. Each value is off by a small multiple of
/// `n` * 2.2e-16 times the largest in magnitude. Time O(n^3).
///
/// # Arguments
/// * `matrix` - n * n finite numbers, row by row; only those on and below the diagonal are read; used as work space
///
/// # Panics
/// If `matrix` does not have n * n entries.
#[must_use]
pub fn eigenvalues(matrix: &mut [f64], n: usize) -> Vec<f64> {
    assert_eq!(matrix.len(), n * n, "a matrix of {n} rows has {n} columns");
    let largest = matrix.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 {
        return vec![0.0; n];
    }
    matrix.iter_mut().for_each(|x| *x /= largest); // so that no square overflows
    let mut tridiagonal = Tridiagonal::default();
    tridiagonal.reduce(matrix, n);
    let mut values = tridiagonal.solve().to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.iter_mut().for_each(|x| *x *= largest);
    values
}

/// A symmetric tridiagonal matrix with entries of about 1 at most, and what becomes of it; made for one matrix after
/// another without allocating.
#[derive(Clone, Default)]
pub(crate) struct Tridiagonal {
    diagonal: Vec<f64>,
    /// `off[i]` couples i and i + 1, the last is 0.
    off: Vec<f64>,
    /// The eigenvalues, in no order, once they are found.
    values: Vec<f64>,
    work: Vec<f64>,
}

/// A := H A H with the reflection H = I - v v^T / h, h = |v|^2 / 2, of the first rows and columns of A.
///
/// * `a` - the rows of A, `stride` apart; only what is on and below the diagonal is read and written
/// * `q` - work space as long as `v`
pub(crate) fn reflect(a: &mut [f64], stride: usize, v: &[f64], h: f64, q: &mut [f64]) {
    // q := A v / h, with the lower half of the rows
    q.fill(0.0);
    for i in 0..v.len() {
        let a = &a[i * stride..=i * stride + i];
        let mut sum = a[i] * v[i];
        for ((&a, &v_j), q_j) in a[..i].iter().zip(v).zip(&mut *q) {
            sum += a * v_j;
            *q_j += a * v[i];
        }
        q[i] += sum;
    }
    let vq: f64 = v.iter().zip(&*q).map(|(v, q)| v * q).sum();
    let half = vq / (2.0 * h * h);
    for (q, &v) in q.iter_mut().zip(v) {
        *q = *q / h - half * v;
    }
    // A := A - v q^T - q v^T
    for i in 0..v.len() {
        let (v_i, q_i) = (v[i], q[i]);
        for ((a, &v_j), &q_j) in a[i * stride..=i * stride + i].iter_mut().zip(v).zip(&*q) {
            *a -= v_i * q_j + q_i * v_j;
        }
    }
}

impl Tridiagonal {
    /// Steps that an eigenvalue gets to settle; two or three are usual.
    pub(crate) const STEPS: usize = 60;
    const TINY: f64 = 1e-140;

    /// One reflection for each row from the last to the third; each leaves one entry left of the diagonal.
    ///
    /// Only what is on and below the diagonal of the matrix is read. Afterwards row k holds, left of the diagonal, the
    /// vector v of its reflection I - v v^T / h, h = |v|^2 / 2, all zeros for none: with Q the product of the
    /// reflections from the last to the first, A = Q T Q^T.
    pub(crate) fn reduce(&mut self, matrix: &mut [f64], n: usize) {
        for vector in [&mut self.diagonal, &mut self.off, &mut self.work] {
            vector.clear();
            vector.resize(n, 0.0);
        }
        for k in (1..n).rev() {
            let (above, row) = matrix.split_at_mut(k * n);
            self.diagonal[k] = row[k];
            let v = &mut row[..k];
            let largest = v[..k - 1].iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
            if largest == 0.0 {
                self.off[k - 1] = v[k - 1];
                v[k - 1] = 0.0;
                continue;
            }
            // v := v - (norm of v, opposite sign) e_last: the reflection I - v v^T / h sends the row to one entry
            let scale = largest.max(v[k - 1].abs());
            v.iter_mut().for_each(|x| *x /= scale);
            let squares: f64 = v.iter().map(|x| x * x).sum();
            let norm = squares.sqrt().copysign(v[k - 1]);
            self.off[k - 1] = -norm * scale;
            let h = squares + norm * v[k - 1];
            v[k - 1] += norm;
            reflect(above, n, v, h, &mut self.work[..k]);
        }
        if let Some(first) = matrix.first() {
            self.diagonal[0] = *first;
        }
    }

    /// The eigenvalues, in no order.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Find the eigenvalues, in no order.
    pub(crate) fn solve(&mut self) -> &mut [f64] {
        if !self.ql(Self::STEPS, |_, _, _| ()) {
            self.values = self.bisect();
        }
        &mut self.values
    }

    /// Implicit QL with Wilkinson's shift, until each coupling is negligible; false if one does not become so in
    /// `steps` steps.
    ///
    /// `rotate(i, s, c)` hears of each rotation: of the eigenvectors as rows, row i and the next, x and y, become
    /// c x - s y and s x + c y.
    pub(crate) fn ql(&mut self, steps: usize, mut rotate: impl FnMut(usize, f64, f64)) -> bool {
        let n = self.diagonal.len();
        let negligible = f64::EPSILON * self.norm();
        self.values.clone_from(&self.diagonal);
        self.work.clone_from(&self.off);
        let (d, e) = (&mut self.values[..], &mut self.work[..]);
        for first in 0..n {
            for step in 0.. {
                let last = (first..n - 1).find(|&i| e[i].abs() <= negligible).unwrap_or(n - 1);
                if last == first {
                    break;
                }
                if step == steps {
                    return false;
                }
                let g = (d[first + 1] - d[first]) / (2.0 * e[first]);
                let r = g.hypot(1.0);
                let mut g = d[last] - d[first] + e[first] / (g + r.copysign(g));
                let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
                let mut split = None;
                for i in (first..last).rev() {
                    let (f, b) = (s * e[i], c * e[i]);
                    let mut r = (f * f + g * g).sqrt();
                    if r < Self::TINY {
                        r = f.hypot(g); // several times slower, and exact where squares vanish
                    }
                    e[i + 1] = r;
                    if r == 0.0 {
                        split = Some(i);
                        break;
                    }
                    (s, c) = (f / r, g / r);
                    g = d[i + 1] - p;
                    let t = (d[i] - g) * s + 2.0 * c * b;
                    p = s * t;
                    d[i + 1] = g + p;
                    g = c * t - b;
                    rotate(i, s, c);
                }
                if let Some(i) = split {
                    d[i + 1] -= p;
                } else {
                    d[first] -= p;
                    e[first] = g;
                }
                e[last] = 0.0;
            }
        }
        true
    }

    /// Halve an interval around each eigenvalue until it is as short as rounding allows.
    fn bisect(&self) -> Vec<f64> {
        let bound = self.norm();
        let one = |k| {
            let (mut low, mut high) = (-bound, bound);
            loop {
                let middle = f64::midpoint(low, high);
                if high - low <= f64::EPSILON * bound || middle <= low || middle >= high {
                    return middle;
                }
                if self.below(middle) > k {
                    high = middle;
                } else {
                    low = middle;
                }
            }
        };
        (0..self.diagonal.len()).map(one).collect()
    }

    /// How many eigenvalues lie below `x`: the negative pivots of the matrix minus x (Sturm).
    fn below(&self, x: f64) -> usize {
        let tiny = f64::MIN_POSITIVE.sqrt();
        let (mut count, mut pivot, mut coupling) = (0, 1.0_f64, 0.0_f64);
        for (d, e) in self.diagonal.iter().zip(&self.off) {
            pivot = d - x - coupling * coupling / pivot;
            if pivot.abs() < tiny {
                pivot = -tiny;
            }
            count += usize::from(pivot < 0.0);
            coupling = *e;
        }
        count
    }

    /// The largest row sum: no eigenvalue is larger in magnitude.
    fn norm(&self) -> f64 {
        let mut left = 0.0;
        self.diagonal.iter().zip(&self.off).fold(0.0_f64, |norm, (d, e)| {
            let row = left + d.abs() + e.abs();
            left = e.abs();
            norm.max(row)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::Rng;

    fn random_symmetric(n: usize, seed: u64) -> Vec<f64> {
        let rng = Rng::new(seed, 0);
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                matrix[i * n + j] = rng.bits((i * n + j) as u64) as f64 / 2f64.powi(63) - 1.0;
                matrix[j * n + i] = matrix[i * n + j];
            }
        }
        matrix
    }

    fn close(a: &[f64], b: &[f64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= tolerance, "{worst:e}");
    }

    #[test]
    fn small_matrices_by_hand() {
        assert_eq!(eigenvalues(&mut [], 0), []);
        assert_eq!(eigenvalues(&mut [-3.0], 1), [-3.0]);
        close(&eigenvalues(&mut [2.0, 1.0, 1.0, 2.0], 2), &[1.0, 3.0], 1e-15);
        close(&eigenvalues(&mut [0.0, 0.0, 2.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0], 3), &[-2.0, 1.0, 2.0], 1e-15);
    }

    #[test]
    fn the_second_difference_has_its_cosines() {
        let n = 200;
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            matrix[i * n + i] = 2.0;
            if i > 0 {
                matrix[i * n + i - 1] = -1.0;
                matrix[(i - 1) * n + i] = -1.0;
            }
        }
        let exact: Vec<f64> = (1..=n).map(|k| 2.0 - 2.0 * (PI * k as f64 / (n + 1) as f64).cos()).collect();
        close(&eigenvalues(&mut matrix, n), &exact, 1e-13);
    }

    #[test]
    fn equal_entries_have_one_eigenvalue_that_is_not_zero() {
        for n in [2, 3, 50, 300] {
            let values = eigenvalues(&mut vec![1.0; n * n], n);
            close(&values[..n - 1], &vec![0.0; n - 1], 1e-13);
            close(&values[n - 1..], &[n as f64], 1e-12);
        }
        assert_eq!(eigenvalues(&mut [0.0; 9], 3), [0.0; 3]);
    }

    #[test]
    fn sums_and_squares_are_kept_up_to_a_thousand_rows() {
        for (n, seed) in [(5, 1), (33, 2), (250, 3), (1000, 4)] {
            let matrix = random_symmetric(n, seed);
            let trace: f64 = (0..n).map(|i| matrix[i * n + i]).sum();
            let squares: f64 = matrix.iter().map(|x| x * x).sum();
            let values = eigenvalues(&mut matrix.clone(), n);
            assert!((values.iter().sum::<f64>() - trace).abs() < 1e-11 * n as f64);
            assert!((values.iter().map(|x| x * x).sum::<f64>() / squares - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn bisection_and_ql_agree() {
        for (n, seed) in [(1, 5), (2, 6), (17, 7), (120, 8)] {
            let mut tridiagonal = Tridiagonal::default();
            tridiagonal.reduce(&mut random_symmetric(n, seed), n);
            assert!(tridiagonal.ql(Tridiagonal::STEPS, |_, _, _| ()));
            let mut values = tridiagonal.values().to_vec();
            values.sort_unstable_by(f64::total_cmp);
            close(&tridiagonal.bisect(), &values, 1e-13 * n as f64);
        }
    }

    #[test]
    fn graded_and_extreme_matrices_end() {
        for power in [-300, -150, -20, 0, 20, 150, 300] {
            for grade in [0.0, 0.1, 1.0, 8.0] {
                let n = 30;
                let mut matrix = random_symmetric(n, 9);
                for i in 0..n {
                    for j in 0..n {
                        matrix[i * n + j] *= 10f64.powf(f64::from(power) - grade * (i + j) as f64 / 2.0);
                    }
                }
                let largest = matrix.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                let trace: f64 = (0..n).map(|i| matrix[i * n + i] / largest).sum();
                let values = eigenvalues(&mut matrix, n);
                assert!(values.iter().all(|x| x.is_finite()) && values.is_sorted());
                let sum: f64 = values.iter().map(|x| x / largest).sum();
                assert!((sum - trace).abs() < 1e-13, "power {power}, grade {grade}: {sum} != {trace}");
            }
        }
    }

    #[test]
    fn a_spectrum_of_many_equal_values_is_found() {
        // I - 2 w w^T with |w| = 1: one eigenvalue -1, all others 1
        let n = 64;
        let w = 1.0 / (n as f64).sqrt();
        let mut matrix: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i / n == i % n)) - 2.0 * w * w).collect();
        let values = eigenvalues(&mut matrix, n);
        close(&values[..1], &[-1.0], 1e-14);
        close(&values[1..], &vec![1.0; n - 1], 1e-14);
    }
}
