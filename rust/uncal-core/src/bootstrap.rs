//! Resampling: random numbers that any thread can compute out of order, and intervals from replicates.

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
    fn percentiles_interpolate() {
        assert_eq!(percentiles(&mut [4.0, 0.0, 3.0, 1.0, 2.0], 0.5), (1.0, 3.0));
        assert_eq!(percentiles(&mut [1.0, 0.0], 0.5), (0.25, 0.75));
        assert_eq!(percentiles(&mut [5.0], 0.95), (5.0, 5.0));
        assert!(percentiles(&mut [], 0.95).0.is_nan());
    }
}
