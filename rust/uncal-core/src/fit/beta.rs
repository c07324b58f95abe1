//! Beta calibration: log-odds that are linear in ln q and in ln(1 - q).

use std::f64::consts::LN_2;
use std::str::FromStr;

use super::logistic::{Features, Found, Logistic};
use super::platt::log_odds;
use super::range::Range;
use crate::float::Real;
use crate::simd::{Lanes, ln};
use crate::{Error, Pairs, Result};

/// confidence = 1 / (1 + exp(-(a ln q - b ln(1 - q) + c))), with q the confidence as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    /// At least 0.
    pub a: f64,
    /// At least 0.
    pub b: f64,
    /// The log-odds of what was one half, plus (a - b) ln 2.
    pub c: f64,
    /// Newton steps that were taken.
    pub iterations: usize,
    /// Whether the gradient became small enough. If not, the numbers are still finite.
    pub converged: bool,
}

/// What is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// All three.
    Abm,
    /// a = b, and c.
    Am,
    /// a and b; what was one half stays it, c = (a - b) ln 2.
    Ab,
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "abm" => Self::Abm,
            "am" => Self::Am,
            "ab" => Self::Ab,
            _ => return Err(Error::setting("variant", name, "one of abm, am, ab")),
        })
    }
}

/// Confidences are clipped to this far from 0 and 1.
const EPS: f64 = f64::EPSILON;

/// Fit by maximum likelihood among curves that never fall: Newton steps with backtracking, and where a or b come out
/// below 0, once more without that term (Kull, Silva Filho, Flach 2017).
///
/// Where a threshold separates right from wrong no finite curve is best, and for one class neither: not converged.
/// Constant confidences: a = b = 0, and the share of right answers.
///
/// # Errors
/// [`Error::Setting`] if the environment names no instruction set of this machine.
pub fn beta<T: Real>(confidences: &Pairs<'_, T>, variant: Variant) -> Result<Beta> {
    let clip = |q: f64| q.clamp(EPS, 1.0 - EPS);
    let range = Range::new(confidences)?.map(clip);
    let share = confidences.right() / confidences.total();
    let level = Beta { a: 0.0, b: 0.0, c: 0.0, iterations: 0, converged: true };
    let constant = match variant {
        Variant::Ab => level,
        Variant::Abm | Variant::Am => Beta { c: log_odds(share), converged: share > 0.0 && share < 1.0, ..level },
    };
    if variant != Variant::Ab && (range.is_constant() || !constant.converged) {
        return Ok(constant);
    }
    let search = Search { confidences, free: variant != Variant::Ab, share, scale: Scale::new(confidences, variant)? };
    let (x, y, xy) = ([1.0, 0.0], [0.0, 1.0], [1.0, 1.0]);
    let mut best = match variant {
        Variant::Am => search.one(xy)?,
        Variant::Abm | Variant::Ab => {
            let both = search.two(x, y)?;
            if both.beta.a >= 0.0 && both.beta.b >= 0.0 {
                both
            } else {
                // with one of them below 0 the best is on that side; with both, on one of the two
                let mut best: Option<Candidate> = None;
                for (term, dropped) in [(x, both.beta.b), (y, both.beta.a)] {
                    if dropped < 0.0 {
                        let found = search.one(term)?;
                        let fine = found.beta.a >= 0.0 && found.beta.b >= 0.0;
                        if fine && best.is_none_or(|best| found.loss < best.loss) {
                            best = Some(found);
                        }
                    }
                }
                let steps = both.beta.iterations;
                best.map_or(Candidate { beta: Beta { iterations: steps, ..constant }, loss: 0.0 }, |best| {
                    let iterations = best.beta.iterations + steps;
                    Candidate { beta: Beta { iterations, ..best.beta }, ..best }
                })
            }
        }
    }
    .beta;
    if best.a < 0.0 || best.b < 0.0 {
        return Ok(Beta { iterations: best.iterations, ..constant });
    }
    if best.a > 0.0 || best.b > 0.0 {
        let finite = match variant {
            Variant::Ab => range.right.0 < 0.5 || range.wrong.1 > 0.5,
            Variant::Abm | Variant::Am => range.overlaps_rising(),
        };
        best.converged &= finite;
    }
    Ok(best)
}

