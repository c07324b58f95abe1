//! Entropies of the kernel matrix of each group: how many different things its rows say.

use ndarray::ArrayView2;

use crate::spectral::{Bad, Spectral, spectral_scores};
use crate::{Float, Kernel, Result};

/// The von Neumann entropy of the density matrix of each group, in nats.
///
/// -sum of l ln l over the eigenvalues l of the kernel matrix divided by its trace. Time O(n^2 D + n^3) for a group
/// with n distinct rows.
///
/// # Arguments
/// * `embeddings` - (K, D), the rows of a group next to each other
/// * `offsets` - (P + 1), group p is rows `offsets[p]..offsets[p + 1]`
///
/// Returns (P), each in `[0, ln n]`: exactly 0 when all rows are equal, ln n when every two have kernel value 0.
///
/// # Errors
/// Those of [`spectral_scores`].
///
/// # Example
/// ```
/// use uncal_core::{Kernel, Shape, von_neumann_entropy};
/// let embeddings = ndarray::array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]];
/// let kernel = Kernel::new(Shape::Cosine, 1.0, true)?;
/// assert_eq!(von_neumann_entropy(embeddings.view(), &[0, 2, 4], &kernel)?, [2f64.ln(), 0.0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn von_neumann_entropy<T: Float>(
    embeddings: ArrayView2<'_, T>,
    offsets: &[i64],
    kernel: &Kernel,
) -> Result<Vec<f64>> {
    renyi_entropy(embeddings, offsets, kernel, 1.0)
}

/// The Rényi entropy of order `alpha` of the density matrix of each group, in nats: ln(sum of l^alpha) / (1 - alpha).
///
/// Order 1 is the von Neumann entropy; order 2 is taken from the matrix without its eigenvalues, in O(n^2 D); order
/// infinity is -ln of the largest eigenvalue. Falls as `alpha` grows.
///
/// Arguments, range and errors are those of [`von_neumann_entropy`].
///
/// # Errors
/// Also [`Error::Setting`](crate::Error::Setting) unless `alpha` is above 0.
pub fn renyi_entropy<T: Float>(
    embeddings: ArrayView2<'_, T>,
    offsets: &[i64],
    kernel: &Kernel,
    alpha: f64,
) -> Result<Vec<f64>> {
    let mut columns = spectral_scores(embeddings, offsets, None, kernel, &[Spectral::Renyi(alpha)], Bad::Raise)?;
    Ok(columns.swap_remove(0))
}

#[cfg(test)]
mod tests {
    use half::f16;
    use ndarray::{Array2, array};

    use super::*;
    use crate::{Error, Shape};

    fn kernel(shape: Shape, gamma: f64) -> Kernel {
        Kernel::new(shape, gamma, true).unwrap()
    }

    fn entropy(rows: &Array2<f64>, shape: Shape, gamma: f64, alpha: f64) -> f64 {
        let ends = [0, i64::try_from(rows.nrows()).unwrap()];
        renyi_entropy(rows.view(), &ends, &kernel(shape, gamma), alpha).unwrap()[0]
    }

    fn fan() -> Array2<f64> {
        array![[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]]
    }

