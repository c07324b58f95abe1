//! The smooth expected calibration error.
//!
//! What rows are off by, smoothed along the confidence by a Gaussian that is reflected at 0 and 1. Such a kernel is
//! diagonal in the cosines of [0, 1]: smoothing multiplies coefficient k by exp(-(pi k sigma)^2 / 2). The coefficients
//! are taken from moments of the rows in narrow cells, which one look at all rows gives, whatever sigma is.

use std::f64::consts::PI;

use crate::float::Real;
use crate::simd::{Isa, Kernel, Simd};
use crate::ties::Ties;
use crate::{Error, Pairs, Result, pool};

/// The error and the width at which it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothEce {
    /// In `[0, 1]`.
    pub value: f64,
    /// The width of the kernel.
    pub sigma: f64,
}

/// A smooth reliability diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct SmoothReliability {
    /// Evenly spaced from 0 to 1.
    pub confidence: Vec<f64>,
    /// The accuracy of answers of about that confidence; NaN where there are none.
    pub accuracy: Vec<f64>,
    /// How many answers there are, as a density that integrates to 1.
    pub density: Vec<f64>,
}

/// The least width.
const LEAST: f64 = 1e-3;
/// Moments of each cell: powers 0 to 7.
const MOMENTS: usize = 8;
/// Cells so narrow, in widths of the kernel, leave an error below 1e-12: 2e-3 times the eighth power of half of it.
const NARROW: f64 = 0.13;
const CELLS: usize = 1 << 10;
const MOST_CELLS: usize = 1 << 14;

/// The integral over [0, 1] of the magnitude of the smoothed difference between confidence and verdict (Blasiok and
/// Nakkiran). Without `sigma` it is the width at which the error equals the width; or 0.001 if the error is less.
///
/// Accurate to about 1e-9. Time O(K), a few nanoseconds a row.
///
/// # Errors
/// [`Error::Setting`] for a `sigma` below 0.001 or not finite.
///
/// # Example
/// ```
/// use uncal_core::{Pairs, smooth_ece};
/// let pairs = Pairs::confidences(&[0.75; 4], &[true, true, false, false], None)?;
/// assert!((smooth_ece(&pairs, Some(0.1))?.value - 0.25).abs() < 1e-6);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn smooth_ece<T: Real>(confidences: &Pairs<'_, T>, sigma: Option<f64>) -> Result<SmoothEce> {
    if let Some(sigma) = sigma {
        check(sigma)?;
        let mut waves = Waves::of(Moments::new(confidences, cells_for(sigma), What::Gap)?);
        return Ok(SmoothEce { value: waves.area(sigma), sigma });
    }
    at_fixed_point(|cells| Moments::new(confidences, cells, What::Gap))
}

/// The error of rows that are already taken together.
pub(crate) fn of_ties(ties: &Ties) -> f64 {
    let found = at_fixed_point(|cells| {
        let mut moments = vec![[0.0; MOMENTS]; cells];
        let mut total = 0.0;
        for (q, right, wrong) in ties.iter() {
            add(&mut moments, q, wrong * q - right * (1.0 - q));
            total += right + wrong;
        }
        Ok(Moments::of(moments, total))
    });
    found.map_or(f64::NAN, |found| found.value)
}

/// From wide kernels down, which few waves make, to where the error is at least the width.
fn at_fixed_point(moments: impl Fn(usize) -> Result<Moments>) -> Result<SmoothEce> {
    let mut waves = Waves::of(moments(CELLS)?);
    let (mut high, mut sigma) = (1.0, 0.5);
    loop {
        if sigma < 1.0 / (NARROW * waves.moments.cells.len() as f64) && waves.moments.cells.len() < MOST_CELLS {
            waves = Waves::of(moments(MOST_CELLS)?);
        }
        let value = waves.area(sigma);
        if value >= sigma {
            return Ok(waves.fixed_point(sigma, high));
        }
        if sigma == LEAST {
            return Ok(SmoothEce { value, sigma });
        }
        (high, sigma) = (sigma, (sigma / 2.0).max(LEAST));
    }
}

