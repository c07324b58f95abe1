//! Venn-Abers prediction: what isotonic regression says once the new answer is counted as wrong, and once as right.

use super::isotonic::rises;
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};
use crate::{Error, Pairs, Result, pool};

/// Both probabilities of any score, as steps.
///
/// Of M scores `x`, say that i are below a score s, and j below it or equal to it. Where confidence rises with the
/// score, its probabilities are `p0[j]` and `p1[i]`; where it falls, `p0[i]` and `p1[j]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VennAbers {
    /// Scores (M) where a probability changes, rising.
    pub x: Vec<f64>,
    /// (M + 1), if the new answer is wrong.
    pub p0: Vec<f64>,
    /// (M + 1), if it is right.
    pub p1: Vec<f64>,
    /// Whether confidence rises with the score.
    pub increasing: bool,
}

/// Fit isotonic regression to all rows and one more of weight 1, wrong or right, for every place that the one more
/// could have: two scans over the distinct scores (Vovk, Petej and Fedorova 2015), linear after the sort.
///
/// `increasing` is by default what the AUROC says, and true if it says nothing.
#[must_use]
pub fn venn_abers<T: Real>(scores: &Pairs<'_, T>, increasing: Option<bool>) -> VennAbers {
    let ranked = Ranked::new(scores);
    let increasing = increasing.unwrap_or_else(|| rises(&ranked));
    let mut ties = ranked.fold(Ties::default).0;
    if !increasing {
        ties.reverse();
    }
    // p1[i] is that of scores from above tie i - 1 up to tie i; no row lies above the last
    let steps: Vec<Step> = ties.iter().map(|tie| Step { good: tie.right, bad: tie.wrong }).collect();
    let mut p1 = added(&steps);
    p1.push(1.0);
    // the same seen from the other end, wrong for right
    let steps: Vec<Step> = ties.iter().rev().map(|tie| Step { good: tie.wrong, bad: tie.right }).collect();
    let mut p0 = added(&steps);
    p0.push(1.0);
    p0.reverse();
    p0.iter_mut().for_each(|p| *p = 1.0 - *p);
    // what rounding could turn around
    for i in 1..p1.len() {
        p1[i] = p1[i].max(p1[i - 1]);
        p0[i] = p0[i].max(p0[i - 1]).min(p1[i - 1]);
    }
    let mut x: Vec<f64> = ties.iter().map(|tie| tie.value).collect();
    if !increasing {
        x.reverse();
        p0.reverse();
        p1.reverse();
    }
    let mut fit = VennAbers { x: Vec::new(), p0: vec![p0[0]], p1: vec![p1[0]], increasing };
    for (i, &x) in x.iter().enumerate() {
        if p0[i] != p0[i + 1] || p1[i] != p1[i + 1] {
            fit.x.push(x);
            fit.p0.push(p0[i + 1]);
            fit.p1.push(p1[i + 1]);
        }
    }
    fit
}

impl VennAbers {
    /// p0, p1 and p = p1 / (1 - p0 + p1), the one number that loses least in the worst case by the log loss, of each
    /// of some finite scores.
    ///
    /// # Errors
    /// [`Error::Value`] for a score that is not finite, [`Error::Conflict`] if this is no fit.
    pub fn of(x: &[f64], p0: &[f64], p1: &[f64], increasing: bool, scores: &[f64]) -> Result<[Vec<f64>; 3]> {
        if p0.len() != x.len() + 1 || p1.len() != x.len() + 1 {
            return Err(Error::Conflict("fit: p0 and p1 must have one entry more than x"));
        }
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::Value { name: "scores", row, value: scores[row], needed: "finite" });
        }
        let found = pool::map(scores.len().div_ceil(CHUNK), scores.len().saturating_mul(32), |part| {
            let scores = &scores[part * CHUNK..scores.len().min((part + 1) * CHUNK)];
            let probabilities = scores.iter().map(|score| {
                let below = x.partition_point(|x| x < score);
                let up_to = below + usize::from(x.get(below) == Some(score));
                if increasing { (p0[up_to], p1[below]) } else { (p0[below], p1[up_to]) }
            });
            probabilities.collect::<Vec<_>>()
        });
        let all = || found.iter().flatten();
        Ok([
            all().map(|p| p.0).collect(),
            all().map(|p| p.1).collect(),
            all().map(|&(p0, p1)| p1 / (1.0 - p0 + p1)).collect(),
        ])
    }
}

const CHUNK: usize = 1 << 12;

/// All ties.
#[derive(Default)]
struct Ties(Vec<Tie>);

impl Fold for Ties {
    #[inline]
    fn tie(&mut self, _: Below, tie: Tie) {
        self.0.push(tie);
    }

    fn join(&mut self, next: Self) {
        self.0.extend(next.0);
    }
}

/// The weight of a tie, or the way from one point of the sums of weights to another.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    good: f64,
    bad: f64,
}

impl Step {
    fn to(self, there: Self) -> Self {
        Self { good: there.good - self.good, bad: there.bad - self.bad }
    }

    /// Whether its share of good is above another's.
    fn is_steeper_than(self, other: Self) -> bool {
        self.good * other.bad > other.good * self.bad
    }
}

