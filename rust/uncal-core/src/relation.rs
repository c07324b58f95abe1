//! Which completions of a group mean the same, pair by pair: probabilities of entailment become rows of bits.

use std::ops::Range;
use std::str::FromStr;

use crate::simd::{Isa, Kernel, Simd};
use crate::{Error, Groups, Real, Result, Squares};

/// What two completions must say of each other, first to second and second to first, to mean the same.
///
/// A direction says the most probable of contradiction, neutral (1 - entail - contra) and entailment; the first of this
/// order wins a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Both directions say entailment.
    Strict,
    /// Neither direction says contradiction, and not both say neutral.
    Relaxed,
    /// Neither direction says contradiction.
    NonContra,
    /// Both directions give entailment at least the probability `threshold`.
    Soft,
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "strict" => Self::Strict,
            "relaxed" => Self::Relaxed,
            "non_contra" => Self::NonContra,
            "soft" => Self::Soft,
            _ => return Err(Error::setting("rule", name, "one of strict, relaxed, non_contra, soft")),
        })
    }
}

/// A rule with its threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalence {
    rule: Rule,
    threshold: f64,
}

impl Equivalence {
    /// The threshold matters to `Soft`.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `threshold` lies in `[0, 1]`.
    pub fn new(rule: Rule, threshold: f64) -> Result<Self> {
        if (0.0..=1.0).contains(&threshold) {
            Ok(Self { rule, threshold })
        } else {
            Err(Error::setting("threshold", threshold, "a number in [0, 1]"))
        }
    }
}

/// Probabilities for each ordered pair of completions of a group, and when a pair means the same.
#[derive(Clone, Debug)]
pub(crate) struct Judgements<'a, T> {
    squares: Squares<'a, T>,
    entail: &'a [T],
    contra: &'a [T],
    equivalence: Equivalence,
    isa: Isa,
}

/// Entries to bits: no vectors by hand, but compiled for those of the machine.
struct Reading<'a, T> {
    e: &'a [T],
    c: &'a [T],
    most: T,
    rule: Rule,
    threshold: T,
    said: &'a mut Said,
}

impl<T: Real> Kernel for Reading<'_, T> {
    /// Whether all are probabilities.
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> bool {
        let Self { e, c, most, rule, threshold, said } = self;
        said.either.clear();
        match rule {
            Rule::Strict => pack(e, c, entails, &mut said.both),
            Rule::NonContra => pack(e, c, |e, c| !contradicts(e, c), &mut said.both),
            Rule::Relaxed => {
                pack(e, c, |e, c| !contradicts(e, c), &mut said.both);
                pack(e, c, entails, &mut said.either);
            }
            Rule::Soft => pack(e, c, |e, _| e >= threshold, &mut said.both),
        }
        probable(e, c, most)
    }
}

impl<'a, T: Real> Judgements<'a, T> {
    /// `contra` may be missing where the rule does not read it.
    pub fn new(entail: &'a [T], contra: Option<&'a [T]>, offsets: &'a [i64], equivalence: Equivalence) -> Result<Self> {
        let squares = Squares::new("entail", entail, offsets)?;
        let contra = match (equivalence.rule, contra) {
            (Rule::Soft, _) => entail,
            (_, None) => return Err(Error::Conflict("contra: needed unless rule is \"soft\"")),
            (_, Some(contra)) if contra.len() == entail.len() => contra,
            (_, Some(contra)) => {
                return Err(Error::Length { name: "contra", len: contra.len(), expected: entail.len() });
            }
        };
        Ok(Self { squares, entail, contra, equivalence, isa: Isa::chosen()? })
    }

