//! Resampling: random numbers that any thread can compute out of order, and intervals from replicates.

use crate::binomial::multinomial;

/// Random numbers by their number: `SplitMix64` (Steele, Lea, Flood 2014), started at a hash of a seed and a stream.
///
/// The i-th number of a stream is a function of (seed, stream, i) alone, so replicates can be drawn in any order by
/// any number of threads.
#[derive(Clone, Copy, Debug)]
pub struct Rng {
    start: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15; // 2^64 over the golden ratio

impl Rng {
    /// The numbers of one stream.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self { start: mix(mix(seed.wrapping_add(GOLDEN)).wrapping_add(stream.wrapping_mul(GOLDEN))) }
    }

    /// Number `i`: 64 random bits.
    #[must_use]
    pub fn bits(self, i: u64) -> u64 {
        mix(self.start.wrapping_add(i.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// Number `i` as an index below `n`; uneven by less than n / 2^64.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the product is below n * 2^64
    pub fn below(self, i: u64, n: usize) -> usize {
        ((u128::from(self.bits(i)) * n as u128) >> 64) as usize
    }
}

impl Rng {
    /// A stream for part `i` of what is drawn.
    pub(crate) fn branch(self, i: u64) -> Self {
        Self { start: mix(self.bits(i)) }
    }
}

/// The numbers of a stream one after the other.
pub(crate) struct Draws {
    rng: Rng,
    next: u64,
}

impl Draws {
    pub fn new(rng: Rng) -> Self {
        Self { rng, next: 0 }
    }

    fn bits(&mut self) -> u64 {
        self.next += 1;
        self.rng.bits(self.next - 1)
    }

    /// Above 0 and below 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// An index below `n`, all equally likely (Lemire 2019).
    #[allow(clippy::cast_possible_truncation)] // the lower and the upper half of the product
    pub fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        loop {
            let product = u128::from(self.bits()) * u128::from(n);
            if product as u64 >= n || product as u64 >= n.wrapping_neg() % n {
                return (product >> 64) as usize;
            }
        }
    }
}

/// Rows that are drawn from together: their counts stay in the nearest cache.
pub(crate) const BLOCK: usize = 1 << 12;

/// How many of `len` draws from `len` rows fall into each block of them.
pub(crate) fn draws_of_blocks(rng: Rng, len: usize) -> Vec<u64> {
    let starts: Vec<usize> = (0..len).step_by(BLOCK).chain([len]).collect();
    let mut counts = vec![0; starts.len() - 1];
    multinomial(&mut Draws::new(rng.branch(0)), len as u64, &starts, &mut counts);
    counts
}

/// Draw `times` of a block's rows: `count` is called with the place of each.
#[inline]
#[allow(clippy::cast_possible_truncation)] // 12 bits of them
pub(crate) fn draw_of_block(rng: Rng, block: usize, rows: usize, times: u64, mut count: impl FnMut(usize)) {
    const BITS: u32 = BLOCK.trailing_zeros();
    const EACH: u64 = 64 / BITS as u64;
    let rng = rng.branch(block as u64 + 1);
    if rows < BLOCK {
        let mut draws = Draws::new(rng);
        for _ in 0..times {
            count(draws.below(rows));
        }
        return;
    }
    // one number is good for several draws
    for i in 0..times / EACH {
        let bits = rng.bits(i);
        for draw in 0..EACH as u32 {
            count((bits >> (draw * BITS)) as usize & (BLOCK - 1));
        }
    }
    let bits = rng.bits(times / EACH);
    for draw in 0..(times % EACH) as u32 {
        count((bits >> (draw * BITS)) as usize & (BLOCK - 1));
    }
}

/// How often each of `counts.len()` rows is drawn when as many are drawn with replacement: first how many of a block.
pub(crate) fn resample_rows(rng: Rng, counts: &mut [u32]) {
    counts.fill(0);
    let times = draws_of_blocks(rng, counts.len());
    for (block, (counts, times)) in counts.chunks_mut(BLOCK).zip(times).enumerate() {
        draw_of_block(rng, block, counts.len(), times, |row| counts[row] += 1);
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// How often each of `counts.len()` units is drawn when as many are drawn with replacement.
pub(crate) fn resample(rng: Rng, counts: &mut [u32]) {
    counts.fill(0);
    for i in 0..counts.len() {
        counts[rng.below(i as u64, counts.len())] += 1;
    }
}

/// The points of `values` below which (1 - level) / 2 and (1 + level) / 2 of them lie, linear between neighbours.
/// NaN for no values. Sorts `values`.
pub(crate) fn percentiles(values: &mut [f64], level: f64) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    (quantile(values, (1.0 - level) / 2.0), quantile(values, f64::midpoint(1.0, level)))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 <= share <= 1
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * last as f64;
    let below = (place as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        let published = Rng { start: 0 };
        assert_eq!(published.bits(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(published.bits(1), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn streams_and_seeds_differ() {
        let first = |seed, stream| Rng::new(seed, stream).bits(0);
        let mut all: Vec<u64> = (0..100).flat_map(|s| (0..100).map(move |t| first(s, t))).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 10_000);
    }

    #[test]
    fn draws_are_even() {
        let mut counts = vec![0; 10];
        let rng = Rng::new(7, 0);
        for i in 0..100_000 {
            counts[rng.below(i, 10)] += 1;
        }
        // the standard deviation is 95
        assert!(counts.iter().all(|&count: &i32| (count - 10_000).abs() < 500), "{counts:?}");
    }

    #[test]
    fn a_resample_draws_as_many_as_there_are() {
        let mut counts = vec![9; 1000];
        resample(Rng::new(1, 2), &mut counts);
        assert_eq!(counts.iter().sum::<u32>(), 1000);
        let absent = counts.iter().filter(|&&count| count == 0).count(); // about 1000 / e
        assert!((300..440).contains(&absent), "{absent}");
    }

    #[test]
    fn rows_are_drawn_as_often_as_by_one_draw_after_the_other() {
        const TIMES: u32 = 4000;
        let len = 2 * BLOCK + 300;
        // two rows of one block, one of another, one of the last, and halves of all
        let rows = [5, BLOCK - 1, BLOCK + 7, 2 * BLOCK + 299];
        let mut counts = vec![0; len];
        let (mut sums, mut products) = ([0.0; 6], [[0.0; 6]; 6]);
        for replicate in 0..TIMES {
            resample_rows(Rng::new(5, u64::from(replicate)), &mut counts);
            assert_eq!(counts.iter().sum::<u32>() as usize, len);
            let mut seen = [0.0; 6];
            for (seen, row) in seen.iter_mut().zip(rows) {
                *seen = f64::from(counts[row]);
            }
            seen[4] = f64::from(counts[..len / 3].iter().sum::<u32>());
            seen[5] = f64::from(counts[2 * BLOCK..].iter().sum::<u32>());
            for i in 0..6 {
                sums[i] += seen[i];
                for j in 0..6 {
                    products[i][j] += seen[i] * seen[j];
                }
            }
        }
        let n = len as f64;
        let share = |i: usize| match i {
            4 => (len / 3) as f64 / n,
            5 => 300.0 / n,
            _ => 1.0 / n,
        };
        let inside = |i: usize| if i < 4 { rows[i]..rows[i] + 1 } else { [0..len / 3, 2 * BLOCK..len][i - 4].clone() };
        let deviation = |i: usize| (n * share(i) * (1.0 - share(i))).sqrt();
        let times = f64::from(TIMES);
        for i in 0..6 {
            let mean = sums[i] / times;
            assert!((mean - n * share(i)).abs() < 4.5 * deviation(i) / times.sqrt(), "{i}: {mean}");
            for j in 0..6 {
                let both = inside(i).filter(|row| inside(j).contains(row)).count() as f64 / n;
                let expected = n * (both - share(i) * share(j));
                let found = products[i][j] / times - mean * sums[j] / times;
                // the deviation of a product of two such numbers, and more for the skewness of rare ones
                let room = 4.5 * (2.0_f64).sqrt() * (deviation(i) * deviation(j) + 0.5) / times.sqrt();
                assert!((found - expected).abs() < room, "{i} {j}: {found} {expected}");
            }
        }
    }

    #[test]
    fn percentiles_interpolate() {
        assert_eq!(percentiles(&mut [4.0, 0.0, 3.0, 1.0, 2.0], 0.5), (1.0, 3.0));
        assert_eq!(percentiles(&mut [1.0, 0.0], 0.5), (0.25, 0.75));
        assert_eq!(percentiles(&mut [5.0], 0.95), (5.0, 5.0));
        assert!(percentiles(&mut [], 0.95).0.is_nan());
    }
}
