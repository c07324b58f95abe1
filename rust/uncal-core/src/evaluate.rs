//! Every metric at once, from one sort, with intervals.

use crate::bins::{Bins, bin_ties};
use crate::bootstrap::{Rng, percentiles, resample};
use crate::ece::{Ece, of_bins};
use crate::ties::{Sorted, Ties};
use crate::{Error, Pairs, Result, auroc, brier, ece, pool};

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
}

/// A metric and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The name of the metric's function.
    pub name: &'static str,
    /// The metric of the rows themselves.
    pub value: f64,
    /// The lower end; NaN without resampling.
    pub low: f64,
    /// The upper end; NaN without resampling.
    pub high: f64,
    /// Replicates in which the metric does not exist, left out of the interval.
    pub skipped: usize,
}

/// ECE, Brier score and AUROC, with bootstrap intervals where asked for.
///
/// Brier score and AUROC get the percentile interval. Resampling adds noise, which can only raise an ECE, so that gets
/// the basic (pivotal) interval, mirrored at the value and cut to `[0, 1]`: with few rows it lies below the value.
/// Time O(K log K + replicates * K); the same bits for any number of threads.
///
/// # Errors
/// [`Error::Setting`], [`Error::Length`] or [`Error::Value`] for wrong bins, groups or level.
pub fn evaluate(
    confidences: &Pairs<'_>,
    n_bins: usize,
    bins: Bins,
    bootstrap: Option<&Bootstrap<'_>>,
) -> Result<Vec<Estimate>> {
    const NAMES: [&str; 3] = ["ece", "brier", "auroc"];
    let kind = Ece::plain(n_bins, bins);
    let sorted = Sorted::new(confidences);
    let row = |&i: &usize| (confidences.value(i), confidences.correct(i), confidences.weight(i));
    let mut ties = Ties::default();
    ties.refill(sorted.order.iter().map(row));
    let values = [ece(confidences, &kind)?, brier::brier(confidences), auroc::of_ties(&ties)];
    let mut estimates: Vec<Estimate> = NAMES
        .into_iter()
        .zip(values)
        .map(|(name, value)| Estimate { name, value, low: f64::NAN, high: f64::NAN, skipped: 0 })
        .collect();
    if let Some(bootstrap) = bootstrap {
        let replicates = replicates(confidences, &sorted, &kind, bootstrap)?;
        for (k, estimate) in estimates.iter_mut().enumerate() {
            let mut found: Vec<f64> =
                replicates.iter().map(|values| values[k]).filter(|value| !value.is_nan()).collect();
            estimate.skipped = replicates.len() - found.len();
            (estimate.low, estimate.high) = percentiles(&mut found, bootstrap.level);
            if estimate.name == "ece" {
                let mirror = |end: f64| (2.0 * estimate.value - end).clamp(0.0, 1.0);
                (estimate.low, estimate.high) = (mirror(estimate.high), mirror(estimate.low));
            }
        }
    }
    Ok(estimates)
}

fn replicates(pairs: &Pairs<'_>, sorted: &Sorted, kind: &Ece, bootstrap: &Bootstrap<'_>) -> Result<Vec<[f64; 3]>> {
    if !(bootstrap.level > 0.0 && bootstrap.level < 1.0) {
        return Err(Error::setting("level", bootstrap.level, "a number between 0 and 1"));
    }
    // Rows are numbered by their place in the sorted order, so that their order in the input does not matter.
    let (units, unit_of): (usize, Vec<usize>) = match bootstrap.groups {
        None => (pairs.len(), (0..pairs.len()).collect()),
        Some(groups) => {
            let units = count_groups(groups, pairs.len())?;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked by count_groups
            let unit_of = sorted.order.iter().map(|&i| groups[i] as usize).collect();
            (units, unit_of)
        }
    };
    let rows: Vec<(f64, bool, f64)> =
        sorted.order.iter().map(|&i| (pairs.value(i), pairs.correct(i), pairs.weight(i))).collect();
    let work = bootstrap.replicates.saturating_mul(pairs.len()).saturating_mul(16);
    let space = || (vec![0; units], Ties::default());
    Ok(pool::map_with(bootstrap.replicates, work, space, |(counts, ties), replicate| {
        resample(Rng::new(bootstrap.seed, replicate as u64), counts);
        let drawn = rows.iter().zip(&unit_of);
        ties.refill(drawn.map(|(&(q, c, weight), &unit)| (q, c, weight * f64::from(counts[unit]))));
        if ties.len() == 0 {
            return [f64::NAN; 3]; // only rows of weight 0 were drawn
        }
        let bins = bin_ties(ties, kind.n_bins, kind.bins).bins;
        let total = bins.iter().map(|bin| bin.weight).sum();
        [of_bins(&bins, total, kind), brier::of_ties(ties), auroc::of_ties(ties)]
    }))
}

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
        Bootstrap { replicates: 500, groups, seed: 3, level: 0.9 }
    }

    fn run(q: &[f64], c: &[bool], bootstrap: Option<&Bootstrap<'_>>) -> Vec<Estimate> {
        evaluate(&Pairs::confidences(q, c, None).unwrap(), 10, Bins::Width, bootstrap).unwrap()
    }

    #[test]
    fn values_are_those_of_the_functions() {
        let values: Vec<f64> = run(&Q, &C, None).iter().map(|estimate| estimate.value).collect();
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        let plain = ece(&pairs, &Ece::plain(10, Bins::Width)).unwrap();
        assert_eq!(values, [plain, brier::brier(&pairs), auroc::auroc(&pairs)]);
    }

    #[test]
    fn intervals_hold_the_value_where_they_should() {
        for estimate in run(&Q, &C, Some(&boot(None))) {
            assert!(estimate.low < estimate.high, "{estimate:?}");
            if estimate.name != "ece" {
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
            assert!((estimate.low - estimate.value).abs() < 1e-15, "{estimate:?}");
            assert!((estimate.high - estimate.value).abs() < 1e-15, "{estimate:?}");
        }
        let single = run(&[0.25], &[true], Some(&boot(None)));
        assert_eq!((single[1].low, single[1].high), (0.5625, 0.5625));
        assert!(single[2].value.is_nan() && single[2].low.is_nan() && single[2].skipped == 500);
    }

    #[test]
    fn replicates_of_one_class_are_skipped_and_counted() {
        let skipped = run(&[0.2, 0.7, 0.6], &[false, true, true], Some(&boot(None)))[2].skipped;
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
}
