//! Clusters from the similarity of every two rows.

pub(crate) mod lanes;

use std::str::FromStr;

use crate::{Error, Result};

/// When a row, or a cluster, joins a cluster.
///
/// Of pairs of clusters that are equally similar, that one joins first whose first cluster has the lowest row, then that
/// one whose second has, a cluster being known by its lowest row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linkage {
    /// Row by row: joins the first cluster whose first row is similar enough.
    Leader,
    /// While any two rows of two clusters are similar enough: connected components.
    Single,
    /// The two clusters whose rows have the highest mean similarity, again and again while it is high enough (UPGMA).
    Average,
    /// The two clusters whose least similar rows are the most similar, again and again while they are similar enough.
    Complete,
}

impl FromStr for Linkage {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "leader" => Self::Leader,
            "single" => Self::Single,
            "average" => Self::Average,
            "complete" => Self::Complete,
            _ => return Err(Error::setting("linkage", name, "one of leader, single, average, complete")),
        })
    }
}

impl Linkage {
    /// The cluster of each row, numbered in order of first appearance; `similarity` is symmetric, row by row, free of
    /// NaN, and may be overwritten. Clusters join at `threshold` and above.
    pub(crate) fn clusters(self, similarity: &mut [f64], threshold: f64, ids: &mut [i64]) {
        let n = ids.len();
        let above = |i: usize| similarity[i * n..i * n + i].iter().any(|&s| s >= threshold);
        if !(0..n).any(above) {
            // no two rows are alike enough, so no two clusters are, by any of these rules
            return ids.iter_mut().zip(0..).for_each(|(id, i)| *id = i);
        }
        match self {
            Self::Leader => leader(similarity, threshold, ids),
            Self::Single => single(similarity, threshold, ids),
            Self::Average => agglomerate(similarity, threshold, ids, |a, b, share| {
                // equal similarities stay as they are, and none leaves the range of the two
                (a + (b - a) * share).clamp(a.min(b), a.max(b))
            }),
            Self::Complete => agglomerate(similarity, threshold, ids, |a, b, _| a.min(b)),
        }
    }
}

fn leader(similarity: &[f64], threshold: f64, ids: &mut [i64]) {
    let n = ids.len();
    let mut leaders = Vec::with_capacity(n);
    let mut clusters = 0..;
    for i in 0..n {
        let row = &similarity[i * n..][..n];
        ids[i] = if let Some(&leader) = leaders.iter().find(|&&leader| row[leader] >= threshold) {
            ids[leader]
        } else {
            leaders.push(i);
            clusters.next().expect("endless")
        };
    }
}

fn single(similarity: &[f64], threshold: f64, ids: &mut [i64]) {
    const NEW: i64 = -1;
    let n = ids.len();
    let mut reached = Vec::with_capacity(n);
    let mut clusters = 0..;
    ids.fill(NEW);
    for first in 0..n {
        if ids[first] != NEW {
            continue;
        }
        let cluster = clusters.next().expect("endless");
        ids[first] = cluster;
        reached.push(first);
        while let Some(i) = reached.pop() {
            for (j, &alike) in similarity[i * n..][..n].iter().enumerate() {
                if alike >= threshold && ids[j] == NEW {
                    ids[j] = cluster;
                    reached.push(j);
                }
            }
        }
    }
}

