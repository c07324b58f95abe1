//! Short arrays, which the compiler turns into whatever vectors the target has: SSE2, NEON. The reference of the others.

use std::ops::{Add, Div, Mul, Sub};

use super::{Along, Lanes, Part, Simd};
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

macro_rules! lanes {
    ($vector:ident, $scalar:ident, $bits:ident, $n:literal, $mantissa_bits:literal, $bias:literal, $round:literal) => {
        impl Add for $vector {
            type Output = Self;
            #[inline(always)]
            fn add(mut self, other: Self) -> Self {
                for i in 0..$n {
                    self.0[i] += other.0[i];
                }
                self
            }
        }

        impl Sub for $vector {
            type Output = Self;
            #[inline(always)]
            fn sub(mut self, other: Self) -> Self {
                for i in 0..$n {
                    self.0[i] -= other.0[i];
                }
                self
            }
        }

        impl Mul for $vector {
            type Output = Self;
            #[inline(always)]
            fn mul(mut self, other: Self) -> Self {
                for i in 0..$n {
                    self.0[i] *= other.0[i];
                }
                self
            }
        }

        impl Div for $vector {
            type Output = Self;
            #[inline(always)]
            fn div(mut self, other: Self) -> Self {
                for i in 0..$n {
                    self.0[i] /= other.0[i];
                }
                self
            }
        }

        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            clippy::cast_sign_loss,
            clippy::cast_lossless,
            clippy::unnecessary_cast
        )] // for both widths; exponents are small
        impl Lanes for $vector {
            type Scalar = $scalar;
            type Mask = [bool; $n];
            const N: usize = $n;
            const EPSILON: f64 = $scalar::EPSILON as f64;

            #[inline(always)]
            fn splat(self, x: f64) -> Self {
                Self([x as $scalar; $n])
            }

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
            fn neg_mul_add(mut self, b: Self, c: Self) -> Self {
                for i in 0..$n {
                    self.0[i] = -self.0[i];
                }
                self.mul_add(b, c)
            }

            #[inline(always)]
            fn sqrt(mut self) -> Self {
                for i in 0..$n {
                    self.0[i] = self.0[i].sqrt();
                }
                self
            }

            #[inline(always)]
            fn max(mut self, other: Self) -> Self {
                for i in 0..$n {
                    self.0[i] = if self.0[i] > other.0[i] { self.0[i] } else { other.0[i] };
                }
                self
            }

            #[inline(always)]
            fn min(mut self, other: Self) -> Self {
                for i in 0..$n {
                    self.0[i] = if self.0[i] < other.0[i] { self.0[i] } else { other.0[i] };
                }
                self
            }

            #[inline(always)]
            fn lt(self, other: Self) -> [bool; $n] {
                let mut mask = [false; $n];
                for i in 0..$n {
                    mask[i] = self.0[i] < other.0[i];
                }
                mask
            }

            #[inline(always)]
            fn eq(self, other: Self) -> [bool; $n] {
                let mut mask = [false; $n];
                for i in 0..$n {
                    mask[i] = self.0[i] == other.0[i];
                }
                mask
            }

            #[inline(always)]
            fn and(mut a: [bool; $n], b: [bool; $n]) -> [bool; $n] {
                for i in 0..$n {
                    a[i] &= b[i];
                }
                a
            }

            #[inline(always)]
            fn or(mut a: [bool; $n], b: [bool; $n]) -> [bool; $n] {
                for i in 0..$n {
                    a[i] |= b[i];
                }
                a
            }

            #[inline(always)]
            fn select(mask: [bool; $n], mut a: Self, b: Self) -> Self {
                for i in 0..$n {
                    if !mask[i] {
                        a.0[i] = b.0[i];
                    }
                }
                a
            }

            #[inline(always)]
            fn bits(mask: [bool; $n]) -> u32 {
                let mut bits = 0;
                for i in 0..$n {
                    bits |= u32::from(mask[i]) << i;
                }
                bits
            }

            #[inline(always)]
            fn split(self) -> (Self, Self) {
                let (mut m, mut e) = (self, self);
                for i in 0..$n {
                    let bits = self.0[i].to_bits();
                    let above = bits + (($bias as $bits) << $mantissa_bits) - (0.75 as $scalar).to_bits();
                    let exponent = (above >> $mantissa_bits) as i32 - $bias;
                    e.0[i] = exponent as $scalar;
                    m.0[i] = $scalar::from_bits(bits.wrapping_sub((exponent as $bits) << $mantissa_bits));
                }
                (m, e)
            }

            #[inline(always)]
            fn scale_down(mut self, e: Self) -> Self {
                for i in 0..$n {
                    let exponent = (e.0[i] as i32 + $bias) as $bits;
                    let power = $scalar::from_bits(exponent << $mantissa_bits);
                    self.0[i] = if e.0[i] > (-$bias as i32) as $scalar { self.0[i] * power } else { 0.0 };
                }
                self
            }

            #[inline(always)]
            fn round(mut self) -> Self {
                for i in 0..$n {
                    self.0[i] = (self.0[i] + $round) - $round; // pushes the fraction out
                }
                self
            }

            #[inline(always)]
            fn store(self, out: &mut [$scalar]) {
                out[..$n].copy_from_slice(&self.0);
            }

            #[inline(always)]
            fn transpose<T: Float>(self, rows: &[T], stride: usize, out: &mut [Self]) {
                for (j, out) in out.iter_mut().enumerate() {
                    for i in 0..$n {
                        out.0[i] = rows[i * stride + j].widen() as $scalar;
                    }
                }
            }
        }

        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            clippy::cast_sign_loss,
            clippy::cast_lossless,
            clippy::unnecessary_cast
        )] // for both widths; exponents are small
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

lanes!(F32x4, f32, u32, 4, 23, 127, 12_582_912.0); // 1.5 * 2^23
lanes!(F64x2, f64, u64, 2, 52, 1023, 6_755_399_441_055_744.0); // 1.5 * 2^52
