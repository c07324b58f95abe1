//! Gram matrices of short groups of long rows: all products of the rows of a group with each other.
//!
//! Rows are contiguous, so vectors run along them. A block of rows against a block of rows keeps one vector of sums for
//! each pair in a register; each is then summed over its lanes. While a group is worked on, what comes next is asked for.

use super::{Along, Simd};
use crate::Float;

/// Where the entry (i, j), j <= i, of a symmetric matrix lies when its lower triangle is stored row by row.
#[inline(always)]
pub(crate) const fn triangle(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// How the pairs of n rows are cut into blocks, and where each pair's sum comes to lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub n: usize,
    /// Blocks of rows against blocks of rows in the order in which they are worked on.
    tiles: Vec<Tile>,
    /// For each entry of the lower triangle, row by row, its place among the sums.
    pub place: Vec<u32>,
    /// How many sums there are, with padding; a multiple of 16.
    pub len: usize,
}

/// A block of rows against another, or against itself.
#[derive(Clone, Copy, Debug)]
struct Tile {
    /// The first row of each, and how many there are.
    rows: (usize, usize),
    columns: (usize, usize),
    /// Where their sums start.
    first: usize,
}

impl Layout {
    /// For groups of `n` rows in blocks of at most `block`, 5 or 3.
    #[allow(clippy::cast_possible_truncation)] // n is at most 64
    pub fn new(n: usize, block: usize) -> Self {
        let sizes = block_sizes(n, block);
        let mut place = vec![0; n * (n + 1) / 2];
        let mut len: usize = 0;
        let starts: Vec<usize> = (0..sizes.len()).map(|a| sizes[..a].iter().sum()).collect();
        let mut tiles = Vec::new();
        // two blocks of rows go with each block of columns while it is near
        for a in (0..sizes.len()).step_by(2) {
            for b in 0..sizes.len().min(a + 2) {
                for a in a.max(b)..sizes.len().min(a + 2) {
                    tiles.push(Tile { rows: (starts[a], sizes[a]), columns: (starts[b], sizes[b]), first: len });
                    let mut next = len;
                    for r in 0..sizes[a] {
                        for c in 0..if a == b { r + 1 } else { sizes[b] } {
                            place[triangle(starts[a] + r, starts[b] + c)] = next as u32;
                            next += 1;
                        }
                    }
                    len += (next - len).next_multiple_of(16);
                }
            }
        }
        Self { n, tiles, place, len }
    }
}

/// Blocks from large to small: as many of `block` rows as go with blocks of one row less, and small ones where there
/// is no other way.
fn block_sizes(n: usize, block: usize) -> Vec<usize> {
    let mut large = n / block;
    loop {
        let rest = n - large * block;
        if rest.is_multiple_of(block - 1) {
            let mut sizes = vec![block; large];
            sizes.resize(large + rest / (block - 1), block - 1);
            return sizes;
        }
        if large == 0 {
            break;
        }
        large -= 1;
    }
    match (n, block) {
        (6, 5) => vec![3, 3],
        (7, 5) => vec![4, 3],
        (11, 5) => vec![4, 4, 3],
        _ => vec![n], // 1, 2 or 3
    }
}

/// Memory that is asked for while other work is done: left alone the processor reads too late.
#[derive(Clone, Copy)]
pub(crate) struct Ahead<S> {
    simd: S,
    at: *const u8,
    /// Bunches of lines a step, and those due, in parts of [`ONE`](Self::ONE).
    pace: usize,
    due: usize,
}

impl<S: Simd> Ahead<S> {
    const ONE: usize = 1 << 16;
    /// Bytes asked for at once: four cache lines.
    const BUNCH: usize = 256;

    /// Nothing to ask for.
    pub fn nothing(simd: S) -> Self {
        Self { simd, at: std::ptr::null(), pace: 0, due: 0 }
    }

    /// Ask for what lies at `at` next, unless what has been asked for ends less than `reach` bytes behind it.
    #[inline(always)]
    pub fn start_at<T>(&mut self, at: *const T, reach: usize) {
        if self.lead(at) > reach {
            (self.at, self.due) = (at.cast(), 0);
        }
    }

