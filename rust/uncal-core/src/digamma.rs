//! Differences of the digamma function, which sums of 1 / k are.

/// The sum of 1 / (k + j) for j = 1, 2, ..., n, for any n and k of at least 0, whole or not: digamma(k + n + 1) less
/// digamma(k + 1). Relative error below 1e-14.
pub(crate) fn harmonic(mut k: f64, n: f64) -> f64 {
    // from here on the series is good to the last place
    const FAR: f64 = 16.0;
    const FEW: f64 = 24.0;
    let mut sum = 0.0;
    if n.fract() == 0.0 && n <= FEW {
        let mut j = n;
        while j > 0.0 {
            sum += 1.0 / (k + j);
            j -= 1.0;
        }
        return sum;
    }
    // digamma(x) = digamma(x + 1) - 1 / x, at both ends at once
    while k < FAR {
        sum += n / ((k + 1.0) * (k + 1.0 + n));
        k += 1.0;
    }
    let (x, y) = (k + 1.0, k + 1.0 + n);
    let (p, q) = (1.0 / (x * x), 1.0 / (y * y));
    let series = |p: f64| p * (1.0 / 12.0 - p * (1.0 / 120.0 - p * (1.0 / 252.0 - p * (1.0 / 240.0 - p / 132.0))));
    sum + (n / x).ln_1p() + 0.5 * n / (x * y) + (series(p) - series(q))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_fractions_however_many() {
        for k in [0.0, 1.0, 7.0, 100.0, 12345.0] {
            for n in [0, 1, 5, 24, 25, 1000, 100_000] {
                // the sum itself is rounded as often as it has terms
                let direct: f64 = (1..=n).rev().map(|j| 1.0 / (k + f64::from(j))).sum();
                let found = harmonic(k, f64::from(n));
                assert!((found - direct).abs() <= 3e-14 * direct.max(1e-300), "{k} {n}: {found} {direct}");
            }
        }
    }

    #[test]
    fn steps_of_a_fraction_add_up() {
        for k in [0.0, 0.3, 20.7, 5000.5] {
            let whole = harmonic(k, 40.0);
            let parts = harmonic(k, 12.3) + harmonic(k + 12.3, 27.7);
            assert!((whole - parts).abs() < 1e-13 * whole, "{k}: {whole} {parts}");
        }
        // digamma(1.5) - digamma(1) is 2 - 2 ln 2
        assert!((harmonic(0.0, 0.5) - (2.0 - 2.0 * std::f64::consts::LN_2)).abs() < 1e-15);
    }
}
