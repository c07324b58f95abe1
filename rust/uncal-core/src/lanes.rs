//! Linear algebra on many small symmetric matrices at once: lane l of every vector belongs to matrix l.
//!
//! One matrix at a time leaves most of a processor idle: its vectors are too short and each step waits for the last.
//! Side by side nothing is shuffled, and no lane waits for another but in the number of QL sweeps. Matrices are given
//! by their lower triangle, row by row, as [`triangle`] numbers it. Lanes do not touch each other, so a matrix has the
//! same result whatever lies beside it, but for QL where one of them does not settle: none of them is used then.

use crate::simd::gram::{Ahead, triangle};
use crate::simd::{Lanes, Simd, ln};

/// Number of rows up to which matrices are worked on side by side.
pub(crate) const MOST: usize = 64;

/// Work space for matrices of up to [`MOST`] rows.
pub(crate) struct Tridiagonal<V> {
    /// The diagonal, later the eigenvalues.
    pub d: Vec<V>,
    /// Squares of the entries beside the diagonal: `e2[i]` couples i and i + 1.
    pub e2: Vec<V>,
    p: Vec<V>,
    q: Vec<V>,
}

impl<V: Lanes> Tridiagonal<V> {
    pub fn new(zero: V, n: usize) -> Self {
        Self { d: vec![zero; n], e2: vec![zero; n], p: vec![zero; n], q: vec![zero; n] }
    }

    /// Householder reflections from the last row to the third; only the squares beside the diagonal are kept, which is
    /// all that eigenvalues and determinants need.
    #[inline(always)]
    pub fn reduce<S: Simd>(&mut self, a: &mut [V], n: usize, ahead: &mut Ahead<S>) {
        if n > 1 {
            let (above, row) = a.split_at_mut(triangle(n - 1, 0));
            let (v, own) = row.split_at_mut(n - 1);
            self.d[n - 1] = own[0];
            let b = self.reflection(v);
            times(above, v, &mut self.p[..n - 1]);
            scale(&mut self.p[..n - 1], v, b);
        }
        for k in (1..n).rev() {
            ahead.step();
            // the reflection by row k is known, and p; the row before it is turned first, since it tells the next one
            let (above, row) = a.split_at_mut(triangle(k, 0));
            let v = &row[..k];
            let (rest, row) = above.split_at_mut(triangle(k - 1, 0));
            let p = &self.p[..k];
            let (last_v, last_p) = (v[k - 1], p[k - 1]);
            for ((x, &v), &p) in row.iter_mut().zip(v).zip(p) {
                *x = last_v.neg_mul_add(p, last_p.neg_mul_add(v, *x));
            }
            let (next, own) = row.split_at_mut(k - 1);
            self.d[k - 1] = own[0];
            if k == 1 {
                break;
            }
            let b = self.reflection(next);
            ahead.step();
            turn_and_times(rest, (v, &self.p), next, &mut self.q[..k - 1]);
            std::mem::swap(&mut self.p, &mut self.q);
            ahead.step();
            scale(&mut self.p[..k - 1], next, b);
        }
        if n == 1 {
            self.d[0] = a[0];
        }
    }

    /// The reflection I - b v v^T that leaves only the last entry of `v`, whose square is noted; `v` becomes its vector,
    /// b comes back.
    #[inline(always)]
    fn reflection(&mut self, v: &mut [V]) -> V {
        let k = v.len();
        let zero = v[0].splat(0.0);
        // the square of a normal number that a row of rounding errors stays below: such a row is left as it is
        let tiny = zero.splat(1e-280);
        if k == 1 {
            self.e2[0] = v[0] * v[0];
            return zero;
        }
        let mut squares = zero;
        for &x in v.iter() {
            squares = x.mul_add(x, squares);
        }
        self.e2[k - 1] = squares;
        // v := v + (norm of v, same sign) e_last, and h = 1 / b
        let last = v[k - 1];
        let norm = squares * squares.max(tiny).inverse_sqrt();
        let norm = V::select(last.lt(zero), zero - norm, norm);
        let h = norm.mul_add(last, squares);
        v[k - 1] = last + norm;
        // h is at least `squares`, and `norm` the root of it where those are above `tiny`
        V::select(tiny.lt(squares), h.max(tiny).reciprocal(), zero)
    }