/// The accuracy along the confidence, both smoothed alike, at `points` places; without `sigma` at that of
/// [`smooth_ece`].
///
/// # Errors
/// Those of [`smooth_ece`], and [`Error::Setting`] for less than 2 points.
pub fn smooth_reliability<T: Real>(
    confidences: &Pairs<'_, T>,
    sigma: Option<f64>,
    points: usize,
) -> Result<SmoothReliability> {
    if !(2..=1_000_000).contains(&points) {
        return Err(Error::setting("points", points, "a whole number from 2 to 1000000"));
    }
    let sigma = match sigma {
        Some(sigma) => sigma,
        None => smooth_ece(confidences, None)?.sigma,
    };
    check(sigma)?;
    let cells = cells_for(sigma);
    let mut right = Waves::of(Moments::new(confidences, cells, What::Right)?);
    let mut weight = Waves::of(Moments::new(confidences, cells, What::Weight)?);
    let at: Vec<f64> = (0..points).map(|i| i as f64 / (points - 1) as f64).collect();
    let (right, density) = (right.at(sigma, &at), weight.at(sigma, &at));
    let share = |(&right, &density): (&f64, &f64)| {
        if density > 1e-9 { (right / density).clamp(0.0, 1.0) } else { f64::NAN }
    };
    let accuracy = right.iter().zip(&density).map(share).collect();
    let density = density.into_iter().map(|x| x.max(0.0)).collect();
    Ok(SmoothReliability { confidence: at, accuracy, density })
}

