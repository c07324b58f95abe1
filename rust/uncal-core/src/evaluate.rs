//! Every metric at once, from one sort, with intervals; and two sets of confidences side by side.

mod resampled;

use std::str::FromStr;

use self::resampled::{Resampled, check_level, resampled, resampled_rows};
use crate::auprc::Precision;
use crate::aurc::Risks;
use crate::auroc::Won;
use crate::bins::{Bins, bin_ties, check};
use crate::cumulative::Path;
use crate::ece::{Ece, ece, of_bins};
use crate::float::Real;
use crate::mmce::{Kernel, WIDTH};
use crate::ranked::{Below, Fold, Ranked, Tie};
use crate::rows::Sums;
use crate::smooth_ece::{of_ties as smooth_of_ties, smooth_ece};
use crate::ties::Ties;
use crate::{Error, Pairs, Result};

/// How to resample.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap<'a> {
    /// How many times.
    pub replicates: usize,
    /// The group of each row, counted from 0 without gaps: whole groups are drawn. Without it, rows are.
    pub groups: Option<&'a [i64]>,
    /// Same seed, same intervals.
    pub seed: u64,
    /// The share of the intervals, such as 0.95.
    pub level: f64,
    /// What is made of the replicates.
    pub method: Method,
}

/// What makes an interval of replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Pivotal for what resampling raises, which are the calibration errors; percentile for all others.
    Auto,
    /// The middle of the replicates.
    Percentile,
    /// The same mirrored at the value.
    Pivotal,
    /// Bias-corrected and accelerated (Efron 1987); the acceleration from leaving out a block of units at a time.
    Bca,
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "auto" => Self::Auto,
            "percentile" => Self::Percentile,
            "pivotal" => Self::Pivotal,
            "bca" => Self::Bca,
            _ => return Err(Error::setting("method", name, "one of auto, percentile, pivotal, bca")),
        })
    }
}

/// A metric and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The name of the metric's function.
    pub name: &'static str,
    /// The metric of the rows themselves; of two sets, that of the first less that of the second.
    pub value: f64,
    /// The lower end; NaN without resampling.
    pub low: f64,
    /// The upper end; NaN without resampling.
    pub high: f64,
    /// Of two sets, the share of replicates above 0, those at 0 counting one half; otherwise NaN.
    pub above_zero: f64,
    /// Replicates in which the metric does not exist, left out of the interval.
    pub skipped: usize,
}

/// Names of the metrics, and whether resampling raises them.
const METRICS: [(&str, bool); COUNT] = [
    ("ece", true),
    ("smooth_ece", true),
    ("signed_gap", false),
    ("brier", false),
    ("brier_skill", false),
    ("log_loss", false),
    ("auroc", false),
    ("auprc", false),
    ("aurc", false),
    ("e_aurc", false),
    ("augrc", false),
    ("prr", false),
    ("ks_calibration_error", true),
    ("kuiper_calibration_error", true),
    ("mmce", true),
];
const COUNT: usize = 15;
type Values = [f64; COUNT];
/// Confidences in logarithms are clipped to this and to 1 less this.
const EPS: f64 = f64::EPSILON;

const ECE: usize = 0;
const SMOOTH_ECE: usize = 1;
const SIGNED_GAP: usize = 2;
const BRIER: usize = 3;
const BRIER_SKILL: usize = 4;
const LOG_LOSS: usize = 5;
const AUROC: usize = 6;
const AUPRC: usize = 7;
const AURC: usize = 8;
const E_AURC: usize = 9;
const AUGRC: usize = 10;
const PRR: usize = 11;
const KS: usize = 12;
const KUIPER: usize = 13;
const MMCE: usize = 14;

/// Which metrics to measure: what the others need is not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics([bool; COUNT]);

impl Metrics {
    /// All fifteen.
    pub const ALL: Self = Self([true; COUNT]);

