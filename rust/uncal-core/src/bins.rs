//! Bins of confidences: what the calibration error and the reliability diagram are read from.

mod many;
mod mass;

use std::str::FromStr;

use crate::float::Real;
use crate::sweep::sweep;
use crate::ties::Ties;
use crate::{Error, Pairs, Result, pool};

/// How confidences are cut into bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins {
    /// Bins of equal width.
    Width,
    /// Bins of nearly equal weight; equal confidences stay together.
    Mass,
    /// A bin for every distinct confidence.
    Distinct,
    /// As many bins of nearly equal weight as leave their accuracies in rising order.
    Sweep,
}

impl FromStr for Bins {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "width" => Self::Width,
            "mass" => Self::Mass,
            "distinct" => Self::Distinct,
            "sweep" => Self::Sweep,
            _ => return Err(Error::setting("bins", name, "one of width, mass, distinct, sweep")),
        })
    }
}

/// Which bin a confidence on an edge belongs to. Differs from one published calibration error to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// `(low, high]`, the first `[0, high]`.
    Right,
    /// `[low, high)`, the last `[low, 1]`.
    Left,
    /// `(low, high]` throughout: a confidence of 0 is in no bin, but counts in the total.
    Guo,
    /// `[low, high)` throughout: a confidence of 1 is dropped altogether.
    LeftOpen,
}

impl FromStr for Edges {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "right" => Self::Right,
            "left" => Self::Left,
            "guo" => Self::Guo,
            "left-open" => Self::LeftOpen,
            _ => {
                let names = "one of right, left, guo, left-open";
                return Err(Error::setting("edges", name, names));
            }
        })
    }
}

/// The rows of one bin, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bin {
    pub weight: f64,
    pub confidence: f64,
    pub right: f64,
}

impl Bin {
    pub fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.confidence += other.confidence;
        self.right += other.right;
    }

    pub fn is_empty(&self) -> bool {
        self.weight == 0.0
    }

    /// Mean confidence minus accuracy.
    pub fn gap(&self) -> f64 {
        (self.confidence - self.right) / self.weight
    }

    pub fn accuracy(&self) -> f64 {
        self.right / self.weight
    }
}

/// Bins in order and the edges around them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Binned {
    pub bins: Vec<Bin>,
    pub edges: Vec<f64>,
}

pub(crate) fn check(n_bins: usize) -> Result<()> {
    const MOST: usize = 10_000_000;
    if (1..=MOST).contains(&n_bins) {
        Ok(())
    } else {
        Err(Error::setting("n_bins", n_bins, "a whole number from 1 to 10000000"))
    }
}

/// Bin checked confidences into a checked number of bins.
pub(crate) fn bin<T: Real>(pairs: &Pairs<'_, T>, n_bins: usize, bins: Bins, side: Edges) -> Binned {
    match bins {
        Bins::Width => width(pairs, n_bins, side),
        Bins::Mass => mass::mass(pairs, n_bins),
        Bins::Distinct | Bins::Sweep => bin_ties(&Ties::new(pairs), n_bins, bins),
    }
}

/// The same from confidences already sorted, with bins closed on the right.
pub(crate) fn bin_ties(ties: &Ties, n_bins: usize, bins: Bins) -> Binned {
    let ends = match bins {
        Bins::Width => {
            let grid = Grid::new(n_bins);
            let mut bins = vec![Bin::default(); n_bins];
            for (q, right, wrong) in ties.iter() {
                bins[grid.right(q)].add(tie(q, right, wrong));
            }
            return Binned { bins, edges: grid.edges() };
        }
        Bins::Mass => mass_ends(ties, n_bins),
        Bins::Distinct => (1..=ties.len()).collect(),
        Bins::Sweep => mass_ends(ties, sweep(ties)),
    };
    let mut binned = Binned { bins: Vec::with_capacity(ends.len()), edges: vec![0.0] };
    let mut start = 0;
    for end in ends {
        let mut bin = Bin::default();
        for i in start..end {
            bin.add(tie(ties.values[i], ties.right[i], ties.wrong[i]));
        }
        binned.bins.push(bin);
        binned.edges.push(match ties.values.get(end) {
            Some(&above) => between(ties.values[end - 1], above),
            None => 1.0,
        });
        start = end;
    }
    binned
}

