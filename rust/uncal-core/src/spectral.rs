//! Scores that come from the Gram matrix of each group's rows, several at once: the products are formed once, and the
//! eigenvalues of the kernel matrix found once.
//!
//! Groups of up to [`MOST`] rows are worked on side by side, see [`lanes`](crate::lanes). What does not fit there, and
//! whatever is unusual (values that are not finite, squares out of range, more rows), goes one by one through
//! [`mod@reference`], in `f64` and on distinct rows, which is also what the vectors are tested against.
//!
//! Rows of `f16` and `f32` are multiplied in `f32` where a score forgives it: products are then good to some 1e-7 of
//! the rows' norms. Groups with two rows so near to each other that this would show are done again in `f64`.

mod reference;

use std::ops::Range;

use ndarray::ArrayView2;

use self::reference::{clean, reference, renyi};
use crate::beside::{Needs, Stretch, Work, side_by_side};
use crate::lanes::{MOST, POLES, SIDE_BY_SIDE, Tridiagonal, log_determinant};
use crate::simd::gram::{Ahead, Layout, row_sums, seem_equal, triangle};
use crate::simd::{self, Along, Isa, Lanes, Simd, Wide, exp_of_negative, ln, rough_exp_of_negative};
use crate::{Error, Float, Groups, Kernel, Kind, Result, Shape, pool};

/// What to compute of each group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spectral {
    /// The Rényi entropy of this order of the density matrix, in nats; of order 1 the von Neumann entropy.
    Renyi(f64),
    /// The exponential of the von Neumann entropy: how many different things there are.
    EffectiveRank,
    /// Minus the mean kernel value of two different rows.
    PredictiveKernel,
    /// ln det of the Gram matrix of unit rows plus `eps`, without a kernel.
    Volume {
        /// Added to every eigenvalue.
        eps: f64,
        /// Whether the mean of the group's unit rows is taken from each of them first.
        center: bool,
    },
    /// The mean of ln(l + alpha) over the eigenvalues l of the Gram matrix of the rows as they are, each minus its own
    /// mean over the columns; without a kernel.
    Eigen {
        /// Added to every eigenvalue.
        alpha: f64,
    },
}

/// What to do with a group that cannot be scored: one that is empty or holds values that are not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Return the error of the first.
    Raise,
    /// Score it NaN.
    Propagate,
}

/// Several scores of each group.
///
/// Time O(n^2 D + n^3) for a group of n rows. For `f64` the results are those of eigenvalues in `f64`; for `f16` and
/// `f32` entropies of order 1 and above are within 1e-6, and 1e-6 relative, of what they would be in `f64`.
///
/// # Arguments
/// * `embeddings` - (K, D), the rows of a group next to each other
/// * `offsets` - (P + 1), group p is rows `offsets[p]..offsets[p + 1]`
/// * `counts` - (K), how often each row counts, a whole number from 1; by default once
///
/// Returns one (P) for each of `scores`.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::NoColumns`], [`Error::NotFinite`], [`Error::Trace`], [`Error::Length`] and
/// [`Error::Value`] for `counts`, [`Error::Setting`] for an order, `eps` or `alpha` that is not above 0.
///
/// # Example
/// ```
/// use uncal_core::{Bad, Kernel, Shape, Spectral, spectral_scores};
/// let embeddings = ndarray::array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]];
/// let kernel = Kernel::new(Shape::Cosine, 1.0, true)?;
/// let scores = [Spectral::Renyi(1.0), Spectral::EffectiveRank];
/// let columns = spectral_scores(embeddings.view(), &[0, 2, 4], None, &kernel, &scores, Bad::Raise)?;
/// assert_eq!(columns[0], [2f64.ln(), 0.0]);
/// assert!((columns[1][0] - 2.0).abs() < 1e-15 && columns[1][1] == 1.0);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn spectral_scores<T: Float>(
    embeddings: ArrayView2<'_, T>,
    offsets: &[i64],
    counts: Option<&[f64]>,
    kernel: &Kernel,
    scores: &[Spectral],
    bad: Bad,
) -> Result<Vec<Vec<f64>>> {
    let plan = Plan::new(*kernel, scores, false, T::KIND)?;
    Ok(plan.run(embeddings, offsets, counts, bad)?.columns)
}

/// The eigenvalues of the density matrix of each group, from largest to smallest; each group's sum to 1.
///
/// Returns (K): a group has as many as it has rows. Values below n * 2.2e-16 of the largest cannot be told from
/// rounding and are 0. Arguments are those of [`spectral_scores`].
///
/// # Errors
/// Those of [`spectral_scores`].
pub fn spectrum<T: Float>(
    embeddings: ArrayView2<'_, T>,
    offsets: &[i64],
    counts: Option<&[f64]>,
    kernel: &Kernel,
    bad: Bad,
) -> Result<Vec<f64>> {
    Plan::new(*kernel, &[], true, T::KIND)?.run(embeddings, offsets, counts, bad).map(|found| found.spectrum)
}