    /// Bytes behind `at` that have been asked for; more than there are, where that lies elsewhere.
    #[inline(always)]
    pub fn lead<T>(&self, at: *const T) -> usize {
        self.at.addr().wrapping_sub(at.addr())
    }

    /// Ask for so many bytes in the steps to come.
    #[inline(always)]
    pub fn spread(&mut self, bytes: usize, steps: usize) {
        self.pace = bytes.div_ceil(Self::BUNCH).saturating_mul(Self::ONE).div_ceil(steps.max(1));
    }

    #[inline(always)]
    pub fn step(&mut self) {
        self.due += self.pace;
        while self.due >= Self::ONE {
            for line in 0..Self::BUNCH / 64 {
                self.simd.prefetch(self.at.wrapping_add(64 * line));
            }
            self.at = self.at.wrapping_add(Self::BUNCH);
            self.due -= Self::ONE;
        }
    }
}

/// The sums of products of the rows of one group, as `layout` places them in `out`; the same wherever the rows lie.
///
/// # Arguments
/// * `zero` - what kind of vector to sum in
/// * `rows` - (n, d), row by row
/// * `ahead`, `bytes` - what to ask for meanwhile
/// * `copy` - work space
#[inline(always)]
pub(crate) fn gram<S: Simd, V: Along, T: Float>(
    zero: V,
    rows: &[T],
    d: usize,
    layout: &Layout,
    (ahead, bytes): (&mut Ahead<S>, usize),
    copy: &mut Vec<T>,
    out: &mut [V::Scalar],
) {
    assert!(rows.len() == layout.n * d && out.len() >= layout.len);
    let rows = if layout.n < COPY { rows } else { aligned::<V, T>(rows, d, copy) };
    ahead.spread(bytes, layout.tiles.len() * (d / V::N));
    let span = SPAN * V::N;
    let mut part = [V::Scalar::default(); 32];
    for start in (0..d).step_by(span) {
        let width = span.min(d - start);
        for &Tile { rows: (i, r), columns: (j, c), first } in &layout.tiles {
            let out = &mut out[first..];
            let sums = if start == 0 { &mut *out } else { &mut part[..] };
            // SAFETY: the rows i..i + r and j..j + c are among the n rows of d numbers, `width` of them from `start` on.
            unsafe {
                let (x, y) = (rows.as_ptr().add(i * d + start), rows.as_ptr().add(j * d + start));
                let at = (x, y, d, width);
                match (r, c, i == j) {
                    (5, 5, false) => block::<S, V, T, 5, 5, false>(zero, at, ahead, sums),
                    (4, 5, _) => block::<S, V, T, 4, 5, false>(zero, at, ahead, sums),
                    (4, 4, false) => block::<S, V, T, 4, 4, false>(zero, at, ahead, sums),
                    (3, 4, _) => block::<S, V, T, 3, 4, false>(zero, at, ahead, sums),
                    (3, 3, false) => block::<S, V, T, 3, 3, false>(zero, at, ahead, sums),
                    (2, 3, _) => block::<S, V, T, 2, 3, false>(zero, at, ahead, sums),
                    (2, 2, false) => block::<S, V, T, 2, 2, false>(zero, at, ahead, sums),
                    (5, ..) => block::<S, V, T, 5, 5, true>(zero, at, ahead, sums),
                    (4, ..) => block::<S, V, T, 4, 4, true>(zero, at, ahead, sums),
                    (3, ..) => block::<S, V, T, 3, 3, true>(zero, at, ahead, sums),
                    (2, ..) => block::<S, V, T, 2, 2, true>(zero, at, ahead, sums),
                    _ => block::<S, V, T, 1, 1, true>(zero, at, ahead, sums),
                }
            }
            if start > 0 {
                let count = if i == j { r * (r + 1) / 2 } else { r * c };
                for (sum, &part) in out.iter_mut().zip(&part[..count]) {
                    *sum = *sum + part;
                }
            }
        }
    }
}

/// Additions in each lane, one after the other, before their sum is put by: rounding grows with their number.
const SPAN: usize = 64;

/// Rows from which on arithmetic takes the time: a vector that lies across two cache lines then costs more than a copy
/// of the rows to where they don't.
const COPY: usize = 48;

