//! The parts of the Brier score.

use crate::bins::{Bins, Grid, check};
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};
use crate::{Error, Pairs, Result};

/// Brier score = `reliability` - `resolution` + `uncertainty` + `within_variance` - `within_covariance` (Murphy 1973;
/// Stephenson, Coelho and Jolliffe 2008).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BrierParts {
    /// The mean squared gap between the mean confidence and the accuracy of a bin; 0 is calibrated.
    pub reliability: f64,
    /// How much the accuracies of bins differ: the higher the better.
    pub resolution: f64,
    /// The variance of the verdicts, which no confidence changes.
    pub uncertainty: f64,
    /// The mean variance of confidences inside bins; 0 for bins of one value.
    pub within_variance: f64,
    /// Twice the mean covariance of confidence and verdict inside bins; 0 for bins of one value.
    pub within_covariance: f64,
}

/// The parts of the Brier score, by distinct confidences or in `n_bins` bins of equal width closed on the right.
///
/// # Errors
/// [`Error::Setting`] for a wrong number of bins, and for bins of equal weight.
pub fn brier_decomposition<T: Real>(confidences: &Pairs<'_, T>, n_bins: usize, bins: Bins) -> Result<BrierParts> {
    check(n_bins)?;
    let ranked = Ranked::new(confidences);
    let grid = match bins {
        Bins::Width => Some(Grid::new(n_bins)),
        Bins::Distinct => None,
        Bins::Mass => return Err(Error::setting("bins", "mass", "one of distinct, width")),
        Bins::Sweep => return Err(Error::setting("bins", "sweep", "one of distinct, width")),
    };
    let grid = grid.as_ref();
    Ok(ranked.fold(|| Murphy { grid, ..Murphy::new(ranked.total) }).finish())
}

/// Bins are gone through in rising order, so only those at the ends of a part are not yet whole.
#[derive(Clone)]
struct Murphy<'a> {
    grid: Option<&'a Grid>,
    total: Below,
    parts: BrierParts,
    first: Option<Open>,
    open: Option<Open>,
}

/// A bin that more may come to.
#[derive(Clone, Copy, Debug)]
struct Open {
    bin: usize,
    weight: f64,
    right: f64,
    /// Sums of confidence, its square, and its product with the verdict.
    q: f64,
    qq: f64,
    qc: f64,
}

impl Open {
    fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.right += other.right;
        self.q += other.q;
        self.qq += other.qq;
        self.qc += other.qc;
    }
}

impl Murphy<'_> {
    fn new(total: Below) -> Self {
        Self { grid: None, total, parts: BrierParts::default(), first: None, open: None }
    }

    fn close(&mut self, bin: Open) {
        let rows = self.total.right + self.total.wrong;
        let base = self.total.right / rows;
        let (q, c) = (bin.q / bin.weight, bin.right / bin.weight);
        let share = bin.weight / rows;
        self.parts.reliability += share * (q - c) * (q - c);
        self.parts.resolution += share * (c - base) * (c - base);
        if self.grid.is_some() {
            self.parts.within_variance += (bin.qq - bin.q * q) / rows;
            self.parts.within_covariance += 2.0 * (bin.qc - bin.right * q) / rows;
        }
    }

    fn take(&mut self, next: Open) {
        match &mut self.open {
            Some(open) if open.bin == next.bin => open.add(next),
            _ => {
                if let Some(done) = self.open.replace(next) {
                    if self.first.is_none() { self.first = Some(done) } else { self.close(done) }
                }
            }
        }
    }

    fn finish(mut self) -> BrierParts {
        for bin in [self.first.take(), self.open.take()].into_iter().flatten() {
            self.close(bin);
        }
        let rows = self.total.right + self.total.wrong;
        self.parts.uncertainty = self.total.right / rows * (self.total.wrong / rows);
        self.parts
    }
}

impl Fold for Murphy<'_> {
    #[inline]
    fn tie(&mut self, _: Below, tie: Tie) {
        let weight = tie.right + tie.wrong;
        let q = weight * tie.value;
        let Some(grid) = self.grid else {
            // a bin of its own
            let rows = self.total.right + self.total.wrong;
            let base = self.total.right / rows;
            let (gap, off) = (tie.value - tie.right / weight, tie.right / weight - base);
            self.parts.reliability += weight / rows * gap * gap;
            self.parts.resolution += weight / rows * off * off;
            return;
        };
        let bin = grid.right(tie.value);
        self.take(Open { bin, weight, right: tie.right, q, qq: q * tie.value, qc: tie.right * tie.value });
    }

    fn join(&mut self, next: Self) {
        self.parts.reliability += next.parts.reliability;
        self.parts.resolution += next.parts.resolution;
        self.parts.within_variance += next.parts.within_variance;
        self.parts.within_covariance += next.parts.within_covariance;
        for bin in [next.first, next.open].into_iter().flatten() {
            self.take(bin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    #[test]
    fn known_parts() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-10, "{a} is not {b}");
        let parts = brier_decomposition(&pairs, 15, Bins::Distinct).unwrap();
        near(parts.reliability, 0.09925);
        near(parts.resolution, 0.1);
        near(parts.uncertainty, 0.25);
        let parts = brier_decomposition(&pairs, 5, Bins::Width).unwrap();
        near(parts.reliability, 0.064_583_333_3);
        near(parts.resolution, 0.066_666_666_7);
        near(parts.within_variance, 0.001_333_333_3);
        near(parts.within_covariance, 0.0);
    }

    #[test]
    fn parts_add_up_over_many_rows() {
        let rng = crate::Rng::new(9, 0);
        let q: Vec<f64> = (0..100_000).map(|i| (rng.bits(i) >> 11) as f64 / (1_u64 << 53) as f64).collect();
        let c: Vec<bool> = (0..100_000).map(|i| rng.bits(1_000_000 + i) % 100 < 40).collect();
        let pairs = Pairs::confidences(&q, &c, None).unwrap();
        for (n_bins, bins) in [(1, Bins::Width), (7, Bins::Width), (1000, Bins::Width), (15, Bins::Distinct)] {
            let p = brier_decomposition(&pairs, n_bins, bins).unwrap();
            let sum = p.reliability - p.resolution + p.uncertainty + p.within_variance - p.within_covariance;
            assert!((sum - crate::brier(&pairs).unwrap()).abs() < 1e-12);
        }
    }
}
