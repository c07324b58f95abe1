//! Cosines between the rows of each group.

use ndarray::ArrayView2;

use crate::kernel::{dot, make_unit, square};
use crate::lanes::MOST;
use crate::simd::gram::{Ahead, Layout, gram, seem_equal, triangle};
use crate::simd::{Isa, Kernel, Lanes, Simd};
use crate::{Error, Float, Groups, Kind, Result, pool};

/// The cosine of the angle between every two rows of each group, as square matrices end to end.
///
/// Time O(n^2 D). Symmetric, and the diagonal is exactly 1.
///
/// # Arguments
/// * `embeddings` - (K, D), the rows of a group next to each other
/// * `offsets` - (P + 1), group p is rows `offsets[p]..offsets[p + 1]`
/// * `clip` - put 0 in the place of what is negative
///
/// Returns the sum of n^2 numbers in `[-1, 1]`, or in `[0, 1]` with `clip`. Equal rows have exactly 1; a row of zeros
/// has 0 with other rows and 1 with rows of zeros.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::NoColumns`], [`Error::NotFinite`], [`Error::TooManyRows`].
///
/// # Example
/// ```
/// let rows = ndarray::array![[3.0, 0.0], [-4.0, 3.0]];
/// assert_eq!(uncal_core::cosine_similarity(rows.view(), &[0, 2], true)?, [1.0, 0.0, 0.0, 1.0]);
/// assert_eq!(uncal_core::cosine_similarity(rows.view(), &[0, 2], false)?, [1.0, -0.8, -0.8, 1.0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn cosine_similarity<T: Float>(embeddings: ArrayView2<'_, T>, offsets: &[i64], clip: bool) -> Result<Vec<f64>> {
    let groups = Groups::new(offsets, embeddings.nrows())?;
    if embeddings.ncols() == 0 {
        return Err(Error::NoColumns);
    }
    let isa = Isa::chosen()?;
    let embeddings = embeddings.as_standard_layout();
    let rows = embeddings.as_slice().unwrap_or_default();
    let sizes = (0..groups.len()).map(|p| groups.rows(p).len());
    let work = sizes.fold(0_usize, |work, n| work.saturating_add(n.saturating_mul(n)));
    let d = embeddings.ncols();
    let matrices = pool::map_with(groups.len(), work.saturating_mul(d), Cosines::default, |space, p| {
        let n = groups.rows(p).len();
        let mut matrix = square(p, n).map_err(|_| Error::TooManyRows { group: p, rows: n })?;
        space.fill(isa, Sums::Double, (rows, d), groups, p, &mut matrix)?;
        if clip {
            matrix.iter_mut().for_each(|cosine| *cosine = cosine.max(0.0));
        }
        Ok(matrix)
    });
    Ok(matrices.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

/// Space for the cosines of one group after another.
#[derive(Default)]
pub(crate) struct Cosines {
    layout: Layout,
    sums: Vec<f64>,
    narrow_sums: Vec<f32>,
    inverse_norms: Vec<f64>,
}

/// How products of `f16` and `f32` are summed; those of `f64` always in `f64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sums {
    /// In `f64`.
    Double,
    /// In `f32`: cosines are good to some 1e-7; rows that are equal still have exactly 1.
    Single,
}

impl Cosines {
    /// The cosines of group `p`, an n by n matrix row by row, each in `[-1, 1]`; exactly 1 for equal rows.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn fill<T: Float>(
        &mut self,
        isa: Isa,
        sums: Sums,
        (rows, d): (&[T], usize),
        groups: Groups<'_>,
        p: usize,
        out: &mut [f64],
    ) -> Result<()> {
        let own = groups.rows(p);
        let n = own.len();
        let group = &rows[own.start * d..own.end * d];
        if n <= MOST {
            let after = own.end * d;
            let next = &rows[after..rows.len().min(after + group.len())];
            let single = sums == Sums::Single && T::KIND != Kind::F64;
            isa.run(Products { space: self, single, rows: group, n, d, next });
            if single && seem_equal(group, d, &self.layout, &self.narrow_sums) {
                isa.run(Products { space: self, single: false, rows: group, n, d, next });
            }
            if self.read_products(n, single, out) {
                return Ok(());
            }
        }
        if let Some(row) = group.chunks_exact(d).position(|row| !row.iter().all(|x| x.widen().is_finite())) {
            return Err(Error::NotFinite { row: own.start + row, group: p });
        }
        cosines(group, d, out);
        Ok(())
    }

    /// False if a square is 0, not finite or out of range.
    fn read_products(&mut self, n: usize, single: bool, out: &mut [f64]) -> bool {
        let product = |i: usize, j: usize| self.sums[self.layout.place[triangle(i, j)] as usize];
        if !(0..n).all(|i| in_range(product(i, i), single)) {
            return false;
        }
        self.inverse_norms.clear();
        self.inverse_norms.extend((0..n).map(|i| 1.0 / product(i, i).sqrt()));
        for i in 0..n {
            out[i * n + i] = 1.0;
            for j in 0..i {
                let dot = product(i, j);
                let equal = dot == product(i, i) && dot == product(j, j);
                let cosine = (dot * (self.inverse_norms[i] * self.inverse_norms[j])).clamp(-1.0, 1.0) + 0.0;
                let cosine = if equal { 1.0 } else { cosine };
                out[i * n + j] = cosine;
                out[j * n + i] = cosine;
            }
        }
        true
    }
}

/// Whether the square of a row, summed in `f32` if `single`, is far enough from what is no normal number.
#[inline(always)]
pub(crate) fn in_range(square: f64, single: bool) -> bool {
    let (least, most) = if single { (1e-25, 1e30) } else { (1e-250, 1e250) };
    least < square && square < most
}

