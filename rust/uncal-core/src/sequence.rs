//! What the log-probabilities of a sequence's tokens say of the sequence.

use crate::sum::pairwise;
use crate::{Error, Float, Groups, Result};

/// How far above 0 a log-probability may lie: what a low-precision softmax leaves.
const SLACK: f64 = 1e-3;

/// The log-probability of each sequence, in nats: the sum of those of its tokens, or their mean.
///
/// # Arguments
/// * `logprobs` - (T), at most 0; what is above by less than 0.001 counts as 0
/// * `offsets` - (S + 1), sequence s is tokens `offsets[s]..offsets[s + 1]`
///
/// Returns (S), at most 0, -infinity with a token of -infinity.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::Value`].
///
/// # Example
/// ```
/// use uncal_core::sequence_logprobs;
/// assert_eq!(sequence_logprobs(&[-1.0, -2.0, -0.5], &[0, 2, 3], true)?, [-1.5, -0.5]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn sequence_logprobs<T: Float>(logprobs: &[T], offsets: &[i64], mean: bool) -> Result<Vec<f64>> {
    let sequences = Groups::new(offsets, logprobs.len())?;
    let mut sums = vec![0.0; sequences.len()];
    sequences.par_fill(
        &mut sums,
        |s| s + 1,
        |n| n,
        || (),
        |(), run, sums| {
            for (s, sum) in run.zip(sums) {
                let rows = sequences.rows(s);
                check(logprobs, &rows)?;
                let [total] = pairwise(rows.start, rows.end, &|i| [logprobs[i].widen().min(0.0)]);
                *sum = if mean { total / rows.len() as f64 } else { total };
            }
            Ok(())
        },
    )?;
    Ok(sums)
}

/// Quantiles of the log-probabilities of each sequence's tokens, linear between them: h = (n - 1) alpha lies between
/// the tokens of rank floor(h) and floor(h) + 1, from 0, in ascending order.
///
/// # Arguments
/// * `logprobs`, `offsets` - as for [`sequence_logprobs`]
/// * `alphas` - (A), in `[0, 1]`: 0 is the smallest, 1 the largest
///
/// Returns (S * A), those of a sequence next to each other. Between -infinity and a number lies -infinity.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::Value`], of `alphas` also, [`Error::NoRows`] without `alphas`.
pub fn token_quantiles<T: Float>(logprobs: &[T], offsets: &[i64], alphas: &[f64]) -> Result<Vec<f64>> {
    let sequences = Groups::new(offsets, logprobs.len())?;
    if alphas.is_empty() {
        return Err(Error::NoRows { name: "alphas" });
    }
    if let Some(row) = alphas.iter().position(|alpha| !(0.0..=1.0).contains(alpha)) {
        return Err(Error::Value { name: "alphas", row, value: alphas[row], needed: "in [0, 1]" });
    }
    let mut quantiles = vec![0.0; sequences.len() * alphas.len()];
    sequences.par_fill(
        &mut quantiles,
        |s| (s + 1) * alphas.len(),
        |n| n.saturating_mul(16) + alphas.len(),
        Vec::new,
        |sorted, run, quantiles| {
            for (s, quantiles) in run.zip(quantiles.chunks_exact_mut(alphas.len())) {
                let rows = sequences.rows(s);
                check(logprobs, &rows)?;
                sorted.clear();
                sorted.extend(logprobs[rows].iter().map(|l| l.widen().min(0.0)));
                sorted.sort_unstable_by(f64::total_cmp);
                for (quantile, &alpha) in quantiles.iter_mut().zip(alphas) {
                    *quantile = between(sorted, alpha);
                }
            }
            Ok(())
        },
    )?;
    Ok(quantiles)
}

#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // alpha was checked
fn between(sorted: &[f64], alpha: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * alpha;
    let low = sorted[place.floor() as usize];
    let high = sorted[place.ceil() as usize];
    if low == high || low == f64::NEG_INFINITY { low } else { low + (high - low) * place.fract() }
}

/// Find a token whose log-probability is none.
fn check<T: Float>(logprobs: &[T], rows: &std::ops::Range<usize>) -> Result<()> {
    match logprobs[rows.clone()].iter().position(|l| !is_logprob(l.widen())) {
        Some(i) => {
            let row = rows.start + i;
            let needed = "a log-probability: at most 0, or -infinity";
            Err(Error::Value { name: "logprobs", row, value: logprobs[row].widen(), needed })
        }
        None => Ok(()),
    }
}

/// Whether a number can be a log-probability.
pub(crate) fn is_logprob(value: f64) -> bool {
    value <= SLACK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sequences() {
        let logprobs = [-1.0_f32, -3.0, 1e-4, f32::NEG_INFINITY, -1.0];
        let offsets = [0, 2, 3, 5];
        let low = f64::NEG_INFINITY;
        assert_eq!(sequence_logprobs(&logprobs, &offsets, false).unwrap(), [-4.0, 0.0, low]);
        assert_eq!(sequence_logprobs(&logprobs, &offsets, true).unwrap(), [-2.0, 0.0, low]);
        let quantiles = token_quantiles(&logprobs, &offsets, &[0.0, 0.25, 1.0]).unwrap();
        assert_eq!(quantiles, [-3.0, -2.5, -1.0, 0.0, 0.0, 0.0, low, low, -1.0]);
    }

    #[test]
    fn what_is_no_log_probability_is_named() {
        for wrong in [0.5, f64::NAN, f64::INFINITY] {
            let error = sequence_logprobs(&[-1.0, wrong], &[0, 1, 2], false).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("logprobs: row 1 is {wrong:?}, must be a log-probability: at most 0, or -infinity")
            );
            assert_eq!(token_quantiles(&[-1.0, wrong], &[0, 1, 2], &[0.5]).unwrap_err().to_string(), error);
        }
        let error = sequence_logprobs(&[-1.0], &[0, 1, 1], false).unwrap_err();
        assert_eq!(error, Error::EmptyGroup { group: 1 });
        assert_eq!(token_quantiles(&[-1.0], &[0, 1], &[]).unwrap_err(), Error::NoRows { name: "alphas" });
        assert!(token_quantiles(&[-1.0], &[0, 1], &[1.5]).is_err());
    }
}
