//! Platt scaling: a logistic curve through scores, with smoothed targets.

use crate::Pairs;
use crate::pool;
use crate::sum::sum;

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
/// further for rounding. At most 100. With libsvm's tolerance, 1e-5, they end where libsvm's do.
///
/// One class only, or constant scores: slope 0, and the confidence is the mean target. Without smoothing the best curve
/// is infinitely steep where a score separates the classes, and infinitely high where there is one class: `converged`
/// is then false.
#[must_use]
pub fn platt(scores: &Pairs<'_>, smoothing: bool, tolerance: f64) -> Platt {
    let (right, wrong) = (scores.right(), scores.wrong());
    let (high, low) = if smoothing { ((right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0)) } else { (1.0, 0.0) };
    let constant = constant((right * high + wrong * low) / scores.total());
    let range = Range::new(scores);
    if right == 0.0 || wrong == 0.0 || range.is_constant() {
        return constant;
    }
    let problem = Problem { frame: Frame::new(scores, &range), scores, high, low };
    let (a, b, iterations, converged) = problem.minimize(((right + 1.0) / (wrong + 1.0)).ln(), tolerance);
    let slope = a / problem.frame.spread * problem.frame.unit;
    let intercept = b - a / problem.frame.spread * problem.frame.centre;
    if !(slope.is_finite() && intercept.is_finite()) {
        return Platt { converged: false, iterations, ..constant }; // scores too close for a finite slope
    }
    Platt { slope, intercept, iterations, converged: converged && (smoothing || range.overlaps()) }
}

fn constant(target: f64) -> Platt {
    let inside = target.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    let intercept = inside.ln() - (-inside).ln_1p();
    Platt { slope: 0.0, intercept, iterations: 0, converged: target > 0.0 && target < 1.0 }
}

/// The smallest and the largest score of right and of wrong answers that weigh anything.
#[derive(Clone, Copy)]
struct Range {
    right: (f64, f64),
    wrong: (f64, f64),
}

impl Range {
    fn new(scores: &Pairs<'_>) -> Self {
        const CHUNK: usize = 1 << 16;
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let empty = Self { right: none, wrong: none };
        let join = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.max(b.1));
        let parts = pool::map(scores.len().div_ceil(CHUNK), scores.len(), |part| {
            let mut range = empty;
            for i in part * CHUNK..scores.len().min((part + 1) * CHUNK) {
                if scores.weight(i) > 0.0 {
                    let side = if scores.correct(i) { &mut range.right } else { &mut range.wrong };
                    *side = join(*side, (scores.value(i), scores.value(i)));
                }
            }
            range
        });
        parts.into_iter().fold(empty, |a, b| Self { right: join(a.right, b.right), wrong: join(a.wrong, b.wrong) })
    }

    fn ends(&self) -> (f64, f64) {
        (self.right.0.min(self.wrong.0), self.right.1.max(self.wrong.1))
    }

    fn is_constant(&self) -> bool {
        let (lowest, highest) = self.ends();
        lowest == highest
    }

    /// Whether no threshold separates the classes, so that the steepest curve is not the best.
    fn overlaps(&self) -> bool {
        self.right.1 > self.wrong.0 && self.wrong.1 > self.right.0
    }
}

/// Scores moved into [-1, 1]: (score * unit - centre) / spread, with the mean at 0.
struct Frame {
    unit: f64, // a power of two, so that nothing is rounded before the centre is taken away
    centre: f64,
    spread: f64,
}

impl Frame {
    fn new(scores: &Pairs<'_>, range: &Range) -> Self {
        const FAR: f64 = 1e140;
        const TWO_600: f64 = f64::from_bits((1023 + 600) << 52);
        let (lowest, highest) = range.ends();
        let largest = lowest.abs().max(highest.abs());
        let unit = if largest > FAR {
            1.0 / TWO_600
        } else if largest < 1.0 / FAR {
            TWO_600
        } else {
            1.0
        };
        let [centre] = sum(scores.len(), 2, |i| [scores.weight(i) / scores.total() * (scores.value(i) * unit)]);
        let centre = centre.clamp(lowest * unit, highest * unit); // rounding aside, it is a mean
        let spread = (highest * unit - centre).max(centre - lowest * unit);
        Self { unit, centre, spread }
    }

    fn place(&self, score: f64) -> f64 {
        (score * self.unit - self.centre) / self.spread
    }
}

