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
    groups.par_fill(
        &mut ids,
        |p| groups.rows(p).end,
        cost,
        Space::default,
        |space, run, mut ids| {
            judgements.read(run.clone(), &mut space.said)?;
            for p in run {
                judgements.relation(p, &space.said, false, &mut space.relation);
                let (own, rest) = ids.split_at_mut(space.relation.n);
                algorithm.clusters(&space.relation, &mut space.sets, own);
                ids = rest;
            }
            Ok(())
        },
    )?;
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
    groups.par_fill(
        &mut sensitive,
        |p| p + 1,
        cost,
        Space::default,
        |space, run, sensitive| {
            judgements.read(run.clone(), &mut space.said)?;
            for (p, sensitive) in run.zip(sensitive) {
                for (reversed, ids) in [(false, &mut space.ids), (true, &mut space.reversed)] {
                    judgements.relation(p, &space.said, reversed, &mut space.relation);
                    ids.resize(space.relation.n, 0);
                    algorithm.clusters(&space.relation, &mut space.sets, ids);
                }
                *sensitive = !same_partition(&space.ids, &space.reversed, &mut space.numbers);
            }
            Ok(())
        },
    )?;
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
    relation: Relation,
    sets: [Vec<u64>; 3],
    ids: Vec<i64>,
    reversed: Vec<i64>,
    numbers: Vec<i64>,
}

impl Algorithm {
    fn clusters(self, relation: &Relation, sets: &mut [Vec<u64>; 3], ids: &mut [i64]) {
        // with a literal 1, sets are registers
        if relation.words == 1 {
            self.assign(1, relation, [&mut [0], &mut [0], &mut [0]], ids);
        } else {
            sets.iter_mut().for_each(|set| set.resize(relation.words, 0));
            let [left, near, row] = sets;
            self.assign(relation.words, relation, [left, near, row], ids);
        }
    }

    /// `left` are rows without a cluster, `near` those that a row takes, `row` is for use.
    #[inline(always)]
    fn assign(self, words: usize, relation: &Relation, [left, near, row]: [&mut [u64]; 3], ids: &mut [i64]) {
        let n = relation.n;
        left.fill(u64::MAX);
        left[words - 1] = u64::MAX >> (64 * words - n);
        let mut clusters = 0..;
        if matches!(self, Self::Overwrite | Self::Sequential) {
            for i in 0..n {
                let opens = left[i / 64] >> (i % 64) & 1 == 1;
                if opens {
                    ids[i] = clusters.next().expect("endless");
                } else if self == Self::Overwrite {
                    continue;
                }
                relation.row(words, i, near);
                keep_after(near, i);
                let id = ids[i];
                each(near, |j| ids[j] = id);
                left.iter_mut().zip(&*near).for_each(|(left, near)| *left &= !near);
            }
            return;
        }
        while let Some(i) = take_first(left) {
            let id = clusters.next().expect("endless");
            ids[i] = id;
            relation.row(words, i, near);
            near.iter_mut().zip(&*left).for_each(|(near, left)| *near &= left);
            if self == Self::First {
                left.iter_mut().zip(&*near).for_each(|(left, near)| *left &= !near);
                each(near, |j| ids[j] = id);
                continue;
            }
            while let Some(j) = take_first(near) {
                ids[j] = id;
                left[j / 64] &= !(1 << (j % 64));
                relation.row(words, j, row);
                for ((near, left), row) in near.iter_mut().zip(&*left).zip(&*row) {
                    *near = if self == Self::Components { *near | (row & left) } else { *near & row };
                }
            }
        }
    }
}

/// Take the lowest member out of a set.
#[inline(always)]
fn take_first(set: &mut [u64]) -> Option<usize> {
    let word = set.iter().position(|&word| word != 0)?;
    let bit = set[word].trailing_zeros() as usize;
    set[word] &= set[word] - 1;
    Some(64 * word + bit)
}

/// Drop the members up to `i`.
#[inline(always)]
fn keep_after(set: &mut [u64], i: usize) {
    set[..i / 64].fill(0);
    set[i / 64] &= u64::MAX << 1 << (i % 64);
}

/// `f` of each member.
#[inline(always)]
fn each(set: &[u64], mut f: impl FnMut(usize)) {
    for (k, &word) in set.iter().enumerate() {
        let mut word = word;
        while word != 0 {
            f(64 * k + word.trailing_zeros() as usize);
            word &= word - 1;
        }
    }
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
