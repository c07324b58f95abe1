//! Short arrays, which the compiler turns into whatever vectors the target has: SSE2, NEON. The reference of the others.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Sub, SubAssign};

use super::{Along, Lanes, Part, Simd, Singles, Vector};
use crate::Float;

/// The token of what is always there.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[derive(Clone, Copy, Debug)]
pub(crate) struct F32x4([f32; 4]);

#[derive(Clone, Copy, Debug)]
pub(crate) struct F64x2([f64; 2]);

impl Simd for Portable {
    const BLOCK: usize = 3;
    type F32 = F32x4;
    type F64 = F64x2;

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // singles are what is asked for
    fn f32(self, x: f64) -> F32x4 {
        F32x4([x as f32; 4])
    }

    #[inline(always)]
    fn f64(self, x: f64) -> F64x2 {
        F64x2([x; 2])
    }

    #[inline(always)]
    fn prefetch(self, _: *const u8) {}

    #[inline(never)]
    fn call<P: Part<Self>>(self, part: P) -> P::Output {
        part.run(self)
    }
}

macro_rules! operator {
    ($trait:ident, $f:ident, $assign:ident, $($vector:ident),+) => {$(
        impl $trait for $vector {
            type Output = Self;
            #[inline(always)]
            fn $f(mut self, other: Self) -> Self {
                for (x, y) in self.0.iter_mut().zip(other.0) {
                    x.$assign(y);
                }
                self
            }
        }
    )+};
}

operator!(Add, add, add_assign, F32x4, F64x2);
operator!(Sub, sub, sub_assign, F32x4, F64x2);
operator!(Mul, mul, mul_assign, F32x4, F64x2);
operator!(Div, div, div_assign, F64x2);

macro_rules! along {
    ($vector:ident, $scalar:ident, $n:literal) => {
        impl Vector for $vector {
            type Scalar = $scalar;
            const N: usize = $n;

            #[inline(always)]
            fn mul_add(mut self, b: Self, c: Self) -> Self {
                for i in 0..$n {
                    self.0[i] = if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                        self.0[i].mul_add(b.0[i], c.0[i])
                    } else {
                        self.0[i] * b.0[i] + c.0[i]
                    };
                }
                self
            }

            #[inline(always)]
            fn store(self, out: &mut [$scalar]) {
                out[..$n].copy_from_slice(&self.0);
            }
        }

        #[allow(clippy::cast_possible_truncation, clippy::unnecessary_cast)] // for both widths
        impl Along for $vector {
            #[inline(always)]
            unsafe fn load<T: Float>(self, at: *const T) -> Self {
                let mut loaded = self;
                for i in 0..$n {
                    // SAFETY: the caller's.
                    loaded.0[i] = unsafe { *at.add(i) }.widen() as $scalar;
                }
                loaded
            }

            #[inline(always)]
            unsafe fn load_part<T: Float>(self, at: *const T, count: usize) -> Self {
                let mut loaded = Self([0.0; $n]);
                for i in 0..count {
                    // SAFETY: the caller's.
                    loaded.0[i] = unsafe { *at.add(i) }.widen() as $scalar;
                }
                loaded
            }

            #[inline(always)]
            fn read_verdicts(self, verdicts: &[bool]) -> Self {
                let mut read = self;
                for (read, &verdict) in read.0.iter_mut().zip(&verdicts[..$n]) {
                    *read = <$scalar>::from(u8::from(verdict));
                }
                read
            }

            #[inline(always)]
            fn sums(vectors: &[Self], out: &mut [$scalar]) {
                for (vector, out) in vectors.iter().zip(out) {
                    let mut parts = vector.0;
                    let mut half = $n / 2;
                    while half > 0 {
                        for i in 0..half {
                            parts[i] += parts[i + half];
                        }
                        half /= 2;
                    }
                    *out = parts[0];
                }
            }
        }
    };
}

along!(F32x4, f32, 4);
along!(F64x2, f64, 2);

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // exponents are small
impl Singles for F32x4 {
    #[inline(always)]
    fn splat(self, x: f32) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    fn round(mut self) -> Self {
        const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
        for i in 0..4 {
            self.0[i] = (self.0[i] + ROUND) - ROUND; // pushes the fraction out
        }
        self
    }

