//! Logistic regression on a few features of one number: what several of the fits are made of.

use crate::float::Real;
use crate::simd::{Along, Isa, Kernel, Lanes, Pair, Simd, Vector, Wide, exp, ln};
use crate::sum::pairwise;
use crate::{Pairs, Result, pool};

/// The features of a value, in which the log-odds are linear.
pub(super) trait Features<const D: usize>: Copy + Send + Sync {
    /// Must be `#[inline(always)]`.
    fn of<V: Lanes>(&self, x: V) -> [V; D];
}

/// What is minimised: the mean of -t ln p - (1 - t) ln(1 - p) over the rows, where p has the log-odds
/// `parameters . features` and the target t is `high` for right rows and `low` for wrong ones.
pub(super) struct Logistic<'a, T, F, const D: usize> {
    pub pairs: &'a Pairs<'a, T>,
    pub features: F,
    pub high: f64,
    pub low: f64,
    isa: Isa,
    /// One block of rows in so many is read.
    stride: usize,
    /// The weight of the rows that are.
    total: f64,
}

/// Means over the rows at some parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<const D: usize> {
    /// 0 if it was not asked for.
    pub loss: f64,
    pub gradient: [f64; D],
    /// The lower triangle is filled.
    pub hessian: [[f64; D]; D],
    /// The mean magnitude of what cancels in a gradient.
    pub terms: f64,
}

/// Where a search ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<const D: usize> {
    pub parameters: [f64; D],
    pub steps: usize,
    pub converged: bool,
}

/// A gradient this small beside its terms is 0.
pub(super) const ENOUGH: f64 = 1e-14;
/// A gradient that stops falling below this is as small as it gets.
pub(super) const ROUNDING: f64 = 1e-10;
pub(super) const STEPS: usize = 100;
/// Rows of a block.
const BLOCK: usize = 1 << 10;
/// Blocks that are added up by one task.
const BLOCKS: usize = 64;
/// Sums over rows: of the loss, the terms, a gradient and the triangle of a Hessian, for up to three features; and rows
/// side by side, at most.
const SUMS: usize = 16;
/// A sample is one block in so many, and at least so many blocks.
const SAMPLE: usize = 64;
const LEAST: usize = 4;

impl<'a, T: Real, F: Features<D>, const D: usize> Logistic<'a, T, F, D> {
    /// # Errors
    /// [`crate::Error::Setting`] if `UNCAL_SIMD` makes no sense.
    pub fn new(pairs: &'a Pairs<'a, T>, features: F, (high, low): (f64, f64)) -> Result<Self> {
        Ok(Self { pairs, features, high, low, isa: Isa::chosen()?, stride: 1, total: pairs.total() })
    }

    /// The same of a sample, if there are rows enough for one.
    fn sample(&self) -> Option<Self> {
        (self.pairs.len() / BLOCK >= LEAST * SAMPLE).then(|| self.of_blocks(SAMPLE)).flatten()
    }

    /// The same of one block in so many; none if that weighs next to nothing.
    pub fn of_blocks(&self, stride: usize) -> Option<Self> {
        let blocks = self.pairs.len() / BLOCK / stride; // whole ones
        let rows = |i: usize| (i * stride * BLOCK)..(i * stride + 1) * BLOCK;
        let total = match self.pairs.weights() {
            None => (blocks * BLOCK) as f64,
            Some(weights) => (0..blocks).map(|i| weights[rows(i)].iter().sum::<f64>()).sum(),
        };
        (total > self.total * 1e-3).then_some(Self { stride, total, features: self.features, ..*self })
    }

    /// The mean of a number of each row of a sample, of all rows if there are few.
    pub fn rough_mean(&self, of: impl Fn(f64) -> f64 + Send + Sync) -> f64 {
        let stride = (self.pairs.len() / BLOCK / LEAST).clamp(1, SAMPLE);
        let stride = self.of_blocks(stride).map_or(1, |sample| sample.stride);
        let len = self.pairs.len();
        let blocks = len.div_ceil(BLOCK * stride);
        let sums = pool::map(blocks, len / stride * 16, |i| {
            let start = i * stride * BLOCK;
            pairwise(start, len.min(start + BLOCK), &|i| {
                let weight = self.pairs.weight(i) / self.total;
                [weight * of(self.pairs.value(i)), weight]
            })
        });
        let [sum, weight] = pairwise(0, sums.len(), &|i| sums[i]);
        sum / weight
    }

