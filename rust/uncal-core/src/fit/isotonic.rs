//! Isotonic regression: the best curve that never falls, or never rises.

use super::range::unit;
use crate::Pairs;
use crate::auroc::Won;
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};

/// A curve through knots: linear between neighbours, constant outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Isotonic {
    /// Scores, rising.
    pub x: Vec<f64>,
    /// Confidences.
    pub y: Vec<f64>,
    /// Whether the curve rises.
    pub increasing: bool,
}

/// Fit by least squares, which among monotone curves is maximum likelihood too: equal scores are pooled, then
/// neighbours that are in the wrong order, until none are (pool adjacent violators).
///
/// A block of pooled scores is one knot at either end; `centered`, one knot at its mean score, and the curve is
/// strictly monotone between blocks. `increasing` is by default what the AUROC says, and true if it says nothing.
///
/// # Example
/// ```
/// use uncal_core::{Pairs, fit};
/// let scores = [0.0, 1.0, 2.0, 3.0, 4.0];
/// let pairs = Pairs::scores("scores", &scores, &[false, true, false, true, true], None)?;
/// let curve = fit::isotonic(&pairs, Some(true), false);
/// assert_eq!((curve.x, curve.y), (vec![0.0, 1.0, 2.0, 3.0, 4.0], vec![0.0, 0.5, 0.5, 1.0, 1.0]));
/// # Ok::<(), uncal_core::Error>(())
/// ```
#[must_use]
pub fn isotonic<T: Real>(scores: &Pairs<'_, T>, increasing: Option<bool>, centered: bool) -> Isotonic {
    let ranked = Ranked::new(scores);
    let increasing = increasing.unwrap_or_else(|| rises(&ranked));
    let (low, high) = scores.range();
    let unit = unit(low.widen(), high.widen());
    match (increasing, centered) {
        (true, false) => ranked.fold(|| Pava::<true, false>::new(unit)).curve(),
        (true, true) => ranked.fold(|| Pava::<true, true>::new(unit)).curve(),
        (false, false) => ranked.fold(|| Pava::<false, false>::new(unit)).curve(),
        (false, true) => ranked.fold(|| Pava::<false, true>::new(unit)).curve(),
    }
}

/// The right and wrong weight of each block of a rising curve, from the lowest up.
pub(crate) fn shares<T: Real>(scores: &Pairs<'_, T>) -> Vec<(f64, f64)> {
    let pooled = Ranked::new(scores).fold(|| Pava::<true, false>::new(1.0));
    pooled.all().into_iter().map(|block| (block.right, block.wrong)).collect()
}

/// Whether right answers tend to have the higher scores, or there is nothing to tell it from.
pub(super) fn rises<T: Real>(ranked: &Ranked<T>) -> bool {
    let area = ranked.fold(Won::default).area(ranked.total);
    area >= 0.5 || area.is_nan()
}

/// Neighbouring ties that share one confidence.
#[derive(Clone, Copy, Debug)]
struct Block {
    first: f64,
    last: f64,
    right: f64,
    wrong: f64,
    /// The sum of the weighted scores in the unit of the fold; only of centred blocks.
    moment: f64,
}

impl Block {
    /// Whether this block must be pooled with the one below it. Shares r / (r + w) compare as r / w does; exact for whole
    /// weights up to 2^26.
    #[inline(always)]
    fn falls<const RISING: bool>(&self, below: &Self) -> bool {
        let (mine, other) = (self.right * below.wrong, below.right * self.wrong);
        if RISING { mine <= other } else { mine >= other }
    }

    /// Take in the block above.
    #[inline(always)]
    fn pool<const CENTERED: bool>(&mut self, above: &Self) {
        self.last = above.last;
        self.right += above.right;
        self.wrong += above.wrong;
        if CENTERED {
            self.moment += above.moment;
        }
    }
}

/// Blocks so far, in the order of their scores and of their confidences, and one above them that still grows: ties are
/// pooled with that one while they fall, and only then is it compared with those below, which most ties are spared.
struct Pava<const RISING: bool, const CENTERED: bool> {
    blocks: Vec<Block>,
    open: Option<Block>,
    unit: f64,
}

impl<const RISING: bool, const CENTERED: bool> Pava<RISING, CENTERED> {
    fn new(unit: f64) -> Self {
        Self { blocks: Vec::new(), open: None, unit }
    }

    /// Add a block above all others. False if it was not pooled with any.
    #[inline(always)]
    fn push(&mut self, block: Block) -> bool {
        let mut block = block;
        let mut pooled = false;
        while let Some(below) = self.blocks.last()
            && block.falls::<RISING>(below)
        {
            let mut all = *below;
            all.pool::<CENTERED>(&block);
            block = all;
            self.blocks.pop();
            pooled = true;
        }
        self.blocks.push(block);
        pooled
    }

    fn close(&mut self) {
        if let Some(block) = self.open.take() {
            self.push(block);
        }
    }

    fn all(mut self) -> Vec<Block> {
        self.close();
        self.blocks
    }

