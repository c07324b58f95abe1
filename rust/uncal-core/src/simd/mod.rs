//! Vectors of the machine at hand, chosen once at run time, so that one binary is fast everywhere.
//!
//! A kernel is written once, generic over [`Simd`], with every function of its hot path `#[inline(always)]`;
//! [`Isa::run`] compiles it once for each instruction set. A token ([`Avx512`](x86::Avx512), …) is only made where the
//! processor has been asked, vectors only come from a token, so a vector is itself the proof that its instructions
//! exist: that is why its operations are safe functions. Closures over vectors stay out of hot paths: they are functions
//! of their own, without the instructions that the one around them may use.

#![allow(unsafe_code)] // see x86.rs and gram.rs

pub(crate) mod gram;
mod pair;
mod portable;
pub(crate) mod probe;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::cell::Cell;
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Sub};
use std::sync::OnceLock;

pub(crate) use self::pair::Pair;
use crate::float::Real;
use crate::{Error, Float, Result};

/// Numbers side by side, one in each lane.
pub(crate) trait Vector: Copy + Debug + Send + Sync + Add<Output = Self> + 'static {
    /// `f32` or `f64`.
    type Scalar: Real + Debug;
    /// How many lanes.
    const N: usize;

    /// `self * b + c`, rounded once where the machine can.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// The lanes in order into the first places of `out`.
    fn store(self, out: &mut [Self::Scalar]);
}

/// A vector whose lanes belong to different matrices.
pub(crate) trait Lanes:
    Vector<Scalar = f64> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// One truth value in each lane.
    type Mask: Copy;

    /// `x` in every lane; `self` only proves that the instructions exist.
    fn splat(self, x: f64) -> Self;
    /// `c - self * b`, rounded once where the machine can.
    fn neg_mul_add(self, b: Self, c: Self) -> Self;
    fn sqrt(self) -> Self;
    /// 1 / x to two units in the last place, where x and that are normal numbers; anything where they are not.
    #[inline(always)]
    fn reciprocal(self) -> Self {
        self.splat(1.0) / self
    }
    /// 1 / sqrt(x) to two units in the last place, where x is a normal number above 0; anything where it is not.
    #[inline(always)]
    fn inverse_sqrt(self) -> Self {
        self.splat(1.0) / self.sqrt()
    }
    /// The larger; `other` where `self` is NaN.
    fn max(self, other: Self) -> Self;
    /// The smaller; `other` where `self` is NaN.
    fn min(self, other: Self) -> Self;
    fn lt(self, other: Self) -> Self::Mask;
    fn eq(self, other: Self) -> Self::Mask;
    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// `a` where the mask is set, else `b`.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;
    /// The mask as bits, lane 0 the lowest.
    fn bits(mask: Self::Mask) -> u32;
    /// m and e of a normal positive number m 2^e, m in [0.75, 1.5).
    fn split(self) -> (Self, Self);
    /// `self * 2^e` for whole e from -1022 to 1023, and 0 below.
    fn scale_down(self, e: Self) -> Self;
    /// The nearest whole number, for magnitudes below 2^22.
    fn round(self) -> Self;
    /// Lane i of `out[j]` is number j of row i: N rows of `out.len()` numbers (a multiple of 16), `stride` apart.
    fn transpose<T: Float>(self, rows: &[T], stride: usize, out: &mut [Self]);
}

/// A vector that runs along a row of numbers: one register of the machine.
pub(crate) trait Along: Vector {
    /// N numbers that lie at `at`, converted.
    ///
    /// # Safety
    /// They must be there.
    unsafe fn load<T: Float>(self, at: *const T) -> Self;
    /// The first `count` < N numbers that lie at `at`, converted, and zeros.
    ///
    /// # Safety
    /// They must be there.
    unsafe fn load_part<T: Float>(self, at: *const T, count: usize) -> Self;
    /// The first N of `values`, converted.
    #[inline(always)]
    fn read<T: Float>(self, values: &[T]) -> Self {
        let values = &values[..Self::N];
        // SAFETY: they are there.
        unsafe { self.load(values.as_ptr()) }
    }
    /// 1 for each of the first N of `verdicts` that is true, and 0 for the others.
    fn read_verdicts(self, verdicts: &[bool]) -> Self;
    /// The sum of the lanes of each vector, into the first places of `out`; further places of `out`, up to the next
    /// multiple of 16 of them, may be overwritten. Every vector is summed in the same order.
    fn sums(vectors: &[Self], out: &mut [Self::Scalar]);
}

