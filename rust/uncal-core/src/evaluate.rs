//! Every metric at once, from one sort, with intervals; and two sets of confidences side by side.

use std::str::FromStr;

use crate::auprc::Precision;
use crate::aurc::Risks;
use crate::auroc::Won;
use crate::bins::{Bins, bin_ties};
use crate::bootstrap::{Rng, percentiles, resample};
use crate::cumulative::Path;
use crate::ece::{Ece, ece, of_bins};
use crate::float::Real;
use crate::mmce::{Kernel, WIDTH};
use crate::ranked::{Below, Fold, Ranked, Tie};
use crate::rows::Sums;
use crate::smooth_ece::{of_ties as smooth_of_ties, smooth_ece};
use crate::ties::Ties;
use crate::{Error, Pairs, Result, normal, pool};

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

/// All metrics of confidences, with bootstrap intervals where asked for.
///
/// Time O(K log K + replicates * K); the same bits for any number of threads and, without ties of rows that differ in
/// weight alone, for any order of the rows.
///
/// # Errors
/// [`Error::Setting`], [`Error::Length`] or [`Error::Value`] for wrong bins, groups or level.
pub fn evaluate<T: Real>(
    confidences: &Pairs<'_, T>,
    n_bins: usize,
    bins: Bins,
    bootstrap: Option<&Bootstrap<'_>>,
) -> Result<Vec<Estimate>> {
    let kind = Ece::plain(n_bins, bins);
    let values = measure(confidences, &kind)?;
    let found = match bootstrap {
        None => Resampled::default(),
        Some(bootstrap) => resampled(&[confidences], &kind, bootstrap)?,
    };
    Ok((0..COUNT).map(|k| found.estimate(k, values[k], |values| values[0][k], bootstrap)).collect())
}

/// How much every metric of `confidences` is above that of `others`, for the same verdicts, with intervals from the same
/// resamples of both.
///
/// # Errors
/// Those of [`evaluate`], and [`Error::Length`] if there are not as many.
pub fn compare<T: Real>(
    confidences: &Pairs<'_, T>,
    others: &Pairs<'_, T>,
    n_bins: usize,
    bins: Bins,
    bootstrap: &Bootstrap<'_>,
) -> Result<Vec<Estimate>> {
    let expected = confidences.len();
    if others.len() != expected {
        return Err(Error::Length { name: "other", len: others.len(), expected });
    }
    let kind = Ece::plain(n_bins, bins);
    let (ours, theirs) = (measure(confidences, &kind)?, measure(others, &kind)?);
    let found = resampled(&[confidences, others], &kind, bootstrap)?;
    let difference = |values: &[Values], k: usize| values[0][k] - values[1][k];
    Ok((0..COUNT)
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
}

impl All {
    fn new(total: Below) -> Self {
        Self {
            won: Won::default(),
            precision: Precision::new(total),
            risks: Risks::new(total),
            path: Path::default(),
            kernel: Kernel::new(WIDTH),
        }
    }

    fn values(&self, total: Below, ece: f64, smooth: f64, brier: f64, log_loss: f64) -> Values {
        let rows = total.right + total.wrong;
        let base = total.right / rows * (total.wrong / rows);
        [
            ece,
            smooth,
            self.path.signed_gap(),
            brier,
            if base > 0.0 { 1.0 - brier / base } else { f64::NAN },
            log_loss,
            self.won.area(total),
            self.precision.of_right(),
            self.risks.aurc(),
            self.risks.e_aurc(),
            self.risks.augrc(),
            self.risks.prr(),
            self.path.ks().value,
            self.path.kuiper().value,
            self.kernel.mmce(total),
        ]
    }
}

impl Fold for All {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        self.won.tie(below, tie);
        self.precision.tie(below, tie);
        self.risks.tie(below, tie);
        self.path.tie(below, tie);
        self.kernel.tie(below, tie);
    }

    fn join(&mut self, next: Self) {
        self.won.join(next.won);
        self.precision.join(next.precision);
        self.risks.join(next.risks);
        self.path.join(next.path);
        self.kernel.join(next.kernel);
    }
}

fn measure<T: Real>(pairs: &Pairs<'_, T>, kind: &Ece) -> Result<Values> {
    let ece = ece(pairs, kind)?;
    let smooth = smooth_ece(pairs, None)?.value;
    let sums = Sums::new(pairs, EPS)?;
    let ranked = Ranked::new(pairs);
    let all = ranked.fold(|| All::new(ranked.total));
    Ok(all.values(ranked.total, ece, smooth, sums.brier(), sums.log_loss()))
}