fn check(sigma: f64) -> Result<()> {
    if sigma >= LEAST && sigma.is_finite() {
        Ok(())
    } else {
        Err(Error::setting("sigma", sigma, "a finite number of at least 0.001"))
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // sigma is at least LEAST
fn cells_for(sigma: f64) -> usize {
    ((1.0 / (NARROW * sigma)) as usize).next_power_of_two().clamp(16, MOST_CELLS)
}

/// What is smoothed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Confidence less verdict.
    Gap,
    /// How many rows are right.
    Right,
    /// How many rows there are.
    Weight,
}

/// Sums of powers of what rows are off the middle of their cell.
struct Moments {
    cells: Vec<[f64; MOMENTS]>,
    /// Cells that have any rows.
    used: Vec<usize>,
}

impl Moments {
    fn new<T: Real>(pairs: &Pairs<'_, T>, cells: usize, what: What) -> Result<Self> {
        const CHUNK: usize = 1 << 20;
        let isa = Isa::chosen()?;
        let len = pairs.len();
        let parts = pool::map(len.div_ceil(CHUNK), len.saturating_mul(8), |part| {
            let rows = part * CHUNK..len.min((part + 1) * CHUNK);
            isa.run(Cells {
                values: &pairs.values()[rows.clone()],
                verdicts: &pairs.verdicts()[rows.clone()],
                weights: pairs.weights().map(|weights| &weights[rows]),
                count: cells,
                what,
            })
        });
        let mut moments = vec![[0.0; MOMENTS]; cells];
        for part in parts {
            for (all, part) in moments.iter_mut().zip(part) {
                for (all, part) in all.iter_mut().zip(part) {
                    *all += part;
                }
            }
        }
        Ok(Self::of(moments, pairs.total()))
    }

    fn of(mut cells: Vec<[f64; MOMENTS]>, total: f64) -> Self {
        cells.iter_mut().flatten().for_each(|x| *x /= total);
        let used = (0..cells.len()).filter(|&i| cells[i].iter().any(|&x| x != 0.0)).collect();
        Self { cells, used }
    }
}

/// Means over all rows of x cos(pi k q), twice that but for k = 0; as many as have been asked for.
struct Waves {
    moments: Moments,
    coefficients: Vec<f64>,
    /// The cosines of whole multiples of half a cell.
    cosines: Vec<f64>,
}

impl Waves {
    fn of(moments: Moments) -> Self {
        let quarter = moments.cells.len();
        let cosines = (0..4 * quarter).map(|i| (PI * i as f64 / (2 * quarter) as f64).cos()).collect();
        Self { moments, coefficients: Vec::new(), cosines }
    }

    fn extend(&mut self, count: usize) {
        let known = self.coefficients.len();
        if count > known {
            let work = (count - known).saturating_mul(self.moments.used.len() * MOMENTS);
            let more = pool::map((count - known).div_ceil(16), work, |part| {
                let from = known + part * 16;
                (from..count.min(from + 16)).map(|k| self.coefficient(k)).collect::<Vec<_>>()
            });
            self.coefficients.extend(more.concat());
        }
    }

    /// The mean of x cos(pi k q), twice but for k = 0, from the moments: cosines and sines of the cells' middles, and
    /// their series in what q is off by.
    fn coefficient(&self, k: usize) -> f64 {
        let cells = self.moments.cells.len();
        let theta = PI * k as f64 / (2 * cells) as f64; // of half a cell
        let mut series = [1.0; MOMENTS];
        for m in 1..MOMENTS {
            series[m] = series[m - 1] * theta / m as f64;
        }
        let mut sum = 0.0;
        for &i in &self.moments.used {
            let s = &self.moments.cells[i];
            // the middle of cell i is at (2 i + 1) half cells; whole turns are taken off while numbers are whole
            let turns = ((2 * i + 1) * k) % (4 * cells);
            let (cosine, sine) = (self.cosines[turns], self.cosines[(turns + 3 * cells) % (4 * cells)]);
            let even = s[0] - s[2] * series[2] + s[4] * series[4] - s[6] * series[6];
            let odd = s[1] * series[1] - s[3] * series[3] + s[5] * series[5] - s[7] * series[7];
            sum += cosine * even - sine * odd;
        }
        if k == 0 { sum } else { 2.0 * sum }
    }

    /// The smoothed curve at some places.
    fn at(&mut self, sigma: f64, places: &[f64]) -> Vec<f64> {
        let damped = self.damped(sigma);
        places
            .iter()
            .map(|t| damped.iter().enumerate().rev().map(|(k, b)| b * (PI * k as f64 * t).cos()).sum())
            .collect()
    }

    fn damped(&mut self, sigma: f64) -> Vec<f64> {
        self.extend(count_for(sigma));
        let kept = self.coefficients.iter().take(count_for(sigma)).enumerate();
        kept.map(|(k, a)| a * (-0.5 * (PI * k as f64 * sigma).powi(2)).exp()).collect()
    }

    /// The integral of the magnitude of the smoothed curve.
    fn area(&mut self, sigma: f64) -> f64 {
        let b = self.damped(sigma);
        let grid = (8 * b.len()).max(256);
        let points = evaluate(&b, grid);
        let step = 1.0 / grid as f64;
        points.windows(2).map(|pair| pair_area(&pair[0], &pair[1], step)).sum::<f64>().clamp(0.0, 1.0)
    }

    /// Where the error, which falls as the width grows, equals the width: at `low` it is at least that, at `high` not.
    fn fixed_point(&mut self, mut low: f64, mut high: f64) -> SmoothEce {
        let (mut above, mut under) = (self.area(low) - low, self.area(high) - high);
        if above <= 0.0 {
            return SmoothEce { value: low + above, sigma: low };
        }
        // false position with the Illinois rule, which cannot leave the bracket
        let mut last = 0;
        for _ in 0..60 {
            let sigma = (low * under - high * above) / (under - above);
            let off = self.area(sigma) - sigma;
            if off.abs() < 1e-13 || high - low < 1e-13 {
                return SmoothEce { value: sigma + off, sigma };
            }
            if off > 0.0 {
                (low, above) = (sigma, off);
                under = if last == 1 { under / 2.0 } else { under };
                last = 1;
            } else {
                (high, under) = (sigma, off);
                above = if last == -1 { above / 2.0 } else { above };
                last = -1;
            }
        }
        let sigma = f64::midpoint(low, high);
        SmoothEce { value: self.area(sigma), sigma }
    }
}

/// How many waves count at a width: the next is damped to below 1e-13.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // sigma is at least LEAST
fn count_for(sigma: f64) -> usize {
    (7.8 / (PI * sigma)) as usize + 2
}

/// One look at the rows: moments about the middle of each cell, in half cells.
struct Cells<'a, T> {
    values: &'a [T],
    verdicts: &'a [bool],
    weights: Option<&'a [f64]>,
    count: usize,
    what: What,
}

impl<T: Real> Kernel for Cells<'_, T> {
    type Output = Vec<[f64; MOMENTS]>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Self::Output {
        let mut moments = vec![[0.0; MOMENTS]; self.count];
        for i in 0..self.values.len() {
            let q = self.values[i].widen();
            let weight = self.weights.map_or(1.0, |weights| weights[i]);
            let x = match self.what {
                What::Gap => q - f64::from(u8::from(self.verdicts[i])),
                What::Right => f64::from(u8::from(self.verdicts[i])),
                What::Weight => 1.0,
            };
            add(&mut moments, q, x * weight);
        }
        moments
    }
}

