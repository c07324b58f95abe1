//! Platt scaling of many rows that all weigh the same: a few looks at each.
//!
//! Newton's method on ever larger samples, blocks of rows spread evenly over all, comes so close to the minimum that one
//! look at all rows in single precision, which also tells how the curvature changes, leaves an error of about 1e-7. The
//! gradient in double precision then corrects that, once or twice: what a correction leaves can be bounded.

use super::logistic::{ENOUGH, Logistic};
use super::platt::Frame;
use crate::float::Real;
use crate::simd::{Along, Isa, Kernel, Lanes, Pair, Simd, Singles, Vector, exp, exp_of_singles};
use crate::sum::pairwise;
use crate::{Pairs, pool};

/// Rows from which this pays.
const MANY: usize = 1 << 18;
/// Rows of a block: few enough for sums of singles.
const BLOCK: usize = 1 << 10;
/// Blocks that are added up by one task.
const BLOCKS: usize = 64;
/// Every so many-th block is read: by full Newton steps; by one step each.
const FIRST: usize = 256;
const NEXT: [usize; 3] = [32, 4, 1];
/// Looks in double precision before this gives up.
const LOOKS: usize = 4;

/// The best a and b and the steps taken, where it can be shown that the gradient is then below `tolerance`, as a sum over
/// rows, or below 1e-14 of the magnitude of its terms.
pub(super) fn minimize<T: Real>(
    scores: &Pairs<'_, T>,
    frame: Frame,
    (high, low): (f64, f64),
    start: [f64; 2],
    tolerance: f64,
) -> Option<([f64; 2], usize)> {
    if scores.len() < MANY || scores.is_weighted() || !frame.suits_singles() {
        return None;
    }
    let isa = Isa::chosen().ok()?;
    let problem = Problem { scores, frame, high, low, isa };
    let first = Logistic::new(scores, frame, (high, low)).ok()?.of_blocks(FIRST)?.search(start)?;
    let (mut at, mut steps) = (first.parameters, first.steps);
    let mut curvature = [0.0; 3];
    let mut unknown = f64::INFINITY;
    for stride in NEXT {
        let shape = problem.shape(at, stride);
        let step = shape.step()?;
        curvature = shape.curvature_after(step);
        // the fourth derivative of a row's loss is at most pq x^4, and x at most 1; and what singles lose
        unknown = 0.5 * shape.along(step) * size(step).exp() + 4e-6 * (curvature[0] + curvature[2]);
        at = [at[0] + step[0], at[1] + step[1]];
        steps += 1;
    }
    let rows = scores.len() as f64;
    let terms = 2.0 * curvature[2]; // as of a curve that fits
    if terms < 1e-3 {
        return None; // rounding counts: leave it to those who look closer
    }
    for _ in 0..LOOKS {
        let gradient = problem.gradient(at);
        let enough = |g: f64| g * rows < tolerance || g <= ENOUGH * terms;
        if enough(size(gradient)) {
            return Some((at, steps));
        }
        let step = solve(curvature, gradient.map(|g| -g))?;
        at = [at[0] + step[0], at[1] + step[1]];
        steps += 1;
        // a third derivative of at most 0.1
        let far = size(step);
        if enough(unknown * far + 0.05 * far * far) {
            return Some((at, steps));
        }
    }
    None
}

/// An upper bound for how far log-odds move.
fn size(step: [f64; 2]) -> f64 {
    step[0].abs() + step[1].abs()
}

/// The x with h x = y, for h = [[h0, h1], [h1, h2]]; none if it is not finite.
fn solve([aa, ab, bb]: [f64; 3], [y, z]: [f64; 2]) -> Option<[f64; 2]> {
    let determinant = aa * bb - ab * ab;
    let x = [(bb * y - ab * z) / determinant, (aa * z - ab * y) / determinant];
    (x[0].is_finite() && x[1].is_finite()).then_some(x)
}

