//! Rank correlations of two columns, ties counted.

use crate::float::Real;
use crate::sum::sum;
use crate::{Error, Result, pool};

/// Spearman's rho: the correlation of the mid-ranks, in `[-1, 1]`; NaN where either column is constant or there is one
/// row.
///
/// # Errors
/// [`Error::NoRows`], [`Error::Length`], [`Error::Value`] for what is not finite.
///
/// # Example
/// ```
/// use uncal_core::spearman;
/// assert_eq!(spearman(&[1.0, 2.0, 3.0], &[1.0, 8.0, 27.0])?, 1.0);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64> {
    check(["x", "y"], x, y)?;
    let (a, b) = (twice_ranks(x), twice_ranks(y));
    // twice the ranks less their mean are whole numbers, so that only sums are rounded
    let mean = x.len() as f64 + 1.0;
    let [ab, aa, bb] = sum(x.len(), 4, |i| {
        let (a, b) = (a[i] - mean, b[i] - mean);
        [a * b, a * a, b * b]
    });
    Ok((ab / (aa * bb).sqrt()).clamp(-1.0, 1.0)) // 0 / 0 is NaN
}

/// Kendall's tau-b: pairs in the same order less those in opposite order, over the geometric mean of the pairs that
/// either column tells apart, in `[-1, 1]`; NaN where a column is constant or there is one row.
///
/// # Errors
/// Those of [`spearman`].
///
/// # Example
/// ```
/// use uncal_core::kendall;
/// assert!((kendall(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0])? - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn kendall(x: &[f64], y: &[f64]) -> Result<f64> {
    check(["x", "y"], x, y)?;
    let mut rows: Vec<(u64, u64)> = x.iter().zip(y).map(|(x, y)| (x.order(), y.order())).collect();
    pool::sort(&mut rows);
    let pairs = |n: usize| n as u64 * (n as u64).saturating_sub(1) / 2;
    let tied_x: u64 = rows.chunk_by(|a, b| a.0 == b.0).map(|tie| pairs(tie.len())).sum();
    let tied_both: u64 = rows.chunk_by(|a, b| a == b).map(|tie| pairs(tie.len())).sum();
    let mut right: Vec<u64> = rows.into_iter().map(|row| row.1).collect();
    let discordant = inversions(&mut right);
    let tied_y: u64 = right.chunk_by(|a, b| a == b).map(|tie| pairs(tie.len())).sum();
    let all = pairs(x.len());
    // all pairs but those tied in a column, once those tied in both are not taken off twice
    let concordant = all + tied_both - tied_x - tied_y - discordant;
    let told_apart = ((all - tied_x) as f64).sqrt() * ((all - tied_y) as f64).sqrt();
    Ok(((concordant as f64 - discordant as f64) / told_apart).clamp(-1.0, 1.0))
}

/// The share of pairs of rows, each with itself among them, that the two columns put in opposite orders; in `[0, 1/2)`.
///
/// # Errors
/// Those of [`spearman`].
///
/// # Example
/// ```
/// use uncal_core::reversed_pairs;
/// assert_eq!(reversed_pairs(&[1.0, 2.0], &[1.0, 0.0])?, 0.25);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn reversed_pairs(confidence: &[f64], quality: &[f64]) -> Result<f64> {
    check(["confidence", "quality"], confidence, quality)?;
    let mut rows: Vec<(u64, u64)> = confidence.iter().zip(quality).map(|(q, c)| (q.order(), c.order())).collect();
    pool::sort(&mut rows);
    let mut qualities: Vec<u64> = rows.into_iter().map(|row| row.1).collect();
    let n = confidence.len() as f64;
    Ok(inversions(&mut qualities) as f64 / (n * n))
}

fn check(names: [&'static str; 2], x: &[f64], y: &[f64]) -> Result<()> {
    let expected = x.len();
    if expected == 0 {
        return Err(Error::NoRows { name: names[0] });
    }
    if y.len() != expected {
        return Err(Error::Length { name: names[1], len: y.len(), expected });
    }
    for (name, column) in [(names[0], x), (names[1], y)] {
        if let Some(row) = column.iter().position(|x| !x.is_finite()) {
            return Err(Error::Value { name, row, value: column[row], needed: "finite" });
        }
    }
    Ok(())
}

/// Twice the mid-rank of each number, counted from 1.
fn twice_ranks(x: &[f64]) -> Vec<f64> {
    let mut rows: Vec<(u64, usize)> = x.iter().enumerate().map(|(i, x)| (x.order(), i)).collect();
    pool::sort(&mut rows);
    let mut ranks = vec![0.0; x.len()];
    let mut before = 0;
    for tie in rows.chunk_by(|a, b| a.0 == b.0) {
        let twice = (2 * before + tie.len() + 1) as f64;
        for &(_, i) in tie {
            ranks[i] = twice;
        }
        before += tie.len();
    }
    ranks
}

/// How many pairs are out of order; sorts.
fn inversions(numbers: &mut [u64]) -> u64 {
    let mut count = 0;
    let mut from = numbers.to_vec();
    let mut width = 1;
    while width < numbers.len() {
        for (from, to) in from.chunks(2 * width).zip(numbers.chunks_mut(2 * width)) {
            let (left, right) = from.split_at(width.min(from.len()));
            let (mut i, mut j) = (0, 0);
            for to in to {
                if j < right.len() && (i == left.len() || right[j] < left[i]) {
                    *to = right[j];
                    j += 1;
                    count += (left.len() - i) as u64;
                } else {
                    *to = left[i];
                    i += 1;
                }
            }
        }
        from.copy_from_slice(numbers);
        width *= 2;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tau_counts_every_pair() {
        let rng = crate::Rng::new(4, 4);
        for n in [1, 2, 3, 10, 65, 130] {
            let column = |stream: u64| (0..n).map(|i| (rng.bits(i + 1000 * stream) % 12) as f64).collect::<Vec<_>>();
            let (x, y) = (column(1), column(2));
            let (mut score, mut apart_x, mut apart_y) = (0.0, 0.0_f64, 0.0_f64);
            for i in 0..x.len() {
                for j in 0..i {
                    let (a, b) = ((x[i] - x[j]).signum() * f64::from(u8::from(x[i] != x[j])), y[i] - y[j]);
                    let b = b.signum() * f64::from(u8::from(b != 0.0));
                    score += a * b;
                    apart_x += a * a;
                    apart_y += b * b;
                }
            }
            let (expected, found) = (score / (apart_x * apart_y).sqrt(), kendall(&x, &y).unwrap());
            assert!((found - expected).abs() < 1e-14 || (found.is_nan() && expected.is_nan()), "{n}");
        }
    }

    #[test]
    fn constant_columns_have_no_order() {
        assert!(spearman(&[1.0, 1.0], &[1.0, 2.0]).unwrap().is_nan());
        assert!(kendall(&[1.0, 1.0], &[1.0, 2.0]).unwrap().is_nan());
        assert_eq!(spearman(&[3.0, 1.0, 2.0], &[-3.0, -1.0, -2.0]).unwrap(), -1.0);
        assert_eq!(spearman(&[0.0], &[]).unwrap_err().to_string(), "y: has 0 rows, 1 expected");
    }
}
