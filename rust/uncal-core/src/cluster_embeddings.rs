//! Clusters of rows that point the same way.

use std::ops::Range;

use ndarray::ArrayView2;

use crate::cosine::{self, Cosines, Sums, in_range};
use crate::lanes::MOST;
use crate::linkage::lanes;
use crate::side_by_side::{Needs, Stretch, Work, side_by_side};
use crate::simd::gram::{Ahead, Layout, seem_equal, triangle};
use crate::simd::{self, Along, Lanes, Simd, Vector, Wide};
use crate::{Error, Float, Groups, Isa, Kind, Linkage, Result, pool};

/// The cluster of each row by cosine similarity; clusters join while that is at least `threshold`.
///
/// Equal rows have cosine exactly 1; products of `f16` and `f32` are summed in `f32`, which leaves other cosines good to
/// some 1e-7. A row of zeros has cosine 0 with every other row and 1 with other rows of zeros.
/// Time O(n^2 D), memory O(n^2 + n D) for a group of n rows. Small groups of one size are clustered side by side, with
/// the results of one by one.
///
/// # Arguments
/// * `embeddings` - (K, D), the rows of a group next to each other
/// * `offsets` - (P + 1), group p is rows `offsets[p]..offsets[p + 1]`
///
/// Returns (K), numbered from 0 in each group in order of first appearance.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::NoColumns`], [`Error::NotFinite`], [`Error::TooManyRows`], [`Error::Setting`]
/// unless `threshold` lies in `[-1, 1]`.
///
/// # Example
/// ```
/// let embeddings = ndarray::array![[1.0, 0.0], [0.0, 1.0], [2.0, 0.1]];
/// let linkage = uncal_core::Linkage::Leader;
/// assert_eq!(uncal_core::cluster_embeddings(embeddings.view(), &[0, 3], 0.9, linkage)?, [0, 1, 0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn cluster_embeddings<T: Float>(
    embeddings: ArrayView2<'_, T>,
    offsets: &[i64],
    threshold: f64,
    linkage: Linkage,
) -> Result<Vec<i64>> {
    let groups = Groups::new(offsets, embeddings.nrows())?;
    let columns = embeddings.ncols();
    if columns == 0 {
        return Err(Error::NoColumns);
    }
    if !(-1.0..=1.0).contains(&threshold) {
        return Err(Error::setting("threshold", threshold, "a number in [-1, 1]"));
    }
    let isa = Isa::chosen()?;
    let embeddings = embeddings.as_standard_layout();
    let rows = embeddings.as_slice().unwrap_or_default();
    let mut ids = vec![0; embeddings.nrows()];
    let (mut runs, mut parts) = (Vec::new(), Vec::new());
    let (mut rest, mut first, mut start, mut work) = (&mut ids[..], 0, 0, 0_usize);
    let enough = rows.len() / 64;
    for p in 0..groups.len() {
        let Range { end, .. } = groups.rows(p);
        let n = groups.rows(p).len();
        work = work.saturating_add(n.saturating_mul(n).saturating_mul(columns));
        let numbers = (end - start) * columns;
        let full = numbers >= enough.clamp(TASK.start, TASK.end) && (p + 1 - first).is_multiple_of(16);
        if full || n > MOST || p + 1 == groups.len() {
            let (part, after) = rest.split_at_mut(end - start);
            runs.push(first..p + 1);
            parts.push(part);
            (rest, first, start) = (after, p + 1, end);
        }
    }
    pool::fill_with(parts, work, Alone::default, |space, run, ids| {
        let stretch = Stretch { rows, d: columns, groups, range: runs[run].clone() };
        let mut alone = Vec::new();
        isa.run(SideBySide { stretch: stretch.clone(), threshold, linkage, ids, alone: &mut alone });
        alone.sort_unstable();
        alone.into_iter().try_for_each(|p| space.cluster(isa, &stretch, p, threshold, linkage, ids))
    })?;
    Ok(ids)
}

