//! Rows in the order of their values, and equal values taken together: what makes a metric blind to input order.

use crate::Pairs;
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};

/// The distinct values from smallest to largest, and how much weight is right and wrong at each; never none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ties {
    pub values: Vec<f64>,
    pub right: Vec<f64>,
    pub wrong: Vec<f64>,
}

impl Ties {
    pub fn new<T: Real>(pairs: &Pairs<'_, T>) -> Self {
        let ranked = Ranked::new(pairs);
        let mut ties = Self::default();
        ranked.ties(0..ranked.len(), |tie| {
            ties.values.push(tie.value);
            ties.right.push(tie.right);
            ties.wrong.push(tie.wrong);
        });
        ties
    }

    /// Gather what a metric needs, given the sums of the weights.
    pub fn fold<F: Fold>(&self, new: impl Fn(Below) -> F) -> F {
        let total = self.iter().fold(Below::default(), |t, (_, r, w)| Below { right: t.right + r, wrong: t.wrong + w });
        let mut fold = new(total);
        let mut below = Below::default();
        for (value, right, wrong) in self.iter() {
            fold.tie(below, Tie { value, right, wrong });
            below.right += right;
            below.wrong += wrong;
        }
        fold
    }

    /// Take in (value, correct, weight) in the order of values; what weighs nothing leaves no trace.
    pub fn refill(&mut self, rows: impl Iterator<Item = (f64, bool, f64)>) {
        self.values.clear();
        self.right.clear();
        self.wrong.clear();
        for (value, correct, weight) in rows {
            if weight == 0.0 {
                continue;
            }
            if self.values.last() != Some(&value) {
                self.values.push(value);
                self.right.push(0.0);
                self.wrong.push(0.0);
            }
            let sums = if correct { &mut self.right } else { &mut self.wrong };
            *sums.last_mut().expect("pushed above") += weight;
        }
    }

    /// Take in (value, right, wrong) in the order of values; what weighs nothing leaves no trace.
    pub fn refill_sums(&mut self, ties: impl Iterator<Item = (f64, f64, f64)>) {
        self.values.clear();
        self.right.clear();
        self.wrong.clear();
        for (value, right, wrong) in ties.filter(|&(_, right, wrong)| right + wrong > 0.0) {
            self.values.push(value);
            self.right.push(right);
            self.wrong.push(wrong);
        }
    }

    /// Take in the rows of other ties, which these count, the wrong rows of each before its right ones, each as often
    /// as `counts` says.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // numbers of rows
    pub fn refill_counted(&mut self, all: &Self, mut counts: &[u32]) {
        self.refill_sums(all.iter().map(|(value, right, wrong)| {
            let [wrong, right] = [wrong, right].map(|rows| {
                let here;
                (here, counts) = counts.split_at(rows as usize);
                f64::from(here.iter().sum::<u32>())
            });
            (value, right, wrong)
        }));
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Value, right weight and wrong weight of each distinct value.
    pub fn iter(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        self.values.iter().zip(&self.right).zip(&self.wrong).map(|((&v, &r), &w)| (v, r, w))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_taken_together() {
        let values = [0.5, -0.0, 1e300, 0.5, 0.0, -1e300, 0.7];
        let correct = [true, true, false, false, false, true, true];
        let weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0];
        let ties = Ties::new(&Pairs::scores("x", &values, &correct, Some(&weights)).unwrap());
        assert_eq!(ties.values, [-1e300, 0.0, 0.5, 1e300]);
        assert_eq!(ties.right, [6.0, 2.0, 1.0, 0.0]);
        assert_eq!(ties.wrong, [0.0, 5.0, 4.0, 3.0]);
        assert_eq!(ties.len(), 4);
    }
}
