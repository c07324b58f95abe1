//! Risk and coverage: what is wrong among the answers that one is surest of.
//!
//! Rows are taken in from the highest value down. Among equal values the order is unknown, so each counts with the mean
//! verdict of all of them: the expectation over random orders.

use std::str::FromStr;

use crate::digamma::harmonic;
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};
use crate::sum::sum;
use crate::{Error, Pairs, Result};

/// How the area under the risk-coverage curve is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// The mean of the risks at 1, 2, ..., K rows.
    Expected,
    /// Trapezoids between the coverages of distinct values, and the last risk down to coverage 0.
    Trapezoid,
}

impl FromStr for Area {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "expected" => Ok(Self::Expected),
            "trapezoid" => Ok(Self::Trapezoid),
            _ => Err(Error::setting("method", name, "one of expected, trapezoid")),
        }
    }
}

/// The area under the risk-coverage curve, in `[0, 1]`, lower is better.
///
/// # Example
/// ```
/// use uncal_core::{Area, Pairs, aurc};
/// let pairs = Pairs::scores("confidence", &[0.9, 0.5], &[true, false], None)?;
/// assert_eq!(aurc(&pairs, Area::Expected), 0.25);
/// # Ok::<(), uncal_core::Error>(())
/// ```
#[must_use]
pub fn aurc<T: Real>(scores: &Pairs<'_, T>, area: Area) -> f64 {
    let ranked = Ranked::new(scores);
    match area {
        Area::Expected => ranked.fold(|| Risks::new(ranked.total)).aurc(),
        Area::Trapezoid => ranked.fold(|| Trapezoids { total: ranked.total, area: 0.0 }).aurc(),
    }
}

/// The area above the least that any order of these verdicts has: 0 for a perfect one.
#[must_use]
pub fn e_aurc<T: Real>(scores: &Pairs<'_, T>) -> f64 {
    let ranked = Ranked::new(scores);
    ranked.fold(|| Risks::new(ranked.total)).e_aurc()
}

/// The area under the generalised risk (what is wrong among the rows taken in, as a share of all rows), in `[0, 1/2]`.
#[must_use]
pub fn augrc<T: Real>(scores: &Pairs<'_, T>) -> f64 {
    let ranked = Ranked::new(scores);
    ranked.fold(|| Risks::new(ranked.total)).augrc()
}

/// The accuracy of the given share of rows that have the highest values; NaN for a share of 0.
///
/// # Errors
/// [`Error::Setting`] for a share outside `[0, 1]`.
pub fn accuracy_at_coverage<T: Real>(scores: &Pairs<'_, T>, coverage: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&coverage) {
        return Err(Error::setting("coverage", coverage, "a number in [0, 1]"));
    }
    let ranked = Ranked::new(scores);
    let kept = coverage * (ranked.total.right + ranked.total.wrong);
    Ok(1.0 - ranked.fold(|| Kept { total: ranked.total, rows: kept, wrong: 0.0 }).wrong / kept)
}

/// The mean accuracy of the surest tenth to all of the rows, at twenty shares evenly spaced (AURAC).
///
/// Of a share f those rows are taken whose value is at least that of row f (n - 1), counted from 0 and from the highest
/// down: the cut of a linear quantile. Equal values go together.
#[must_use]
pub fn aurac<T: Real>(scores: &Pairs<'_, T>) -> f64 {
    const SHARES: usize = 20;
    let ranked = Ranked::new(scores);
    let rows = ranked.total.right + ranked.total.wrong;
    let mut cuts = [0.0; SHARES];
    for (k, cut) in cuts.iter_mut().enumerate() {
        // the numbers of numpy.linspace(0.1, 1, 20)
        let share = if k + 1 == SHARES { 1.0 } else { k as f64 * (0.9 / (SHARES - 1) as f64) + 0.1 };
        *cut = share * (rows - 1.0);
    }
    let found = ranked.fold(|| Accuracies { total: ranked.total, cuts, values: [f64::NAN; SHARES] });
    let all = ranked.total.right / rows; // where rounding left a cut below no tie
    found.values.iter().map(|value| if value.is_nan() { all } else { *value }).sum::<f64>() / SHARES as f64
}

/// The accuracy of the rows whose value is at least `threshold`, and their share of all; NaN and 0 if there are none.
///
/// # Errors
/// [`Error::Setting`] for a threshold that is NaN.
pub fn accuracy_at_confidence<T: Real>(scores: &Pairs<'_, T>, threshold: f64) -> Result<(f64, f64)> {
    if threshold.is_nan() {
        return Err(Error::setting("threshold", threshold, "a number"));
    }
    let [right, kept] = sum(scores.len(), 1, |i| {
        let weight = if scores.value(i) >= threshold { scores.weight(i) } else { 0.0 };
        [if scores.correct(i) { weight } else { 0.0 }, weight]
    });
    Ok((right / kept, kept / scores.total()))
}

