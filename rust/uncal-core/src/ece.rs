//! The expected calibration error.

use std::f64::consts::PI;
use std::str::FromStr;

use crate::bins::{Bin, Bins, Edges, bin, check};
use crate::float::Real;
use crate::normal::erf;
use crate::{Error, Pairs, Result};

/// How the gaps of the bins become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Their weighted mean.
    L1,
    /// The root of their weighted mean square.
    L2,
    /// The largest.
    Max,
}

impl FromStr for Norm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "l1" => Self::L1,
            "l2" => Self::L2,
            "max" => Self::Max,
            _ => return Err(Error::setting("norm", name, "one of l1, l2, max")),
        })
    }
}

/// Which of the many calibration errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ece {
    /// How many bins to aim at; not read for distinct bins.
    pub n_bins: usize,
    /// How to cut them.
    pub bins: Bins,
    /// Where a confidence on an edge goes; for bins of equal width only.
    pub edges: Edges,
    /// How to sum up.
    pub norm: Norm,
    /// Whether to take off what finite bins add by chance.
    pub debias: bool,
}

impl Ece {
    /// The weighted mean gap of bins that are closed on the right.
    #[must_use]
    pub fn plain(n_bins: usize, bins: Bins) -> Self {
        Self { n_bins, bins, edges: Edges::Right, norm: Norm::L1, debias: false }
    }
}

/// The expected calibration error: the gap between mean confidence and accuracy over bins of confidence.
///
/// NaN if the edges leave no row in any bin. Without `debias` in `[0, 1]`. With it, a bin of fewer than two rows
/// counts 0, and L1 can fall below 0.
///
/// # Errors
/// [`Error::Setting`] for a wrong number of bins, [`Error::Conflict`] for edges without equal width or a debiased
/// maximum.
///
/// # Example
/// ```
/// use uncal_core::{Bins, Ece, Pairs, ece};
/// let pairs = Pairs::confidences(&[0.75, 0.75, 0.25, 0.25], &[true, true, true, false], None)?;
/// assert_eq!(ece(&pairs, &Ece::plain(10, Bins::Width))?, 0.25);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn ece<T: Real>(confidences: &Pairs<'_, T>, kind: &Ece) -> Result<f64> {
    check(kind.n_bins)?;
    if kind.bins != Bins::Width && kind.edges != Edges::Right {
        return Err(Error::Conflict("edges: only bins=\"width\" has confidences on its edges"));
    }
    if kind.norm == Norm::Max && kind.debias {
        return Err(Error::Conflict("debias: not known for norm=\"max\""));
    }
    let bins = bin(confidences, kind.n_bins, kind.bins, kind.edges).bins;
    Ok(match kind.edges {
        Edges::Guo if bins.iter().any(|bin| !bin.is_empty()) => of_bins(&bins, confidences.total(), kind),
        _ => of_bins(&bins, bins.iter().map(|bin| bin.weight).sum(), kind),
    })
}

pub(crate) fn of_bins(bins: &[Bin], total: f64, kind: &Ece) -> f64 {
    if total == 0.0 {
        return f64::NAN;
    }
    let full = || bins.iter().filter(|bin| !bin.is_empty());
    let mean = |term: fn(&Bin) -> f64| full().map(|bin| bin.weight / total * term(bin)).sum::<f64>();
    match (kind.norm, kind.debias) {
        (Norm::L1, false) => full().map(|bin| (bin.confidence - bin.right).abs()).sum::<f64>() / total,
        (Norm::L1, true) => mean(debiased_gap),
        (Norm::L2, false) => mean(|bin| bin.gap().powi(2)).sqrt(),
        (Norm::L2, true) => mean(debiased_square).max(0.0).sqrt(),
        (Norm::Max, _) => full().map(|bin| bin.gap().abs()).fold(0.0, f64::max),
    }
}

fn debiased_square(bin: &Bin) -> f64 {
    if bin.weight < 2.0 {
        return 0.0;
    }
    let c = bin.accuracy();
    bin.gap().powi(2) - c * (1.0 - c) / (bin.weight - 1.0)
}

