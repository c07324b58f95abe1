//! The spectrum of the normalised graph Laplacian of one group's answers.

use crate::eigen::{Tridiagonal, reflect};
use crate::eigenvectors::Decomposition;
use crate::{Error, Float, Result, Squares};

/// Eigenvalues as close as this count as equal.
pub(crate) const TIE: f64 = 1e-9;

/// L = I - D^-1/2 W D^-1/2 with W = (a + a^T) / 2 and D its row sums: space for one group after another.
#[derive(Default)]
pub(crate) struct Laplacian {
    n: usize,
    /// D^-1/2 W D^-1/2, on and below the diagonal, until an eigensolver uses it up.
    affinity: Vec<f64>,
    /// The square roots of 1 / (2 D).
    roots: Vec<f64>,
    work: Vec<f64>,
    tridiagonal: Tridiagonal,
    decomposition: Decomposition,
    /// 1 - l for the eigenvalues l of L, in no order.
    values: Vec<f64>,
    /// The component of each eigenvector along (1, ..., 1) / sqrt(n), up to its sign.
    along: Vec<f64>,
}

impl Laplacian {
    /// Eigenvalues of group `p` of `similarity`, and what its eigenvectors have in common with the vector of ones.
    ///
    /// Golub and Welsch's way: a reflection sends the vector of ones to the last axis, which the reduction to
    /// tridiagonal form leaves alone, so its components are one row that goes through the rotations: O(n^2) in all.
    pub(crate) fn solve<T: Float>(&mut self, similarity: &Squares<'_, T>, p: usize) -> Result<()> {
        self.solve_in(Tridiagonal::STEPS, similarity, p)
    }

    fn solve_in<T: Float>(&mut self, steps: usize, similarity: &Squares<'_, T>, p: usize) -> Result<()> {
        self.fill(similarity, p)?;
        let n = self.n;
        let one = 1.0 / (n as f64).sqrt();
        self.along.clear();
        self.along.resize(n, one);
        self.along[n - 1] += 1.0; // ones plus the last axis: nothing cancels
        reflect(&mut self.affinity, n, &self.along, 1.0 + one, &mut self.work);
        self.tridiagonal.reduce(&mut self.affinity, n);
        let along = &mut self.along;
        along.fill(0.0);
        along[n - 1] = 1.0;
        let settled = self.tridiagonal.ql(steps, |i, s, c| {
            (along[i], along[i + 1]) = (c * along[i] - s * along[i + 1], s * along[i] + c * along[i + 1]);
        });
        if settled {
            self.values.clear();
            self.values.extend_from_slice(self.tridiagonal.values());
            return Ok(());
        }
        self.solve_vectors(similarity, p)?;
        for (along, vector) in self.along.iter_mut().zip(self.affinity.chunks_exact(n)) {
            *along = vector.iter().sum::<f64>() * one;
        }
        Ok(())
    }

    /// The same eigenvalues, with whole eigenvectors in the place of their components.
    fn solve_vectors<T: Float>(&mut self, similarity: &Squares<'_, T>, p: usize) -> Result<()> {
        self.fill(similarity, p)?;
        self.decomposition.decompose(&mut self.affinity, self.n);
        self.values.clone_from(&self.decomposition.values);
        Ok(())
    }

    /// The sum of max(0, 1 - l) over the eigenvalues l, at least 1.
    pub(crate) fn eigenvalue_sum(&self) -> f64 {
        let noise = self.noise();
        // the value of D^1/2 1 is 1, so less than that is rounding
        self.values.iter().filter(|&&value| value > noise).sum::<f64>().max(1.0)
    }

    /// The root of the sum of squared distances of the answers' rows from their mean row, after [`Self::solve`].
    ///
    /// With u = (1, ..., 1) / sqrt(n) that is the sum of 1 - (u . v)^2 over the kept eigenvectors v. All n of them have
    /// sum of (u . v)^2 = 1, so it is also their number less one, plus the sum of (u . v)^2 over the others: nothing
    /// cancels where the answers are all alike.
    pub(crate) fn eccentricity(&self, cut: f64) -> f64 {
        let edge = self.edge(cut);
        let (mut kept, mut others) = (0_usize, 0.0);
        for (value, along) in self.values.iter().zip(&self.along) {
            if *value >= edge {
                kept += 1;
            } else {
                others += along * along;
            }
        }
        self.clean(((kept - 1) as f64 + others).sqrt())
    }

    /// The distance of each answer's row of the kept eigenvectors from the mean row.
    pub(crate) fn eccentricities<T: Float>(
        &mut self,
        similarity: &Squares<'_, T>,
        p: usize,
        cut: f64,
    ) -> Result<Vec<f64>> {
        self.solve_vectors(similarity, p)?;
        let edge = self.edge(cut);
        let mut squares = vec![0.0; self.n];
        for (value, vector) in self.values.iter().zip(self.affinity.chunks_exact(self.n)) {
            if *value >= edge {
                let mean = vector.iter().sum::<f64>() / self.n as f64;
                squares.iter_mut().zip(vector).for_each(|(square, v)| *square += (v - mean) * (v - mean));
            }
        }
        Ok(squares.into_iter().map(|square| self.clean(square.sqrt())).collect())
    }