/// The cosines of rows i < j, row by row, of many groups at once; in each lane to the last bit what [`Cosines::fill`]
/// has. Returns the lanes in which two rows have the products of equal ones.
///
/// # Arguments
/// * `products` - as `layout` places them, all squares [`in_range`]
/// * `inverse_norms` - (n), work space
#[inline(always)]
pub(crate) fn cosines_in_lanes<V: Lanes>(
    products: &[V],
    layout: &Layout,
    inverse_norms: &mut [V],
    out: &mut [V],
) -> u32 {
    let n = layout.n;
    let one = products[0].splat(1.0);
    let mut pairs = one.lt(one);
    let product = |i: usize, j: usize| products[layout.place[triangle(i, j)] as usize];
    for (i, inverse) in inverse_norms.iter_mut().enumerate() {
        *inverse = one / product(i, i).sqrt();
    }
    let mut rest = out;
    for i in 0..n {
        let (row, after) = rest.split_at_mut(n - 1 - i);
        rest = after;
        let (square, inverse) = (product(i, i), inverse_norms[i]);
        for (k, cosine) in row.iter_mut().enumerate() {
            let j = i + 1 + k;
            let dot = product(j, i);
            let equal = V::and(dot.eq(square), dot.eq(product(j, j)));
            pairs = V::or(pairs, equal);
            let between = (dot * (inverse_norms[j] * inverse)).max(one.splat(-1.0)).min(one);
            *cosine = V::select(equal, one, between);
        }
    }
    V::bits(pairs)
}

struct Products<'a, T> {
    space: &'a mut Cosines,
    single: bool,
    rows: &'a [T],
    n: usize,
    d: usize,
    next: &'a [T],
}

impl<T: Float> Kernel for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Cosines { layout, sums, narrow_sums, .. } = self.space;
        if layout.n != self.n {
            *layout = Layout::new(self.n, S::BLOCK);
            sums.resize(layout.len, 0.0);
            narrow_sums.resize(layout.len, 0.0);
        }
        let bytes = size_of_val(self.next);
        let mut ahead = Ahead::nothing(simd);
        ahead.start_at(self.next.as_ptr(), 0);
        if self.single {
            gram(simd.f32(0.0), self.rows, self.d, layout, (&mut ahead, bytes), &mut Vec::new(), narrow_sums);
            for (sum, &narrow) in sums.iter_mut().zip(narrow_sums.iter()) {
                *sum = f64::from(narrow);
            }
        } else {
            gram(simd.f64(0.0), self.rows, self.d, layout, (&mut ahead, bytes), &mut Vec::new(), sums);
        }
    }
}

/// The cosines of n rows, an n by n matrix row by row, each in `[-1, 1]`.
///
/// Rows of one direction to the last bit, equal ones above all, have cosine exactly 1; a row of zeros has cosine 0 with
/// every other row and 1 with other rows of zeros.
fn cosines<T: Float>(rows: &[T], columns: usize, out: &mut [f64]) {
    let mut units: Vec<f64> = rows.iter().map(|x| x.widen()).collect();
    units.chunks_exact_mut(columns).for_each(make_unit);
    between(&units, columns, out);
}

/// The cosines of unit rows and rows of zeros.
fn between(units: &[f64], columns: usize, out: &mut [f64]) {
    let n = units.len() / columns;
    for (i, a) in units.chunks_exact(columns).enumerate() {
        out[i * n + i] = 1.0;
        for (j, b) in units.chunks_exact(columns).enumerate().take(i) {
            // the root in a norm leaves even the dot product of a row with itself an ulp or so from 1
            let cosine = if a == b { 1.0 } else { dot(a, b).clamp(-1.0, 1.0) } + 0.0; // -0.0 becomes 0.0
            out[i * n + j] = cosine;
            out[j * n + i] = cosine;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn rows_of_zeros_are_alike_and_unlike_the_rest() {
        let rows = array![[0.0, 0.0], [2.0, 0.0], [-0.0, 0.0], [-1.0, 0.0]];
        for clip in [true, false] {
            let opposite = if clip { 0.0 } else { -1.0 };
            let cosines = cosine_similarity(rows.view(), &[0, 4], clip).unwrap();
            let expected = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, opposite, 1.0, 0.0, 1.0, 0.0, 0.0, opposite, 0.0, 1.0];
            assert_eq!(cosines, expected);
            assert!(cosines.iter().all(|x| *x != 0.0 || x.is_sign_positive()));
        }
    }

    #[test]
    fn equal_rows_have_exactly_one() {
        let rows = Array2::from_shape_fn((5, 13), |(_, j)| 0.1 + (j as f64).sin());
        assert_eq!(cosine_similarity(rows.view(), &[0, 2, 5], true).unwrap(), vec![1.0; 13]);
    }

    #[test]
    fn norms_neither_overflow_nor_vanish() {
        for scale in [1e-320, 1e-200, 1e200, 1e307] {
            let cosines = cosine_similarity(array![[scale, 0.0], [scale, scale]].view(), &[0, 2], true).unwrap();
            assert!((cosines[1] - 0.5_f64.sqrt()).abs() < 1e-15);
        }
    }

    #[test]
    fn the_first_bad_row_is_named() {
        let rows = array![[1.0], [1.0], [f64::NAN], [f64::INFINITY]];
        let error = cosine_similarity(rows.view(), &[0, 1, 4], true).unwrap_err();
        assert_eq!(error, Error::NotFinite { row: 2, group: 1 });
        let none = Array2::<f64>::zeros((2, 0));
        assert_eq!(cosine_similarity(none.view(), &[0, 2], true).unwrap_err(), Error::NoColumns);
    }
}