/// Twice the gap minus what the gap would be on average if the accuracy were drawn once more around the one seen:
/// E|m + s Z| = s sqrt(2 / pi) exp(-m^2 / 2 s^2) + m erf(m / (s sqrt 2)).
fn debiased_gap(bin: &Bin) -> f64 {
    if bin.weight < 2.0 {
        return 0.0;
    }
    let (m, c) = (bin.gap().abs(), bin.accuracy());
    let s = (c * (1.0 - c) / bin.weight).sqrt();
    if s == 0.0 {
        return m;
    }
    let t = m / s;
    2.0 * m - (s * (2.0 / PI).sqrt() * (-t * t / 2.0).exp() + m * erf(t / 2f64.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    fn of(q: &[f64], c: &[bool], kind: Ece) -> f64 {
        ece(&Pairs::confidences(q, c, None).unwrap(), &kind).unwrap()
    }

    #[test]
    fn known_errors_of_every_dialect() {
        let known = [
            (5, [0.18125, 0.185, 0.225, 0.225]),
            (10, [0.18125, 0.225, 0.245, 0.245]),
            (20, [0.18125, 0.245, 0.245, 0.245]),
        ];
        for (n_bins, errors) in known {
            for (edges, error) in [Edges::LeftOpen, Edges::Left, Edges::Guo, Edges::Right].into_iter().zip(errors) {
                let found = of(&Q, &C, Ece { edges, ..Ece::plain(n_bins, Bins::Width) });
                assert!((found - error).abs() < 1e-15, "{n_bins} {edges:?}: {found}");
            }
        }
    }

    #[test]
    fn norms_by_hand() {
        let (q, c) = ([0.2, 0.2, 0.8, 0.8], [true, false, true, true]); // gaps -0.3 and -0.2
        let with = |norm| of(&q, &c, Ece { norm, ..Ece::plain(2, Bins::Width) });
        assert!((with(Norm::L1) - 0.25).abs() < 1e-15);
        assert!((with(Norm::L2) - 0.065_f64.sqrt()).abs() < 1e-15);
        assert!((with(Norm::Max) - 0.3).abs() < 1e-15);
    }

    #[test]
    fn known_debiased_square() {
        let q = [0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95];
        let c = [0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1].map(|c| c == 1);
        let pairs = Pairs::confidences(&q, &c, None).unwrap();
        let bins = bin(&pairs, 3, Bins::Width, Edges::Right).bins;
        let mean = |term: fn(&Bin) -> f64| bins.iter().map(|bin| bin.weight / 12.0 * term(bin)).sum::<f64>();
        assert!((mean(debiased_square) + 0.064_131_944_4).abs() < 1e-10);
        let kind = Ece { norm: Norm::L2, ..Ece::plain(3, Bins::Width) };
        assert!((of(&q, &c, kind) - 0.072_886_898_6).abs() < 1e-10);
        assert_eq!(of(&q, &c, Ece { debias: true, ..kind }), 0.0);
    }

    #[test]
    fn bins_of_one_row_count_nothing_when_debiased() {
        for norm in [Norm::L1, Norm::L2] {
            let kind = Ece { norm, debias: true, ..Ece::plain(2, Bins::Width) };
            assert_eq!(of(&[0.2, 0.9], &[true, false], kind), 0.0);
        }
    }

    #[test]
    fn no_row_in_any_bin_is_not_a_number() {
        for norm in [Norm::L1, Norm::L2, Norm::Max] {
            let kind = Ece { norm, edges: Edges::LeftOpen, ..Ece::plain(10, Bins::Width) };
            assert!(of(&[1.0, 1.0], &[true, false], kind).is_nan());
            assert!(of(&[0.0], &[true], Ece { edges: Edges::Guo, ..kind }).is_nan());
        }
    }

    #[test]
    fn settings_that_exclude_each_other_are_errors() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        let fails = |kind| ece(&pairs, &kind).unwrap_err().to_string();
        let left = Ece { edges: Edges::Left, ..Ece::plain(10, Bins::Mass) };
        assert_eq!(fails(left), "edges: only bins=\"width\" has confidences on its edges");
        let most = Ece { norm: Norm::Max, debias: true, ..Ece::plain(10, Bins::Width) };
        assert_eq!(fails(most), "debias: not known for norm=\"max\"");
        assert_eq!(fails(Ece::plain(0, Bins::Width)), "n_bins: is 0, must be a whole number from 1 to 10000000");
    }

    #[test]
    fn error_function_at_known_points() {
        let known = [
            (0.0, 0.0),
            (0.1, 0.112_462_916_018_284_9),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (3.5, 0.999_999_256_901_627_6),
            (5.9, 1.0),
            (7.0, 1.0),
        ];
        for (x, y) in known {
            assert!((erf(x) - y).abs() < 1e-15, "{x}: {}", erf(x));
        }
    }
}
