//! What one look at all rows, in any order, tells: sums that need neither bins nor a sort.

use crate::float::Real;
use crate::simd::{Isa, Kernel, Simd};
use crate::sum::pairwise;
use crate::{Error, Pairs, Result, normal, pool};

/// Sums over rows with confidence q and verdict c.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    total: f64,
    squares: f64,
    gap: f64,
    log: f64,
    spiegelhalter: f64,
    variance: f64,
}

impl Sums {
    /// Of all rows, but for the logarithm.
    pub fn without_log<T: Real>(pairs: &Pairs<'_, T>) -> Result<Self> {
        Self::of::<T, false>(pairs, f64::EPSILON)
    }

    /// Of all rows; confidences are clipped to `[eps, 1 - eps]` in logarithms.
    pub fn new<T: Real>(pairs: &Pairs<'_, T>, eps: f64) -> Result<Self> {
        Self::of::<T, true>(pairs, eps)
    }

    fn of<T: Real, const LOG: bool>(pairs: &Pairs<'_, T>, eps: f64) -> Result<Self> {
        const CHUNK: usize = 1 << 13;
        let isa = Isa::chosen()?;
        let len = pairs.len();
        let parts = pool::map(len.div_ceil(CHUNK), len.saturating_mul(4), |part| {
            let rows = part * CHUNK..len.min((part + 1) * CHUNK);
            let (values, verdicts) = (&pairs.values()[rows.clone()], &pairs.verdicts()[rows.clone()]);
            match pairs.weights() {
                None => isa.run(Look::<T, LOG> { values, verdicts, eps }),
                Some(weights) => Self::weighted(values, verdicts, &weights[rows], eps),
            }
        });
        let [squares, gap, log, spiegelhalter, variance] = pairwise(0, parts.len(), &|i| parts[i]);
        Ok(Self { total: pairs.total(), squares, gap, log, spiegelhalter, variance })
    }

    fn weighted<T: Real>(values: &[T], verdicts: &[bool], weights: &[f64], eps: f64) -> [f64; 5] {
        pairwise(0, values.len(), &|i| {
            let q = values[i].widen();
            let c = f64::from(u8::from(verdicts[i]));
            let mut terms = terms(q, c).map(|x| x * weights[i]);
            terms[2] = weights[i] * chance(q, c, eps).ln();
            terms
        })
    }

    /// The mean squared difference between confidence and verdict.
    pub fn brier(self) -> f64 {
        self.squares / self.total
    }

    /// The mean of (confidence - verdict).
    pub fn signed_gap(self) -> f64 {
        self.gap / self.total
    }

    /// Minus the mean logarithm of the chance that was given to what came true.
    pub fn log_loss(self) -> f64 {
        0.0 - self.log / self.total // not -0
    }

    /// Spiegelhalter's Z: how far the Brier score is from what true confidences would have, in standard deviations.
    pub fn spiegelhalter(self) -> (f64, f64) {
        let z = self.spiegelhalter / self.variance.sqrt(); // 0 / 0 is NaN
        (z, normal::beyond(z))
    }
}

/// The chance that confidence `q`, clipped, gives to verdict `c`.
#[inline(always)]
fn chance(q: f64, c: f64, eps: f64) -> f64 {
    let q = if q < eps { eps } else { q };
    let q = if q > 1.0 - eps { 1.0 - eps } else { q };
    let chance = c * q + (1.0 - c) * (1.0 - q);
    // 1 less a very small eps is 1
    if chance == 0.0 { eps } else { chance }
}

/// Square, gap, a place for the logarithm, and the terms of Spiegelhalter's statistic.
#[inline(always)]
fn terms(q: f64, c: f64) -> [f64; 5] {
    let gap = q - c;
    let slope = 1.0 - 2.0 * q;
    [gap * gap, gap, 0.0, gap * (0.0 - slope), slope * slope * (q * (1.0 - q))]
}

/// Plain loops, which the compiler turns into the vectors of each instruction set.
struct Look<'a, T, const LOG: bool> {
    values: &'a [T],
    verdicts: &'a [bool],
    eps: f64,
}

