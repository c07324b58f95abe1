//! Entropies of clusters of completions that mean the same.

use std::str::FromStr;

use crate::groups::Groups;
use crate::{Error, Result};

/// What of the clusters C of a group of n completions with log-probabilities s is an entropy; P(C) is the sum of exp(s)
/// over the completions in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// -sum of p ln p with p the share of completions in C.
    Discrete,
    /// -sum of p ln p with p = P(C) over the sum of all P.
    RaoBlackwell,
    /// -mean of ln P(C) over clusters.
    Kuhn,
    /// -mean of ln P(C) over completions, C the cluster of each.
    Mean,
    /// -sum of P(C) ln P(C).
    Direct,
    /// -mean of s.
    Naive,
}

impl FromStr for Estimator {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "discrete" => Self::Discrete,
            "rao_blackwell" => Self::RaoBlackwell,
            "kuhn" => Self::Kuhn,
            "mean" => Self::Mean,
            "direct" => Self::Direct,
            "naive" => Self::Naive,
            _ => {
                let names = "one of discrete, rao_blackwell, kuhn, mean, direct, naive";
                return Err(Error::setting("estimator", name, names));
            }
        })
    }
}

/// The semantic entropy of each group, in nats.
///
/// # Arguments
/// * `clusters` - (K), 0 or more; equal numbers inside a group are one cluster
/// * `logprobs` - (K), below +infinity; not read by [`Estimator::Discrete`], which may do without
/// * `offsets` - (P + 1), group p is rows `offsets[p]..offsets[p + 1]`
///
/// Returns (P): `Discrete` and `RaoBlackwell` in `[0, ln c]` with c clusters, the others any number, and for `Kuhn`,
/// `Mean` and `Naive` infinity where some P(C), or s, has no logarithm. A group of one completion has 0. A group whose
/// `logprobs` are all -infinity has its `Discrete` entropy.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::Id`], [`Error::Length`], [`Error::Value`], [`Error::Conflict`] without `logprobs`.
///
/// # Example
/// ```
/// use uncal_core::{Estimator, semantic_entropy};
/// let entropies = semantic_entropy(&[0, 1, 7, 7], None, &[0, 2, 4], Estimator::Discrete)?;
/// assert_eq!(entropies, [2f64.ln(), 0.0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn semantic_entropy(
    clusters: &[i64],
    logprobs: Option<&[f64]>,
    offsets: &[i64],
    estimator: Estimator,
) -> Result<Vec<f64>> {
    let groups = check(clusters, offsets)?;
    let logprobs = match (estimator, logprobs) {
        (Estimator::Discrete, _) => None,
        (_, None) => return Err(Error::Conflict("logprobs: needed unless estimator is \"discrete\"")),
        (_, Some(logprobs)) if logprobs.len() != clusters.len() => {
            return Err(Error::Length { name: "logprobs", len: logprobs.len(), expected: clusters.len() });
        }
        (_, Some(logprobs)) => {
            if let Some(row) = logprobs.iter().position(|&s| s.is_nan() || s == f64::INFINITY) {
                let needed = "a number or -infinity";
                return Err(Error::Value { name: "logprobs", row, value: logprobs[row], needed });
            }
            Some(logprobs)
        }
    };
    let mut entropies = vec![0.0; groups.len()];
    groups.par_fill(
        &mut entropies,
        |p| p + 1,
        cost,
        Space::default,
        |space, run, entropies| {
            for (p, entropy) in run.zip(entropies) {
                let rows = groups.rows(p);
                space.number(&clusters[rows.clone()]);
                *entropy = match logprobs.map(|logprobs| &logprobs[rows]) {
                    _ if space.ids.len() == 1 => 0.0,
                    Some(s) if s.iter().any(|&s| s > f64::NEG_INFINITY) => space.weighted(s, estimator),
                    _ => space.discrete(),
                } + 0.0; // -0.0 is no entropy
            }
            Ok(())
        },
    )?;
    Ok(entropies)
}

/// The number of clusters of each group.
///
/// Arguments are those of [`semantic_entropy`]. Returns (P), whole numbers from 1 to n.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::Id`].
pub fn num_semantic_sets(clusters: &[i64], offsets: &[i64]) -> Result<Vec<f64>> {
    let groups = check(clusters, offsets)?;
    let mut counts = vec![0.0; groups.len()];
    groups.par_fill(
        &mut counts,
        |p| p + 1,
        cost,
        Space::default,
        |space, run, counts| {
            for (p, count) in run.zip(counts) {
                space.number(&clusters[groups.rows(p)]);
                *count = space.sizes.len() as f64;
            }
            Ok(())
        },
    )?;
    Ok(counts)
}

