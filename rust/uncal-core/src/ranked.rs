//! Rows in the order of their values, equal values taken together: what makes a metric blind to input order.
//!
//! A row becomes one word, its value and its verdict: 4 bytes for `f32`, 8 for `f64`. Words are dealt into buckets of
//! neighbouring values by a map found from a sample, and sorted bucket by bucket in the cache. Weighted rows take 16
//! bytes and a comparison sort.

use std::ops::Range;

use crate::float::Real;
use crate::{Pairs, pool};

/// The rows of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tie {
    pub value: f64,
    /// How much weight is right, and how much wrong.
    pub right: f64,
    pub wrong: f64,
}

/// What lies below a value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Below {
    pub right: f64,
    pub wrong: f64,
}

/// What a metric gathers from values in rising order, a part of them at a time.
pub(crate) trait Fold: Send {
    /// Take in the next tie.
    fn tie(&mut self, below: Below, tie: Tie);
    /// Take in what another has gathered from the values that come next.
    fn join(&mut self, next: Self);
}

impl<A: Fold, B: Fold> Fold for (A, B) {
    #[inline]
    fn tie(&mut self, below: Below, tie: Tie) {
        self.0.tie(below, tie);
        self.1.tie(below, tie);
    }

    fn join(&mut self, next: Self) {
        self.0.join(next.0);
        self.1.join(next.1);
    }
}

/// The rows of [`Pairs`] by value, then verdict, then weight; -0.0 equals 0.0.
pub(crate) struct Ranked<T: Real> {
    rows: Rows<T>,
    /// Where each part begins and what lies below it; then the end. No value is in two parts.
    parts: Vec<(usize, Below)>,
    /// The sum of the weights.
    pub total: Below,
}

enum Rows<T: Real> {
    /// Each word is the value's order, without its highest bit, and the verdict; those of negative numbers come first.
    Words { words: Vec<T::Word>, negative: usize },
    /// Order of the value; verdict in the highest bit, and the bits of the weight.
    Weighted(Vec<(u64, u64)>),
}

/// Rows of a part, about: enough to hide the cost of a task.
const PART: usize = 1 << 15;

impl<T: Real> Ranked<T> {
    pub fn new(pairs: &Pairs<'_, T>) -> Self {
        let rows = match pairs.weights() {
            None => {
                let (words, negative) = sorted_words(pairs);
                Rows::Words { words, negative }
            }
            Some(weights) => Rows::Weighted(sorted_rows(pairs, weights)),
        };
        let mut ranked = Self { rows, parts: Vec::new(), total: Below::default() };
        ranked.cut();
        ranked
    }

