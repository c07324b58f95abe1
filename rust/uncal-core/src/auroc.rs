//! The area under the ROC curve.

use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};
use crate::{Error, Pairs, Result, normal};

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

/// An AUROC and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AurocInterval {
    /// The AUROC.
    pub value: f64,
    /// The ends of the interval, cut to `[0, 1]`.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The standard error.
    pub std_error: f64,
    /// The share of pairs of a right and a wrong row that have equal values.
    pub ties: f64,
}

/// The AUROC with the interval of `DeLong`, `DeLong` and Clarke-Pearson (1988) at `level`, such as 0.95: normal, with the
/// variance of the placements of rows among those of the other class. NaN ends where a class has a single row.
///
/// # Errors
/// [`Error::Setting`] for a level outside (0, 1).
pub fn auroc_interval<T: Real>(scores: &Pairs<'_, T>, level: f64) -> Result<AurocInterval> {
    if !(level > 0.0 && level < 1.0) {
        return Err(Error::setting("level", level, "a number between 0 and 1"));
    }
    let ranked = Ranked::new(scores);
    let total = ranked.total;
    let found = ranked.fold(Placements::default);
    let value = found.won.area(total);
    // the variance of placements, each between 0 and 1, over the number of rows placed
    let part = |squares: f64, mean: f64, rows: f64, others: f64| {
        let mean_square = squares / (4.0 * others * others * rows);
        (mean_square - mean * mean).max(0.0) / (rows - 1.0).max(0.0)
    };
    let variance =
        part(found.right, value, total.right, total.wrong) + part(found.wrong, 1.0 - value, total.wrong, total.right);
    let std_error = variance.sqrt();
    let half = normal::quantile(f64::midpoint(1.0, level)) * std_error;
    let (low, high) = (value - half, value + half);
    let (low, high) = if half.is_finite() { (low.max(0.0), high.min(1.0)) } else { (f64::NAN, f64::NAN) };
    Ok(AurocInterval { value, low, high, std_error, ties: found.tied / (total.right * total.wrong) })
}

/// Sums of squares of twice the number of rows of the other class on the losing side of each row.
#[derive(Clone, Copy, Debug, Default)]
struct Placements {
    won: Won,
    right: f64,
    wrong: f64,
    tied: f64,
}

impl Fold for Placements {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        self.won.tie(below, tie);
        let beaten = 2.0 * below.wrong + tie.wrong;
        self.right += tie.right * beaten * beaten;
        self.tied += tie.right * tie.wrong;
        // those above a wrong row would do as well: they are the others
        let under = 2.0 * below.right + tie.right;
        self.wrong += tie.wrong * under * under;
    }

    fn join(&mut self, next: Self) {
        self.won.join(next.won);
        self.right += next.right;
        self.wrong += next.wrong;
        self.tied += next.tied;
    }
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

    #[test]
    fn the_interval_is_that_of_placements_by_hand() {
        let q = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
        let c = [false, true, false, false, true, false, true, true, true, false];
        let found = auroc_interval(&Pairs::scores("confidence", &q, &c, None).unwrap(), 0.95).unwrap();
        let placed = |x: f64, others: bool| {
            let beats = |y: f64| {
                if x > y {
                    1.0
                } else if x == y {
                    0.5
                } else {
                    0.0
                }
            };
            q.iter().zip(&c).filter(|row| *row.1 == others).map(|row| beats(*row.0)).sum::<f64>() / 5.0
        };
        let variance = |class: bool| {
            let all: Vec<f64> =
                q.iter().zip(&c).filter(|row| *row.1 == class).map(|row| placed(*row.0, !class)).collect();
            let mean = all.iter().sum::<f64>() / 5.0;
            all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4.0
        };
        let std_error = ((variance(true) + variance(false)) / 5.0).sqrt();
        assert!((found.std_error - std_error).abs() < 1e-15, "{found:?} {std_error}");
        assert!(
            (found.high - 1.0).abs() < 1e-15 && (found.low - (0.7 - 1.959_963_984_540_054 * std_error)).abs() < 1e-14
        );
        assert!((found.ties - 3.0 / 25.0).abs() < 1e-15);
        let one = auroc_interval(&Pairs::scores("x", &[0.1, 0.2], &[true, false], None).unwrap(), 0.95).unwrap();
        assert!(one.low.is_nan() && one.value == 0.0);
    }
}
