//! The linkages on many small matrices at once: lane l of every vector belongs to matrix l.
//!
//! The same comparisons and the same arithmetic as one by one, so that a group has the same clusters either way.

use std::cell::Cell;

use super::Linkage;
use crate::simd::gram::Ahead;
use crate::simd::{Lanes, Simd};

/// Matrices of n rows, and the space to cluster them.
pub(crate) struct Matrices<V: Lanes> {
    n: usize,
    /// The similarities of rows i < j, row by row, as [`place`] numbers them.
    pub similarity: Vec<V>,
    /// What comes of it: the cluster of each row, numbered in order of first appearance.
    pub ids: Vec<V>,
    sizes: Vec<V>,
    /// The highest similarity of each cluster with one after it.
    nearest: Vec<V>,
    kept: Row<V>,
    gone: Row<V>,
    /// Whether a cluster moves up into the place of the one before it.
    moves: Vec<V::Mask>,
}

/// Where the similarity of rows i < j of n lies.
#[inline(always)]
const fn place(n: usize, i: usize, j: usize) -> usize {
    i * (2 * n - i - 1) / 2 + j - i - 1
}

/// One row of each matrix, not the same one in each.
struct Row<V: Lanes> {
    /// Whether it is row i.
    is: Vec<V::Mask>,
    similarity: Vec<V>,
}

impl<V: Lanes> Row<V> {
    fn new(zero: V, n: usize) -> Self {
        Self { is: vec![zero.lt(zero); n], similarity: vec![zero; n] }
    }

    /// Take row `which` of each matrix of n rows, and none where that is no row.
    #[inline(always)]
    fn take(&mut self, which: V, matrix: &[V], n: usize) {
        let all_is = &mut self.is[..n];
        for (i, is) in all_is.iter_mut().enumerate() {
            *is = which.eq(which.splat(i as f64));
        }
        // column by column, each in a register: going through the matrix once would mean to store parts of vectors
        for (j, out) in self.similarity[..n].iter_mut().enumerate() {
            let (above, after) = (&all_is[..j], &all_is[j + 1..]);
            let mut x = which.splat(f64::NEG_INFINITY);
            let mut at = j;
            for (i, &is) in above.iter().enumerate() {
                x = V::select(is, matrix[at - 1], x);
                at += n - 2 - i;
            }
            let row = &matrix[place(n, j, j + 1)..][..n - 1 - j];
            for (&is, &other) in after.iter().zip(row) {
                x = V::select(is, other, x);
            }
            *out = x;
        }
    }

    /// What `of` holds for this row of each matrix; anything where there is none.
    #[inline(always)]
    fn of(&self, of: &[V]) -> V {
        let mut found = of[0];
        for (&is, &x) in self.is.iter().zip(of) {
            found = V::select(is, x, found);
        }
        found
    }
}

impl<V: Lanes> Matrices<V> {
    pub fn new(zero: V, n: usize) -> Self {
        Self {
            n,
            similarity: vec![zero; n * (n - 1) / 2],
            ids: vec![zero; n],
            sizes: vec![zero; n],
            nearest: vec![zero; n],
            kept: Row::new(zero, n),
            gone: Row::new(zero, n),
            moves: vec![zero.lt(zero); n],
        }
    }

    /// As [`Linkage::clusters`], into `ids`; `zero` only proves that the instructions exist.
    #[inline(always)]
    pub fn cluster<S: Simd>(&mut self, zero: V, linkage: Linkage, threshold: f64, ahead: &mut Ahead<S>) {
        // what is above the next number below the threshold is at least the threshold
        let below = zero.splat(threshold.next_down());
        match linkage {
            Linkage::Leader => self.leader(below, ahead),
            Linkage::Single => self.single(below, ahead),
            Linkage::Average => self.agglomerate::<S, true>(below, ahead),
            Linkage::Complete => self.agglomerate::<S, false>(below, ahead),
        }
    }

    #[inline(always)]
    fn leader<S: Simd>(&mut self, below: V, ahead: &mut Ahead<S>) {
        let never = below.splat(f64::INFINITY);
        let lead = &mut self.nearest; // `below` for leaders, what nothing is above for the others
        let (mut clusters, none) = (below.splat(0.0), below.splat(-1.0));
        for i in 0..self.n {
            ahead.step();
            let mut id = none;
            // backwards, so that the first leader wins
            for j in (0..i).rev() {
                id = V::select(lead[j].lt(self.similarity[place(self.n, j, i)]), self.ids[j], id);
            }
            let leads = id.eq(none);
            self.ids[i] = V::select(leads, clusters, id);
            lead[i] = V::select(leads, below, never);
            clusters = V::select(leads, clusters + below.splat(1.0), clusters);
        }
    }