/// Numbers of embeddings that are one task: enough to hide its cost, few enough for all threads to end together.
const TASK: Range<usize> = 1 << 16..1 << 20;
/// Number of rows, for each lane, up to which groups are clustered side by side: beyond it lanes, which look at all pairs
/// in every step, are slower than one by one, where only what has changed is looked at.
const MOST_PER_LANE: usize = 3;

/// Space for one group after another.
#[derive(Default)]
struct Alone {
    cosines: Cosines,
    matrix: Vec<f64>,
}

impl Alone {
    fn cluster<T: Float>(
        &mut self,
        isa: Isa,
        groups: &Stretch<'_, T>,
        p: usize,
        threshold: f64,
        linkage: Linkage,
        ids: &mut [i64],
    ) -> Result<()> {
        let Self { cosines, matrix } = self;
        let own = groups.groups.rows(p);
        let n = own.len();
        let entries = n.saturating_mul(n);
        matrix.clear();
        matrix.try_reserve(entries).map_err(|_| Error::TooManyRows { group: p, rows: n })?;
        matrix.resize(entries, 0.0);
        cosines.fill(isa, Sums::Single, (groups.rows, groups.d), groups.groups, p, matrix)?;
        let first = groups.groups.rows(groups.range.start).start;
        linkage.clusters(matrix, threshold, &mut ids[own.start - first..own.end - first]);
        Ok(())
    }
}

/// Consecutive groups, those of one size side by side.
struct SideBySide<'a, T> {
    stretch: Stretch<'a, T>,
    threshold: f64,
    linkage: Linkage,
    /// Those of the rows of these groups.
    ids: &'a mut [i64],
    /// Groups that are large, out of the ordinary, or too few of one size.
    alone: &'a mut Vec<usize>,
}

impl<T: Float> simd::Kernel for SideBySide<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { stretch, threshold, linkage, ids, alone } = self;
        let size = |p: usize| stretch.groups.rows(p).len();
        let mut all: Vec<usize> = stretch.range.clone().collect();
        // the sort is stable, so memory is read in order as far as possible
        all.sort_by_key(|&p| size(p));
        let mut which = Vec::with_capacity(all.len());
        for same in all.chunk_by(|&p, &q| size(p) == size(q)) {
            let in_lanes = size(same[0]) <= MOST_PER_LANE * Wide::<S>::N && same.len() >= Wide::<S>::N / 4;
            if in_lanes { which.extend(same) } else { alone.extend(same) }
        }
        let first = stretch.groups.rows_or_end(stretch.range.start).start;
        let space = Space::new(simd.wide(0.0), 1, 0);
        let mut work = Clusters { stretch: &stretch, first, threshold, linkage, ids, alone, space };
        if T::KIND == Kind::F64 {
            side_by_side(simd, simd.f64(0.0), &stretch, &which, &mut work);
        } else {
            side_by_side(simd, simd.f32(0.0), &stretch, &which, &mut work);
        }
    }
}

/// Space for groups of one size.
struct Space<V: Lanes> {
    products: Vec<V>,
    inverse_norms: Vec<V>,
    matrices: lanes::Matrices<V>,
    /// By row, the cluster in each lane.
    ids: Vec<f64>,
}

impl<V: Lanes> Space<V> {
    fn new(zero: V, n: usize, sums: usize) -> Self {
        Self {
            products: vec![zero; sums],
            inverse_norms: vec![zero; n],
            matrices: lanes::Matrices::new(zero, n),
            ids: vec![0.0; n * V::N],
        }
    }
}

struct Clusters<'a, S: Simd, T> {
    stretch: &'a Stretch<'a, T>,
    /// The first row that `ids` are of.
    first: usize,
    threshold: f64,
    linkage: Linkage,
    ids: &'a mut [i64],
    alone: &'a mut Vec<usize>,
    space: Space<Wide<S>>,
}

