//! Claim-conditioned probability: how sure the words of a claim are, given what kind of claim it is.

use ndarray::ArrayView2;

use crate::sequence::is_logprob;
use crate::{Error, Float, Groups, Result};

/// The claim-conditioned probability of each claim: the product over its tokens of E / (E + C), with E the probability
/// of the alternatives that entail the token that was written, itself included, and C of those that contradict it.
///
/// # Arguments
/// * `top` - (T, k), log-probabilities of the alternatives at each place, -infinity where there are fewer
/// * `classes` - (T, k) row by row: 1 entails, 0 is neutral and does not count, -1 contradicts
/// * `offsets` - (S + 1), claim s is tokens `offsets[s]..offsets[s + 1]`
///
/// Returns (S), in `[0, 1]`, higher is surer. A token of which nothing counts has 1.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::Length`], [`Error::Value`].
pub fn claim_conditioned_probability<T: Float>(
    top: ArrayView2<'_, T>,
    classes: &[i64],
    offsets: &[i64],
) -> Result<Vec<f64>> {
    let claims = Groups::new(offsets, top.nrows())?;
    let k = top.ncols();
    if classes.len() != top.len() {
        return Err(Error::Length { name: "classes", len: classes.len(), expected: top.len() });
    }
    if let Some(at) = classes.iter().position(|class| !(-1..=1).contains(class)) {
        let needed = "1 (entails), 0 (neutral) or -1 (contradicts)";
        return Err(Error::Value { name: "classes", row: at / k, value: classes[at] as f64, needed });
    }
    claims.par_map(k.saturating_mul(24), |_, rows| {
        let mut product = 0.0;
        for row in rows {
            let logs = top.row(row);
            if let Some(wrong) = logs.iter().map(|l| l.widen()).find(|&l| !is_logprob(l)) {
                let needed = "log-probabilities: at most 0, or -infinity";
                return Err(Error::Value { name: "top_logprobs", row, value: wrong, needed });
            }
            let highest = logs.iter().map(|l| l.widen()).fold(f64::NEG_INFINITY, f64::max);
            let (mut entailed, mut contradicted) = (0.0, 0.0);
            for (log, class) in logs.iter().zip(&classes[row * k..(row + 1) * k]) {
                let mass = if highest == f64::NEG_INFINITY { 0.0 } else { (log.widen() - highest).exp() };
                match class {
                    1 => entailed += mass,
                    -1 => contradicted += mass,
                    _ => {}
                }
            }
            if contradicted > 0.0 {
                product += (entailed / (entailed + contradicted)).ln();
            }
        }
        Ok(f64::exp(product))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn known_claims() {
        let top = array![[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]].mapv(f64::ln);
        let of = |offsets: &[i64]| claim_conditioned_probability(top.view(), &[1, -1, 0, 1, 1, -1], offsets).unwrap();
        assert!((of(&[0, 2])[0] - 0.622_222_222_2).abs() < 1e-10);
        assert!((of(&[0, 1, 2])[1] - 0.8).abs() < 1e-15);
        let low: Array2<f64> = array![[-1.0, f64::NEG_INFINITY], [f64::NEG_INFINITY, f64::NEG_INFINITY]];
        assert_eq!(claim_conditioned_probability(low.view(), &[0, 1, -1, 1], &[0, 1, 2]).unwrap(), [1.0, 1.0]);
        assert_eq!(claim_conditioned_probability(low.view(), &[-1, 1, 0, 0], &[0, 2]).unwrap(), [0.0]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let fails = |top: Array2<f64>, classes: &[i64]| {
            claim_conditioned_probability(top.view(), classes, &[0, 2]).unwrap_err().to_string()
        };
        let fine = || array![[-1.0], [-2.0]];
        assert_eq!(
            fails(fine(), &[1, 2]),
            "classes: row 1 is 2.0, must be 1 (entails), 0 (neutral) or -1 (contradicts)"
        );
        assert_eq!(fails(fine(), &[1]), "classes: has 1 rows, 2 expected");
        assert!(fails(array![[-1.0], [f64::NAN]], &[1, 1]).starts_with("top_logprobs: row 1 is NaN"));
    }
}
