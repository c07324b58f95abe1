//! The normal distribution: chances and points.

use std::f64::consts::{PI, SQRT_2};

/// The chance of a value above `x`, with a small relative error however far out.
pub(crate) fn above(x: f64) -> f64 {
    let z = x / SQRT_2;
    if z < 0.0 { 1.0 - 0.5 * erfc(-z) } else { 0.5 * erfc(z) }
}

/// The chance of a value at least as far from 0 as `x`.
pub(crate) fn beyond(x: f64) -> f64 {
    erfc(x.abs() / SQRT_2)
}

/// erf(x) for x of at least 0.
pub(crate) fn erf(x: f64) -> f64 {
    1.0 - erfc(x)
}

/// 1 - erf(x) for x of at least 0.
fn erfc(x: f64) -> f64 {
    const SERIES: f64 = 2.0;
    if x < SERIES {
        let (mut term, mut sum, mut k) = (x, x, 1.0);
        while term > sum * f64::EPSILON / 4.0 {
            term *= 2.0 * x * x / (2.0 * k + 1.0);
            sum += term;
            k += 1.0;
        }
        return (1.0 - 2.0 / PI.sqrt() * (-x * x).exp() * sum).max(0.0);
    }
    // the continued fraction from its end; its terms settle the faster the larger x is
    #[allow(clippy::cast_possible_truncation)] // at most 40
    let terms = 30 + (160.0 / (x * x)) as i32 * 4;
    let mut tail = x;
    for k in (1..=terms).rev() {
        tail = x + 0.5 * f64::from(k) / tail;
    }
    (-x * x).exp() / (PI.sqrt() * tail)
}

/// The value below which the share `p` lies, 0 < p < 1.
pub(crate) fn quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -quantile(1.0 - p);
    }
    // Winitzki's guess, then Newton's steps on the logarithm, which is nearly a parabola
    let log = (p * 2.0 * (2.0 - p * 2.0)).ln();
    let half = 2.0 / (PI * 0.147) + log / 2.0;
    let mut x = -SQRT_2 * ((half * half - log / 0.147).sqrt() - half).max(0.0).sqrt();
    for _ in 0..8 {
        let below = above(-x);
        let density = (-x * x / 2.0).exp() / (2.0 * PI).sqrt();
        let step = (below.ln() - p.ln()) * below / density;
        x -= step;
        if step.abs() <= 1e-15 * x.abs().max(1.0) {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_at_known_points() {
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 2e-13, "{a:e} is not {b:e}");
        near(above(0.0), 0.5);
        near(above(1.959_963_984_540_054), 0.025);
        near(above(-1.959_963_984_540_054), 0.975);
        near(beyond(1.0), 0.317_310_507_862_914_1);
        near(above(3.0), 0.001_349_898_031_630_094_7);
        near(above(5.0), 2.866_515_718_791_939_7e-7);
        near(above(10.0), 7.619_853_024_160_527e-24);
        near(above(37.0), 5.725_571_222_524_577e-300);
        near(erf(0.5), 0.520_499_877_813_046_5);
        assert_eq!(erf(7.0), 1.0);
    }

    #[test]
    fn points_are_where_the_chances_say() {
        for p in [1e-300, 1e-20, 1e-5, 0.025, 0.3, 0.5, 0.77, 0.975, 1.0 - 1e-10] {
            let back = above(-quantile(p));
            assert!((back / p - 1.0).abs() < 1e-11, "{p:e}: {back:e}");
        }
        assert!((quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
        assert_eq!(quantile(0.5), 0.0);
    }
}
