//! Platt scaling of many rows that all weigh the same: a few looks at each.
//!
//! Newton's method on ever larger samples, blocks of rows spread evenly over all, comes so close to the minimum that one
//! look at all rows in single precision leaves an error far below that of sampling. Where more is asked for, the gradient
//! in double precision then corrects that, once or twice: what a correction leaves can be bounded.

use std::f64::consts::LOG2_E;

use super::logistic::{ENOUGH, Logistic};
use super::platt::Frame;
use crate::float::Real;
use crate::simd::{Along, Isa, Kernel, Lanes, Pair, Simd, Singles, Vector, exp, exp2_of_singles};
use crate::sum::pairwise;
use crate::{Pairs, pool};

/// Rows from which this pays.
const MANY: usize = 1 << 16;
/// Rows from which singles are enough where no tolerance is given.
pub(super) const PLENTY: usize = 1 << 18;
/// Rows of a block of a sample, and of a look at all: few enough for sums of singles.
const BLOCK: usize = 1 << 10;
const WHOLE: usize = 1 << 12;
/// Rows that are added up by one task.
const TASK: usize = 1 << 16;
/// Every so many-th block is read: until the steps are small, or every so many-th that there are a few; by one step each.
const FIRST: usize = 256;
const FEW: usize = 4;
const NEXT: [usize; 2] = [32, 8];
/// Looks at all rows before this gives up, of each precision.
const LOOKS: usize = 4;
/// Log-odds as far from 0 as singles can be trusted with.
const FARTHEST: f64 = 80.0;
/// The error that may be left without a tolerance, beside the standard errors of the parameters.
const SHARE: f64 = 1e-3;
/// The sixth moment of what log-odds move by, beside the third power of its square: 15 for a bell curve.
const SIXTH: f64 = 100.0;

