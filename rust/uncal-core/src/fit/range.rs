//! Where right and wrong answers lie on the scale of scores.

use crate::float::Real;
use crate::simd::{Isa, Kernel, Simd};
use crate::{Pairs, Result, pool};

/// The smallest and the largest score of right and of wrong answers that weigh anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub right: (f64, f64),
    pub wrong: (f64, f64),
}

impl Range {
    const EMPTY: Self = Self { right: (f64::INFINITY, f64::NEG_INFINITY), wrong: (f64::INFINITY, f64::NEG_INFINITY) };

    /// # Errors
    /// [`crate::Error::Setting`] if `UNCAL_SIMD` makes no sense.
    pub fn new<T: Real>(scores: &Pairs<'_, T>) -> Result<Self> {
        const CHUNK: usize = 1 << 16;
        let isa = Isa::chosen()?;
        let len = scores.len();
        let parts = pool::map(len.div_ceil(CHUNK), len.saturating_mul(2), |part| {
            let rows = part * CHUNK..len.min((part + 1) * CHUNK);
            match scores.weights() {
                None => isa.run(Look { values: &scores.values()[rows.clone()], verdicts: &scores.verdicts()[rows] }),
                Some(_) => rows.filter(|&i| scores.weight(i) > 0.0).fold(Self::EMPTY, |range, i| {
                    let here = (scores.value(i), scores.value(i));
                    range.join(if scores.correct(i) {
                        Self { right: here, ..Self::EMPTY }
                    } else {
                        Self { wrong: here, ..Self::EMPTY }
                    })
                }),
            }
        });
        Ok(parts.into_iter().fold(Self::EMPTY, Self::join))
    }

    /// The same of scores that a function that never falls has moved.
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        // what is empty stays so
        let both = |(low, high): (f64, f64)| if low > high { (low, high) } else { (f(low), f(high)) };
        Self { right: both(self.right), wrong: both(self.wrong) }
    }

    /// The smallest and the largest of all.
    pub fn ends(&self) -> (f64, f64) {
        (self.right.0.min(self.wrong.0), self.right.1.max(self.wrong.1))
    }

    pub fn is_constant(&self) -> bool {
        let (lowest, highest) = self.ends();
        lowest == highest
    }

    /// Whether some wrong answer lies above some right one, so that the steepest rising curve is not the best.
    pub fn overlaps_rising(&self) -> bool {
        self.wrong.1 > self.right.0
    }

    /// Whether no threshold separates the classes either way.
    pub fn overlaps(&self) -> bool {
        self.overlaps_rising() && self.right.1 > self.wrong.0
    }

    fn join(self, other: Self) -> Self {
        let join = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.max(b.1));
        Self { right: join(self.right, other.right), wrong: join(self.wrong, other.wrong) }
    }
}

/// A power of two by which scores of such a range become neither huge nor tiny.
pub(super) fn unit(lowest: f64, highest: f64) -> f64 {
    const FAR: f64 = 1e140;
    const TWO_600: f64 = f64::from_bits((1023 + 600) << 52);
    let largest = lowest.abs().max(highest.abs());
    if largest > FAR {
        1.0 / TWO_600
    } else if largest < 1.0 / FAR {
        TWO_600
    } else {
        1.0
    }
}

/// Plain loops, which the compiler turns into the vectors of each instruction set.
struct Look<'a, T> {
    values: &'a [T],
    verdicts: &'a [bool],
}

impl<T: Real> Kernel for Look<'_, T> {
    type Output = Range;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Range {
        const WIDTH: usize = 32;
        let mut low = [[T::HIGHEST; WIDTH]; 2];
        let mut high = [[T::LOWEST; WIDTH]; 2];
        let mut any = [false; 2];
        for (values, verdicts) in self.values.chunks(WIDTH).zip(self.verdicts.chunks(WIDTH)) {
            for (i, (&x, &right)) in values.iter().zip(verdicts).enumerate() {
                let (up, down) = (if right { x } else { T::LOWEST }, if right { x } else { T::HIGHEST });
                high[1][i] = if up > high[1][i] { up } else { high[1][i] };
                low[1][i] = if down < low[1][i] { down } else { low[1][i] };
                let (up, down) = (if right { T::LOWEST } else { x }, if right { T::HIGHEST } else { x });
                high[0][i] = if up > high[0][i] { up } else { high[0][i] };
                low[0][i] = if down < low[0][i] { down } else { low[0][i] };
            }
        }
        for &right in self.verdicts {
            any[usize::from(right)] = true;
        }
        let ends = |side: usize| {
            if !any[side] {
                return (f64::INFINITY, f64::NEG_INFINITY);
            }
            let low = low[side].iter().fold(f64::INFINITY, |a, b| a.min(b.widen()));
            (low, high[side].iter().fold(f64::NEG_INFINITY, |a, b| a.max(b.widen())))
        };
        Range { right: ends(1), wrong: ends(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_ends_and_what_weighs_nothing_has_none() {
        let values: Vec<f32> = (0..1000_u16).map(|i| f32::from(i * 7 % 1000)).collect();
        let correct: Vec<bool> = values.iter().map(|&x| (100.0..=800.0).contains(&x)).collect();
        let range = Range::new(&Pairs::scores("x", &values, &correct, None).unwrap()).unwrap();
        assert_eq!(range, Range { right: (100.0, 800.0), wrong: (0.0, 999.0) });
        let weights: Vec<f64> = values.iter().map(|&x| f64::from(u8::from((200.0..900.0).contains(&x)))).collect();
        let range = Range::new(&Pairs::scores("x", &values, &correct, Some(&weights)).unwrap()).unwrap();
        assert_eq!(range, Range { right: (200.0, 800.0), wrong: (801.0, 899.0) });
        assert!(!range.overlaps() && range.overlaps_rising());
        let one = Range::new(&Pairs::scores("x", &[f64::MAX, f64::MIN], &[true, true], None).unwrap()).unwrap();
        assert_eq!(one, Range { right: (f64::MIN, f64::MAX), ..Range::EMPTY });
        assert_eq!(one.map(|x| x / 2.0).wrong, Range::EMPTY.wrong);
    }
}
