//! Log-probabilities weighed by what matters: tokens by their relevance, sentences by those that say the same.

use crate::sequence::is_logprob;
use crate::{Error, Float, Groups, Result, Squares};

/// Minus the mean log-probability of each sequence's tokens, weighed by their relevance (tokenSAR).
///
/// # Arguments
/// * `logprobs` - (T), at most 0, or -infinity
/// * `relevance` - (T), finite; clipped to `[0, 1]`
/// * `offsets` - (S + 1), sequence s is tokens `offsets[s]..offsets[s + 1]`
///
/// Returns (S), 0 or more; the plain mean where no token is relevant. A token without relevance counts for nothing,
/// whatever its log-probability.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::Length`], [`Error::Value`].
///
/// # Example
/// ```
/// use uncal_core::token_sar;
/// let score = token_sar(&[-0.1, -1.0, -0.5], &[0.2, 0.6, 0.2], &[0, 3])?[0];
/// assert!((score - 0.72).abs() < 1e-12);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn token_sar<T: Float>(logprobs: &[T], relevance: &[f64], offsets: &[i64]) -> Result<Vec<f64>> {
    let sequences = Groups::new(offsets, logprobs.len())?;
    if relevance.len() != logprobs.len() {
        return Err(Error::Length { name: "relevance", len: relevance.len(), expected: logprobs.len() });
    }
    let mut scores = vec![0.0; sequences.len()];
    sequences.par_fill(
        &mut scores,
        |s| s + 1,
        |n| n.saturating_mul(2),
        || (),
        |(), run, scores| {
            for (s, score) in run.zip(scores) {
                let (mut surprise, mut weight, mut plain) = (0.0, 0.0, 0.0);
                let rows = sequences.rows(s);
                for row in rows.clone() {
                    let (log, r) = (logprobs[row].widen(), relevance[row]);
                    if !is_logprob(log) {
                        let needed = "a log-probability: at most 0, or -infinity";
                        return Err(Error::Value { name: "logprobs", row, value: log, needed });
                    }
                    if !r.is_finite() {
                        return Err(Error::Value { name: "relevance", row, value: r, needed: "finite" });
                    }
                    let (r, less) = (r.clamp(0.0, 1.0), 0.0 - log.min(0.0));
                    surprise += if r == 0.0 { 0.0 } else { r * less };
                    weight += r;
                    plain += less;
                }
                *score = if weight == 0.0 { plain / rows.len() as f64 } else { surprise / weight };
            }
            Ok(())
        },
    )?;
    Ok(scores)
}

