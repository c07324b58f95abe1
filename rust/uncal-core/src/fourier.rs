//! Fourier sums of several sequences side by side, of a length that is a power of two.

use std::f64::consts::PI;

use crate::simd::{Isa, Kernel, Simd};

/// One complex number of each of `W` sequences: real parts, imaginary parts.
pub(crate) type Complex<const W: usize> = [[f64; W]; 2];

/// The powers of e^(2 pi i / n), n a power of two: products of two short lists, since sines are slow, long lists far.
pub(crate) struct Roots {
    near: Vec<(f64, f64)>,
    far: Vec<(f64, f64)>,
}

impl Roots {
    pub fn new(n: usize) -> Self {
        let fine = 1 << (n.ilog2() / 2);
        let root = |j: usize| {
            let (sine, cosine) = (2.0 * PI * (j as f64 / n as f64)).sin_cos();
            (cosine, sine)
        };
        Self { near: (0..fine).map(root).collect(), far: (0..n).step_by(fine).map(root).collect() }
    }

    /// Cosine and sine of 2 pi j / n, j below n.
    #[inline(always)]
    pub fn at(&self, j: usize) -> (f64, f64) {
        let (near, far) = (self.near[j & (self.near.len() - 1)], self.far[j >> self.near.len().trailing_zeros()]);
        (far.0 * near.0 - far.1 * near.1, far.0 * near.1 + far.1 * near.0)
    }
}

/// The place that number `i` of `n`, a power of two, is wanted at by [`sums`].
#[inline]
pub(crate) fn place(i: usize, n: usize) -> usize {
    if n == 1 { 0 } else { i.reverse_bits() >> (usize::BITS - n.ilog2()) }
}

/// The sums over j of `x_j e^(2 pi i j k / n)` for every k, in order, where number j lies at [`place`] j.
pub(crate) fn sums<const W: usize>(numbers: &mut [Complex<W>]) {
    let roots = Roots::new(numbers.len());
    let roots: Vec<_> = (0..numbers.len().div_ceil(2)).map(|j| roots.at(j)).collect();
    // whatever is wrong with the choice has been said before
    Isa::chosen().unwrap_or(Isa::Portable).run(Sums { numbers, roots: &roots });
}

/// Plain loops, which the compiler turns into the vectors of each instruction set.
struct Sums<'a, const W: usize> {
    numbers: &'a mut [Complex<W>],
    roots: &'a [(f64, f64)],
}

impl<const W: usize> Kernel for Sums<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let n = self.numbers.len();
        let mut half = 1;
        while half < n {
            let stride = n / (2 * half);
            for pair in self.numbers.chunks_exact_mut(2 * half) {
                let (low, high) = pair.split_at_mut(half);
                for j in 0..half {
                    butterfly(&mut low[j], &mut high[j], self.roots[j * stride]);
                }
            }
            half *= 2;
        }
    }
}

#[inline(always)]
fn butterfly<const W: usize>(low: &mut Complex<W>, high: &mut Complex<W>, (cosine, sine): (f64, f64)) {
    for i in 0..W {
        let re = high[0][i] * cosine - high[1][i] * sine;
        let im = high[0][i] * sine + high[1][i] * cosine;
        high[0][i] = low[0][i] - re;
        high[1][i] = low[1][i] - im;
        low[0][i] += re;
        low[1][i] += im;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_cosines_and_sines() {
        for n in [1, 2, 8, 512, 4096] {
            let roots = Roots::new(n);
            for (j, (cosine, sine)) in (0..n).map(|j| (j, roots.at(j))) {
                let angle = 2.0 * PI * j as f64 / n as f64;
                assert!((cosine - angle.cos()).abs() < 1e-15 && (sine - angle.sin()).abs() < 1e-15, "{j} of {n}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_definition() {
        let rng = crate::Rng::new(4, 0);
        let number = |i: usize| (rng.bits(i as u64) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
        for n in [1, 2, 4, 64, 128] {
            let x: Vec<Complex<3>> = (0..n)
                .map(|j| std::array::from_fn(|part| std::array::from_fn(|w| number(j * 6 + part * 3 + w))))
                .collect();
            let mut found = vec![[[0.0; 3]; 2]; n];
            for (j, &x) in x.iter().enumerate() {
                found[place(j, n)] = x;
            }
            sums(&mut found);
            for k in 0..n {
                for w in 0..3 {
                    let (mut re, mut im) = (0.0, 0.0);
                    for (j, x) in x.iter().enumerate() {
                        let (sine, cosine) = (2.0 * PI * ((j * k) % n) as f64 / n as f64).sin_cos();
                        re += x[0][w] * cosine - x[1][w] * sine;
                        im += x[0][w] * sine + x[1][w] * cosine;
                    }
                    assert!((found[k][0][w] - re).abs() < 1e-13 && (found[k][1][w] - im).abs() < 1e-13, "{k} of {n}");
                }
            }
        }
    }
}