/// The largest share of rows, highest values first and equal values together, of which no more than `risk` is wrong; 0
/// if there is none.
///
/// # Errors
/// [`Error::Setting`] for a risk outside `[0, 1]`.
pub fn coverage_at_risk<T: Real>(scores: &Pairs<'_, T>, risk: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&risk) {
        return Err(Error::setting("risk", risk, "a number in [0, 1]"));
    }
    let ranked = Ranked::new(scores);
    let most = ranked.fold(|| Most { total: ranked.total, risk, rows: 0.0 }).rows;
    Ok(most / (ranked.total.right + ranked.total.wrong))
}

/// Coverage and risk at every distinct value, from the highest down.
#[must_use]
pub fn risk_coverage<T: Real>(scores: &Pairs<'_, T>) -> (Vec<f64>, Vec<f64>) {
    let ranked = Ranked::new(scores);
    let curve = ranked.fold(|| Curve { total: ranked.total, coverage: Vec::new(), risk: Vec::new() });
    let reversed = |mut column: Vec<f64>| {
        column.reverse();
        column
    };
    (reversed(curve.coverage), reversed(curve.risk))
}

/// Rows above a tie, and those among them that are wrong.
#[inline]
fn above(total: Below, below: Below, tie: Tie) -> (f64, f64) {
    let wrong = total.wrong - below.wrong - tie.wrong;
    (total.right - below.right - tie.right + wrong, wrong)
}

/// Sums of risks, and of generalised risks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Risks {
    total: Below,
    sum: f64,
    generalised: f64,
}

impl Risks {
    pub fn new(total: Below) -> Self {
        Self { total, sum: 0.0, generalised: 0.0 }
    }

    fn rows(self) -> f64 {
        self.total.right + self.total.wrong
    }

    pub fn aurc(self) -> f64 {
        self.sum / self.rows()
    }

    pub fn e_aurc(self) -> f64 {
        // all right rows first: after k of them the risk is 1 - right / k
        let least = self.total.wrong - self.total.right * harmonic(self.total.right, self.total.wrong);
        ((self.sum - least) / self.rows()).max(0.0)
    }

    pub fn augrc(self) -> f64 {
        self.generalised / (self.rows() * self.rows())
    }

    /// The prediction-rejection ratio of these verdicts when everything may be rejected; NaN where all are alike.
    pub fn prr(self) -> f64 {
        let least = self.total.wrong - self.total.right * harmonic(self.total.right, self.total.wrong);
        let random = self.total.wrong;
        if self.total.right == 0.0 || self.total.wrong == 0.0 {
            return f64::NAN;
        }
        (random - self.sum) / (random - least)
    }
}

impl Fold for Risks {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        let (rows, wrong) = above(self.total, below, tie);
        let size = tie.right + tie.wrong;
        self.sum += if size == 1.0 {
            (wrong + tie.wrong) / (rows + 1.0) // what follows comes to, for a row alone
        } else {
            let mean = tie.wrong / size;
            mean * size + (wrong - mean * rows) * harmonic(rows, size)
        };
        self.generalised += size * (wrong + tie.wrong / 2.0);
    }

    fn join(&mut self, next: Self) {
        self.sum += next.sum;
        self.generalised += next.generalised;
    }
}

struct Trapezoids {
    total: Below,
    area: f64,
}

impl Trapezoids {
    fn aurc(self) -> f64 {
        self.area / (self.total.right + self.total.wrong)
    }
}

impl Fold for Trapezoids {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        let (rows, wrong) = above(self.total, below, tie);
        let size = tie.right + tie.wrong;
        let here = (wrong + tie.wrong) / (rows + size);
        let before = if rows > 0.0 { wrong / rows } else { here };
        self.area += size * f64::midpoint(here, before);
    }

    fn join(&mut self, next: Self) {
        self.area += next.area;
    }
}

struct Kept {
    total: Below,
    rows: f64,
    wrong: f64,
}

impl Fold for Kept {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        let (rows, _) = above(self.total, below, tie);
        let size = tie.right + tie.wrong;
        let share = ((self.rows - rows) / size).clamp(0.0, 1.0);
        self.wrong += share * tie.wrong;
    }

    fn join(&mut self, next: Self) {
        self.wrong += next.wrong;
    }
}

/// The accuracy at each of some cuts, which are numbers of rows; NaN where none was reached.
struct Accuracies<const N: usize> {
    total: Below,
    cuts: [f64; N],
    values: [f64; N],
}

impl<const N: usize> Fold for Accuracies<N> {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        let (rows, wrong) = above(self.total, below, tie);
        let with = rows + tie.right + tie.wrong;
        for (cut, value) in self.cuts.iter().zip(&mut self.values) {
            if *cut < with {
                *value = 1.0 - (wrong + tie.wrong) / with; // the last such tie has the highest value
            }
        }
    }

    fn join(&mut self, next: Self) {
        for (value, next) in self.values.iter_mut().zip(next.values) {
            if !next.is_nan() {
                *value = next;
            }
        }
    }
}

struct Most {
    total: Below,
    risk: f64,
    rows: f64,
}

