//! Numbers for strings.

/// Strings numbered from 0 on, in order of first appearance.
///
/// A hash table with linear probing. Cleared, it keeps its memory but looks only at the first few slots, so that one
/// large group does not slow down the many small ones after it.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    hashes: Vec<u64>,
    slots: Vec<u32>, // 0 for free, otherwise one more than a number
    in_use: usize,   // slots, a power of two
}

const FEW: usize = 64;

impl Default for Vocabulary {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), hashes: Vec::new(), slots: vec![0; FEW], in_use: FEW }
    }
}

impl Vocabulary {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.hashes.clear();
        self.in_use = FEW;
        self.slots[..FEW].fill(0);
    }

    /// The number of a string, a new one if it was not there; there must be fewer than 2^32 of them.
    #[allow(clippy::cast_possible_truncation)] // the hash loses bits on purpose; numbers are below 2^32
    pub(crate) fn number(&mut self, string: &[u8]) -> u32 {
        let hash = hash(string);
        let mut slot = hash as usize & (self.in_use - 1);
        while let Some(number) = self.slots[slot].checked_sub(1) {
            let known = number as usize;
            if self.hashes[known] == hash && self.string(known) == string {
                return number;
            }
            slot = (slot + 1) & (self.in_use - 1);
        }
        let number = self.len() as u32;
        self.slots[slot] = number + 1;
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
        self.hashes.push(hash);
        if 2 * self.len() > self.in_use {
            self.grow();
        }
        number
    }

    fn string(&self, number: usize) -> &[u8] {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    #[allow(clippy::cast_possible_truncation)] // as in `number`
    fn grow(&mut self) {
        self.in_use *= 2;
        self.slots.resize(self.slots.len().max(self.in_use), 0);
        self.slots[..self.in_use].fill(0);
        for (number, &hash) in self.hashes.iter().enumerate() {
            let mut slot = hash as usize & (self.in_use - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (self.in_use - 1);
            }
            self.slots[slot] = number as u32 + 1;
        }
    }
}

/// Eight bytes at a time, each folded in by a product of twice the width.
fn hash(string: &[u8]) -> u64 {
    let (words, rest) = string.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = fold(string.len() as u64, u64::from_le_bytes(last));
    words.iter().fold(start, |hash, &word| fold(hash, u64::from_le_bytes(word)))
}

#[allow(clippy::cast_possible_truncation)] // both halves of the product are used
fn fold(hash: u64, word: u64) -> u64 {
    const ODD: u128 = 0x9E37_79B9_7F4A_7C15; // 2^64 divided by the golden ratio
    let product = u128::from(hash ^ word ^ 0x243F_6A88_85A3_08D3) * ODD; // bits of pi, so that zeros are not absorbed
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn numbers_are_those_of_a_map_before_and_after_clearing() {
        let mut vocabulary = Vocabulary::default();
        for (count, distinct) in [(10, 3), (5000, 1700), (200, 150), (0, 1), (100, 100)] {
            vocabulary.clear();
            let mut map = HashMap::new();
            for i in 0..count {
                let string = "x".repeat(i % distinct % 20) + &(i * 7 % distinct).to_string();
                let next = map.len();
                let expected = *map.entry(string.clone()).or_insert(next);
                assert_eq!(vocabulary.number(string.as_bytes()) as usize, expected);
            }
            assert_eq!(vocabulary.len(), map.len());
        }
    }

    #[test]
    fn empty_strings_and_zero_bytes_are_told_apart() {
        let mut vocabulary = Vocabulary::default();
        let strings: Vec<Vec<u8>> = (0..20).map(|n| vec![0; n]).collect();
        let numbers: Vec<u32> = strings.iter().map(|string| vocabulary.number(string)).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
        assert_eq!(vocabulary.number(b""), 0);
    }
}
