//! The Brier score.

use crate::Pairs;
use crate::float::Real;
use crate::sum::sum;

/// The mean squared difference between confidence and verdict: 0 is perfect, 1/4 is a coin's, 1 is the worst.
///
/// # Example
/// ```
/// use uncal_core::{Pairs, brier};
/// let pairs = Pairs::confidences(&[1.0, 0.5], &[true, false], None)?;
/// assert_eq!(brier(&pairs), 0.125);
/// # Ok::<(), uncal_core::Error>(())
/// ```
#[must_use]
pub fn brier<T: Real>(confidences: &Pairs<'_, T>) -> f64 {
    let [squares] = sum(confidences.len(), 4, |i| {
        let miss = confidences.value(i) - f64::from(u8::from(confidences.correct(i)));
        [confidences.weight(i) * miss * miss]
    });
    squares / confidences.total()
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    #[test]
    fn known_score() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        assert!((brier(&pairs) - 0.24925).abs() < 1e-15);
    }

    #[test]
    fn weights_repeat_rows() {
        let weighted = Pairs::confidences(&[0.2, 0.7], &[true, false], Some(&[3.0, 1.0])).unwrap();
        assert!((brier(&weighted) - (3.0 * 0.64 + 0.49) / 4.0).abs() < 1e-15);
    }
}