    /// Find the parts: they depend on the sorted rows alone, so that sums do not depend on the order of the input.
    fn cut(&mut self) {
        let len = self.len();
        let mut starts: Vec<usize> = (0..len.div_ceil(PART)).map(|part| self.tie_start(part * PART)).collect();
        starts.push(len);
        starts.dedup();
        let weights = pool::map(starts.len() - 1, len, |part| self.weight_of(starts[part]..starts[part + 1]));
        let mut below = Below::default();
        self.parts = starts
            .iter()
            .zip(weights.iter().chain([&Below::default()]))
            .map(|(&start, weight)| {
                let here = (start, below);
                below = Below { right: below.right + weight.right, wrong: below.wrong + weight.wrong };
                here
            })
            .collect();
        self.total = below;
    }

    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Words { words, .. } => words.len(),
            Rows::Weighted(rows) => rows.len(),
        }
    }

    /// The first place from `at` on where a tie begins.
    fn tie_start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.tie_end(at - 1) }
    }

    /// Where the tie around a place ends.
    fn tie_end(&self, at: usize) -> usize {
        match &self.rows {
            Rows::Words { words, negative } => {
                let end = if at < *negative { *negative } else { words.len() };
                let key = words[at].order();
                at + words[at..end].partition_point(|word| word.order() <= key)
            }
            Rows::Weighted(rows) => at + rows[at..].partition_point(|row| row.0 <= rows[at].0),
        }
    }

    fn weight_of(&self, range: Range<usize>) -> Below {
        match &self.rows {
            Rows::Words { words, .. } => {
                let rows = range.len();
                let right = words[range].iter().map(|word| word.verdict()).sum::<usize>();
                Below { right: right as f64, wrong: (rows - right) as f64 }
            }
            Rows::Weighted(rows) => rows[range].iter().fold(Below::default(), |mut below, &(_, tag)| {
                let side = if is_right(tag) { &mut below.right } else { &mut below.wrong };
                *side += weight(tag);
                below
            }),
        }
    }

    /// Gather what a metric needs from all values in rising order; `new` makes what one part starts with.
    pub fn fold<F: Fold>(&self, new: impl Fn() -> F + Send + Sync) -> F {
        let gathered = pool::map(self.parts.len() - 1, self.len().saturating_mul(4), |part| {
            let (start, mut below) = self.parts[part];
            let mut fold = new();
            self.ties(start..self.parts[part + 1].0, |tie| {
                fold.tie(below, tie);
                below.right += tie.right;
                below.wrong += tie.wrong;
            });
            fold
        });
        let mut gathered = gathered.into_iter();
        let first = gathered.next().unwrap_or_else(&new);
        gathered.fold(first, |mut all, next| {
            all.join(next);
            all
        })
    }

    /// The ties of some rows, in rising order; ties that weigh nothing are left out.
    #[inline(always)]
    pub fn ties(&self, range: Range<usize>, mut f: impl FnMut(Tie)) {
        match &self.rows {
            Rows::Words { words, negative } => {
                for (side, rows) in [
                    (true, range.start.min(*negative)..range.end.min(*negative)),
                    (false, range.start.max(*negative)..range.end.max(*negative)),
                ] {
                    let mut words = words[rows].iter().peekable();
                    while let Some(&word) = words.next() {
                        let mut right = word.verdict();
                        let mut count = 1;
                        while let Some(&same) = words.next_if(|next| next.order() == word.order()) {
                            right += same.verdict();
                            count += 1;
                        }
                        let (right, wrong) = (right as f64, (count - right) as f64);
                        f(Tie { value: T::of_word(word, side), right, wrong });
                    }
                }
            }
            Rows::Weighted(rows) => {
                for tie in rows[range].chunk_by(|a, b| a.0 == b.0) {
                    let mut found = Tie { value: value_of(tie[0].0), right: 0.0, wrong: 0.0 };
                    for &(_, tag) in tie {
                        let side = if is_right(tag) { &mut found.right } else { &mut found.wrong };
                        *side += weight(tag);
                    }
                    if found.right + found.wrong > 0.0 {
                        f(found);
                    }
                }
            }
        }
    }
}

const RIGHT: u64 = 1 << 63;

fn is_right(tag: u64) -> bool {
    tag & RIGHT != 0
}

fn weight(tag: u64) -> f64 {
    f64::from_bits(tag & !RIGHT)
}

/// The number that [`Real::order`] of `f64` is of.
pub(crate) fn value_of(order: u64) -> f64 {
    f64::from_bits(if order & RIGHT == 0 { !order } else { order & !RIGHT })
}

fn sorted_rows<T: Real>(pairs: &Pairs<'_, T>, weights: &[f64]) -> Vec<(u64, u64)> {
    let mut rows: Vec<(u64, u64)> = (0..pairs.len())
        .map(|i| {
            let order = pairs.value(i).order();
            (order, (weights[i] + 0.0).to_bits() | if pairs.correct(i) { RIGHT } else { 0 })
        })
        .collect();
    pool::sort(&mut rows);
    rows
}

/// A value and a verdict in the bits of one number.
pub trait Word: Copy + Default + Ord + Send + Sync + 'static {
    /// Bits of it.
    const BITS: u32;
    /// The value's order without its highest bit.
    fn order(self) -> u64;
    /// 1 for right, 0 for wrong.
    fn verdict(self) -> usize;
    /// All of it.
    fn bits(self) -> u64;
    /// From the value's order, of which the highest bit is lost, and the verdict.
    fn new(order: u64, right: bool) -> Self;
}

macro_rules! word {
    ($word:ident) => {
        impl Word for $word {
            const BITS: u32 = $word::BITS;

            #[inline(always)]
            #[allow(clippy::cast_lossless)] // for both widths
            fn order(self) -> u64 {
                (self >> 1) as u64
            }

            #[inline(always)]
            fn verdict(self) -> usize {
                usize::from(self & 1 == 1)
            }

            #[inline(always)]
            #[allow(clippy::cast_lossless)] // for both widths
            fn bits(self) -> u64 {
                self as u64
            }

            #[inline(always)]
            #[allow(clippy::cast_possible_truncation)] // the order has as many bits as the word
            fn new(order: u64, right: bool) -> Self {
                (order as $word) << 1 | $word::from(right)
            }
        }
    };
}

