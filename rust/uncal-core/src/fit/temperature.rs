//! Temperature scaling: log-odds divided by one number.

use super::logistic::{ENOUGH, Features, Logistic, ROUNDING, STEPS};
use crate::float::Real;
use crate::simd::{Lanes, ln};
use crate::{Error, Pairs, Result};

/// confidence = 1 / (1 + exp(-logit(q) / temperature)), with q the confidence as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature {
    /// Above 1 where confidences were too far from one half.
    pub temperature: f64,
    /// Newton steps and halvings that were taken.
    pub iterations: usize,
    /// Whether the best temperature lies between 0.001 and 1000.
    pub converged: bool,
}

/// Fit by maximum likelihood, in 1 / T, in which the problem is convex: Newton's steps, halved where they leave the
/// range in which the minimum is known to lie. Confidences are clipped to `[eps, 1 - eps]` first.
///
/// Where confidences of one half tell nothing else, T is 1. Where right answers are all above one half and wrong ones
/// below, or the other way round, T ends at 0.001 or 1000, and has not converged.
///
/// # Errors
/// [`Error::Setting`] for an `eps` outside `[2.2e-16, 0.5)`.
///
/// # Example
/// ```
/// use uncal_core::{Pairs, fit};
/// let pairs = Pairs::confidences(&[0.9, 0.9, 0.9, 0.9], &[true, true, true, false], None)?;
/// let map = fit::temperature(&pairs, 1e-6)?;
/// assert!((map.temperature - 2.0).abs() < 1e-12); // the odds 9 become 3
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn temperature<T: Real>(confidences: &Pairs<'_, T>, eps: f64) -> Result<Temperature> {
    if !(f64::EPSILON..0.5).contains(&eps) {
        return Err(Error::setting("eps", eps, "a number from 2.220446049250313e-16 to below 0.5"));
    }
    let problem = Logistic::new(confidences, LogOdds { eps }, (1.0, 0.0))?;
    let Some(sample) = problem.of_blocks(SAMPLE).filter(|_| confidences.len() >= MANY) else {
        return Ok(search(&problem, 1.0));
    };
    let rough = search(&sample, 1.0);
    let found = search(&problem, if rough.converged { 1.0 / rough.temperature } else { 1.0 });
    Ok(Temperature { iterations: found.iterations + rough.iterations, ..found })
}

/// Rows from which a search begins on a sample, one block of rows in so many.
const MANY: usize = 1 << 18;
const SAMPLE: usize = 64;

fn search<T: Real>(problem: &Logistic<'_, T, LogOdds, 1>, start: f64) -> Temperature {
    const ENDS: (f64, f64) = (1e-3, 1e3);
    const PATIENCE: usize = 10;
    const STRIDE: f64 = 10.0;
    // the slope of the loss rises with beta = 1 / T, so its sign says on which side the minimum lies
    let (mut low, mut high) = (None, None);
    let mut beta = start;
    let mut before = f64::INFINITY;
    for iterations in 0..STEPS {
        let here = problem.at::<false>([beta]);
        let end = |converged| Temperature { temperature: 1.0 / beta, iterations, converged };
        let [slope] = here.gradient;
        let size = here.size();
        if size <= ENOUGH || (size <= ROUNDING && size > before / 2.0) {
            return end(true);
        }
        before = size;
        let (side, last) = if slope < 0.0 { (&mut low, ENDS.1) } else { (&mut high, ENDS.0) };
        if beta == last {
            return end(false);
        }
        *side = Some(beta);
        let newton = beta - slope / here.hessian[0][0];
        beta = match (low, high) {
            (Some(low), Some(high)) if !(low < newton && newton < high) => (low * high).sqrt(),
            (Some(_), Some(_)) => newton,
            // steps that go on and on to one side: perhaps there is no minimum
            _ if iterations >= PATIENCE => last,
            (_, Some(_)) => newton.clamp(ENDS.0, beta).max(beta / STRIDE),
            _ => newton.clamp(beta, ENDS.1).min(beta * STRIDE),
        };
    }
    Temperature { temperature: 1.0 / beta, iterations: STEPS, converged: false }
}

#[derive(Clone, Copy)]
struct LogOdds {
    eps: f64,
}

impl Features<1> for LogOdds {
    #[inline(always)]
    fn of<V: Lanes>(&self, x: V) -> [V; 1] {
        let q = x.max(x.splat(self.eps)).min(x.splat(1.0 - self.eps));
        [ln(q / (x.splat(1.0) - q))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 12] = [0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95];
    const C: [bool; 12] = [false, false, true, false, false, true, false, true, true, false, true, true];

    fn fit(q: &[f64], c: &[bool], weights: Option<&[f64]>) -> Temperature {
        temperature(&Pairs::confidences(q, c, weights).unwrap(), 1e-6).unwrap()
    }

    #[test]
    fn known_temperature() {
        let map = fit(&Q, &C, None);
        assert!(map.converged && (map.temperature - 1.377_064_518_512).abs() < 1e-11, "{map:?}");
        let twice = fit(&[Q, Q].concat(), &[C, C].concat(), None);
        let weighted = fit(&Q, &C, Some(&[2.0; 12]));
        assert!((twice.temperature - weighted.temperature).abs() < 1e-13);
    }

    #[test]
    fn ends_of_the_range_are_not_converged() {
        let cases =
            [([0.2, 0.9], [false, true], 1e-3), ([0.2, 0.9], [true, false], 1e3), ([0.0, 1.0], [true, false], 1e3)];
        for (q, c, expected) in cases {
            let map = fit(&q, &c, None);
            assert!(!map.converged && map.temperature == expected, "{map:?}");
        }
    }

    #[test]
    fn one_half_tells_nothing() {
        let map = fit(&[0.5; 3], &[true, false, true], None);
        assert_eq!(map, Temperature { temperature: 1.0, iterations: 0, converged: true });
    }

    #[test]
    fn far_temperatures_are_found() {
        for t in [0.002, 0.05, 30.0, 900.0] {
            // odds that come out as 3 to 1
            let q = 1.0 / (1.0 + (-(3_f64.ln()) * t).exp());
            let map = fit(&[q; 4], &[true, true, false, true], None);
            let expected = ((q.min(1.0 - 1e-6)) / (1.0 - q.min(1.0 - 1e-6))).ln() / 3_f64.ln();
            assert!(map.converged && (map.temperature / expected - 1.0).abs() < 1e-10, "{t} {map:?}");
        }
    }

    #[test]
    fn an_eps_without_sense_is_refused() {
        let pairs = Pairs::confidences(&[0.5], &[true], None).unwrap();
        for eps in [0.0, 1e-17, 0.5, f64::NAN] {
            assert!(temperature(&pairs, eps).unwrap_err().to_string().starts_with("eps: is "));
        }
    }
}
