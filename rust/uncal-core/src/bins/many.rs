//! Bins of equal width of many rows that all weigh the same: one addition to one table for each row.

use super::{Bin, Edges};
use crate::float::Real;
use crate::simd::{Isa, Kernel, Simd};
use crate::{Pairs, pool};

/// Rows from which this pays.
const MANY: usize = 1 << 12;
/// The most bins: a place has a number of one byte.
const MOST: usize = PLACES / 2 - 2;
/// Tables that rows take turns with, so that no row waits for the one before it to be written.
const TABLES: usize = 8;
/// A place for each bin and each verdict, and one bin more on either side.
const PLACES: usize = 256;
/// Bits of a confidence's fraction; what is below is rounded off.
const BITS: u32 = 48;
/// A number whose last bit is worth 2^-48.
const ALIGNED: f64 = (1_u64 << (52 - BITS)) as f64;
/// A place holds the sum of the confidences in its lower bits and the number of rows above them.
const ONE: u64 = 1 << 56;
/// Rows that are looked at together.
const BLOCK: usize = 16 * TABLES;
/// Blocks until a place might overflow.
const BLOCKS: usize = 255 * TABLES / BLOCK;

/// The bins of all rows, if there are many that weigh the same and few bins. The sum of a bin's confidences is off by at
/// most 2^-49 for each of its rows.
pub(super) fn width<T: Real>(pairs: &Pairs<'_, T>, n_bins: usize, side: Edges) -> Option<Vec<Bin>> {
    const CHUNK: usize = BLOCK * BLOCKS * 32;
    let len = pairs.len();
    if len < MANY || n_bins > MOST || pairs.is_weighted() {
        return None;
    }
    // the last edge may come out below 1, which matters where it alone is left out
    if side == Edges::LeftOpen && n_bins as f64 * (1.0 / n_bins as f64) < 1.0 {
        return None;
    }
    let isa = Isa::chosen().ok()?;
    let parts = pool::map(len.div_ceil(CHUNK), len.saturating_mul(4), |part| {
        let rows = part * CHUNK..len.min((part + 1) * CHUNK);
        let (values, verdicts) = (&pairs.values()[rows.clone()], &pairs.verdicts()[rows]);
        match side {
            Edges::Right | Edges::Guo => isa.run(Look::<T, false> { values, verdicts, n_bins }),
            Edges::Left | Edges::LeftOpen => isa.run(Look::<T, true> { values, verdicts, n_bins }),
        }
    });
    let mut bins = vec![Bin::default(); n_bins + 2];
    for part in parts {
        bins.iter_mut().zip(part).for_each(|(bin, part)| bin.add(part));
    }
    // what lies on the outermost edges is in the bins next to them, or in none
    let (below, above) = (bins[0], bins[n_bins + 1]);
    if side != Edges::Guo {
        bins[1].add(below);
    }
    if side != Edges::LeftOpen {
        bins[n_bins].add(above);
    }
    bins.remove(0);
    bins.truncate(n_bins);
    Some(bins)
}

/// Loops that the compiler turns into the vectors of each instruction set, and one that it cannot.
struct Look<'a, T, const LEFT: bool> {
    values: &'a [T],
    verdicts: &'a [bool],
    n_bins: usize,
}

impl<T: Real, const LEFT: bool> Kernel for Look<'_, T, LEFT> {
    type Output = Vec<Bin>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Vec<Bin> {
        let mut bins = vec![Bin::default(); self.n_bins + 2];
        let mut tables = [[0_u64; TABLES]; PLACES];
        let used = 2 * bins.len();
        let place = Place::<LEFT>::new(self.n_bins);
        let mut places = [0_u8; BLOCK];
        let mut words = [0_u64; BLOCK];
        for (values, verdicts) in self.values.chunks(BLOCK * BLOCKS).zip(self.verdicts.chunks(BLOCK * BLOCKS)) {
            for (values, verdicts) in values.chunks(BLOCK).zip(verdicts.chunks(BLOCK)) {
                for (((place_of, word_of), value), &verdict) in
                    places.iter_mut().zip(&mut words).zip(values).zip(verdicts)
                {
                    let q = value.widen();
                    *place_of = place.of(q, verdict);
                    *word_of = word(q);
                }
                words[values.len()..].fill(0);
                for (places, words) in places.as_chunks::<TABLES>().0.iter().zip(words.as_chunks::<TABLES>().0) {
                    for table in 0..TABLES {
                        let sum = &mut tables[usize::from(places[table])][table];
                        *sum = sum.wrapping_add(words[table]);
                    }
                }
            }
            for (bin, tables) in bins.iter_mut().zip(tables[..used].as_chunks_mut::<2>().0) {
                let [wrong, right] = *tables;
                *tables = [[0; TABLES]; 2];
                let (wrong, right) = (sums(wrong), sums(right));
                bin.add(Bin { weight: wrong.0 + right.0, confidence: wrong.1 + right.1, right: right.0 });
            }
        }
        bins
    }
}

/// A row as it is added to a place.
#[inline(always)]
fn word(q: f64) -> u64 {
    (q + ALIGNED).to_bits().wrapping_sub(ALIGNED.to_bits()).wrapping_add(ONE)
}