/// Add `x` at confidence `q` to the moments of its cell.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // confidences are in [0, 1]
fn add(moments: &mut [[f64; MOMENTS]], q: f64, x: f64) {
    let at = q * moments.len() as f64;
    let cell = (at as usize).min(moments.len() - 1);
    let u = 2.0 * (at - cell as f64) - 1.0;
    let u2 = u * u;
    let (u4, xu) = (u2 * u2, x * u);
    let powers = [x, xu, x * u2, xu * u2, x * u4, xu * u4, x * u2 * u4, xu * u2 * u4];
    for (moment, power) in moments[cell].iter_mut().zip(powers) {
        *moment += power;
    }
}

/// A curve at one place: its integral from 0, itself, and its slope.
#[derive(Clone, Copy, Default)]
struct Point {
    integral: f64,
    value: f64,
    slope: f64,
}

/// The sum of b cos(pi k t) at t = 0, 1 / grid, ..., 1.
fn evaluate(b: &[f64], grid: usize) -> Vec<Point> {
    // whatever is wrong with the choice has been said before
    let isa = Isa::chosen().unwrap_or(Isa::Portable);
    let parts = pool::map((grid + 1).div_ceil(WIDTH), grid * b.len() * 4, |part| {
        isa.run(Places { b, start: part * WIDTH, grid })
    });
    let mut points = parts.concat();
    points.truncate(grid + 1);
    points
}

/// Places that are evaluated together.
const WIDTH: usize = 32;

/// Plain loops, which the compiler turns into the vectors of each instruction set.
struct Places<'a> {
    b: &'a [f64],
    start: usize,
    grid: usize,
}

impl Kernel for Places<'_> {
    type Output = [Point; WIDTH];

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> [Point; WIDTH] {
        let (mut turn_re, mut turn_im) = ([0.0; WIDTH], [0.0; WIDTH]);
        let (mut re, mut im) = ([1.0; WIDTH], [0.0; WIDTH]);
        let (mut value, mut slope, mut integral) = ([0.0; WIDTH], [0.0; WIDTH], [0.0; WIDTH]);
        for i in 0..WIDTH {
            let t = (self.start + i) as f64 / self.grid as f64;
            (turn_im[i], turn_re[i]) = (PI * t).sin_cos();
            integral[i] = self.b[0] * t;
        }
        for (k, &b) in self.b.iter().enumerate() {
            let rate = PI * k as f64;
            let inside = if k == 0 { 0.0 } else { b / rate };
            let fall = b * rate;
            for i in 0..WIDTH {
                value[i] += b * re[i];
                slope[i] -= fall * im[i];
                integral[i] += inside * im[i];
                let next = re[i] * turn_re[i] - im[i] * turn_im[i];
                im[i] = re[i] * turn_im[i] + im[i] * turn_re[i];
                re[i] = next;
            }
        }
        let mut points = [Point::default(); WIDTH];
        for i in 0..WIDTH {
            points[i] = Point { integral: integral[i], value: value[i], slope: slope[i] };
        }
        points
    }
}

