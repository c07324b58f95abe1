//! The area under the ROC curve.

use crate::Pairs;
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};

/// The chance that a right answer has a higher value than a wrong one, ties counting one half; NaN where all are
/// right or all wrong. Time O(K) where values are spread about evenly, O(K log K) at most.
///
/// # Example
/// ```
/// use uncal_core::{Pairs, auroc};
/// let pairs = Pairs::scores("confidence", &[0.1, 0.4, 0.4, 7.0], &[false, false, true, true], None)?;
/// assert_eq!(auroc(&pairs), 0.875);
/// # Ok::<(), uncal_core::Error>(())
/// ```
#[must_use]
pub fn auroc<T: Real>(scores: &Pairs<'_, T>) -> f64 {
    let ranked = Ranked::new(scores);
    ranked.fold(Won::default).area(ranked.total)
}

/// Twice the pairs of a right and a wrong row that the right one wins: integers where weights are, so exact.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Won(f64);

impl Fold for Won {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        self.0 += tie.right * (2.0 * below.wrong + tie.wrong);
    }

    fn join(&mut self, next: Self) {
        self.0 += next.0;
    }
}

impl Won {
    pub fn area(self, total: Below) -> f64 {
        self.0 / (2.0 * total.right * total.wrong) // 0 / 0 is NaN
    }
}

pub(crate) fn of_ties(ties: &crate::ties::Ties) -> f64 {
    let (won, right, wrong) = ties
        .iter()
        .fold((0.0, 0.0, 0.0), |(won, right, below), (_, r, w)| (won + r * (2.0 * below + w), right + r, below + w));
    won / (2.0 * right * wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64], correct: &[bool], weights: Option<&[f64]>) -> f64 {
        auroc(&Pairs::scores("confidence", values, correct, weights).unwrap())
    }

    #[test]
    fn known_area_with_ties() {
        let q = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
        let c = [false, true, false, false, true, false, true, true, true, false];
        assert_eq!(of(&q, &c, None), 0.7);
        assert_eq!(of(&q.map(|q| -q), &c, None), 0.3);
        assert_eq!(of(&[3.0; 10], &c, None), 0.5);
    }

    #[test]
    fn one_class_has_no_area() {
        assert!(of(&[0.1, 0.2], &[true, true], None).is_nan());
        assert!(of(&[0.1], &[false], None).is_nan());
        assert!(of(&[0.1, 0.2], &[true, false], Some(&[1.0, 0.0])).is_nan());
    }

    #[test]
    fn weights_repeat_rows_whatever_their_scale() {
        for scale in [1e-99, 1.0, 1e99] {
            let weights = [2.0 * scale, scale, scale];
            let area = of(&[0.1, 0.2, 0.1], &[false, false, true], Some(&weights));
            assert!((area - 1.0 / 3.0).abs() < 1e-15, "{scale:e}: {area}");
        }
    }
}