    fn curve(self) -> Isotonic {
        let unit = self.unit;
        let mut curve = Isotonic { increasing: RISING, ..Isotonic::default() };
        let mut before = if RISING { 0.0 } else { 1.0 };
        for block in self.all() {
            let weight = block.right + block.wrong;
            let share = block.right / weight;
            before = if RISING { share.max(before) } else { share.min(before) }; // rounding must not turn the curve
            let mut knot = |x| {
                curve.x.push(x);
                curve.y.push(before);
            };
            if CENTERED {
                knot((block.moment / weight / unit).clamp(block.first, block.last));
            } else {
                knot(block.first);
                if block.first < block.last {
                    knot(block.last);
                }
            }
        }
        curve
    }
}

impl<const RISING: bool, const CENTERED: bool> Fold for Pava<RISING, CENTERED> {
    #[inline(always)]
    fn tie(&mut self, _: Below, Tie { value, right, wrong }: Tie) {
        let moment = if CENTERED { (right + wrong) * (value * self.unit) } else { 0.0 };
        let tie = Block { first: value, last: value, right, wrong, moment };
        match &mut self.open {
            Some(open) if tie.falls::<RISING>(open) => open.pool::<CENTERED>(&tie),
            _ => {
                self.close();
                self.open = Some(tie);
            }
        }
    }

    fn join(&mut self, next: Self) {
        if next.open.is_none() {
            return; // it has seen nothing
        }
        self.close();
        let mut blocks = next.blocks.into_iter();
        for block in blocks.by_ref() {
            if !self.push(block) {
                break; // those that come next are above this one already
            }
        }
        self.blocks.extend(blocks);
        self.open = next.open;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool;

    fn of(
        scores: &[f64],
        correct: &[bool],
        weights: Option<&[f64]>,
        increasing: Option<bool>,
        centered: bool,
    ) -> Isotonic {
        isotonic(&Pairs::scores("scores", scores, correct, weights).unwrap(), increasing, centered)
    }

    #[test]
    fn pooled_blocks_by_hand() {
        let correct = [false, true, false, true, true];
        let curve = of(&[4.0, 0.0, 3.0, 1.0, 2.0], &correct, None, None, false);
        assert!(!curve.increasing);
        assert_eq!((curve.x, curve.y), (vec![0.0, 2.0, 3.0, 4.0], vec![1.0, 1.0, 0.0, 0.0]));
        let curve = of(&[0.0, 1.0, 1.0, 2.0, 5.0], &correct, None, Some(true), true);
        assert_eq!((curve.x, curve.y), (vec![0.0, 1.0, 3.5], vec![0.0, 0.5, 1.0]));
        let curve = of(&[7.0; 5], &correct, Some(&[1.0, 2.0, 0.0, 1.0, 0.0]), None, false);
        assert_eq!((curve.x, curve.y, curve.increasing), (vec![7.0], vec![0.75], true));
    }

    #[test]
    fn parts_that_were_pooled_apart_join_into_the_same_blocks() {
        let (mut scores, mut correct) = (Vec::new(), Vec::new());
        let mut state = 1_u64;
        for i in 0..200_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let x = f64::from(i % 40_000) / 40_000.0;
            scores.push(x);
            correct.push(((state >> 40) as f64) < 16_777_216.0 * (0.5 + 0.3 * (9.0 * x).sin()));
        }
        for (increasing, centered) in [(true, false), (false, false), (true, true), (false, true)] {
            let fit = || of(&scores, &correct, None, Some(increasing), centered);
            let one = pool::with_threads(Some(1), fit).unwrap();
            assert_eq!(one, pool::with_threads(Some(3), fit).unwrap());
            // all in one go
            let mut blocks: Vec<(f64, f64)> = Vec::new();
            let mut by_value = vec![(0.0, 0.0); 40_000];
            for (i, &c) in correct.iter().enumerate() {
                let cell = &mut by_value[i % 40_000];
                cell.0 += f64::from(u8::from(c == increasing));
                cell.1 += 1.0;
            }
            for cell in by_value {
                blocks.push(cell);
                while let [.., a, b] = blocks[..] {
                    if a.0 * b.1 < b.0 * a.1 {
                        break;
                    }
                    blocks.truncate(blocks.len() - 2);
                    blocks.push((a.0 + b.0, a.1 + b.1));
                }
            }
            let mut levels = one.y.clone();
            levels.dedup();
            let expected: Vec<f64> = blocks.iter().map(|b| if increasing { b.0 } else { b.1 - b.0 } / b.1).collect();
            assert_eq!(levels, expected);
        }
    }

    #[test]
    fn the_largest_numbers_have_a_mean() {
        for scale in [f64::MAX, 1e-320] {
            let curve = of(&[-scale, scale], &[true, false], None, Some(true), true);
            assert_eq!((curve.x, curve.y), (vec![0.0], vec![0.5]));
            let curve = of(&[scale, scale], &[true, false], None, Some(true), true);
            assert_eq!(curve.x, [scale]);
        }
    }
}