    /// The lowest row among those alike spreads until it has come everywhere.
    #[inline(always)]
    fn single<S: Simd>(&mut self, below: V, ahead: &mut Ahead<S>) {
        let n = self.n;
        let roots = &mut self.sizes[..n];
        for (i, root) in roots.iter_mut().enumerate() {
            *root = below.splat(i as f64);
        }
        loop {
            ahead.step();
            let mut rest = &self.similarity[..];
            let before = &mut self.nearest;
            before.copy_from_slice(roots);
            for i in 0..n {
                let (row, after) = rest.split_at(n - 1 - i);
                rest = after;
                let (own, others) = roots[i..].split_at_mut(1);
                for (&x, other) in row.iter().zip(others) {
                    let alike = below.lt(x);
                    let lower = own[0].min(*other);
                    own[0] = V::select(alike, lower, own[0]);
                    *other = V::select(alike, lower, *other);
                }
            }
            let mut fell = below.lt(below);
            for (&root, &before) in roots.iter().zip(before.iter()) {
                fell = V::or(fell, root.lt(before));
            }
            if V::bits(fell) == 0 {
                break;
            }
        }
        let mut clusters = below.splat(0.0);
        for i in 0..n {
            let mut id = clusters;
            for j in 0..i {
                id = V::select(roots[i].eq(below.splat(j as f64)), self.ids[j], id);
            }
            self.ids[i] = id;
            let first = roots[i].eq(below.splat(i as f64));
            clusters = V::select(first, clusters + below.splat(1.0), clusters);
        }
    }

    /// As [`agglomerate`](super::agglomerate), with `MEAN` for average linkage and without for complete.
    ///
    /// All pairs are looked at in each step, since lanes do not agree on which have changed; but clusters move up into
    /// the places of those that are gone, so there are fewer and fewer, and their places number them in the end.
    #[inline(always)]
    fn agglomerate<S: Simd, const MEAN: bool>(&mut self, below: V, ahead: &mut Ahead<S>) {
        let (zero, one) = (below.splat(0.0), below.splat(1.0));
        let (least, no_row) = (below.splat(f64::NEG_INFINITY), below.splat(f64::INFINITY));
        let mut rest = &self.similarity[..];
        for i in 0..self.n {
            (self.ids[i], self.sizes[i]) = (below.splat(i as f64), one);
            let (row, after) = rest.split_at(self.n - 1 - i);
            rest = after;
            let mut nearest = least;
            for &x in row {
                nearest = nearest.max(x);
            }
            self.nearest[i] = nearest;
        }
        let mut open = zero.eq(zero);
        for n in (2..=self.n).rev() {
            let (mut kept, mut best) = (no_row, least);
            for (i, &nearest) in self.nearest[..n].iter().enumerate() {
                let nearer = best.lt(nearest);
                best = V::select(nearer, nearest, best);
                kept = V::select(nearer, below.splat(i as f64), kept);
            }
            open = V::and(open, below.lt(best));
            if V::bits(open) == 0 {
                break;
            }
            ahead.step();
            // lanes that are done join no row with no row, and what becomes of their matrices does not matter
            kept = V::select(open, kept, no_row);
            self.kept.take(kept, &self.similarity, n);
            let mut gone = no_row;
            for i in (0..n).rev() {
                gone = V::select(self.kept.similarity[i].eq(best), below.splat(i as f64), gone);
            }
            gone = V::select(open, gone, no_row);
            self.gone.take(gone, &self.similarity, n);
            for id in &mut self.ids {
                let moved = V::select(gone.lt(*id), *id - one, *id);
                *id = V::select(id.eq(gone), kept, moved);
            }
            let (size, added) = (self.kept.of(&self.sizes[..n]), self.gone.of(&self.sizes[..n]));
            let share = if MEAN { added / (size + added) } else { zero };
            let size = size + added;
            let mut joined = join::<V, MEAN>(self.kept.similarity[0], self.gone.similarity[0], share);
            for i in 0..n - 1 {
                let moves = gone.lt(below.splat((i + 1) as f64));
                let next = join::<V, MEAN>(self.kept.similarity[i + 1], self.gone.similarity[i + 1], share);
                self.gone.similarity[i] = V::select(moves, next, joined);
                joined = next;
                if MEAN {
                    let stays = V::select(self.kept.is[i], size, self.sizes[i]);
                    self.sizes[i] = V::select(moves, self.sizes[i + 1], stays);
                }
                self.moves[i] = moves;
            }
            self.close_up(n, least);
        }
    }

    /// Put what `gone` has become into the rows `kept` of matrices of n rows, and leave the rows that are gone out.
    #[inline(always)]
    fn close_up(&mut self, n: usize, least: V) {
        let joined = &self.gone.similarity[..n - 1];
        let (is, moves) = (&self.kept.is[..n - 1], &self.moves[..n - 1]);
        let entries = Cell::from_mut(&mut self.similarity[..]).as_slice_of_cells();
        for i in 0..n - 1 {
            let others = n - 2 - i;
            // what is read has not been written yet: it lies behind
            let new = &entries[place(n - 1, i, i + 1)..][..others];
            let old = &entries[place(n, i, i + 1)..][..=others];
            let below = &entries[place(n, i, i + 1) + others + 1..][..others];
            let (own_is, own_moves, own_joined) = (is[i], moves[i], joined[i]);
            let (is, moves, joined) = (&is[i + 1..], &moves[i + 1..], &joined[i + 1..]);
            let mut nearest = least;
            for k in 0..others {
                let same_row = V::select(moves[k], old[k + 1].get(), old[k].get());
                let moved = V::select(own_moves, below[k].get(), same_row);
                let x = V::select(own_is, joined[k], V::select(is[k], own_joined, moved));
                new[k].set(x);
                nearest = nearest.max(x);
            }
            self.nearest[i] = nearest;
        }
    }
}

/// How similar what becomes of two clusters is to a third, of which they have similarities `a` and `b`.
#[inline(always)]
fn join<V: Lanes, const MEAN: bool>(a: V, b: V, share: V) -> V {
    let lower = a.min(b);
    if MEAN { (a + (b - a) * share).max(lower).min(a.max(b)) } else { lower }
}
