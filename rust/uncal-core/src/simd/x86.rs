//! AVX-512 and AVX2.
//!
//! SAFETY, of every block that says no more: it calls instructions on a vector, and vectors only come from a token, which
//! is only made where the processor has them.

use std::arch::x86_64::{
    __m128i, __m256, __m256d, __m256i, __m512, __m512d, _CMP_EQ_OQ, _CMP_LT_OQ, _MM_FROUND_NO_EXC,
    _MM_FROUND_TO_NEAREST_INT, _MM_HINT_T0, _MM_MANT_NORM_P75_1P5, _MM_MANT_SIGN_SRC, _mm_cvtepu8_epi32,
    _mm_loadl_epi64, _mm_loadu_si32, _mm_loadu_si128, _mm_maskz_loadu_epi16, _mm_prefetch, _mm256_add_epi32,
    _mm256_add_pd, _mm256_add_ps, _mm256_and_pd, _mm256_blendv_pd, _mm256_castpd_si256, _mm256_castsi256_pd,
    _mm256_castsi256_ps, _mm256_cmp_pd, _mm256_cvtepi32_pd, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32, _mm256_cvtpd_ps,
    _mm256_cvtph_ps, _mm256_cvtps_epi32, _mm256_cvtps_pd, _mm256_div_pd, _mm256_div_ps, _mm256_fmadd_pd,
    _mm256_fmadd_ps, _mm256_fnmadd_pd, _mm256_hadd_pd, _mm256_hadd_ps, _mm256_loadu_pd, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_maskz_loadu_epi16, _mm256_maskz_loadu_ps, _mm256_max_pd, _mm256_min_pd,
    _mm256_movemask_pd, _mm256_mul_pd, _mm256_mul_ps, _mm256_or_pd, _mm256_or_si256, _mm256_permute2f128_pd,
    _mm256_permute2f128_ps, _mm256_round_pd, _mm256_round_ps, _mm256_set_m128, _mm256_set1_epi32, _mm256_set1_epi64x,
    _mm256_set1_pd, _mm256_set1_ps, _mm256_slli_epi32, _mm256_slli_epi64, _mm256_sqrt_pd, _mm256_srli_epi64,
    _mm256_storeu_pd, _mm256_storeu_ps, _mm256_sub_epi64, _mm256_sub_pd, _mm256_sub_ps, _mm256_unpackhi_pd,
    _mm256_unpacklo_pd, _mm512_add_pd, _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps256_ps512,
    _mm512_cmp_pd_mask, _mm512_cvtepi32_pd, _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32, _mm512_cvtpd_ps, _mm512_cvtph_ps,
    _mm512_cvtps_pd, _mm512_div_pd, _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_fnmadd_pd, _mm512_fnmadd_ps,
    _mm512_getexp_pd, _mm512_getmant_pd, _mm512_insertf32x8, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_mask_add_pd,
    _mm512_mask_blend_pd, _mm512_maskz_loadu_pd, _mm512_maskz_loadu_ps, _mm512_max_pd, _mm512_min_pd, _mm512_mul_pd,
    _mm512_mul_ps, _mm512_permutexvar_ps, _mm512_rcp14_pd, _mm512_rcp14_ps, _mm512_roundscale_pd, _mm512_roundscale_ps,
    _mm512_rsqrt14_pd, _mm512_scalef_pd, _mm512_scalef_ps, _mm512_set_epi32, _mm512_set1_pd, _mm512_set1_ps,
    _mm512_shuffle_f32x4, _mm512_shuffle_f64x2, _mm512_sqrt_pd, _mm512_storeu_pd, _mm512_storeu_ps, _mm512_sub_pd,
    _mm512_sub_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};
use std::ops::{Add, Div, Mul, Sub};

use super::{Along, Kernel, Lanes, Part, Simd, Singles, Vector};
use crate::Float;
use crate::float::Kind;

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

/// The token of AVX-512.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

/// The token of AVX2, FMA and F16C.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

/// # Safety
/// The processor must have all of [`Isa::Avx512`](super::Isa::Avx512).
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

/// # Safety
/// The processor must have all of [`Isa::Avx2`](super::Isa::Avx2).
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// # Safety
/// As for [`run_avx512`].
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c")]
unsafe fn call_avx512<P: Part<Avx512>>(token: Avx512, part: P) -> P::Output {
    part.run(token)
}

