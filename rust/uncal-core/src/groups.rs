//! Groups of consecutive rows, given by their offsets.

use std::ops::Range;

use crate::{Error, Result, pool};

/// Checked offsets: group `p` is rows `offsets[p]..offsets[p + 1]`, together they are all rows.
#[derive(Clone, Copy, Debug)]
pub struct Groups<'a> {
    offsets: &'a [i64],
}

impl<'a> Groups<'a> {
    /// Check the offsets (P + 1) of `rows` rows.
    ///
    /// # Errors
    /// [`Error::NoOffsets`], [`Error::OffsetsStart`], [`Error::OffsetsFall`], [`Error::OffsetsEnd`],
    /// [`Error::EmptyGroup`].
    pub fn new(offsets: &'a [i64], rows: usize) -> Result<Self> {
        let groups = Self::with_empty(offsets, rows)?;
        match offsets.windows(2).position(|w| w[1] == w[0]) {
            Some(group) => Err(Error::EmptyGroup { group }),
            None => Ok(groups),
        }
    }

    /// The same, but groups may be empty.
    ///
    /// # Errors
    /// [`Error::NoOffsets`], [`Error::OffsetsStart`], [`Error::OffsetsFall`], [`Error::OffsetsEnd`].
    pub fn with_empty(offsets: &'a [i64], rows: usize) -> Result<Self> {
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
            return Err(Error::NoOffsets);
        };
        if first != 0 {
            return Err(Error::OffsetsStart { first });
        }
        if let Some(group) = offsets.windows(2).position(|w| w[1] < w[0]) {
            let (start, end) = (offsets[group], offsets[group + 1]);
            return Err(Error::OffsetsFall { group, start, end });
        }
        if usize::try_from(last) != Ok(rows) {
            return Err(Error::OffsetsEnd { last, rows });
        }
        Ok(Self { offsets })
    }

    /// The number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are no groups at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of group `p`.
    #[must_use]
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // `new` bounded them by a usize
    pub fn rows(&self, p: usize) -> Range<usize> {
        self.offsets[p] as usize..self.offsets[p + 1] as usize
    }

    /// The rows of group `p`, or no rows at the very end for `p` = len.
    pub(crate) fn rows_or_end(&self, p: usize) -> Range<usize> {
        if p < self.len() {
            return self.rows(p);
        }
        let end = if self.is_empty() { 0 } else { self.rows(self.len() - 1).end };
        end..end
    }

    /// The number of rows of all groups.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        if self.is_empty() { 0 } else { self.rows(self.len() - 1).end }
    }

    /// `f` of every group, in order; `work` is what one row costs, in multiplications.
    ///
    /// # Errors
    /// The error of the first group that has one, for any number of threads.
    pub fn par_map<T: Send>(
        &self,
        work: usize,
        f: impl Fn(usize, Range<usize>) -> Result<T> + Send + Sync,
    ) -> Result<Vec<T>> {
        let results = pool::map(self.len(), self.n_rows().saturating_mul(work), |p| f(p, self.rows(p)));
        results.into_iter().collect()
    }

    /// Fill an output through consecutive runs of groups: `f(space, groups, part)`, where `part` is what `out` holds
    /// for these groups and ends, for group `p`, at `end(p)`. A group of n rows costs `cost(n)` multiplications; a
    /// run is as long as is worth a task.
    ///
    /// # Errors
    /// The error of the first run that has one, for any number of threads.
    pub(crate) fn par_fill<S, T: Send>(
        &self,
        mut out: &mut [T],
        end: impl Fn(usize) -> usize,
        cost: impl Fn(usize) -> usize,
        space: impl Fn() -> S + Send + Sync,
        f: impl Fn(&mut S, Range<usize>, &mut [T]) -> Result<()> + Send + Sync,
    ) -> Result<()> {
        const RUN: usize = 1 << 13;
        let (mut runs, mut parts) = (Vec::new(), Vec::new());
        let (mut work, mut of_run, mut first, mut start) = (0_usize, 0_usize, 0, 0);
        for p in 0..self.len() {
            let cost = cost(self.rows(p).len());
            work = work.saturating_add(cost);
            of_run = of_run.saturating_add(cost);
            if of_run >= RUN || p + 1 == self.len() {
                let (part, rest) = out.split_at_mut(end(p) - start);
                runs.push(first..p + 1);
                parts.push(part);
                (of_run, first, start, out) = (0, p + 1, end(p), rest);
            }
        }
        pool::fill_with(parts, work, space, |space, run, part| f(space, runs[run].clone(), part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_offset_is_named() {
        let fails = |offsets: &[i64], rows| Groups::new(offsets, rows).unwrap_err();
        assert_eq!(fails(&[], 0), Error::NoOffsets);
        assert_eq!(fails(&[1, 2], 2), Error::OffsetsStart { first: 1 });
        assert_eq!(fails(&[0, 2], 3), Error::OffsetsEnd { last: 2, rows: 3 });
        assert_eq!(fails(&[0, -1], 3), Error::OffsetsFall { group: 0, start: 0, end: -1 });
        assert_eq!(fails(&[0, 2, 1, 3], 3), Error::OffsetsFall { group: 1, start: 2, end: 1 });
        assert_eq!(fails(&[0, 1, 1, 2], 2), Error::EmptyGroup { group: 1 });
        assert_eq!(fails(&[0, i64::MAX], 2), Error::OffsetsEnd { last: i64::MAX, rows: 2 });
    }

    #[test]
    fn no_groups_of_no_rows_are_fine() {
        let none = Groups::new(&[0], 0).unwrap();
        assert!(none.is_empty());
        assert_eq!(none.par_map(1, |p, _| Ok(p)).unwrap(), Vec::<usize>::new());
    }

    #[test]
    fn the_first_error_wins_whatever_finishes_first() {
        let offsets: Vec<i64> = (0..=100).collect();
        let groups = Groups::new(&offsets, 100).unwrap();
        let error = pool::with_threads(Some(4), || {
            groups.par_map(1 << 30, |p, _| if p < 7 { Ok(p) } else { Err(Error::EmptyGroup { group: p }) })
        });
        assert_eq!(error.unwrap().unwrap_err(), Error::EmptyGroup { group: 7 });
    }
}
