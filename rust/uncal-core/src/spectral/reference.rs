//! The same scores one group at a time, in `f64` from its distinct rows: what the vectors are tested against, and what
//! takes the groups that they leave.

use ndarray::ArrayView2;

use super::{Plan, Spectral};
use crate::eigen::eigenvalues;
use crate::kernel::{Density, Points, dot, is_zero, square};
use crate::{Error, Float, Result};

/// All scores of one group, and its spectrum, in `f64` from its distinct rows.
pub(super) fn reference<T: Float>(
    plan: &Plan<'_>,
    p: usize,
    start: usize,
    rows: &[T],
    d: usize,
    counts: Option<&[f64]>,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let n = rows.len() / d;
    if n == 0 {
        return Err(Error::EmptyGroup { group: p });
    }
    let rows = ArrayView2::from_shape((n, d), rows).unwrap_or_else(|_| unreachable!("n rows of d numbers"));
    let size = counts.map_or(n as f64, |counts| counts.iter().sum());
    let points = Points::new(p, start, rows, counts, plan.kernel.normalize)?;
    let density = plan.kernel.density(p, &points)?;
    let mut spectrum = Vec::new();
    if plan.tridiagonal {
        spectrum = spectrum_of(p, density.matrix.clone(), density.distinct)?;
        spectrum.resize(n, 0.0);
    }
    let most = size.ln();
    let one = |score: &Spectral| {
        Ok(match *score {
            _ if size == 1.0 => score.of_one_row(),
            Spectral::Renyi(2.0) => {
                let purity: f64 = density.matrix.iter().map(|x| x * x).sum();
                (-purity.ln()).min(most).max(0.0) + 0.0
            }
            Spectral::Renyi(alpha) => renyi(&spectrum, alpha).min(most),
            Spectral::EffectiveRank => renyi(&spectrum, 1.0).exp().min(size),
            Spectral::PredictiveKernel => mean_off_diagonal(&density, &points.counts, size),
            Spectral::Volume { eps, center } => {
                let unit = Points::new(p, start, rows, counts, true)?;
                let rows: Vec<&[f64]> = (0..unit.counts.len()).map(|i| unit.row(i)).collect();
                log_volume(p, &rows, &unit.counts, size, eps, center)?
            }
            Spectral::Eigen { alpha } => {
                let raw = Points::new(p, start, rows, counts, false)?;
                let centered: Vec<Vec<f64>> = (0..raw.counts.len())
                    .map(|i| {
                        let mean = raw.row(i).iter().sum::<f64>() / d as f64;
                        raw.row(i).iter().map(|x| x - mean).collect()
                    })
                    .collect();
                let rows: Vec<&[f64]> = centered.iter().map(Vec::as_slice).collect();
                let trace: f64 = rows.iter().map(|row| dot(row, row)).sum();
                if !trace.is_finite() {
                    return Err(Error::Trace { group: p, trace });
                }
                log_determinant_of(p, gram_of(p, &rows, false)?, &raw.counts, size, alpha)? / size
            }
        })
    };
    Ok((plan.scores.iter().map(one).collect::<Result<_>>()?, spectrum))
}

/// Minus the mean kernel value of two different rows, from a density matrix on distinct ones.
fn mean_off_diagonal(density: &Density, counts: &[f64], size: f64) -> f64 {
    // entry (i, j) is k_ij (c_i c_j)^1/2 / trace
    let n = density.distinct;
    let mut sum = 0.0;
    for i in 0..n {
        for j in 0..n {
            sum += density.matrix[i * n + j] * (counts[i] * counts[j]).sqrt();
        }
        sum -= density.matrix[i * n + i];
    }
    -sum * density.trace / (size * (size - 1.0))
}

fn log_volume(p: usize, rows: &[&[f64]], counts: &[f64], size: f64, eps: f64, center: bool) -> Result<f64> {
    let n = rows.len();
    let mut gram = gram_of(p, rows, true)?;
    if center {
        let mean = |gram: &[f64], i: usize| (0..n).map(|j| counts[j] * gram[i * n + j]).sum::<f64>() / size;
        let means: Vec<f64> = (0..n).map(|i| mean(&gram, i)).collect();
        let grand = (0..n).map(|i| counts[i] * means[i]).sum::<f64>() / size;
        for i in 0..n {
            for j in 0..n {
                gram[i * n + j] += grand - means[i] - means[j];
            }
        }
    }
    log_determinant_of(p, gram, counts, size, eps)
}