/// The same of rows drawn, given as ties.
fn measure_ties(ties: &Ties, kind: &Ece) -> Values {
    if ties.len() == 0 {
        return [f64::NAN; COUNT]; // only rows of weight 0 were drawn
    }
    let (mut squares, mut log, mut total) = (0.0, 0.0, Below::default());
    for (q, right, wrong) in ties.iter() {
        squares += right * (1.0 - q) * (1.0 - q) + wrong * q * q;
        let clipped = q.clamp(EPS, 1.0 - EPS);
        log += if right > 0.0 { right * clipped.ln() } else { 0.0 };
        log += if wrong > 0.0 { wrong * (1.0 - clipped).ln() } else { 0.0 };
        total.right += right;
        total.wrong += wrong;
    }
    let rows = total.right + total.wrong;
    let binned = bin_ties(ties, kind.n_bins, kind.bins).bins;
    let ece = of_bins(&binned, rows, kind);
    ties.fold(All::new).values(total, ece, smooth_of_ties(ties), squares / rows, 0.0 - log / rows)
}

/// Metrics of each replicate, for each set of confidences; and with blocks of units left out.
#[derive(Default)]
struct Resampled {
    replicates: Vec<Vec<Values>>,
    without: Vec<Vec<Values>>,
}

impl Resampled {
    fn estimate(
        &self,
        k: usize,
        value: f64,
        of: impl Fn(&[Values]) -> f64,
        bootstrap: Option<&Bootstrap<'_>>,
    ) -> Estimate {
        let (name, raised) = METRICS[k];
        let none = f64::NAN;
        let mut estimate = Estimate { name, value, low: none, high: none, above_zero: none, skipped: 0 };
        let Some(bootstrap) = bootstrap else {
            return estimate;
        };
        let there = |all: &[Vec<Values>]| -> Vec<f64> {
            all.iter().map(|values| of(values)).filter(|value| !value.is_nan()).collect()
        };
        let mut found = there(&self.replicates);
        estimate.skipped = self.replicates.len() - found.len();
        let paired = self.replicates.first().is_some_and(|values| values.len() > 1);
        (estimate.low, estimate.high) = match bootstrap.method {
            Method::Bca => bca(&mut found, value, &there(&self.without), bootstrap.level),
            Method::Percentile => percentiles(&mut found, bootstrap.level),
            Method::Auto if !raised => percentiles(&mut found, bootstrap.level),
            Method::Auto | Method::Pivotal => {
                let (low, high) = percentiles(&mut found, bootstrap.level);
                let (low, high) = (2.0 * value - high, 2.0 * value - low);
                if raised && !paired { (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0)) } else { (low, high) }
            }
        };
        estimate
    }
}

/// Bias-corrected and accelerated: percentiles at shifted shares.
fn bca(found: &mut [f64], value: f64, without: &[f64], level: f64) -> (f64, f64) {
    let below = found.iter().filter(|&&x| x < value).count() as f64;
    let equal = found.iter().filter(|&&x| x == value).count() as f64;
    let share = (below + equal / 2.0) / found.len() as f64;
    if !(share > 0.0 && share < 1.0) || value.is_nan() {
        return percentiles(found, level);
    }
    let bias = normal::quantile(share);
    let mean = without.iter().sum::<f64>() / without.len() as f64;
    let (squares, cubes) = without.iter().fold((0.0, 0.0), |(squares, cubes), x| {
        let off = mean - x;
        (squares + off * off, cubes + off * off * off)
    });
    let acceleration = if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 };
    let shifted = |share: f64| {
        let z = bias + normal::quantile(share);
        1.0 - normal::above(bias + z / (1.0 - acceleration * z))
    };
    found.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    (crate::bootstrap::quantile(found, shifted(tail)), crate::bootstrap::quantile(found, shifted(1.0 - tail)))
}

/// A row in the order of one set of confidences, and the unit that it is drawn with.
type Row = (f64, bool, f64, usize);