    pub fn groups(&self) -> Groups<'a> {
        self.squares.groups()
    }

    /// What each entry of a run of groups says.
    ///
    /// # Errors
    /// [`Error::Entry`] for the first that is no probability; the diagonals may hold anything.
    pub fn read(&self, run: Range<usize>, said: &mut Said) -> Result<()> {
        let entries = self.squares.entries(run.clone());
        let (e, c) = (&self.entail[entries.clone()], &self.contra[entries.clone()]);
        let Equivalence { rule, threshold } = self.equivalence;
        said.start = entries.start;
        if !self.isa.run(Reading { e, c, most: self.most(), rule, threshold: T::nearest(threshold), said }) {
            run.clone().try_for_each(|p| self.check(p))?;
        }
        Ok(())
    }

    /// The relation of group `p`, of the run that was read last.
    pub fn relation<'b>(&self, p: usize, said: &'b Said) -> Relation<'b> {
        let n = self.squares.size(p);
        let start = self.squares.entries(p..p + 1).start - said.start;
        Relation { n, words: n.div_ceil(64), start, both: &said.both, either: &said.either, reversed: false }
    }

    /// The largest sum of an entry of `entail` and of `contra`.
    fn most(&self) -> T {
        T::nearest(if self.equivalence.rule == Rule::Soft { 2.0 } else { 1.001 }) // contra is entail where it is not read
    }

    fn check(&self, p: usize) -> Result<()> {
        let n = self.squares.size(p);
        let entries = self.squares.entries(p..p + 1);
        let (zero, one) = (T::nearest(0.0), T::nearest(1.0));
        for (i, (&e, &c)) in self.entail[entries.clone()].iter().zip(&self.contra[entries]).enumerate() {
            let wrong = |name, value: T, needed| {
                Err(Error::Entry { name, group: p, row: i / n, column: i % n, value: value.widen(), needed })
            };
            if i / n == i % n {
            } else if !(zero <= e && e <= one) {
                return wrong("entail", e, "a probability in [0, 1]");
            } else if !(zero <= c && c <= one) {
                return wrong("contra", c, "a probability in [0, 1]");
            } else if e + c > self.most() {
                return wrong("contra", c, "at most 1 together with entail");
            }
        }
        Ok(())
    }
}

/// Bits for each entry of a run of groups, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Entry 0 of the run.
    start: usize,
    /// Set if the entry allows the pair to mean the same; both directions must.
    both: Vec<u64>,
    /// Set if the entry makes the pair mean the same; one direction must. Empty if nothing more is needed.
    either: Vec<u64>,
}

/// Which rows of one group mean the same: a symmetric relation, which says nothing of a row and itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relation<'a> {
    /// The number of rows.
    pub n: usize,
    /// Words that a set of rows takes.
    pub words: usize,
    start: usize,
    both: &'a [u64],
    either: &'a [u64],
    reversed: bool,
}

impl Relation<'_> {
    /// The same with the rows in reverse order.
    pub fn reversed(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// Keep of a set what is like row `i`, and call `found` with each of these; `ONE` says that a set is one word.
    #[inline]
    pub fn keep_alike<const ONE: bool>(&self, i: usize, set: &mut [u64], mut found: impl FnMut(usize)) {
        for (word, set) in set.iter_mut().enumerate().take(if ONE { 1 } else { self.words }) {
            let one_way = if self.either.is_empty() { u64::MAX } else { self.row(self.either, i, 64 * word) };
            let mut left = *set & self.row(self.both, i, 64 * word);
            *set = left;
            while left != 0 {
                let k = left.trailing_zeros();
                let j = 64 * word + k as usize;
                if self.bit(self.both, j, i) && (one_way >> k & 1 == 1 || self.bit(self.either, j, i)) {
                    found(j);
                } else {
                    *set &= !(1 << k);
                }
                left &= left - 1;
            }
        }
    }

    /// What entries `(i, first)`, `(i, first + 1)`, ... say, 64 of them at most.
    #[inline(always)] // a tenth of the time for ten completions
    fn row(&self, bits: &[u64], i: usize, first: usize) -> u64 {
        let len = (self.n - first).min(64);
        let before = i * self.n + first;
        if self.reversed {
            bits_at(bits, self.start + self.n * self.n - before - len, len).reverse_bits() >> (64 - len)
        } else {
            bits_at(bits, self.start + before, len)
        }
    }

    #[inline]
    fn bit(&self, bits: &[u64], i: usize, j: usize) -> bool {
        let before = i * self.n + j;
        let at = self.start + if self.reversed { self.n * self.n - 1 - before } else { before };
        bits[at / 64] >> (at % 64) & 1 == 1
    }
}