#[derive(Clone, Copy)]
struct Candidate {
    beta: Beta,
    loss: f64,
}

struct Search<'a, T> {
    confidences: &'a Pairs<'a, T>,
    /// Whether c is.
    free: bool,
    share: f64,
    scale: Scale,
}

/// Means and standard deviations of ln q and -ln(1 - q): terms are moved and scaled, and the second freed of what it has
/// of the first, so that no two look alike.
#[derive(Clone, Copy)]
struct Scale {
    mean: [f64; 2],
    deviation: [f64; 2],
}

impl Scale {
    fn new<T: Real>(confidences: &Pairs<'_, T>, variant: Variant) -> Result<Self> {
        if variant == Variant::Ab {
            return Ok(Self { mean: [-LN_2, LN_2], deviation: [1.0; 2] });
        }
        let rows = Logistic::new(confidences, Terms { rows: [[1.0, 0.0, 0.0]] }, (1.0, 0.0))?;
        let of = [|q: f64| q.clamp(EPS, 1.0 - EPS).ln(), |q: f64| -(-q.clamp(EPS, 1.0 - EPS)).ln_1p()];
        let mean = of.map(|of| rows.rough_mean(of));
        let mut deviation = [0.0; 2];
        for i in 0..2 {
            let square = rows.rough_mean(|q| (of[i](q) - mean[i]).powi(2));
            deviation[i] = if square > 0.0 { square.sqrt() } else { 1.0 }; // a sample can be constant
        }
        Ok(Self { mean, deviation })
    }
}

impl<T: Real> Search<'_, T> {
    /// The best a and b in a fixed ratio.
    fn one(&self, ratio: [f64; 2]) -> Result<Candidate> {
        let term = self.term(ratio);
        if self.free {
            let terms = Terms { rows: [term, [0.0, 0.0, 1.0]] };
            self.fit(terms, [0.0, log_odds(self.share)])
        } else {
            self.fit(Terms { rows: [term] }, [0.0])
        }
    }

    /// The best a and b.
    fn two(&self, x: [f64; 2], y: [f64; 2]) -> Result<Candidate> {
        let (x, y) = (self.term(x), self.term(y));
        if self.free {
            let (sum, difference) = ([0, 1, 2].map(|i| x[i] + y[i]), [0, 1, 2].map(|i| x[i] - y[i]));
            let terms = Terms { rows: [sum, difference, [0.0, 0.0, 1.0]] };
            self.fit(terms, [0.0, 0.0, log_odds(self.share)])
        } else {
            self.fit(Terms { rows: [x, y] }, [0.0, 0.0])
        }
    }

    /// u ln q - v ln(1 - q), moved to a mean of about 0 and scaled.
    fn term(&self, [u, v]: [f64; 2]) -> [f64; 3] {
        let Scale { mean, deviation } = self.scale;
        let scale = 1.0 / (u * deviation[0] + v * deviation[1]);
        [u * scale, v * scale, -(u * mean[0] + v * mean[1]) * scale]
    }

    fn fit<const D: usize>(&self, terms: Terms<D>, start: [f64; D]) -> Result<Candidate>
    where
        Terms<D>: Features<D>,
    {
        let problem = Logistic::new(self.confidences, terms, (1.0, 0.0))?;
        let Found { parameters, steps, converged } = problem.minimize(start, 0.0);
        let loss = if D == 3 { 0.0 } else { problem.at::<true>(parameters).loss };
        let sum = |i: usize| parameters.iter().zip(terms.rows).map(|(x, row)| x * row[i]).sum();
        Ok(Candidate { beta: Beta { a: sum(0), b: sum(1), c: sum(2), iterations: steps, converged }, loss })
    }
}

/// Features that mix ln q, -ln(1 - q) and 1, one row for each.
#[derive(Clone, Copy)]
struct Terms<const D: usize> {
    rows: [[f64; 3]; D],
}