fn resampled<T: Real>(sets: &[&Pairs<'_, T>], kind: &Ece, bootstrap: &Bootstrap<'_>) -> Result<Resampled> {
    if !(bootstrap.level > 0.0 && bootstrap.level < 1.0) {
        return Err(Error::setting("level", bootstrap.level, "a number between 0 and 1"));
    }
    let len = sets[0].len();
    // Rows are numbered by what they hold, so that their order in the input does not matter.
    let mut keys: Vec<(u64, u64, bool, u64, usize)> = (0..len)
        .map(|i| {
            let other = sets.get(1).map_or(0, |set| set.values()[i].order());
            (sets[0].values()[i].order(), other, sets[0].correct(i), sets[0].weight(i).to_bits(), i)
        })
        .collect();
    pool::sort(&mut keys);
    let (units, mut unit_of): (usize, Vec<usize>) = match bootstrap.groups {
        None => (len, vec![0; len]),
        Some(groups) => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked by count_groups
            (count_groups(groups, len)?, groups.iter().map(|&group| group as usize).collect())
        }
    };
    if bootstrap.groups.is_none() {
        for (unit, key) in keys.iter().enumerate() {
            unit_of[key.4] = unit;
        }
    }
    let row = |set: &Pairs<'_, T>, i: usize| (set.value(i), set.correct(i), set.weight(i), unit_of[i]);
    let mut sorted: Vec<Vec<Row>> = vec![keys.iter().map(|key| row(sets[0], key.4)).collect()];
    if let Some(other) = sets.get(1) {
        keys.iter_mut().for_each(|key| std::mem::swap(&mut key.0, &mut key.1));
        pool::sort(&mut keys);
        sorted.push(keys.iter().map(|key| row(other, key.4)).collect());
    }
    drop(keys);
    let measure = |counts: &[u32], ties: &mut Ties| -> Vec<Values> {
        sorted
            .iter()
            .map(|rows| {
                ties.refill(rows.iter().map(|&(q, c, weight, unit)| (q, c, weight * f64::from(counts[unit]))));
                measure_ties(ties, kind)
            })
            .collect()
    };
    let work = |times: usize| times.saturating_mul(len).saturating_mul(64);
    let space = || (vec![0; units], Ties::default());
    let times = bootstrap.replicates;
    let replicates = pool::map_with(times, work(times), space, |(counts, ties), replicate| {
        resample(Rng::new(bootstrap.seed, replicate as u64), counts);
        measure(counts, ties)
    });
    let blocks = if bootstrap.method == Method::Bca { units.min(BLOCKS) } else { 0 };
    let without = pool::map_with(blocks, work(blocks), space, |(counts, ties), block| {
        for (unit, count) in counts.iter_mut().enumerate() {
            // at random: units are numbered by what they hold
            *count = u32::from(Rng::new(bootstrap.seed, u64::MAX).below(unit as u64, blocks) != block);
        }
        measure(counts, ties)
    });
    Ok(Resampled { replicates, without })
}

/// Blocks of units that are left out in turn.
const BLOCKS: usize = 200;

fn count_groups(groups: &[i64], expected: usize) -> Result<usize> {
    let name = "groups";
    if groups.len() != expected {
        return Err(Error::Length { name, len: groups.len(), expected });
    }
    let mut seen = vec![false; expected];
    let mut count = 0;
    for (row, &group) in groups.iter().enumerate() {
        let Some(seen) = usize::try_from(group).ok().and_then(|group| seen.get_mut(group)) else {
            let needed = "a group counted from 0 without gaps";
            return Err(Error::Value { name, row, value: group as f64, needed });
        };
        count += usize::from(!*seen);
        *seen = true;
    }
    if seen[..count].iter().all(|&seen| seen) {
        Ok(count)
    } else {
        Err(Error::Conflict("groups: must be counted from 0 without gaps"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    fn boot(groups: Option<&[i64]>) -> Bootstrap<'_> {
        Bootstrap { replicates: 500, groups, seed: 3, level: 0.9, method: Method::Auto }
    }

    fn run(q: &[f64], c: &[bool], bootstrap: Option<&Bootstrap<'_>>) -> Vec<Estimate> {
        evaluate(&Pairs::confidences(q, c, None).unwrap(), 10, Bins::Width, bootstrap).unwrap()
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
    fn wrong_settings_are_named() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        let fails = |bootstrap| evaluate(&pairs, 10, Bins::Width, Some(&bootstrap)).unwrap_err().to_string();
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
        for estimate in compare(&pairs, &pairs, 10, Bins::Width, &boot(None)).unwrap() {
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
        let found = compare(&pairs(&good), &pairs(&bad), 10, Bins::Width, &boot(None)).unwrap();
        let of = |name| *found.iter().find(|estimate| estimate.name == name).unwrap();
        assert!(of("brier").high < 0.0 && of("brier").above_zero == 0.0);
        assert_eq!((of("auroc").value, of("auroc").above_zero), (0.5, 1.0));
        let fewer = Pairs::confidences(&good[..3], &c[..3], None).unwrap();
        assert!(compare(&pairs(&bad), &fewer, 10, Bins::Width, &boot(None)).is_err());
    }

    #[test]
    fn accelerated_intervals_of_a_mean_are_close_to_the_normal_ones() {
        let rng = Rng::new(8, 8);
        let c: Vec<bool> = (0..600).map(|i| rng.bits(i) % 10 < 7).collect();
        let pairs = Pairs::confidences(&[0.5; 600], &c, None).unwrap();
        let bootstrap = Bootstrap { method: Method::Bca, replicates: 2000, level: 0.95, ..boot(None) };
        let found = evaluate(&pairs, 10, Bins::Width, Some(&bootstrap)).unwrap();
        let gap = found.iter().find(|estimate| estimate.name == "signed_gap").unwrap();
        let p = pairs.right() / 600.0;
        let half = 1.96 * (p * (1.0 - p) / 600.0).sqrt();
        assert!((gap.low - (0.5 - p - half)).abs() < 0.1 * half && (gap.high - (0.5 - p + half)).abs() < 0.1 * half);
    }
}
