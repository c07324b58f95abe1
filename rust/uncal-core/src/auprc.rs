//! The area under the precision-recall curve.

use crate::Pairs;
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};

/// Average precision: the mean, over the rows of the positive class, of the precision at their own threshold, equal
/// values at once. NaN where that class has no rows.
///
/// # Arguments
/// * `wrong` - whether wrong answers are the positive class, to be found by low values; otherwise right ones by high
///
/// # Example
/// ```
/// use uncal_core::{Pairs, auprc};
/// let pairs = Pairs::scores("confidence", &[0.1, 0.4, 0.35, 0.8], &[false, false, true, true], None)?;
/// assert!((auprc(&pairs, false) - 5.0 / 6.0).abs() < 1e-15);
/// # Ok::<(), uncal_core::Error>(())
/// ```
#[must_use]
pub fn auprc<T: Real>(scores: &Pairs<'_, T>, wrong: bool) -> f64 {
    let ranked = Ranked::new(scores);
    let precision = ranked.fold(|| Precision::new(ranked.total));
    if wrong { precision.of_wrong() } else { precision.of_right() }
}

/// Sums of precisions, for either class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Precision {
    total: Below,
    right: f64,
    wrong: f64,
}

impl Precision {
    pub fn new(total: Below) -> Self {
        Self { total, right: 0.0, wrong: 0.0 }
    }

    pub fn of_right(self) -> f64 {
        self.right / self.total.right // 0 / 0 is NaN
    }

    pub fn of_wrong(self) -> f64 {
        self.wrong / self.total.wrong
    }
}

impl Fold for Precision {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        let (right, wrong) = (self.total.right - below.right, self.total.wrong - below.wrong);
        self.right += tie.right * (right / (right + wrong));
        let (right, wrong) = (below.right + tie.right, below.wrong + tie.wrong);
        self.wrong += tie.wrong * (wrong / (right + wrong));
    }

    fn join(&mut self, next: Self) {
        self.right += next.right;
        self.wrong += next.wrong;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_areas_with_ties() {
        let q = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
        let c = [false, true, false, false, true, false, true, true, true, false];
        let pairs = Pairs::scores("confidence", &q, &c, None).unwrap();
        assert!((auprc(&pairs, false) - 0.627_777_777_777_777_8).abs() < 1e-15);
        assert!((auprc(&pairs, true) - 0.716_666_666_666_666_7).abs() < 1e-15);
        let none = Pairs::scores("confidence", &q, &[true; 10], None).unwrap();
        assert!(auprc(&none, true).is_nan() && auprc(&none, false) == 1.0);
    }
}
