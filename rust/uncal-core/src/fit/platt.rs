//! Platt scaling: a logistic curve through scores, with smoothed targets.

use super::logistic::{Features, Found, Logistic};
use super::many;
use super::range::{Range, unit};
use crate::float::Real;
use crate::simd::Lanes;
use crate::{Pairs, Result};

/// confidence = 1 / (1 + exp(-(slope * score + intercept)))
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Platt {
    /// Negative where a higher score means less sure.
    pub slope: f64,
    /// The log-odds at score 0.
    pub intercept: f64,
    /// Newton steps that were taken.
    pub iterations: usize,
    /// Whether the gradient became small enough. If not, the numbers are still finite.
    pub converged: bool,
}

/// Fit by maximum likelihood to targets that are smoothed as Platt (1999) does: with N+ right and N- wrong answers,
/// (N+ + 1) / (N+ + 2) and 1 / (N- + 2) instead of 1 and 0; without `smoothing`, 1 and 0.
///
/// Newton steps with backtracking (Lin, Lin, Weng 2007), on scores that are first shifted and scaled into `[-1, 1]`,
/// until the gradient, a sum over rows, is below `tolerance`; or below 1e-14 of the magnitude of its terms; or falls no
/// further for rounding. At most 100. With libsvm's tolerance, 1e-5, they end where libsvm's do. From 2^16 rows
/// of one weight on, 2^18 of several, they begin with a sample; where there is one weight, few looks at all rows follow: one
/// in single precision, then in double precision, until the gradient can be shown to be as small.
///
/// Without a tolerance it is libsvm's, or 0 without `smoothing`; but from 2^18 rows of one weight on it is looks in single
/// precision alone, mostly one, until they leave less than a thousandth of the parameters' standard errors.
///
/// One class only, or constant scores: slope 0, and the confidence is the mean target. Without smoothing the best curve
/// is infinitely steep where a score separates the classes, and infinitely high where there is one class: `converged`
/// is then false.
///
/// # Errors
/// [`crate::Error::Setting`] if the environment names no instruction set of this machine.
pub fn platt<T: Real>(scores: &Pairs<'_, T>, smoothing: bool, tolerance: Option<f64>) -> Result<Platt> {
    let (right, wrong) = (scores.right(), scores.wrong());
    let (high, low) = if smoothing { ((right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0)) } else { (1.0, 0.0) };
    let constant = Platt::constant((right * high + wrong * low) / scores.total());
    if right == 0.0 || wrong == 0.0 {
        return Ok(constant);
    }
    // which class lies where only tells whether a curve without smoothing is finite, and which rows weigh nothing
    let range = if smoothing && !scores.is_weighted() { None } else { Some(Range::new(scores)?) };
    let (low_end, high_end) =
        range.map_or_else(|| (scores.range().0.widen(), scores.range().1.widen()), |range| range.ends());
    if low_end == high_end {
        return Ok(constant);
    }
    let frame = Frame::new(scores, low_end, high_end)?;
    let problem = Logistic::new(scores, frame, (high, low))?;
    let start = [0.0, ((right + 1.0) / (wrong + 1.0)).ln()];
    let libsvms = if smoothing { LIBSVM } else { 0.0 };
    let tolerance = tolerance.or((scores.len() < many::PLENTY).then_some(libsvms));
    let found = match many::minimize(scores, frame, (high, low), start, tolerance) {
        Some((parameters, steps)) => Found { parameters, steps, converged: true },
        None => problem.minimize(start, tolerance.unwrap_or(libsvms)),
    };
    let [a, b] = found.parameters;
    let slope = a * frame.per_spread * frame.unit;
    let intercept = b - a * frame.per_spread * frame.centre;
    if !(slope.is_finite() && intercept.is_finite()) {
        // scores too close for a finite slope
        return Ok(Platt { converged: false, iterations: found.steps, ..constant });
    }
    let converged = found.converged && (smoothing || range.is_none_or(|range| range.overlaps()));
    Ok(Platt { slope, intercept, iterations: found.steps, converged })
}

/// The tolerance of libsvm's loop.
const LIBSVM: f64 = 1e-5;

impl Platt {
    /// The same confidence for every score, as near as finite log-odds come.
    pub(super) fn constant(confidence: f64) -> Self {
        Self {
            slope: 0.0,
            intercept: log_odds(confidence),
            iterations: 0,
            converged: confidence > 0.0 && confidence < 1.0,
        }
    }
}