word!(u32);
word!(u64);

/// The words of all rows, sorted, those of negative values first; and how many these are.
fn sorted_words<T: Real>(pairs: &Pairs<'_, T>) -> (Vec<T::Word>, usize) {
    const CHUNK: usize = 1 << 17;
    let (values, verdicts) = (pairs.values(), pairs.verdicts());
    let len = pairs.len();
    let (low, high) = pairs.range();
    let map = Map::new(values, (low.order(), high.order()));
    let chunk = |i: usize| i * CHUNK..len.min((i + 1) * CHUNK);
    let chunks = len.div_ceil(CHUNK);
    let counts = pool::map(chunks, len.saturating_mul(4), |i| {
        let mut counts = vec![0_u32; map.buckets];
        for &x in &values[chunk(i)] {
            counts[map.bucket(x.order())] += 1;
        }
        counts
    });
    // bucket after bucket, and in each of them chunk after chunk
    let mut words = vec![T::Word::default(); len];
    let mut places: Vec<Vec<&mut [T::Word]>> = (0..chunks).map(|_| Vec::with_capacity(map.buckets)).collect();
    let mut rest = &mut words[..];
    for bucket in 0..map.buckets {
        for (places, counts) in places.iter_mut().zip(&counts) {
            let place;
            (place, rest) = rest.split_at_mut(counts[bucket] as usize);
            places.push(place);
        }
    }
    // each chunk is sorted by bucket in the cache, then copied out
    let space = || (vec![T::Word::default(); CHUNK.min(len)], vec![0_usize; map.buckets]);
    let tasks: Vec<_> = places.into_iter().enumerate().collect();
    pool::for_each_with(tasks, len.saturating_mul(8), space, |(near, next), (i, places)| {
        let mut start = 0;
        for (next, place) in next.iter_mut().zip(&places) {
            *next = start;
            start += place.len();
        }
        for (&x, &right) in values[chunk(i)].iter().zip(&verdicts[chunk(i)]) {
            let order = x.order();
            let next = &mut next[map.bucket(order)];
            near[*next] = T::Word::new(order, right);
            *next += 1;
        }
        let mut start = 0;
        for place in places {
            let end = start + place.len();
            place.copy_from_slice(&near[start..end]);
            start = end;
        }
    });
    let mut sizes = vec![0; map.buckets];
    for counts in &counts {
        for (size, &count) in sizes.iter_mut().zip(counts) {
            *size += count as usize;
        }
    }
    let negative = sizes[..map.positive].iter().sum();
    let mut buckets = Vec::with_capacity(map.buckets);
    let mut rest = &mut words[..];
    for size in sizes {
        let bucket;
        (bucket, rest) = rest.split_at_mut(size);
        buckets.push(bucket);
    }
    pool::for_each_with(buckets, len.saturating_mul(16), Vec::new, |near, bucket| sort(bucket, near));
    (words, negative)
}

/// From the order of a value to its bucket: values are cut into cells of one width, and neighbouring cells share a
/// bucket until it is full. No bucket has both negative values and others.
struct Map {
    base: u64,
    shift: u32,
    /// The bucket of each cell.
    cells: Vec<u16>,
    buckets: usize,
    /// The first bucket of values from 0 up.
    positive: usize,
}