/// What there is to do, the same for all groups.
#[allow(clippy::struct_excessive_bools)] // each asks a question of its own
struct Plan<'a> {
    kernel: Kernel,
    scores: &'a [Spectral],
    spectrum: bool,
    /// Whether products of `f16` and `f32` may be summed in `f32`.
    single: bool,
    /// Whether entropies are taken from eigenvalues; otherwise from determinants, to 4.5e-9 times the rows.
    exact: bool,
    tridiagonal: bool,
    row_sums: bool,
    /// Whether products are enough: not for sums of magnitudes, nor where a steep kernel magnifies their rounding.
    beside: bool,
}

struct Found {
    columns: Vec<Vec<f64>>,
    spectrum: Vec<f64>,
}

/// Two rows whose cosine is above 1 less this, but which are not equal, are too near for products in `f32`.
const NEAR: f64 = 1e-2;
/// Of rbf kernels of unit rows: a distance from products is good to some 4e-16, so its kernel value to 4e-12.
const STEEPEST: f64 = 1e4;
/// Bytes of embeddings that are one task: enough to hide its cost, few enough for all threads to end together.
const TASK: Range<usize> = 1 << 18..1 << 22;

impl<'a> Plan<'a> {
    fn new(kernel: Kernel, scores: &'a [Spectral], spectrum: bool, kind: Kind) -> Result<Self> {
        let above_zero = |name, x: f64| {
            if x >= f64::MIN_POSITIVE && x.is_finite() {
                Ok(())
            } else {
                Err(Error::setting(name, x, "a number above 0"))
            }
        };
        for &score in scores {
            match score {
                Spectral::Renyi(alpha) if alpha.is_nan() || alpha <= 0.0 => {
                    return Err(Error::setting("alpha", alpha, "a number above 0, or infinity"));
                }
                Spectral::Volume { eps, .. } => above_zero("eps", eps)?,
                Spectral::Eigen { alpha } => above_zero("alpha", alpha)?,
                _ => {}
            }
        }
        let any = |f: fn(&Spectral) -> bool| scores.iter().any(f);
        let eigenvalues = spectrum || any(|s| matches!(s, Spectral::Renyi(a) if *a != 1.0 && *a != 2.0));
        let entropy = any(|s| matches!(s, Spectral::Renyi(1.0) | Spectral::EffectiveRank));
        // Below order 1 and in determinants the small eigenvalues count, which products in f32 do not give.
        let small = spectrum
            || any(|s| matches!(s, Spectral::Renyi(a) if *a < 1.0))
            || any(|s| matches!(s, Spectral::Volume { .. } | Spectral::Eigen { .. }));
        let steep = kernel.shape == Shape::Rbf && kernel.gamma > 2.0;
        Ok(Self {
            kernel,
            scores,
            spectrum,
            single: kind != Kind::F64 && kernel.normalize && !small && !steep,
            exact: kind == Kind::F64 || eigenvalues,
            tridiagonal: entropy || eigenvalues,
            row_sums: any(|s| matches!(s, Spectral::Eigen { .. })),
            beside: match kernel.shape {
                Shape::Laplacian => false,
                Shape::Rbf => !kernel.normalize || kernel.gamma <= STEEPEST,
                _ => true,
            },
        })
    }

    /// How often the work on matrices of n rows can ask for memory.
    fn steps(&self, n: usize) -> usize {
        let entropy = if self.exact { 0 } else { POLES.len() / SIDE_BY_SIDE * n.saturating_sub(1) };
        2 * n + if self.tridiagonal { 3 * n.saturating_sub(1) + entropy } else { 0 }
    }

