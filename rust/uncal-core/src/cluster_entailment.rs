//! Clusters of completions that mean the same, by whether they entail each other.

use std::str::FromStr;

use crate::relation::{Equivalence, Judgements, Relation, Said};
use crate::{Error, Real, Result};

/// How clusters are made from pairs that mean the same, which need not be transitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Row by row: one without a cluster opens one, and takes later rows like it that have none.
    First,
    /// Row by row: one without a cluster opens one, and takes later rows like it, also from other clusters.
    Overwrite,
    /// Row by row: each takes later rows like it into its own cluster, also from other clusters.
    Sequential,
    /// Connected components.
    Components,
    /// Row by row: joins the first cluster of which all rows are like it, or opens one.
    Complete,
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "first" => Self::First,
            "overwrite" => Self::Overwrite,
            "sequential" => Self::Sequential,
            "components" => Self::Components,
            "complete" => Self::Complete,
            _ => {
                let names = "one of first, overwrite, sequential, components, complete";
                return Err(Error::setting("algorithm", name, names));
            }
        })
    }
}

/// The cluster of each completion.
///
/// Probabilities are computed with as they lie: in `f32`, 1 - entail - contra is a difference of `f32`, and the threshold
/// of the soft rule is the nearest `f32`. Time O(n^2) for a group of n rows.
///
/// # Arguments
/// * `entail`, `contra` - (n, n) for each group of n rows, row by row, end to end: the probability that row i entails or
///   contradicts row j; diagonals are not read; `contra` is not read by the soft rule and may be missing there
/// * `offsets` - (P + 1), group p is rows `offsets[p]..offsets[p + 1]`
///
/// Returns (K), numbered from 0 in each group in order of first appearance.
///
/// # Errors
/// Those of [`Groups::new`](crate::Groups::new), [`Error::Length`], [`Error::Conflict`] without `contra`,
/// [`Error::Entry`] for a number outside [0, 1] or two of one pair with a sum above 1.001.
///
/// # Example
/// ```
/// use uncal_core::{Algorithm, Equivalence, Rule, cluster_entailment};
/// let (entail, contra) = ([1.0, 0.9, 0.8, 1.0], [0.0; 4]);
/// let strict = Equivalence::new(Rule::Strict, 0.5)?;
/// assert_eq!(cluster_entailment(&entail, Some(&contra), &[0, 2], strict, Algorithm::First)?, [0, 0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn cluster_entailment<T: Real>(
    entail: &[T],
    contra: Option<&[T]>,
    offsets: &[i64],
    equivalence: Equivalence,
    algorithm: Algorithm,
) -> Result<Vec<i64>> {
    let judgements = Judgements::new(entail, contra, offsets, equivalence)?;
    let groups = judgements.groups();
    let mut ids = vec![0; groups.n_rows()];
    let end = |p| groups.rows(p).end;
    groups.par_fill(&mut ids, end, cost, Space::default, |space, run, mut ids| {
        judgements.read(run.clone(), &mut space.said)?;
        for p in run {
            let relation = judgements.relation(p, &space.said);
            let (own, rest) = ids.split_at_mut(relation.n);
            algorithm.clusters(relation, &mut space.sets, own);
            ids = rest;
        }
        Ok(())
    })?;
    Ok(ids)
}

/// Whether clustering the completions of a group in reverse order makes other clusters.
///
/// Arguments and errors are those of [`cluster_entailment`]. Returns (P); never true of [`Algorithm::Components`].
///
/// # Errors
/// Those of [`cluster_entailment`].
pub fn order_sensitive<T: Real>(
    entail: &[T],
    contra: Option<&[T]>,
    offsets: &[i64],
    equivalence: Equivalence,
    algorithm: Algorithm,
) -> Result<Vec<bool>> {
    let judgements = Judgements::new(entail, contra, offsets, equivalence)?;
    let groups = judgements.groups();
    let mut sensitive = vec![false; groups.len()];
    let end = |p| p + 1;
    groups.par_fill(&mut sensitive, end, cost, Space::default, |space, run, sensitive| {
        let Space { said, sets, ids, reversed, numbers } = space;
        judgements.read(run.clone(), said)?;
        for (p, sensitive) in run.zip(sensitive) {
            let relation = judgements.relation(p, said);
            ids.resize(relation.n, 0);
            algorithm.clusters(relation, sets, ids);
            reversed.resize(relation.n, 0);
            algorithm.clusters(relation.reversed(), sets, reversed);
            *sensitive = !same_partition(ids, reversed, numbers);
        }
        Ok(())
    })?;
    Ok(sensitive)
}