/// Join the two most similar clusters again and again while their similarity is at least the threshold.
///
/// A cluster is known by its lowest row. Of pairs equally similar the one goes first whose first cluster has the lowest
/// row, then the one whose second has; so the clusters do not depend on how the pair is found.
/// `join(a, b, share)` is the similarity of what becomes of two clusters to a third one that has similarity `a` with the
/// first and `b` with the second, `share` of the rows being the second's. It must not exceed both: then no pair is ever
/// more similar than the one that joined last, and a lower threshold only goes on from where a higher one stops.
///
/// Each cluster remembers which of those after it is nearest, and looks again when that one is joined: O(n^2) as a rule.
fn agglomerate(similarity: &mut [f64], threshold: f64, ids: &mut [i64], join: impl Fn(f64, f64, f64) -> f64) {
    let n = ids.len();
    let mut sizes = vec![1.0; n];
    let mut into: Vec<usize> = (0..n).collect(); // the cluster that one joined
    let mut left = into.clone();
    // by place in `left`
    let mut nearest: Vec<_> = (0..n).map(|i| nearest_of(&similarity[i * n..][..n], &left[i + 1..])).collect();
    for _ in 1..n {
        let (mut at, mut best) = (0, f64::NEG_INFINITY);
        for (i, &(alike, _)) in nearest.iter().enumerate() {
            if alike > best {
                (at, best) = (i, alike);
            }
        }
        if best < threshold {
            break;
        }
        let (kept, gone) = (left[at], nearest[at].1);
        into[gone] = kept;
        let end = left.partition_point(|&k| k < gone);
        left.remove(end);
        nearest.remove(end);
        let share = sizes[gone] / (sizes[kept] + sizes[gone]);
        sizes[kept] += sizes[gone];
        for i in 0..left.len() {
            let k = left[i];
            if k == kept {
                continue;
            }
            let joined = join(similarity[kept * n + k], similarity[gone * n + k], share);
            similarity[kept * n + k] = joined;
            similarity[k * n + kept] = joined;
            let (alike, other) = nearest[i];
            if i < at && joined == alike {
                nearest[i].1 = other.min(kept);
            } else if other == gone || (i < at && other == kept) {
                nearest[i] = nearest_of(&similarity[k * n..][..n], &left[i + 1..]);
            }
        }
        nearest[at] = nearest_of(&similarity[kept * n..][..n], &left[at + 1..]);
    }
    let mut clusters = 0..;
    for i in 0..n {
        // a cluster joined one of a lower row, whose number is settled
        ids[i] = if into[i] == i { clusters.next().expect("endless") } else { ids[into[i]] };
    }
}