fn check<'a>(clusters: &[i64], offsets: &'a [i64]) -> Result<Groups<'a>> {
    let groups = Groups::new(offsets, clusters.len())?;
    match clusters.iter().position(|&id| id < 0) {
        Some(row) => Err(Error::Id { row, id: clusters[row] }),
        None => Ok(groups),
    }
}

/// Of a group of n rows, in multiplications.
fn cost(n: usize) -> usize {
    n.saturating_mul(20)
}

/// The clusters of one group, numbered in order of first appearance, and room for a number of each.
#[derive(Default)]
struct Space {
    ids: Vec<usize>,
    sizes: Vec<f64>,
    sorted: Vec<i64>,
    numbers: Vec<usize>,
    largest: Vec<f64>,
    masses: Vec<f64>,
}

impl Space {
    fn number(&mut self, clusters: &[i64]) {
        const NEW: usize = usize::MAX;
        let n = clusters.len();
        let small = |id: i64| usize::try_from(id).ok().filter(|&id| id < n);
        self.sorted.clear();
        if !clusters.iter().all(|&id| small(id).is_some()) {
            self.sorted.extend(clusters);
            self.sorted.sort_unstable();
            self.sorted.dedup();
        }
        self.ids.clear();
        self.sizes.clear();
        self.numbers.clear();
        self.numbers.resize(n, NEW);
        for &id in clusters {
            let place = if self.sorted.is_empty() { small(id) } else { self.sorted.binary_search(&id).ok() };
            let number = &mut self.numbers[place.expect("below n")];
            if *number == NEW {
                *number = self.sizes.len();
                self.sizes.push(0.0);
            }
            self.sizes[*number] += 1.0;
            self.ids.push(*number);
        }
    }

    fn discrete(&self) -> f64 {
        let n = self.ids.len() as f64;
        let entropy: f64 = self.sizes.iter().map(|size| size / n * (n / size).ln()).sum();
        entropy.min(self.most())
    }

    fn weighted(&mut self, s: &[f64], estimator: Estimator) -> f64 {
        let n = s.len() as f64;
        if estimator == Estimator::Naive {
            return -s.iter().sum::<f64>() / n;
        }
        self.log_masses(s);
        let masses = &self.masses; // ln P(C)
        let entropy = |masses: &mut dyn Iterator<Item = f64>| -> f64 {
            masses.filter(|&mass| mass > f64::NEG_INFINITY).map(|mass| -mass.exp() * mass).sum()
        };
        match estimator {
            Estimator::RaoBlackwell => {
                let total = log_sum_exp(masses);
                entropy(&mut masses.iter().map(|mass| mass - total)).max(0.0).min(self.most())
            }
            Estimator::Kuhn => -masses.iter().sum::<f64>() / masses.len() as f64,
            Estimator::Direct => entropy(&mut masses.iter().copied()),
            _ => -masses.iter().zip(&self.sizes).map(|(mass, size)| mass * size).sum::<f64>() / n,
        }
    }

    /// ln P(C) of each cluster, by the largest s in it, so that no power vanishes or overflows.
    fn log_masses(&mut self, s: &[f64]) {
        let Self { ids, sizes, largest, masses, .. } = self;
        largest.clear();
        largest.resize(sizes.len(), f64::NEG_INFINITY);
        for (&id, &s) in ids.iter().zip(s) {
            largest[id] = largest[id].max(s);
        }
        masses.clear();
        masses.resize(sizes.len(), 0.0);
        for (&id, &s) in ids.iter().zip(s) {
            if s > f64::NEG_INFINITY {
                masses[id] += (s - largest[id]).exp();
            }
        }
        masses.iter_mut().zip(largest).for_each(|(mass, largest)| *mass = mass.ln() + *largest);
    }