    /// The least of `values` that is kept: 1 - l for the largest eigenvalue l below the cut, or, where others are equal
    /// to it, for the last that can be reached from it in steps of [`TIE`].
    fn edge(&self, cut: f64) -> f64 {
        let largest = self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // 0 is an eigenvalue of every Laplacian, so one is below the cut, however small that is
        let mut edge = self.values.iter().copied().filter(|value| 1.0 - value < cut - TIE).fold(largest, f64::min);
        loop {
            let next = self.values.iter().copied().filter(|&value| value >= edge - TIE).fold(edge, f64::min);
            if next == edge {
                return edge;
            }
            edge = next;
        }
    }

    fn clean(&self, distance: f64) -> f64 {
        if distance > self.noise() { distance } else { 0.0 }
    }

    /// What cannot be told from rounding.
    fn noise(&self) -> f64 {
        self.n as f64 * f64::EPSILON
    }

    fn fill<T: Float>(&mut self, similarity: &Squares<'_, T>, p: usize) -> Result<()> {
        let (a, n) = (similarity.matrix(p), similarity.size(p));
        self.n = n;
        let rounding = self.noise();
        for vector in [&mut self.roots, &mut self.work] {
            vector.clear();
            vector.resize(n, 0.0);
        }
        self.affinity.clear();
        self.affinity.resize(n * n, 0.0);
        let (sums, sizes) = (&mut self.roots, &mut self.work);
        for i in 0..n {
            for j in 0..i {
                let w = a[i * n + j].widen() + a[j * n + i].widen();
                self.affinity[i * n + j] = w;
                sums[i] += w;
                sums[j] += w;
                sizes[i] += w.abs();
                sizes[j] += w.abs();
            }
            let w = 2.0 * a[i * n + i].widen();
            self.affinity[i * n + i] = w;
            sums[i] += w;
            sizes[i] += w.abs();
        }
        // A sum below its own rounding is no degree: with signs it could be any number.
        if let Some(row) = (0..n).find(|&i| sums[i] <= rounding * sizes[i]) {
            return Err(Error::RowSum { name: similarity.name(), group: p, row, sum: self.roots[row] / 2.0 });
        }
        self.roots.iter_mut().for_each(|sum| *sum = 1.0 / sum.sqrt());
        for i in 0..n {
            let root = self.roots[i];
            for (w, r) in self.affinity[i * n..=i * n + i].iter_mut().zip(&self.roots) {
                *w = *w * root * r;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn solved(values: &[f64], steps: usize) -> Laplacian {
        let n = values.len().isqrt();
        let ends = [0, i64::try_from(n).unwrap()];
        let mut space = Laplacian::default();
        space.solve_in(steps, &Squares::new("similarity", values, &ends).unwrap(), 0).unwrap();
        space
    }

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    #[test]
    fn components_along_the_ones_are_those_of_whole_vectors() {
        for n in [1, 2, 3, 10, 40_usize] {
            let rng = Rng::new(n as u64, 0);
            let entries: Vec<f64> = (0..n * n).map(|i| rng.bits(i as u64) as f64 / 2f64.powi(64)).collect();
            let (quick, whole) = (solved(&entries, Tridiagonal::STEPS), solved(&entries, 0));
            let pairs = |space: &Laplacian| {
                let pairs = space.values.iter().zip(&space.along);
                sorted(pairs.map(|(value, along)| value + 10.0 * along * along).collect())
            };
            assert!(pairs(&quick).iter().zip(pairs(&whole)).all(|(a, b)| (a - b).abs() < 1e-13 * n as f64));
            assert!((quick.along.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-13);
            for cut in [1e-300, 0.3, 0.9, 1.1, 5.0] {
                assert!((quick.eccentricity(cut) - whole.eccentricity(cut)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn spaces_of_equal_eigenvalues_are_kept_whole() {
        let mut space = Laplacian { n: 6, along: vec![0.0; 6], ..Laplacian::default() };
        let kept = |space: &Laplacian, cut| space.values.iter().filter(|&&v| v >= space.edge(cut)).count();
        space.values = [0.0, 0.5 - 5e-10, 0.5, 0.5 + 9e-10, 0.5 + 1.8e-9, 0.8].map(|l| 1.0 - l).to_vec();
        assert_eq!(kept(&space, 0.5 + 1e-9), 5); // the second is below the cut and draws the next three along
        assert_eq!(kept(&space, 0.5), 1); // the second and third are the cut itself
        assert_eq!(kept(&space, 0.9), 6);
        assert_eq!(kept(&space, 1e-12), 1);
    }

    #[test]
    fn a_row_that_sums_to_rounding_is_an_error() {
        let sums = |entries: &[f64]| {
            let squares = Squares::new("similarity", entries, &[0, 2]).unwrap();
            Laplacian::default().solve(&squares, 0).unwrap_err().to_string()
        };
        let message = "similarity: row 1 of group 0, symmetrised, sums to 0.0, must be above 0";
        assert_eq!(sums(&[1.0, 0.0, 0.0, 0.0]), message);
        assert_eq!(sums(&[2.0, -0.1, -0.1, 0.1]), message);
        assert!(sums(&[1.0, -1.5, -1.5, 1.0]).contains("row 0 of group 0, symmetrised, sums to -0.5,"));
    }
}