/// ln(p / (1 - p)), of 0 and 1 that of the next numbers to which 1 - p is exact.
pub(super) fn log_odds(p: f64) -> f64 {
    let inside = p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    inside.ln() - (-inside).ln_1p()
}

/// Scores moved into `[-1, 1]`: `(score * unit - centre) * per_spread`, with about the mean at 0.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    unit: f64, // a power of two, so that nothing is rounded before the centre is taken away
    pub centre: f64,
    pub per_spread: f64,
}

impl Frame {
    #[allow(clippy::cast_possible_truncation)] // a single is what is asked for
    pub fn new<T: Real>(scores: &Pairs<'_, T>, lowest: f64, highest: f64) -> Result<Self> {
        let unit = unit(lowest, highest);
        let centre = Logistic::new(scores, Raw, (1.0, 0.0))?.rough_mean(|x| x * unit);
        let centre = centre.clamp(lowest * unit, highest * unit); // rounding aside, it is a mean
        let about = |centre: f64| {
            let spread = (highest * unit - centre).max(centre - lowest * unit);
            Self { unit, centre, per_spread: 1.0 / spread }
        };
        let frame = about(centre);
        Ok(if frame.suits_singles() { about(f64::from(centre as f32)) } else { frame })
    }

    /// Whether single precision tells places apart; then the centre is a single.
    pub fn suits_singles(&self) -> bool {
        const FAR: f64 = 1e9; // the third power of a single is finite
        let spread = 1.0 / self.per_spread;
        self.unit == 1.0 && (1.0 / FAR..FAR).contains(&spread) && self.centre.abs() <= 64.0 * spread
    }
}

impl Features<2> for Frame {
    #[inline(always)]
    fn of<V: Lanes>(&self, x: V) -> [V; 2] {
        let placed = (x * x.splat(self.unit) - x.splat(self.centre)) * x.splat(self.per_spread);
        [placed, x.splat(1.0)]
    }
}

/// The value itself.
#[derive(Clone, Copy)]
struct Raw;