    /// Those of some names.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name of none, and for no name.
    pub fn named<S: AsRef<str>>(names: &[S]) -> Result<Self> {
        const KNOWN: &str = "one or more of ece, smooth_ece, signed_gap, brier, brier_skill, log_loss, auroc, auprc, \
                             aurc, e_aurc, augrc, prr, ks_calibration_error, kuiper_calibration_error, mmce";
        let mut chosen = Self([false; COUNT]);
        for name in names {
            let name = name.as_ref();
            let Some(k) = METRICS.iter().position(|metric| metric.0 == name) else {
                return Err(Error::setting("metrics", name, KNOWN));
            };
            chosen.0[k] = true;
        }
        if names.is_empty() { Err(Error::setting("metrics", [(); 0], KNOWN)) } else { Ok(chosen) }
    }

    fn any(self, metrics: &[usize]) -> bool {
        metrics.iter().any(|&k| self.0[k])
    }

    /// Their numbers, in the order of all.
    fn iter(self) -> impl Iterator<Item = usize> {
        (0..COUNT).filter(move |&k| self.0[k])
    }
}

/// Metrics of confidences, all in the order of their table, with bootstrap intervals where asked for. A metric and its
/// interval do not depend on which others are chosen.
///
/// Time O(K) for what needs no order of the rows, O(K log K) for the rest; for each replicate O(K), where rows are
/// drawn and do not have weights a few nanoseconds a row for `ece` (of bins of equal width), `signed_gap`, `brier`,
/// `brier_skill` and `auroc`, and next to nothing if there are few distinct confidences. Memory: some 35 bytes a row
/// for resampling. The same bits for any number of threads and, without ties of rows that differ in weight alone, for any
/// order of the rows.
///
/// # Errors
/// [`Error::Setting`], [`Error::Length`] or [`Error::Value`] for wrong bins, groups or level.
pub fn evaluate<T: Real>(
    confidences: &Pairs<'_, T>,
    n_bins: usize,
    bins: Bins,
    metrics: Metrics,
    bootstrap: Option<&Bootstrap<'_>>,
) -> Result<Vec<Estimate>> {
    let kind = Ece::plain(n_bins, bins);
    let values = measure(confidences, &kind, metrics)?;
    let found = match bootstrap {
        None => Resampled::default(),
        Some(bootstrap) => {
            check_level(bootstrap.level)?;
            if bootstrap.groups.is_none() && !confidences.is_weighted() {
                resampled_rows(confidences, &kind, metrics, bootstrap)
            } else {
                resampled(&[confidences], &kind, metrics, bootstrap)?
            }
        }
    };
    Ok(metrics.iter().map(|k| found.estimate(k, values[k], |values| values[0][k], bootstrap)).collect())
}

/// How much every metric of `confidences` is above that of `others`, for the same verdicts, with intervals from the
/// same resamples of both.
///
/// # Errors
/// Those of [`evaluate`], and [`Error::Length`] if there are not as many.
pub fn compare<T: Real>(
    confidences: &Pairs<'_, T>,
    others: &Pairs<'_, T>,
    n_bins: usize,
    bins: Bins,
    metrics: Metrics,
    bootstrap: &Bootstrap<'_>,
) -> Result<Vec<Estimate>> {
    let expected = confidences.len();
    if others.len() != expected {
        return Err(Error::Length { name: "other", len: others.len(), expected });
    }
    let kind = Ece::plain(n_bins, bins);
    let (ours, theirs) = (measure(confidences, &kind, metrics)?, measure(others, &kind, metrics)?);
    check_level(bootstrap.level)?;
    let found = resampled(&[confidences, others], &kind, metrics, bootstrap)?;
    let difference = |values: &[Values], k: usize| values[0][k] - values[1][k];
    Ok(metrics
        .iter()
        .map(|k| {
            // noise that resampling adds to both cancels
            let mut estimate = found.estimate(k, ours[k] - theirs[k], |values| difference(values, k), Some(bootstrap));
            let there: Vec<f64> =
                found.replicates.iter().map(|values| difference(values, k)).filter(|x| !x.is_nan()).collect();
            let wins: f64 = there
                .iter()
                .map(|&x| {
                    if x > 0.0 {
                        1.0
                    } else if x == 0.0 {
                        0.5
                    } else {
                        0.0
                    }
                })
                .sum();
            estimate.above_zero = wins / there.len() as f64;
            estimate
        })
        .collect())
}

/// All that ties tell but for bins.
struct All {
    won: Won,
    precision: Precision,
    risks: Risks,
    path: Path,
    kernel: Kernel,
    wanted: Wanted,
}

