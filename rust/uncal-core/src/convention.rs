//! The calibration errors of other libraries, number for number.

use std::str::FromStr;

use crate::bins::{Bin, check};
use crate::float::{Kind, Real};
use crate::{Error, Pairs, Result, pool};

/// Whose calibration error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// netcal: `[low, high)`, the last closed; confidences are clipped to the machine precision of their type. Of `f32`
    /// it counts the rows of a bin between edges of `f64`, and finds their gap between edges of `f32`.
    Netcal,
    /// torchmetrics: `[low, high)` and a bin for 1; edges in the type of the confidences, the upper half from above.
    Torchmetrics,
    /// uqlm: `(low, high]`, the first closed.
    Uqlm,
    /// lm-polygraph: the same.
    LmPolygraph,
    /// relplot: the whole part of confidence over width, with a bin for 1.
    Relplot,
    /// MAPIE: `n_bins - 1` bins `(low, high]` and a bin for 0.
    Mapie,
    /// RLCR: `[low, high)`, the last closed.
    Rlcr,
}

impl FromStr for Convention {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "netcal" => Self::Netcal,
            "torchmetrics" => Self::Torchmetrics,
            "uqlm" => Self::Uqlm,
            "lm_polygraph" => Self::LmPolygraph,
            "relplot" => Self::Relplot,
            "mapie" => Self::Mapie,
            "rlcr" => Self::Rlcr,
            _ => {
                let names = "one of netcal, torchmetrics, uqlm, lm_polygraph, relplot, mapie, rlcr";
                return Err(Error::setting("convention", name, names));
            }
        })
    }
}

impl Convention {
    /// The number of bins where its users give none.
    #[must_use]
    pub fn n_bins(self) -> usize {
        match self {
            Self::Netcal | Self::Uqlm | Self::Relplot | Self::Rlcr => 10,
            Self::Torchmetrics => 15,
            Self::LmPolygraph => 20,
            Self::Mapie => 50,
        }
    }
}

/// The expected calibration error as another library computes it, by default in as many bins.
///
/// Sums are in `f64`, those of a library that sums `f32` are not. NaN if no row is in any bin (MAPIE with one bin).
///
/// # Errors
/// [`Error::Setting`] for a wrong number of bins.
///
/// # Example
/// ```
/// use uncal_core::{Convention, Pairs, ece_by};
/// let pairs = Pairs::confidences(&[0.3, 0.3, 0.2, 0.2], &[true, true, false, false], None)?;
/// // the third of ten edges is a hair above 0.3, so that all are in one bin
/// assert_eq!(ece_by(&pairs, Convention::Netcal, None)?, 0.25);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn ece_by<T: Real>(confidences: &Pairs<'_, T>, convention: Convention, n_bins: Option<usize>) -> Result<f64> {
    let n_bins = n_bins.unwrap_or_else(|| convention.n_bins());
    check(n_bins)?;
    let cells = Cells::new::<T>(convention, n_bins);
    if convention == Convention::Netcal && T::KIND == Kind::F32 {
        return Ok(netcal_single(confidences, n_bins, &cells));
    }
    let bins = cells.fill(confidences);
    let total: f64 = bins.iter().map(|bin| bin.weight).sum();
    Ok(bins.iter().map(|bin| (bin.confidence - bin.right).abs()).sum::<f64>() / total)
}

/// netcal's error of `f32`: rows are counted in one set of bins, and their means taken in another, whose edges are rounded.
fn netcal_single<T: Real>(confidences: &Pairs<'_, T>, n: usize, cells: &Cells) -> f64 {
    let rounded = linspace(n)[1..n].iter().map(|&edge| T::nearest(edge).widen()).collect();
    let rounded = Cells { cuts: Cuts::AtMost(rounded), ..*cells }.fill(confidences);
    let counted = cells.fill(confidences);
    let gaps =
        counted.iter().zip(&rounded).filter(|(_, bin)| !bin.is_empty()).map(|(n, bin)| n.weight * bin.gap().abs());
    gaps.sum::<f64>() / confidences.total()
}

/// Where a convention puts a confidence; what is put beyond `count` is dropped.
struct Cells {
    count: usize,
    /// What confidences are clipped to, from below and from above.
    low: f64,
    cuts: Cuts,
}

enum Cuts {
    /// A place is the number of edges that are at most the confidence.
    AtMost(Vec<f64>),
    /// A place is the number of edges below it.
    Below(Vec<f64>),
    /// A place is the whole part of the confidence over this.
    Width(f64),
}

