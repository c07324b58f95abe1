//! One square matrix for each group, one after the other.

use std::ops::Range;

use crate::{Error, Float, Groups, Result};

/// The (n, n) matrices of groups of n rows, row by row, end to end.
#[derive(Clone, Debug)]
pub struct Squares<'a, T> {
    name: &'static str,
    values: &'a [T],
    groups: Groups<'a>,
    starts: Vec<usize>,
}

impl<'a, T: Float> Squares<'a, T> {
    /// Check that `values`, the argument called `name`, holds one square matrix for each group of `offsets` (P + 1).
    ///
    /// # Errors
    /// Those of [`Groups::new`], [`Error::Length`].
    pub fn new(name: &'static str, values: &'a [T], offsets: &'a [i64]) -> Result<Self> {
        let last = offsets.last().copied().ok_or(Error::NoOffsets)?;
        let rows = usize::try_from(last).map_err(|_| Error::OffsetsEnd { last, rows: 0 })?;
        let groups = Groups::new(offsets, rows)?;
        let mut starts = Vec::with_capacity(groups.len() + 1);
        let mut end = 0_usize;
        starts.push(0);
        for p in 0..groups.len() {
            let n = groups.rows(p).len();
            end = n.checked_mul(n).and_then(|entries| end.checked_add(entries)).unwrap_or(usize::MAX);
            starts.push(end);
        }
        if end == values.len() {
            Ok(Self { name, values, groups, starts })
        } else {
            Err(Error::Length { name, len: values.len(), expected: end })
        }
    }

    /// The name of the argument.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The groups whose matrices these are.
    #[must_use]
    pub fn groups(&self) -> Groups<'a> {
        self.groups
    }

    /// The matrix of group `p`, row by row.
    #[must_use]
    pub fn matrix(&self, p: usize) -> &'a [T] {
        &self.values[self.starts[p]..self.starts[p + 1]]
    }

    /// Where the entries of consecutive groups are.
    pub(crate) fn entries(&self, groups: Range<usize>) -> Range<usize> {
        self.starts[groups.start]..self.starts[groups.end]
    }

    /// How many rows and columns the matrix of group `p` has.
    #[must_use]
    pub fn size(&self, p: usize) -> usize {
        self.groups.rows(p).len()
    }

    /// The error for entry `i` of the matrix of group `p`: it is not `needed`.
    #[must_use]
    pub fn wrong(&self, p: usize, i: usize, needed: &'static str) -> Error {
        let n = self.size(p);
        let value = self.matrix(p)[i].widen();
        Error::Entry { name: self.name, group: p, row: i / n, column: i % n, value, needed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_of_several_sizes_are_found() {
        let values: Vec<f64> = (0..6).map(f64::from).collect();
        let squares = Squares::new("similarity", &values[..5], &[0, 1, 3]).unwrap();
        assert_eq!((squares.size(0), squares.matrix(0)), (1, &[0.0][..]));
        assert_eq!((squares.size(1), squares.matrix(1)), (2, &[1.0, 2.0, 3.0, 4.0][..]));
        let wrong = squares.wrong(1, 2, "finite").to_string();
        assert_eq!(wrong, "similarity: entry (1, 0) of group 1 is 3.0, must be finite");
        let error = Squares::new("similarity", &values, &[0, 1, 3]).unwrap_err();
        assert_eq!(error, Error::Length { name: "similarity", len: 6, expected: 5 });
    }

    #[test]
    fn bad_offsets_are_named() {
        let fails = |offsets: &[i64]| Squares::new("w", &[0.0; 4], offsets).unwrap_err();
        assert_eq!(fails(&[]), Error::NoOffsets);
        assert_eq!(fails(&[0, -2]), Error::OffsetsEnd { last: -2, rows: 0 });
        assert_eq!(fails(&[0, i64::MAX]), Error::Length { name: "w", len: 4, expected: usize::MAX });
        assert_eq!(fails(&[0, 2, 2]), Error::EmptyGroup { group: 1 });
    }
}
