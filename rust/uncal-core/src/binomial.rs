//! Binomial numbers, and how often each of many cells is drawn: exact up to rounding, for any number of draws.

use crate::bootstrap::Draws;

/// How many of `times` draws with chance `p` succeed.
pub(crate) fn binomial(draws: &mut Draws, times: u64, p: f64) -> u64 {
    if times == 0 || p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return times;
    }
    if p > 0.5 {
        return times - binomial(draws, times, 1.0 - p);
    }
    if times as f64 * p < 10.0 { by_inversion(draws, times, p) } else { by_rejection(draws, times, p) }
}

/// Chances are taken off a uniform number one after the other.
fn by_inversion(draws: &mut Draws, times: u64, p: f64) -> u64 {
    let odds = p / (1.0 - p);
    let mut chance = (times as f64 * (-p).ln_1p()).exp();
    let mut rest = draws.uniform();
    let mut k = 0;
    while rest > chance && k < times {
        rest -= chance;
        k += 1;
        chance *= odds * (times - k + 1) as f64 / k as f64;
    }
    k
}

/// Transformed rejection with squeeze, algorithm BTRS of Hormann (1993), whose letters these are.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be from 0 to n
fn by_rejection(draws: &mut Draws, times: u64, p: f64) -> u64 {
    let n = times as f64;
    let spread = (n * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let c = n * p + 0.5;
    let v_r = 0.92 - 4.2 / b;
    let alpha = (2.83 + 5.1 / b) * spread;
    let odds = p / (1.0 - p);
    let m = ((n + 1.0) * p).floor();
    loop {
        let u = draws.uniform() - 0.5;
        let v = draws.uniform();
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + c).floor();
        if !(0.0..=n).contains(&k) {
            continue;
        }
        if us >= 0.07 && v <= v_r {
            return k as u64;
        }
        // the logarithm of the chance of k over that of m, the most likely
        let bound = (m + 0.5) * ((m + 1.0) / (odds * (n - m + 1.0))).ln()
            + (n + 1.0) * ((n - m + 1.0) / (n - k + 1.0)).ln()
            + (k + 0.5) * (odds * (n - k + 1.0) / (k + 1.0)).ln()
            + (stirling(m) + stirling(n - m) - stirling(k) - stirling(n - k));
        if (v * alpha / (a / (us * us) + b)).ln() <= bound {
            return k as u64;
        }
    }
}

/// What Stirling's formula lacks: ln k! - [(k + 1/2) ln(k + 1) - (k + 1) + ln(2 pi) / 2].
fn stirling(k: f64) -> f64 {
    let x = 1.0 / (k + 1.0);
    let x2 = x * x;
    if k < 10.0 {
        // the series is no good yet: up to 11 by what the next is more than this
        return stirling(k + 1.0) + (k + 1.5) * x.ln_1p() - 1.0;
    }
    x * (1.0 / 12.0 - x2 * (1.0 / 360.0 - x2 * (1.0 / 1260.0 - x2 / 1680.0)))
}

/// How often each cell is drawn in `times` draws: cell i of `starts.len() - 1` has the share of
/// `starts[i]..starts[i + 1]` in all. Halved again and again, so that no draw is made one by one.
pub(crate) fn multinomial(draws: &mut Draws, times: u64, starts: &[usize], counts: &mut [u64]) {
    let cells = counts.len();
    if cells == 1 || times == 0 {
        counts.fill(0);
        if let Some(first) = counts.first_mut() {
            *first = times;
        }
        return;
    }
    let middle = cells / 2;
    let share = (starts[middle] - starts[0]) as f64 / (starts[cells] - starts[0]) as f64;
    let low = binomial(draws, times, share);
    let (left, right) = counts.split_at_mut(middle);
    multinomial(draws, low, &starts[..=middle], left);
    multinomial(draws, times - low, &starts[middle..], right);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn numbers_have_the_binomial_distribution() {
        let cases = [
            (1, 0.3),
            (5, 0.5),
            (40, 0.1),
            (40, 0.9),
            (25, 0.5),
            (100, 0.11),
            (1000, 0.4),
            (20_000, 0.7),
            (1 << 20, 0.5),
        ];
        for (stream, (times, p)) in cases.into_iter().enumerate() {
            const DRAWN: usize = 60_000;
            let mut draws = Draws::new(Rng::new(3, stream as u64));
            let mut seen = std::collections::HashMap::new();
            for _ in 0..DRAWN {
                *seen.entry(binomial(&mut draws, times, p)).or_insert(0_usize) += 1;
            }
            assert!(seen.keys().all(|&k| k <= times));
            // chances by the sum of logarithms; what is expected less than 10 times is taken together
            let (mut chi, mut cells, mut rest, mut rest_seen) = (0.0, 0, DRAWN as f64, DRAWN);
            let mut log = times as f64 * (1.0_f64 - p).ln();
            for k in 0..=times {
                let expected = DRAWN as f64 * log.exp();
                if expected >= 10.0 {
                    let found = seen.get(&k).copied().unwrap_or(0);
                    chi += (found as f64 - expected).powi(2) / expected;
                    cells += 1;
                    rest -= expected;
                    rest_seen -= found;
                }
                log += ((times - k) as f64 / (k + 1) as f64 * p / (1.0 - p)).ln();
            }
            if rest > 10.0 {
                chi += (rest_seen as f64 - rest).powi(2) / rest;
                cells += 1;
            } else {
                assert!(rest_seen < 40, "{times} {p}: {rest_seen}");
            }
            // the mean of chi squared is its freedom, its variance twice that
            let freedom = f64::from(cells) - 1.0;
            assert!((chi - freedom) < 4.5 * (2.0 * freedom).sqrt() + 1.0, "{times} {p}: {chi} of {freedom}");
        }
    }

    #[test]
    fn what_stirling_lacks_is_known() {
        let mut log_factorial = 0.0;
        for k in 0..60 {
            let x = f64::from(k);
            log_factorial += x.max(1.0).ln();
            let formula = (x + 0.5) * (x + 1.0).ln() - (x + 1.0) + 0.5 * (2.0 * std::f64::consts::PI).ln();
            assert!((stirling(x) - (log_factorial - formula)).abs() < 1e-10, "{k}");
        }
    }

    #[test]
    fn certain_and_impossible_draws() {
        let mut draws = Draws::new(Rng::new(1, 1));
        assert_eq!(
            (binomial(&mut draws, 9, 0.0), binomial(&mut draws, 9, 1.0), binomial(&mut draws, 0, 0.5)),
            (0, 9, 0)
        );
        let mut counts = [7; 3];
        multinomial(&mut draws, 100, &[0, 0, 5, 5], &mut counts);
        assert_eq!(counts, [0, 100, 0]);
    }
}
