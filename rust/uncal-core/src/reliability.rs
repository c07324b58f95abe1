//! The numbers behind a reliability diagram.

use crate::bins::{Bins, Edges, bin, check};
use crate::float::Real;
use crate::{Pairs, Result};

/// One entry for each bin; `edges` has one more. Means are NaN in an empty bin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reliability {
    /// From 0 to 1.
    pub edges: Vec<f64>,
    /// Rows, or the sum of their weights.
    pub count: Vec<f64>,
    /// The mean confidence.
    pub mean_confidence: Vec<f64>,
    /// The share of right answers.
    pub accuracy: Vec<f64>,
    /// The lower end of the accuracy's 95 % interval (Wilson).
    pub low: Vec<f64>,
    /// The upper end.
    pub high: Vec<f64>,
}

/// Confidence and accuracy in bins of confidence that are closed on the right.
///
/// # Errors
/// [`crate::Error::Setting`] for a wrong number of bins.
pub fn reliability<T: Real>(confidences: &Pairs<'_, T>, n_bins: usize, bins: Bins) -> Result<Reliability> {
    check(n_bins)?;
    let binned = bin(confidences, n_bins, bins, Edges::Right);
    let mut diagram = Reliability { edges: binned.edges, ..Reliability::default() };
    for bin in binned.bins {
        // 0 / 0 is the NaN of an empty bin
        let (low, high) = wilson(bin.accuracy(), bin.weight);
        diagram.count.push(bin.weight);
        diagram.mean_confidence.push(bin.confidence / bin.weight);
        diagram.accuracy.push(bin.accuracy());
        diagram.low.push(low);
        diagram.high.push(high);
    }
    Ok(diagram)
}

/// The 95 % interval of a share `p` of `n` by Wilson's score; NaN stays NaN.
fn wilson(p: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054; // the 97.5 % point of the normal distribution
    let shrink = 1.0 + Z * Z / n;
    let centre = (p + Z * Z / (2.0 * n)) / shrink;
    let half = Z / shrink * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // rounding must not push an end past the share itself
    let low = if p == 0.0 { 0.0 } else { centre - half };
    let high = if p == 1.0 { 1.0 } else { centre + half };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagram_by_hand() {
        let pairs = Pairs::confidences(&[0.1, 0.3, 0.9], &[false, true, true], None).unwrap();
        let diagram = reliability(&pairs, 4, Bins::Width).unwrap();
        assert_eq!(diagram.edges, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(diagram.count, [1.0, 1.0, 0.0, 1.0]);
        assert_eq!(diagram.accuracy[..2], [0.0, 1.0]);
        let empty = [diagram.mean_confidence[2], diagram.accuracy[2], diagram.low[2], diagram.high[2]];
        assert!(empty.iter().all(|x| x.is_nan()));
    }

    #[test]
    fn wilson_at_known_points() {
        let near = |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-12 && (b - d).abs() < 1e-12;
        assert!(near(wilson(0.5, 10.0), (0.236_593_090_512_564, 0.763_406_909_487_436_1)));
        assert!(near(wilson(0.0, 1.0), (0.0, 0.793_450_685_622_762_6)));
        assert!(near(wilson(1.0, 1.0), (0.206_549_314_377_237_4, 1.0)));
        assert!(wilson(f64::NAN, 0.0).0.is_nan());
    }
}