/// Singles side by side, for what is known no better or made better afterwards.
pub(crate) trait Singles: Vector<Scalar = f32> + Sub<Output = Self> + Mul<Output = Self> {
    /// `x` in every lane; `self` only proves that the instructions exist.
    fn splat(self, x: f32) -> Self;
    /// The nearest whole number, for magnitudes below 2^22.
    fn round(self) -> Self;
    /// `self * 2^e` for whole e from -126 to 127.
    fn scale(self, e: Self) -> Self;
    /// 1 / x to two units in the last place, for normal numbers that have a normal reciprocal.
    fn reciprocal(self) -> Self;
}

/// What matrices side by side are worked on in.
pub(crate) type Wide<S> = Pair<<S as Simd>::F64>;

/// An instruction set: the token that it is there.
pub(crate) trait Simd: Copy + 'static {
    /// Rows of a block of the Gram matrix: what its sums, one vector each, leave room for in the registers.
    const BLOCK: usize;
    type F32: Along<Scalar = f32> + Singles;
    type F64: Along<Scalar = f64> + Lanes;

    fn f32(self, x: f64) -> Self::F32;
    fn f64(self, x: f64) -> Self::F64;
    /// For matrices side by side, up to 16 of them.
    #[inline(always)]
    fn wide(self, x: f64) -> Wide<Self> {
        Pair(self.f64(x), self.f64(x))
    }
    /// Ask for the cache line at `at`, which need not exist.
    fn prefetch(self, at: *const u8);
    /// Run a part of a kernel as a function of its own, compiled once however many kernels call it.
    fn call<P: Part<Self>>(self, part: P) -> P::Output;
}

/// A part of a kernel that [`Simd::call`] runs.
pub(crate) trait Part<S: Simd> {
    type Output;
    /// Must be `#[inline(always)]`.
    fn run(self, simd: S) -> Self::Output;
}

/// What [`Isa::run`] compiles for each instruction set.
pub(crate) trait Kernel {
    type Output;
    /// Must be `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// x86-64 with AVX-512 F, BW, CD, DQ and VL: 16 singles or 8 doubles at a time.
    Avx512,
    /// x86-64 with AVX2, FMA and F16C: 8 singles or 4 doubles at a time.
    Avx2,
    /// What every machine of the kind that was compiled for has: SSE2 or NEON, by way of the compiler's vectoriser.
    Portable,
}

thread_local! {
    static FORCED: Cell<Option<Isa>> = const { Cell::new(None) };
}

struct Restore(Option<Isa>);

impl Drop for Restore {
    fn drop(&mut self) {
        FORCED.set(self.0);
    }
}

impl Isa {
    /// All of them, widest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// The name that `UNCAL_SIMD` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }

    /// Whether this machine has it.
    #[must_use]
    pub fn is_here(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512cd")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && Self::Avx2.is_here()
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => false,
            Self::Portable => true,
        }
    }

    /// The widest that this machine has and the environment variable `UNCAL_SIMD` (read once) allows.
    ///
    /// # Errors
    /// [`Error::Setting`] if `UNCAL_SIMD` is no name of an instruction set, or of one that is not here.
    pub fn chosen() -> Result<Self> {
        static CHOSEN: OnceLock<Result<Isa>> = OnceLock::new();
        if let Some(isa) = FORCED.get() {
            return Ok(isa);
        }
        CHOSEN.get_or_init(Self::from_environment).clone()
    }

    /// Run `f`, whose kernels use this instruction set instead of the chosen one; for tests and benches.
    ///
    /// # Panics
    /// If this machine does not have it.
    pub fn force<R>(self, f: impl FnOnce() -> R) -> R {
        assert!(self.is_here(), "this machine has no {}", self.name());
        let _restore = Restore(FORCED.replace(Some(self)));
        f()
    }

    fn from_environment() -> Result<Self> {
        const NEEDED: &str = "avx512, avx2 or portable, and something that this machine has";
        match std::env::var("UNCAL_SIMD") {
            Ok(name) if !name.trim().is_empty() => Self::ALL
                .into_iter()
                .find(|isa| isa.name() == name.trim() && isa.is_here())
                .ok_or_else(|| Error::setting("UNCAL_SIMD", name, NEEDED)),
            _ => Ok(Self::ALL.into_iter().find(|isa| isa.is_here()).unwrap_or(Self::Portable)),
        }
    }

    /// Run a kernel as compiled for this instruction set.
    ///
    /// # Panics
    /// If this machine does not have it.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        assert!(self.is_here(), "this machine has no {}", self.name()); // asked once, then remembered by `std`
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: it is here, as asserted.
            Self::Avx512 => unsafe { x86::run_avx512(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Self::Avx2 => unsafe { x86::run_avx2(kernel) },
            _ => kernel.run(portable::Portable),
        }
    }
}

