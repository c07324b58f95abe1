//! How far confidences run ahead of verdicts, summed from the lowest confidence up: calibration without bins.

use std::f64::consts::PI;

use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};
use crate::{Pairs, normal};

/// A distance from calibration and how likely a calibrated model is to be as far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// The distance.
    pub value: f64,
    /// The chance that confidences of just this kind, if they were true, were as far off, for many rows.
    pub p_value: f64,
}

/// The largest magnitude of the mean of (confidence - verdict) over all rows up to some confidence, in `[0, 1]`.
#[must_use]
pub fn ks_calibration_error<T: Real>(confidences: &Pairs<'_, T>) -> Test {
    Ranked::new(confidences).fold(Path::default).ks()
}

/// The difference between the largest and the smallest of these means: the largest over any range of confidences.
#[must_use]
pub fn kuiper_calibration_error<T: Real>(confidences: &Pairs<'_, T>) -> Test {
    Ranked::new(confidences).fold(Path::default).kuiper()
}

/// The path of the sums, and their variance if confidences are true.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Path {
    sum: f64,
    low: f64,
    high: f64,
    variance: f64,
    rows: f64,
}

impl Fold for Path {
    #[inline]
    fn tie(&mut self, _: Below, tie: Tie) {
        let rows = tie.right + tie.wrong;
        // in place of rows * value - right, which loses what small confidences have
        self.sum += tie.wrong * tie.value - tie.right * (1.0 - tie.value);
        self.low = self.low.min(self.sum);
        self.high = self.high.max(self.sum);
        self.variance += rows * tie.value * (1.0 - tie.value);
        self.rows += rows;
    }

    fn join(&mut self, next: Self) {
        self.low = self.low.min(self.sum + next.low);
        self.high = self.high.max(self.sum + next.high);
        self.sum += next.sum;
        self.variance += next.variance;
        self.rows += next.rows;
    }
}

impl Path {
    pub fn ks(self) -> Test {
        let largest = self.high.max(-self.low);
        self.test(largest, ks_p_value)
    }

    pub fn kuiper(self) -> Test {
        self.test(self.high - self.low, kuiper_p_value)
    }

    fn test(self, largest: f64, p_value: fn(f64) -> f64) -> Test {
        let p_value = if self.variance > 0.0 {
            p_value(largest / self.variance.sqrt())
        } else {
            // confidences of 0 and 1 alone leave no room for chance
            f64::from(u8::from(largest == 0.0))
        };
        Test { value: largest / self.rows, p_value }
    }
}

/// The chance that a Brownian motion over unit time gets as far from 0 as `x`.
fn ks_p_value(x: f64) -> f64 {
    if x < 1.0 {
        let mut below = 0.0;
        for k in 0..8 {
            let odd = f64::from(2 * k + 1);
            let term = (-odd * odd * PI * PI / (8.0 * x * x)).exp() / odd;
            below += if k % 2 == 0 { term } else { -term };
        }
        return (1.0 - 4.0 / PI * below).clamp(0.0, 1.0);
    }
    // by reflection; terms fall fast where x is large
    let mut chance = 0.0;
    for k in 0..12 {
        let term = normal::above(f64::from(2 * k + 1) * x);
        chance += if k % 2 == 0 { term } else { -term };
    }
    (4.0 * chance).clamp(0.0, 1.0)
}

/// The chance that a Brownian motion over unit time covers a range as wide as `x`.
fn kuiper_p_value(x: f64) -> f64 {
    if x < 1.6 {
        let mut below = 0.0;
        for k in 0..8 {
            let odd = f64::from(2 * k + 1);
            let square = odd * odd * PI * PI;
            below += (8.0 / (x * x) + 8.0 / square) * (-square / (2.0 * x * x)).exp();
        }
        return (1.0 - below).clamp(0.0, 1.0);
    }
    // Feller's density 8 sum (-1)^(k-1) k^2 phi(k x), summed from x on
    let mut chance = 0.0;
    for k in 1..16 {
        let k_as = f64::from(k);
        let term = k_as * normal::above(k_as * x);
        chance += if k % 2 == 1 { term } else { -term };
    }
    (8.0 * chance).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances_with_ties() {
        let q = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
        let c = [false, true, false, false, true, false, true, true, true, false];
        let pairs = Pairs::confidences(&q, &c, None).unwrap();
        assert!((ks_calibration_error(&pairs).value - 0.08).abs() < 1e-15);
        assert!((kuiper_calibration_error(&pairs).value - 0.105).abs() < 1e-15);
    }

    #[test]
    fn both_series_of_a_chance_agree_where_they_meet() {
        for (p_value, meet) in [(ks_p_value as fn(f64) -> f64, 1.0_f64), (kuiper_p_value, 1.6)] {
            let (a, b) = (p_value(meet.next_down()), p_value(meet));
            assert!((a - b).abs() < 1e-12, "{a} {b}");
            assert!((p_value(1e-3) - 1.0).abs() < 1e-15);
            assert!(p_value(8.0) < 1e-14 && p_value(40.0) >= 0.0);
        }
        // tabled: P(max |B| > 2.2414) = 0.05
        assert!((ks_p_value(2.241_402_7) - 0.05).abs() < 1e-6);
    }

    #[test]
    fn confidences_of_nought_and_one_are_true_or_not() {
        let right = Pairs::confidences(&[0.0, 1.0], &[false, true], None).unwrap();
        assert_eq!(ks_calibration_error(&right), Test { value: 0.0, p_value: 1.0 });
        let wrong = Pairs::confidences(&[0.0, 1.0], &[true, false], None).unwrap();
        assert_eq!(ks_calibration_error(&wrong), Test { value: 0.5, p_value: 0.0 });
    }
}