impl Cells {
    fn fill<T: Real>(&self, confidences: &Pairs<'_, T>) -> Vec<Bin> {
        let chunk = (1 << 14).max(16 * self.count); // many bins: few partial results
        let parts = pool::map(confidences.len().div_ceil(chunk), confidences.len().saturating_mul(8), |part| {
            let mut bins = vec![Bin::default(); self.count];
            for i in part * chunk..confidences.len().min((part + 1) * chunk) {
                let q = confidences.value(i).clamp(self.low, 1.0 - self.low);
                if let Some(bin) = bins.get_mut(self.place::<T>(q)) {
                    let weight = confidences.weight(i);
                    let right = if confidences.correct(i) { weight } else { 0.0 };
                    bin.add(Bin { weight, confidence: weight * q, right });
                }
            }
            bins
        });
        let mut bins = vec![Bin::default(); self.count];
        for part in parts {
            bins.iter_mut().zip(part).for_each(|(bin, part)| bin.add(part));
        }
        bins
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // about n
    fn new<T: Real>(convention: Convention, n: usize) -> Self {
        let precision = if T::KIND == Kind::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let inner = || linspace(n)[1..n].to_vec();
        let (count, low, cuts) = match convention {
            Convention::Netcal => (n, precision, Cuts::AtMost(inner())),
            Convention::Rlcr => (n, 0.0, Cuts::AtMost(inner())),
            Convention::Uqlm | Convention::LmPolygraph => (n, 0.0, Cuts::Below(inner())),
            Convention::Torchmetrics => (n + 1, 0.0, Cuts::AtMost(torch_linspace::<T>(n)[1..].to_vec())),
            Convention::Mapie if n == 1 => (1, 0.0, Cuts::Below(vec![0.0])),
            Convention::Mapie => (n, 0.0, Cuts::Below(linspace(n - 1))),
            Convention::Relplot => {
                let width = 1.0 / n as f64;
                // 1 / (1 / 49) is less than 49, and then there are 49 bins
                let last = (1.0 / width).max(divide::<T>(1.0, width));
                (last as usize + 1, 0.0, Cuts::Width(width))
            }
        };
        Self { count, low, cuts }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // q is in [0, 1]
    fn place<T: Real>(&self, q: f64) -> usize {
        match &self.cuts {
            Cuts::AtMost(edges) => count(edges, q, |edge| edge <= q),
            Cuts::Below(edges) => count(edges, q, |edge| edge < q),
            Cuts::Width(width) => divide::<T>(q, *width) as usize,
        }
    }
}

/// How many of about even edges come before `q`, which is somewhere near there.
#[inline]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // q is in [0, 1]
fn count(edges: &[f64], q: f64, before: impl Fn(f64) -> bool) -> usize {
    let mut k = ((q * edges.len() as f64) as usize).min(edges.len());
    while k > 0 && !before(edges[k - 1]) {
        k -= 1;
    }
    while k < edges.len() && before(edges[k]) {
        k += 1;
    }
    k
}

/// `numpy.linspace(0, 1, n + 1)`.
fn linspace(n: usize) -> Vec<f64> {
    let step = 1.0 / n as f64;
    (0..=n).map(|k| if k == n { 1.0 } else { k as f64 * step }).collect()
}

/// `torch.linspace(0, 1, n + 1)` of the confidences' type: half of the way from either end, the upper half by fused
/// multiplication and addition, as its builds for processors that have it do.
#[allow(clippy::cast_possible_truncation)] // rounding is meant
fn torch_linspace<T: Real>(n: usize) -> Vec<f64> {
    let edge = |k: usize| {
        let lower = k < n.div_ceil(2);
        if T::KIND == Kind::F32 {
            let step = 1.0 / n as f32;
            f64::from(if lower { step * k as f32 } else { (-step).mul_add((n - k) as f32, 1.0) })
        } else {
            let step = 1.0 / n as f64;
            if lower { step * k as f64 } else { (-step).mul_add((n - k) as f64, 1.0) }
        }
    };
    (0..=n).map(edge).collect()
}

/// The quotient in the confidences' type.
fn divide<T: Real>(q: f64, width: f64) -> f64 {
    T::nearest(q / T::nearest(width).widen()).widen()
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    #[test]
    fn bins_of_their_own_for_the_ends() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        let of = |convention, n_bins| ece_by(&pairs, convention, n_bins).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} is not {b}");
        near(of(Convention::Netcal, None), 0.225);
        near(of(Convention::Rlcr, None), 0.225);
        near(of(Convention::Uqlm, None), 0.245);
        near(of(Convention::LmPolygraph, Some(10)), 0.245);
        near(of(Convention::Relplot, None), 0.245);
        near(of(Convention::Mapie, Some(1)), 0.0); // only the 0 is in a bin
        let no_zero = Pairs::confidences(&Q[1..], &C[1..], None).unwrap();
        assert!(ece_by(&no_zero, Convention::Mapie, Some(1)).unwrap().is_nan());
    }

    #[test]
    fn edges_of_torch_mirror_each_other() {
        let edges = torch_linspace::<f64>(10);
        assert_eq!(edges[6], 0.6); // numpy's is 0.6000000000000001
        assert_eq!((edges[0], edges[10], edges.len()), (0.0, 1.0, 11));
        for (k, edge) in torch_linspace::<f32>(10).into_iter().enumerate() {
            assert!((edge - k as f64 / 10.0).abs() < 1e-7);
        }
    }
}