/// # Safety
/// As for [`run_avx2`].
#[inline(never)]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn call_avx2<P: Part<Avx2>>(token: Avx2, part: P) -> P::Output {
    part.run(token)
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct F32x16(__m512);

#[derive(Clone, Copy, Debug)]
pub(crate) struct F64x8(__m512d);

#[derive(Clone, Copy, Debug)]
pub(crate) struct F32x8(__m256);

#[derive(Clone, Copy, Debug)]
pub(crate) struct F64x4(__m256d);

macro_rules! token {
    ($token:ident, $call:ident, $block:literal, $f32:ident, $set_f32:ident, $f64:ident, $set_f64:ident) => {
        impl Simd for $token {
            const BLOCK: usize = $block;
            type F32 = $f32;
            type F64 = $f64;

            #[inline(always)]
            #[allow(clippy::cast_possible_truncation)] // singles are what is asked for
            fn f32(self, x: f64) -> $f32 {
                // SAFETY: the token is only made where the instructions exist.
                $f32(unsafe { $set_f32(x as f32) })
            }

            #[inline(always)]
            fn f64(self, x: f64) -> $f64 {
                // SAFETY: the token is only made where the instructions exist.
                $f64(unsafe { $set_f64(x) })
            }

            #[inline(always)]
            fn prefetch(self, at: *const u8) {
                // SAFETY: a hint; an address that is not mapped is ignored.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
            }

            #[inline(always)]
            fn call<P: Part<Self>>(self, part: P) -> P::Output {
                // SAFETY: the token is only made where the instructions exist.
                unsafe { $call(self, part) }
            }
        }
    };
}

token!(Avx512, call_avx512, 5, F32x16, _mm512_set1_ps, F64x8, _mm512_set1_pd);
token!(Avx2, call_avx2, 3, F32x8, _mm256_set1_ps, F64x4, _mm256_set1_pd);

macro_rules! operator {
    ($trait:ident, $f:ident, $($vector:ident, $instruction:ident;)+) => {$(
        impl $trait for $vector {
            type Output = Self;
            #[inline(always)]
            fn $f(self, other: Self) -> Self {
                Self(unsafe { $instruction(self.0, other.0) })
            }
        }
    )+};
}

operator!(Add, add, F32x16, _mm512_add_ps; F64x8, _mm512_add_pd; F32x8, _mm256_add_ps; F64x4, _mm256_add_pd;);
operator!(Sub, sub, F32x16, _mm512_sub_ps; F32x8, _mm256_sub_ps; F64x8, _mm512_sub_pd; F64x4, _mm256_sub_pd;);
operator!(Mul, mul, F32x16, _mm512_mul_ps; F32x8, _mm256_mul_ps; F64x8, _mm512_mul_pd; F64x4, _mm256_mul_pd;);
operator!(Div, div, F64x8, _mm512_div_pd; F64x4, _mm256_div_pd;);

/// What every vector does.
macro_rules! vector {
    ($vector:ident, $scalar:ident, $n:literal, $fma:ident, $store:ident) => {
        impl Vector for $vector {
            type Scalar = $scalar;
            const N: usize = $n;

            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                Self(unsafe { $fma(self.0, b.0, c.0) })
            }

            #[inline(always)]
            fn store(self, out: &mut [$scalar]) {
                let out = &mut out[..$n];
                // SAFETY: there is room for all lanes.
                unsafe { $store(out.as_mut_ptr(), self.0) }
            }
        }
    };
}

vector!(F32x16, f32, 16, _mm512_fmadd_ps, _mm512_storeu_ps);
vector!(F64x8, f64, 8, _mm512_fmadd_pd, _mm512_storeu_pd);
vector!(F32x8, f32, 8, _mm256_fmadd_ps, _mm256_storeu_ps);
vector!(F64x4, f64, 4, _mm256_fmadd_pd, _mm256_storeu_pd);