    fn run<T: Float>(
        &self,
        embeddings: ArrayView2<'_, T>,
        offsets: &[i64],
        counts: Option<&[f64]>,
        bad: Bad,
    ) -> Result<Found> {
        let groups = match bad {
            Bad::Raise => Groups::new(offsets, embeddings.nrows())?,
            Bad::Propagate => Groups::with_empty(offsets, embeddings.nrows())?,
        };
        if embeddings.ncols() == 0 {
            return Err(Error::NoColumns);
        }
        if let Some(counts) = counts {
            let (len, expected) = (counts.len(), embeddings.nrows());
            if len != expected {
                return Err(Error::Length { name: "counts", len, expected });
            }
            if let Some(row) = counts.iter().position(|&c| !(1.0..=1e15).contains(&c) || c.fract() != 0.0) {
                let needed = "a whole number from 1 to 1e15";
                return Err(Error::Value { name: "counts", row, value: counts[row], needed });
            }
        }
        let isa = Isa::chosen()?;
        let embeddings = embeddings.as_standard_layout();
        let rows = embeddings.as_slice().unwrap_or_default();
        let d = embeddings.ncols();
        let per_group = (rows.len() / groups.len().max(1)).max(1) * size_of::<T>();
        let task = (size_of_val(rows) / 64).clamp(TASK.start, TASK.end);
        let step = (task / per_group).clamp(16, 4096).next_multiple_of(16);
        let per_row = d + embeddings.nrows() / groups.len().max(1);
        let work = rows.len().saturating_mul(per_row / d.max(1) + per_row / 8);
        let parts = pool::map(groups.len().div_ceil(step), work, |part| {
            let range = part * step..groups.len().min((part + 1) * step);
            let stretch = Stretch { rows, d, groups, range: range.clone() };
            isa.run(Task { frame: Frame { plan: self, d, groups, counts, range }, stretch, bad })
        });
        let mut columns = vec![Vec::with_capacity(groups.len()); self.scores.len()];
        let mut spectrum = Vec::new();
        for part in parts {
            let part = part?;
            for (column, found) in columns.iter_mut().zip(part.columns) {
                column.extend(found);
            }
            spectrum.extend(part.spectrum);
        }
        Ok(Found { columns, spectrum })
    }
}

/// Consecutive groups, for one thread.
struct Task<'a, T> {
    frame: Frame<'a>,
    stretch: Stretch<'a, T>,
    bad: Bad,
}

/// What a task knows but the rows.
struct Frame<'a> {
    plan: &'a Plan<'a>,
    d: usize,
    groups: Groups<'a>,
    counts: Option<&'a [f64]>,
    range: Range<usize>,
}

impl<T: Float> simd::Kernel for Task<'_, T> {
    type Output = Result<Found>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Result<Found> {
        let first = self.frame.groups.rows_or_end(self.frame.range.start).start;
        let last = self.frame.groups.rows_or_end(self.frame.range.end).start;
        let mut found = Found {
            columns: vec![vec![0.0; self.frame.range.len()]; self.frame.plan.scores.len()],
            spectrum: vec![0.0; if self.frame.plan.spectrum { last - first } else { 0 }],
        };
        let mut alone = Vec::new();
        let mut beside: Vec<usize> = Vec::with_capacity(self.frame.range.len());
        for p in self.frame.range.clone() {
            let fits = (1..=MOST).contains(&self.frame.groups.rows(p).len()) && self.frame.plan.beside;
            if fits { beside.push(p) } else { alone.push(p) }
        }
        // Of one size together; the sort is stable, so memory is read in order as far as possible.
        beside.sort_by_key(|&p| self.frame.groups.rows(p).len());
        let zero = simd.wide(0.0);
        if self.frame.plan.single {
            let mut again = Vec::new();
            let results = Results { found: &mut found, alone: &mut alone, again: &mut again };
            let mut work = Scores { frame: &self.frame, results, space: Space::new(zero, 1, 0), zeros: false };
            side_by_side(simd, simd.f32(0.0), &self.stretch, &beside, &mut work);
            beside = again;
        }
        let mut again = Vec::new();
        let results = Results { found: &mut found, alone: &mut alone, again: &mut again };
        let mut work = Scores { frame: &self.frame, results, space: Space::new(zero, 1, 0), zeros: false };
        side_by_side(simd, simd.f64(0.0), &self.stretch, &beside, &mut work);
        debug_assert!(again.is_empty(), "sums in f64 are as good as they get");
        alone.sort_unstable();
        for p in alone {
            self.one(p, &mut found)?;
        }
        Ok(found)
    }
}

/// What the lanes of one batch are.
struct Batch<'a> {
    layout: &'a Layout,
    /// The group of each lane in use.
    members: &'a [usize],
    zeros: bool,
    /// Whether the products were summed in `f32`.
    single: bool,
}

/// Buffers of a task.
struct Space<V> {
    products: Vec<V>,
    matrix: Vec<V>,
    inverse_norms: Vec<V>,
    roots: Vec<V>,
    tridiagonal: Tridiagonal<V>,
}

impl<V: Lanes> Space<V> {
    fn new(zero: V, n: usize, numbers: usize) -> Self {
        Self {
            products: vec![zero; numbers],
            matrix: vec![zero; triangle(n, 0)],
            inverse_norms: vec![zero; n],
            roots: vec![zero; n],
            tridiagonal: Tridiagonal::new(zero, n),
        }
    }
}

/// The scores of groups beside each other.
struct Scores<'a, S: Simd> {
    frame: &'a Frame<'a>,
    results: Results<'a>,
    space: Space<Wide<S>>,
    /// Whether a group of this batch has rows of zeros.
    zeros: bool,
}

