//! The element types that kernels read.

use std::ops::{Add, Sub};

use half::f16;

use crate::ranked::Word;

/// Which of the three types a [`Float`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `half::f16`
    F16,
    /// `f32`
    F32,
    /// `f64`
    F64,
}

/// `f16`, `f32` or `f64`: read as it lies, and nothing else, since vectors of it are loaded as their `KIND` says.
pub trait Float: sealed::Sealed + Copy + Default + PartialEq + Send + Sync + 'static {
    /// Which it is.
    const KIND: Kind;

    /// The same number in `f64`, exactly.
    fn widen(self) -> f64;

    /// The nearest number in `f32`.
    fn narrow(self) -> f32;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for half::f16 {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Float for f16 {
    const KIND: Kind = Kind::F16;

    fn widen(self) -> f64 {
        self.to_f64()
    }

    fn narrow(self) -> f32 {
        self.to_f32()
    }
}

impl Float for f32 {
    const KIND: Kind = Kind::F32;

    fn widen(self) -> f64 {
        f64::from(self)
    }

    fn narrow(self) -> f32 {
        self
    }
}

impl Float for f64 {
    const KIND: Kind = Kind::F64;

    fn widen(self) -> f64 {
        self
    }

    #[allow(clippy::cast_possible_truncation)] // as the name says
    fn narrow(self) -> f32 {
        self as f32
    }
}

/// `f32` or `f64`: computed with as it lies.
pub trait Real: Float + PartialOrd + Add<Output = Self> + Sub<Output = Self> {
    /// The smallest finite number.
    const LOWEST: Self;
    /// The largest finite number.
    const HIGHEST: Self;
    /// A value and a verdict.
    type Word: Word;
    /// The order of 0: below it are those of negative numbers.
    const SIGN: u64 = 1 << (Self::Word::BITS - 1);

    /// Bits that compare as the numbers do; -0.0 has those of 0.0.
    fn order(self) -> u64;
    /// The number of which a word knows the order but for its highest bit, which says whether it is negative.
    fn of_word(word: Self::Word, negative: bool) -> f64;
    /// The nearest number of this type.
    fn nearest(x: f64) -> Self;
}

impl Real for f32 {
    const LOWEST: Self = Self::MIN;
    const HIGHEST: Self = Self::MAX;
    type Word = u32;

    #[inline(always)]
    #[allow(clippy::cast_lossless, clippy::unnecessary_cast)] // alike for both widths
    fn order(self) -> u64 {
        const SIGN: u32 = 1 << (u32::BITS - 1);
        let bits = (self + 0.0).to_bits(); // -0.0 becomes 0.0
        (if bits & SIGN == 0 { bits | SIGN } else { !bits }) as u64
    }

    #[inline(always)]
    fn of_word(word: u32, negative: bool) -> f64 {
        let magnitude = word >> 1;
        let bits = if negative { !magnitude } else { magnitude };
        Self::from_bits(bits).widen()
    }

    #[allow(clippy::cast_possible_truncation)] // rounding is meant
    fn nearest(x: f64) -> Self {
        x as Self
    }
}

impl Real for f64 {
    const LOWEST: Self = Self::MIN;
    const HIGHEST: Self = Self::MAX;
    type Word = u64;

    #[inline(always)]
    #[allow(clippy::cast_lossless, clippy::unnecessary_cast)] // alike for both widths
    fn order(self) -> u64 {
        const SIGN: u64 = 1 << (u64::BITS - 1);
        let bits = (self + 0.0).to_bits(); // -0.0 becomes 0.0
        (if bits & SIGN == 0 { bits | SIGN } else { !bits }) as u64
    }

    #[inline(always)]
    fn of_word(word: u64, negative: bool) -> f64 {
        let magnitude = word >> 1;
        let bits = if negative { !magnitude } else { magnitude };
        Self::from_bits(bits).widen()
    }

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