    fn most(&self) -> f64 {
        (self.sizes.len() as f64).ln()
    }
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Estimator; 6] = [
        Estimator::Discrete,
        Estimator::RaoBlackwell,
        Estimator::Kuhn,
        Estimator::Mean,
        Estimator::Direct,
        Estimator::Naive,
    ];

    fn entropy(clusters: &[i64], s: &[f64], estimator: Estimator) -> f64 {
        semantic_entropy(clusters, Some(s), &[0, clusters.len().try_into().unwrap()], estimator).unwrap()[0]
    }

    #[test]
    fn known_entropies() {
        let known = [1.039_720_770_8, 0.648_902_344_9, 1.800_620_376_9, 1.450_930_565_3, 0.688_906_466_3, 1.8];
        for (estimator, known) in ALL.into_iter().zip(known) {
            for clusters in [[0, 0, 1, 2], [i64::MAX, i64::MAX, 5, 0]] {
                let found = entropy(&clusters, &[-1.0, -1.2, -2.0, -3.0], estimator);
                assert!((found - known).abs() < 1e-10, "{estimator:?}: {found}");
            }
        }
    }

    #[test]
    fn one_completion_has_entropy_zero() {
        for estimator in ALL {
            for s in [-3.5, f64::NEG_INFINITY] {
                assert_eq!(entropy(&[9], &[s], estimator).to_bits(), 0, "{estimator:?}");
            }
        }
    }

    #[test]
    fn one_cluster_has_no_spread() {
        for estimator in [Estimator::Discrete, Estimator::RaoBlackwell] {
            assert_eq!(entropy(&[4; 7], &[-0.3; 7], estimator).to_bits(), 0, "{estimator:?}");
        }
    }

    #[test]
    fn nothing_but_impossible_completions_are_counted() {
        for estimator in ALL {
            let found = entropy(&[0, 1, 1], &[f64::NEG_INFINITY; 3], estimator);
            assert_eq!(found, entropy(&[0, 1, 1], &[0.0; 3], Estimator::Discrete), "{estimator:?}");
        }
    }

    #[test]
    fn an_impossible_cluster_is_skipped_or_infinitely_surprising() {
        let s = [-1.0, -2.0, f64::NEG_INFINITY];
        let found = ALL.map(|estimator| entropy(&[0, 1, 2], &s, estimator));
        assert_eq!(found[1], entropy(&[0, 1], &s[..2], Estimator::RaoBlackwell));
        assert_eq!(found[4], entropy(&[0, 1], &s[..2], Estimator::Direct));
        assert_eq!([found[2], found[3], found[5]], [f64::INFINITY; 3]);
        assert!(entropy(&[0, 1, 1], &s, Estimator::Kuhn).is_finite());
    }

    #[test]
    fn far_log_probabilities_neither_vanish_nor_overflow() {
        for shift in [-1e5, 1e5] {
            let s = [-1.0, -1.2, -2.0, -3.0].map(|s| s + shift);
            assert!((entropy(&[0, 0, 1, 2], &s, Estimator::RaoBlackwell) - 0.648_902_344_9).abs() < 1e-10);
            assert!((entropy(&[0, 0, 1, 2], &s, Estimator::Kuhn) + shift - 1.800_620_376_9).abs() < 1e-9);
        }
        assert_eq!(entropy(&[0, 1], &[0.0, -1e300], Estimator::RaoBlackwell), 0.0);
    }

    #[test]
    fn sets_are_counted_whatever_their_numbers() {
        let clusters = [3, 3, 3, 0, 1, i64::MAX, 1 << 40, i64::MAX];
        assert_eq!(num_semantic_sets(&clusters, &[0, 3, 8]).unwrap(), [1.0, 4.0]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let fails =
            |clusters: &[i64], s: Option<&[f64]>| semantic_entropy(clusters, s, &[0, 2], Estimator::Kuhn).unwrap_err();
        assert_eq!(fails(&[0, -1], Some(&[0.0; 2])), Error::Id { row: 1, id: -1 });
        assert_eq!(fails(&[0, 1], Some(&[0.0])), Error::Length { name: "logprobs", len: 1, expected: 2 });
        assert!(matches!(fails(&[0, 1], None), Error::Conflict(_)));
        for bad in [f64::NAN, f64::INFINITY] {
            assert!(matches!(fails(&[0, 1], Some(&[0.0, bad])), Error::Value { name: "logprobs", row: 1, .. }));
        }
        assert!(matches!("shannon".parse::<Estimator>(), Err(Error::Setting { name: "estimator", .. })));
    }
}