/// The bits `at..at + len` of `words`, 64 at most; a word must follow them.
#[inline]
fn bits_at(words: &[u64], at: usize, len: usize) -> u64 {
    let (low, high) = (words[at / 64], words[at / 64 + 1]);
    (low >> (at % 64) | high << 1 << (63 - at % 64)) & (u64::MAX >> (64 - len))
}

/// One bit for each entry, and a word more.
#[inline(always)]
fn pack<T: Real>(e: &[T], c: &[T], says: impl Fn(T, T) -> bool, bits: &mut Vec<u64>) {
    bits.clear();
    let ((whole_e, rest_e), (whole_c, rest_c)) = (e.as_chunks(), c.as_chunks());
    bits.extend(whole_e.iter().zip(whole_c).map(|(e, c)| word(e, c, &says)));
    let mut last = [[T::nearest(0.0); 64]; 2];
    last[0][..rest_e.len()].copy_from_slice(rest_e);
    last[1][..rest_c.len()].copy_from_slice(rest_c);
    bits.extend([word(&last[0], &last[1], &says), 0]);
}

#[inline(always)]
fn word<T: Real>(e: &[T; 64], c: &[T; 64], says: impl Fn(T, T) -> bool) -> u64 {
    let mut bytes = [0_u8; 64];
    for ((byte, &e), &c) in bytes.iter_mut().zip(e).zip(c) {
        *byte = u8::from(says(e, c));
    }
    let mut word = 0;
    for (k, &eight) in bytes.as_chunks().0.iter().enumerate() {
        // the product brings the lowest bits of the eight bytes next to each other
        word |= u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * k);
    }
    word
}

/// Whether all entries lie in [0, 1] and no two together exceed `most`.
#[inline(always)]
fn probable<T: Real>(e: &[T], c: &[T], most: T) -> bool {
    const LANES: usize = 8;
    let (zero, one) = (T::nearest(0.0), T::nearest(1.0));
    let less = |a: T, b: T| if a < b { a } else { b };
    let more = |a: T, b: T| if a > b { a } else { b };
    // a comparison may pass over a NaN, the sum of all keeps it
    let (mut low, mut pair, mut all) = ([zero; LANES], [zero; LANES], [zero; LANES]);
    let ((whole_e, rest_e), (whole_c, rest_c)) = (e.as_chunks::<{ 2 * LANES }>(), c.as_chunks::<{ 2 * LANES }>());
    for (e, c) in whole_e.iter().zip(whole_c) {
        for k in 0..LANES {
            let (e, f, c, d) = (e[k], e[k + LANES], c[k], c[k + LANES]);
            low[k] = less(less(less(e, f), less(c, d)), low[k]);
            pair[k] = more(more(e + c, f + d), pair[k]);
            all[k] = all[k] + ((e + c) + (f + d));
        }
    }
    let mut rest = rest_e.iter().zip(rest_c);
    (0..LANES).all(|k| zero <= low[k] && pair[k] <= most && zero <= all[k])
        && rest.all(|(&e, &c)| zero <= e && zero <= c && e <= one && c <= one && e + c <= most)
        // if not even two together exceed 1, none does
        && (pair.iter().all(|&pair| pair <= one) || at_most_one(e, c))
}

#[allow(clippy::needless_bitwise_bool)] // without branches, so that the loop over entries becomes vectors
#[inline(always)]
fn at_most_one<T: Real>(e: &[T], c: &[T]) -> bool {
    let one = T::nearest(1.0);
    e.iter().zip(c).fold(true, |fine, (&e, &c)| fine & (e <= one) & (c <= one))
}

#[allow(clippy::needless_bitwise_bool)] // without branches, so that the loop over entries becomes vectors
#[inline(always)]
fn entails<T: Real>(e: T, c: T) -> bool {
    let neutral = T::nearest(1.0) - e - c;
    (e > neutral) & (e > c)
}