    /// Eigenvalues into `d` by QL without square roots (Pal, Walker and Kahan), all lanes in step; bits come back for
    /// lanes that are not to be used, all of them if one did not settle.
    #[inline(always)]
    pub fn eigenvalues(&mut self, n: usize, scale: V) -> u32 {
        self.rotate::<false>(n, scale, &mut [])
    }

    /// The same, and into `along` the last component of each eigenvector, up to its sign (Golub and Welsch).
    #[inline(always)]
    pub fn eigenvalues_along(&mut self, n: usize, scale: V, along: &mut [V]) -> u32 {
        for x in along.iter_mut() {
            *x = scale.splat(0.0);
        }
        along[n - 1] = scale.splat(1.0);
        self.rotate::<true>(n, scale, along)
    }

    #[inline(always)]
    fn rotate<const ALONG: bool>(&mut self, n: usize, scale: V, along: &mut [V]) -> u32 {
        const SWEEPS: usize = 60; // two or three are usual
        let (d, e2) = (&mut self.d[..n], &mut self.e2[..n]);
        let zero = d[0].splat(0.0);
        let one = d[0].splat(1.0);
        // p is never 0, so that where b is, c is 1; c that comes of such a p counts as 0
        let tiny = d[0].splat(1e-290);
        let no_cosine = d[0].splat(1e-140);
        let settled = scale * scale * d[0].splat(f64::EPSILON * f64::EPSILON);
        for l in 0..n.saturating_sub(1) {
            let mut sweep = 0;
            loop {
                let open = settled.lt(e2[l]);
                let bits = V::bits(open);
                if bits == 0 {
                    break;
                }
                if sweep == SWEEPS {
                    return u32::MAX; // the others are not finished either
                }
                sweep += 1;
                let root = e2[l].max(tiny).sqrt();
                let first = d[l];
                let g = (d[l + 1] - first) / (root + root);
                let r = g.mul_add(g, one).sqrt();
                let r = V::select(g.lt(zero), zero - r, r);
                let shift = first - root / (g + r);
                let (mut c, mut s) = (one, zero);
                let mut gamma = d[n - 1] - shift;
                let mut p = gamma * gamma;
                // signs of the cosines of this rotation and of the last
                let mut sign = V::select(gamma.lt(zero), zero - one, one);
                let mut last_sign = one;
                for i in (l..n - 1).rev() {
                    let b = e2[i];
                    p = p.max(tiny);
                    let r = p + b;
                    if i != n - 2 {
                        e2[i + 1] = V::select(open, s * r, e2[i + 1]);
                    }
                    let old_c = c;
                    let inverse = r.reciprocal();
                    c = p * inverse;
                    s = b * inverse;
                    if ALONG {
                        let cosine = sign * (c * c.max(tiny).inverse_sqrt());
                        let sine = s * s.max(tiny).inverse_sqrt();
                        let (x, y) = (along[i], along[i + 1]);
                        along[i] = V::select(open, sine.neg_mul_add(y, cosine * x), x);
                        along[i + 1] = V::select(open, sine.mul_add(x, cosine * y), y);
                    }
                    let old_gamma = gamma;
                    let alpha = d[i];
                    gamma = s.neg_mul_add(old_gamma, c * (alpha - shift));
                    d[i + 1] = V::select(open, old_gamma + (alpha - gamma), d[i + 1]);
                    let some = no_cosine.lt(c);
                    p = V::select(some, gamma * gamma * c.max(no_cosine).reciprocal(), old_c * b);
                    if ALONG {
                        let turned = V::select(gamma.lt(zero), zero - sign, sign);
                        (sign, last_sign) = (V::select(some, turned, zero - last_sign), sign);
                    }
                }
                if ALONG {
                    // the entry beside the diagonal is taken for positive, which turns this axis round if it is not
                    along[l] = V::select(open, sign * along[l], along[l]);
                }
                e2[l] = V::select(open, s * p, e2[l]);
                d[l] = V::select(open, shift + gamma, d[l]);
            }
        }
        0
    }