struct Problem<'a, T> {
    scores: &'a Pairs<'a, T>,
    frame: Frame,
    high: f64,
    low: f64,
    isa: Isa,
}

/// Means over rows, in single precision: the gradient by a and b, the Hessian, and the derivatives of that by how many
/// of a: none to three.
struct Shape {
    gradient: [f64; 2],
    hessian: [f64; 3],
    third: [f64; 4],
}

impl Shape {
    /// The step to where the gradient is 0, to third order.
    fn step(&self) -> Option<[f64; 2]> {
        const FAR: f64 = 1.0;
        let step = solve(self.hessian, self.gradient.map(|g| -g))?;
        if size(step) > FAR {
            return None;
        }
        let [a, b] = step;
        let [t0, t1, t2, t3] = self.third;
        let bend =
            [-0.5 * (t3 * a * a + 2.0 * t2 * a * b + t1 * b * b), -0.5 * (t2 * a * a + 2.0 * t1 * a * b + t0 * b * b)];
        let more = solve(self.hessian, bend)?;
        Some([a + more[0], b + more[1]])
    }

    /// The second derivative along a step.
    fn along(&self, [a, b]: [f64; 2]) -> f64 {
        let [aa, ab, bb] = self.hessian;
        aa * a * a + 2.0 * ab * a * b + bb * b * b
    }

    /// The Hessian there.
    fn curvature_after(&self, [a, b]: [f64; 2]) -> [f64; 3] {
        let [t0, t1, t2, t3] = self.third;
        let [aa, ab, bb] = self.hessian;
        [aa + t3 * a + t2 * b, ab + t2 * a + t1 * b, bb + t1 * a + t0 * b]
    }
}

impl<T: Real> Problem<'_, T> {
    /// The sums over one block in so many of what a kernel finds in each, and the rows read.
    fn sum<const N: usize>(
        &self,
        stride: usize,
        work: usize,
        of: impl Fn(&[T], &[bool]) -> [f64; N] + Send + Sync,
    ) -> ([f64; N], f64) {
        let len = self.scores.len();
        // a sample has whole blocks
        let blocks = if stride == 1 { len.div_ceil(BLOCK) } else { len / BLOCK / stride };
        let parts = pool::map(blocks.div_ceil(BLOCKS), len / stride * work, |part| {
            let mut sums = [0.0; N];
            for block in part * BLOCKS..blocks.min((part + 1) * BLOCKS) {
                let rows = block * stride * BLOCK..len.min((block * stride + 1) * BLOCK);
                let found = of(&self.scores.values()[rows.clone()], &self.scores.verdicts()[rows]);
                sums.iter_mut().zip(found).for_each(|(sum, x)| *sum += x);
            }
            sums
        });
        let rows = if stride == 1 { len } else { blocks * BLOCK };
        (pairwise(0, parts.len(), &|i| parts[i]), rows as f64)
    }

    fn shape(&self, [a, b]: [f64; 2], stride: usize) -> Shape {
        let Self { frame, high, low, isa, .. } = *self;
        let of = |values: &[T], verdicts: &[bool]| isa.run(ShapeOf { values, verdicts, frame, a, b, high, low });
        let (sums, rows) = self.sum(stride, 4, of);
        let [g, ga, h, ha, haa, t0, t1, t2, t3] = sums.map(|sum| sum / rows);
        Shape { gradient: [ga, g], hessian: [haa, ha, h], third: [t0, t1, t2, t3] }
    }

    fn gradient(&self, [a, b]: [f64; 2]) -> [f64; 2] {
        let Self { frame, high, low, isa, .. } = *self;
        let of = |values: &[T], verdicts: &[bool]| isa.run(GradientOf { values, verdicts, frame, a, b, high, low });
        let (sums, rows) = self.sum(1, 8, of);
        sums.map(|sum| sum / rows)
    }
}

/// In single precision: sums of p - t and that times x; of pq times 1, x, x^2; of pq(q - p) times 1, x, x^2, x^3.
struct ShapeOf<'a, T> {
    values: &'a [T],
    verdicts: &'a [bool],
    frame: Frame,
    a: f64,
    b: f64,
    high: f64,
    low: f64,
}

