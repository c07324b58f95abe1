//! Bins of nearly equal weight, from sorted rows that are looked at twice and never gathered.

use super::{Bin, Binned, between};
use crate::Pairs;
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};

/// Cut where the borders between distinct values lie nearest to equal shares, as `mass_ends` does.
pub(super) fn mass<T: Real>(pairs: &Pairs<'_, T>, n_bins: usize) -> Binned {
    let ranked = Ranked::new(pairs);
    let total = ranked.total.right + ranked.total.wrong;
    let Cuts { found: mut cuts, last, .. } =
        ranked.fold(|| Cuts { n_bins, total, next: 1, found: Vec::new(), last: f64::NAN });
    for cut in &mut cuts {
        if cut.value == last {
            cut.above = false; // there is no border above all values: the one below the last is the nearest
        }
    }
    let spans = ranked.fold(|| Spans { cuts: &cuts, next: 0, found: Vec::new() }).found;
    let mut edges = vec![0.0];
    edges.extend(spans.windows(2).map(|pair| between(pair[0].last, pair[1].first)));
    edges.push(1.0);
    Binned { bins: spans.into_iter().map(|span| span.bin).collect(), edges }
}

/// A border right above or right below a value.
#[derive(Clone, Copy, Debug)]
struct Cut {
    value: f64,
    above: bool,
}

impl Cut {
    /// Whether it lies below a value.
    fn is_below(self, value: f64) -> bool {
        if self.above { self.value < value } else { self.value <= value }
    }
}

/// The cuts whose shares end within the values seen.
struct Cuts {
    n_bins: usize,
    total: f64,
    /// The first share that may be next.
    next: usize,
    found: Vec<Cut>,
    last: f64,
}

impl Cuts {
    fn share(&self, k: usize) -> f64 {
        k as f64 * self.total / self.n_bins as f64
    }
}

impl Fold for Cuts {
    fn tie(&mut self, below: Below, tie: Tie) {
        let start = below.right + below.wrong;
        let end = (below.right + tie.right) + (below.wrong + tie.wrong);
        if self.last.is_nan() && start > 0.0 {
            // the first value of a part: shares up to here are another part's
            let (mut low, mut high) = (1, self.n_bins);
            while low < high {
                let k = usize::midpoint(low, high);
                if self.share(k) <= start { low = k + 1 } else { high = k }
            }
            self.next = low;
        }
        self.last = tie.value;
        let first = self.next;
        while self.next < self.n_bins && self.share(self.next) <= end {
            let share = self.share(self.next);
            let above = start == 0.0 || (end - share).abs() < (start - share).abs();
            if self.next == first || self.found.last().is_none_or(|cut| cut.above != above) {
                self.found.push(Cut { value: tie.value, above });
            }
            self.next += 1;
        }
    }

    fn join(&mut self, next: Self) {
        self.found.extend(next.found);
        self.last = next.last;
    }
}

/// The rows between two cuts.
struct Span {
    bin: Bin,
    first: f64,
    last: f64,
    /// How many cuts lie below.
    place: usize,
}

struct Spans<'a> {
    cuts: &'a [Cut],
    next: usize,
    found: Vec<Span>,
}

impl Fold for Spans<'_> {
    fn tie(&mut self, _: Below, tie: Tie) {
        if self.found.is_empty() {
            self.next = self.cuts.partition_point(|cut| cut.is_below(tie.value));
        }
        while self.next < self.cuts.len() && self.cuts[self.next].is_below(tie.value) {
            self.next += 1;
        }
        let bin = super::tie(tie.value, tie.right, tie.wrong);
        match self.found.last_mut() {
            Some(span) if span.place == self.next => {
                span.bin.add(bin);
                span.last = tie.value;
            }
            _ => self.found.push(Span { bin, first: tie.value, last: tie.value, place: self.next }),
        }
    }

    fn join(&mut self, next: Self) {
        let mut spans = next.found.into_iter();
        if let (Some(mine), Some(other)) = (self.found.last_mut(), spans.as_slice().first())
            && mine.place == other.place
        {
            mine.bin.add(other.bin);
            mine.last = other.last;
            spans.next();
        }
        self.found.extend(spans);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bins, bin_ties};
    use super::*;
    use crate::Rng;
    use crate::ties::Ties;

    #[test]
    fn bins_are_those_of_gathered_values() {
        let rng = Rng::new(2, 5);
        let uniform = |i: u64| (rng.bits(i) >> 11) as f64 / (1_u64 << 53) as f64;
        for len in [1, 2, 5, 300, 100_000] {
            let c: Vec<bool> = (0..len).map(|i| rng.bits(i).is_multiple_of(3)).collect();
            let weights: Vec<f64> =
                (0..len).map(|i| (rng.bits(i + len) % 4) as f64 + f64::from(u8::from(i == 0))).collect();
            for distinct in [1.0, 2.0, 11.0, 3000.0, 1e9] {
                let q: Vec<f64> = (0..len).map(|i| (uniform(i) * distinct).floor() / distinct).collect();
                for weights in [None, Some(&weights[..])] {
                    let pairs = Pairs::confidences(&q, &c, weights).unwrap();
                    let ties = Ties::new(&pairs);
                    for n_bins in [1, 2, 10, 15, 301, 200_000] {
                        let (found, expected) = (mass(&pairs, n_bins), bin_ties(&ties, n_bins, Bins::Mass));
                        assert_eq!(found.edges, expected.edges, "{len} {distinct} {n_bins}");
                        for (found, expected) in found.bins.iter().zip(&expected.bins) {
                            assert_eq!((found.weight, found.right), (expected.weight, expected.right));
                            assert!((found.confidence - expected.confidence).abs() <= 1e-12 * expected.confidence);
                        }
                    }
                }
            }
        }
    }
}