/// Of a group of n rows, in multiplications.
fn cost(n: usize) -> usize {
    n.saturating_mul(n).saturating_mul(3)
}

/// What one thread needs for one group after the other.
#[derive(Default)]
struct Space {
    said: Said,
    sets: [Vec<u64>; 3],
    ids: Vec<i64>,
    reversed: Vec<i64>,
    numbers: Vec<i64>,
}

impl Algorithm {
    fn clusters(self, relation: Relation, sets: &mut [Vec<u64>; 3], ids: &mut [i64]) {
        if relation.words == 1 {
            self.assign::<true>(relation, [&mut [0], &mut [0], &mut [0]], ids); // sets in registers
        } else {
            sets.iter_mut().for_each(|set| set.resize(relation.words, 0));
            self.assign::<false>(relation, sets.each_mut().map(Vec::as_mut_slice), ids);
        }
    }

    /// `left` is for the rows without a cluster, `near` for those that may join one, `new` for those that do.
    fn assign<const ONE: bool>(self, relation: Relation, [left, near, new]: [&mut [u64]; 3], ids: &mut [i64]) {
        left.fill(u64::MAX);
        left[relation.words - 1] = u64::MAX >> (64 * relation.words - relation.n);
        let mut clusters = 0..;
        match self {
            Self::Overwrite | Self::Sequential => {
                for i in 0..relation.n {
                    if left[i / 64] >> (i % 64) & 1 == 1 {
                        ids[i] = clusters.next().expect("endless");
                    } else if self == Self::Overwrite {
                        continue;
                    }
                    near.fill(u64::MAX);
                    keep_after(near, i);
                    let id = ids[i];
                    relation.keep_alike::<ONE>(i, near, |j| ids[j] = id);
                    remove(left, near);
                }
            }
            Self::First => {
                while let Some(i) = take_first(left) {
                    let id = clusters.next().expect("endless");
                    ids[i] = id;
                    near.copy_from_slice(left);
                    relation.keep_alike::<ONE>(i, near, |j| ids[j] = id);
                    remove(left, near);
                }
            }
            Self::Components => {
                near.fill(0); // those of the component whose own neighbours are still to be found
                let mut id = -1;
                while let Some(i) = take_first(near).or_else(|| take_first(left).inspect(|_| id += 1)) {
                    ids[i] = id;
                    new.copy_from_slice(left);
                    relation.keep_alike::<ONE>(i, new, |_| ());
                    remove(left, new);
                    near.iter_mut().zip(&*new).for_each(|(near, new)| *near |= new);
                }
            }
            Self::Complete => {
                while let Some(i) = take_first(left) {
                    let id = clusters.next().expect("endless");
                    ids[i] = id;
                    near.copy_from_slice(left);
                    relation.keep_alike::<ONE>(i, near, |_| ());
                    while let Some(j) = take_first(near) {
                        ids[j] = id;
                        left[j / 64] &= !(1 << (j % 64));
                        relation.keep_alike::<ONE>(j, near, |_| ());
                    }
                }
            }
        }
    }
}

/// Take the lowest member out of a set.
#[inline]
fn take_first(set: &mut [u64]) -> Option<usize> {
    let word = set.iter().position(|&word| word != 0)?;
    let bit = set[word].trailing_zeros() as usize;
    set[word] &= set[word] - 1;
    Some(64 * word + bit)
}