/// The rows themselves, or, where vectors are cache lines and rows whole numbers of them, a copy that starts at one.
#[inline(always)]
fn aligned<'a, V: Along, T: Float>(rows: &'a [T], d: usize, copy: &'a mut Vec<T>) -> &'a [T] {
    const LINE: usize = 64;
    let whole = V::N * size_of::<T>() == LINE && (d * size_of::<T>()).is_multiple_of(LINE);
    if !whole || rows.as_ptr().addr().is_multiple_of(LINE) {
        return rows;
    }
    copy.resize(rows.len() + LINE / size_of::<T>(), T::default());
    let start = copy.as_ptr().addr().wrapping_neg() % LINE / size_of::<T>();
    let copy = &mut copy[start..start + rows.len()];
    copy.copy_from_slice(rows);
    copy
}

/// R rows at x against C rows at y, or, on the diagonal, against themselves: `width` numbers of each, rows `stride`
/// apart.
///
/// # Safety
/// They must be there.
#[inline(always)]
unsafe fn block<S: Simd, V: Along, T: Float, const R: usize, const C: usize, const DIAGONAL: bool>(
    zero: V,
    (x, y, stride, width): (*const T, *const T, usize, usize),
    ahead: &mut Ahead<S>,
    out: &mut [V::Scalar],
) {
    let mut sums = [[zero; C]; R];
    let mut b = [zero; C];
    let mut soon = *ahead;
    let mut k = 0;
    while k + V::N <= width {
        soon.step();
        for c in 0..C {
            // SAFETY: N numbers from k on are inside row c.
            b[c] = unsafe { zero.load(y.add(c * stride + k)) };
        }
        for r in 0..R {
            // SAFETY: N numbers from k on are inside row r.
            let a = if DIAGONAL { b[r] } else { unsafe { zero.load(x.add(r * stride + k)) } };
            for c in 0..if DIAGONAL { r + 1 } else { C } {
                sums[r][c] = a.mul_add(b[c], sums[r][c]);
            }
        }
        k += V::N;
    }
    *ahead = soon;
    if k < width {
        for c in 0..C {
            // SAFETY: width - k numbers from k on are inside row c.
            b[c] = unsafe { zero.load_part(y.add(c * stride + k), width - k) };
        }
        for r in 0..R {
            // SAFETY: width - k numbers from k on are inside row r.
            let a = if DIAGONAL { b[r] } else { unsafe { zero.load_part(x.add(r * stride + k), width - k) } };
            for c in 0..if DIAGONAL { r + 1 } else { C } {
                sums[r][c] = a.mul_add(b[c], sums[r][c]);
            }
        }
    }
    let mut flat = [zero; 25];
    let mut count = 0;
    for r in 0..R {
        for c in 0..if DIAGONAL { r + 1 } else { C } {
            flat[count] = sums[r][c];
            count += 1;
        }
    }
    V::sums(&flat[..count], out);
}

/// Whether sums in `f32` take two rows for equal that are not: such a pair is too near for them.
#[inline(always)]
pub(crate) fn seem_equal<T: Float, R: Float>(rows: &[T], d: usize, layout: &Layout, sums: &[R]) -> bool {
    assert!(rows.len() == layout.n * d);
    let sum = |i: usize, j: usize| sums[layout.place[triangle(i, j)] as usize];
    // SAFETY: numbers have bytes, all of them set.
    let row = |i: usize| unsafe { std::slice::from_raw_parts(rows[i * d..].as_ptr().cast::<u8>(), d * size_of::<T>()) };
    for i in 1..layout.n {
        // if it is equal to the first that it seems equal to, it is to all others that are
        let first = (0..i).find(|&j| sum(i, i) == sum(j, j) && sum(i, j) == sum(i, i));
        if first.is_some_and(|j| row(i) != row(j)) {
            return true;
        }
    }
    false
}