/// Verdicts are bytes 0 and 1: loaded, widened, converted.
macro_rules! read_verdicts {
    ($n:literal, $load:ident, $widen:ident, $convert:ident) => {
        #[inline(always)]
        fn read_verdicts(self, verdicts: &[bool]) -> Self {
            let verdicts = &verdicts[..$n];
            // SAFETY: that many bytes are there.
            Self(unsafe { $convert($widen($load(verdicts.as_ptr().cast()))) })
        }
    };
}

impl Along for F32x16 {
    read_verdicts!(16, _mm_loadu_si128, _mm512_cvtepu8_epi32, _mm512_cvtepi32_ps);

    #[inline(always)]
    unsafe fn load<T: Float>(self, at: *const T) -> Self {
        // SAFETY: the caller's; `KIND` says what T is.
        unsafe {
            Self(match T::KIND {
                Kind::F16 => _mm512_cvtph_ps(_mm256_loadu_si256(at.cast())),
                Kind::F32 => _mm512_loadu_ps(at.cast()),
                Kind::F64 => Self::of_doubles(_mm512_loadu_pd(at.cast()), _mm512_loadu_pd(at.cast::<f64>().add(8))).0,
            })
        }
    }

    #[inline(always)]
    unsafe fn load_part<T: Float>(self, at: *const T, count: usize) -> Self {
        // SAFETY: the caller's; a masked load touches only what its mask names.
        unsafe {
            let mask: u16 = (1 << count) - 1;
            Self(match T::KIND {
                Kind::F16 => _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, at.cast())),
                Kind::F32 => _mm512_maskz_loadu_ps(mask, at.cast()),
                Kind::F64 => {
                    let [low, high] = mask.to_le_bytes();
                    let upper = at.cast::<f64>().wrapping_add(8);
                    Self::of_doubles(_mm512_maskz_loadu_pd(low, at.cast()), _mm512_maskz_loadu_pd(high, upper)).0
                }
            })
        }
    }

    #[inline(always)]
    fn sums(vectors: &[Self], out: &mut [f32]) {
        let mut first = 0;
        while first < vectors.len() {
            let mut sixteen = [Self(unsafe { _mm512_set1_ps(0.0) }); 16];
            let count = (vectors.len() - first).min(16);
            let mut i = 0;
            while i < count {
                sixteen[i] = vectors[first + i];
                i += 1;
            }
            Self(unsafe { sums16(&sixteen) }).store(&mut out[first..]);
            first += 16;
        }
    }
}

macro_rules! singles {
    ($vector:ident, $set:ident, $round:expr, $scale:expr, $reciprocal:expr) => {
        impl Singles for $vector {
            #[inline(always)]
            fn splat(self, x: f32) -> Self {
                Self(unsafe { $set(x) })
            }

            #[inline(always)]
            fn round(self) -> Self {
                Self(unsafe { $round(self.0) })
            }

            #[inline(always)]
            fn scale(self, e: Self) -> Self {
                Self(unsafe { $scale(self.0, e.0) })
            }

            #[inline(always)]
            fn reciprocal(self) -> Self {
                Self(unsafe { $reciprocal(self.0) })
            }
        }
    };
}

singles!(F32x16, _mm512_set1_ps, _mm512_roundscale_ps::<NEAREST>, _mm512_scalef_ps, reciprocal16);
singles!(F32x8, _mm256_set1_ps, _mm256_round_ps::<NEAREST>, scale8, reciprocal8);

#[inline(always)]
unsafe fn reciprocal16(x: __m512) -> __m512 {
    // SAFETY: the caller holds a vector of these instructions.
    unsafe {
        let y = _mm512_rcp14_ps(x); // 14 bits, then 28
        _mm512_fmadd_ps(_mm512_fnmadd_ps(x, y, _mm512_set1_ps(1.0)), y, y)
    }
}

#[inline(always)]
unsafe fn reciprocal8(x: __m256) -> __m256 {
    // SAFETY: the caller holds a vector of these instructions.
    unsafe { _mm256_div_ps(_mm256_set1_ps(1.0), x) }
}

#[inline(always)]
unsafe fn scale8(x: __m256, e: __m256) -> __m256 {
    // SAFETY: the caller holds a vector of these instructions.
    unsafe {
        let raised = _mm256_add_epi32(_mm256_cvtps_epi32(e), _mm256_set1_epi32(127));
        _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(raised)))
    }
}

