//! Rows in the order of their values, and equal values taken together: what makes a metric blind to input order.

use crate::{Pairs, pool};

/// The rows of [`Pairs`] by value, then verdict, then weight, then place; -0.0 equals 0.0.
pub(crate) struct Sorted {
    pub order: Vec<usize>,
}

impl Sorted {
    pub fn new(pairs: &Pairs<'_>) -> Self {
        const RIGHT: u64 = 1 << 63; // above any index
        let key = |i: usize| {
            let tag = i as u64 | if pairs.correct(i) { RIGHT } else { 0 };
            (order_of(pairs.value(i)), tag)
        };
        let mut keys: Vec<(u64, u64)> = (0..pairs.len()).map(key).collect();
        pool::sort(&mut keys);
        #[allow(clippy::cast_possible_truncation)] // it was a usize
        let mut order: Vec<usize> = keys.into_iter().map(|(_, tag)| (tag & !RIGHT) as usize).collect();
        if pairs.is_weighted() {
            let tie = |&i: &usize, &j: &usize| pairs.value(i) == pairs.value(j) && pairs.correct(i) == pairs.correct(j);
            for run in order.chunk_by_mut(tie) {
                run.sort_unstable_by_key(|&i| (pairs.weight(i).to_bits(), i)); // bits order as numbers from 0 up do
            }
        }
        Self { order }
    }
}

/// Bits that compare as unsigned integers like the numbers do.
fn order_of(x: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = (x + 0.0).to_bits(); // -0.0 becomes 0.0
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The distinct values from smallest to largest, and how much weight is right and wrong at each; never none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ties {
    pub values: Vec<f64>,
    pub right: Vec<f64>,
    pub wrong: Vec<f64>,
}

impl Ties {
    pub fn new(pairs: &Pairs<'_>) -> Self {
        let mut ties = Self::default();
        let row = |&i: &usize| (pairs.value(i), pairs.correct(i), pairs.weight(i));
        ties.refill(Sorted::new(pairs).order.iter().map(row));
        ties
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

    #[test]
    fn order_goes_by_value_then_verdict_then_weight_then_place() {
        let (values, correct) = ([2.0, 1.0, 2.0, 2.0], [true, true, false, false]);
        let order = |weights| Sorted::new(&Pairs::scores("x", &values, &correct, weights).unwrap()).order;
        assert_eq!(order(None), [1, 2, 3, 0]);
        assert_eq!(order(Some(&[1.0, 1.0, 1.0, 1.0])), [1, 2, 3, 0]);
        assert_eq!(order(Some(&[1.0, 1.0, 1.0, 0.5])), [1, 3, 2, 0]);
    }
}