impl<S: Simd, T: Float, A: Along> Work<S, T, A> for Scores<'_, S> {
    #[inline(always)]
    fn begin(&mut self, simd: S, layout: &Layout) -> Needs {
        let Plan { row_sums, .. } = *self.frame.plan;
        let beside = if row_sums { layout.n.next_multiple_of(16) } else { 0 };
        self.space = Space::new(simd.wide(0.0), layout.n, layout.len + beside);
        Needs { beside, steps: self.frame.plan.steps(layout.n) }
    }

    #[inline(always)]
    fn takes(&mut self, zero: A, p: usize, rows: &[T], layout: &Layout, sums: &mut [A::Scalar]) -> bool {
        let Some(has_zeros) = self.frame.ordinary(rows, layout, sums) else {
            self.results.alone.push(p);
            return false;
        };
        if A::Scalar::KIND == Kind::F32 && seem_equal(rows, self.frame.d, layout, sums) {
            self.results.again.push(p);
            return false;
        }
        if self.frame.plan.row_sums {
            row_sums(zero, rows, self.frame.d, &mut sums[layout.len..]);
        }
        self.zeros |= has_zeros;
        true
    }

    #[inline(always)]
    fn numbers(&mut self) -> &mut [Wide<S>] {
        &mut self.space.products
    }

    #[inline(always)]
    fn run(&mut self, simd: S, layout: &Layout, members: &[usize], ahead: &mut Ahead<S>) {
        let single = A::Scalar::KIND == Kind::F32;
        let batch = Batch { layout, members, zeros: std::mem::take(&mut self.zeros), single };
        let Self { frame, ref mut results, ref mut space, .. } = *self;
        simd.call(Score::<S> { frame, batch, space, results, ahead });
    }
}

impl Frame<'_> {
    /// Whether the squares of a group's rows are finite and in range, and then whether there are rows of zeros.
    #[inline(always)]
    fn ordinary<T: Float, R: Float>(&self, rows: &[T], layout: &Layout, sums: &[R]) -> Option<bool> {
        let raw = !self.plan.kernel.normalize;
        let (least, most) = match (R::KIND, raw || self.plan.row_sums) {
            (Kind::F64, false) => (1e-250, 1e250),
            // the kernel may square once more
            (Kind::F64, true) => (1e-100, 1e100),
            _ => (1e-25, 1e30),
        };
        // distances of raw rows are differences of squares: where those are large, too few digits are left
        let most = if raw && self.plan.kernel.shape == Shape::Rbf { 1e3 / self.plan.kernel.gamma } else { most };
        let mut zeros = false;
        for i in 0..layout.n {
            let square = sums[layout.place[triangle(i, i)] as usize].widen();
            if square == 0.0 {
                let zero = T::default();
                if rows[i * self.d..(i + 1) * self.d].iter().any(|&x| x != zero) {
                    return None;
                }
                zeros = true;
            } else if !(least < square && square < most) {
                return None;
            }
        }
        Some(zeros)
    }
}

impl<T: Float> Task<'_, T> {
    /// One group by the reference.
    #[cold]
    #[inline(never)]
    fn one(&self, p: usize, found: &mut Found) -> Result<()> {
        let rows = self.frame.groups.rows(p);
        let first = self.frame.groups.rows_or_end(self.frame.range.start).start;
        match (
            reference(
                self.frame.plan,
                p,
                rows.start,
                self.stretch.of(p),
                self.frame.d,
                self.frame.counts.map(|c| &c[rows.clone()]),
            ),
            self.bad,
        ) {
            (Ok((scores, spectrum)), _) => {
                for (column, score) in found.columns.iter_mut().zip(scores) {
                    column[p - self.frame.range.start] = score;
                }
                if self.frame.plan.spectrum {
                    found.spectrum[rows.start - first..][..spectrum.len()].copy_from_slice(&spectrum);
                }
            }
            (Err(Error::EmptyGroup { .. } | Error::NotFinite { .. }), Bad::Propagate) => {
                for column in &mut found.columns {
                    column[p - self.frame.range.start] = f64::NAN;
                }
                if self.frame.plan.spectrum {
                    found.spectrum[rows.start - first..rows.end - first].fill(f64::NAN);
                }
            }
            (Err(error), _) => return Err(error),
        }
        Ok(())
    }
}

/// Where the results of a batch go.
struct Results<'a> {
    found: &'a mut Found,
    /// Groups that are out of the ordinary.
    alone: &'a mut Vec<usize>,
    /// Groups that need more precision.
    again: &'a mut Vec<usize>,
}