impl Lanes for F64x8 {
    type Mask = u8;

    #[inline(always)]
    fn splat(self, x: f64) -> Self {
        Self(unsafe { _mm512_set1_pd(x) })
    }

    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_fnmadd_pd(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm512_sqrt_pd(self.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn lt(self, other: Self) -> u8 {
        unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    fn eq(self, other: Self) -> u8 {
        unsafe { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    fn and(a: u8, b: u8) -> u8 {
        a & b
    }

    #[inline(always)]
    fn or(a: u8, b: u8) -> u8 {
        a | b
    }

    #[inline(always)]
    fn select(mask: u8, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_mask_blend_pd(mask, b.0, a.0) })
    }

    #[inline(always)]
    fn bits(mask: u8) -> u32 {
        u32::from(mask)
    }

    #[inline(always)]
    fn split(self) -> (Self, Self) {
        unsafe {
            let m = _mm512_getmant_pd::<_MM_MANT_NORM_P75_1P5, _MM_MANT_SIGN_SRC>(self.0);
            let e = _mm512_getexp_pd(self.0);
            // getexp is of [1, 2): numbers whose mantissa came out below 1 are one power higher
            let one = _mm512_set1_pd(1.0);
            (Self(m), Self(_mm512_mask_add_pd(e, _mm512_cmp_pd_mask::<_CMP_LT_OQ>(m, one), e, one)))
        }
    }

    #[inline(always)]
    fn scale_down(self, e: Self) -> Self {
        Self(unsafe { _mm512_scalef_pd(self.0, e.0) })
    }

    #[inline(always)]
    fn round(self) -> Self {
        Self(unsafe { _mm512_roundscale_pd::<NEAREST>(self.0) })
    }

    #[inline(always)]
    fn reciprocal(self) -> Self {
        let one = self.splat(1.0);
        // 14 bits, then 28, then 56
        let mut y = Self(unsafe { _mm512_rcp14_pd(self.0) });
        y = self.neg_mul_add(y, one).mul_add(y, y);
        self.neg_mul_add(y, one).mul_add(y, y)
    }

    #[inline(always)]
    fn inverse_sqrt(self) -> Self {
        let (one, half, three_eighths) = (self.splat(1.0), self.splat(0.5), self.splat(0.375));
        // 14 bits, then 42, then 84
        let mut y = Self(unsafe { _mm512_rsqrt14_pd(self.0) });
        let off = (self * y).neg_mul_add(y, one);
        y = (off * y).mul_add(three_eighths.mul_add(off, half), y);
        let off = (self * y).neg_mul_add(y, one);
        (off * half).mul_add(y, y)
    }

    #[inline(always)]
    fn transpose<T: Float>(self, rows: &[T], stride: usize, out: &mut [Self]) {
        assert!(rows.len() >= 7 * stride + out.len() && out.len().is_multiple_of(8));
        let mut first = 0;
        while first < out.len() {
            // SAFETY: 8 numbers from there are inside the row, as asserted.
            unsafe {
                let mut r = [self.0; 8];
                let mut i = 0;
                while i < 8 {
                    r[i] = self.load(rows.as_ptr().add(i * stride + first)).0;
                    i += 1;
                }
                transpose8(&mut r);
                i = 0;
                while i < 8 {
                    out[first + i] = Self(r[i]);
                    i += 1;
                }
            }
            first += 8;
        }
    }
}

impl Along for F64x8 {
    read_verdicts!(8, _mm_loadl_epi64, _mm256_cvtepu8_epi32, _mm512_cvtepi32_pd);

    #[inline(always)]
    unsafe fn load<T: Float>(self, at: *const T) -> Self {
        // SAFETY: the caller's; `KIND` says what T is.
        unsafe {
            Self(match T::KIND {
                Kind::F16 => _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(at.cast()))),
                Kind::F32 => _mm512_cvtps_pd(_mm256_loadu_ps(at.cast())),
                Kind::F64 => _mm512_loadu_pd(at.cast()),
            })
        }
    }

    #[inline(always)]
    unsafe fn load_part<T: Float>(self, at: *const T, count: usize) -> Self {
        // SAFETY: the caller's; a masked load touches only what its mask names.
        unsafe {
            let mask = (1 << count) - 1;
            Self(match T::KIND {
                Kind::F16 => _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_maskz_loadu_epi16(mask, at.cast()))),
                Kind::F32 => _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, at.cast())),
                Kind::F64 => _mm512_maskz_loadu_pd(mask, at.cast()),
            })
        }
    }

    #[inline(always)]
    fn sums(vectors: &[Self], out: &mut [f64]) {
        let mut first = 0;
        while first < vectors.len() {
            let mut eight = [unsafe { _mm512_set1_pd(0.0) }; 8];
            let count = (vectors.len() - first).min(8);
            let mut i = 0;
            while i < count {
                eight[i] = vectors[first + i].0;
                i += 1;
            }
            unsafe { transpose8(&mut eight) };
            let even = (Self(eight[0]) + Self(eight[4])) + (Self(eight[2]) + Self(eight[6]));
            let odd = (Self(eight[1]) + Self(eight[5])) + (Self(eight[3]) + Self(eight[7]));
            (even + odd).store(&mut out[first..]);
            first += 8;
        }
    }
}

