//! The parts of the Brier score by isotonic regression.

use crate::fit::shares;
use crate::float::Real;
use crate::{Pairs, Result, brier};

/// Brier score = `miscalibration` - `discrimination` + `uncertainty` (Dimitriadis, Gneiting and Jordan 2021).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CorpParts {
    /// What the best curve that never falls takes off the score; 0 is calibrated.
    pub miscalibration: f64,
    /// What the curve is better than a constant: the higher the better.
    pub discrimination: f64,
    /// The variance of the verdicts, which no confidence changes.
    pub uncertainty: f64,
}

/// The parts of the Brier score, confidences recalibrated by isotonic regression in place of bins.
///
/// # Errors
/// Those of [`brier`].
///
/// # Example
/// ```
/// use uncal_core::{Pairs, brier_corp};
/// let pairs = Pairs::confidences(&[0.5, 0.5, 1.0, 1.0], &[true, false, true, true], None)?;
/// let parts = brier_corp(&pairs)?;
/// assert_eq!((parts.miscalibration, parts.discrimination, parts.uncertainty), (0.0, 0.0625, 0.1875));
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn brier_corp<T: Real>(confidences: &Pairs<'_, T>) -> Result<CorpParts> {
    let rows = confidences.total();
    let uncertainty = confidences.right() / rows * (confidences.wrong() / rows);
    // the score of a block whose confidence is its accuracy p: p (1 - p)^2 + (1 - p) p^2
    let recalibrated =
        shares(confidences).into_iter().map(|(right, wrong)| right * (wrong / (right + wrong))).sum::<f64>() / rows;
    Ok(CorpParts {
        // rounding must not make a part negative
        miscalibration: (brier(confidences)? - recalibrated).max(0.0),
        discrimination: (uncertainty - recalibrated).max(0.0),
        uncertainty,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parts() {
        let q = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
        let c = [false, true, false, false, true, false, true, true, true, false];
        let parts = brier_corp(&Pairs::confidences(&q, &c, None).unwrap()).unwrap();
        assert!((parts.miscalibration - 0.057_583_333_333).abs() < 1e-12);
        assert!((parts.discrimination - 0.058_333_333_333).abs() < 1e-12);
        assert!((parts.uncertainty - 0.25).abs() < 1e-15);
    }

    #[test]
    fn an_order_turned_round_discriminates_nothing() {
        let parts = brier_corp(&Pairs::confidences(&[0.2, 0.8], &[true, false], None).unwrap()).unwrap();
        assert_eq!((parts.discrimination, parts.uncertainty), (0.0, 0.25));
        assert!((parts.miscalibration - 0.39).abs() < 1e-15);
    }
}