    #[test]
    fn known_entropies() {
        let cases = [
            (array![[1.0, 0.0], [0.0, 1.0]], 0.683_961_199_1, 2f64.ln()),
            (array![[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], 0.628_024_929_8, 0.636_514_168_3),
            (Array2::eye(3), 1.080_974_051_6, 1.098_612_288_7),
            (array![[1.0, 0.0], [-1.0, 0.0]], 0.692_979_439_9, 0.0), // cosine is blind to the sign
            (fan(), 0.837_077_457_8, 0.573_056_917_1),
        ];
        for (rows, rbf, cosine) in cases {
            assert!((entropy(&rows, Shape::Rbf, 1.0, 1.0) - rbf).abs() < 1e-10);
            assert!((entropy(&rows, Shape::Cosine, 1.0, 1.0) - cosine).abs() < 1e-10);
        }
        assert!((entropy(&fan(), Shape::Rbf, 0.5, 1.0) - 0.608_586_503_4).abs() < 1e-10);
        assert!((entropy(&fan(), Shape::Rbf, 10.0, 1.0) - 1.333_788_490_9).abs() < 1e-10);
    }

    #[test]
    fn known_orders() {
        let known = [
            (0.5, 1.020_772_174_3),
            (1.0, 0.837_077_457_8),
            (2.0, 0.650_827_813_6),
            (3.0, 0.560_451_562_3),
            (f64::INFINITY, 0.387_082_858_6),
        ];
        for (alpha, expected) in known {
            assert!((entropy(&fan(), Shape::Rbf, 1.0, alpha) - expected).abs() < 1e-10, "{alpha}");
        }
    }

    #[test]
    fn orders_run_into_each_other() {
        let at = |alpha| entropy(&fan(), Shape::Rbf, 1.0, alpha);
        assert!((at(1.0 + 1e-9) - at(1.0)).abs() < 1e-8);
        assert!((at(2.0 + 1e-12) - at(2.0)).abs() < 1e-11);
        assert!((at(1.5 - 1e-12) - at(1.5)).abs() < 1e-11); // where the formula changes
        assert!((at(1e300) - at(f64::INFINITY)).abs() < 1e-14);
        assert!((at(1e-300) - 4f64.ln()).abs() < 1e-14);
    }

    #[test]
    fn known_spectrum_keeps_the_size_of_its_group() {
        let rows = ndarray::concatenate![ndarray::Axis(0), fan(), array![[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]]];
        let values = crate::spectrum(rows.view(), &[0, 4, 7], None, &kernel(Shape::Rbf, 1.0), Bad::Raise).unwrap();
        let known = [0.679_034_828_7, 0.230_605_793_5, 0.085_578_078_7, 0.004_781_299_1];
        assert!(values.iter().zip(known).all(|(a, b)| (a - b).abs() < 1e-10), "{values:?}");
        assert_eq!(values[4..], [1.0, 0.0, 0.0]);
    }

    #[test]
    fn equal_rows_and_single_rows_are_exactly_zero() {
        let rows = Array2::from_shape_fn((9, 7), |(_, j)| 0.1 + j as f64 / 3.0);
        for shape in [Shape::Rbf, Shape::Laplacian, Shape::Cosine, Shape::Cosine01, Shape::Poly2] {
            for alpha in [0.3, 1.0, 1.2, 2.0, 5.0, f64::INFINITY] {
                let zeros = renyi_entropy(rows.view(), &[0, 1, 9], &kernel(shape, 1.0), alpha).unwrap();
                assert!(zeros.iter().all(|h| h.to_bits() == 0), "{shape:?} {alpha}: {zeros:?}");
            }
        }
    }

    #[test]
    fn halves_and_singles_are_read_as_they_are() {
        let exact = fan().mapv(|x| f16::from_f64(x).to_f64());
        let expected = entropy(&exact, Shape::Rbf, 1.0, 1.0);
        let halves = exact.mapv(f16::from_f64);
        let singles = exact.mapv(|x| half::f16::from_f64(x).to_f32());
        let rbf = kernel(Shape::Rbf, 1.0);
        let from_halves = von_neumann_entropy(halves.view(), &[0, 4], &rbf).unwrap()[0];
        let from_singles = von_neumann_entropy(singles.view(), &[0, 4], &rbf).unwrap()[0];
        assert_eq!(from_halves, from_singles);
        assert!((from_halves - expected).abs() < 1e-7, "{from_halves} is not {expected}");
    }

    #[test]
    fn alpha_must_be_above_zero() {
        for wrong in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
            let error = renyi_entropy(fan().view(), &[0, 4], &kernel(Shape::Rbf, 1.0), wrong).unwrap_err();
            assert!(matches!(error, Error::Setting { name: "alpha", .. }));
        }
    }

    #[test]
    fn no_columns_is_an_error_even_without_groups() {
        let none = Array2::<f64>::zeros((0, 0));
        let error = von_neumann_entropy(none.view(), &[0], &kernel(Shape::Rbf, 1.0)).unwrap_err();
        assert_eq!(error, Error::NoColumns);
    }
}