fn tie(q: f64, right: f64, wrong: f64) -> Bin {
    let weight = right + wrong;
    Bin { weight, confidence: weight * q, right }
}

/// Halfway, but never on the upper number: a bin's upper edge is inside it.
fn between(below: f64, above: f64) -> f64 {
    let middle = f64::midpoint(below, above);
    if middle < above { middle } else { below }
}

/// Where each bin ends if every cut falls on the border between two distinct values that is nearest to its share of
/// the weight, the lower one if two are as near; cuts that coincide are one.
pub(crate) fn mass_ends(ties: &Ties, n_bins: usize) -> Vec<usize> {
    let mut sum = 0.0;
    let up_to: Vec<f64> = ties
        .iter()
        .map(|(_, right, wrong)| {
            sum += right + wrong;
            sum
        })
        .collect();
    let mut ends = Vec::new();
    let mut i = 0; // a cut after value i
    for k in 1..n_bins {
        let share = k as f64 * sum / n_bins as f64;
        while i + 2 < up_to.len() && (up_to[i + 1] - share).abs() < (up_to[i] - share).abs() {
            i += 1;
        }
        if i + 1 < up_to.len() && ends.last() != Some(&(i + 1)) {
            ends.push(i + 1);
        }
    }
    ends.push(up_to.len());
    ends
}

fn width<T: Real>(pairs: &Pairs<'_, T>, n_bins: usize, side: Edges) -> Binned {
    let grid = Grid::new(n_bins);
    if let Some(bins) = many::width(pairs, n_bins, side) {
        return Binned { bins, edges: grid.edges() };
    }
    let chunk = (1 << 14).max(16 * n_bins); // many bins: few partial results
    let parts = pool::map(pairs.len().div_ceil(chunk), pairs.len().saturating_mul(8), |part| {
        let mut bins = vec![Bin::default(); n_bins];
        for i in part * chunk..pairs.len().min((part + 1) * chunk) {
            let (q, weight) = (pairs.value(i), pairs.weight(i));
            let place = match side {
                Edges::Right => Some(grid.right(q)),
                Edges::Left => Some(grid.left(q)),
                Edges::Guo => (q > 0.0).then(|| grid.right(q)),
                Edges::LeftOpen => (q < 1.0).then(|| grid.left(q)),
            };
            if let Some(place) = place {
                let right = if pairs.correct(i) { weight } else { 0.0 };
                bins[place].add(Bin { weight, confidence: weight * q, right });
            }
        }
        bins
    });
    let mut bins = vec![Bin::default(); n_bins];
    for part in parts {
        bins.iter_mut().zip(part).for_each(|(bin, part)| bin.add(part));
    }
    Binned { bins, edges: grid.edges() }
}

/// The edges k * (1 / n), the last 1: the very numbers of `numpy.linspace(0, 1, n + 1)`.
pub(crate) struct Grid {
    n: usize,
    step: f64,
}

impl Grid {
    pub fn new(n: usize) -> Self {
        Self { n, step: 1.0 / n as f64 }
    }

    fn edge(&self, k: usize) -> f64 {
        if k == self.n { 1.0 } else { k as f64 * self.step }
    }

