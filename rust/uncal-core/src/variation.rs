//! How much the answers of a group vary.

use crate::{Float, Result, Squares};

/// The variation ratio of each group: one minus the mean similarity of two different answers.
///
/// The diagonal is not read. Time O(n^2) for a group of n.
///
/// # Arguments
/// * `similarity` - the (n, n) similarities of the groups, higher is more alike
///
/// Returns (P): for similarities in `[0, 1]` in `[0, 1]`, 0 when all answers are alike and for a single one.
///
/// # Errors
/// [`crate::Error::Entry`] for an entry off the diagonal that is not finite.
///
/// # Example
/// ```
/// use uncal_core::{Squares, variation_ratio};
/// let similarity = Squares::new("similarity", &[1.0, 0.25, 0.75, 1.0], &[0, 2])?;
/// assert_eq!(variation_ratio(&similarity)?, [0.5]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn variation_ratio<T: Float>(similarity: &Squares<'_, T>) -> Result<Vec<f64>> {
    let groups = similarity.groups();
    let rows: usize = (0..groups.len()).map(|p| groups.rows(p).len()).sum();
    groups.par_map(rows / groups.len().max(1), |p, rows| {
        let n = rows.len();
        let mut sum = 0.0;
        for (i, row) in similarity.matrix(p).chunks_exact(n).enumerate() {
            // One less each entry, not in the end: nothing cancels where answers are nearly alike.
            let distance = |(j, s): (usize, &T)| if i == j { 0.0 } else { 1.0 - s.widen() };
            let distances: f64 = row.iter().enumerate().map(distance).sum();
            let wrong = |(j, s): (usize, &T)| i != j && !s.widen().is_finite();
            if !distances.is_finite()
                && let Some(j) = row.iter().enumerate().position(wrong)
            {
                return Err(similarity.wrong(p, i * n + j, "finite"));
            }
            sum += distances / (n - 1).max(1) as f64;
        }
        Ok(sum / n as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn known_ratios() {
        let values = [7.0, 1.0, 0.9, 0.1, 0.9, 1.0, 0.2, 0.1, 0.2, f64::NAN];
        let similarity = Squares::new("similarity", &values, &[0, 1, 4]).unwrap();
        let ratios = variation_ratio(&similarity).unwrap();
        assert_eq!(ratios[0].to_bits(), 0);
        assert!((ratios[1] - 0.6).abs() < 1e-15, "{ratios:?}");
        let singles = [1.0_f32; 9];
        assert_eq!(variation_ratio(&Squares::new("similarity", &singles, &[0, 3]).unwrap()).unwrap(), [0.0]);
        assert!(variation_ratio::<f64>(&Squares::new("similarity", &[], &[0]).unwrap()).unwrap().is_empty());
    }

    #[test]
    fn the_first_entry_that_is_not_finite_is_named() {
        let values = [1.0, 1.0, 0.5, f64::INFINITY, f64::NAN];
        let error = variation_ratio(&Squares::new("similarity", &values, &[0, 1, 3]).unwrap()).unwrap_err();
        let expected = "similarity: entry (1, 0) of group 1 is inf, must be finite";
        assert_eq!(error.to_string(), expected);
        assert!(matches!(error, Error::Entry { .. }));
    }
}