impl<T: Real> Kernel for ShapeOf<'_, T> {
    type Output = [f64; 9];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f64; 9] {
        const FARTHEST: f64 = 80.0; // within the range of singles
        let n = Pair::<S::F32>::N;
        let like = simd.f32(0.0);
        let splat = Pair(like, like);
        let all = |x: f64| Pair(simd.f32(x), simd.f32(x));
        let (one, farthest, nearest) = (all(1.0), all(FARTHEST), all(-FARTHEST));
        let (centre, per_spread) = (all(self.frame.centre), all(self.frame.per_spread));
        let (a, b) = (all(-self.a), all(-self.b));
        let (low, span) = (all(self.low), all(self.high - self.low));
        let mut sums = [splat; 9];
        let whole = self.values.len() / n * n;
        let mut i = 0;
        while i < whole {
            let x = (Pair::read(like, &self.values[i..]) - centre) * per_spread;
            let e = exp_of_singles(x.mul_add(a, b).max(nearest).min(farthest));
            let p = (one + e).reciprocal();
            let q = e * p;
            let target = Pair::read_verdicts(like, &self.verdicts[i..]).mul_add(span, low);
            let miss = p - target;
            let h = p * q;
            let hx = h * x;
            let hxx = hx * x;
            let bend = q - p;
            let tx = hx * bend;
            let txx = hxx * bend;
            sums[0] = sums[0] + miss;
            sums[1] = miss.mul_add(x, sums[1]);
            sums[2] = sums[2] + h;
            sums[3] = sums[3] + hx;
            sums[4] = sums[4] + hxx;
            sums[5] = h.mul_add(bend, sums[5]);
            sums[6] = sums[6] + tx;
            sums[7] = sums[7] + txx;
            sums[8] = txx.mul_add(x, sums[8]);
            i += n;
        }
        let mut halves = [like; 9];
        let mut k = 0;
        while k < 9 {
            halves[k] = sums[k].0 + sums[k].1;
            k += 1;
        }
        let mut added = [0.0; 16];
        S::F32::sums(&halves, &mut added);
        let mut out = [0.0; 9];
        let mut k = 0;
        while k < 9 {
            out[k] = f64::from(added[k]);
            k += 1;
        }
        // the rows of the last block that fill no vector
        while i < self.values.len() {
            let x = (self.values[i].widen() - self.frame.centre) * self.frame.per_spread;
            let e = (-(self.a * x + self.b)).clamp(-FARTHEST, FARTHEST).exp();
            let (p, q) = (1.0 / (1.0 + e), e / (1.0 + e));
            let miss = p - if self.verdicts[i] { self.high } else { self.low };
            let (h, t) = (p * q, p * q * (q - p));
            let terms = [miss, miss * x, h, h * x, h * x * x, t, t * x, t * x * x, t * x * x * x];
            let mut k = 0;
            while k < 9 {
                out[k] += terms[k];
                k += 1;
            }
            i += 1;
        }
        out
    }
}

/// In double precision: sums of (p - t) x and of p - t.
struct GradientOf<'a, T> {
    values: &'a [T],
    verdicts: &'a [bool],
    frame: Frame,
    a: f64,
    b: f64,
    high: f64,
    low: f64,
}