    pub fn at<const LOSS: bool>(&self, parameters: [f64; D]) -> Point<D> {
        let len = self.pairs.len();
        let blocks = len / (BLOCK * self.stride) + usize::from(self.stride == 1 && !len.is_multiple_of(BLOCK));
        let sums = pool::map(blocks.div_ceil(BLOCKS), len / self.stride * 16, |part| {
            let blocks = part * BLOCKS..blocks.min((part + 1) * BLOCKS);
            blocks.fold([0.0; SUMS], |mut sums, block| {
                let rows = block * self.stride * BLOCK..len.min((block * self.stride + 1) * BLOCK);
                let found = self.isa.run(Pass::<T, F, D, LOSS> {
                    values: &self.pairs.values()[rows.clone()],
                    verdicts: &self.pairs.verdicts()[rows.clone()],
                    weights: self.pairs.weights().map(|weights| &weights[rows]),
                    features: self.features,
                    parameters,
                    high: self.high,
                    low: self.low,
                });
                sums.iter_mut().zip(found).for_each(|(sum, x)| *sum += x);
                sums
            })
        });
        let sums = pairwise(0, sums.len(), &|i| sums[i]).map(|sum| sum / self.total);
        let mut point = Point { loss: sums[0], terms: sums[1], gradient: [0.0; D], hessian: [[0.0; D]; D] };
        point.gradient.copy_from_slice(&sums[2..2 + D]);
        let mut next = 2 + D;
        for i in 0..D {
            for j in 0..=i {
                point.hessian[i][j] = sums[next];
                next += 1;
            }
        }
        point
    }

    /// Newton steps with backtracking (Lin, Lin, Weng 2007) until the gradient, a sum over rows, is below `tolerance`;
    /// or below 1e-14 of the magnitude of its terms; or falls no further for rounding. Many rows are begun with a sample.
    pub fn minimize(&self, start: [f64; D], tolerance: f64) -> Found<D> {
        let Some(sample) = self.sample() else {
            return self.descend(start, tolerance);
        };
        let Some(rough) = sample.search(start) else {
            return self.descend(start, tolerance);
        };
        let mut found = match self.approach(rough.parameters, tolerance) {
            Some(found) => found,
            None => self.descend(rough.parameters, tolerance),
        };
        found.steps = (found.steps + rough.steps).min(STEPS);
        found
    }

    /// The minimum of a sample, about as near as that is to the minimum of all.
    pub fn search(&self, start: [f64; D]) -> Option<Found<D>> {
        let found = self.descend(start, 1e-3 * self.total.sqrt());
        found.converged.then_some(found)
    }

    /// Whole Newton steps from near the minimum, without a look at the loss; none if they do not close in on it.
    fn approach(&self, start: [f64; D], tolerance: f64) -> Option<Found<D>> {
        let mut at = start;
        let mut here = self.at::<false>(at);
        for steps in 0..STEPS {
            let size = here.size();
            if size <= ENOUGH || here.steepest() * self.total < tolerance {
                return Some(Found { parameters: at, steps, converged: true });
            }
            let mut moved = at;
            moved.iter_mut().zip(here.newton()?).for_each(|(x, d)| *x += d);
            let there = self.at::<false>(moved);
            if there.size() > size / 2.0 {
                return (size <= ROUNDING).then_some(Found { parameters: at, steps, converged: true });
            }
            (at, here) = (moved, there);
        }
        None
    }

    fn descend(&self, start: [f64; D], tolerance: f64) -> Found<D> {
        const SHORTEST: f64 = 1e-10;
        let mut at = start;
        let mut here = self.at::<true>(at);
        for steps in 0..STEPS {
            let size = here.size();
            let end = |converged| Found { parameters: at, steps, converged };
            if size <= ENOUGH || here.steepest() * self.total < tolerance {
                return end(true);
            }
            let Some(direction) = here.newton() else {
                return end(false);
            };
            let slope: f64 = direction.iter().zip(here.gradient).map(|(d, g)| d * g).sum();
            let slack = 4.0 * f64::EPSILON * here.loss; // what rounding hides
            let mut length = 1.0;
            let (moved, there) = loop {
                let mut moved = at;
                moved.iter_mut().zip(direction).for_each(|(x, d)| *x += length * d);
                let there = self.at::<true>(moved);
                if there.loss <= here.loss + 1e-4 * length * slope + slack {
                    break (moved, there);
                }
                length /= 2.0;
                if length < SHORTEST {
                    return end(size <= ROUNDING);
                }
            };
            if size <= ROUNDING && there.size() > size / 2.0 {
                return end(true);
            }
            (at, here) = (moved, there);
        }
        Found { parameters: at, steps: STEPS, converged: here.size() <= ENOUGH }
    }
}

impl<const D: usize> Point<D> {
    pub fn steepest(&self) -> f64 {
        self.gradient.iter().fold(0.0, |most, g| most.max(g.abs()))
    }

    /// The gradient beside the magnitude of its terms.
    pub fn size(&self) -> f64 {
        self.steepest() / self.terms.max(f64::MIN_POSITIVE)
    }

    /// The Newton step, by Cholesky's L D L^T; none if it is not finite.
    fn newton(&self) -> Option<[f64; D]> {
        const RIDGE: f64 = 1e-14;
        let mut a = self.hessian;
        let ridge = RIDGE * (0..D).map(|i| a[i][i]).sum::<f64>();
        for i in 0..D {
            a[i][i] += ridge;
            for j in 0..i {
                let mut sum = a[i][j];
                for k in 0..j {
                    sum -= a[i][k] * a[j][k] * a[k][k];
                }
                a[i][j] = sum / a[j][j];
            }
            for k in 0..i {
                a[i][i] -= a[i][k] * a[i][k] * a[k][k];
            }
        }
        let mut step = self.gradient.map(|g| -g);
        for i in 0..D {
            for k in 0..i {
                step[i] -= a[i][k] * step[k];
            }
        }
        for i in (0..D).rev() {
            step[i] /= a[i][i];
            for k in i + 1..D {
                step[i] -= a[k][i] * step[k];
            }
        }
        step.iter().all(|x| x.is_finite()).then_some(step)
    }
}