/// The highest of the similarities of a row with `others`, and the first that has it.
fn nearest_of(row: &[f64], others: &[usize]) -> (f64, usize) {
    let mut nearest = (f64::NEG_INFINITY, usize::MAX);
    for &k in others {
        if row[k] > nearest.0 {
            nearest = (row[k], k);
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Linkage; 4] = [Linkage::Leader, Linkage::Single, Linkage::Average, Linkage::Complete];

    fn clusters(linkage: Linkage, similarity: &[f64], threshold: f64) -> Vec<i64> {
        let mut ids = vec![-7; similarity.len().isqrt()];
        linkage.clusters(&mut similarity.to_vec(), threshold, &mut ids);
        ids
    }

    /// Similarities along a line: those of rows at these places fall with their distance.
    fn line<const N: usize>(places: [f64; N]) -> Vec<f64> {
        places.iter().flat_map(|a| places.iter().map(move |b| 1.0 - (a - b).abs())).collect()
    }

    #[test]
    fn each_linkage_is_its_rule() {
        let chain = line([0.0, 0.25, 0.5, 0.75]);
        assert_eq!(clusters(Linkage::Leader, &chain, 0.75), [0, 0, 1, 1]);
        assert_eq!(clusters(Linkage::Single, &chain, 0.75), [0, 0, 0, 0]);
        assert_eq!(clusters(Linkage::Average, &chain, 0.75), [0, 0, 1, 1]);
        assert_eq!(clusters(Linkage::Average, &chain, 0.5), [0, 0, 0, 0]); // the means of four are exactly 1/2
        assert_eq!(clusters(Linkage::Complete, &chain, 0.5), [0, 0, 1, 1]);
        assert_eq!(clusters(Linkage::Complete, &chain, 0.25), [0, 0, 0, 0]);
        assert_eq!(clusters(Linkage::Leader, &chain, 0.5), [0, 0, 0, 1]);
    }

    #[test]
    fn clusters_are_numbered_by_first_appearance() {
        let pairs = line([5.0, 0.0, 0.0, 5.0, 9.0, 5.0]);
        for linkage in ALL {
            assert_eq!(clusters(linkage, &pairs, 1.0), [0, 1, 1, 0, 2, 0], "{linkage:?}");
            assert_eq!(clusters(linkage, &pairs, -20.0), [0; 6], "{linkage:?}");
            assert_eq!(clusters(linkage, &[1.0], 1.0), [0], "{linkage:?}");
        }
    }

    #[test]
    fn equal_similarities_stay_exactly_equal() {
        // duplicates in threes: the mean of three times 0.1 must reach a threshold of 0.1
        let alike = |i: usize, j: usize| if i / 3 == j / 3 { 1.0 } else { 0.1 };
        let blocks: Vec<f64> = (0..81).map(|k| alike(k / 9, k % 9)).collect();
        assert_eq!(clusters(Linkage::Average, &blocks, 0.1), [0; 9]);
        assert_eq!(clusters(Linkage::Average, &blocks, 0.100_000_1), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn of_pairs_equally_similar_the_first_joins() {
        // neighbours are equally near all along; what joins at a high threshold stays joined at a low one
        let grid = line([0.0, 1.0, 2.0, 3.0, 4.0]);
        for linkage in [Linkage::Average, Linkage::Complete] {
            let (fine, coarse) = (clusters(linkage, &grid, 0.0), clusters(linkage, &grid, -1.5));
            assert_eq!(fine, [0, 0, 1, 1, 2], "{linkage:?}");
            assert!((0..5).all(|i| (0..i).all(|j| fine[i] != fine[j] || coarse[i] == coarse[j])), "{coarse:?}");
        }
        // the pairs 0 2, 1 2 and 1 3 tie, and the first in the order of their rows goes first
        let star = line([0.0, 2.0, 1.0, 3.0]);
        assert_eq!(clusters(Linkage::Complete, &star, 0.0), [0, 1, 0, 1]);
        // 0 1 and 0 2 tie
        let star = line([1.0, 0.0, 2.0, 3.5]);
        assert_eq!(clusters(Linkage::Complete, &star, 0.0), [0, 0, 1, 2]);
    }

    /// The definition of [`agglomerate`], O(n^3).
    fn slowly(linkage: Linkage, similarity: &[f64], threshold: f64) -> Vec<i64> {
        let n = similarity.len().isqrt();
        let (mut s, mut root, mut sizes) = (similarity.to_vec(), (0..n).collect::<Vec<_>>(), vec![1.0; n]);
        loop {
            let (mut pair, mut best) = ((0, 0), f64::NEG_INFINITY);
            for i in (0..n).filter(|&i| root[i] == i) {
                for j in (i + 1..n).filter(|&j| root[j] == j) {
                    if s[i * n + j] > best {
                        (pair, best) = ((i, j), s[i * n + j]);
                    }
                }
            }
            if best < threshold {
                let roots: Vec<usize> = (0..n).filter(|&i| root[i] == i).collect();
                let id = |root| i64::try_from(roots.binary_search(root).unwrap()).unwrap();
                return root.iter().map(id).collect();
            }
            let (i, j) = pair;
            let share = sizes[j] / (sizes[i] + sizes[j]);
            sizes[i] += sizes[j];
            root.iter_mut().filter(|root| **root == j).for_each(|root| *root = i);
            for k in 0..n {
                let (a, b) = (s[i * n + k], s[j * n + k]);
                let mean = (a + (b - a) * share).clamp(a.min(b), a.max(b));
                let joined = if linkage == Linkage::Average { mean } else { a.min(b) };
                (s[i * n + k], s[k * n + i]) = (joined, joined);
            }
        }
    }

    #[test]
    fn neighbours_are_remembered_right_whatever_ties() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / 16_777_216.0
        };
        for round in 0..400 {
            let n = 1 + round % 23;
            let levels = [2.0, 3.0, 10.0, 1e6][round % 4];
            let mut similarity = vec![1.0; n * n];
            for i in 0..n {
                for j in 0..i {
                    let alike = (random() * levels).floor() / levels;
                    (similarity[i * n + j], similarity[j * n + i]) = (alike, alike);
                }
            }
            for linkage in [Linkage::Average, Linkage::Complete] {
                for threshold in [0.0, 0.3, 0.5, 0.9] {
                    let expected = slowly(linkage, &similarity, threshold);
                    assert_eq!(clusters(linkage, &similarity, threshold), expected, "{linkage:?} {similarity:?}");
                }
            }
        }
    }

    #[test]
    fn names_are_read() {
        assert_eq!("average".parse(), Ok(Linkage::Average));
        assert!(matches!("ward".parse::<Linkage>(), Err(Error::Setting { name: "linkage", .. })));
    }
}