/// Drop the members up to `i`.
#[inline]
fn keep_after(set: &mut [u64], i: usize) {
    set[..i / 64].fill(0);
    set[i / 64] &= u64::MAX << 1 << (i % 64);
}

#[inline]
fn remove(set: &mut [u64], members: &[u64]) {
    set.iter_mut().zip(members).for_each(|(set, members)| *set &= !members);
}

/// Whether two clusterings are one: `ids`, numbered in order of first appearance, and `reversed`, which goes from the
/// last row to the first.
fn same_partition(ids: &[i64], reversed: &[i64], numbers: &mut Vec<i64>) -> bool {
    const NEW: i64 = -1;
    numbers.clear();
    numbers.resize(ids.len(), NEW);
    let mut clusters = 0..;
    ids.iter().zip(reversed.iter().rev()).all(|(&id, &other)| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below n
        let number = &mut numbers[other as usize];
        if *number == NEW {
            *number = clusters.next().expect("endless");
        }
        *number == id
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rule;

    const ALL: [Algorithm; 5] =
        [Algorithm::First, Algorithm::Overwrite, Algorithm::Sequential, Algorithm::Components, Algorithm::Complete];

    /// Clusters of n rows of which these pairs are alike, and whether the reverse order makes others.
    fn run(n: usize, alike: &[(usize, usize)], algorithm: Algorithm) -> (Vec<i64>, bool) {
        let mut entail = vec![0.0_f32; n * n];
        for &(i, j) in alike {
            entail[i * n + j] = 1.0;
            entail[j * n + i] = 1.0;
        }
        let strict = Equivalence::new(Rule::Strict, 0.5).unwrap();
        let (contra, offsets) = (vec![0.0; n * n], [0, n.try_into().unwrap()]);
        let ids = cluster_entailment(&entail, Some(&contra), &offsets, strict, algorithm).unwrap();
        (ids, order_sensitive(&entail, Some(&contra), &offsets, strict, algorithm).unwrap()[0])
    }

    #[test]
    fn each_algorithm_is_its_rule_on_a_chain() {
        for shift in [0, 60, 130] {
            // also where the chain crosses from one word of a set to the next
            let chain = [(shift, shift + 1), (shift + 1, shift + 2), (shift + 2, shift + 3), (shift + 3, shift + 4)];
            let found = ALL.map(|algorithm| {
                let (ids, sensitive) = run(shift + 5, &chain, algorithm);
                assert!(ids[..shift].iter().zip(0..).all(|(&id, i)| id == i));
                (ids[shift..].iter().map(|id| id - ids[shift]).collect::<Vec<_>>(), sensitive)
            });
            assert_eq!(found[0], (vec![0, 0, 1, 1, 2], true));
            assert_eq!(found[1], (vec![0, 0, 1, 1, 2], true));
            assert_eq!(found[2], (vec![0, 0, 0, 0, 0], false));
            assert_eq!(found[3], (vec![0, 0, 0, 0, 0], false));
            assert_eq!(found[4], (vec![0, 0, 1, 1, 2], true));
        }
    }

    #[test]
    fn overwriting_takes_rows_out_of_earlier_clusters() {
        let star = [(0, 2), (1, 2)];
        assert_eq!(run(3, &star, Algorithm::First).0, [0, 1, 0]);
        assert_eq!(run(3, &star, Algorithm::Overwrite).0, [0, 1, 1]);
        assert_eq!(run(3, &star, Algorithm::Sequential).0, [0, 1, 1]);
        assert_eq!(run(3, &star, Algorithm::Components).0, [0, 0, 0]);
        assert_eq!(run(3, &star, Algorithm::Complete).0, [0, 1, 0]);
    }

    #[test]
    fn names_are_read() {
        assert_eq!("components".parse(), Ok(Algorithm::Components));
        assert!(matches!("A6".parse::<Algorithm>(), Err(Error::Setting { name: "algorithm", .. })));
    }
}