/// The part of a task that does not depend on what the rows are made of.
struct Score<'a, 'b, S: Simd> {
    frame: &'a Frame<'a>,
    batch: Batch<'a>,
    space: &'a mut Space<Wide<S>>,
    results: &'a mut Results<'b>,
    ahead: &'a mut Ahead<S>,
}

impl<S: Simd> simd::Part<S> for Score<'_, '_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: S) {
        self.frame.score(&self.batch, self.space, self.results, self.ahead);
    }
}

impl Frame<'_> {
    /// Score a batch, whose sums of products are in `space.products`.
    #[inline(always)]
    fn score<S: Simd, V: Lanes<Scalar = f64>>(
        &self,
        batch: &Batch<'_>,
        space: &mut Space<V>,
        results: &mut Results<'_>,
        ahead: &mut Ahead<S>,
    ) {
        let Results { found, alone, again } = results;
        let n = batch.layout.n;
        let zero = space.products[0].splat(0.0);
        let one = zero.splat(1.0);
        let total = self.weigh(batch, &mut space.roots, one);
        let plan = self.plan;
        let density = plan.tridiagonal
            || plan.scores.iter().any(|s| matches!(s, Spectral::Renyi(_) | Spectral::PredictiveKernel));
        let mut skip = 0;
        let mut purity = one;
        let mut kernel_mean = zero;
        let mut entropy = zero;
        let mut same = 0;
        if density {
            let matrix = if batch.single {
                self.density::<S, V, true>(batch, space, total, ahead)
            } else {
                self.density::<S, V, false>(batch, space, total, ahead)
            };
            if batch.single {
                skip = matrix.near;
            }
            (purity, kernel_mean, same) = (matrix.purity, matrix.mean, matrix.same);
            if plan.tridiagonal {
                space.tridiagonal.reduce(&mut space.matrix, n, ahead);
                if plan.exact {
                    let open = space.tridiagonal.eigenvalues(n, one);
                    skip |= open;
                    for (lane, &p) in batch.members.iter().enumerate() {
                        if open >> lane & 1 == 1 {
                            alone.push(p);
                        }
                    }
                    entropy = entropy_of(&space.tridiagonal.d[..n], one);
                } else {
                    entropy = space.tridiagonal.entropy(n, ahead);
                }
            }
            if batch.single && matrix.near != 0 {
                for (lane, &p) in batch.members.iter().enumerate() {
                    if matrix.near >> lane & 1 == 1 {
                        again.push(p);
                    }
                }
            }
        }
        if plan.spectrum || plan.scores.iter().any(|s| matches!(s, Spectral::Renyi(a) if *a != 1.0 && *a != 2.0)) {
            self.read_eigenvalues(batch, &space.tridiagonal.d, same, &mut skip, found, alone);
        }
        let mut numbers = [0.0; 16];
        for (i, &score) in plan.scores.iter().enumerate() {
            let most = ln(total);
            let vector = match score {
                Spectral::Renyi(1.0) => entropy.max(zero).min(most),
                Spectral::Renyi(2.0) => (zero - ln(purity.max(zero.splat(1e-300)))).max(zero).min(most),
                Spectral::Renyi(_) => continue,
                Spectral::EffectiveRank => {
                    let entropy = entropy.max(zero).min(most);
                    (one / exp_of_negative(zero - entropy)).min(total)
                }
                Spectral::PredictiveKernel => kernel_mean,
                Spectral::Volume { eps, center } => self.volume(batch, space, total, eps, center),
                Spectral::Eigen { alpha } => self.eigen_score(batch, space, total, alpha),
            };
            vector.store(&mut numbers);
            for (lane, &p) in batch.members.iter().enumerate() {
                if skip >> lane & 1 == 0 {
                    let exact = if same >> lane & 1 == 1 { score.of_equal_rows() } else { None };
                    let single = self.size(p) == 1.0;
                    let value = if single { score.of_one_row() } else { exact.unwrap_or(numbers[lane]) };
                    found.columns[i][p - self.range.start] = value;
                }
            }
        }
    }

    /// Spectra, and entropies of other orders than 1 and 2, lane by lane.
    #[inline(always)]
    fn read_eigenvalues<V: Lanes<Scalar = f64>>(
        &self,
        batch: &Batch<'_>,
        eigenvalues: &[V],
        same: u32,
        skip: &mut u32,
        found: &mut Found,
        alone: &mut Vec<usize>,
    ) {
        let n = batch.layout.n;
        let first = self.groups.rows_or_end(self.range.start).start;
        let mut numbers = [0.0; 16];
        let mut values = [0.0; MOST];
        for (lane, &p) in batch.members.iter().enumerate() {
            if *skip >> lane & 1 == 1 {
                continue;
            }
            for (value, d) in values.iter_mut().zip(&eigenvalues[..n]) {
                d.store(&mut numbers);
                *value = numbers[lane];
            }
            if same >> lane & 1 == 1 {
                values[..n].fill(0.0);
                values[0] = 1.0;
            }
            // a group whose matrix is not positive is left to the reference, which says so
            if clean(&mut values[..n]).is_none() {
                *skip |= 1 << lane;
                alone.push(p);
                continue;
            }
            if self.plan.spectrum {
                found.spectrum[self.groups.rows(p).start - first..][..n].copy_from_slice(&values[..n]);
            }
            for (column, &score) in found.columns.iter_mut().zip(self.plan.scores) {
                if let Spectral::Renyi(alpha) = score {
                    column[p - self.range.start] = renyi(&values[..n], alpha);
                }
            }
        }
    }

    /// How many rows a group counts as.
    fn size(&self, p: usize) -> f64 {
        let rows = self.groups.rows(p);
        self.counts.map_or(rows.len() as f64, |counts| counts[rows].iter().sum())
    }

    /// The roots of the counts of the rows into `roots`; returns how many rows each group counts as.
    #[inline(always)]
    fn weigh<V: Lanes>(&self, batch: &Batch<'_>, roots: &mut [V], one: V) -> V {
        let n = batch.layout.n;
        let Some(counts) = self.counts else {
            return one.splat(n as f64);
        };
        let mut total = one.splat(0.0);
        let mut table = [1.0; 16 * 16];
        for (i, root) in roots.iter_mut().enumerate() {
            for lane in 0..V::N {
                let p = batch.members[if lane < batch.members.len() { lane } else { 0 }];
                table[lane * 16] = counts[self.groups.rows(p)][i];
            }
            let mut row = [one; 16];
            one.transpose(&table, 16, &mut row);
            total = total + row[0];
            *root = row[0].sqrt();
        }
        total
    }

    /// The density matrix into `space.matrix`.
    #[inline(always)]
    fn density<S: Simd, V: Lanes, const SINGLE: bool>(
        &self,
        batch: &Batch<'_>,
        space: &mut Space<V>,
        total: V,
        ahead: &mut Ahead<S>,
    ) -> DensityFacts<V> {
        let Layout { n, place, .. } = batch.layout;
        let n = *n;
        let Kernel { shape, normalize, .. } = self.plan.kernel;
        let zero = total.splat(0.0);
        let (one, half) = (zero.splat(1.0), zero.splat(0.5));
        let (same, near) = self.arguments::<S, V, SINGLE>(batch, space, one, ahead);
        self.kernel_values::<S, V, SINGLE>(batch, space, one, ahead);
        let unit = normalize || shape == Shape::Rbf;
        let (mut trace, mut sum) = (zero, zero);
        for i in 0..n {
            let mut own = one;
            if !unit {
                let square = space.products[place[triangle(i, i)] as usize];
                own = value(shape, square, half);
                own = if batch.zeros { V::select(zero.lt(square), own, one) } else { own };
            }
            if self.counts.is_some() {
                let count = space.roots[i] * space.roots[i];
                // a row that counts c times makes c (c - 1) pairs with itself
                sum = (count * (count - one) * half).mul_add(own, sum);
                own = own * count;
            }
            trace = trace + own;
            space.matrix[triangle(i, i)] = own;
        }
        let inverse_trace = one / trace;
        let (mut squares, mut products) = (zero, zero);
        for i in 0..n {
            let row = &mut space.matrix[triangle(i, 0)..=triangle(i, i)];
            let (mut of_row, mut squares_of_row) = (zero, zero);
            if self.counts.is_some() {
                for (k, &other) in row[..i].iter_mut().zip(&space.roots) {
                    let root = space.roots[i] * other;
                    of_row = (root * root).mul_add(*k, of_row);
                    *k = *k * root * inverse_trace;
                    squares_of_row = k.mul_add(*k, squares_of_row);
                }
            } else {
                for k in &mut row[..i] {
                    of_row = of_row + *k;
                    *k = *k * inverse_trace;
                    squares_of_row = k.mul_add(*k, squares_of_row);
                }
            }
            sum = sum + of_row;
            products = products + squares_of_row;
            row[i] = row[i] * inverse_trace;
            squares = row[i].mul_add(row[i], squares);
        }
        let mean = zero - (sum + sum) / (total * (total - one)).max(zero.splat(f64::MIN_POSITIVE));
        DensityFacts { purity: squares + (products + products), mean, same: V::bits(same), near: V::bits(near) }
    }

    /// What the kernel is a function of, into `space.matrix`: for rbf minus half the squared distances, for the others
    /// cosines or products. Returns the lanes of equal rows, and those with rows too near for products in `f32`.
    #[inline(always)]
    fn arguments<S: Simd, V: Lanes, const SINGLE: bool>(
        &self,
        batch: &Batch<'_>,
        space: &mut Space<V>,
        one: V,
        ahead: &mut Ahead<S>,
    ) -> (V::Mask, V::Mask) {
        let Layout { n, place, .. } = batch.layout;
        let Kernel { shape, normalize, .. } = self.plan.kernel;
        let g = &space.products;
        let (zero, half) = (one.splat(0.0), one.splat(0.5));
        let diagonal = |i: usize| place[triangle(i, i)] as usize;
        if normalize {
            for (i, inverse) in space.inverse_norms.iter_mut().enumerate() {
                *inverse = g[diagonal(i)].inverse_sqrt();
                if batch.zeros {
                    *inverse = V::select(zero.lt(g[diagonal(i)]), *inverse, zero);
                }
            }
        }
        let signed = matches!(shape, Shape::Cosine | Shape::Poly2);
        let mut same = one.eq(one);
        let mut nearest = zero;
        for i in 0..*n {
            ahead.step();
            let own_square = g[diagonal(i)];
            let inverse = space.inverse_norms[i];
            for j in 0..i {
                let product = g[place[triangle(i, j)] as usize];
                let other_square = g[diagonal(j)];
                let equal = V::and(product.eq(own_square), product.eq(other_square));
                same = V::and(same, equal);
                space.matrix[triangle(i, j)] = if normalize {
                    let cosine = (product * (inverse * space.inverse_norms[j])).min(one);
                    if SINGLE {
                        // opposite rows are as near, to kernels that are 1 or -1 for them
                        let near = if signed { cosine.max(zero - cosine) } else { cosine };
                        nearest = nearest.max(V::select(equal, zero, near));
                    }
                    let cosine = V::select(equal, one, cosine);
                    if shape == Shape::Rbf { cosine - one } else { cosine }
                } else if shape == Shape::Rbf {
                    ((product + product - own_square - other_square) * half).min(zero)
                } else {
                    product
                };
            }
            space.matrix[triangle(i, i)] = zero;
        }
        (same, one.splat(1.0 - NEAR).lt(nearest))
    }

    /// The kernel of the arguments in `space.matrix`, in one run over it; the diagonal is of no use after that.
    #[inline(always)]
    fn kernel_values<S: Simd, V: Lanes, const SINGLE: bool>(
        &self,
        batch: &Batch<'_>,
        space: &mut Space<V>,
        one: V,
        ahead: &mut Ahead<S>,
    ) {
        let Layout { n, place, .. } = batch.layout;
        let Kernel { shape, gamma, .. } = self.plan.kernel;
        match shape {
            Shape::Rbf => {
                // finite, so that equal rows are alike however steep the kernel
                let two_gamma = one.splat((2.0 * gamma).min(f64::MAX));
                for row in 0..*n {
                    ahead.step();
                    for k in &mut space.matrix[triangle(row, 0)..=triangle(row, row)] {
                        let exponent = *k * two_gamma;
                        *k = if SINGLE { rough_exp_of_negative(exponent) } else { exp_of_negative(exponent) };
                    }
                }
            }
            Shape::Cosine | Shape::Laplacian => {}
            Shape::Cosine01 | Shape::Poly2 => {
                for k in &mut space.matrix[..] {
                    *k = value(shape, *k, one.splat(0.5));
                }
            }
        }
        if batch.zeros {
            let zero = one.splat(0.0);
            for i in 0..*n {
                let own = space.products[place[triangle(i, i)] as usize].eq(zero);
                for j in 0..i {
                    let other = space.products[place[triangle(j, j)] as usize].eq(zero);
                    let k = &mut space.matrix[triangle(i, j)];
                    *k = V::select(V::or(own, other), V::select(V::and(own, other), one, zero), *k);
                }
            }
        }
    }

    /// ln det of the Gram matrix of unit rows plus `eps`.
    #[inline(always)]
    fn volume<V: Lanes>(&self, batch: &Batch<'_>, space: &mut Space<V>, total: V, eps: f64, center: bool) -> V {
        let Layout { n, place, .. } = batch.layout;
        let n = *n;
        let g = &space.products;
        let zero = total.splat(0.0);
        let one = total.splat(1.0);
        let diagonal = |i: usize| place[triangle(i, i)] as usize;
        for (i, inverse) in space.inverse_norms.iter_mut().enumerate() {
            let square = g[diagonal(i)];
            *inverse = V::select(zero.lt(square), square.inverse_sqrt(), zero);
        }
        for i in 0..n {
            let own_square = g[diagonal(i)];
            for j in 0..i {
                let product = g[place[triangle(i, j)] as usize];
                let other_square = g[diagonal(j)];
                let equal = V::and(product.eq(own_square), product.eq(other_square));
                let cosine = product * (space.inverse_norms[i] * space.inverse_norms[j]);
                space.matrix[triangle(i, j)] = V::select(equal, one, cosine);
            }
            space.matrix[triangle(i, i)] = one;
        }
        if center {
            self.center(n, space, total);
        }
        self.determinant(n, space, total, eps)
    }

    /// Take the mean row from all rows, by their Gram matrix in `space.matrix`.
    #[inline(always)]
    fn center<V: Lanes>(&self, n: usize, space: &mut Space<V>, total: V) {
        let zero = total.splat(0.0);
        let one = total.splat(1.0);
        let counted = self.counts.is_some();
        let mut means = [zero; MOST];
        let mut grand = zero;
        for i in 0..n {
            let mut sum = zero;
            for j in 0..n {
                let entry = space.matrix[triangle(i.max(j), i.min(j))];
                let count = if counted { space.roots[j] * space.roots[j] } else { one };
                sum = count.mul_add(entry, sum);
            }
            means[i] = sum / total;
            let count = if counted { space.roots[i] * space.roots[i] } else { one };
            grand = count.mul_add(means[i], grand);
        }
        grand = grand / total;
        for i in 0..n {
            for j in 0..=i {
                let entry = &mut space.matrix[triangle(i, j)];
                *entry = ((*entry - means[i]) - means[j]) + grand;
            }
        }
    }

    /// ln det(G + shift), each row of G counted as often as it counts.
    #[inline(always)]
    fn determinant<V: Lanes>(&self, n: usize, space: &mut Space<V>, total: V, shift: f64) -> V {
        if self.counts.is_some() {
            for i in 0..n {
                for j in 0..=i {
                    let root = space.roots[i] * space.roots[j];
                    space.matrix[triangle(i, j)] = space.matrix[triangle(i, j)] * root;
                }
            }
        }
        let log = log_determinant(&mut space.matrix, n, total.splat(shift));
        // the eigenvalues that repetition adds are zeros
        (total - total.splat(n as f64)).mul_add(total.splat(shift.ln()), log)
    }

    /// The mean of ln(l + alpha) over the eigenvalues of the Gram matrix of rows minus their own mean.
    #[inline(always)]
    fn eigen_score<V: Lanes>(&self, batch: &Batch<'_>, space: &mut Space<V>, total: V, alpha: f64) -> V {
        let Layout { n, place, len, .. } = batch.layout;
        let sums = &space.products[*len..];
        let inverse = total.splat(1.0 / self.d as f64);
        for i in 0..*n {
            for j in 0..=i {
                let product = space.products[place[triangle(i, j)] as usize];
                space.matrix[triangle(i, j)] = (sums[i] * inverse).neg_mul_add(sums[j], product);
            }
        }
        self.determinant(*n, space, total, alpha) / total
    }
}