    #[inline(always)]
    fn scale(mut self, e: Self) -> Self {
        for i in 0..4 {
            self.0[i] *= f32::from_bits(((e.0[i] as i32 + 127) as u32) << 23);
        }
        self
    }

    #[inline(always)]
    fn reciprocal(mut self) -> Self {
        for i in 0..4 {
            self.0[i] = 1.0 / self.0[i];
        }
        self
    }
}

/// Of an `f64`.
const MANTISSA_BITS: u32 = 52;
const BIAS: i32 = 1023;
/// 1.5 * 2^52: what is added to it loses its fraction.
const ROUND: f64 = 6_755_399_441_055_744.0;

#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)] // exponents are small
impl Lanes for F64x2 {
    type Mask = [bool; 2];

    #[inline(always)]
    fn splat(self, x: f64) -> Self {
        Self([x; 2])
    }

    #[inline(always)]
    fn neg_mul_add(mut self, b: Self, c: Self) -> Self {
        for i in 0..2 {
            self.0[i] = -self.0[i];
        }
        self.mul_add(b, c)
    }

    #[inline(always)]
    fn sqrt(mut self) -> Self {
        for i in 0..2 {
            self.0[i] = self.0[i].sqrt();
        }
        self
    }

    #[inline(always)]
    fn max(mut self, other: Self) -> Self {
        for i in 0..2 {
            self.0[i] = if self.0[i] > other.0[i] { self.0[i] } else { other.0[i] };
        }
        self
    }

    #[inline(always)]
    fn min(mut self, other: Self) -> Self {
        for i in 0..2 {
            self.0[i] = if self.0[i] < other.0[i] { self.0[i] } else { other.0[i] };
        }
        self
    }

    #[inline(always)]
    fn lt(self, other: Self) -> [bool; 2] {
        let mut mask = [false; 2];
        for i in 0..2 {
            mask[i] = self.0[i] < other.0[i];
        }
        mask
    }

    #[inline(always)]
    fn eq(self, other: Self) -> [bool; 2] {
        let mut mask = [false; 2];
        for i in 0..2 {
            mask[i] = self.0[i] == other.0[i];
        }
        mask
    }

    #[inline(always)]
    fn and(mut a: [bool; 2], b: [bool; 2]) -> [bool; 2] {
        for i in 0..2 {
            a[i] &= b[i];
        }
        a
    }

    #[inline(always)]
    fn or(mut a: [bool; 2], b: [bool; 2]) -> [bool; 2] {
        for i in 0..2 {
            a[i] |= b[i];
        }
        a
    }

    #[inline(always)]
    fn select(mask: [bool; 2], mut a: Self, b: Self) -> Self {
        for i in 0..2 {
            if !mask[i] {
                a.0[i] = b.0[i];
            }
        }
        a
    }

    #[inline(always)]
    fn bits(mask: [bool; 2]) -> u32 {
        let mut bits = 0;
        for i in 0..2 {
            bits |= u32::from(mask[i]) << i;
        }
        bits
    }

    #[inline(always)]
    fn split(self) -> (Self, Self) {
        let (mut m, mut e) = (self, self);
        for i in 0..2 {
            let bits = self.0[i].to_bits();
            let above = bits + ((BIAS as u64) << MANTISSA_BITS) - 0.75_f64.to_bits();
            let exponent = (above >> MANTISSA_BITS) as i32 - BIAS;
            e.0[i] = f64::from(exponent);
            m.0[i] = f64::from_bits(bits.wrapping_sub((exponent as u64) << MANTISSA_BITS));
        }
        (m, e)
    }

    #[inline(always)]
    fn scale_down(mut self, e: Self) -> Self {
        for i in 0..2 {
            let exponent = (e.0[i] as i32 + BIAS) as u64;
            let power = f64::from_bits(exponent << MANTISSA_BITS);
            self.0[i] = if e.0[i] > -f64::from(BIAS) { self.0[i] * power } else { 0.0 };
        }
        self
    }

    #[inline(always)]
    fn round(mut self) -> Self {
        for i in 0..2 {
            self.0[i] = (self.0[i] + ROUND) - ROUND; // pushes the fraction out
        }
        self
    }

    #[inline(always)]
    fn transpose<T: Float>(self, rows: &[T], stride: usize, out: &mut [Self]) {
        for (j, out) in out.iter_mut().enumerate() {
            for i in 0..2 {
                out.0[i] = rows[i * stride + j].widen();
            }
        }
    }
}
