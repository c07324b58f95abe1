//! Two vectors as one: where each step waits for the one before, the second fills the wait of the first.

use std::ops::{Add, Div, Mul, Sub};

use super::{Along, Lanes, Singles, Vector};
use crate::Float;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<V>(pub V, pub V);

macro_rules! operator {
    ($trait:ident, $f:ident) => {
        impl<V: $trait<Output = V>> $trait for Pair<V> {
            type Output = Self;
            #[inline(always)]
            fn $f(self, other: Self) -> Self {
                Self(self.0.$f(other.0), self.1.$f(other.1))
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<V: Vector> Vector for Pair<V> {
    type Scalar = V::Scalar;
    const N: usize = 2 * V::N;

    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(self.0.mul_add(b.0, c.0), self.1.mul_add(b.1, c.1))
    }

    #[inline(always)]
    fn store(self, out: &mut [V::Scalar]) {
        self.0.store(out);
        self.1.store(&mut out[V::N..]);
    }
}

impl<V: Along> Pair<V> {
    /// The first numbers of `values`, converted; `like` only proves that the instructions exist.
    #[inline(always)]
    pub fn read<T: Float>(like: V, values: &[T]) -> Self {
        Self(like.read(values), like.read(&values[V::N..]))
    }

    /// 1 for each of the first of `verdicts` that is true, and 0 for the others.
    #[inline(always)]
    pub fn read_verdicts(like: V, verdicts: &[bool]) -> Self {
        Self(like.read_verdicts(verdicts), like.read_verdicts(&verdicts[V::N..]))
    }
}

impl<V: Singles> Singles for Pair<V> {
    #[inline(always)]
    fn splat(self, x: f32) -> Self {
        let x = self.0.splat(x);
        Self(x, x)
    }

    #[inline(always)]
    fn round(self) -> Self {
        Self(self.0.round(), self.1.round())
    }

    #[inline(always)]
    fn scale(self, e: Self) -> Self {
        Self(self.0.scale(e.0), self.1.scale(e.1))
    }

    #[inline(always)]
    fn reciprocal(self) -> Self {
        Self(self.0.reciprocal(), self.1.reciprocal())
    }
}

impl<V: Lanes> Lanes for Pair<V> {
    type Mask = (V::Mask, V::Mask);

    #[inline(always)]
    fn splat(self, x: f64) -> Self {
        let x = self.0.splat(x);
        Self(x, x)
    }

    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Self(self.0.neg_mul_add(b.0, c.0), self.1.neg_mul_add(b.1, c.1))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt(), self.1.sqrt())
    }

    #[inline(always)]
    fn reciprocal(self) -> Self {
        Self(self.0.reciprocal(), self.1.reciprocal())
    }

    #[inline(always)]
    fn inverse_sqrt(self) -> Self {
        Self(self.0.inverse_sqrt(), self.1.inverse_sqrt())
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0), self.1.max(other.1))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0), self.1.min(other.1))
    }

    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        (self.0.lt(other.0), self.1.lt(other.1))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> Self::Mask {
        (self.0.eq(other.0), self.1.eq(other.1))
    }

    #[inline(always)]
    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        (V::and(a.0, b.0), V::and(a.1, b.1))
    }

    #[inline(always)]
    fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        (V::or(a.0, b.0), V::or(a.1, b.1))
    }

    #[inline(always)]
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self {
        Self(V::select(mask.0, a.0, b.0), V::select(mask.1, a.1, b.1))
    }

    #[inline(always)]
    fn bits(mask: Self::Mask) -> u32 {
        V::bits(mask.0) | V::bits(mask.1) << V::N
    }

    #[inline(always)]
    fn split(self) -> (Self, Self) {
        let (a, b) = (self.0.split(), self.1.split());
        (Self(a.0, b.0), Self(a.1, b.1))
    }

    #[inline(always)]
    fn scale_down(self, e: Self) -> Self {
        Self(self.0.scale_down(e.0), self.1.scale_down(e.1))
    }

    #[inline(always)]
    fn round(self) -> Self {
        Self(self.0.round(), self.1.round())
    }

    #[inline(always)]
    fn transpose<T: Float>(self, rows: &[T], stride: usize, out: &mut [Self]) {
        let lower = &rows[V::N * stride..];
        for (block, out) in out.chunks_exact_mut(16).enumerate() {
            let mut halves = [[self.0; 16]; 2];
            self.0.transpose(&rows[16 * block..], stride, &mut halves[0]);
            self.0.transpose(&lower[16 * block..], stride, &mut halves[1]);
            for ((out, &a), &b) in out.iter_mut().zip(&halves[0]).zip(&halves[1]) {
                *out = Self(a, b);
            }
        }
    }
}
