//! Groups of one size beside each other in the lanes of vectors: their products are summed group by group, then turned
//! into lanes and worked on all at once.
//!
//! Memory is slower than either, so while a group is multiplied the next is asked for, and while the lanes are worked
//! on some of those to come.

use std::ops::Range;

use crate::simd::gram::{Ahead, Layout, gram, triangle};
use crate::simd::{Along, Lanes, Simd, Vector, Wide};
use crate::{Float, Groups};

/// Consecutive groups, and the rows of all groups.
#[derive(Clone)]
pub(crate) struct Stretch<'a, T> {
    pub rows: &'a [T],
    pub d: usize,
    pub groups: Groups<'a>,
    pub range: Range<usize>,
}

impl<T> Stretch<'_, T> {
    /// The rows of group p.
    #[inline(always)]
    pub fn of(&self, p: usize) -> &[T] {
        let rows = self.groups.rows(p);
        &self.rows[rows.start * self.d..rows.end * self.d]
    }
}

/// What is done with the products of groups of `layout.n` rows; methods must be `#[inline(always)]`.
pub(crate) trait Work<S: Simd, T: Float, A: Along> {
    /// Begin with groups of another size.
    fn begin(&mut self, simd: S, layout: &Layout) -> Needs;
    /// Whether group `p` can go into the lanes, by its sums of products; further numbers may be put behind these.
    fn takes(&mut self, zero: A, p: usize, rows: &[T], layout: &Layout, sums: &mut [A::Scalar]) -> bool;
    /// Where the numbers of up to [`Wide::N`] groups, a lane for each, are put.
    fn numbers(&mut self) -> &mut [Wide<S>];
    /// Work on the groups `members`, one in each lane; further lanes are like the first. `sums` are those of each group,
    /// one after the other.
    fn run(&mut self, simd: S, layout: &Layout, members: &[usize], sums: &[A::Scalar], ahead: &mut Ahead<S>);
}

/// What work on groups of one size needs.
pub(crate) struct Needs {
    /// Numbers that a group has beside its products, a multiple of 16.
    pub further: usize,
    /// How often [`Work::run`] can ask for memory.
    pub steps: usize,
}

/// Bytes of embeddings to ask for, for each entry of the matrices, while a batch of them is worked on: about what memory
/// delivers in that time. Found by trying 256 to 2048 on one machine; it is a hint, results do not depend on it.
const MEANWHILE: usize = 512;
/// No more of them than that, so that they are still in the second cache when it is their turn.
const MOST_MEANWHILE: usize = 1 << 17;

/// Work on the groups `which`, sorted by their size, with products in vectors like `zero`.
#[inline(always)]
pub(crate) fn side_by_side<S: Simd, A: Along, T: Float>(
    simd: S,
    zero: A,
    groups: &Stretch<'_, T>,
    which: &[usize],
    work: &mut impl Work<S, T, A>,
) {
    let lanes = Wide::<S>::N;
    let mut ahead = Ahead::nothing(simd);
    let last = groups.groups.rows_or_end(groups.range.end).start * groups.d;
    let mut start = 0;
    while start < which.len() {
        let n = groups.groups.rows(which[start]).len();
        let end = start + which[start..].partition_point(|&p| groups.groups.rows(p).len() == n);
        let layout = Layout::new(n, S::BLOCK);
        let needs = work.begin(simd, &layout);
        let stride = layout.len + needs.further;
        let meanwhile = (triangle(n, 0) * MEANWHILE).min(MOST_MEANWHILE);
        let mut sums = vec![A::Scalar::default(); stride * lanes];
        let mut copy = Vec::new();
        let mut members = [0; 16];
        let mut used = 0;
        for at in start..end {
            let p = which[at];
            let rows = groups.of(p);
            let next = which.get(at + 1).map_or(&[][..], |&next| groups.of(next));
            ahead.start_at(next.as_ptr(), 2 * MOST_MEANWHILE);
            // what is asked for while lanes are worked on need not be asked for here
            let bytes = match size_of_val(next) {
                all if ahead.lead(next.as_ptr()) == 0 => all,
                all => all.saturating_sub(meanwhile / lanes),
            };
            let lane = &mut sums[used * stride..][..stride];
            gram(zero, rows, groups.d, &layout, (&mut ahead, bytes), &mut copy, lane);
            if work.takes(zero, p, rows, &layout, lane) {
                members[used] = p;
                used += 1;
            }
            if used == lanes || (at + 1 == end && used > 0) {
                for lane in used..lanes {
                    sums.copy_within(..stride, lane * stride);
                }
                simd.wide(0.0).transpose(&sums, stride, work.numbers());
                let rest = size_of_val(&groups.rows[..last]).saturating_sub(ahead.lead(groups.rows.as_ptr()));
                ahead.spread(meanwhile.min(rest), needs.steps);
                work.run(simd, &layout, &members[..used], &sums, &mut ahead);
                used = 0;
            }
        }
        start = end;
    }
}