struct Problem<'a> {
    scores: &'a Pairs<'a>,
    frame: Frame,
    high: f64,
    low: f64,
}

/// Means over the rows at one (a, b), for p = 1 / (1 + exp(-(a x + b))).
struct Point {
    loss: f64,
    gradient: [f64; 2],
    hessian: [f64; 3], // aa, ab, bb
    terms: f64,        // mean magnitude of what cancels in the gradient
}

impl Problem<'_> {
    fn at(&self, a: f64, b: f64) -> Point {
        let scores = self.scores;
        let sums = sum(scores.len(), 32, |i| {
            let x = self.frame.place(scores.value(i));
            let target = if scores.correct(i) { self.high } else { self.low };
            let z = a * x + b;
            let e = (-z.abs()).exp();
            let (near, far) = (1.0 / (1.0 + e), e / (1.0 + e));
            let (p, q) = if z >= 0.0 { (near, far) } else { (far, near) };
            let w = scores.weight(i) / scores.total();
            let (over, under) = (w * (1.0 - target) * p, w * target * q);
            let miss = over - under; // p - target, without losing what is small
            let curve = w * p * q;
            let loss = w * (z.max(0.0) - target * z + e.ln_1p());
            [loss, miss * x, miss, curve * x * x, curve * x, curve, over + under]
        });
        let [loss, ga, gb, haa, hab, hbb, terms] = sums;
        Point { loss, gradient: [ga, gb], hessian: [haa, hab, hbb], terms }
    }

    /// The best a and b, the steps taken, and whether that was enough.
    fn minimize(&self, start: f64, tolerance: f64) -> (f64, f64, usize, bool) {
        const STEPS: usize = 100;
        const ENOUGH: f64 = 1e-14;
        const ROUNDING: f64 = 1e-10; // a gradient that stops falling below this is as small as it gets
        const RIDGE: f64 = 1e-14;
        const SHORTEST: f64 = 1e-10;
        let (mut a, mut b) = (0.0, start);
        let mut here = self.at(a, b);
        for step in 0..STEPS {
            let size = here.size();
            let [ga, gb] = here.gradient;
            if size <= ENOUGH || ga.abs().max(gb.abs()) * self.scores.total() < tolerance {
                return (a, b, step, true);
            }
            let [haa, hab, hbb] = here.hessian;
            let ridge = RIDGE * (haa + hbb);
            let (haa, hbb) = (haa + ridge, hbb + ridge);
            let determinant = haa * hbb - hab * hab;
            let da = -(hbb * ga - hab * gb) / determinant;
            let db = -(haa * gb - hab * ga) / determinant;
            if !(da.is_finite() && db.is_finite()) {
                return (a, b, step, false);
            }
            let slope = ga * da + gb * db;
            let slack = 4.0 * f64::EPSILON * here.loss; // what rounding hides
            let mut length = 1.0;
            let there = loop {
                let there = self.at(a + length * da, b + length * db);
                if there.loss <= here.loss + 1e-4 * length * slope + slack {
                    break there;
                }
                length /= 2.0;
                if length < SHORTEST {
                    return (a, b, step, size <= ROUNDING);
                }
            };
            if size <= ROUNDING && there.size() > size / 2.0 {
                return (a, b, step, true);
            }
            (a, b) = (a + length * da, b + length * db);
            here = there;
        }
        (a, b, STEPS, here.size() <= ENOUGH)
    }
}

impl Point {
    fn size(&self) -> f64 {
        let [ga, gb] = self.gradient;
        ga.abs().max(gb.abs()) / self.terms.max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const F: [f64; 8] = [0.1, 0.4, 0.5, 0.9, 1.2, 1.5, 2.0, 2.2];
    const C: [bool; 8] = [true, true, false, true, true, false, false, false];

    fn fit(scores: &[f64], correct: &[bool], smoothing: bool) -> Platt {
        platt(&Pairs::scores("scores", scores, correct, None).unwrap(), smoothing, 0.0)
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
        let weighted = platt(&Pairs::scores("scores", &F, &C, Some(&weights)).unwrap(), true, 0.0);
        let (mut scores, mut correct) = (vec![], vec![]);
        for (i, times) in [1, 2, 0, 3, 1, 1, 2, 1].into_iter().enumerate() {
            scores.extend(vec![F[i]; times]);
            correct.extend(vec![C[i]; times]);
        }
        let repeated = fit(&scores, &correct, true);
        near(weighted, repeated.slope, repeated.intercept);
    }
}
