//! How densely samples lie around an answer, by meaning.

use crate::{Error, Groups, Result};

/// The semantic density of each group's answer: the mean of 1 - C - N / 2 over its samples, weighed by their
/// probabilities, with C and N = 1 - E - C how likely the answer contradicts a sample, or is neutral to it.
///
/// # Arguments
/// * `logprobs` - (K), the length-normalised log-probability of each sample; -infinity for one that does not count
/// * `entail`, `contra` - (K), E and C, in `[0, 1]` and together 1 at most
/// * `answer_logprobs` - (P), those of the answers, if they count as samples that they agree with
/// * `offsets` - (P + 1), group p is rows `offsets[p]..offsets[p + 1]`
///
/// Returns (P), in `[0, 1]`, higher is surer. Where no probability is above 0 all count alike.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::Length`], [`Error::Value`].
///
/// # Example
/// ```
/// use uncal_core::semantic_density;
/// let logs = [0.5_f64.ln(), 0.3_f64.ln(), 0.2_f64.ln()];
/// let density = semantic_density(&logs, &[0.9, 0.05, 0.3], &[0.0, 0.9, 0.2], None, &[0, 3])?[0];
/// assert!((density - 0.6075).abs() < 1e-12);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn semantic_density(
    logprobs: &[f64],
    entail: &[f64],
    contra: &[f64],
    answer_logprobs: Option<&[f64]>,
    offsets: &[i64],
) -> Result<Vec<f64>> {
    let groups = Groups::new(offsets, logprobs.len())?;
    for (name, values) in [("entail", entail), ("contra", contra)] {
        if values.len() != logprobs.len() {
            return Err(Error::Length { name, len: values.len(), expected: logprobs.len() });
        }
        if let Some(row) = values.iter().position(|p| !(0.0..=1.0).contains(p)) {
            return Err(Error::Value { name, row, value: values[row], needed: "a probability in [0, 1]" });
        }
    }
    if let Some(row) = (0..entail.len()).find(|&row| entail[row] + contra[row] > 1.001) {
        let needed = "at most 1 less the probability of entailment";
        return Err(Error::Value { name: "contra", row, value: contra[row], needed });
    }
    if let Some(of) = answer_logprobs
        && of.len() != groups.len()
    {
        return Err(Error::Length { name: "answer_logprobs", len: of.len(), expected: groups.len() });
    }
    for (name, values) in [("logprobs", Some(logprobs)), ("answer_logprobs", answer_logprobs)] {
        let wrong = |values: &[f64]| values.iter().position(|s| s.is_nan() || *s == f64::INFINITY);
        if let Some((values, row)) = values.and_then(|values| Some((values, wrong(values)?))) {
            return Err(Error::Value { name, row, value: values[row], needed: "a number or -infinity" });
        }
    }
    groups.par_map(24, |p, rows| {
        let own = answer_logprobs.map(|of| of[p]);
        let highest = logprobs[rows.clone()].iter().copied().chain(own).fold(f64::NEG_INFINITY, f64::max);
        let mass = |s: f64| if highest == f64::NEG_INFINITY { 1.0 } else { (s - highest).exp() };
        let own = own.map_or(0.0, mass);
        let (mut total, mut near) = (own, own);
        for row in rows {
            let mass = mass(logprobs[row]);
            total += mass;
            near += mass * f64::midpoint(1.0, entail[row] - contra[row]);
        }
        Ok((near / total).clamp(0.0, 1.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_itself_is_as_near_as_can_be() {
        let of = |own: Option<f64>| {
            semantic_density(&[-1.0], &[0.0], &[1.0], own.as_ref().map(std::slice::from_ref), &[0, 1]).unwrap()[0]
        };
        assert_eq!(of(None), 0.0);
        assert!((of(Some(-1.0)) - 0.5).abs() < 1e-15);
        assert_eq!(of(Some(f64::NEG_INFINITY)), 0.0);
        let low = [f64::NEG_INFINITY; 2];
        assert_eq!(semantic_density(&low, &[1.0, 0.0], &[0.0, 1.0], None, &[0, 2]).unwrap(), [0.5]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let fails = |s: &[f64], e: &[f64], c: &[f64], own: Option<&[f64]>| {
            semantic_density(s, e, c, own, &[0, 2]).unwrap_err().to_string()
        };
        let (s, half) = ([-1.0, -2.0], [0.5, 0.5]);
        assert_eq!(fails(&s, &[0.5, 1.5], &half, None), "entail: row 1 is 1.5, must be a probability in [0, 1]");
        assert!(fails(&s, &half, &[0.5, 0.6], None).starts_with("contra: row 1 is 0.6"));
        assert_eq!(fails(&s, &half, &[0.5], None), "contra: has 1 rows, 2 expected");
        assert_eq!(fails(&s, &half, &half, Some(&[])), "answer_logprobs: has 0 rows, 1 expected");
        assert!(fails(&s, &half, &half, Some(&[f64::NAN])).starts_with("answer_logprobs: row 0 is NaN"));
        assert!(fails(&[-1.0, f64::INFINITY], &half, &half, None).starts_with("logprobs: row 1 is inf"));
    }
}
