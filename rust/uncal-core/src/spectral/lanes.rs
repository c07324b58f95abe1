//! Groups of one size side by side, a lane for each: from the sums of their products to their scores.

use super::reference::{clean, renyi};
use super::{Found, Frame, NEAR, Plan, Spectral};
use crate::lanes::{MOST, Tridiagonal, log_determinant};
use crate::side_by_side::{Needs, Stretch, Work};
use crate::simd::gram::{Ahead, Layout, row_sums, seem_equal, triangle};
use crate::simd::{self, Along, Lanes, Simd, Vector, Wide, exp_of_negative, ln, rough_exp_of_negative};
use crate::{Float, Kernel, Kind, Shape};

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
pub(super) struct Space<V> {
    products: Vec<V>,
    matrix: Vec<V>,
    inverse_norms: Vec<V>,
    roots: Vec<V>,
    tridiagonal: Tridiagonal<V>,
}

impl<V: Lanes> Space<V> {
    pub(super) fn new(zero: V, n: usize, numbers: usize) -> Self {
        Self {
            products: vec![zero; numbers],
            matrix: vec![zero; triangle(n, 0)],
            inverse_norms: vec![zero; n],
            roots: vec![zero; n],
            tridiagonal: Tridiagonal::new(zero, n),
        }
    }
}

/// The scores of groups side by side.
pub(super) struct Scores<'a, S: Simd, T> {
    pub(super) frame: &'a Frame<'a>,
    pub(super) stretch: &'a Stretch<'a, T>,
    pub(super) results: Results<'a>,
    pub(super) space: Space<Wide<S>>,
    /// Whether a group of this batch has rows of zeros.
    pub(super) zeros: bool,
}

impl<S: Simd, T: Float, A: Along> Work<S, T, A> for Scores<'_, S, T> {
    #[inline(always)]
    fn begin(&mut self, simd: S, layout: &Layout) -> Needs {
        let Plan { row_sums, .. } = *self.frame.plan;
        let further = if row_sums { layout.n.next_multiple_of(16) } else { 0 };
        self.space = Space::new(simd.wide(0.0), layout.n, layout.len + further);
        Needs { further, steps: self.frame.plan.steps(layout.n) }
    }

    #[inline(always)]
    fn takes(&mut self, zero: A, p: usize, rows: &[T], layout: &Layout, sums: &mut [A::Scalar]) -> bool {
        let Some(has_zeros) = self.frame.ordinary(rows, layout, sums) else {
            self.results.alone.push(p);
            return false;
        };
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
    fn run(&mut self, simd: S, layout: &Layout, members: &[usize], sums: &[A::Scalar], ahead: &mut Ahead<S>) {
        let single = A::Scalar::KIND == Kind::F32;
        let batch = Batch { layout, members, zeros: std::mem::take(&mut self.zeros), single };
        let Self { frame, ref mut results, ref mut space, .. } = *self;
        let pairs = simd.call(Score::<S> { frame, batch, space, results, ahead });
        if single && pairs != 0 {
            for ((lane, &p), sums) in members.iter().enumerate().zip(sums.chunks_exact(sums.len() / Wide::<S>::N)) {
                if pairs >> lane & 1 == 1 && seem_equal(self.stretch.of(p), frame.d, layout, sums) {
                    self.results.again.push(p);
                }
            }
        }
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

/// Where the results of a batch go.
pub(super) struct Results<'a> {
    pub(super) found: &'a mut Found,
    /// Groups that are out of the ordinary.
    pub(super) alone: &'a mut Vec<usize>,
    /// Groups that need more precision.
    pub(super) again: &'a mut Vec<usize>,
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
    /// Lanes in which two rows have the products of equal ones, and that nothing else is wrong with.
    type Output = u32;
    #[inline(always)]
    fn run(self, _: S) -> u32 {
        self.frame.score(&self.batch, self.space, self.results, self.ahead)
    }
}

impl Frame<'_> {
    /// Score a batch, whose sums of products are in `space.products`; returns what [`Score`] does.
    #[inline(always)]
    fn score<S: Simd, V: Lanes>(
        &self,
        batch: &Batch<'_>,
        space: &mut Space<V>,
        results: &mut Results<'_>,
        ahead: &mut Ahead<S>,
    ) -> u32 {
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
        let (mut same, mut pairs) = (0, 0);
        if density {
            let matrix = if batch.single {
                self.density::<S, V, true>(batch, space, total, ahead)
            } else {
                self.density::<S, V, false>(batch, space, total, ahead)
            };
            if batch.single {
                skip = matrix.near;
            }
            (purity, kernel_mean, same, pairs) = (matrix.purity, matrix.mean, matrix.same, matrix.pairs & !skip);
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
        pairs
    }

    /// Spectra, and entropies of other orders than 1 and 2, lane by lane.
    #[inline(always)]
    fn read_eigenvalues<V: Lanes>(
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
        let seen = self.arguments::<S, V, SINGLE>(batch, space, one, ahead);
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
        DensityFacts { purity: squares + (products + products), mean, same: seen.0, pairs: seen.1, near: seen.2 }
    }

    /// What the kernel is a function of, into `space.matrix`: for rbf minus half the squared distances, for the others
    /// cosines or products. Returns the lanes of equal rows, those with two rows that
    /// seem equal, and those with rows too near for products in `f32`.
    #[inline(always)]
    fn arguments<S: Simd, V: Lanes, const SINGLE: bool>(
        &self,
        batch: &Batch<'_>,
        space: &mut Space<V>,
        one: V,
        ahead: &mut Ahead<S>,
    ) -> (u32, u32, u32) {
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
        let mut pairs = one.lt(one);
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
                if SINGLE {
                    pairs = V::or(pairs, equal);
                }
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
        (V::bits(same), V::bits(pairs), V::bits(one.splat(1.0 - NEAR).lt(nearest)))
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
    /// Lanes with two rows that seem equal, if products are in `f32`.
    pairs: u32,
    /// Lanes with two rows too near to each other for products in `f32`.
    near: u32,
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
