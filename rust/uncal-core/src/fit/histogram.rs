//! Histogram binning: the share of right answers in bins of confidence.

use crate::bins::{Bins, Edges, bin, check};
use crate::float::Real;
use crate::{Error, Pairs, Result};

/// A step for each bin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// From 0 to 1; bin k is `(edges[k], edges[k + 1]]`, the first with 0.
    pub edges: Vec<f64>,
    /// The confidence of each bin.
    pub value: Vec<f64>,
}

/// Fit by the share of right answers in each bin, (s + alpha) / (n + 2 alpha) with s of n right; an empty bin has its
/// midpoint.
///
/// # Errors
/// [`Error::Setting`] for a wrong number of bins or an `alpha` that is negative or not finite.
///
/// # Example
/// ```
/// use uncal_core::{Bins, Pairs, fit};
/// let pairs = Pairs::confidences(&[0.1, 0.2, 0.5, 0.9], &[false, true, true, true], None)?;
/// let map = fit::histogram(&pairs, 4, Bins::Width, 0.0)?;
/// assert_eq!(map.value, [0.5, 1.0, 0.625, 1.0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn histogram<T: Real>(confidences: &Pairs<'_, T>, n_bins: usize, bins: Bins, alpha: f64) -> Result<Histogram> {
    check(n_bins)?;
    if !(0.0..=1e100).contains(&alpha) {
        return Err(Error::setting("smoothing", alpha, "a number from 0 to 1e100"));
    }
    let binned = bin(confidences, n_bins, bins, Edges::Right);
    let value = binned.bins.iter().zip(binned.edges.windows(2)).map(|(bin, edges)| {
        if bin.is_empty() {
            return f64::midpoint(edges[0], edges[1]);
        }
        (bin.right + alpha) / (bin.weight + 2.0 * alpha)
    });
    Ok(Histogram { value: value.collect(), edges: binned.edges })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_pulled_towards_one_half() {
        let pairs = Pairs::confidences(&[0.2, 0.2, 0.2, 0.9], &[true, false, true, true], None).unwrap();
        let map = histogram(&pairs, 5, Bins::Distinct, 1.0).unwrap();
        assert_eq!((map.edges, map.value), (vec![0.0, 0.55, 1.0], vec![0.6, 2.0 / 3.0]));
        let wide = histogram(&pairs, 2, Bins::Width, 1e100).unwrap();
        assert_eq!(wide.value, [0.5, 0.5]);
        for alpha in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(histogram(&pairs, 2, Bins::Width, alpha).unwrap_err().to_string().starts_with("smoothing: is "));
        }
    }
}