/// The mean surprise of each group's sequences, each counted together with those that say the same (sentSAR): the mean
/// over i of -ln(`p_i` + sum over j != i of `g_ij` `p_j` / t), with p = exp(logprobs).
///
/// # Arguments
/// * `logprobs` - (K), any number or -infinity
/// * `similarity` - the (n, n) similarities g of the groups, 0 or more; the diagonal is not read
/// * `t` - above 0
///
/// Returns (P), any number; infinite where a sequence of a group has no probability and nothing like it has any.
///
/// # Errors
/// [`Error::Length`], [`Error::Value`], [`Error::Entry`], [`Error::Setting`].
pub fn sentence_sar<T: Float>(logprobs: &[f64], similarity: &Squares<'_, T>, t: f64) -> Result<Vec<f64>> {
    let groups = similarity.groups();
    if logprobs.len() != groups.n_rows() {
        return Err(Error::Length { name: "logprobs", len: logprobs.len(), expected: groups.n_rows() });
    }
    if !(t > 0.0 && t.is_finite()) {
        return Err(Error::setting("t", t, "a finite number above 0"));
    }
    if let Some(row) = logprobs.iter().position(|&s| s.is_nan() || s == f64::INFINITY) {
        return Err(Error::Value { name: "logprobs", row, value: logprobs[row], needed: "a number or -infinity" });
    }
    groups.par_map(groups.n_rows() / groups.len().max(1) * 4, |p, rows| {
        let n = rows.len();
        let logs = &logprobs[rows];
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mass = |j: usize| if highest == f64::NEG_INFINITY { 0.0 } else { (logs[j] - highest).exp() };
        let masses: Vec<f64> = (0..n).map(mass).collect();
        let mut sum = 0.0;
        for (i, row) in similarity.matrix(p).chunks_exact(n).enumerate() {
            let mut alike = 0.0;
            for (j, g) in row.iter().enumerate().filter(|&(j, _)| j != i) {
                let g = g.widen();
                if !(g >= 0.0 && g.is_finite()) {
                    return Err(similarity.wrong(p, i * n + j, "finite and at least 0"));
                }
                alike += g * masses[j];
            }
            sum -= (masses[i] + alike / t).ln() + highest;
        }
        // an infinite highest was added to an infinite logarithm
        Ok(if sum.is_nan() { f64::INFINITY } else { sum / n as f64 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_scores() {
        let logs = [0.5_f64.ln(), 0.2_f64.ln(), 0.1_f64.ln()];
        let g = [1.0, 0.8, 0.1, 0.8, 1.0, 0.2, 0.1, 0.2, 1.0];
        let similarity = Squares::new("similarity", &g, &[0, 3]).unwrap();
        let of = |t| sentence_sar(&logs, &similarity, t).unwrap()[0];
        assert!((of(0.001) + 5.226_795_416_6).abs() < 1e-10);
        assert!((of(1.0) - 0.846_414_858_1).abs() < 1e-10);
    }

    #[test]
    fn without_relevance_or_probability_there_is_a_score_still() {
        let low = f64::NEG_INFINITY;
        assert_eq!(token_sar(&[-1.0_f32, -3.0], &[0.0, -0.5], &[0, 2]).unwrap(), [2.0]);
        assert_eq!(token_sar(&[low, -3.0], &[0.0, 7.0], &[0, 2]).unwrap(), [3.0]);
        let pair = Squares::new("similarity", &[1.0, 0.0, 0.5, 1.0], &[0, 2]).unwrap();
        assert_eq!(sentence_sar(&[low, low], &pair, 1.0).unwrap(), [f64::INFINITY]);
        assert_eq!(sentence_sar(&[low, -1.0], &pair, 1.0).unwrap(), [f64::INFINITY]);
        assert!(sentence_sar(&[-1.0, low], &pair, 1.0).unwrap()[0].is_finite());
        let lone = Squares::new("similarity", &[f64::NAN], &[0, 1]).unwrap();
        assert_eq!(sentence_sar(&[-2.5], &lone, 0.001).unwrap(), [2.5]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let fails = |logs: &[f64], r: &[f64]| token_sar(logs, r, &[0, 2]).unwrap_err().to_string();
        assert!(fails(&[-1.0, 2.0], &[0.1, 0.2]).starts_with("logprobs: row 1 is 2.0"));
        assert_eq!(fails(&[-1.0, -2.0], &[0.1, f64::NAN]), "relevance: row 1 is NaN, must be finite");
        assert_eq!(fails(&[-1.0, -2.0], &[0.1]), "relevance: has 1 rows, 2 expected");
        let pair = Squares::new("similarity", &[1.0, -0.1, 0.5, 1.0], &[0, 2]).unwrap();
        let error = sentence_sar(&[-1.0, -1.0], &pair, 1.0).unwrap_err().to_string();
        assert_eq!(error, "similarity: entry (0, 1) of group 0 is -0.1, must be finite and at least 0");
        assert!(sentence_sar(&[-1.0, -1.0], &pair, 0.0).is_err());
        assert!(sentence_sar(&[-1.0], &pair, 1.0).is_err());
        assert!(sentence_sar(&[-1.0, f64::NAN], &pair, 1.0).is_err());
    }
}