    fn edges(&self) -> Vec<f64> {
        (0..=self.n).map(|k| self.edge(k)).collect()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // q is in [0, 1]
    fn guess(&self, q: f64) -> usize {
        ((q * self.n as f64) as usize).min(self.n - 1)
    }

    /// The bin `(low, high]` of `q`, and the first for 0.
    pub fn right(&self, q: f64) -> usize {
        let mut k = self.guess(q);
        while k > 0 && self.edge(k) >= q {
            k -= 1;
        }
        while self.edge(k + 1) < q {
            k += 1;
        }
        k
    }

    /// The bin `[low, high)` of `q`, and the last for 1.
    fn left(&self, q: f64) -> usize {
        let mut k = self.guess(q);
        while k > 0 && self.edge(k) > q {
            k -= 1;
        }
        while k + 1 < self.n && self.edge(k + 1) <= q {
            k += 1;
        }
        k
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_themselves_fall_where_they_should() {
        for n in [1, 2, 3, 7, 10, 15, 20, 100, 333] {
            let grid = Grid::new(n);
            for k in 0..=n {
                let edge = grid.edge(k);
                assert_eq!(grid.right(edge), k.max(1) - 1, "{k} of {n}");
                assert_eq!(grid.left(edge), k.min(n - 1), "{k} of {n}");
                if k > 0 {
                    assert_eq!(grid.left(edge.next_down()), k - 1);
                }
                if k < n {
                    assert_eq!(grid.right(edge.next_up()), k);
                }
            }
        }
    }

    #[test]
    fn the_literal_three_tenths_lies_below_the_third_edge_of_ten() {
        let grid = Grid::new(10);
        assert!(0.3 < grid.edge(3));
        assert_eq!((grid.right(0.3), grid.left(0.3)), (2, 2));
        assert_eq!((grid.right(0.6), grid.left(0.6)), (5, 5));
        assert_eq!((grid.right(0.7), grid.left(0.7)), (6, 6));
        assert_eq!((grid.right(0.5), grid.left(0.5)), (4, 5));
    }

    fn ends(values: &[f64], n_bins: usize) -> Vec<usize> {
        mass_ends(&Ties::new(&Pairs::confidences(values, &vec![true; values.len()], None).unwrap()), n_bins)
    }

    #[test]
    fn equal_mass_cuts_where_it_can() {
        assert_eq!(ends(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 3), [2, 4, 6]);
        assert_eq!(ends(&[0.1, 0.2, 0.3, 0.4], 9), [1, 2, 3, 4]);
        assert_eq!(ends(&[0.5; 8], 4), [1]);
        assert_eq!(ends(&[0.1, 0.9, 0.9, 0.9, 0.9, 0.9], 2), [1, 2]);
        assert_eq!(ends(&[0.1, 0.2, 0.3], 2), [1, 3]); // 1.5 is as near to 1 as to 2: the lower
        assert_eq!(ends(&[0.4], 1), [1]);
    }

    #[test]
    fn edges_lie_halfway_between_neighbouring_bins() {
        let values = [0.2, 0.4, 0.4, 0.5_f64.next_down(), 0.5];
        let pairs = Pairs::confidences(&values, &[true; 5], None).unwrap();
        let edges = bin(&pairs, 9, Bins::Distinct, Edges::Right).edges;
        assert_eq!(edges.len(), 5);
        assert!((edges[1] - 0.3).abs() < 1e-15 && (edges[2] - 0.45).abs() < 1e-15);
        assert_eq!([edges[0], edges[3], edges[4]], [0.0, 0.5_f64.next_down(), 1.0]);
    }

    #[test]
    fn ties_and_rows_fill_equal_width_alike() {
        let values = [0.0, 0.25, 0.25, 0.26, 0.75, 1.0];
        let pairs = Pairs::confidences(&values, &[true, false, true, true, false, true], None).unwrap();
        let rows = bin(&pairs, 4, Bins::Width, Edges::Right).bins;
        assert_eq!(rows, bin_ties(&Ties::new(&pairs), 4, Bins::Width).bins);
        assert_eq!(rows.iter().map(|bin| bin.weight).collect::<Vec<_>>(), [3.0, 1.0, 1.0, 1.0]);
    }
}