/// The sums of one block.
struct Pass<'a, T, F, const D: usize, const LOSS: bool> {
    values: &'a [T],
    verdicts: &'a [bool],
    weights: Option<&'a [f64]>,
    features: F,
    parameters: [f64; D],
    high: f64,
    low: f64,
}

impl<T: Real, F: Features<D>, const D: usize, const LOSS: bool> Kernel for Pass<'_, T, F, D, LOSS> {
    type Output = [f64; SUMS];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f64; SUMS] {
        let n = Wide::<S>::N;
        let like = simd.f64(0.0);
        let rows = Rows {
            features: self.features,
            parameters: self.parameters.map(|x| simd.wide(x)),
            right: [simd.wide(self.high), simd.wide(1.0 - self.high)],
            wrong: [simd.wide(self.low), simd.wide(1.0 - self.low)],
        };
        let mut sums = [simd.wide(0.0); SUMS];
        let whole = self.values.len() / n * n;
        let mut i = 0;
        while i < whole {
            let x = Pair::read(like, &self.values[i..]);
            let right = Pair::read_verdicts(like, &self.verdicts[i..]);
            match self.weights {
                None => rows.add::<false, LOSS>(x, right, x, &mut sums),
                Some(weights) => rows.add::<true, LOSS>(x, right, Pair::read(like, &weights[i..]), &mut sums),
            }
            i += n;
        }
        if whole < self.values.len() {
            // filled up with a row that is there, at weight 0
            let (mut values, mut verdicts, mut weights) = ([self.values[0]; SUMS], [false; SUMS], [0.0; SUMS]);
            for (k, i) in (whole..self.values.len()).enumerate() {
                values[k] = self.values[i];
                verdicts[k] = self.verdicts[i];
                weights[k] = self.weights.map_or(1.0, |weights| weights[i]);
            }
            let (x, right) = (Pair::read(like, &values), Pair::read_verdicts(like, &verdicts));
            rows.add::<true, LOSS>(x, right, Pair::read(like, &weights), &mut sums);
        }
        let mut halves = [like; SUMS];
        let mut k = 0;
        while k < SUMS {
            halves[k] = sums[k].0 + sums[k].1;
            k += 1;
        }
        let mut out = [0.0; SUMS];
        S::F64::sums(&halves, &mut out);
        out
    }
}

struct Rows<V, F, const D: usize> {
    features: F,
    parameters: [V; D],
    /// The target and one minus it.
    right: [V; 2],
    wrong: [V; 2],
}

impl<V: Lanes, F: Features<D>, const D: usize> Rows<V, F, D> {
    #[inline(always)]
    fn add<const WEIGHTED: bool, const LOSS: bool>(&self, x: V, right: V, weight: V, sums: &mut [V; SUMS]) {
        const FARTHEST: f64 = 700.0; // e^700 is finite, and e^-700 a normal number
        let one = x.splat(1.0);
        let zero = x.splat(0.0);
        let features = self.features.of(x);
        let mut z = features[0] * self.parameters[0];
        let mut i = 1;
        while i < D {
            z = features[i].mul_add(self.parameters[i], z);
            i += 1;
        }
        z = z.max(x.splat(-FARTHEST)).min(x.splat(FARTHEST));
        // e = exp(-z); p = 1 / (1 + e), q = 1 - p
        let e = exp(zero - z);
        let p = (one + e).reciprocal();
        let q = e * p;
        let mask = right.eq(one);
        let target = V::select(mask, self.right[0], self.wrong[0]);
        let rest = V::select(mask, self.right[1], self.wrong[1]);
        let (mut over, mut under) = (rest * p, target * q);
        let mut curve = p * q;
        if LOSS {
            // softplus(z) - t z, with the smaller of e and 1 / e, as ln(1 + e) to all its digits
            let e = e.min(e.reciprocal());
            let u = one + e;
            let log = ln(u) + (e - (u - one)) * u.reciprocal();
            let loss = target.neg_mul_add(z, z.max(zero) + log);
            sums[0] = if WEIGHTED { loss.mul_add(weight, sums[0]) } else { sums[0] + loss };
        }
        if WEIGHTED {
            over = over * weight;
            under = under * weight;
            curve = curve * weight;
        }
        sums[1] = sums[1] + (over + under);
        let miss = over - under; // p - target, without losing what is small
        let mut next = 2 + D;
        let mut i = 0;
        while i < D {
            sums[2 + i] = miss.mul_add(features[i], sums[2 + i]);
            let curved = curve * features[i];
            let mut j = 0;
            while j <= i {
                sums[next] = curved.mul_add(features[j], sums[next]);
                next += 1;
                j += 1;
            }
            i += 1;
        }
    }
}
