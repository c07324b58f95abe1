//! Clusters from the similarity of every two rows.

use std::str::FromStr;

use crate::{Error, Result};

/// When a row, or a cluster, joins a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linkage {
    /// Row by row: joins the first cluster whose first row is similar enough.
    Leader,
    /// While any two rows of two clusters are similar enough: connected components.
    Single,
    /// While the mean similarity between the rows of two clusters is high enough (UPGMA).
    Average,
    /// While all rows of two clusters are similar enough.
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

/// Join the two most similar clusters again and again, by chains of nearest neighbours, O(n^2).
///
/// A cluster is known by its lowest row. `join(a, b, share)` is the similarity of what becomes of two clusters to a
/// third one that has similarity `a` and `b` with them, `share` of the rows being the second's. It must not exceed both:
/// then similarities rise along a chain, and a cluster is never more similar to another than its parts to each other.
/// The whole tree is made, whatever the threshold, so that a lower one can only join clusters, also where ties leave a
/// choice.
fn agglomerate(similarity: &mut [f64], threshold: f64, ids: &mut [i64], join: impl Fn(f64, f64, f64) -> f64) {
    const GONE: f64 = f64::NEG_INFINITY;
    let n = ids.len();
    let mut sizes = vec![1.0; n];
    let mut into: Vec<usize> = (0..n).collect(); // the cluster that one joined
    let mut chain = Vec::with_capacity(n);
    for i in 0..n {
        similarity[i * n + i] = GONE;
    }
    for _ in 1..n {
        let (a, b, best) = loop {
            let Some(&tip) = chain.last() else {
                chain.push(0);
                continue;
            };
            let row = &similarity[tip * n..][..n];
            let before = chain.len().checked_sub(2).map(|k| chain[k]);
            let (mut nearest, mut best) = before.map_or((tip, GONE), |k| (k, row[k])); // wins a tie, so chains end
            for (k, &alike) in row.iter().enumerate() {
                if alike > best {
                    (nearest, best) = (k, alike);
                }
            }
            if before == Some(nearest) {
                break (tip, nearest, best);
            }
            chain.push(nearest);
        };
        chain.truncate(chain.len() - 2);
        let (kept, gone) = (a.min(b), a.max(b));
        if best >= threshold {
            into[gone] = kept;
        }
        let share = sizes[gone] / (sizes[kept] + sizes[gone]);
        sizes[kept] += sizes[gone];
        for k in 0..n {
            let (a, b) = (similarity[kept * n + k], similarity[gone * n + k]);
            if a > GONE && b > GONE {
                let joined = join(a, b, share);
                similarity[kept * n + k] = joined;
                similarity[k * n + kept] = joined;
            }
            similarity[gone * n + k] = GONE;
            similarity[k * n + gone] = GONE;
        }
    }
    let mut clusters = 0..;
    for i in 0..n {
        // a cluster joined one of a lower row, whose number is settled
        ids[i] = if into[i] == i { clusters.next().expect("endless") } else { ids[into[i]] };
    }
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
    fn ties_are_broken_alike_at_every_threshold() {
        // neighbours are equally near all along; what joins at a high threshold stays joined at a low one
        let grid = line([0.0, 1.0, 2.0, 3.0, 4.0]);
        for linkage in [Linkage::Average, Linkage::Complete] {
            let (fine, coarse) = (clusters(linkage, &grid, 0.0), clusters(linkage, &grid, -1.5));
            assert_eq!(fine, [0, 0, 1, 1, 2], "{linkage:?}");
            assert!((0..5).all(|i| (0..i).all(|j| fine[i] != fine[j] || coarse[i] == coarse[j])), "{coarse:?}");
        }
    }

    #[test]
    fn names_are_read() {
        assert_eq!("average".parse(), Ok(Linkage::Average));
        assert!(matches!("ward".parse::<Linkage>(), Err(Error::Setting { name: "linkage", .. })));
    }
}