impl Fold for Most {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        let (rows, wrong) = above(self.total, below, tie);
        let rows = rows + tie.right + tie.wrong;
        if wrong + tie.wrong <= self.risk * rows {
            self.rows = self.rows.max(rows);
        }
    }

    fn join(&mut self, next: Self) {
        self.rows = self.rows.max(next.rows);
    }
}

struct Curve {
    total: Below,
    coverage: Vec<f64>,
    risk: Vec<f64>,
}

impl Fold for Curve {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        let (rows, wrong) = above(self.total, below, tie);
        let rows = rows + tie.right + tie.wrong;
        self.coverage.push(rows / (self.total.right + self.total.wrong));
        self.risk.push((wrong + tie.wrong) / rows);
    }

    fn join(&mut self, next: Self) {
        self.coverage.extend(next.coverage);
        self.risk.extend(next.risk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    fn pairs() -> Pairs<'static> {
        Pairs::scores("confidence", &Q, &C, None).unwrap()
    }

    #[test]
    fn known_areas_with_ties() {
        assert!((aurc(&pairs(), Area::Expected) - 0.402_718_253_968_254).abs() < 1e-14);
        let least = 0.177_182_539_682_539_7;
        assert!((e_aurc(&pairs()) - (0.402_718_253_968_254 - least)).abs() < 1e-14);
        // (1 - AUROC) right wrong + wrong^2 / 2, as shares
        assert!((augrc(&pairs()) - (0.3 * 0.25 + 0.125)).abs() < 1e-15);
        let prr = Ranked::new(&pairs()).fold(|| Risks::new(Below { right: 5.0, wrong: 5.0 })).prr();
        assert!((prr - 0.301_352_181_869_998).abs() < 1e-9, "{prr}");
    }

    #[test]
    fn a_perfect_order_has_no_excess() {
        let sure: Vec<f64> = C.iter().map(|&c| f64::from(u8::from(c))).collect();
        let perfect = Pairs::scores("confidence", &sure, &C, None).unwrap();
        assert!(e_aurc(&perfect).abs() < 1e-15);
        assert!((augrc(&perfect) - 0.125).abs() < 1e-15);
        assert_eq!(aurc(&Pairs::scores("confidence", &Q, &[false; 10], None).unwrap(), Area::Expected), 1.0);
        assert_eq!(aurc(&Pairs::scores("confidence", &Q, &[true; 10], None).unwrap(), Area::Trapezoid), 0.0);
    }

    #[test]
    fn coverage_and_accuracy_at_chosen_points() {
        // the highest value is shared by one right and one wrong row
        assert_eq!(accuracy_at_coverage(&pairs(), 0.1).unwrap(), 0.5);
        assert_eq!(accuracy_at_coverage(&pairs(), 0.4).unwrap(), 0.75);
        assert_eq!(accuracy_at_coverage(&pairs(), 1.0).unwrap(), 0.5);
        assert!(accuracy_at_coverage(&pairs(), 0.0).unwrap().is_nan());
        assert_eq!(coverage_at_risk(&pairs(), 0.25).unwrap(), 0.4);
        assert_eq!(coverage_at_risk(&pairs(), 0.2).unwrap(), 0.0);
        assert_eq!(coverage_at_risk(&pairs(), 1.0).unwrap(), 1.0);
        assert!(coverage_at_risk(&pairs(), -0.1).is_err() && accuracy_at_coverage(&pairs(), f64::NAN).is_err());
        assert_eq!(accuracy_at_confidence(&pairs(), 0.8).unwrap(), (0.75, 0.4));
        assert_eq!(accuracy_at_confidence(&pairs(), f64::NEG_INFINITY).unwrap(), (0.5, 1.0));
        let none = accuracy_at_confidence(&pairs(), 1.5).unwrap();
        assert!(none.0.is_nan() && none.1 == 0.0 && accuracy_at_confidence(&pairs(), f64::NAN).is_err());
        let (coverage, risk) = risk_coverage(&pairs());
        assert_eq!(coverage, [0.2, 0.3, 0.4, 0.6, 0.7, 0.9, 1.0]);
        assert_eq!(risk[..3], [0.5, 1.0 / 3.0, 0.25]);
    }

    #[test]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small whole numbers
    fn whole_weights_repeat_rows() {
        let weights = [1.0, 2.0, 1.0, 3.0, 1.0, 1.0, 2.0, 1.0, 30.0, 1.0];
        let weighted = Pairs::scores("confidence", &Q, &C, Some(&weights)).unwrap();
        let (mut q, mut c) = (Vec::new(), Vec::new());
        for i in 0..10 {
            for _ in 0..weights[i] as usize {
                q.push(Q[i]);
                c.push(C[i]);
            }
        }
        let repeated = Pairs::scores("confidence", &q, &c, None).unwrap();
        for area in [Area::Expected, Area::Trapezoid] {
            assert!((aurc(&weighted, area) - aurc(&repeated, area)).abs() < 1e-14);
        }
        assert!((augrc(&weighted) - augrc(&repeated)).abs() < 1e-15);
        assert!((e_aurc(&weighted) - e_aurc(&repeated)).abs() < 1e-14);
    }
}