#[allow(clippy::needless_bitwise_bool)] // without branches, so that the loop over entries becomes vectors
#[inline(always)]
fn contradicts<T: Real>(e: T, c: T) -> bool {
    let neutral = T::nearest(1.0) - e - c;
    (c >= neutral) & (c >= e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_found_wherever_they_start() {
        let words = [0xdead_beef_0123_4567, 0xfeed_face_89ab_cdef, 0];
        for at in 0..128 {
            for len in 1..=(128 - at).min(64) {
                let expected = (0..len).fold(0, |bits, k| bits | (words[(at + k) / 64] >> ((at + k) % 64) & 1) << k);
                assert_eq!(bits_at(&words, at, len), expected, "{at} {len}");
            }
        }
    }

    #[test]
    fn entries_become_bits_in_order() {
        for len in [0, 1, 63, 64, 65, 200] {
            let e: Vec<f32> = (0..len).map(|k: u16| f32::from(k * k % 7)).collect();
            let mut bits = Vec::new();
            pack(&e, &e, |e, _| e > 2.0, &mut bits);
            assert!(e.iter().enumerate().all(|(k, &e)| (bits[k / 64] >> (k % 64) & 1 == 1) == (e > 2.0)), "{len}");
        }
    }

    #[test]
    fn an_entry_that_is_no_probability_is_seen_wherever_it_is() {
        for len in [1, 15, 16, 17, 50] {
            let good = vec![0.4_f32; len];
            assert!(probable(&good, &good, 1.001));
            for i in 0..len {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1e-30, 1.000_001, 0.602] {
                    let mut wrong = good.clone();
                    wrong[i] = bad;
                    assert!(
                        !probable(&wrong, &good, 1.001) && !probable(&good, &wrong, 1.001),
                        "{bad} at {i} of {len}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_tie_goes_to_contradiction_then_to_neutral() {
        let says = |e: f64, c: f64| (contradicts(e, c), entails(e, c));
        assert_eq!(says(0.5, 0.5), (true, false));
        assert_eq!(says(0.0, 0.5), (true, false));
        assert_eq!(says(0.5, 0.0), (false, false));
        assert_eq!(says(0.625, 0.25), (false, true));
    }

    #[test]
    fn a_reversed_relation_is_that_of_the_reversed_rows() {
        for n in [1_usize, 3, 64, 65, 130] {
            let e: Vec<f64> = (0..n * n).map(|k| f64::from(u8::try_from(k * 7919 % 11).unwrap()) / 10.0).collect();
            let back: Vec<f64> = e.iter().rev().copied().collect();
            let soft = Equivalence::new(Rule::Soft, 0.3).unwrap();
            let offsets = [0, i64::try_from(n).unwrap()];
            let (mut said, mut said_back) = (Said::default(), Said::default());
            let forth = Judgements::new(&e, None, &offsets, soft).unwrap();
            forth.read(0..1, &mut said).unwrap();
            let back = Judgements::new(&back, None, &offsets, soft).unwrap();
            back.read(0..1, &mut said_back).unwrap();
            let (reversed, expected) = (forth.relation(0, &said).reversed(), back.relation(0, &said_back));
            for i in 0..n {
                let (mut a, mut b) = (vec![u64::MAX; n.div_ceil(64)], vec![u64::MAX; n.div_ceil(64)]);
                reversed.keep_alike::<false>(i, &mut a, |_| ());
                expected.keep_alike::<false>(i, &mut b, |_| ());
                assert_eq!(a, b, "{i} of {n}");
            }
        }
    }

    #[test]
    fn names_and_thresholds_are_checked() {
        assert_eq!("non_contra".parse(), Ok(Rule::NonContra));
        assert!(matches!("hard".parse::<Rule>(), Err(Error::Setting { name: "rule", .. })));
        for wrong in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(Equivalence::new(Rule::Soft, wrong), Err(Error::Setting { name: "threshold", .. })));
        }
    }
}