impl F32x16 {
    #[inline(always)]
    unsafe fn of_doubles(low: __m512d, high: __m512d) -> Self {
        // SAFETY: the caller holds a vector of these instructions.
        unsafe { Self(_mm512_insertf32x8::<1>(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high))) }
    }
}

/// Sum of each of sixteen vectors, in their order.
#[inline(always)]
unsafe fn sums16(v: &[F32x16; 16]) -> __m512 {
    // SAFETY: vectors only come from a token of their instructions.
    unsafe {
        let mut b = [v[0].0; 8];
        let mut i = 0;
        while i < 8 {
            let (x, y) = (v[i].0, v[i + 8].0);
            b[i] = _mm512_add_ps(_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y));
            i += 1;
        }
        let mut c = [v[0].0; 4];
        i = 0;
        while i < 4 {
            let (x, y) = (_mm512_castps_pd(b[i]), _mm512_castps_pd(b[i + 4]));
            let low = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
            c[i] = _mm512_add_ps(low, _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
            i += 1;
        }
        // each quarter of c[i] holds parts of the sums i, i + 8, i + 4, i + 12
        let d0 = _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(c[0], c[1]), _mm512_shuffle_f32x4::<0xdd>(c[0], c[1]));
        let d1 = _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(c[2], c[3]), _mm512_shuffle_f32x4::<0xdd>(c[2], c[3]));
        let sums = _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(d0, d1), _mm512_shuffle_f32x4::<0xdd>(d0, d1));
        // quarter q now holds the sums q, q + 8, q + 4, q + 12
        let order = _mm512_set_epi32(15, 11, 7, 3, 13, 9, 5, 1, 14, 10, 6, 2, 12, 8, 4, 0);
        _mm512_permutexvar_ps(order, sums)
    }
}

#[inline(always)]
unsafe fn transpose8(r: &mut [__m512d; 8]) {
    // SAFETY: the caller holds a vector of these instructions.
    unsafe {
        let mut t = *r;
        let mut i = 0;
        while i < 4 {
            t[2 * i] = _mm512_unpacklo_pd(r[2 * i], r[2 * i + 1]);
            t[2 * i + 1] = _mm512_unpackhi_pd(r[2 * i], r[2 * i + 1]);
            i += 1;
        }
        // t[2 i]: entries 0, 2, 4, 6 of rows 2 i and 2 i + 1; t[2 i + 1]: entries 1, 3, 5, 7
        i = 0;
        while i < 2 {
            r[i] = _mm512_shuffle_f64x2::<0x88>(t[i], t[i + 2]); // entries i, i + 4 of rows 0 to 3
            r[i + 2] = _mm512_shuffle_f64x2::<0xdd>(t[i], t[i + 2]); // entries i + 2, i + 6
            r[i + 4] = _mm512_shuffle_f64x2::<0x88>(t[i + 4], t[i + 6]); // the same of rows 4 to 7
            r[i + 6] = _mm512_shuffle_f64x2::<0xdd>(t[i + 4], t[i + 6]);
            i += 1;
        }
        i = 0;
        while i < 4 {
            t[i] = _mm512_shuffle_f64x2::<0x88>(r[i], r[i + 4]);
            t[i + 4] = _mm512_shuffle_f64x2::<0xdd>(r[i], r[i + 4]);
            i += 1;
        }
        *r = t;
    }
}

