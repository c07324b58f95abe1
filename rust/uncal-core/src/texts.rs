//! Many texts in one piece of memory.

use crate::{Error, Result};

/// Texts end to end: text `row` ends before byte `ends[row]` and starts where the one before it ends.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    text: &'a str,
    ends: &'a [i64],
}

impl<'a> Texts<'a> {
    /// Check `bytes` that hold as many texts in UTF-8 as there are `ends`.
    ///
    /// # Errors
    /// [`Error::TextEnd`], [`Error::Length`], [`Error::NotUtf8`].
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // ends are from 0 to a usize once they are checked
    pub fn new(bytes: &'a [u8], ends: &'a [i64]) -> Result<Self> {
        let mut start = 0;
        for (row, &end) in ends.iter().enumerate() {
            if end < start || usize::try_from(end).map_or(true, |end| end > bytes.len()) {
                return Err(Error::TextEnd { row, end });
            }
            start = end;
        }
        if start as usize != bytes.len() {
            return Err(Error::Length { name: "bytes", len: bytes.len(), expected: start as usize });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let row = ends.partition_point(|&end| end as usize <= error.valid_up_to());
            Error::NotUtf8 { row }
        })?;
        match ends.iter().position(|&end| !text.is_char_boundary(end as usize)) {
            Some(row) => Err(Error::NotUtf8 { row }),
            None => Ok(Self { text, ends }),
        }
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where text `row` starts, in bytes; `row` may be one past the last.
    #[must_use]
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // `new` bounded them by a usize
    pub fn start(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row - 1] as usize }
    }

    /// Text `row`.
    #[must_use]
    pub fn get(&self, row: usize) -> &'a str {
        &self.text[self.start(row)..self.start(row + 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found() {
        let texts = Texts::new("aéb".as_bytes(), &[1, 1, 3, 4]).unwrap();
        assert_eq!((0..texts.len()).map(|row| texts.get(row)).collect::<Vec<_>>(), ["a", "", "é", "b"]);
        assert!(Texts::new(b"", &[]).unwrap().is_empty());
    }

    #[test]
    fn every_wrong_text_is_named() {
        let fails = |bytes: &[u8], ends: &[i64]| Texts::new(bytes, ends).unwrap_err();
        assert_eq!(fails(b"ab", &[1, 3]), Error::TextEnd { row: 1, end: 3 });
        assert_eq!(fails(b"ab", &[1, 0]), Error::TextEnd { row: 1, end: 0 });
        assert_eq!(fails(b"ab", &[-1, 2]), Error::TextEnd { row: 0, end: -1 });
        assert_eq!(fails(b"ab", &[1]), Error::Length { name: "bytes", len: 2, expected: 1 });
        assert_eq!(fails(b"ab", &[]), Error::Length { name: "bytes", len: 2, expected: 0 });
        assert_eq!(fails(b"a\xff", &[1, 2]), Error::NotUtf8 { row: 1 });
        assert_eq!(fails(b"\xc3", &[0, 0, 1]), Error::NotUtf8 { row: 2 });
        assert_eq!(fails("aé".as_bytes(), &[1, 2, 3]), Error::NotUtf8 { row: 1 }); // half of the é each
    }
}