impl Features<1> for Raw {
    #[inline(always)]
    fn of<V: Lanes>(&self, x: V) -> [V; 1] {
        [x]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sum::sum;

    const F: [f64; 8] = [0.1, 0.4, 0.5, 0.9, 1.2, 1.5, 2.0, 2.2];
    const C: [bool; 8] = [true, true, false, true, true, false, false, false];

    fn fit(scores: &[f64], correct: &[bool], smoothing: bool) -> Platt {
        platt(&Pairs::scores("scores", scores, correct, None).unwrap(), smoothing, Some(0.0)).unwrap()
    }

    fn confidence(map: Platt, score: f64) -> f64 {
        1.0 / (1.0 + (-(map.slope * score + map.intercept)).exp())
    }

    fn near(map: Platt, slope: f64, intercept: f64) {
        assert!(map.converged, "{map:?}");
        assert!((map.slope - slope).abs() < 1e-10, "{map:?}");
        assert!((map.intercept - intercept).abs() < 1e-10, "{map:?}");
    }

    #[test]
    fn known_fits() {
        // a loop that stops at a gradient of 1e-5, as is common, ends at -1.317446, 1.436945
        near(fit(&F, &C, true), -1.317_451_611_719, 1.436_949_436_032);
        near(fit(&F, &C, false), -2.424_689_546_796, 2.604_852_109_259);
        let four = fit(&[0.0, 1.0, 2.0, 3.0], &[true, true, false, false], true);
        near(four, -0.908_184_262_542, 1.362_276_393_813);
    }

    #[test]
    fn one_class_and_constant_scores_give_the_mean_target() {
        let one = fit(&[0.0, 1.0, 2.0], &[true; 3], true);
        assert!(one.converged && one.slope == 0.0 && (confidence(one, 5.0) - 0.8).abs() < 1e-15);
        let same = fit(&[1.0; 4], &[true, false, true, true], true);
        assert!(same.converged && same.slope == 0.0);
        assert!((confidence(same, 1.0) - 0.683_333_333_333_333_3).abs() < 1e-15);
        let plain = fit(&[1.0; 4], &[true, false, true, true], false);
        assert!(plain.converged && (confidence(plain, 1.0) - 0.75).abs() < 1e-15);
    }

    #[test]
    fn without_smoothing_a_separating_score_does_not_converge() {
        let cases: [(&[f64], &[bool]); 4] = [
            (&[0.0, 1.0, 2.0, 3.0], &[true, true, false, false]),
            (&[0.0, 1.0, 1.0, 2.0], &[false, false, true, true]), // only touching
            (&[0.0, 1e-8], &[false, true]),
            (&[0.0, 1.0], &[true, true]),
        ];
        for (scores, correct) in cases {
            let map = fit(scores, correct, false);
            assert!(!map.converged && map.slope.is_finite() && map.intercept.is_finite(), "{map:?}");
            assert!(fit(scores, correct, true).converged);
        }
    }

    #[test]
    fn shift_and_scale_leave_the_confidences_alone() {
        let base = fit(&F, &C, true);
        for scale in [1e-300, 1e-8, -1.0, 3.0, 1e8, 1e300] {
            let moved = fit(&F.map(|f| f * scale), &C, true);
            assert!(moved.converged);
            for f in F {
                let (a, b) = (confidence(base, f), confidence(moved, f * scale));
                assert!((a - b).abs() < 1e-13, "{scale:e}: {a} {b}");
            }
        }
        // eighths, so that a shift by 1e8 rounds nothing away
        let eighths = [0.125, 0.375, 0.5, 0.875, 1.25, 1.5, 2.0, 2.25];
        let (near, far) = (fit(&eighths, &C, true), fit(&eighths.map(|f| f + 1e8), &C, true));
        assert!((near.slope - far.slope).abs() < 1e-13);
        for f in eighths {
            let (a, b) = (confidence(near, f), confidence(far, f + 1e8));
            assert!((a - b).abs() < 1e-7, "{a} {b}"); // slope * 1e8 + intercept rounds to 1e-8
        }
    }

    #[test]
    fn hostile_scores_end_with_finite_numbers() {
        let cases: [&[f64]; 6] = [
            &[f64::MAX, -f64::MAX, 1.0, 2.0],
            &[1e300, 1.0, 2.0, 3.0],
            &[5e-324, 0.0, 5e-324, 0.0],
            &[1.0, 1.0, 1.0, 1.0 + f64::EPSILON],
            &[-1e-310, 1e-310, 0.0, 2e-310],
            &[0.0, -0.0, 0.0, -0.0],
        ];
        for scores in cases {
            for correct in [[true, false, true, false], [true, false, false, true]] {
                for smoothing in [true, false] {
                    let map = fit(scores, &correct, smoothing);
                    assert!(map.slope.is_finite() && map.intercept.is_finite(), "{scores:?}: {map:?}");
                }
            }
        }
    }

    #[test]
    fn rare_verdicts_are_fitted_as_tightly() {
        // 1 right answer in 100000: the gradient at the minimum, relative to its terms, is what is asked for
        let scores: Vec<f64> = (0..100_000).map(|i| f64::from(i % 1000) / 1000.0).collect();
        let correct: Vec<bool> = (0..100_000).map(|i| i == 77_900).collect();
        let map = fit(&scores, &correct, false);
        assert!(map.converged && map.iterations < 40, "{map:?}");
        let residual = |i: usize| confidence(map, scores[i]) - f64::from(u8::from(correct[i]));
        let [g, gx] = sum(scores.len(), 1, |i| [residual(i), residual(i) * scores[i]]);
        assert!(g.abs() < 1e-12 && gx.abs() < 1e-12, "{g:e} {gx:e}");
    }

    #[test]
    fn weights_repeat_rows() {
        let weights = [1.0, 2.0, 0.0, 3.0, 1.0, 1.0, 2.0, 1.0];
        let weighted = platt(&Pairs::scores("scores", &F, &C, Some(&weights)).unwrap(), true, Some(0.0)).unwrap();
        let (mut scores, mut correct) = (vec![], vec![]);
        for (i, times) in [1, 2, 0, 3, 1, 1, 2, 1].into_iter().enumerate() {
            scores.extend(vec![F[i]; times]);
            correct.extend(vec![C[i]; times]);
        }
        let repeated = fit(&scores, &correct, true);
        near(weighted, repeated.slope, repeated.intercept);
    }
}