/// Which of them are.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // one for each
struct Wanted {
    won: bool,
    precision: bool,
    risks: bool,
    path: bool,
    kernel: bool,
}

impl Wanted {
    fn new(metrics: Metrics) -> Self {
        Self {
            won: metrics.any(&[AUROC]),
            precision: metrics.any(&[AUPRC]),
            risks: metrics.any(&[AURC, E_AURC, AUGRC, PRR]),
            path: metrics.any(&[KS, KUIPER]),
            kernel: metrics.any(&[MMCE]),
        }
    }

    fn any(self) -> bool {
        self.won || self.precision || self.risks || self.path || self.kernel
    }
}

impl All {
    fn new(total: Below, wanted: Wanted) -> Self {
        Self {
            won: Won::default(),
            precision: Precision::new(total),
            risks: Risks::new(total),
            path: Path::default(),
            kernel: Kernel::new(WIDTH),
            wanted,
        }
    }

    fn fill(&self, total: Below, values: &mut Values) {
        if self.wanted.won {
            values[AUROC] = self.won.area(total);
        }
        if self.wanted.precision {
            values[AUPRC] = self.precision.of_right();
        }
        if self.wanted.risks {
            values[AURC] = self.risks.aurc();
            values[E_AURC] = self.risks.e_aurc();
            values[AUGRC] = self.risks.augrc();
            values[PRR] = self.risks.prr();
        }
        if self.wanted.path {
            values[KS] = self.path.ks().value;
            values[KUIPER] = self.path.kuiper().value;
        }
        if self.wanted.kernel {
            values[MMCE] = self.kernel.mmce(total);
        }
    }
}

impl Fold for All {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        if self.wanted.won {
            self.won.tie(below, tie);
        }
        if self.wanted.precision {
            self.precision.tie(below, tie);
        }
        if self.wanted.risks {
            self.risks.tie(below, tie);
        }
        if self.wanted.path {
            self.path.tie(below, tie);
        }
        if self.wanted.kernel {
            self.kernel.tie(below, tie);
        }
    }

    fn join(&mut self, next: Self) {
        self.won.join(next.won);
        self.precision.join(next.precision);
        self.risks.join(next.risks);
        self.path.join(next.path);
        self.kernel.join(next.kernel);
    }
}

/// 1 less a Brier score over that of always saying the share of right rows; NaN for rows of one class.
fn skill(brier: f64, right: f64, wrong: f64) -> f64 {
    let rows = right + wrong;
    let base = right / rows * (wrong / rows);
    if base > 0.0 { 1.0 - brier / base } else { f64::NAN }
}

fn measure<T: Real>(pairs: &Pairs<'_, T>, kind: &Ece, metrics: Metrics) -> Result<Values> {
    let mut values = [f64::NAN; COUNT];
    check(kind.n_bins)?;
    if metrics.any(&[ECE]) {
        values[ECE] = ece(pairs, kind)?;
    }
    if metrics.any(&[SMOOTH_ECE]) {
        values[SMOOTH_ECE] = smooth_ece(pairs, None)?.value;
    }
    if metrics.any(&[SIGNED_GAP, BRIER, BRIER_SKILL, LOG_LOSS]) {
        let sums = if metrics.any(&[LOG_LOSS]) { Sums::new(pairs, EPS)? } else { Sums::without_log(pairs)? };
        values[SIGNED_GAP] = sums.signed_gap();
        values[BRIER] = sums.brier();
        values[BRIER_SKILL] = skill(sums.brier(), pairs.right(), pairs.wrong());
        values[LOG_LOSS] = sums.log_loss();
    }
    let wanted = Wanted::new(metrics);
    if wanted.any() {
        let ranked = Ranked::new(pairs);
        ranked.fold(|| All::new(ranked.total, wanted)).fill(ranked.total, &mut values);
    }
    Ok(values)
}

