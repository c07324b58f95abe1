//! Entropy of a group split into what lies between its clarifications and what lies within them.

use ndarray::{ArrayView2, Axis};

use crate::spectral::{Bad, Spectral, spectral_scores};
use crate::{Error, Float, Groups, Kernel, Result};

/// Parts of the von Neumann entropy of each group, in nats.
#[derive(Clone, Debug, PartialEq)]
pub struct Decomposition {
    /// Of all rows of the group, (P).
    pub total: Vec<f64>,
    /// What lies between clarifications: `total - epistemic`, at least 0.
    pub aleatoric: Vec<f64>,
    /// The mean of the entropies within clarifications, each weighted by its rows.
    pub epistemic: Vec<f64>,
}

/// Split the von Neumann entropy of each group by the clarification that each row answers.
///
/// # Arguments
/// * `embeddings`, `offsets`, `kernel` - as for [`spectral_scores`]
/// * `clarifications` - (K), rows of a group with the same number belong together
///
/// # Errors
/// Those of [`spectral_scores`], [`Error::Length`].
///
/// # Example
/// ```
/// use uncal_core::{Kernel, Shape, spectral_decomposition};
/// let embeddings = ndarray::array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
/// let kernel = Kernel::new(Shape::Cosine, 1.0, true)?;
/// let parts = spectral_decomposition(embeddings.view(), &[0, 4], &[7, 8, 7, 8], &kernel)?;
/// assert!((parts.total[0] - 2f64.ln()).abs() < 1e-15);
/// assert_eq!(parts.epistemic, [0.0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn spectral_decomposition<T: Float>(
    embeddings: ArrayView2<'_, T>,
    offsets: &[i64],
    clarifications: &[i64],
    kernel: &Kernel,
) -> Result<Decomposition> {
    let groups = Groups::new(offsets, embeddings.nrows())?;
    let (len, expected) = (clarifications.len(), embeddings.nrows());
    if len != expected {
        return Err(Error::Length { name: "clarification_ids", len, expected });
    }
    let entropy = [Spectral::Renyi(1.0)];
    let entropies = |rows, offsets: &[i64]| -> Result<Vec<f64>> {
        Ok(spectral_scores(rows, offsets, None, kernel, &entropy, Bad::Raise)?.swap_remove(0))
    };
    let total = entropies(embeddings, offsets)?;
    // Rows of one clarification next to each other, in the order in which clarifications appear.
    let mut order: Vec<usize> = (0..embeddings.nrows()).collect();
    let (mut inner, mut owners) = (vec![0], Vec::new());
    let mut first = std::collections::HashMap::new();
    for p in 0..groups.len() {
        let rows = groups.rows(p);
        first.clear();
        for row in rows.clone() {
            first.entry(clarifications[row]).or_insert(row);
        }
        order[rows.clone()].sort_by_key(|&row| first[&clarifications[row]]);
        for at in rows.clone() {
            let last = at + 1 == rows.end || clarifications[order[at]] != clarifications[order[at + 1]];
            if last {
                inner.push(i64::try_from(at + 1).map_err(|_| Error::NoOffsets)?);
                owners.push(p);
            }
        }
    }
    let within = if order.is_sorted() {
        entropies(embeddings, &inner)?
    } else {
        entropies(embeddings.select(Axis(0), &order).view(), &inner)?
    };
    let mut epistemic = vec![0.0; groups.len()];
    for ((&p, entropy), ends) in owners.iter().zip(within).zip(inner.windows(2)) {
        epistemic[p] += entropy * ((ends[1] - ends[0]) as f64 / groups.rows(p).len() as f64);
    }
    let aleatoric = total.iter().zip(&epistemic).map(|(total, inner)| (total - inner).max(0.0)).collect();
    Ok(Decomposition { total, aleatoric, epistemic })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::Shape;

    #[test]
    fn known_parts_in_any_order_of_the_rows() {
        let kernel = Kernel::new(Shape::Rbf, 1.0, true).unwrap();
        let rows = array![[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.0, 1.0]];
        for (order, ids) in [([0, 1, 2, 3], [3, 3, 9, 9]), ([2, 0, 3, 1], [9, 3, 9, 3])] {
            let parts = spectral_decomposition(rows.select(Axis(0), &order).view(), &[0, 4], &ids, &kernel).unwrap();
            let known = [0.840_674_950_0, 0.616_870_341_3, 0.223_804_608_7];
            let found = [parts.total[0], parts.aleatoric[0], parts.epistemic[0]];
            assert!(found.iter().zip(known).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        }
    }

    #[test]
    fn one_clarification_leaves_nothing_between() {
        let kernel = Kernel::new(Shape::Rbf, 1.0, true).unwrap();
        let rows = array![[1.0, 0.0], [0.8, 0.6], [0.3, 1.0]];
        let parts = spectral_decomposition(rows.view(), &[0, 3], &[5, 5, 5], &kernel).unwrap();
        assert_eq!((parts.aleatoric[0], parts.epistemic[0]), (0.0, parts.total[0]));
        let error = spectral_decomposition(rows.view(), &[0, 3], &[5], &kernel).unwrap_err();
        assert_eq!(error, Error::Length { name: "clarification_ids", len: 1, expected: 3 });
    }
}