/// The natural logarithm of normal positive numbers, to about two units in the last place of a double.
#[inline(always)]
pub(crate) fn ln<V: Lanes>(x: V) -> V {
    const TERMS: u32 = 12;
    // x = m 2^e, ln m = 2 artanh z with z = (m - 1) / (m + 1), |z| <= 1/5
    let (m, e) = x.split();
    let one = x.splat(1.0);
    let z = (m - one) * (m + one).reciprocal();
    let z2 = z * z;
    let mut sum = x.splat(2.0 / f64::from(2 * TERMS + 1));
    let mut k = TERMS;
    while k > 0 {
        k -= 1;
        sum = sum.mul_add(z2, x.splat(2.0 / f64::from(2 * k + 1)));
    }
    e.mul_add(x.splat(std::f64::consts::LN_2), sum * z)
}

/// The exponential of numbers from -708 to 708.
#[inline(always)]
pub(crate) fn exp<V: Lanes>(x: V) -> V {
    let (sum, e) = exp_in_parts::<V, 12>(x);
    sum.scale_down(e)
}

/// The exponential of numbers of at most 0; below -708 it is 0.
#[inline(always)]
pub(crate) fn exp_of_negative<V: Lanes>(x: V) -> V {
    exp_to_degree::<V, 12>(x)
}

/// The same to 3e-10, for what is known no better.
#[inline(always)]
pub(crate) fn rough_exp_of_negative<V: Lanes>(x: V) -> V {
    exp_to_degree::<V, 8>(x)
}

#[inline(always)]
fn exp_to_degree<V: Lanes, const DEGREE: usize>(x: V) -> V {
    const LEAST: f64 = -708.0;
    let least = x.splat(LEAST);
    let (sum, e) = exp_in_parts::<V, DEGREE>(x.max(least));
    V::select(x.lt(least), x.splat(0.0), sum.scale_down(e))
}

/// s and e of exp(x) = s 2^e, s in [0.7, 1.42].
#[inline(always)]
fn exp_in_parts<V: Lanes, const DEGREE: usize>(x: V) -> (V, V) {
    const LN2_HIGH: f64 = 0.693_145_751_953_125; // 14 bits, so that its product with e is exact
    const LN2_LOW: f64 = 1.428_606_820_309_417_2e-6;
    const INVERSE_FACTORIALS: [f64; 13] = [
        1.0,
        1.0,
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
    ];
    let e = (x * x.splat(std::f64::consts::LOG2_E)).round();
    let r = e.neg_mul_add(x.splat(LN2_LOW), e.neg_mul_add(x.splat(LN2_HIGH), x));
    let mut sum = x.splat(INVERSE_FACTORIALS[DEGREE]);
    let mut k = DEGREE;
    while k > 0 {
        k -= 1;
        sum = sum.mul_add(r, x.splat(INVERSE_FACTORIALS[k]));
    }
    (sum, e)
}

/// 2 to the power of numbers from -126 to 127, to 8e-8.
#[inline(always)]
pub(crate) fn exp2_of_singles<V: Singles>(x: V) -> V {
    // of 2^r over |r| <= 1/2, with the smallest largest relative error
    const TERMS: [f32; 7] =
        [1.0, std::f32::consts::LN_2, 0.240_226_46, 0.055_503_286, 0.009_618_489, 0.001_339_993_1, 0.000_153_458_12];
    let e = x.round();
    let r = x - e;
    let mut sum = x.splat(TERMS[6]);
    let mut k = 6;
    while k > 0 {
        k -= 1;
        sum = sum.mul_add(r, x.splat(TERMS[k]));
    }
    sum.scale(e)
}