/// The area under the magnitude between two neighbouring places: what the integral grew by, unless the curve crosses 0,
/// where a cubic of the same values and slopes says how much lies on either side.
fn pair_area(a: &Point, b: &Point, step: f64) -> f64 {
    let whole = b.integral - a.integral;
    if a.value * b.value >= 0.0 {
        return whole.abs();
    }
    let (m0, m1) = (a.slope * step, b.slope * step);
    let (c2, c3) = (3.0 * (b.value - a.value) - 2.0 * m0 - m1, 2.0 * (a.value - b.value) + m0 + m1);
    let cubic = |s: f64| a.value + s * (m0 + s * (c2 + s * c3));
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if cubic(middle) * a.value > 0.0 { low = middle } else { high = middle }
    }
    let s = f64::midpoint(low, high);
    let first = step * s * (a.value + s * (m0 / 2.0 + s * (c2 / 3.0 + s * c3 / 4.0)));
    first.abs() + (whole - first).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: [f64; 10] = [0.0, 0.1, 0.1, 0.35, 0.5, 0.5, 0.8, 0.9, 1.0, 1.0];
    const C: [bool; 10] = [false, true, false, false, true, false, true, true, true, false];

    #[test]
    fn known_errors_at_chosen_widths() {
        let pairs = Pairs::confidences(&Q, &C, None).unwrap();
        let known = [
            (0.02, 0.244_038_631_1),
            (0.05, 0.225_269_452_2),
            (0.1, 0.176_141_162_3),
            (0.2, 0.132_033_391_0),
            (0.5, 0.052_431_808_2),
            (1.0, 0.025),
        ];
        for (sigma, expected) in known {
            let found = smooth_ece(&pairs, Some(sigma)).unwrap().value;
            assert!((found - expected).abs() < 1e-6, "{sigma}: {found}");
        }
        let fixed = smooth_ece(&pairs, None).unwrap();
        assert!((fixed.value - 0.145_427_4).abs() < 1e-7 && (fixed.sigma - fixed.value).abs() < 1e-12, "{fixed:?}");
    }

    #[test]
    fn a_saturated_model_is_off_by_its_gap() {
        let q: Vec<f64> = (0..1000).map(|i| if i < 900 { 1.0 } else { 0.5 }).collect();
        let c: Vec<bool> = (0..1000).map(|i| if i < 900 { i < 630 } else { i < 950 }).collect();
        let found = smooth_ece(&Pairs::confidences(&q, &c, None).unwrap(), None).unwrap();
        assert!((found.value - 0.27).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn cells_of_any_width_give_the_sum_over_rows() {
        let rng = crate::Rng::new(5, 0);
        let q: Vec<f64> = (0..500).map(|i| (rng.bits(i) >> 11) as f64 / (1_u64 << 53) as f64).collect();
        let c: Vec<bool> = q.iter().enumerate().map(|(i, &q)| (i * 7 % 10) as f64 / 10.0 < q * q).collect();
        let weights: Vec<f64> = (0..500).map(|i| f64::from(i % 4)).collect();
        let pairs = Pairs::confidences(&q, &c, Some(&weights)).unwrap();
        for sigma in [0.001, 0.003, 0.02, 0.3] {
            let mut waves = Waves::of(Moments::new(&pairs, cells_for(sigma), What::Gap).unwrap());
            for t in [0.0, 0.123, 0.5, 0.987, 1.0] {
                let direct: f64 = (0..500)
                    .map(|i| {
                        let off = weights[i] * (q[i] - f64::from(u8::from(c[i]))) / pairs.total();
                        let bell = |d: f64| (-0.5 * (d / sigma).powi(2)).exp() / (sigma * (2.0 * PI).sqrt());
                        let copies = (-3..=3).map(|j| 2.0 * f64::from(j));
                        off * copies.map(|j| bell(t - q[i] - j) + bell(t + q[i] - j)).sum::<f64>()
                    })
                    .sum();
                let found = waves.at(sigma, &[t])[0];
                assert!((found - direct).abs() < 1e-10 * direct.abs().max(1.0), "{sigma} {t}: {found} {direct}");
            }
        }
    }

    #[test]
    fn the_integral_is_right_where_the_curve_crosses_nought() {
        // cos(pi t) - 0.3: crosses at one place
        let points = evaluate(&[-0.3, 1.0], 256);
        let area: f64 = points.windows(2).map(|pair| pair_area(&pair[0], &pair[1], 1.0 / 256.0)).sum();
        let root = 0.3_f64.acos() / PI;
        let primitive = |t: f64| (PI * t).sin() / PI - 0.3 * t;
        assert!((area - (2.0 * primitive(root) - primitive(1.0))).abs() < 1e-12);
    }

    #[test]
    fn the_diagram_follows_the_accuracy() {
        let q: Vec<f64> = (0..4000).map(|i| f64::from(i) / 4000.0).collect();
        let c: Vec<bool> = (0..4000).map(|i| i % 10 < 3).collect();
        let diagram = smooth_reliability(&Pairs::confidences(&q, &c, None).unwrap(), Some(0.05), 11).unwrap();
        assert_eq!(diagram.confidence[10], 1.0);
        assert!(diagram.density.iter().all(|d| (d - 1.0).abs() < 5e-3));
        assert!(diagram.accuracy[2..9].iter().all(|a| (a - 0.3).abs() < 0.02), "{:?}", diagram.accuracy);
    }
}
