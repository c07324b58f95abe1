//! What this machine can do at most, for benches to compare with: bytes read and multiplications done in a second.

use std::hint::black_box;
use std::time::Instant;

use super::{Along, Isa, Kernel, Simd, Vector};
use crate::{Result, pool};

/// Read every byte as wide as possible, with the next ones asked for ahead; returns a sum of what was there.
///
/// # Errors
/// Those of [`Isa::chosen`].
pub fn read_bytes(numbers: &[f32]) -> Result<f64> {
    const PART: usize = 1 << 20;
    let isa = Isa::chosen()?;
    let parts = numbers.len().div_ceil(PART);
    let sums =
        pool::map(parts, numbers.len(), |i| isa.run(Read(&numbers[i * PART..numbers.len().min((i + 1) * PART)])));
    Ok(sums.iter().sum())
}

/// Multiplications and additions a second in `f32`, in billions, on all threads of the call together.
///
/// # Errors
/// Those of [`Isa::chosen`] and of the number of threads.
pub fn multiply_rate(seconds: f64) -> Result<f64> {
    let isa = Isa::chosen()?;
    let threads = pool::threads_of_call()?;
    Ok(pool::map(threads, usize::MAX, |_| isa.run(Multiply(seconds))).iter().sum())
}

struct Read<'a>(&'a [f32]);

impl Kernel for Read<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        const AHEAD: usize = 4096;
        let zero = simd.f32(0.0);
        let mut sums = [zero; 8];
        let chunks = self.0.chunks_exact(8 * S::F32::N);
        let rest: f32 = chunks.remainder().iter().sum();
        for chunk in chunks {
            let mut line = 0;
            while line < chunk.len() {
                simd.prefetch(chunk.as_ptr().wrapping_add(line + AHEAD).cast());
                line += 16;
            }
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: a chunk has eight vectors.
                *sum = *sum + unsafe { zero.load(chunk.as_ptr().add(i * S::F32::N)) };
            }
        }
        let mut out = [0.0_f32; 16];
        S::F32::sums(&sums, &mut out);
        f64::from(out[..8].iter().sum::<f32>() + rest)
    }
}

struct Multiply(f64);

impl Kernel for Multiply {
    type Output = f64;
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        const ROUNDS: usize = 10_000;
        const CHAINS: usize = 12;
        let mut chains = [simd.f32(1.0); CHAINS];
        let (a, b) = (black_box(simd.f32(0.999)), black_box(simd.f32(1e-3)));
        let start = Instant::now();
        let mut rounds = 0;
        while start.elapsed().as_secs_f64() < self.0 {
            for _ in 0..ROUNDS {
                for chain in &mut chains {
                    *chain = chain.mul_add(a, b);
                }
            }
            rounds += ROUNDS;
        }
        let took = start.elapsed().as_secs_f64();
        black_box(chains);
        (2 * rounds * CHAINS * S::F32::N) as f64 / took / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_once() {
        for len in [0, 1, 127, 128, 4097, (1 << 20) + 5] {
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
                assert_eq!(isa.force(|| read_bytes(&vec![1.0; len])).unwrap(), len as f64);
            }
        }
        assert!(multiply_rate(0.001).unwrap() > 0.0);
    }
}