    /// The sum of -x ln x over the eigenvalues x, which lie in [0, 1], from determinants alone.
    ///
    /// -x ln x is [`SLOPE`] x + the sum of w ln(1 + x / s) over [`POLES`], to 4.5e-9 on [0, 1], and the sum of
    /// ln(x + s) over the eigenvalues is ln det(T + s): a recurrence of n steps over the leading minors, without
    /// iteration or division.
    #[inline(always)]
    pub fn entropy<S: Simd>(&self, n: usize, ahead: &mut Ahead<S>) -> V {
        let (d, e2) = (&self.d[..n], &self.e2[..n]);
        let one = d[0].splat(1.0);
        let mut trace = d[0];
        for &d in &d[1..] {
            trace = trace + d;
        }
        let logs: f64 = POLES.iter().map(|&(s, w)| w * s.ln()).sum();
        let mut entropy = trace.mul_add(one.splat(SLOPE), one.splat(-logs * n as f64));
        for poles in POLES.chunks_exact(SIDE_BY_SIDE) {
            let mut s = [one; SIDE_BY_SIDE];
            let mut minor = [one; SIDE_BY_SIDE];
            let mut before = [one; SIDE_BY_SIDE];
            let mut log = [one.splat(0.0); SIDE_BY_SIDE];
            for u in 0..SIDE_BY_SIDE {
                s[u] = one.splat(poles[u].0);
                minor[u] = (d[0] + s[u]).max(s[u]);
            }
            for i in 1..n {
                ahead.step();
                for u in 0..SIDE_BY_SIDE {
                    let next = e2[i - 1].neg_mul_add(before[u], (d[i] + s[u]) * minor[u]);
                    // a minor is at least s times the one before, but for rounding
                    let least = s[u] * minor[u];
                    before[u] = minor[u];
                    minor[u] = next.max(least);
                }
                // a step multiplies by as little as 3e-8
                if i % 16 == 15 {
                    for u in 0..SIDE_BY_SIDE {
                        log[u] = log[u] + ln(minor[u]);
                        before[u] = before[u] * minor[u].reciprocal();
                        minor[u] = one;
                    }
                }
            }
            for u in 0..SIDE_BY_SIDE {
                entropy = (log[u] + ln(minor[u])).mul_add(one.splat(poles[u].1), entropy);
            }
        }
        entropy
    }
}

/// A := H A H with the reflection H = I - v v^T / h; `p` is work space.
#[inline(always)]
pub(crate) fn reflect<V: Lanes>(a: &mut [V], v: &[V], h: f64, p: &mut [V]) {
    times(a, v, p);
    scale(p, v, v[0].splat(1.0 / h));
    subtract_both(a, v, p);
}

/// `p`, which is A v, becomes b A v less the half of its part along v.
#[inline(always)]
fn scale<V: Lanes>(p: &mut [V], v: &[V], b: V) {
    let mut vp = b.splat(0.0);
    for (p, &v) in p.iter_mut().zip(v) {
        *p = *p * b;
        vp = p.mul_add(v, vp);
    }
    let half = vp * b * b.splat(0.5);
    for (p, &v) in p.iter_mut().zip(v) {
        *p = half.neg_mul_add(v, *p);
    }
}

/// `p` = A v; two rows of the triangle at a time, so that each entry of `p` is touched half as often.
#[inline(always)]
fn times<V: Lanes>(a: &[V], v: &[V], p: &mut [V]) {
    let zero = a[0].splat(0.0);
    let k = v.len();
    for p in p.iter_mut() {
        *p = zero;
    }
    let mut i = 0;
    while i + 1 < k {
        let (one, two) = (&a[triangle(i, 0)..][..=i], &a[triangle(i + 1, 0)..][..i + 2]);
        let (v1, v2) = (v[i], v[i + 1]);
        let (mut sum1, mut sum2) = (zero, zero);
        for (((&x, &y), &v), p) in one[..i].iter().zip(&two[..i]).zip(&v[..i]).zip(&mut p[..i]) {
            sum1 = x.mul_add(v, sum1);
            sum2 = y.mul_add(v, sum2);
            *p = y.mul_add(v2, x.mul_add(v1, *p));
        }
        p[i] = two[i].mul_add(v2, one[i].mul_add(v1, sum1));
        p[i + 1] = two[i + 1].mul_add(v2, two[i].mul_add(v1, sum2));
        i += 2;
    }
    if i < k {
        let row = &a[triangle(i, 0)..][..=i];
        let mut sum = zero;
        for ((&x, &v_j), p) in row[..i].iter().zip(&v[..i]).zip(&mut p[..i]) {
            sum = x.mul_add(v_j, sum);
            *p = x.mul_add(v[i], *p);
        }
        p[i] = row[i].mul_add(v[i], sum);
    }
}

