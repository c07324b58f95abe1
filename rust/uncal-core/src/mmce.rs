//! The maximum mean calibration error.

use crate::Pairs;
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};

/// The root of the mean, over all pairs of rows, each with itself too, of the product of what they are off by times
/// exp(-|distance of their confidences| / `width`). Time as for a sort.
#[must_use]
pub fn mmce<T: Real>(confidences: &Pairs<'_, T>, width: f64) -> f64 {
    let ranked = Ranked::new(confidences);
    ranked.fold(|| Kernel::new(width)).mmce(ranked.total)
}

/// The sum over pairs so far; and of what rows are off by, discounted to the first and to the last of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kernel {
    width: f64,
    sum: f64,
    ends: Option<(f64, f64)>,
    at_first: f64,
    at_last: f64,
}

/// The width that the error was published with.
pub(crate) const WIDTH: f64 = 0.4;

impl Kernel {
    pub fn new(width: f64) -> Self {
        Self { width, ..Self::default() }
    }

    pub fn mmce(&self, total: Below) -> f64 {
        self.sum.max(0.0).sqrt() / (total.right + total.wrong)
    }
}

impl Fold for Kernel {
    #[inline]
    fn tie(&mut self, _: Below, tie: Tie) {
        let off = tie.right * (1.0 - tie.value) - tie.wrong * tie.value;
        let here = Self { sum: off * off, ends: Some((tie.value, tie.value)), at_first: off, at_last: off, ..*self };
        self.join(here);
    }

    #[inline]
    fn join(&mut self, next: Self) {
        let (Some((first, last)), Some((next_first, next_last))) = (self.ends, next.ends) else {
            if next.ends.is_some() {
                *self = next;
            }
            return;
        };
        let discount = |from: f64, to: f64| ((from - to) / self.width).exp();
        self.sum += next.sum + 2.0 * self.at_last * next.at_first * discount(last, next_first);
        self.at_first += next.at_first * discount(first, next_first);
        self.at_last = next.at_last + self.at_last * discount(last, next_last);
        self.ends = Some((first, next_last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_error_with_ties() {
        let q = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
        let c = [false, true, false, false, true, false, true, true, true, false];
        let pairs = Pairs::confidences(&q, &c, None).unwrap();
        assert!((mmce(&pairs, 0.4) - 0.106_247_061_8).abs() < 1e-10);
    }

    #[test]
    fn one_value_leaves_the_gap() {
        let pairs = Pairs::confidences(&[0.7; 4], &[true, false, false, false], None).unwrap();
        assert!((mmce(&pairs, 0.4) - 0.45).abs() < 1e-15);
    }
}
