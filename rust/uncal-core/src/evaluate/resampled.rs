//! Replicates: how they are drawn and measured, and the intervals that they make.

use super::{
    AUROC, BRIER, BRIER_SKILL, Bootstrap, COUNT, ECE, Estimate, METRICS, Method, Metrics, SIGNED_GAP, Values,
    measure_ties, skill,
};
use crate::binomial::multinomial;
use crate::bins::Bins;
use crate::blocks::{Blocks, Plan};
use crate::bootstrap::{Draws, Rng, percentiles, resample, resample_rows};
use crate::ece::Ece;
use crate::float::Real;
use crate::ties::Ties;
use crate::{Error, Pairs, Result, normal, pool};

/// Metrics of each replicate, for each set of confidences; and with blocks of units left out.
#[derive(Default)]
pub(super) struct Resampled {
    pub(super) replicates: Vec<Vec<Values>>,
    without: Vec<Vec<Values>>,
}

impl Resampled {
    pub(super) fn estimate(
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

pub(super) fn check_level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 { Ok(()) } else { Err(Error::setting("level", level, "a number between 0 and 1")) }
}

/// Rows of one set, all of one weight: they are drawn and measured block by block, or by value where these are few.
pub(super) fn resampled_rows<T: Real>(
    pairs: &Pairs<'_, T>,
    kind: &Ece,
    metrics: Metrics,
    bootstrap: &Bootstrap<'_>,
) -> Resampled {
    const FEW: usize = 32; // rows to draw in the time of one of the numbers that a value takes
    const TOGETHER: usize = 16; // replicates for which a block stays in the cache
    let len = pairs.len();
    let ties = Ties::new(pairs);
    let rng = |replicate: usize| Rng::new(bootstrap.seed, replicate as u64);
    let parts = if bootstrap.method == Method::Bca { len.min(BLOCKS) } else { 0 };
    let without = |part| Plan::Without { rng: Rng::new(bootstrap.seed, u64::MAX), part, parts };
    let work = |times: usize| times.saturating_mul(len).saturating_mul(8);
    if 2 * ties.len() * FEW <= len {
        let values = Distinct::new(ties);
        let space = || (vec![0; 2 * values.ties.len()], Ties::default());
        let measure = |space: &mut (Vec<u64>, Ties), plan| {
            values.draw(plan, &mut space.0);
            values.refill(&space.0, &mut space.1);
            vec![measure_ties(&space.1, kind, metrics)]
        };
        let times = bootstrap.replicates;
        let replicates = pool::map_with(times, times.saturating_mul(ties_work(&values)), space, |space, replicate| {
            measure(space, Plan::Draw(rng(replicate)))
        });
        return Resampled {
            replicates,
            without: pool::map_with(parts, work(parts), space, |s, p| measure(s, without(p))),
        };
    }
    let blocks = Blocks::new(&ties, if kind.bins == Bins::Width { kind.n_bins } else { 1 });
    let mut others = metrics;
    for (k, of_blocks) in
        [(ECE, kind.bins == Bins::Width), (SIGNED_GAP, true), (BRIER, true), (BRIER_SKILL, true), (AUROC, true)]
    {
        others.0[k] &= !of_blocks;
    }
    let with_others = others.iter().next().is_some();
    let ties = if with_others { ties } else { Ties::default() };
    let together = if with_others { 1 } else { TOGETHER };
    let measure = |(counts, drawn): &mut (Vec<u32>, Ties), plans: Vec<Plan>| -> Vec<Vec<Values>> {
        let found = blocks.measure(&plans, with_others.then_some(&mut counts[..]));
        let all = found.iter().map(|found| {
            let mut values = [f64::NAN; COUNT];
            if with_others {
                drawn.refill_counted(&ties, counts);
                values = measure_ties(drawn, kind, others);
            }
            let (right, wrong) = found.rows();
            if kind.bins == Bins::Width {
                values[ECE] = found.ece();
            }
            values[SIGNED_GAP] = found.signed_gap();
            values[BRIER] = found.brier();
            values[BRIER_SKILL] = skill(found.brier(), right, wrong);
            values[AUROC] = found.auroc();
            vec![values]
        });
        all.collect()
    };
    let run = |times: usize, plan: &(dyn Fn(usize) -> Plan + Sync)| {
        let space = || (vec![0; if with_others { len } else { 0 }], Ties::default());
        let found = pool::map_with(times.div_ceil(together), work(times), space, |space, chunk| {
            measure(space, (chunk * together..times.min((chunk + 1) * together)).map(plan).collect())
        });
        found.concat()
    };
    Resampled {
        replicates: run(bootstrap.replicates, &|replicate| Plan::Draw(rng(replicate))),
        without: run(parts, &without),
    }
}

/// A replicate of few values, in multiplications.
fn ties_work(values: &Distinct) -> usize {
    values.ties.len().saturating_mul(200)
}

/// Few distinct values of many rows, and the rows before each of their wrong and their right ones.
struct Distinct {
    ties: Ties,
    starts: Vec<usize>,
}

impl Distinct {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // numbers of rows
    fn new(ties: Ties) -> Self {
        let mut starts = vec![0];
        let mut sum = 0;
        for (_, right, wrong) in ties.iter() {
            for rows in [wrong, right] {
                sum += rows as usize;
                starts.push(sum);
            }
        }
        Self { ties, starts }
    }

