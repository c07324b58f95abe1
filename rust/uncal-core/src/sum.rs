//! Sums over many rows: parallel, accurate, and the same for any number of threads.

use crate::pool;

const CHUNK: usize = 1 << 14;
const BLOCK: usize = 128;

/// The sums over `i` in `0..len` of the `N` numbers `term(i)`; `work` is what one term costs, in multiplications.
///
/// Rows are cut into fixed chunks, each summed pairwise, so an error grows with the logarithm of `len`.
pub(crate) fn sum<const N: usize>(len: usize, work: usize, term: impl Fn(usize) -> [f64; N] + Send + Sync) -> [f64; N] {
    let chunks = pool::map(len.div_ceil(CHUNK), len.saturating_mul(work), |chunk| {
        let start = chunk * CHUNK;
        pairwise(start, len.min(start + CHUNK), &term)
    });
    pairwise(0, chunks.len(), &|i| chunks[i])
}

pub(crate) fn pairwise<const N: usize>(start: usize, end: usize, term: &impl Fn(usize) -> [f64; N]) -> [f64; N] {
    if end - start <= BLOCK {
        return (start..end).fold([0.0; N], |sum, i| add(sum, term(i)));
    }
    let middle = start + (end - start) / 2;
    add(pairwise(start, middle, term), pairwise(middle, end, term))
}

fn add<const N: usize>(mut a: [f64; N], b: [f64; N]) -> [f64; N] {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b;
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_tenths_add_up() {
        let [tenths, ones] = sum(1_000_000, 1, |_| [0.1, 1.0]);
        assert!((tenths - 100_000.0).abs() < 1e-9, "{tenths}"); // one after the other misses by 1e-6
        assert_eq!(ones, 1e6);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let waves = || sum(100_000, 64, |i| [(i as f64).sin()])[0].to_bits();
        let one = pool::with_threads(Some(1), waves).unwrap();
        assert_eq!(one, pool::with_threads(Some(2), waves).unwrap());
        assert_eq!(one, pool::with_threads(Some(7), waves).unwrap());
    }
}