/// The sum of each of at most 64 rows, into the first places of `out`.
#[inline(always)]
pub(crate) fn row_sums<V: Along, T: Float>(zero: V, rows: &[T], d: usize, out: &mut [V::Scalar]) {
    const SIDE_BY_SIDE: usize = 4; // rows, so that none need wait for its own last sum
    let mut sums = [zero; 64];
    let n = rows.len() / d;
    for (rows, sums) in rows.chunks(SIDE_BY_SIDE * d).zip(sums.chunks_exact_mut(SIDE_BY_SIDE)) {
        // the last chunk sums its first row instead of those that are not there
        let count = rows.len() / d;
        let mut starts = [rows.as_ptr(); SIDE_BY_SIDE];
        for (i, start) in starts.iter_mut().enumerate().take(count) {
            *start = rows[i * d..].as_ptr();
        }
        let mut four = [zero; SIDE_BY_SIDE];
        let mut k = 0;
        while k + V::N <= d {
            for i in 0..SIDE_BY_SIDE {
                // SAFETY: N numbers from k on are inside the row.
                four[i] = four[i] + unsafe { zero.load(starts[i].add(k)) };
            }
            k += V::N;
        }
        if k < d {
            for i in 0..SIDE_BY_SIDE {
                // SAFETY: d - k numbers from k on are inside the row.
                four[i] = four[i] + unsafe { zero.load_part(starts[i].add(k), d - k) };
            }
        }
        sums.copy_from_slice(&four);
    }
    V::sums(&sums[..n], out);
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;
    use crate::simd::{Isa, Kernel};

    #[test]
    fn blocks_cover_every_number_of_rows() {
        for n in 1..=64 {
            for block in [3, 5] {
                let layout = Layout::new(n, block);
                let sizes = block_sizes(n, block);
                assert_eq!(sizes.iter().sum::<usize>(), n);
                assert!(sizes.windows(2).all(|w| w[0] >= w[1]) && sizes[0] <= block.max(3));
                let mut seen = vec![false; layout.len];
                layout.place.iter().for_each(|&at| assert!(!std::mem::replace(&mut seen[at as usize], true)));
            }
        }
    }

    struct Products<'a, T> {
        rows: &'a [T],
        n: usize,
        double: bool,
    }

    impl<T: Float> Kernel for Products<'_, T> {
        type Output = Vec<f64>;
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Vec<f64> {
            let layout = Layout::new(self.n, S::BLOCK);
            let d = self.rows.len() / self.n;
            if self.double {
                let mut out = vec![0.0; layout.len];
                let mut ahead = Ahead::nothing(simd);
                ahead.start_at(self.rows.as_ptr(), 0);
                gram(
                    simd.f64(0.0),
                    self.rows,
                    d,
                    &layout,
                    (&mut ahead, size_of_val(self.rows)),
                    &mut Vec::new(),
                    &mut out,
                );
                layout.place.iter().map(|&at| out[at as usize]).collect()
            } else {
                let mut out = vec![0.0; layout.len];
                gram(simd.f32(0.0), self.rows, d, &layout, (&mut Ahead::nothing(simd), 0), &mut Vec::new(), &mut out);
                layout.place.iter().map(|&at| f64::from(out[at as usize])).collect()
            }
        }
    }

    fn check<T: Float>(convert: impl Fn(f64) -> T) {
        let mut state = 1_u64;
        for n in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 23, 64] {
            for d in [1, 3, 8, 16, 31, 384, 2100] {
                let rows: Vec<T> = (0..n * d)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        convert((state >> 40) as f64 / 16_777_216.0 - 0.5)
                    })
                    .collect();
                for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
                    for double in [true, false] {
                        let products = isa.run(Products { rows: &rows, n, double });
                        // a sum of d products below 1/4 rounds by less than its size, d / 12, times a few epsilons
                        let tolerance = if double { 4e-15 } else { 1e-7 } * (d as f64 + 4.0);
                        for i in 0..n {
                            for j in 0..=i {
                                let terms = rows[i * d..][..d].iter().zip(&rows[j * d..][..d]);
                                let exact: f64 = terms.map(|(a, b)| a.widen() * b.widen()).sum();
                                let off = (products[triangle(i, j)] - exact).abs();
                                assert!(off < tolerance, "{isa:?} n={n} d={d} {double}: ({i}, {j}) off by {off:e}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_type_and_instruction_set_gives_the_products() {
        check(f16::from_f64);
        #[allow(clippy::cast_possible_truncation)]
        check(|x| x as f32);
        check(|x| x);
    }
}