impl<const D: usize> Features<D> for Terms<D> {
    #[inline(always)]
    fn of<V: Lanes>(&self, x: V) -> [V; D] {
        let q = x.max(x.splat(EPS)).min(x.splat(1.0 - EPS));
        let (log, rest) = (ln(q), ln(x.splat(1.0) - q));
        let mut features = [x; D];
        let mut i = 0;
        while i < D {
            let [u, v, w] = self.rows[i];
            features[i] = log.mul_add(x.splat(u), rest.neg_mul_add(x.splat(v), x.splat(w)));
            i += 1;
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 12] = [0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95];
    const C: [bool; 12] = [false, false, true, false, false, true, false, true, true, false, true, true];
    const VARIANTS: [Variant; 3] = [Variant::Abm, Variant::Am, Variant::Ab];

    fn fit(q: &[f64], c: &[bool], variant: Variant) -> Beta {
        beta(&Pairs::confidences(q, c, None).unwrap(), variant).unwrap()
    }

    #[test]
    fn known_fit() {
        let map = fit(&Q, &C, Variant::Abm);
        assert!(map.converged, "{map:?}");
        for (x, known) in [(map.a, 0.782_204_320_04), (map.b, 0.672_569_668_31), (map.c, 0.129_884_150_15)] {
            assert!((x - known).abs() < 1e-10, "{map:?}");
        }
    }

    #[test]
    fn variants_keep_their_ties() {
        let am = fit(&Q, &C, Variant::Am);
        assert!(am.converged && am.a == am.b);
        let ab = fit(&Q, &C, Variant::Ab);
        assert!(ab.converged && ((ab.a - ab.b) * LN_2 - ab.c).abs() < 1e-14);
    }

    #[test]
    fn a_term_that_would_fall_is_dropped() {
        // right in the middle: a falling, b rising, or the other way round
        let map =
            fit(&[0.1, 0.3, 0.4, 0.5, 0.8, 0.9, 0.95], &[false, false, true, true, true, false, true], Variant::Abm);
        assert!(map.a >= 0.0 && map.b >= 0.0 && map.converged, "{map:?}");
        for variant in VARIANTS {
            let down = fit(&Q, &C.map(|c| !c), variant);
            assert!(down.converged && down.a == 0.0 && down.b == 0.0 && down.c.abs() < 1e-15, "{down:?}");
        }
    }

    #[test]
    fn what_has_no_finite_best_ends_finite() {
        let cases: [(&[f64], &[bool]); 5] = [
            (&[0.1, 0.2, 0.8, 0.9], &[false, false, true, true]),
            (&[0.1, 0.2, 0.2, 0.9], &[false, false, true, true]),
            (&[0.0, 1.0], &[false, true]),
            (&[0.3, 0.6], &[true, true]),
            (&[0.6, 0.6], &[true, true]),
        ];
        for (q, c) in cases {
            for variant in VARIANTS {
                let map = fit(q, c, variant);
                assert!(map.a.is_finite() && map.b.is_finite() && map.c.is_finite(), "{q:?} {map:?}");
                // without c, 0.3 and 0.2 say something else than a threshold at one half
                assert!(
                    !map.converged || (variant == Variant::Ab && (q[0] == 0.3 || q[1] == q[2])),
                    "{variant:?} {q:?} {map:?}"
                );
            }
        }
    }

    #[test]
    fn constant_confidences_give_the_share() {
        for variant in [Variant::Abm, Variant::Am] {
            let map = fit(&[0.7; 4], &[true, true, true, false], variant);
            assert!(map.converged && map.a == 0.0 && map.b == 0.0 && (map.c - 3_f64.ln()).abs() < 1e-15, "{map:?}");
        }
        let map = fit(&[0.7; 4], &[true, true, true, false], Variant::Ab);
        let odds = map.a * 0.7_f64.ln() - map.b * 0.3_f64.ln() + map.c;
        assert!(map.converged && (odds - 3_f64.ln()).abs() < 1e-12, "{map:?}");
    }
}