/// The same of rows drawn, given as ties.
fn measure_ties(ties: &Ties, kind: &Ece, metrics: Metrics) -> Values {
    let mut values = [f64::NAN; COUNT];
    if ties.len() == 0 {
        return values; // only rows of weight 0 were drawn
    }
    let (mut squares, mut gap, mut total) = (0.0, 0.0, Below::default());
    for (q, right, wrong) in ties.iter() {
        squares += right * (1.0 - q) * (1.0 - q) + wrong * q * q;
        gap += wrong * q - right * (1.0 - q);
        total.right += right;
        total.wrong += wrong;
    }
    let rows = total.right + total.wrong;
    values[SIGNED_GAP] = gap / rows;
    values[BRIER] = squares / rows;
    values[BRIER_SKILL] = skill(squares / rows, total.right, total.wrong);
    if metrics.any(&[LOG_LOSS]) {
        let mut log = 0.0;
        for (q, right, wrong) in ties.iter() {
            let clipped = q.clamp(EPS, 1.0 - EPS);
            log += if right > 0.0 { right * clipped.ln() } else { 0.0 };
            log += if wrong > 0.0 { wrong * (1.0 - clipped).ln() } else { 0.0 };
        }
        values[LOG_LOSS] = 0.0 - log / rows;
    }
    if metrics.any(&[ECE]) {
        values[ECE] = of_bins(&bin_ties(ties, kind.n_bins, kind.bins).bins, rows, kind);
    }
    if metrics.any(&[SMOOTH_ECE]) {
        values[SMOOTH_ECE] = smooth_of_ties(ties);
    }
    let wanted = Wanted::new(metrics);
    if wanted.any() {
        ties.fold(|total| All::new(total, wanted)).fill(total, &mut values);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    fn boot(groups: Option<&[i64]>) -> Bootstrap<'_> {
        Bootstrap { replicates: 500, groups, seed: 3, level: 0.9, method: Method::Auto }
    }

    fn run(q: &[f64], c: &[bool], bootstrap: Option<&Bootstrap<'_>>) -> Vec<Estimate> {
        evaluate(&Pairs::confidences(q, c, None).unwrap(), 10, Bins::Width, Metrics::ALL, bootstrap).unwrap()
    }

    #[test]
    fn values_are_those_of_the_functions() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        let found = run(&Q, &C, None);
        let value = |name| found.iter().find(|estimate| estimate.name == name).unwrap().value;
        assert_eq!(value("ece"), ece(&pairs, &Ece::plain(10, Bins::Width)).unwrap());
        assert_eq!(value("brier"), crate::brier(&pairs).unwrap());
        assert_eq!(value("auroc"), crate::auroc(&pairs));
        assert_eq!(value("auprc"), crate::auprc(&pairs, false));
        assert_eq!(value("e_aurc"), crate::e_aurc(&pairs));
        assert_eq!(value("mmce"), crate::mmce(&pairs, WIDTH));
        assert_eq!(value("log_loss"), crate::log_loss(&pairs, EPS).unwrap());
        assert!((value("brier_skill") - 0.003).abs() < 1e-15);
    }

    #[test]
    fn intervals_hold_the_value_where_they_should() {
        for estimate in run(&Q, &C, Some(&boot(None))) {
            assert!(estimate.low < estimate.high, "{estimate:?}");
            if !METRICS.iter().any(|&(name, raised)| raised && name == estimate.name) {
                assert!((estimate.low..estimate.high).contains(&estimate.value), "{estimate:?}");
            }
        }
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter() {
        let mut order: Vec<usize> = (0..10).collect();
        order.reverse();
        order.swap(2, 7);
        let (q, c): (Vec<f64>, Vec<bool>) = order.iter().map(|&i| (Q[i], C[i])).unzip();
        let bits = |estimates: Vec<Estimate>| -> Vec<(u64, u64)> {
            estimates.iter().skip(1).map(|e| (e.low.to_bits(), e.high.to_bits())).collect()
        };
        assert_eq!(bits(run(&Q, &C, Some(&boot(None)))), bits(run(&q, &c, Some(&boot(None)))));
    }

    #[test]
    fn one_group_leaves_no_doubt() {
        let one = [0; 10];
        for estimate in run(&Q, &C, Some(&boot(Some(&one)))) {
            assert!((estimate.low - estimate.value).abs() < 1e-11, "{estimate:?}");
            assert!((estimate.high - estimate.value).abs() < 1e-11, "{estimate:?}");
        }
        let single = run(&[0.25], &[true], Some(&boot(None)));
        let of = |name| *single.iter().find(|estimate| estimate.name == name).unwrap();
        assert_eq!((of("brier").low, of("brier").high), (0.5625, 0.5625));
        assert!(of("auroc").value.is_nan() && of("auroc").low.is_nan() && of("auroc").skipped == 500);
    }

    #[test]
    fn replicates_of_one_class_are_skipped_and_counted() {
        let found = run(&[0.2, 0.7, 0.6], &[false, true, true], Some(&boot(None)));
        let skipped = found.iter().find(|estimate| estimate.name == "auroc").unwrap().skipped;
        // no wrong row with chance (2/3)^3, no right one with (1/3)^3: 167 of 500, standard deviation 10.5
        assert!((120..215).contains(&skipped), "{skipped}");
    }

    #[test]
    fn a_metric_and_its_interval_are_the_same_whatever_else_is_asked_for() {
        let rng = Rng::new(6, 1);
        let c: Vec<bool> = (0..20_000).map(|i| !rng.bits(i).is_multiple_of(3)).collect();
        let even: Vec<f64> = (0..20_000).map(|i| (rng.bits(i + 20_000) >> 11) as f64 / (1_u64 << 53) as f64).collect();
        let verbal: Vec<f64> = even.iter().map(|q| (q * 10.0).round() / 10.0).collect();
        let weights: Vec<f64> = (0..300).map(|i| f64::from(i % 5)).collect();
        let bits = |e: &Estimate| [e.value, e.low, e.high, e.above_zero].map(f64::to_bits);
        for (q, rows, weights) in [(&even, 20_000, None), (&verbal, 20_000, None), (&even, 300, Some(&weights[..]))] {
            let pairs = Pairs::confidences(&q[..rows], &c[..rows], weights).unwrap();
            for method in [Method::Auto, Method::Bca] {
                let bootstrap = Bootstrap { replicates: 18, method, ..boot(None) };
                for bins in [Bins::Width, Bins::Mass] {
                    let all = evaluate(&pairs, 10, bins, Metrics::ALL, Some(&bootstrap)).unwrap();
                    assert!(all.iter().map(|e| e.name).eq(METRICS.map(|metric| metric.0)));
                    for (name, _) in METRICS {
                        let one = Metrics::named(&[name]).unwrap();
                        let [found] = evaluate(&pairs, 10, bins, one, Some(&bootstrap)).unwrap()[..] else { panic!() };
                        let known = all.iter().find(|estimate| estimate.name == name).unwrap();
                        assert_eq!(bits(&found), bits(known), "{name} {bins:?} {method:?}");
                        let value = evaluate(&pairs, 10, bins, one, None).unwrap()[0].value;
                        assert_eq!(value.to_bits(), known.value.to_bits(), "{name}");
                    }
                }
            }
        }
        let pairs = Pairs::confidences(&even[..300], &c[..300], None).unwrap();
        let others = Pairs::confidences(&verbal[..300], &c[..300], None).unwrap();
        let all = compare(&pairs, &others, 10, Bins::Width, Metrics::ALL, &boot(None)).unwrap();
        let some = Metrics::named(&["auroc", "ece"]).unwrap();
        let found = compare(&pairs, &others, 10, Bins::Width, some, &boot(None)).unwrap();
        assert_eq!(found.iter().map(|e| e.name).collect::<Vec<_>>(), ["ece", "auroc"]);
        for found in &found {
            assert_eq!(bits(found), bits(all.iter().find(|estimate| estimate.name == found.name).unwrap()));
        }
    }

    #[test]
    fn few_values_are_drawn_as_spread_as_their_rows() {
        let rng = Rng::new(6, 3);
        let q: Vec<f64> = (0..12_000).map(|i| (rng.bits(i) % 11) as f64 / 10.0).collect();
        let c: Vec<bool> = q.iter().zip(12_000..).map(|(&q, i)| (rng.bits(i) % 10) as f64 / 10.0 < q).collect();
        // told apart by less than matters, so that rows are drawn
        let apart: Vec<f64> = q.iter().enumerate().map(|(i, q)| (q - 1e-9 * i as f64 / 12_000.0).abs()).collect();
        let bootstrap = Bootstrap { replicates: 1500, ..boot(None) };
        for (one, other) in run(&q, &c, Some(&bootstrap)).iter().zip(run(&apart, &c, Some(&bootstrap))) {
            if ["brier", "signed_gap", "auroc", "ece"].contains(&one.name) {
                let width = one.high - one.low;
                assert!((one.low - other.low).abs() < 0.12 * width, "{one:?} {other:?}");
                assert!((one.high - other.high).abs() < 0.12 * width, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn names_of_metrics_are_known_or_said() {
        let message = Metrics::named(&["ece", "acc"]).unwrap_err().to_string();
        assert!(message.starts_with("metrics: is \"acc\", must be one or more of ece, smooth_ece, "), "{message}");
        assert!(message.ends_with(", mmce"));
        assert!(
            Metrics::named::<&str>(&[]).unwrap_err().to_string().starts_with("metrics: is [], must be one or more")
        );
        assert_eq!(Metrics::named(&METRICS.map(|metric| metric.0)).unwrap(), Metrics::ALL);
    }

    #[test]
    fn wrong_settings_are_named() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        let fails =
            |bootstrap| evaluate(&pairs, 10, Bins::Width, Metrics::ALL, Some(&bootstrap)).unwrap_err().to_string();
        assert_eq!(fails(Bootstrap { level: 1.0, ..boot(None) }), "level: is 1.0, must be a number between 0 and 1");
        assert_eq!(fails(boot(Some(&[0; 9]))), "groups: has 9 rows, 10 expected");
        assert_eq!(
            fails(boot(Some(&[0, 1, -1, 0, 0, 0, 0, 0, 0, 0]))),
            "groups: row 2 is -1.0, must be a group counted from 0 without gaps"
        );
        assert_eq!(fails(boot(Some(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 0]))), "groups: must be counted from 0 without gaps");
    }

    #[test]
    fn a_set_beside_itself_differs_in_nothing() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        for estimate in compare(&pairs, &pairs, 10, Bins::Width, Metrics::ALL, &boot(None)).unwrap() {
            assert_eq!((estimate.value, estimate.low, estimate.high), (0.0, 0.0, 0.0), "{estimate:?}");
            assert_eq!(estimate.above_zero, 0.5);
        }
    }

    #[test]
    fn the_better_of_two_sets_wins_in_nearly_all_resamples() {
        let c: Vec<bool> = (0..400).map(|i| i % 4 != 0).collect();
        let good: Vec<f64> = c.iter().map(|&c| if c { 0.9 } else { 0.3 }).collect();
        let bad = vec![0.99; 400];
        let pairs = |q| Pairs::confidences(q, &c, None).unwrap();
        let found = compare(&pairs(&good), &pairs(&bad), 10, Bins::Width, Metrics::ALL, &boot(None)).unwrap();
        let of = |name| *found.iter().find(|estimate| estimate.name == name).unwrap();
        assert!(of("brier").high < 0.0 && of("brier").above_zero == 0.0);
        assert_eq!((of("auroc").value, of("auroc").above_zero), (0.5, 1.0));
        let fewer = Pairs::confidences(&good[..3], &c[..3], None).unwrap();
        assert!(compare(&pairs(&bad), &fewer, 10, Bins::Width, Metrics::ALL, &boot(None)).is_err());
    }

    #[test]
    fn accelerated_intervals_of_a_mean_are_close_to_the_normal_ones() {
        let rng = Rng::new(8, 8);
        let c: Vec<bool> = (0..600).map(|i| rng.bits(i) % 10 < 7).collect();
        let pairs = Pairs::confidences(&[0.5; 600], &c, None).unwrap();
        let bootstrap = Bootstrap { method: Method::Bca, replicates: 2000, level: 0.95, ..boot(None) };
        let found = evaluate(&pairs, 10, Bins::Width, Metrics::ALL, Some(&bootstrap)).unwrap();
        let gap = found.iter().find(|estimate| estimate.name == "signed_gap").unwrap();
        let p = pairs.right() / 600.0;
        let half = 1.96 * (p * (1.0 - p) / 600.0).sqrt();
        assert!((gap.low - (0.5 - p - half)).abs() < 0.1 * half && (gap.high - (0.5 - p + half)).abs() < 0.1 * half);
    }
}
