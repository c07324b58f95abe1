//! The element types that kernels read.

use std::ops::{Add, Sub};

use half::f16;

/// `f16`, `f32` or `f64`: read as it lies, computed with in `f64`.
pub trait Float: Copy + Send + Sync + 'static {
    /// The same number in `f64`, exactly.
    fn widen(self) -> f64;
}

impl Float for f16 {
    fn widen(self) -> f64 {
        self.to_f64()
    }
}

impl Float for f32 {
    fn widen(self) -> f64 {
        f64::from(self)
    }
}

impl Float for f64 {
    fn widen(self) -> f64 {
        self
    }
}

/// `f32` or `f64`: computed with as it lies.
pub trait Real: Float + PartialOrd + Add<Output = Self> + Sub<Output = Self> {
    /// The nearest number of this type.
    fn nearest(x: f64) -> Self;
}

impl Real for f32 {
    #[allow(clippy::cast_possible_truncation)] // rounding is meant
    fn nearest(x: f64) -> Self {
        x as Self
    }
}

impl Real for f64 {
    fn nearest(x: f64) -> Self {
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_half_squares_without_overflow() {
        assert_eq!(f16::MAX.widen().powi(2), 65504.0 * 65504.0);
        assert_eq!(f16::from_f32(0.1).widen(), 0.099_975_585_937_5);
        assert!(f16::INFINITY.widen().is_infinite());
    }
}