impl<S: Simd, T: Float, A: Along> Work<S, T, A> for Clusters<'_, S, T> {
    #[inline(always)]
    fn begin(&mut self, simd: S, layout: &Layout) -> Needs {
        self.space = Space::new(simd.wide(0.0), layout.n, layout.len);
        Needs { further: 0, steps: layout.n }
    }

    #[inline(always)]
    fn takes(&mut self, _: A, p: usize, _: &[T], layout: &Layout, sums: &mut [A::Scalar]) -> bool {
        let single = A::Scalar::KIND == Kind::F32;
        let square = |i| sums[layout.place[triangle(i, i)] as usize].widen();
        let takes = (0..layout.n).all(|i| in_range(square(i), single));
        if !takes {
            self.alone.push(p);
        }
        takes
    }

    #[inline(always)]
    fn numbers(&mut self) -> &mut [Wide<S>] {
        &mut self.space.products
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // clusters are counted
    fn run(&mut self, simd: S, layout: &Layout, members: &[usize], sums: &[A::Scalar], ahead: &mut Ahead<S>) {
        let Self { threshold, linkage, ref mut space, .. } = *self;
        let pairs = simd.call(Link::<S> { layout, space, threshold, linkage, ahead });
        let single = A::Scalar::KIND == Kind::F32;
        for ((lane, &p), sums) in members.iter().enumerate().zip(sums.chunks_exact(sums.len() / Wide::<S>::N)) {
            let (rows, d) = (self.stretch.of(p), self.stretch.d);
            if single && pairs >> lane & 1 == 1 && seem_equal(rows, d, layout, sums) {
                self.alone.push(p);
                continue;
            }
            let own = self.stretch.groups.rows(p);
            let ids = &mut self.ids[own.start - self.first..own.end - self.first];
            for (id, lanes) in ids.iter_mut().zip(self.space.ids.chunks_exact(Wide::<S>::N)) {
                *id = lanes[lane] as i64;
            }
        }
    }
}

/// The part of the work that does not depend on what the rows are made of.
struct Link<'a, S: Simd> {
    layout: &'a Layout,
    space: &'a mut Space<Wide<S>>,
    threshold: f64,
    linkage: Linkage,
    ahead: &'a mut Ahead<S>,
}

impl<S: Simd> simd::Part<S> for Link<'_, S> {
    /// Lanes in which two rows have the products of equal ones.
    type Output = u32;

    #[inline(always)]
    fn run(self, simd: S) -> u32 {
        let Space { products, inverse_norms, matrices, ids } = self.space;
        let pairs = cosine::cosines_in_lanes(products, self.layout, inverse_norms, &mut matrices.similarity);
        matrices.cluster(simd.wide(0.0), self.linkage, self.threshold, self.ahead);
        for (id, lanes) in matrices.ids.iter().zip(ids.chunks_exact_mut(Wide::<S>::N)) {
            id.store(lanes);
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn groups_are_numbered_each_from_zero() {
        let rows = array![[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]];
        for linkage in [Linkage::Leader, Linkage::Single, Linkage::Average, Linkage::Complete] {
            let ids = cluster_embeddings(rows.view(), &[0, 3, 6], 1.0, linkage).unwrap();
            assert_eq!(ids, [0, 1, 0, 0, 1, 1], "{linkage:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let fails = |rows: &Array2<f64>, offsets: &[i64], threshold| {
            cluster_embeddings(rows.view(), offsets, threshold, Linkage::Average).unwrap_err()
        };
        let rows = array![[1.0], [1.0], [f64::NAN]];
        assert_eq!(fails(&rows, &[0, 1, 3], 0.5), Error::NotFinite { row: 2, group: 1 });
        assert_eq!(fails(&rows, &[0, 2], 0.5), Error::OffsetsEnd { last: 2, rows: 3 });
        assert_eq!(fails(&Array2::zeros((1, 0)), &[0, 1], 0.5), Error::NoColumns);
        for wrong in [1.1, -1.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(fails(&rows, &[0, 3], wrong), Error::Setting { name: "threshold", .. }));
        }
    }
}
