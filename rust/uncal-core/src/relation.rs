//! Which completions of a group mean the same, pair by pair: probabilities of entailment become rows of bits.

use std::ops::Range;
use std::str::FromStr;

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
        Ok(Self { squares, entail, contra, equivalence })
    }

    pub fn groups(&self) -> Groups<'a> {
        self.squares.groups()
    }

    /// What each entry of a run of groups says.
    ///
    /// # Errors
    /// [`Error::Entry`] for the first that is no probability; the diagonals may hold anything.
    pub fn read(&self, run: Range<usize>, said: &mut Said) -> Result<()> {
        let Equivalence { rule, threshold } = self.equivalence;
        let entries = self.squares.entries(run.clone());
        let (e, c) = (&self.entail[entries.clone()], &self.contra[entries.clone()]);
        if !probable(e, c, self.most()) {
            run.clone().try_for_each(|p| self.check(p))?;
        }
        let threshold = T::nearest(threshold);
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
        said.start = entries.start;
        Ok(())
    }

    /// The relation of group `p`, of a run that was read.
    pub fn relation(&self, p: usize, said: &Said, reversed: bool, relation: &mut Relation) {
        let start = self.squares.entries(p..p + 1).start - said.start;
        relation.set(self.squares.size(p), start, said, reversed);
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

/// Which rows of one group mean the same: symmetric, and of no meaning on the diagonal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relation {
    /// The number of rows.
    pub n: usize,
    /// Words that a set of rows takes.
    pub words: usize,
    both: Vec<u64>,
    either: Vec<u64>,
}

impl Relation {
    fn set(&mut self, n: usize, start: usize, said: &Said, reversed: bool) {
        self.n = n;
        self.words = n.div_ceil(64);
        for (bits, rows) in [(&said.both, &mut self.both), (&said.either, &mut self.either)] {
            rows.clear();
            if bits.is_empty() {
                continue;
            }
            for i in 0..n {
                for first in (0..n).step_by(64) {
                    let len = (n - first).min(64);
                    rows.push(if reversed {
                        bits_at(bits, start + n * n - i * n - first - len, len).reverse_bits() >> (64 - len)
                    } else {
                        bits_at(bits, start + i * n + first, len)
                    });
                }
            }
        }
    }

    /// Write into `row` which rows mean the same as row `i`; `words` is [`Self::words`].
    #[inline(always)]
    pub fn row(&self, words: usize, i: usize, row: &mut [u64]) {
        for word in 0..words {
            let here = i * words + word;
            row[word] = self.both[here] & column(&self.both, words, self.n, i, word);
            if !self.either.is_empty() {
                row[word] &= self.either[here] | column(&self.either, words, self.n, i, word);
            }
        }
    }
}

/// Bit `i` of 64 rows, from row `64 * word` on.
#[inline(always)]
fn column(rows: &[u64], words: usize, n: usize, i: usize, word: usize) -> u64 {
    let rows = &rows[64 * word * words..n.min(64 * word + 64) * words];
    let bits = rows.chunks_exact(words).map(|row| row[i / 64] >> (i % 64) & 1);
    bits.enumerate().fold(0, |column, (k, bit)| column | bit << k)
}

/// The bits `at..at + len` of `words`, 64 at most; a word must follow them.
#[inline(always)]
fn bits_at(words: &[u64], at: usize, len: usize) -> u64 {
    let (low, high) = (words[at / 64], words[at / 64 + 1]);
    (low >> (at % 64) | high << 1 << (63 - at % 64)) & (u64::MAX >> (64 - len))
}

/// One bit for each entry, and a word more.
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
fn probable<T: Real>(e: &[T], c: &[T], most: T) -> bool {
    const LANES: usize = 8;
    let (zero, one) = (T::nearest(0.0), T::nearest(1.0));
    let less = |a: T, b: T| if a < b { a } else { b };
    let more = |a: T, b: T| if a > b { a } else { b };
    let mut lanes = [(one, zero, zero, zero); LANES];
    let ((whole_e, rest_e), (whole_c, rest_c)) = (e.as_chunks::<LANES>(), c.as_chunks::<LANES>());
    for (e, c) in whole_e.iter().zip(whole_c) {
        for ((lane, &e), &c) in lanes.iter_mut().zip(e).zip(c) {
            // a comparison may pass over a NaN, a sum keeps it
            *lane = (less(less(e, c), lane.0), more(more(e, c), lane.1), more(e + c, lane.2), lane.3 + (e + c));
        }
    }
    let rest =
        rest_e.iter().zip(rest_c).all(|(&e, &c)| zero <= e && zero <= c && e <= one && c <= one && e + c <= most);
    rest && lanes.iter().all(|lane| zero <= lane.0 && lane.1 <= one && lane.2 <= most && lane.3 >= zero)
}

#[inline(always)]
fn entails<T: Real>(e: T, c: T) -> bool {
    let neutral = T::nearest(1.0) - e - c;
    (e > neutral) & (e > c)
}

#[inline(always)]
fn contradicts<T: Real>(e: T, c: T) -> bool {
    let neutral = T::nearest(1.0) - e - c;
    (c >= neutral) & (c >= e)
}