/// What was seen while a density matrix was built.
struct DensityFacts<V> {
    /// The sum of the squares of its entries.
    purity: V,
    /// Minus the mean kernel value of two different rows.
    mean: V,
    /// Lanes whose rows are all equal.
    same: u32,
    /// Lanes with two rows too near to each other for products in `f32`.
    near: u32,
}

impl Spectral {
    /// What a group of one row has, by agreement: no spread at all.
    fn of_one_row(self) -> f64 {
        if self == Self::EffectiveRank { 1.0 } else { 0.0 }
    }

    /// What rounding must not touch.
    fn of_equal_rows(self) -> Option<f64> {
        match self {
            Self::Renyi(_) => Some(0.0),
            Self::EffectiveRank => Some(1.0),
            _ => None,
        }
    }
}

/// The kernel value of rows with this product, for the shapes that are polynomials of it.
#[inline(always)]
fn value<V: Lanes>(shape: Shape, product: V, half: V) -> V {
    match shape {
        Shape::Cosine01 => product.mul_add(half, half),
        Shape::Poly2 => product * product,
        _ => product,
    }
}

/// -sum of x ln x over the eigenvalues x, of which what is rounding counts for nothing and the rest is scaled to sum 1.
#[inline(always)]
fn entropy_of<V: Lanes>(values: &[V], one: V) -> V {
    let zero = one.splat(0.0);
    let mut largest = values[0];
    for &x in &values[1..] {
        largest = largest.max(x);
    }
    let noise = largest * one.splat(values.len() as f64 * f64::EPSILON);
    let (mut sum, mut logs) = (zero, zero);
    for &x in values {
        let kept = noise.lt(x);
        sum = sum + V::select(kept, x, zero);
        let x = V::select(kept, x, one);
        logs = x.mul_add(ln(x), logs);
    }
    ln(sum) - logs / sum
}