    fn draw(&self, plan: Plan, counts: &mut [u64]) {
        match plan {
            Plan::Draw(rng) => {
                let rows = self.starts.last().copied().unwrap_or_default();
                multinomial(&mut Draws::new(rng.branch(0)), rows as u64, &self.starts, counts);
            }
            Plan::Without { rng, part, parts } => {
                for (count, rows) in counts.iter_mut().zip(self.starts.windows(2)) {
                    *count = (rows[0]..rows[1]).filter(|&row| rng.below(row as u64, parts) != part).count() as u64;
                }
            }
        }
    }

    fn refill(&self, counts: &[u64], drawn: &mut Ties) {
        drawn.refill_sums(self.ties.values.iter().zip(counts.chunks_exact(2)).map(|(&value, counts)| {
            let [wrong, right] = [counts[0] as f64, counts[1] as f64];
            (value, right, wrong)
        }));
    }
}

/// A row in the order of one set of confidences, and the unit that it is drawn with.
type Row = (f64, bool, f64, usize);

pub(super) fn resampled<T: Real>(
    sets: &[&Pairs<'_, T>],
    kind: &Ece,
    metrics: Metrics,
    bootstrap: &Bootstrap<'_>,
) -> Result<Resampled> {
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
                measure_ties(ties, kind, metrics)
            })
            .collect()
    };
    let work = |times: usize| times.saturating_mul(len).saturating_mul(64);
    let space = || (vec![0; units], Ties::default());
    let times = bootstrap.replicates;
    let replicates = pool::map_with(times, work(times), space, |(counts, ties), replicate| {
        let rng = Rng::new(bootstrap.seed, replicate as u64);
        if bootstrap.groups.is_some() {
            resample(rng, counts);
        } else {
            resample_rows(rng, counts);
        }
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

    #[test]
    fn blocks_and_values_measure_what_the_rows_drawn_do() {
        let rng = Rng::new(6, 2);
        let c: Vec<bool> = (0..9000).map(|i| !rng.bits(i).is_multiple_of(3)).collect();
        let even: Vec<f64> = (0..9000).map(|i| (rng.bits(i + 9000) >> 11) as f64 / (1_u64 << 53) as f64).collect();
        let ties: Vec<f64> = even.iter().map(|q| (q * 2000.0).round() / 2000.0).collect();
        for q in [&even, &ties] {
            for n_bins in [1, 15, 3000] {
                let pairs = Pairs::confidences(q, &c, None).unwrap();
                let kind = Ece::plain(n_bins, Bins::Width);
                let known = Ties::new(&pairs);
                let mut counts = vec![0; 9000];
                let plans = [Plan::Draw(Rng::new(1, 2)), Plan::Without { rng: Rng::new(3, 4), part: 1, parts: 3 }];
                for plan in plans {
                    let found = &Blocks::new(&known, n_bins).measure(&[plan], Some(&mut counts))[0];
                    if matches!(plan, Plan::Draw(_)) {
                        let mut drawn = vec![0; 9000];
                        resample_rows(Rng::new(1, 2), &mut drawn);
                        assert_eq!(drawn.iter().sum::<u32>(), counts.iter().sum::<u32>());
                        assert_eq!(drawn[2 * 4096..], counts[2 * 4096..]);
                    }
                    let mut sums = Ties::default();
                    sums.refill_counted(&known, &counts);
                    let expected = measure_ties(&sums, &kind, Metrics::ALL);
                    for (k, found) in [
                        (ECE, found.ece()),
                        (SIGNED_GAP, found.signed_gap()),
                        (BRIER, found.brier()),
                        (AUROC, found.auroc()),
                    ] {
                        assert!((found - expected[k]).abs() < 1e-13, "{k}: {found} {}", expected[k]);
                    }
                    assert_eq!(found.auroc(), expected[AUROC]);
                }
            }
        }
    }
}
