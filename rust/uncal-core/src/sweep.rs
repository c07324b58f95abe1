//! How many bins of equal weight a reliability diagram can have and still rise.

use crate::ties::Ties;

/// The last of 1, 2, 3, ... bins of nearly equal weight, cut as for `Bins::Mass`, before their accuracies first fall from
/// one bin to the next.
pub(crate) fn sweep(ties: &Ties) -> usize {
    Sweep::new(ties).most()
}

/// What is summed once, so that a number of bins costs but a look at each of its bins.
struct Sweep {
    /// Weight, and weight that is right, up to and with each distinct value.
    weight: Vec<f64>,
    right: Vec<f64>,
    /// The first value that any right row has, and the last that any wrong row has: bins below the one are never right,
    /// bins above the other always.
    mixed: (usize, usize),
}

impl Sweep {
    fn new(ties: &Ties) -> Self {
        let (mut weight, mut right) = (Vec::with_capacity(ties.len()), Vec::with_capacity(ties.len()));
        let mut sums = (0.0, 0.0);
        for (_, r, w) in ties.iter() {
            sums = (sums.0 + r + w, sums.1 + r);
            weight.push(sums.0);
            right.push(sums.1);
        }
        let first = ties.right.iter().position(|&r| r > 0.0).unwrap_or(ties.len());
        let last = ties.wrong.iter().rposition(|&w| w > 0.0).unwrap_or(0);
        Self { weight, right, mixed: (first, last) }
    }

    fn most(&self) -> usize {
        let finest = self.finest();
        if self.mixed.0 >= self.mixed.1 {
            return finest; // no number of bins can mix them up
        }
        (2..=finest).find(|&n_bins| self.falls(n_bins)).map_or(finest, |n_bins| n_bins - 1)
    }

    /// A number from which on every distinct value is a bin of its own.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most MOST
    fn finest(&self) -> usize {
        const MOST: f64 = 10_000_000.0;
        let Some(borders) = self.weight.len().checked_sub(1).filter(|&borders| borders > 0) else {
            return 1;
        };
        // of these shares of the weight, border i is the nearest
        let least = (0..borders)
            .map(|i| {
                let low = if i == 0 { 0.0 } else { self.halfway(i - 1) };
                let high = if i + 1 == borders { self.weight[borders] } else { self.halfway(i) };
                high - low
            })
            .fold(f64::INFINITY, f64::min);
        ((self.weight[borders] / least).floor() + 1.0).clamp(1.0, MOST) as usize
    }

    fn halfway(&self, border: usize) -> f64 {
        f64::midpoint(self.weight[border], self.weight[border + 1])
    }

    /// The border, after this value, that cut `k` of `n_bins` falls on; `after` is one that it does not lie below.
    fn cut(&self, k: usize, n_bins: usize, after: usize) -> usize {
        let up_to = &self.weight;
        let last = up_to.len() - 2;
        let share = k as f64 * up_to[last + 1] / n_bins as f64;
        let (mut low, mut high) = (after, last);
        while low < high {
            let i = usize::midpoint(low, high);
            if (up_to[i + 1] - share).abs() < (up_to[i] - share).abs() { low = i + 1 } else { high = i }
        }
        low
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of n_bins
    fn falls(&self, n_bins: usize) -> bool {
        // shares as numbers of cuts, one less for rounding
        let cuts =
            |share: f64| ((share * n_bins as f64 / self.weight[self.weight.len() - 1]) as usize).saturating_sub(1);
        let (first, last) = self.mixed;
        let mut k = if first == 0 { 0 } else { cuts(self.weight[first - 1]) };
        let mut start = if k == 0 { 0 } else { self.cut(k, n_bins, 0) + 1 };
        let mut before = 0.0;
        while start <= last {
            // the next cut that is not where the last one was
            k += 1;
            if start > 0 {
                if start + 1 < self.weight.len() {
                    k = k.max(cuts(self.halfway(start - 1)));
                } else {
                    k = n_bins;
                }
            }
            let mut end = self.weight.len();
            while k < n_bins {
                let border = self.cut(k, n_bins, start.saturating_sub(1));
                if border >= start {
                    end = border + 1;
                    break;
                }
                k += 1;
            }
            let sum = |column: &[f64]| column[end - 1] - if start == 0 { 0.0 } else { column[start - 1] };
            let accuracy = sum(&self.right) / sum(&self.weight);
            if accuracy < before - 1e-12 {
                return true; // not for the rounding of weights alone
            }
            before = accuracy;
            start = end;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pairs, Rng, bins::mass_ends};

    fn ties(values: &[f64], correct: &[bool], weights: Option<&[f64]>) -> Ties {
        Ties::new(&Pairs::confidences(values, correct, weights).unwrap())
    }

    /// As it is defined.
    fn slow(ties: &Ties) -> usize {
        let mut n_bins = 1;
        loop {
            let ends = mass_ends(ties, n_bins + 1);
            let mut start = 0;
            let accuracies: Vec<f64> = ends
                .iter()
                .map(|&end| {
                    let sum = |column: &[f64]| column[start..end].iter().sum::<f64>();
                    let (right, wrong) = (sum(&ties.right), sum(&ties.wrong));
                    start = end;
                    right / (right + wrong)
                })
                .collect();
            if accuracies.windows(2).any(|pair| pair[1] < pair[0] - 1e-12) || n_bins > 3000 {
                return n_bins;
            }
            n_bins += 1;
        }
    }

    #[test]
    fn bins_by_hand() {
        let q = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
        let of = |c: [u8; 6]| sweep(&ties(&q, &c.map(|c| c == 1), None));
        assert_eq!(of([0, 1, 0, 1, 1, 1]), 4); // 0 | 1 0 | 1 | 1 1; five are 0 | 1 | 0 1 | ...
        assert_eq!(of([1, 1, 1, 0, 0, 0]), 1);
        assert_eq!(mass_ends(&ties(&q, &[false; 6], None), of([0; 6])).len(), 6);
        assert_eq!(mass_ends(&ties(&q, &[true; 6], None), of([0, 0, 0, 1, 1, 1])).len(), 6);
        assert_eq!(sweep(&ties(&[0.3; 5], &[true; 5], None)), 1);
    }

    #[test]
    fn the_number_is_that_of_the_definition() {
        let rng = Rng::new(3, 1);
        for seed in 0..300 {
            let n = 1 + (rng.bits(seed) % 150) as usize;
            let levels = [3.0, 10.0, 1000.0][(seed % 3) as usize];
            let sharp = (seed % 7) as f64 / 3.0;
            let draw =
                |i: usize, stream: u64| (rng.bits(1000 * (seed + 1) + 10 * i as u64 + stream) >> 11) as f64 / 9e15;
            let q: Vec<f64> = (0..n).map(|i| (draw(i, 0) * levels).floor() / levels).collect();
            let c: Vec<bool> = (0..n).map(|i| draw(i, 1) < (q[i] - 0.5) * sharp + 0.5).collect();
            let weights: Vec<f64> = (0..n).map(|i| (draw(i, 2) * 3.0).ceil()).collect();
            for weights in [None, Some(&weights[..])] {
                let ties = ties(&q, &c, weights);
                let (found, expected) = (sweep(&ties), slow(&ties));
                // beyond the finest, more bins change nothing
                assert!(
                    found == expected || mass_ends(&ties, found).len() == ties.len() && expected > 3000,
                    "{seed}: {found} is not {expected}"
                );
            }
        }
    }
}