/// Part of a vector by way of memory.
macro_rules! part_by_copy {
    ($n:literal) => {
        #[inline(always)]
        unsafe fn load_part<T: Float>(self, at: *const T, count: usize) -> Self {
            let mut part = [T::default(); $n];
            // SAFETY: the caller's.
            unsafe {
                std::ptr::copy_nonoverlapping(at, part.as_mut_ptr(), count);
                self.load(part.as_ptr())
            }
        }
    };
}

impl Along for F32x8 {
    read_verdicts!(8, _mm_loadl_epi64, _mm256_cvtepu8_epi32, _mm256_cvtepi32_ps);

    #[inline(always)]
    unsafe fn load<T: Float>(self, at: *const T) -> Self {
        // SAFETY: the caller's; `KIND` says what T is.
        unsafe {
            Self(match T::KIND {
                Kind::F16 => _mm256_cvtph_ps(_mm_loadu_si128(at.cast())),
                Kind::F32 => _mm256_loadu_ps(at.cast()),
                Kind::F64 => {
                    let at = at.cast::<f64>();
                    let (low, high) = (_mm256_loadu_pd(at), _mm256_loadu_pd(at.add(4)));
                    _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low))
                }
            })
        }
    }

    #[inline(always)]
    fn sums(vectors: &[Self], out: &mut [f32]) {
        let zero = Self(unsafe { _mm256_set1_ps(0.0) });
        let mut first = 0;
        while first < vectors.len() {
            let mut v = [zero; 8];
            let count = (vectors.len() - first).min(8);
            let mut i = 0;
            while i < count {
                v[i] = vectors[first + i];
                i += 1;
            }
            // SAFETY: vectors only come from a token of their instructions.
            let sums = unsafe {
                let a = _mm256_hadd_ps(_mm256_hadd_ps(v[0].0, v[1].0), _mm256_hadd_ps(v[2].0, v[3].0));
                let b = _mm256_hadd_ps(_mm256_hadd_ps(v[4].0, v[5].0), _mm256_hadd_ps(v[6].0, v[7].0));
                _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b))
            };
            Self(sums).store(&mut out[first..]);
            first += 8;
        }
    }

    part_by_copy!(8);
}

impl Lanes for F64x4 {
    type Mask = __m256d;

