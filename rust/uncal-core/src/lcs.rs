//! Longest common subsequences, 64 comparisons at a time.

/// How long the longest common subsequences of one sequence with many others are.
///
/// One column of the dynamic-programming table is a row of bits: a 0 where the table steps up by one (Crochemore,
/// Iliopoulos, Pinzon and Reid 2001, in the form of Hyyrö 2004). Time O(m ceil(n / 64)) for n and m elements.
#[derive(Debug, Default)]
pub(crate) struct Lcs {
    sequence: Vec<u32>,
    /// Bits that a sequence needs, in words.
    words: usize,
    /// For each element its mask, 0 for what the sequence does not have.
    mask_of: Vec<u32>,
    /// Where an element stands in the sequence; mask 0 has no bits.
    masks: Vec<u64>,
    column: Vec<u64>,
}

impl Lcs {
    /// From now on measure against `sequence`, of elements below `len`.
    #[allow(clippy::cast_possible_truncation)] // there are fewer masks than elements in a u32
    pub(crate) fn against(&mut self, sequence: &[u32], len: usize) {
        for &old in &self.sequence {
            self.mask_of[old as usize] = 0;
        }
        self.mask_of.resize(self.mask_of.len().max(len), 0);
        self.sequence.clear();
        self.sequence.extend_from_slice(sequence);
        self.words = sequence.len().div_ceil(64);
        self.masks.clear();
        self.masks.resize(self.words, 0);
        let mut masks = 0;
        for (i, &element) in sequence.iter().enumerate() {
            let mask = &mut self.mask_of[element as usize];
            if *mask == 0 {
                masks += 1;
                *mask = masks;
                self.masks.resize(self.masks.len() + self.words, 0);
            }
            self.masks[*mask as usize * self.words + i / 64] |= 1 << (i % 64);
        }
    }

    /// The length of its longest common subsequence with `other`.
    pub(crate) fn length(&mut self, other: &[u32]) -> usize {
        match self.words {
            0 => 0,
            1 => self.short(other),
            _ => self.long(other),
        }
    }

    fn short(&self, other: &[u32]) -> usize {
        let mut column = u64::MAX;
        for &element in other {
            let mask = self.masks[self.mask_of[element as usize] as usize];
            column = column.wrapping_add(column & mask) | (column & !mask);
        }
        column.count_zeros() as usize
    }

    fn long(&mut self, other: &[u32]) -> usize {
        self.column.clear();
        self.column.resize(self.words, u64::MAX);
        for &element in other {
            let mask = self.mask_of[element as usize] as usize;
            if mask == 0 {
                continue; // leaves the column as it is
            }
            let mask = &self.masks[mask * self.words..][..self.words];
            let mut carry = false;
            for (bits, &mask) in self.column.iter_mut().zip(mask) {
                let (sum, over) = bits.overflowing_add(*bits & mask);
                let (sum, over_too) = sum.overflowing_add(u64::from(carry));
                carry = over | over_too;
                *bits = sum | (*bits & !mask);
            }
        }
        self.column.iter().map(|bits| bits.count_zeros() as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn table(a: &[u32], b: &[u32]) -> usize {
        let mut column = vec![0; a.len() + 1];
        for &y in b {
            let mut diagonal = 0;
            for (i, &x) in a.iter().enumerate() {
                let above = column[i + 1];
                column[i + 1] = if x == y { diagonal + 1 } else { above.max(column[i]) };
                diagonal = above;
            }
        }
        column[a.len()]
    }

    #[test]
    fn lengths_are_those_of_the_table_one_sequence_after_the_other() {
        let rng = Rng::new(5, 0);
        let mut lcs = Lcs::default();
        for (round, len) in [0, 1, 5, 63, 64, 65, 127, 128, 129, 300, 40, 0, 1000].into_iter().enumerate() {
            for letters in [1, 2, 5, 400] {
                let draw = |len: usize, from: usize| -> Vec<u32> {
                    (0..len).map(|i| (rng.bits((from + i + 2000 * round) as u64) >> 33) as u32 % letters).collect()
                };
                let sequence = draw(len, 0);
                lcs.against(&sequence, letters as usize);
                for other in [0, 1, 10, 64, 200] {
                    let other = draw(other, 1000);
                    assert_eq!(lcs.length(&other), table(&sequence, &other), "{len} {letters} {}", other.len());
                }
                assert_eq!(lcs.length(&sequence), len);
            }
        }
    }
}