/// All products of the rows; for unit rows exactly 1 with themselves, a row of zeros included.
fn gram_of(p: usize, rows: &[&[f64]], unit: bool) -> Result<Vec<f64>> {
    let n = rows.len();
    let mut gram = square(p, n)?;
    for i in 0..n {
        for j in 0..i {
            gram[i * n + j] = dot(rows[i], rows[j]);
            gram[j * n + i] = gram[i * n + j];
        }
        gram[i * n + i] = if unit { 1.0 } else { dot(rows[i], rows[i]) };
        debug_assert!(!unit || is_zero(rows[i]) || (dot(rows[i], rows[i]) - 1.0).abs() < 1e-9);
    }
    Ok(gram)
}

fn log_determinant_of(p: usize, mut gram: Vec<f64>, counts: &[f64], size: f64, shift: f64) -> Result<f64> {
    let n = counts.len();
    for i in 0..n {
        for j in 0..n {
            gram[i * n + j] *= (counts[i] * counts[j]).sqrt();
        }
    }
    let trace: f64 = (0..n).map(|i| gram[i * n + i]).sum();
    if !trace.is_finite() {
        return Err(Error::Trace { group: p, trace });
    }
    let values = eigenvalues(&mut gram, n);
    let logs: f64 = values.iter().map(|value| (value.max(0.0) + shift).ln()).sum();
    Ok(logs + (size - n as f64) * shift.ln())
}

/// Eigenvalues of a density matrix from largest to smallest, cleaned of rounding and of sum 1.
fn spectrum_of(p: usize, mut matrix: Vec<f64>, n: usize) -> Result<Vec<f64>> {
    let mut values = eigenvalues(&mut matrix, n);
    match clean(&mut values) {
        Some(()) => Ok(values),
        None => Err(Error::NotPositive { group: p, value: values[n - 1] }),
    }
}

/// Sort eigenvalues from largest to smallest, take what is rounding for 0, and scale their sum to 1; `None` if one is
/// more negative than rounding makes it.
pub(super) fn clean(values: &mut [f64]) -> Option<()> {
    const TOO_NEGATIVE: f64 = -1e-6; // of the trace
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    let (largest, smallest) = (values[0], values[values.len() - 1]);
    if smallest < TOO_NEGATIVE {
        return None;
    }
    let noise = values.len() as f64 * f64::EPSILON * largest;
    let mut sum = 0.0;
    for value in values.iter_mut() {
        if *value <= noise {
            *value = 0.0;
        }
        sum += *value;
    }
    values.iter_mut().for_each(|value| *value /= sum);
    Some(())
}

/// Rényi entropy of a spectrum in falling order.
pub(super) fn renyi(spectrum: &[f64], alpha: f64) -> f64 {
    let largest = spectrum[0];
    let positive = || spectrum.iter().copied().filter(|&l| l > 0.0);
    let entropy = if alpha == 1.0 {
        -positive().map(|l| l * l.ln()).sum::<f64>()
    } else if alpha == f64::INFINITY {
        -largest.ln()
    } else if (alpha - 1.0).abs() < 0.5 {
        // sum of l^alpha = 1 + sum of l (l^(alpha - 1) - 1): nothing cancels as alpha nears 1
        let excess: f64 = positive().map(|l| l * ((alpha - 1.0) * l.ln()).exp_m1()).sum();
        excess.ln_1p() / (1.0 - alpha)
    } else {
        // with the largest taken out, no power can vanish altogether
        let rest: f64 = positive().map(|l| (l / largest).powf(alpha)).sum();
        alpha / (1.0 - alpha) * largest.ln() + rest.ln() / (1.0 - alpha)
    };
    // rounding can leave the range, and -0.0 is no entropy
    entropy.min((spectrum.len() as f64).ln()).max(0.0) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_eigenvalue_beyond_rounding_is_an_error() {
        let error = spectrum_of(4, vec![0.5, 0.6, 0.6, 0.5], 2).unwrap_err();
        assert!(matches!(error, Error::NotPositive { group: 4, value } if (value + 0.1).abs() < 1e-15));
        assert_eq!(spectrum_of(0, vec![0.5, 0.5 + 1e-9, 0.5 + 1e-9, 0.5], 2).unwrap(), [1.0, 0.0]);
    }
}
