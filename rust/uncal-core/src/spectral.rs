//! Scores that come from the Gram matrix of each group's rows, several at once: the products are formed once, and the
//! eigenvalues of the kernel matrix found once.
//!
//! Groups of up to [`MOST`] rows are worked on side by side, see [`lanes`](crate::lanes). What does not fit there, and
//! whatever is unusual (values that are not finite, squares out of range, more rows), goes one by one through
//! [`mod@reference`], in `f64` and on distinct rows, which is also what the vectors are tested against.
//!
//! Rows of `f16` and `f32` are multiplied in `f32` where a score forgives it: products are then good to some 1e-7 of
//! the rows' norms. Groups with two rows so near to each other that this would show are done again in `f64`.

mod lanes;
mod reference;

use std::ops::Range;

use ndarray::ArrayView2;

use self::lanes::{Results, Scores, Space};
use self::reference::reference;
use crate::lanes::{MOST, POLES, SIDE_BY_SIDE};
use crate::side_by_side::{Stretch, side_by_side};
use crate::simd::{self, Isa, Simd};
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
    /// Whether products are enough, so that groups can go side by side: they are not for sums of magnitudes, nor where
    /// a steep kernel magnifies their rounding.
    side_by_side: bool,
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
            side_by_side: match kernel.shape {
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
        let mut which: Vec<usize> = Vec::with_capacity(self.frame.range.len());
        for p in self.frame.range.clone() {
            let fits = (1..=MOST).contains(&self.frame.groups.rows(p).len()) && self.frame.plan.side_by_side;
            if fits { which.push(p) } else { alone.push(p) }
        }
        // Of one size together; the sort is stable, so memory is read in order as far as possible.
        which.sort_by_key(|&p| self.frame.groups.rows(p).len());
        let zero = simd.wide(0.0);
        if self.frame.plan.single {
            let mut again = Vec::new();
            let results = Results { found: &mut found, alone: &mut alone, again: &mut again };
            let mut work = Scores {
                frame: &self.frame,
                stretch: &self.stretch,
                results,
                space: Space::new(zero, 1, 0),
                zeros: false,
            };
            side_by_side(simd, simd.f32(0.0), &self.stretch, &which, &mut work);
            which = again;
        }
        let mut again = Vec::new();
        let results = Results { found: &mut found, alone: &mut alone, again: &mut again };
        let mut work =
            Scores { frame: &self.frame, stretch: &self.stretch, results, space: Space::new(zero, 1, 0), zeros: false };
        side_by_side(simd, simd.f64(0.0), &self.stretch, &which, &mut work);
        debug_assert!(again.is_empty(), "sums in f64 are as good as they get");
        alone.sort_unstable();
        for p in alone {
            self.one(p, &mut found)?;
        }
        Ok(found)
    }
}

impl<T: Float> Task<'_, T> {
    /// One group by the reference.
    #[cold]
    #[inline(never)]
    fn one(&self, p: usize, found: &mut Found) -> Result<()> {
        let rows = self.frame.groups.rows(p);
        let first = self.frame.groups.rows_or_end(self.frame.range.start).start;
        let counts = self.frame.counts.map(|counts| &counts[rows.clone()]);
        let scored = reference(self.frame.plan, p, rows.start, self.stretch.of(p), self.frame.d, counts);
        match (scored, self.bad) {
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