/// Rows and the sum of their confidences.
#[inline(always)]
fn sums(places: [u64; TABLES]) -> (f64, f64) {
    let (mut rows, mut sum) = (0, 0);
    for place in places {
        rows += place / ONE;
        sum += place % ONE;
    }
    (rows as f64, sum as f64 / (1_u64 << BITS) as f64)
}

/// From a confidence to a place: the nearest edge, and the side of it.
struct Place<const LEFT: bool> {
    n: f64,
    step: f64,
}

impl<const LEFT: bool> Place<LEFT> {
    fn new(n_bins: usize) -> Self {
        Self { n: n_bins as f64, step: 1.0 / n_bins as f64 }
    }

    /// Twice the number of the bin, the first being 1, and the verdict; 0 and n + 1 are for what lies on the outermost
    /// edges.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // at most 2 * MOST + 3
    fn of(&self, q: f64, verdict: bool) -> u8 {
        const WHOLE: f64 = (1_u64 << 52) as f64;
        let sum = q * self.n + WHOLE;
        let nearest = sum - WHOLE;
        let edge = nearest * self.step; // as in `Grid`, but for the last
        let beyond = u64::from(if LEFT { edge <= q } else { edge < q });
        (2 * (sum.to_bits() - WHOLE.to_bits() + beyond) + u64::from(verdict)) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bins, bin};
    use super::*;
    use crate::Result;

    const SIDES: [Edges; 4] = [Edges::Right, Edges::Left, Edges::Guo, Edges::LeftOpen];

    /// Every edge of `n_bins` bins, the numbers next to it, and others.
    fn hostile(n_bins: usize, len: usize) -> Vec<f64> {
        let rng = crate::Rng::new(7, n_bins as u64);
        let step = 1.0 / n_bins as f64;
        (0..len)
            .map(|i| {
                let edge = (rng.below(2 * i as u64, n_bins + 1) as f64 * step).min(1.0);
                match rng.bits(2 * i as u64 + 1) % 8 {
                    0 => edge,
                    1 => edge.next_up().min(1.0),
                    2 => edge.next_down().max(0.0),
                    3 => 0.0,
                    4 => 1.0,
                    5 => 1.0_f64.next_down(),
                    6 => f64::MIN_POSITIVE,
                    _ => (rng.bits(3 * i as u64) >> 11) as f64 / (1_u64 << 53) as f64,
                }
            })
            .collect()
    }

    #[test]
    fn rows_fall_into_the_bins_of_weighted_rows() {
        let len = 3 * BLOCK * BLOCKS + 1001;
        let correct: Vec<bool> = (0..len).map(|i| i % 5 < 2).collect();
        let ones = vec![1.0; len];
        for n_bins in [1, 2, 3, 10, 15, 49, 98, 103, MOST] {
            let wide = hostile(n_bins, len);
            #[allow(clippy::cast_possible_truncation)] // as it is meant
            let narrow: Vec<f32> = wide.iter().map(|&q| q as f32).collect();
            for side in SIDES {
                same(&Pairs::confidences, &wide, &correct, &ones, n_bins, side);
                same(&Pairs::confidences, &narrow, &correct, &ones, n_bins, side);
            }
        }
    }

    type Make<'a, T> = dyn Fn(&'a [T], &'a [bool], Option<&'a [f64]>) -> Result<Pairs<'a, T>> + 'a;

    fn same<'a, T: Real>(
        pairs: &Make<'a, T>,
        values: &'a [T],
        correct: &'a [bool],
        ones: &'a [f64],
        n_bins: usize,
        side: Edges,
    ) {
        let plain = pairs(values, correct, None).unwrap();
        let expected = bin(&pairs(values, correct, Some(ones)).unwrap(), n_bins, Bins::Width, side).bins;
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
            let Some(found) = isa.force(|| width(&plain, n_bins, side)) else {
                assert!(side == Edges::LeftOpen && n_bins as f64 * (1.0 / n_bins as f64) < 1.0);
                continue;
            };
            assert_eq!(found.len(), n_bins);
            for (bin, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let here = format!("bin {bin} of {n_bins}, {side:?}, {}", isa.name());
                assert_eq!((found.weight, found.right), (expected.weight, expected.right), "{here}");
                let off = (found.confidence - expected.confidence).abs();
                assert!(off <= 1e-14 * expected.weight, "{here}: {off:e}");
            }
        }
    }

    #[test]
    fn the_largest_sums_do_not_overflow() {
        let len = 4 * BLOCK * BLOCKS;
        for (q, bin) in [(1.0, 9), (0.0, 0)] {
            let (values, correct) = (vec![q; len], vec![true; len]);
            let bins = width(&Pairs::confidences(&values, &correct, None).unwrap(), 10, Edges::Right).unwrap();
            let rows = len as f64;
            assert_eq!(bins[bin], Bin { weight: rows, confidence: rows * q, right: rows });
        }
    }

    #[test]
    fn few_rows_many_bins_or_weights_are_left_to_others() {
        let (values, correct, weights) = (vec![0.5; MANY], vec![true; MANY], vec![1.0; MANY]);
        let of = |len, n_bins, weights| {
            width(&Pairs::confidences(&values[..len], &correct[..len], weights).unwrap(), n_bins, Edges::Right)
        };
        assert!(of(MANY, MOST, None).is_some());
        assert!(of(MANY - 1, 10, None).is_none());
        assert!(of(MANY, MOST + 1, None).is_none());
        assert!(of(MANY, 10, Some(&weights)).is_none());
    }
}
