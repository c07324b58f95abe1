//! The prediction-rejection ratio.

use crate::float::Real;
use crate::ranked::value_of;
use crate::{Error, Result, pool};

/// How much of the gain of an oracle one has by rejecting the most uncertain answers first: 1 is the oracle's, 0 that
/// of rejecting at random, below 0 is worse. NaN where all qualities are equal or nothing may be rejected.
///
/// The area under the mean quality of what is left, over the rejection of none up to `max_rejection` of the rows;
/// equal uncertainties in random order, on average.
///
/// # Errors
/// [`Error::NoRows`], [`Error::Length`], [`Error::Value`] for what is not finite, [`Error::Setting`] for a
/// `max_rejection` outside (0, 1].
///
/// # Example
/// ```
/// use uncal_core::prr;
/// assert_eq!(prr(&[0.1, 0.2, 0.3], &[1.0, 0.5, 0.0], 1.0)?, 1.0);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn prr<T: Real>(uncertainty: &[T], quality: &[f64], max_rejection: f64) -> Result<f64> {
    let expected = uncertainty.len();
    if expected == 0 {
        return Err(Error::NoRows { name: "uncertainty" });
    }
    if quality.len() != expected {
        return Err(Error::Length { name: "quality", len: quality.len(), expected });
    }
    if let Some(row) = uncertainty.iter().position(|x| !x.widen().is_finite()) {
        return Err(Error::Value { name: "uncertainty", row, value: uncertainty[row].widen(), needed: "finite" });
    }
    if let Some(row) = quality.iter().position(|x| !(-1e100..=1e100).contains(x)) {
        return Err(Error::Value { name: "quality", row, value: quality[row], needed: "a number below 1e100" });
    }
    if !(max_rejection > 0.0 && max_rejection <= 1.0) {
        return Err(Error::setting("max_rejection", max_rejection, "a number above 0 and up to 1"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of the rows
    let rejected = (max_rejection * expected as f64).floor() as usize;
    let mut by_certainty: Vec<(u64, u64)> =
        uncertainty.iter().zip(quality).map(|(x, &g)| (x.order(), g.order())).collect();
    pool::sort(&mut by_certainty);
    let mut best: Vec<u64> = quality.iter().map(|&g| !g.order()).collect();
    pool::sort(&mut best);
    if rejected == 0 || best.first() == best.last() {
        return Ok(f64::NAN);
    }
    let mean = quality.iter().sum::<f64>() / expected as f64;
    // qualities less their mean, whose area at random is 0
    let value = |order: u64| value_of(order) - mean;
    let ours = area(
        by_certainty.chunk_by(|a, b| a.0 == b.0).map(|tie| {
            let sum: f64 = tie.iter().map(|row| value(row.1)).sum();
            (tie.len(), sum / tie.len() as f64)
        }),
        expected - rejected,
    );
    let oracle = area(best.iter().map(|&order| (1, value(!order))), expected - rejected);
    Ok(ours / oracle)
}

/// The sum of the means of the first k, for k above `from`, of groups of equal values.
fn area(groups: impl Iterator<Item = (usize, f64)>, from: usize) -> f64 {
    let (mut k, mut sum, mut area) = (0_usize, 0.0, 0.0);
    for (count, mean) in groups {
        for _ in 0..count {
            k += 1;
            sum += mean;
            if k > from {
                area += sum / k as f64;
            }
        }
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ratios_with_ties() {
        let q = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
        let u = q.map(|q| 1.0 - q);
        let g = [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        assert!((prr(&u, &g, 1.0).unwrap() - 0.301_352_181_9).abs() < 1e-10);
        assert!((prr(&u, &g, 0.5).unwrap() - 0.489_100_817_4).abs() < 1e-10);
        assert!((prr(&u, &g.map(|g| 3.0 * g - 7.0), 0.5).unwrap() - 0.489_100_817_4).abs() < 1e-10);
        assert!(prr(&u, &[0.5; 10], 1.0).unwrap().is_nan());
        assert!(prr(&u, &g, 0.05).unwrap().is_nan());
        let oracle = g.map(|g| -g);
        assert_eq!(prr(&oracle, &g, 1.0).unwrap(), 1.0);
    }
}