impl<T: Real> Kernel for GradientOf<'_, T> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f64; 2] {
        const FARTHEST: f64 = 700.0;
        let n = Pair::<Pair<S::F64>>::N;
        let like = simd.f64(0.0);
        let zero = Pair(Pair(like, like), Pair(like, like));
        let one = zero.splat(1.0);
        let (farthest, nearest) = (zero.splat(FARTHEST), zero.splat(-FARTHEST));
        let (centre, per_spread) = (zero.splat(self.frame.centre), zero.splat(self.frame.per_spread));
        let (a, b) = (zero.splat(-self.a), zero.splat(-self.b));
        let (low, span) = (zero.splat(self.low), zero.splat(self.high - self.low));
        let mut sums = [zero; 2];
        let whole = self.values.len() / n * n;
        let mut i = 0;
        while i < whole {
            let (values, verdicts) = (&self.values[i..i + n], &self.verdicts[i..i + n]);
            let x = Pair(Pair::read(like, values), Pair::read(like, &values[n / 2..]));
            let x = (x - centre) * per_spread;
            let p = (one + exp(x.mul_add(a, b).max(nearest).min(farthest))).reciprocal();
            let right = Pair(Pair::read_verdicts(like, verdicts), Pair::read_verdicts(like, &verdicts[n / 2..]));
            let miss = p - right.mul_add(span, low);
            sums[0] = miss.mul_add(x, sums[0]);
            sums[1] = sums[1] + miss;
            i += n;
        }
        let [sum_x, sum] = sums;
        let halves = [(sum_x.0.0 + sum_x.0.1) + (sum_x.1.0 + sum_x.1.1), (sum.0.0 + sum.0.1) + (sum.1.0 + sum.1.1)];
        let mut added = [0.0; 16];
        S::F64::sums(&halves, &mut added);
        let mut out = [added[0], added[1]];
        while i < self.values.len() {
            let x = (self.values[i].widen() - self.frame.centre) * self.frame.per_spread;
            let p = 1.0 / (1.0 + (-(self.a * x + self.b)).clamp(-FARTHEST, FARTHEST).exp());
            let miss = p - if self.verdicts[i] { self.high } else { self.low };
            out[0] += miss * x;
            out[1] += miss;
            i += 1;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::platt;

    /// Scores around `shift` and verdicts that fit them.
    fn rows(len: usize, shift: f64) -> (Vec<f64>, Vec<bool>) {
        let mut state = 5_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..len)
            .map(|_| {
                let x = (0..6).map(|_| random()).sum::<f64>() - 3.0;
                (x + shift, random() < 1.0 / (1.0 + (2.0 * x - 0.7 - 0.4 * (3.0 * x).sin()).exp()))
            })
            .unzip()
    }

    #[test]
    fn few_looks_end_where_many_newton_steps_do() {
        let (scores, correct) = rows(MANY + 777, 2.0);
        let ones = vec![1.0; scores.len()];
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
            for (smoothing, tolerance) in [(true, 1e-5), (true, 0.0), (false, 0.0)] {
                let fit = |weights| {
                    let pairs = Pairs::scores("scores", &scores, &correct, weights).unwrap();
                    isa.force(|| platt(&pairs, smoothing, tolerance).unwrap())
                };
                let (fast, slow) = (fit(None), fit(Some(&ones)));
                let near = if tolerance > 0.0 { 1e-9 } else { 1e-11 }; // a gradient of 1e-5 is so far from its zero
                assert!(fast.converged && slow.converged);
                assert!((fast.slope - slow.slope).abs() < near, "{} {fast:?} {slow:?}", isa.name());
                assert!((fast.intercept - slow.intercept).abs() < near, "{} {fast:?} {slow:?}", isa.name());
            }
        }
    }

    #[test]
    fn it_is_used_where_it_can_be() {
        for (len, shift, used) in
            [(MANY, 0.0, true), (MANY + 1, 40.0, true), (MANY - 1, 0.0, false), (MANY, 1e8, false)]
        {
            let (scores, correct) = rows(len, shift);
            let pairs = Pairs::scores("scores", &scores, &correct, None).unwrap();
            let frame = Frame::new(&pairs, pairs.range().0, pairs.range().1).unwrap();
            for tolerance in [1e-5, 0.0] {
                let found = minimize(&pairs, frame, (1.0, 0.0), [0.0, 0.0], tolerance);
                assert_eq!(found.is_some(), used, "{len} {shift}");
                assert!(found.is_none_or(|found| found.1 < 20), "{found:?}");
            }
        }
    }
}