/// A := A - v p^T - p v^T, and `q` = A w with what it has become: each entry is read and written once.
#[inline(always)]
fn turn_and_times<V: Lanes>(a: &mut [V], (v, p): (&[V], &[V]), w: &[V], q: &mut [V]) {
    let k = w.len();
    let zero = w[0].splat(0.0);
    for q in q.iter_mut() {
        *q = zero;
    }
    let mut i = 0;
    while i + 1 < k {
        let (one, two) = a[triangle(i, 0)..].split_at_mut(i + 1);
        let (v1, p1, v2, p2) = (v[i], p[i], v[i + 1], p[i + 1]);
        let (w1, w2) = (w[i], w[i + 1]);
        let (mut sum1, mut sum2) = (zero, zero);
        let entries = one[..i].iter_mut().zip(&mut two[..i]).zip(&mut q[..i]);
        for (((x, y), q), ((&v, &p), &w)) in entries.zip(v[..i].iter().zip(&p[..i]).zip(&w[..i])) {
            *x = v1.neg_mul_add(p, p1.neg_mul_add(v, *x));
            *y = v2.neg_mul_add(p, p2.neg_mul_add(v, *y));
            sum1 = x.mul_add(w, sum1);
            sum2 = y.mul_add(w, sum2);
            *q = y.mul_add(w2, x.mul_add(w1, *q));
        }
        let x = v1.neg_mul_add(p1, p1.neg_mul_add(v1, one[i]));
        let y = v2.neg_mul_add(p1, p2.neg_mul_add(v1, two[i]));
        let z = v2.neg_mul_add(p2, p2.neg_mul_add(v2, two[i + 1]));
        (one[i], two[i], two[i + 1]) = (x, y, z);
        q[i] = y.mul_add(w2, x.mul_add(w1, sum1));
        q[i + 1] = z.mul_add(w2, y.mul_add(w1, sum2));
        i += 2;
    }
    if i < k {
        let row = &mut a[triangle(i, 0)..][..=i];
        let (v1, p1, w1) = (v[i], p[i], w[i]);
        let mut sum = zero;
        for (((x, q), (&v, &p)), &w) in
            row[..i].iter_mut().zip(&mut q[..i]).zip(v[..i].iter().zip(&p[..i])).zip(&w[..i])
        {
            *x = v1.neg_mul_add(p, p1.neg_mul_add(v, *x));
            sum = x.mul_add(w, sum);
            *q = x.mul_add(w1, *q);
        }
        row[i] = v1.neg_mul_add(p1, p1.neg_mul_add(v1, row[i]));
        q[i] = row[i].mul_add(w1, sum);
    }
}

/// A := A - v p^T - p v^T, two rows of the triangle at a time.
#[inline(always)]
fn subtract_both<V: Lanes>(a: &mut [V], v: &[V], p: &[V]) {
    let k = v.len();
    let mut i = 0;
    while i + 1 < k {
        let (one, two) = a[triangle(i, 0)..].split_at_mut(i + 1);
        let (v1, p1, v2, p2) = (v[i], p[i], v[i + 1], p[i + 1]);
        for (((x, y), &v), &p) in one.iter_mut().zip(two.iter_mut()).zip(&v[..=i]).zip(&p[..=i]) {
            *x = v1.neg_mul_add(p, p1.neg_mul_add(v, *x));
            *y = v2.neg_mul_add(p, p2.neg_mul_add(v, *y));
        }
        two[i + 1] = v2.neg_mul_add(p2, p2.neg_mul_add(v2, two[i + 1]));
        i += 2;
    }
    if i < k {
        let row = &mut a[triangle(i, 0)..][..=i];
        let (v1, p1) = (v[i], p[i]);
        for ((x, &v), &p) in row.iter_mut().zip(&v[..=i]).zip(&p[..=i]) {
            *x = v1.neg_mul_add(p, p1.neg_mul_add(v, *x));
        }
    }
}