/// The confidence of tie i among confidences that never fall, for every i, once good weight 1 is added to it.
///
/// That is the share of good along one edge of the convex minorant of the points (all weight, good weight) up to each
/// tie, after the step (1, 1) has been put in before the step of tie i: the edge over that step. As the step moves up,
/// the points that it leaves behind move back by it. The stack has the corners from the edge's lower end on.
fn added(steps: &[Step]) -> Vec<f64> {
    let mut sum = Step::default();
    let mut points = vec![Step { good: -1.0, bad: 0.0 }, sum];
    for step in steps {
        sum = Step { good: sum.good + step.good, bad: sum.bad + step.bad };
        points.push(sum);
    }
    let mut corners: Vec<Step> = Vec::new(); // the first is the last
    for &point in points.iter().rev() {
        add_corner(&mut corners, point);
    }
    let mut confidences = Vec::with_capacity(steps.len());
    for i in 0..steps.len() {
        let edge = edge(&corners);
        confidences.push(edge.good / (edge.good + edge.bad));
        // where the added step begins once it comes after this tie
        let above = points[i + 2];
        let point = Step { good: above.good - 1.0, bad: above.bad };
        if edge.is_steeper_than(corners[corners.len() - 1].to(point)) {
            corners.pop();
            add_corner(&mut corners, point);
        }
    }
    confidences
}

/// Put a corner before all others, and drop those that this leaves above the minorant.
fn add_corner(corners: &mut Vec<Step>, point: Step) {
    while let [.., second, first] = corners[..] {
        if first.to(second).is_steeper_than(point.to(first)) {
            break;
        }
        corners.pop();
    }
    corners.push(point);
}

/// The edge between the first two corners.
fn edge(corners: &[Step]) -> Step {
    match corners {
        [.., second, first] => first.to(*second),
        _ => Step { good: 1.0, bad: 0.0 }, // all that is left is the added step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::isotonic;

    const S: [f64; 8] = [0.1, 0.2, 0.35, 0.4, 0.6, 0.7, 0.8, 0.9];
    const C: [bool; 8] = [false, false, true, false, true, false, true, true];

    fn at(fit: &VennAbers, score: f64) -> (f64, f64, f64) {
        let [p0, p1, p] = VennAbers::of(&fit.x, &fit.p0, &fit.p1, fit.increasing, &[score]).unwrap();
        (p0[0], p1[0], p[0])
    }

    /// By two fits of isotonic regression.
    fn naive(scores: &[f64], correct: &[bool], weights: &[f64], increasing: bool, score: f64) -> (f64, f64) {
        let of = |verdict| {
            let scores = [scores, &[score]].concat();
            let correct = [correct, &[verdict]].concat();
            let weights = [weights, &[1.0]].concat();
            let pairs = Pairs::scores("scores", &scores, &correct, Some(&weights)).unwrap();
            let curve = isotonic(&pairs, Some(increasing), false);
            curve.y[curve.x.partition_point(|&x| x < score)]
        };
        (of(false), of(true))
    }

    #[test]
    fn known_probabilities() {
        let fit = venn_abers(&Pairs::scores("scores", &S, &C, None).unwrap(), None);
        let third = 1.0 / 3.0;
        let known = [
            (0.05, 0.0, third, 0.25),
            (0.4, third, 0.6, 0.473_684_210_5),
            (0.5, third, 2.0 * third, 0.5),
            (0.95, 2.0 * third, 1.0, 0.75),
        ];
        for (score, p0, p1, p) in known {
            let found = at(&fit, score);
            assert!((found.0 - p0).abs() < 1e-15 && (found.1 - p1).abs() < 1e-15, "{score}: {found:?}");
            assert!((found.2 - p).abs() < 1e-10, "{score}: {found:?}");
        }
    }

    #[test]
    #[allow(clippy::cast_possible_truncation)] // small counts
    fn two_scans_find_what_two_fits_for_each_score_find() {
        let mut state = 3_u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for round in 0..300 {
            let rows = 1 + random(20) as usize;
            let scores: Vec<f64> = (0..rows).map(|_| random(12) as f64).collect();
            let correct: Vec<bool> = (0..rows).map(|_| random(3) > 0).collect();
            let weights: Vec<f64> = (0..rows).map(|i| if i == 0 { 1.0 } else { random(7) as f64 / 2.0 }).collect();
            let increasing = round % 2 == 0;
            let fit =
                venn_abers(&Pairs::scores("scores", &scores, &correct, Some(&weights)).unwrap(), Some(increasing));
            for twice in -1..25 {
                let score = f64::from(twice) / 2.0;
                let ((p0, p1, p), expected) = (at(&fit, score), naive(&scores, &correct, &weights, increasing, score));
                assert!(
                    (p0 - expected.0).abs() < 1e-13 && (p1 - expected.1).abs() < 1e-13,
                    "{score} {p0} {p1} {expected:?}"
                );
                assert!(p0 <= p1 && p0 <= p && p <= p1);
            }
        }
    }

    #[test]
    fn one_row_leaves_half_open() {
        let fit = venn_abers(&Pairs::scores("scores", &[3.0], &[true], None).unwrap(), None);
        assert_eq!([at(&fit, 2.0).0, at(&fit, 2.0).1], [0.0, 1.0]);
        assert_eq!([at(&fit, 3.0).0, at(&fit, 3.0).1], [0.5, 1.0]);
        assert_eq!([at(&fit, 4.0).0, at(&fit, 4.0).1], [0.5, 1.0]);
    }
}