/// The best a and b and the steps taken, where it can be shown that the gradient is then below `tolerance`, as a sum over
/// rows, or below 1e-14 of the magnitude of its terms; without a tolerance, where they are as near as [`SHARE`] says.
pub(super) fn minimize<T: Real>(
    scores: &Pairs<'_, T>,
    frame: Frame,
    (high, low): (f64, f64),
    start: [f64; 2],
    tolerance: Option<f64>,
) -> Option<([f64; 2], usize)> {
    if scores.len() < MANY || scores.is_weighted() || !frame.suits_singles() {
        return None;
    }
    let isa = Isa::chosen().ok()?;
    let problem = Problem { scores, frame, high, low, isa };
    let (mut at, mut steps) = problem.approach(start).or_else(|| {
        let found = Logistic::new(scores, frame, (high, low)).ok()?.of_blocks(problem.first())?.search(start)?;
        Some((found.parameters, found.steps))
    })?;
    let mut bend = Bend::default();
    for stride in NEXT.into_iter().filter(|&stride| stride < problem.first()) {
        let (from, shape, found) = problem.shape::<true>(at, stride, bend)?;
        bend = found;
        let step = shape.step(bend)?;
        at = [from[0] + step[0], from[1] + step[1]];
        steps += 1;
    }
    match tolerance {
        None => problem.singles(at, steps, bend),
        Some(tolerance) => problem.doubles(at, steps, bend, tolerance),
    }
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

/// Means over rows, in single precision: the gradient by a and b, and the Hessian.
struct Shape {
    gradient: [f64; 2],
    hessian: [f64; 3],
}

/// Means over rows of a sample, or of all.
#[derive(Clone, Copy, Default)]
struct Bend {
    /// The derivatives of the Hessian by b and by how many of a: none to three.
    third: [f64; 4],
    /// Of the right rows and of the wrong ones, over the number of all rows.
    places: [f64; 2],
}

impl Bend {
    /// What it adds to the gradient along a step.
    fn along(&self, [a, b]: [f64; 2]) -> [f64; 2] {
        let [t0, t1, t2, t3] = self.third;
        [0.5 * (t3 * a * a + 2.0 * t2 * a * b + t1 * b * b), 0.5 * (t2 * a * a + 2.0 * t1 * a * b + t0 * b * b)]
    }
}

impl Shape {
    /// The step to where the gradient is 0, to third order.
    fn step(&self, bend: Bend) -> Option<[f64; 2]> {
        const FAR: f64 = 1.0;
        let step = solve(self.hessian, self.gradient.map(|g| -g))?;
        if size(step) > FAR {
            return None;
        }
        let more = solve(self.hessian, bend.along(step).map(|g| -g))?;
        Some([step[0] + more[0], step[1] + more[1]])
    }

    /// The second derivative along a step.
    fn along(&self, [a, b]: [f64; 2]) -> f64 {
        let [aa, ab, bb] = self.hessian;
        aa * a * a + 2.0 * ab * a * b + bb * b * b
    }

    /// The Hessian there.
    fn curvature_after(&self, bend: Bend, [a, b]: [f64; 2]) -> [f64; 3] {
        let [t0, t1, t2, t3] = bend.third;
        let [aa, ab, bb] = self.hessian;
        [aa + t3 * a + t2 * b, ab + t2 * a + t1 * b, bb + t1 * a + t0 * b]
    }
}

impl<T: Real> Problem<'_, T> {
    /// How sparse the smallest sample is.
    fn first(&self) -> usize {
        FIRST.min(self.scores.len() / BLOCK / FEW)
    }

    /// Newton steps on the smallest sample, all of them whole; none where they do not close in on something.
    fn approach(&self, mut at: [f64; 2]) -> Option<([f64; 2], usize)> {
        const STEPS: usize = 10;
        const NEAR: f64 = 0.1;
        for steps in 1..=STEPS {
            let (from, shape, _) = self.shape::<false>(at, self.first(), Bend::default())?;
            let step = solve(shape.hessian, shape.gradient.map(|g| -g))?;
            at = [from[0] + step[0], from[1] + step[1]];
            if size(step) < NEAR {
                return Some((at, steps));
            }
        }
        None
    }

    /// Steps of single precision alone.
    fn singles(&self, mut at: [f64; 2], mut steps: usize, bend: Bend) -> Option<([f64; 2], usize)> {
        let rows = self.scores.len() as f64;
        for _ in 0..LOOKS {
            let (from, shape, bend) = self.shape::<true>(at, 1, bend)?;
            let step = shape.step(bend)?;
            at = [from[0] + step[0], from[1] + step[1]];
            steps += 1;
            // In standard errors: the fourth derivative of a row's loss is at most pq, so what is left of the gradient,
            // measured by the Hessian, is at most the root of the mean of pq m^6 / 36, where m is how far log-odds move.
            let [_, _, pq] = shape.hessian;
            let moved = shape.along(step) / pq;
            if pq * SIXTH * moved.powi(3) / 36.0 < SHARE * SHARE / rows {
                return Some((at, steps));
            }
        }
        None
    }

    /// A step of single precision, and more of double precision until the gradient is as small as asked for.
    fn doubles(&self, at: [f64; 2], mut steps: usize, bend: Bend, tolerance: f64) -> Option<([f64; 2], usize)> {
        let rows = self.scores.len() as f64;
        let (from, shape, bend) = self.shape::<true>(at, 1, bend)?;
        let step = shape.step(bend)?;
        let curvature = shape.curvature_after(bend, step);
        // the fourth derivative of a row's loss is at most pq x^4, and x at most 1; and what singles lose
        let unknown = 0.5 * shape.along(step) * size(step).exp() + 4e-6 * (curvature[0] + curvature[2]);
        let mut at = [from[0] + step[0], from[1] + step[1]];
        steps += 1;
        let terms = 2.0 * curvature[2]; // as of a curve that fits
        if terms < 1e-3 {
            return None; // rounding counts: leave it to those who look closer
        }
        for _ in 0..LOOKS {
            let gradient = self.gradient(at);
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

    /// The sums over one block in so many of what a kernel finds in each, and the rows read.
    fn sum<const N: usize>(
        &self,
        stride: usize,
        work: usize,
        of: impl Fn(&[T], &[bool]) -> [f64; N] + Send + Sync,
    ) -> ([f64; N], f64) {
        let len = self.scores.len();
        // a sample has whole blocks
        let (size, blocks) = if stride == 1 { (WHOLE, len.div_ceil(WHOLE)) } else { (BLOCK, len / BLOCK / stride) };
        let each = TASK / size;
        let parts = pool::map(blocks.div_ceil(each), len / stride * work, |part| {
            let mut sums = [0.0; N];
            for block in part * each..blocks.min((part + 1) * each) {
                let rows = block * stride * size..len.min((block * stride + 1) * size);
                let found = of(&self.scores.values()[rows.clone()], &self.scores.verdicts()[rows]);
                sums.iter_mut().zip(found).for_each(|(sum, x)| *sum += x);
            }
            sums
        });
        let rows = if stride == 1 { len } else { blocks * size };
        (pairwise(0, parts.len(), &|i| parts[i]), rows as f64)
    }

    /// The shape at about these parameters, and which those are; the bend too if it is asked for, else what it was.
    /// None where log-odds are too far from 0.
    #[allow(clippy::cast_possible_truncation)] // singles are what is asked for
    fn shape<const BEND: bool>(&self, at: [f64; 2], stride: usize, bend: Bend) -> Option<([f64; 2], Shape, Bend)> {
        // the numbers of singles: x is d * s, a x + b in powers of two is -(slope d + shift)
        let s = self.frame.per_spread;
        let line = Line {
            centre: self.frame.centre as f32, // exactly
            slope: (-at[0] * s * LOG2_E) as f32,
            shift: (-at[1] * LOG2_E) as f32,
        };
        let a = -f64::from(line.slope) / (s * LOG2_E);
        let b = -f64::from(line.shift) / LOG2_E;
        if size([a, b]) > FARTHEST {
            return None;
        }
        let (isa, ahead) = (self.isa, if stride == 1 { WHOLE / 2 } else { BLOCK / 4 });
        let of = |values: &[T], verdicts: &[bool]| isa.run(ShapeOf::<T, BEND> { values, verdicts, line, ahead });
        let (sums, rows) = self.sum(stride, 4, of);
        let [g, ga, h, ha, haa, t0, t1, t2, t3, placed, right] = sums.map(|sum| sum / rows);
        let right_share = self.scores.right() / self.scores.total();
        let mut bend = bend;
        if BEND {
            bend = Bend { third: [t0, s * t1, s * s * t2, s * s * s * t3], places: [s * right, s * (placed - right)] };
        }
        // of verdicts; now of targets
        let (above, under) = (1.0 - self.high, self.low);
        let gradient = [
            s * ga + above * bend.places[0] - under * bend.places[1],
            g + above * right_share - under * (1.0 - right_share),
        ];
        let shape = Shape { gradient, hessian: [s * s * haa, s * ha, h] };
        Some(([a, b], shape, bend))
    }

    fn gradient(&self, [a, b]: [f64; 2]) -> [f64; 2] {
        let Self { frame, high, low, isa, .. } = *self;
        let of = |values: &[T], verdicts: &[bool]| isa.run(GradientOf { values, verdicts, frame, a, b, high, low });
        let (sums, rows) = self.sum(1, 8, of);
        sums.map(|sum| sum / rows)
    }
}

/// 1 / p is 1 + 2^(slope d + shift), where d is the score less the centre.
#[derive(Clone, Copy)]
struct Line {
    centre: f32,
    slope: f32,
    shift: f32,
}

/// In single precision, with y the verdict: sums of p - y and that times d; of pq times 1, d, d^2; with the bend, of
/// pq(q - p) times 1, d, d^2, d^3, and of d and y d.
struct ShapeOf<'a, T, const BEND: bool> {
    values: &'a [T],
    verdicts: &'a [bool],
    line: Line,
    /// So many rows from the one that is read, memory is asked for.
    ahead: usize,
}

impl<T: Real, const BEND: bool> Kernel for ShapeOf<'_, T, BEND> {
    type Output = [f64; 11];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f64; 11] {
        let n = Pair::<S::F32>::N;
        let like = simd.f32(0.0);
        let zero = Pair(like, like);
        let one = zero.splat(1.0);
        let Line { centre, slope, shift } = self.line;
        let (centres, slopes, shifts) = (zero.splat(centre), zero.splat(slope), zero.splat(shift));
        let mut sums = [zero; 11];
        let whole = self.values.len() / n * n;
        let mut i = 0;
        while i < whole {
            let mut byte = 0;
            while byte < n * size_of::<T>() {
                simd.prefetch(self.values.as_ptr().wrapping_add(i + self.ahead).cast::<u8>().wrapping_add(byte));
                byte += 64;
            }
            simd.prefetch(self.verdicts.as_ptr().wrapping_add(i + self.ahead).cast());
            let d = Pair::read(like, &self.values[i..]) - centres;
            let e = exp2_of_singles(d.mul_add(slopes, shifts));
            let p = (one + e).reciprocal();
            let q = e * p;
            let right = Pair::read_verdicts(like, &self.verdicts[i..]);
            let miss = p - right;
            let h = p * q;
            let hd = h * d;
            sums[0] = sums[0] + miss;
            sums[1] = miss.mul_add(d, sums[1]);
            sums[2] = sums[2] + h;
            sums[3] = sums[3] + hd;
            sums[4] = hd.mul_add(d, sums[4]);
            if BEND {
                let bend = q - p;
                let td = hd * bend;
                let tdd = td * d;
                sums[5] = h.mul_add(bend, sums[5]);
                sums[6] = sums[6] + td;
                sums[7] = sums[7] + tdd;
                sums[8] = tdd.mul_add(d, sums[8]);
                sums[9] = sums[9] + d;
                sums[10] = right.mul_add(d, sums[10]);
            }
            i += n;
        }
        let mut halves = [like; 11];
        let mut k = 0;
        while k < 11 {
            halves[k] = sums[k].0 + sums[k].1;
            k += 1;
        }
        let mut added = [0.0; 16];
        S::F32::sums(&halves, &mut added);
        let mut out = [0.0; 11];
        let mut k = 0;
        while k < 11 {
            out[k] = f64::from(added[k]);
            k += 1;
        }
        // the rows of the last block that fill no vector
        while i < self.values.len() {
            let d = self.values[i].widen() - f64::from(centre);
            let e = (f64::from(slope) * d + f64::from(shift)).exp2();
            let (p, q) = (1.0 / (1.0 + e), e / (1.0 + e));
            let right = if self.verdicts[i] { 1.0 } else { 0.0 };
            let (h, t) = (p * q, p * q * (q - p));
            let terms =
                [p - right, (p - right) * d, h, h * d, h * d * d, t, t * d, t * d * d, t * d * d * d, d, right * d];
            let mut k = 0;
            while k < 11 {
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
        let (scores, correct) = rows(PLENTY + 777, 2.0);
        let ones = vec![1.0; scores.len()];
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
            for (smoothing, tolerance) in [(true, None), (true, Some(1e-5)), (true, Some(0.0)), (false, Some(0.0))] {
                let fit = |weights, tolerance| {
                    let pairs = Pairs::scores("scores", &scores, &correct, weights).unwrap();
                    isa.force(|| platt(&pairs, smoothing, tolerance).unwrap())
                };
                let (fast, slow) = (fit(None, tolerance), fit(Some(&ones), Some(tolerance.unwrap_or(0.0))));
                // a thousandth of a standard error of 0.005; a gradient of 1e-5 is so far from its zero; rounding
                let near = tolerance.map_or(5e-6, |tolerance| if tolerance > 0.0 { 1e-9 } else { 1e-11 });
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
            for tolerance in [None, Some(1e-5), Some(0.0)] {
                let found = minimize(&pairs, frame, (1.0, 0.0), [0.0, 0.0], tolerance);
                assert_eq!(found.is_some(), used, "{len} {shift}");
                assert!(found.is_none_or(|found| found.1 < 20), "{found:?}");
            }
        }
    }
}