/// ln det(A + `shift`), for a positive semidefinite A and a positive shift, by elimination; overwrites A. No pivot of
/// such a matrix is below the shift, so one that rounding has put there is lifted.
#[inline(always)]
pub(crate) fn log_determinant<V: Lanes>(a: &mut [V], n: usize, shift: V) -> V {
    let one = shift.splat(1.0);
    let mut inverse = [one; MOST];
    let mut log = shift.splat(0.0);
    for i in 0..n {
        let (above, row) = a.split_at_mut(triangle(i, 0));
        let mut pivot = row[i] + shift;
        for j in 0..i {
            let other = &above[triangle(j, 0)..][..j];
            // u = l d; rows above hold l, this row holds u up to j
            let mut u = row[j];
            for (&x, &y) in row[..j].iter().zip(other) {
                u = x.neg_mul_add(y, u);
            }
            row[j] = u;
        }
        for j in 0..i {
            let l = row[j] * inverse[j];
            pivot = row[j].neg_mul_add(l, pivot);
            row[j] = l;
        }
        let pivot = pivot.max(shift);
        inverse[i] = one / pivot;
        log = log + ln(pivot);
    }
    log
}

/// Recurrences that go on together, so that none need wait for its own last step.
pub(crate) const SIDE_BY_SIDE: usize = 4;
/// Of the fit of -x ln x.
const SLOPE: f64 = -4.290_327_466_037_612_5;
/// Each s and w of the fit, both positive: found by variable projection with Lawson's reweighting for the smallest
/// largest error on [0, 1], under the condition that no s is below 3e-8, which rounding of the eigenvalues could reach.
pub(crate) const POLES: [(f64, f64); 12] = [
    (3.027_251_163_397_278e-8, 1.327_386_001_695_149_7e-7),
    (8.868_508_052_935_619e-7, 2.406_558_273_151_169_2e-6),
    (9.468_185_853_001_8e-6, 1.986_539_798_945_567e-5),
    (6.453_883_469_065_494e-5, 1.141_366_161_985_866e-4),
    (3.381_789_153_437_914_5e-4, 5.267_697_439_111_255e-4),
    (1.484_936_474_451_782_6e-3, 2.092_870_677_851_019_4e-3),
    (5.741_983_538_552_751e-3, 7.471_008_199_405_807e-3),
    (2.025_157_668_120_887_8e-2, 2.481_068_222_311_312e-2),
    (6.739_831_873_258_348e-2, 8.004_394_003_552_155e-2),
    (2.229_358_635_762_507e-1, 2.725_959_527_145_751_5e-1),
    (8.288_329_094_235_384e-1, 1.211_293_432_450_672),
    (5.534_008_112_490_586, 1.499_949_767_551_714e1),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eigenvalues;
    use crate::simd::{Isa, Kernel, Vector, Wide, exp_of_negative};

    #[test]
    fn the_fit_of_the_entropy_is_as_good_as_it_says() {
        let fit = |x: f64| SLOPE * x + POLES.iter().map(|(s, w)| w * (x / s).ln_1p()).sum::<f64>();
        let grid = (0..=200_000).map(|i| 10f64.powf(-14.0 * f64::from(i) / 200_000.0));
        let worst = grid.map(|x| (fit(x) + x * x.ln()).abs()).fold(0.0, f64::max);
        assert!(worst < 4.5e-9 && fit(0.0) == 0.0, "{worst:e}");
    }

    /// Matrices, one for each lane, of several kinds.
    fn matrix(n: usize, lane: usize) -> Vec<f64> {
        let mut state = (n * 64 + lane) as u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let rank = [n, n, 1, (n / 2).max(1), n, n, 2, n][lane % 8];
        let rows: Vec<f64> = (0..n * rank).map(|_| random() - if lane.is_multiple_of(2) { 0.5 } else { 0.0 }).collect();
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                let (x, y) = (&rows[i * rank..][..rank], &rows[j * rank..][..rank]);
                a[i * n + j] = match lane {
                    3 => f64::from(u8::from(i % 2 == j % 2)), // zeros between equal eigenvalues
                    4 => f64::from(u8::from(i == j)),
                    5 => 1.0,
                    _ => x.iter().zip(y).map(|(x, y)| x * y).sum(),
                };
            }
        }
        let trace: f64 = (0..n).map(|i| a[i * n + i]).sum();
        a.iter().map(|x| x / trace).collect()
    }

    struct All {
        n: usize,
    }

    impl Kernel for All {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let n = self.n;
            let lanes = Wide::<S>::N;
            let mut values = vec![0.0; lanes];
            let mut a = vec![simd.wide(0.0); triangle(n, 0)];
            for i in 0..n {
                for j in 0..=i {
                    let entries: Vec<f64> = (0..16 * lanes).map(|at| matrix_entry(n, at / 16, i, j)).collect();
                    let mut sixteen = [simd.wide(0.0); 16];
                    simd.wide(0.0).transpose(&entries, 16, &mut sixteen);
                    a[triangle(i, j)] = sixteen[0];
                }
            }
            let mut tridiagonal = Tridiagonal::new(simd.wide(0.0), n);
            let ahead = &mut Ahead::nothing(simd);
            tridiagonal.reduce(&mut a.clone(), n, ahead);
            let mut entropies = vec![0.0; lanes];
            tridiagonal.entropy(n, ahead).store(&mut entropies);
            assert_eq!(tridiagonal.eigenvalues(n, simd.wide(1.0)), 0);
            let mut logs = vec![0.0; lanes];
            log_determinant(&mut a, n, simd.wide(1e-3)).store(&mut logs);
            for lane in 0..lanes {
                let expected = eigenvalues(&mut matrix(n, lane), n);
                let mut found: Vec<f64> = tridiagonal.d[..n]
                    .iter()
                    .map(|d| {
                        d.store(&mut values);
                        values[lane]
                    })
                    .collect();
                found.sort_unstable_by(f64::total_cmp);
                for (a, b) in found.iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-14, "n = {n}, lane {lane}: {a:e} is not {b:e}");
                }
                let positive = || expected.iter().map(|x| x.max(0.0));
                let exact: f64 = positive().filter(|&x| x > 0.0).map(|x| -x * x.ln()).sum();
                assert!((entropies[lane] - exact).abs() < 5e-9 * n as f64, "n = {n}, lane {lane}");
                let exact: f64 = positive().map(|x| (x + 1e-3).ln()).sum();
                assert!((logs[lane] - exact).abs() < 1e-10, "n = {n}, lane {lane}: {} is not {exact}", logs[lane]);
            }
        }
    }

    fn matrix_entry(n: usize, lane: usize, i: usize, j: usize) -> f64 {
        matrix(n, lane)[i * n + j]
    }

    #[test]
    fn every_instruction_set_finds_eigenvalues_entropies_and_determinants() {
        for n in [1, 2, 3, 4, 5, 9, 10, 17, 24] {
            Isa::ALL.into_iter().filter(|isa| isa.is_here()).for_each(|isa| isa.run(All { n }));
        }
    }

    struct Functions;

    impl Kernel for Functions {
        type Output = (f64, f64);
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let (mut ln64, mut exp64) = (0.0_f64, 0.0_f64);
            for i in 0..20_000 {
                let x = 10f64.powf((f64::from(i) - 10_000.0) / 40.0);
                let mut double = [0.0; 16];
                ln(simd.wide(x)).store(&mut double);
                ln64 = ln64.max((double[0] - x.ln()).abs() / x.ln().abs().max(1.0));
                let y = -f64::from(i) * 0.04;
                exp_of_negative(simd.wide(y)).store(&mut double);
                if y > -700.0 {
                    exp64 = exp64.max((double[0] / y.exp() - 1.0).abs());
                } else if y < -709.0 {
                    assert_eq!(double[0], 0.0);
                }
            }
            (ln64, exp64)
        }
    }

    #[test]
    fn logarithms_and_exponentials_are_right_to_a_few_last_places() {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
            let (ln64, exp64) = isa.run(Functions);
            assert!(ln64 < 5e-16 && exp64 < 5e-16, "{isa:?}: {ln64:e}, {exp64:e}");
        }
    }
}