    #[inline(always)]
    fn splat(self, x: f64) -> Self {
        Self(unsafe { _mm256_set1_pd(x) })
    }

    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm256_fnmadd_pd(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm256_sqrt_pd(self.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm256_max_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn lt(self, other: Self) -> __m256d {
        unsafe { _mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    fn eq(self, other: Self) -> __m256d {
        unsafe { _mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    fn and(a: __m256d, b: __m256d) -> __m256d {
        unsafe { _mm256_and_pd(a, b) }
    }

    #[inline(always)]
    fn or(a: __m256d, b: __m256d) -> __m256d {
        unsafe { _mm256_or_pd(a, b) }
    }

    #[inline(always)]
    fn select(mask: __m256d, a: Self, b: Self) -> Self {
        Self(unsafe { _mm256_blendv_pd(b.0, a.0, mask) })
    }

    #[inline(always)]
    #[allow(clippy::cast_sign_loss)] // one bit a lane
    fn bits(mask: __m256d) -> u32 {
        unsafe { _mm256_movemask_pd(mask) as u32 }
    }

    #[inline(always)]
    fn round(self) -> Self {
        Self(unsafe { _mm256_round_pd::<NEAREST>(self.0) })
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_wrap)] // bits of small positive numbers
    fn split(self) -> (Self, Self) {
        const BIAS: i64 = 1023;
        const TWO_52: f64 = 4_503_599_627_370_496.0;
        unsafe {
            let bits = _mm256_castpd_si256(self.0);
            // e + 1023 in whole numbers, above 0, so that shifting in zeros is right
            let above = _mm256_sub_epi64(bits, _mm256_set1_epi64x(0.75_f64.to_bits() as i64 - (BIAS << 52)));
            let raised = _mm256_srli_epi64::<52>(above);
            let e = _mm256_sub_epi64(raised, _mm256_set1_epi64x(BIAS));
            let m = _mm256_castsi256_pd(_mm256_sub_epi64(bits, _mm256_slli_epi64::<52>(e)));
            let magic: __m256i = _mm256_or_si256(raised, _mm256_castpd_si256(_mm256_set1_pd(TWO_52)));
            let e = _mm256_sub_pd(_mm256_castsi256_pd(magic), _mm256_set1_pd(TWO_52 + BIAS as f64));
            (Self(m), Self(e))
        }
    }

    #[inline(always)]
    fn scale_down(self, e: Self) -> Self {
        const TWO_52: f64 = 4_503_599_627_370_496.0;
        unsafe {
            // the low bits of 2^52 + (e + 1023) are e + 1023
            let raised = _mm256_castpd_si256(_mm256_add_pd(e.0, _mm256_set1_pd(TWO_52 + 1023.0)));
            let power = _mm256_castsi256_pd(_mm256_slli_epi64::<52>(raised));
            let least = _mm256_set1_pd(-1023.0);
            Self(_mm256_and_pd(_mm256_mul_pd(self.0, power), _mm256_cmp_pd::<_CMP_LT_OQ>(least, e.0)))
        }
    }

    #[inline(always)]
    fn transpose<T: Float>(self, rows: &[T], stride: usize, out: &mut [Self]) {
        assert!(rows.len() >= 3 * stride + out.len() && out.len().is_multiple_of(4));
        let mut first = 0;
        while first < out.len() {
            // SAFETY: 4 numbers from there are inside the row, as asserted.
            unsafe {
                let at = rows.as_ptr().add(first);
                let r = [
                    self.load(at).0,
                    self.load(at.add(stride)).0,
                    self.load(at.add(2 * stride)).0,
                    self.load(at.add(3 * stride)).0,
                ];
                let low = (_mm256_unpacklo_pd(r[0], r[1]), _mm256_unpacklo_pd(r[2], r[3]));
                let high = (_mm256_unpackhi_pd(r[0], r[1]), _mm256_unpackhi_pd(r[2], r[3]));
                out[first] = Self(_mm256_permute2f128_pd::<0x20>(low.0, low.1));
                out[first + 1] = Self(_mm256_permute2f128_pd::<0x20>(high.0, high.1));
                out[first + 2] = Self(_mm256_permute2f128_pd::<0x31>(low.0, low.1));
                out[first + 3] = Self(_mm256_permute2f128_pd::<0x31>(high.0, high.1));
            }
            first += 4;
        }
    }
}

impl Along for F64x4 {
    read_verdicts!(4, _mm_loadu_si32, _mm_cvtepu8_epi32, _mm256_cvtepi32_pd);

    #[inline(always)]
    unsafe fn load<T: Float>(self, at: *const T) -> Self {
        // SAFETY: the caller's; `KIND` says what T is.
        unsafe {
            Self(match T::KIND {
                Kind::F16 => _mm256_cvtps_pd(std::arch::x86_64::_mm_cvtph_ps(_mm_loadl_epi64(at.cast::<__m128i>()))),
                Kind::F32 => _mm256_cvtps_pd(std::arch::x86_64::_mm_loadu_ps(at.cast())),
                Kind::F64 => _mm256_loadu_pd(at.cast()),
            })
        }
    }

    #[inline(always)]
    fn sums(vectors: &[Self], out: &mut [f64]) {
        let zero = Self(unsafe { _mm256_set1_pd(0.0) });
        let mut first = 0;
        while first < vectors.len() {
            let mut v = [zero; 4];
            let count = (vectors.len() - first).min(4);
            let mut i = 0;
            while i < count {
                v[i] = vectors[first + i];
                i += 1;
            }
            // SAFETY: vectors only come from a token of their instructions.
            let sums = unsafe {
                let a = _mm256_hadd_pd(v[0].0, v[1].0);
                let b = _mm256_hadd_pd(v[2].0, v[3].0);
                _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(a, b), _mm256_permute2f128_pd::<0x31>(a, b))
            };
            Self(sums).store(&mut out[first..]);
            first += 4;
        }
    }

    part_by_copy!(4);
}
