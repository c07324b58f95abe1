//! What every metric reads: a number for each answer, and whether the answer was right.

use crate::sum::sum;
use crate::{Error, Result};

/// Checked rows: a finite value, a verdict and perhaps a weight each, at least one, the weights not all zero.
///
/// A weight counts repetitions: a row of weight 2 is that row twice, a row of weight 0 is not there.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    values: &'a [f64],
    correct: &'a [bool],
    weights: Option<&'a [f64]>,
    right: f64,
    wrong: f64,
}

impl<'a> Pairs<'a> {
    /// Rows whose values are probabilities.
    ///
    /// # Errors
    /// Those of [`Pairs::scores`], and [`Error::Value`] for a value outside `[0, 1]`.
    pub fn confidences(values: &'a [f64], correct: &'a [bool], weights: Option<&'a [f64]>) -> Result<Self> {
        let name = "confidence";
        first_bad(name, values, "a number in [0, 1]", |x| (0.0..=1.0).contains(&x))?;
        Self::scores(name, values, correct, weights)
    }

    /// Rows with any finite values; `name` is what an error calls them.
    ///
    /// # Errors
    /// [`Error::NoRows`], [`Error::Length`], [`Error::Value`] for a value that is not finite or a negative weight,
    /// [`Error::WeightSum`].
    pub fn scores(
        name: &'static str,
        values: &'a [f64],
        correct: &'a [bool],
        weights: Option<&'a [f64]>,
    ) -> Result<Self> {
        let expected = values.len();
        if expected == 0 {
            return Err(Error::NoRows { name });
        }
        if correct.len() != expected {
            return Err(Error::Length { name: "correct", len: correct.len(), expected });
        }
        first_bad(name, values, "finite", f64::is_finite)?;
        if let Some(weights) = weights {
            if weights.len() != expected {
                return Err(Error::Length { name: "weights", len: weights.len(), expected });
            }
            first_bad("weights", weights, "finite and at least 0", |x| x.is_finite() && x >= 0.0)?;
        }
        let mut pairs = Self { values, correct, weights, right: 0.0, wrong: 0.0 };
        [pairs.right, pairs.wrong] = sum(expected, 1, |i| {
            let weight = pairs.weight(i);
            if correct[i] { [weight, 0.0] } else { [0.0, weight] }
        });
        if (1e-100..=1e100).contains(&pairs.total()) { Ok(pairs) } else { Err(Error::WeightSum { sum: pairs.total() }) }
    }

    /// The number of rows.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never is
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of row `i`.
    #[must_use]
    pub fn value(&self, i: usize) -> f64 {
        self.values[i]
    }

    /// Whether row `i` is right.
    #[must_use]
    pub fn correct(&self, i: usize) -> bool {
        self.correct[i]
    }

    /// How often row `i` counts.
    #[must_use]
    pub fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[i])
    }

    /// Whether rows have weights of their own.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    /// The sum of the weights of right rows.
    #[must_use]
    pub fn right(&self) -> f64 {
        self.right
    }

    /// The sum of the weights of wrong rows.
    #[must_use]
    pub fn wrong(&self) -> f64 {
        self.wrong
    }

    /// The sum of all weights.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.right + self.wrong
    }
}

fn first_bad(name: &'static str, values: &[f64], needed: &'static str, good: impl Fn(f64) -> bool) -> Result<()> {
    match values.iter().position(|&x| !good(x)) {
        Some(row) => Err(Error::Value { name, row, value: values[row], needed }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_row_is_named() {
        let fails = |values: &[f64], correct: &[bool], weights: Option<&[f64]>| {
            Pairs::confidences(values, correct, weights).unwrap_err().to_string()
        };
        assert_eq!(fails(&[], &[], None), "confidence: empty, needs at least one row");
        assert_eq!(fails(&[0.5], &[], None), "correct: has 0 rows, 1 expected");
        assert_eq!(fails(&[0.5, 1.5], &[true; 2], None), "confidence: row 1 is 1.5, must be a number in [0, 1]");
        assert_eq!(fails(&[f64::NAN], &[true], None), "confidence: row 0 is NaN, must be a number in [0, 1]");
        assert_eq!(fails(&[0.5], &[true], Some(&[])), "weights: has 0 rows, 1 expected");
        assert_eq!(fails(&[0.5], &[true], Some(&[-1.0])), "weights: row 0 is -1.0, must be finite and at least 0");
        for sum in [0.0, 1e-101, 1e101] {
            let text = format!("weights: their sum is {sum:?}, must lie between 1e-100 and 1e100");
            assert_eq!(fails(&[0.5], &[true], Some(&[sum])), text);
        }
        let error = Pairs::scores("scores", &[1.0, f64::INFINITY], &[true; 2], None).unwrap_err();
        assert_eq!(error.to_string(), "scores: row 1 is inf, must be finite");
    }

    #[test]
    fn weights_add_up_by_verdict() {
        let pairs = Pairs::scores("x", &[-1e9, 2.0, 3.0], &[true, false, true], Some(&[1.0, 2.0, 4.0])).unwrap();
        assert_eq!((pairs.right(), pairs.wrong(), pairs.total()), (5.0, 2.0, 7.0));
    }
}