impl<T: Real, const LOG: bool> Kernel for Look<'_, T, LOG> {
    type Output = [f64; 5];

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> [f64; 5] {
        const WIDTH: usize = 16;
        // chances multiplied before one logarithm is taken of them all: none of the products is too small
        const FACTORS: usize = 16;
        let factors = if self.eps >= 1e-18 { FACTORS } else { 1 };
        let mut sums = [[0.0; WIDTH]; 5];
        let mut rest = [0.0; 5];
        let block = WIDTH * factors;
        let mut blocks = self.values.chunks_exact(block).zip(self.verdicts.chunks_exact(block));
        let mut log = 0.0;
        for (values, verdicts) in &mut blocks {
            let mut product = [1.0; WIDTH];
            for (values, verdicts) in values.chunks_exact(WIDTH).zip(verdicts.chunks_exact(WIDTH)) {
                for i in 0..WIDTH {
                    let q = values[i].widen();
                    let c = f64::from(u8::from(verdicts[i]));
                    let found = terms(q, c);
                    sums[0][i] += found[0];
                    sums[1][i] += found[1];
                    sums[3][i] += found[3];
                    sums[4][i] += found[4];
                    if LOG {
                        product[i] *= chance(q, c, self.eps);
                    }
                }
            }
            if LOG {
                log += product.into_iter().map(f64::ln).sum::<f64>();
            }
        }
        let done = self.values.len() / block * block;
        for (value, &verdict) in self.values[done..].iter().zip(&self.verdicts[done..]) {
            let (q, c) = (value.widen(), f64::from(u8::from(verdict)));
            if LOG {
                log += chance(q, c, self.eps).ln();
            }
            for (rest, term) in rest.iter_mut().zip(terms(q, c)) {
                *rest += term;
            }
        }
        for (rest, sums) in rest.iter_mut().zip(sums) {
            *rest += pairwise(0, WIDTH, &|i| [sums[i]])[0];
        }
        rest[2] = log;
        rest
    }
}

/// The mean squared difference between confidence and verdict: 0 is perfect, 1/4 is a coin's, 1 is the worst.
///
/// # Errors
/// Those of [`Isa::chosen`].
///
/// # Example
/// ```
/// use uncal_core::{Pairs, brier};
/// let pairs = Pairs::confidences(&[1.0, 0.5], &[true, false], None)?;
/// assert_eq!(brier(&pairs)?, 0.125);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn brier<T: Real>(confidences: &Pairs<'_, T>) -> Result<f64> {
    Ok(Sums::without_log(confidences)?.brier())
}

/// Minus the mean logarithm of the chance that was given to what came true, confidences clipped to `[eps, 1 - eps]`.
///
/// # Errors
/// [`Error::Setting`] for an `eps` outside (0, 1/2).
///
/// # Example
/// ```
/// use uncal_core::{Pairs, log_loss};
/// let pairs = Pairs::confidences(&[0.5, 0.5], &[true, false], None)?;
/// assert_eq!(log_loss(&pairs, 1e-15)?, 2f64.ln());
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn log_loss<T: Real>(confidences: &Pairs<'_, T>, eps: f64) -> Result<f64> {
    if !(eps > 0.0 && eps < 0.5) {
        return Err(Error::setting("eps", eps, "a number between 0 and 0.5"));
    }
    Ok(Sums::new(confidences, eps)?.log_loss())
}

/// The mean of (confidence - verdict): above 0 for one who is too sure.
///
/// # Errors
/// Those of [`Isa::chosen`].
pub fn signed_gap<T: Real>(confidences: &Pairs<'_, T>) -> Result<f64> {
    Ok(Sums::without_log(confidences)?.signed_gap())
}

/// Spiegelhalter's Z statistic and its two-sided p-value; NaN if all confidences are 0, 1/2 or 1.
///
/// # Errors
/// Those of [`Isa::chosen`].
pub fn spiegelhalter<T: Real>(confidences: &Pairs<'_, T>) -> Result<(f64, f64)> {
    Ok(Sums::without_log(confidences)?.spiegelhalter())
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    #[test]
    fn known_losses() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        assert!((log_loss(&pairs, 1e-15).unwrap() - 3.909_310_294_5).abs() < 1e-10);
        assert!((log_loss(&pairs, 1e-6).unwrap() - 1.836_903_951_0).abs() < 1e-10);
        assert!((signed_gap(&pairs).unwrap() - 0.025).abs() < 1e-15);
        assert!((brier(&pairs).unwrap() - 0.24925).abs() < 1e-15);
        let weighted = Pairs::confidences(&[0.2, 0.7], &[true, false], Some(&[3.0, 1.0])).unwrap();
        assert!((brier(&weighted).unwrap() - (3.0 * 0.64 + 0.49) / 4.0).abs() < 1e-15);
    }

    #[test]
    fn every_instruction_set_sums_alike_and_like_weighted_rows() {
        let rng = crate::Rng::new(3, 1);
        let q: Vec<f64> = (0..20_011).map(|i| (rng.bits(i) >> 11) as f64 / (1_u64 << 53) as f64).collect();
        let q: Vec<f64> = q
            .iter()
            .map(|&q| {
                if q < 0.02 {
                    0.0
                } else if q > 0.99 {
                    1.0
                } else {
                    q
                }
            })
            .collect();
        let c: Vec<bool> = (0..20_011).map(|i| i % 3 == 0).collect();
        let ones = vec![1.0; q.len()];
        for eps in [1e-300, 1e-15, 0.01] {
            let of = |weights| {
                let sums = Sums::new(&Pairs::confidences(&q, &c, weights).unwrap(), eps).unwrap();
                [sums.brier(), sums.signed_gap(), sums.log_loss(), sums.spiegelhalter().0]
            };
            let weighted = of(Some(&ones));
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
                for (found, expected) in isa.force(|| of(None)).into_iter().zip(weighted) {
                    assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{isa:?}: {found} {expected}");
                }
            }
        }
    }
}
