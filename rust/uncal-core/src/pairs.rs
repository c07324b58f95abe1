//! What every metric reads: a number for each answer, and whether the answer was right.

use crate::float::Real;
use crate::simd::{Isa, Kernel, Simd};
use crate::sum::sum;
use crate::{Error, Result, pool};

/// Checked rows: a finite value, a verdict and perhaps a weight each, at least one, the weights not all zero.
///
/// A weight counts repetitions: a row of weight 2 is that row twice, a row of weight 0 is not there.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a, T = f64> {
    values: &'a [T],
    correct: &'a [bool],
    weights: Option<&'a [f64]>,
    right: f64,
    wrong: f64,
    low: T,
    high: T,
}

impl<'a, T: Real> Pairs<'a, T> {
    /// Rows whose values are probabilities.
    ///
    /// # Errors
    /// Those of [`Pairs::scores`], and [`Error::Value`] for a value outside `[0, 1]`.
    pub fn confidences(values: &'a [T], correct: &'a [bool], weights: Option<&'a [f64]>) -> Result<Self> {
        let range = (T::nearest(0.0), T::nearest(1.0));
        Self::new("confidence", values, correct, weights, range, "a number in [0, 1]")
    }

    /// Rows with any finite values; `name` is what an error calls them.
    ///
    /// # Errors
    /// [`Error::NoRows`], [`Error::Length`], [`Error::Value`] for a value that is not finite or a negative weight,
    /// [`Error::WeightSum`].
    pub fn scores(
        name: &'static str,
        values: &'a [T],
        correct: &'a [bool],
        weights: Option<&'a [f64]>,
    ) -> Result<Self> {
        Self::new(name, values, correct, weights, (T::LOWEST, T::HIGHEST), "finite")
    }

    fn new(
        name: &'static str,
        values: &'a [T],
        correct: &'a [bool],
        weights: Option<&'a [f64]>,
        range: (T, T),
        needed: &'static str,
    ) -> Result<Self> {
        let expected = values.len();
        if expected == 0 {
            return Err(Error::NoRows { name });
        }
        if correct.len() != expected {
            return Err(Error::Length { name: "correct", len: correct.len(), expected });
        }
        let seen = look(values, correct, range)?;
        if !seen.all_good {
            let good = |&x: &T| range.0 <= x && x <= range.1;
            let row = values.iter().position(|x| !good(x)).unwrap_or_default();
            return Err(Error::Value { name, row, value: values[row].widen(), needed });
        }
        #[allow(clippy::cast_precision_loss)] // no memory holds 2^53 rows
        let right = seen.right as f64;
        let mut pairs =
            Self { values, correct, weights, right, wrong: expected as f64 - right, low: seen.low, high: seen.high };
        if let Some(weights) = weights {
            if weights.len() != expected {
                return Err(Error::Length { name: "weights", len: weights.len(), expected });
            }
            if let Some(row) = weights.iter().position(|&x| !(x.is_finite() && x >= 0.0)) {
                let needed = "finite and at least 0";
                return Err(Error::Value { name: "weights", row, value: weights[row], needed });
            }
            [pairs.right, pairs.wrong] =
                sum(expected, 1, |i| if correct[i] { [weights[i], 0.0] } else { [0.0, weights[i]] });
            if !(1e-100..=1e100).contains(&pairs.total()) {
                return Err(Error::WeightSum { sum: pairs.total() });
            }
        }
        Ok(pairs)
    }

    /// The number of rows.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never is
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// All values as they lie.
    #[must_use]
    pub fn values(&self) -> &'a [T] {
        self.values
    }

    /// All verdicts as they lie.
    #[must_use]
    pub fn verdicts(&self) -> &'a [bool] {
        self.correct
    }

    /// All weights as they lie, if rows have weights of their own.
    #[must_use]
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The value of row `i`.
    #[must_use]
    pub fn value(&self, i: usize) -> f64 {
        self.values[i].widen()
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

    /// The smallest and the largest value, rows of weight 0 included.
    #[must_use]
    pub fn range(&self) -> (T, T) {
        (self.low, self.high)
    }
}

/// What one look at all rows tells.
#[derive(Clone, Copy)]
struct Seen<T> {
    all_good: bool,
    right: usize,
    low: T,
    high: T,
}

fn look<T: Real>(values: &[T], correct: &[bool], range: (T, T)) -> Result<Seen<T>> {
    const CHUNK: usize = 1 << 16;
    let isa = Isa::chosen()?;
    let parts = pool::map(values.len().div_ceil(CHUNK), values.len(), |part| {
        let rows = part * CHUNK..values.len().min((part + 1) * CHUNK);
        isa.run(Look { values: &values[rows.clone()], correct: &correct[rows], range })
    });
    let first = Seen { all_good: true, right: 0, low: values[0], high: values[0] };
    Ok(parts.into_iter().fold(first, |a, b| Seen {
        all_good: a.all_good && b.all_good,
        right: a.right + b.right,
        low: if b.low < a.low { b.low } else { a.low },
        high: if b.high > a.high { b.high } else { a.high },
    }))
}

/// Plain loops, which the compiler turns into the vectors of each instruction set.
struct Look<'a, T> {
    values: &'a [T],
    correct: &'a [bool],
    range: (T, T),
}

impl<T: Real> Kernel for Look<'_, T> {
    type Output = Seen<T>;

    #[inline(always)]
    #[allow(clippy::needless_bitwise_bool)] // a branch would not become a vector
    fn run<S: Simd>(self, _: S) -> Seen<T> {
        const WIDTH: usize = 64;
        let mut good = [true; WIDTH];
        let mut low = [self.values[0]; WIDTH];
        let mut high = low;
        let chunks = self.values.chunks_exact(WIDTH);
        let rest = chunks.remainder();
        for chunk in chunks {
            for i in 0..WIDTH {
                let x = chunk[i];
                good[i] &= (self.range.0 <= x) & (x <= self.range.1);
                low[i] = if x < low[i] { x } else { low[i] };
                high[i] = if x > high[i] { x } else { high[i] };
            }
        }
        for (i, &x) in rest.iter().enumerate() {
            good[i] &= (self.range.0 <= x) & (x <= self.range.1);
            low[i] = if x < low[i] { x } else { low[i] };
            high[i] = if x > high[i] { x } else { high[i] };
        }
        let mut right = 0;
        for chunk in self.correct.chunks(WIDTH) {
            right += usize::from(chunk.iter().map(|&c| u8::from(c)).sum::<u8>());
        }
        let mut seen = Seen { all_good: true, right, low: low[0], high: high[0] };
        for i in 0..WIDTH {
            seen.all_good &= good[i];
            seen.low = if low[i] < seen.low { low[i] } else { seen.low };
            seen.high = if high[i] > seen.high { high[i] } else { seen.high };
        }
        seen
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
