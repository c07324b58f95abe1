//! Clusters of rows that point the same way.

use ndarray::ArrayView2;

use crate::cosine::{Cosines, Sums};
use crate::groups::Groups;
use crate::{Error, Float, Isa, Linkage, Result};

/// The cluster of each row by cosine similarity; clusters join while that is at least `threshold`.
///
/// Equal rows have cosine exactly 1; products of `f16` and `f32` are summed in `f32`, which leaves other cosines good to
/// some 1e-7. A row of zeros has cosine 0 with every other row and 1 with other rows of zeros.
/// Time O(n^2 D), memory O(n^2 + n D) for a group of n rows.
///
/// # Arguments
/// * `embeddings` - (K, D), the rows of a group next to each other
/// * `offsets` - (P + 1), group p is rows `offsets[p]..offsets[p + 1]`
///
/// Returns (K), numbered from 0 in each group in order of first appearance.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::NoColumns`], [`Error::NotFinite`], [`Error::TooManyRows`], [`Error::Setting`]
/// unless `threshold` lies in `[-1, 1]`.
///
/// # Example
/// ```
/// let embeddings = ndarray::array![[1.0, 0.0], [0.0, 1.0], [2.0, 0.1]];
/// let linkage = uncal_core::Linkage::Leader;
/// assert_eq!(uncal_core::cluster_embeddings(embeddings.view(), &[0, 3], 0.9, linkage)?, [0, 1, 0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn cluster_embeddings<T: Float>(
    embeddings: ArrayView2<'_, T>,
    offsets: &[i64],
    threshold: f64,
    linkage: Linkage,
) -> Result<Vec<i64>> {
    let groups = Groups::new(offsets, embeddings.nrows())?;
    let columns = embeddings.ncols();
    if columns == 0 {
        return Err(Error::NoColumns);
    }
    if !(-1.0..=1.0).contains(&threshold) {
        return Err(Error::setting("threshold", threshold, "a number in [-1, 1]"));
    }
    let isa = Isa::chosen()?;
    let embeddings = embeddings.as_standard_layout();
    let rows = embeddings.as_slice().unwrap_or_default();
    let mut ids = vec![0; embeddings.nrows()];
    let cost = |n: usize| n.saturating_mul(n).saturating_mul(columns);
    groups.par_fill(
        &mut ids,
        |p| groups.rows(p).end,
        cost,
        || (Cosines::default(), Vec::new()),
        |(space, matrix), run, mut ids| {
            for p in run {
                let n = groups.rows(p).len();
                let entries = n.saturating_mul(n);
                matrix.clear();
                matrix.try_reserve(entries).map_err(|_| Error::TooManyRows { group: p, rows: n })?;
                matrix.resize(entries, 0.0);
                space.fill(isa, Sums::Single, (rows, columns), groups, p, matrix)?;
                let (own, rest) = ids.split_at_mut(n);
                linkage.clusters(matrix, threshold, own);
                ids = rest;
            }
            Ok(())
        },
    )?;
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn groups_are_numbered_each_from_zero() {
        let rows = array![[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]];
        for linkage in [Linkage::Leader, Linkage::Single, Linkage::Average, Linkage::Complete] {
            let ids = cluster_embeddings(rows.view(), &[0, 3, 6], 1.0, linkage).unwrap();
            assert_eq!(ids, [0, 1, 0, 0, 1, 1], "{linkage:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let fails = |rows: &Array2<f64>, offsets: &[i64], threshold| {
            cluster_embeddings(rows.view(), offsets, threshold, Linkage::Average).unwrap_err()
        };
        let rows = array![[1.0], [1.0], [f64::NAN]];
        assert_eq!(fails(&rows, &[0, 1, 3], 0.5), Error::NotFinite { row: 2, group: 1 });
        assert_eq!(fails(&rows, &[0, 2], 0.5), Error::OffsetsEnd { last: 2, rows: 3 });
        assert_eq!(fails(&Array2::zeros((1, 0)), &[0, 1], 0.5), Error::NoColumns);
        for wrong in [1.1, -1.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(fails(&rows, &[0, 3], wrong), Error::Setting { name: "threshold", .. }));
        }
    }
}