impl Map {
    #[allow(clippy::cast_possible_truncation)] // cells and buckets are some thousands
    fn new<T: Real>(values: &[T], (low, high): (u64, u64)) -> Self {
        const CELLS: u32 = 15; // as a power of two
        const SAMPLE: usize = 1 << 14;
        const MOST: usize = 1 << 11;
        let shift = (64 - (high - low).leading_zeros()).saturating_sub(CELLS);
        let base = low >> shift << shift;
        let cell = |order: u64| ((order - base) >> shift) as usize;
        let mut counts = vec![0_usize; cell(high) + 1];
        let mut sampled = 0_usize;
        for x in values.iter().step_by(values.len().div_ceil(SAMPLE)) {
            counts[cell(x.order())] += 1;
            sampled += 1;
        }
        let wanted = (values.len() >> 11).clamp(1, MOST);
        let full = sampled.div_ceil(wanted);
        let (mut bucket, mut filled, mut positive) = (0_u16, 0, None);
        let cells = counts.iter().enumerate().map(|(i, &count)| {
            let starts_at_zero = base + ((i as u64) << shift) == T::SIGN;
            if i > 0 && (starts_at_zero || filled >= full) {
                bucket += 1;
                filled = 0;
            }
            if starts_at_zero {
                positive = Some(bucket);
            }
            filled += count;
            bucket
        });
        let cells = cells.collect();
        let buckets = usize::from(bucket) + 1;
        let positive = match positive {
            Some(bucket) => usize::from(bucket),
            None if base < T::SIGN => buckets,
            None => 0,
        };
        Self { base, shift, cells, buckets, positive }
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // a number of a cell
    fn bucket(&self, order: u64) -> usize {
        usize::from(self.cells[((order - self.base) >> self.shift) as usize])
    }
}

/// Bits by which words are dealt, and the places that these tell apart.
const DIGIT: u32 = 9;
const PLACES: usize = 1 << DIGIT;

/// Sort words by the highest bits in which they differ, dealt twice into as many places as half of these bits tell
/// apart, which needs no comparison; then those that these bits do not tell apart.
#[allow(clippy::cast_possible_truncation)] // two digits
fn sort<W: Word>(words: &mut [W], near: &mut Vec<W>) {
    const FEW: usize = 192;
    if words.len() <= FEW {
        words.sort_unstable();
        return;
    }
    let (mut low, mut high) = (words[0], words[0]);
    for &word in &*words {
        low = low.min(word);
        high = high.max(word);
    }
    if low.order() == high.order() {
        // many rows of one value, as where few are stated: a copy of them all is not needed
        let wrong = words.iter().filter(|word| word.verdict() == 0).count();
        words[..wrong].fill(low);
        words[wrong..].fill(high);
        return;
    }
    let low = low.bits();
    let bits = 64 - (high.bits() - low).leading_zeros();
    let shift = bits.saturating_sub(2 * DIGIT);
    let key = |word: W| ((word.bits() - low) >> shift) as usize;
    let (mut lower, mut upper) = ([0; PLACES], [0; PLACES]);
    for &word in &*words {
        let key = key(word);
        lower[key % PLACES] += 1;
        upper[key / PLACES % PLACES] += 1;
    }
    near.clear();
    near.extend_from_slice(words);
    deal(words, near, starts(lower), key);
    deal(near, words, starts(upper), |word| key(word) / PLACES);
    if shift > 0 {
        for run in words.chunk_by_mut(|&a, &b| key(a) == key(b)) {
            match run {
                [_] => {}
                [a, b] => {
                    if *a > *b {
                        std::mem::swap(a, b);
                    }
                }
                _ => sort(run, near),
            }
        }
    }
}

/// Where each place begins that so many words go to.
fn starts(mut counts: [u32; PLACES]) -> [u32; PLACES] {
    let mut start = 0;
    for count in &mut counts {
        (*count, start) = (start, start + *count);
    }
    counts
}

#[inline(always)]
fn deal<W: Word>(from: &[W], to: &mut [W], mut next: [u32; PLACES], digit: impl Fn(W) -> usize) {
    for &word in from {
        let next = &mut next[digit(word) % PLACES];
        to[*next as usize] = word;
        *next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ties<T: Real>(values: &[T], correct: &[bool], weights: Option<&[f64]>) -> Vec<Tie> {
        let ranked = Ranked::new(&Pairs::scores("x", values, correct, weights).unwrap());
        let mut found = Vec::new();
        ranked.ties(0..ranked.len(), |tie| found.push(tie));
        found
    }

    #[test]
    fn equal_values_are_taken_together() {
        let values = [0.5, -0.0, 1e300, 0.5, 0.0, -1e300, 0.7];
        let correct = [true, true, false, false, false, true, true];
        let weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0];
        let tie = |value, right, wrong| Tie { value, right, wrong };
        let expected = [tie(-1e300, 6.0, 0.0), tie(0.0, 2.0, 5.0), tie(0.5, 1.0, 4.0), tie(1e300, 0.0, 3.0)];
        assert_eq!(ties(&values, &correct, Some(&weights)), expected);
        let expected =
            [tie(-1e300, 1.0, 0.0), tie(0.0, 1.0, 1.0), tie(0.5, 1.0, 1.0), tie(0.7, 1.0, 0.0), tie(1e300, 0.0, 1.0)];
        assert_eq!(ties(&values, &correct, None), expected);
        let single: Vec<f32> = values.iter().map(|&x: &f64| f32::nearest(x.clamp(-1e30, 1e30))).collect();
        let found = ties(&single, &correct, None);
        assert_eq!((found[0].value, found[1].value, found[4].value), (f64::from(-1e30_f32), 0.0, f64::from(1e30_f32)));
    }

    /// Values of several kinds: even, crowded at an end, few of them, at all scales, of both signs, all but one equal.
    fn samples(len: usize) -> Vec<Vec<f64>> {
        let rng = crate::Rng::new(1, 2);
        let uniform = |i: usize| (rng.bits(i as u64) >> 11) as f64 / (1_u64 << 53) as f64;
        let each = |f: &dyn Fn(f64) -> f64| (0..len).map(|i| f(uniform(i))).collect::<Vec<_>>();
        let mut outlier = each(&|u| 1e8 + u * 1e-3);
        outlier[len / 2] = -1e300;
        vec![
            each(&|u| u),
            each(&|u| 1.0 - 1e-6 * u),
            each(&|u| (u * 11.0).floor() / 10.0),
            each(&|u| 10f64.powf(600.0 * u - 300.0)),
            each(&|u| (u - 0.5).powi(7) * 1e10),
            each(&|u| if u < 0.5 { 0.0 } else { u }),
            each(&|_| 3.0),
            outlier,
        ]
    }

    #[test]
    fn every_kind_of_values_is_sorted() {
        for len in [1, 2, 49, 1000, 70_000, 300_000] {
            for values in samples(len) {
                let correct: Vec<bool> = (0..len).map(|i| i % 3 == 0).collect();
                let mut expected: Vec<(f64, bool)> = values.iter().copied().zip(correct.iter().copied()).collect();
                expected.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                let check = |found: Vec<Tie>, expected: Vec<(f64, bool)>| {
                    let mut found = found.into_iter();
                    for tie in expected.chunk_by(|a, b| a.0 == b.0) {
                        let right = tie.iter().filter(|row| row.1).count() as f64;
                        let wrong = tie.len() as f64 - right;
                        assert_eq!(found.next().unwrap(), Tie { value: tie[0].0, right, wrong });
                    }
                    assert_eq!(found.next(), None);
                };
                check(ties(&values, &correct, None), expected);
                let single: Vec<f32> = values.iter().map(|&x| f32::nearest(x.clamp(-3e38, 3e38)) + 0.0).collect();
                let mut expected: Vec<(f64, bool)> =
                    single.iter().map(|&x| f64::from(x)).zip(correct.iter().copied()).collect();
                expected.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                check(ties(&single, &correct, None), expected);
            }
        }
    }

    #[test]
    fn parts_end_between_values_and_know_what_lies_below() {
        struct Walk(Vec<(Below, Tie)>);
        impl Fold for Walk {
            fn tie(&mut self, below: Below, tie: Tie) {
                self.0.push((below, tie));
            }
            fn join(&mut self, next: Self) {
                self.0.extend(next.0);
            }
        }
        for values in samples(200_000) {
            let correct: Vec<bool> = (0..values.len()).map(|i| i % 7 < 3).collect();
            let weights = vec![1.0; values.len()];
            let walk = |weights: Option<&[f64]>| {
                let ranked = Ranked::new(&Pairs::scores("x", &values, &correct, weights).unwrap());
                ranked.fold(|| Walk(Vec::new())).0
            };
            let found = walk(None);
            assert_eq!(found, walk(Some(&weights)));
            let mut below = Below::default();
            for (at, pair) in found.iter().enumerate() {
                assert_eq!(pair.0, below);
                assert!(at == 0 || found[at - 1].1.value < pair.1.value);
                below = Below { right: below.right + pair.1.right, wrong: below.wrong + pair.1.wrong };
            }
            assert_eq!(below.right + below.wrong, values.len() as f64);
        }
    }
}
