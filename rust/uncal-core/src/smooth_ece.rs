//! The smooth expected calibration error.
//!
//! What rows are off by, smoothed along the confidence by a Gaussian that is reflected at 0 and 1. Such a kernel is
//! diagonal in the cosines of [0, 1]: smoothing multiplies coefficient k by exp(-(pi k sigma)^2 / 2). One look at all
//! rows gives their moments in narrow cells, whatever sigma is; a Fourier transform of these the coefficients; and
//! another, for each width, the curve, its slope and its integral on a grid.

use std::f64::consts::PI;

use crate::float::Real;
use crate::fourier::{Complex, Roots, place, sums};
use crate::simd::{Along, Isa, Kernel, Lanes, Simd, Vector};
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
/// Cells so narrow, in widths of the kernel, leave an error below 2e-11: 2e-3 times the eighth power of half of it.
const NARROW: f64 = 0.2;
const MOST_CELLS: usize = 1 << 13;
/// How far up the waves of moments in so many cells go: as far as the narrowest kernel needs for which the cells do.
const fn waves_of(cells: usize) -> usize {
    cells / 2 + 3
}

/// The integral over [0, 1] of the magnitude of the smoothed difference between confidence and verdict (Blasiok and
/// Nakkiran). Without `sigma` it is the width at which the error equals the width; or 0.001 if the error is less.
///
/// Accurate to about 1e-9. Time O(K), a nanosecond or two a row, and at most a few milliseconds. Memory 0.5 MB at most
/// for each 2^18 rows.
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
        let waves = Waves::of(&Moments::new(confidences, cells_for(sigma), What::Gap)?);
        return Ok(SmoothEce { value: Curve::new(&waves, sigma).area(sigma).0, sigma });
    }
    let guess = guess(confidences)?;
    at_fixed_point(guess, |cells| Moments::new(confidences, cells, What::Gap))
}

/// The error of rows that are already taken together.
pub(crate) fn of_ties(ties: &Ties) -> f64 {
    let chance = by_chance(ties.len() as f64, 0.25);
    let found = at_fixed_point(Guess { lowest: chance / 2.0, start: 0.1 }, |cells| {
        let mut moments = vec![Cell::default(); cells];
        let mut total = 0.0;
        for (q, right, wrong) in ties.iter() {
            add(&mut moments, q, wrong * q - right * (1.0 - q));
            total += right + wrong;
        }
        Ok(Moments::of(moments, total))
    });
    found.map_or(f64::NAN, |found| found.value)
}

/// Where the search for the width begins, and how narrow a kernel it may need. Wrong guesses cost time alone.
#[derive(Clone, Copy)]
struct Guess {
    lowest: f64,
    start: f64,
}

/// The width, and error, of calibrated answers that differ from their confidences by chance alone: the mean magnitude
/// of noise of variance v / (2 K sigma sqrt(pi)) at each place, v that of a verdict.
fn by_chance(rows: f64, variance: f64) -> f64 {
    (variance / (PI * PI.sqrt() * rows)).cbrt().max(LEAST)
}

/// From a sample of the rows. If what that is off by is more than its chance, it is what all are off by.
fn guess<T: Real>(pairs: &Pairs<'_, T>) -> Result<Guess> {
    const RUN: usize = 1 << 6; // rows that lie together, or each would have to be waited for
    const SAMPLE: usize = RUN * RUN;
    let len = pairs.len();
    if len < 8 * SAMPLE {
        return Ok(Guess { lowest: by_chance(len as f64, 0.25) / 2.0, start: 0.1 });
    }
    let mut moments = vec![Cell::default(); 1 << 8];
    let (mut squares, mut total) = (0.0, 0.0);
    for i in (0..RUN).flat_map(|run| run * (len / RUN)..run * (len / RUN) + RUN) {
        let (q, weight) = (pairs.value(i), pairs.weight(i));
        let off = q - f64::from(u8::from(pairs.correct(i)));
        add(&mut moments, q, off * weight);
        squares += off * off * weight;
        total += weight;
    }
    if total == 0.0 {
        return Ok(Guess { lowest: LEAST, start: 0.1 });
    }
    let variance = squares / total;
    let moments = Moments::of(moments, total);
    let start = at_fixed_point(Guess { lowest: LEAST, start: 0.1 }, |_| Ok(moments.clone()))?.sigma;
    let chance = by_chance(SAMPLE as f64, variance);
    let lowest = if start > 2.5 * chance { start / 2.0 } else { 0.6 * by_chance(len as f64, variance) };
    Ok(Guess { lowest, start })
}

/// The width at which the error, which falls as the width grows, equals it: Newton's method on logarithms, in which the
/// error of noise is a straight line, between widths that are known to be too narrow and too wide.
fn at_fixed_point(guess: Guess, moments: impl Fn(usize) -> Result<Moments>) -> Result<SmoothEce> {
    const STEPS: usize = 100;
    let mut cells = cells_for(guess.lowest.max(LEAST));
    let mut waves = Waves::of(&moments(cells)?);
    let (mut low, mut high) = (0.0, 1.0_f64);
    let mut sigma = guess.start.max(LEAST);
    for _ in 0..STEPS {
        let needed = cells_for(sigma);
        if needed > cells {
            let found = moments((2 * needed).min(MOST_CELLS))?;
            // a sample does with what it has
            if found.cells.len() <= cells {
                return Ok(SmoothEce { value: sigma, sigma });
            }
            cells = found.cells.len();
            waves = Waves::of(&found);
        }
        let (value, slope) = Curve::new(&waves, sigma).area(sigma);
        let off = value - sigma;
        if off.abs() < 1e-13 || (sigma == LEAST && off < 0.0) {
            return Ok(SmoothEce { value, sigma });
        }
        if off > 0.0 {
            low = sigma;
        } else {
            (low, high) = (value.max(low), sigma); // at any narrower width the error is more
        }
        let step = (value / sigma).ln() / (1.0 - slope * sigma / value);
        let next = sigma * step.exp();
        if step.abs() < 1e-6 && (LEAST..=1.0).contains(&next) {
            return Ok(SmoothEce { value: next, sigma: next }); // off by about the square of the step
        }
        let inside = next > low && next < high;
        sigma = if inside { next } else { f64::midpoint(low, high) }.max(LEAST);
        if high - low < 1e-13 {
            break;
        }
    }
    Ok(SmoothEce { value: Curve::new(&waves, sigma).area(sigma).0, sigma })
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
    let right = Waves::of(&Moments::new(confidences, cells, What::Right)?);
    let weight = Waves::of(&Moments::new(confidences, cells, What::Weight)?);
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

/// Sums over the rows of a cell: powers of what they are off its middle, in half cells. A line of the cache.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Cell([f64; MOMENTS]);

/// Means over all rows.
#[derive(Clone)]
struct Moments {
    cells: Vec<Cell>,
}

impl Moments {
    fn new<T: Real>(pairs: &Pairs<'_, T>, cells: usize, what: What) -> Result<Self> {
        const CHUNK: usize = 1 << 18;
        let isa = Isa::chosen()?;
        let len = pairs.len();
        let parts = pool::map(len.div_ceil(CHUNK), len.saturating_mul(8), |part| {
            let rows = part * CHUNK..len.min((part + 1) * CHUNK);
            isa.run(Look {
                values: &pairs.values()[rows.clone()],
                verdicts: &pairs.verdicts()[rows.clone()],
                weights: pairs.weights().map(|weights| &weights[rows]),
                cells,
                what,
            })
        });
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_else(|| vec![Cell::default(); cells]);
        for part in parts {
            for (all, part) in all.iter_mut().zip(part) {
                for (all, part) in all.0.iter_mut().zip(part.0) {
                    *all += part;
                }
            }
        }
        Ok(Self::of(all, pairs.total()))
    }

    fn of(mut cells: Vec<Cell>, total: f64) -> Self {
        cells.iter_mut().flat_map(|cell| &mut cell.0).for_each(|x| *x /= total);
        Self { cells }
    }
}

/// Means over all rows of x cos(pi k q), twice that but for k = 0.
struct Waves {
    coefficients: Vec<f64>,
}

impl Waves {
    /// From the moments: cosines and sines of the cells' middles, and their series in what q is off by.
    ///
    /// The sum over i of `x_i cos(pi k (2 i + 1) / 2n)` is the real part of `e^(i pi k / 2n) V_k`, V being the transform
    /// of x in the order 0, 2, 4, ..., 5, 3, 1 (Makhoul 1980). The sine of k is the cosine of n - k for x of alternating
    /// signs.
    /// Even moments want cosines and odd ones sines, so a number of the transform is one of each.
    fn of(moments: &Moments) -> Self {
        const HALF: usize = MOMENTS / 2;
        let n = moments.cells.len();
        let mut numbers: Vec<Complex<HALF>> = vec![[[0.0; HALF]; 2]; n];
        for (i, cell) in moments.cells.iter().enumerate() {
            let (to, sign) = if i % 2 == 0 { (i / 2, 1.0) } else { (n - i.div_ceil(2), -1.0) };
            let number = &mut numbers[place(to, n)];
            for m in 0..HALF {
                number[0][m] = cell.0[2 * m];
                number[1][m] = sign * cell.0[2 * m + 1];
            }
        }
        sums(&mut numbers);
        let roots = Roots::new(4 * n);
        let cosine = |k: usize, m: usize| {
            // twice the first of two real sequences: V_k + conj V_(n - k)
            let (a, b) = (&numbers[k % n], &numbers[(n - k) % n]);
            let (re, im) = (a[0][m] + b[0][m], a[1][m] - b[1][m]);
            let (cosine, sine) = roots.at(k);
            re * cosine - im * sine
        };
        let sine = |k: usize, m: usize| {
            let k = n - k;
            // twice the second: (V_k - conj V_(n - k)) / i
            let (a, b) = (&numbers[k % n], &numbers[(n - k) % n]);
            let (re, im) = (a[1][m] + b[1][m], b[0][m] - a[0][m]);
            let (cosine, sine) = roots.at(k);
            re * cosine - im * sine
        };
        let coefficient = |k: usize| {
            if k == 0 {
                return moments.cells.iter().map(|cell| cell.0[0]).sum();
            }
            let theta = PI * k as f64 / (2 * n) as f64; // of half a cell
            let (mut sum, mut power) = (0.0, 1.0); // twice the half of the sums below
            for m in 0..HALF {
                let sign = if m % 2 == 0 { power } else { -power };
                sum += sign * cosine(k, m);
                power *= theta / (2 * m + 1) as f64;
                let sign = if m % 2 == 0 { power } else { -power };
                sum -= sign * sine(k, m);
                power *= theta / (2 * m + 2) as f64;
            }
            sum
        };
        Self { coefficients: (0..waves_of(n).min(n)).map(coefficient).collect() }
    }

    /// The coefficients of the smoothed curve.
    fn damped(&self, sigma: f64) -> Vec<f64> {
        let kept = self.coefficients.iter().take(count_for(sigma)).enumerate();
        kept.map(|(k, a)| a * (-0.5 * (PI * k as f64 * sigma).powi(2)).exp()).collect()
    }

    /// The smoothed curve at some places.
    fn at(&self, sigma: f64, places: &[f64]) -> Vec<f64> {
        let damped = self.damped(sigma);
        places
            .iter()
            .map(|t| damped.iter().enumerate().rev().map(|(k, b)| b * (PI * k as f64 * t).cos()).sum())
            .collect()
    }
}

/// How many waves count at a width: the next is damped to below 1e-13.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // sigma is at least LEAST
fn count_for(sigma: f64) -> usize {
    (7.8 / (PI * sigma)) as usize + 2
}

/// One look at the rows.
struct Look<'a, T> {
    values: &'a [T],
    verdicts: &'a [bool],
    weights: Option<&'a [f64]>,
    cells: usize,
    what: What,
}

/// Rows whose cells are found together.
const ROWS: usize = 16;

impl<T: Real> Kernel for Look<'_, T> {
    type Output = Vec<Cell>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let mut cells = vec![Cell::default(); self.cells];
        let len = self.values.len();
        for start in (0..len / ROWS * ROWS).step_by(ROWS) {
            let rows = start..start + ROWS;
            let mut x = Column([1.0; ROWS]);
            if self.what != What::Weight {
                for (x, &verdict) in x.0.iter_mut().zip(&self.verdicts[rows.clone()]) {
                    *x = f64::from(u8::from(verdict));
                }
            }
            if self.what == What::Gap {
                for (x, value) in x.0.iter_mut().zip(&self.values[rows.clone()]) {
                    *x = value.widen() - *x;
                }
            }
            if let Some(weights) = self.weights {
                for (x, weight) in x.0.iter_mut().zip(&weights[rows.clone()]) {
                    *x *= weight;
                }
            }
            sort_in(simd, &mut cells, &self.values[rows], &x);
        }
        for i in len / ROWS * ROWS..len {
            let q = self.values[i].widen();
            let verdict = f64::from(u8::from(self.verdicts[i]));
            let x = match self.what {
                What::Gap => q - verdict,
                What::Right => verdict,
                What::Weight => 1.0,
            };
            add(&mut cells, q, x * self.weights.map_or(1.0, |weights| weights[i]));
        }
        cells
    }
}

/// What is added to this is rounded to a whole number, which the lowest bits then are: 1.5 * 2^52.
const WHOLE: f64 = (3_u64 << 51) as f64;

/// A number for each of [`ROWS`] rows, none across two lines of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Column<N>([N; ROWS]);

/// Add [`ROWS`] numbers `x` at `values` to the moments of their cells.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // cells are few
fn sort_in<S: Simd, T: Real>(simd: S, cells: &mut [Cell], values: &[T], x: &Column<f64>) {
    let (count, last) = (cells.len() as f64, (cells.len() - 1) as f64);
    let mut cell = Column([0_u32; ROWS]);
    // what a row is off the middle of its cell: to the powers 1, 2, 4
    let mut off = [Column([0.0; ROWS]); 3];
    for i in 0..ROWS {
        let at = values[i].widen() * count - 0.5;
        let whole = at + WHOLE;
        let whole = if whole < WHOLE + last { whole } else { WHOLE + last };
        cell.0[i] = whole.to_bits() as u32;
        let u = 2.0 * (at - (whole - WHOLE));
        off[0].0[i] = u;
        off[1].0[i] = u * u;
        off[2].0[i] = u * u * (u * u);
    }
    let mut differ = 0;
    for i in 0..ROWS {
        differ |= cell.0[0] ^ cell.0[i];
    }
    if differ != 0 {
        for i in 0..ROWS {
            add_powers(simd, &mut cells[cell.0[i] as usize], x.0[i], [off[0].0[i], off[1].0[i], off[2].0[i]]);
        }
    } else {
        // or every row would wait for the one before
        let mut sum = Cell::default();
        for i in 0..ROWS {
            add_powers(simd, &mut sum, x.0[i], [off[0].0[i], off[1].0[i], off[2].0[i]]);
        }
        for (all, sum) in cells[cell.0[0] as usize].0.iter_mut().zip(sum.0) {
            *all += sum;
        }
    }
}

/// 1 for the lanes in whose number a bit is set, for each of three bits.
const LANES_WITH_BIT: [[f64; MOMENTS]; 3] = [
    [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
];

/// Add x, x u, ..., x u^7, given u, u^2 and u^4.
#[inline(always)]
fn add_powers<S: Simd>(simd: S, cell: &mut Cell, x: f64, off: [f64; 3]) {
    let lanes = S::F64::N;
    let half = simd.f64(0.5);
    let mut moments = simd.f64(x);
    for bit in 0..lanes.ilog2() as usize {
        moments = S::F64::select(half.lt(half.read(&LANES_WITH_BIT[bit])), moments * simd.f64(off[bit]), moments);
    }
    let next = simd.f64(off[(lanes.ilog2() as usize).min(2)]);
    for part in cell.0.chunks_exact_mut(lanes) {
        (half.read(part) + moments).store(part);
        moments = moments * next;
    }
}

/// Add `x` at confidence `q` to the moments of its cell.
#[inline]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // confidences are in [0, 1]
fn add(cells: &mut [Cell], q: f64, x: f64) {
    let at = q * cells.len() as f64;
    let cell = (at as usize).min(cells.len() - 1);
    let u = 2.0 * (at - cell as f64) - 1.0;
    let mut power = x;
    for moment in &mut cells[cell].0 {
        *moment += power;
        power *= u;
    }
}

/// The smoothed curve on a grid.
struct Curve {
    /// The integral from 0, the curve times a step of the grid, its slope times the square of that.
    points: Vec<[f64; 3]>,
}

/// Sequences that a transform is cut into, so that they lie side by side in vectors.
const SIDE: usize = 8;

impl Curve {
    /// All three from one transform of 2n numbers, n steps of the grid: the real part is the curve, which is even, plus
    /// its slope, which is odd; the imaginary part is the integral.
    fn new(waves: &Waves, sigma: f64) -> Self {
        let b = waves.damped(sigma);
        let grid = (2 * b.len()).next_power_of_two().max(256);
        let step = 1.0 / grid as f64;
        let len = 2 * grid;
        let side = len / SIDE;
        let roots = Roots::new(len);
        let mut numbers: Vec<Complex<SIDE>> = vec![[[0.0; SIDE]; 2]; side];
        let mut put = |k: usize, re: f64, im: f64| {
            // it is part of number k mod side of each sequence, turned by k l / len in sequence l
            let number = &mut numbers[place(k % side, side)];
            for l in 0..SIDE {
                let (cosine, sine) = roots.at(k * l % len);
                number[0][l] += re * cosine - im * sine;
                number[1][l] += re * sine + im * cosine;
            }
        };
        put(0, b[0] * step, 0.0);
        for (k, b) in b.iter().enumerate().skip(1) {
            let rate = PI * k as f64;
            let (value, integral, slope) = (b * step, b / rate, -b * rate * step * step);
            put(k, 0.5 * (value + integral), -0.5 * slope);
            put(len - k, 0.5 * (value - integral), 0.5 * slope);
        }
        sums(&mut numbers);
        let number = |j: usize| (numbers[j / SIDE][0][j % SIDE], numbers[j / SIDE][1][j % SIDE]);
        let points = (0..=grid).map(|j| {
            let (sum, integral) = number(j);
            let (difference, _) = number((len - j) % len);
            [integral + b[0] * step * j as f64, 0.5 * (sum + difference), 0.5 * (sum - difference)]
        });
        Self { points: points.collect() }
    }

    /// The integral of the magnitude of the curve, and how fast that grows with the width: smoothing spreads heat, and
    /// what flows between places above 0 and below it is the slope where they meet.
    fn area(&self, sigma: f64) -> (f64, f64) {
        let grid = (self.points.len() - 1) as f64;
        let (mut area, mut flow) = (0.0, 0.0);
        for pair in self.points.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            let rises_between = a[1] * a[2] < 0.0 && b[1] * b[2] > 0.0;
            if a[1] * b[1] >= 0.0 && !rises_between {
                area += (b[0] - a[0]).abs();
            } else {
                let (part, slope) = Piece::new(a, b).area();
                area += part;
                flow += slope;
            }
        }
        (area.clamp(0.0, 1.0), -2.0 * sigma * flow * grid * grid)
    }
}

/// A step of the grid: the integral as a polynomial of degree 5 that has its ends' values, slopes and bends.
struct Piece {
    /// The factors of s to s^5.
    factors: [f64; 5],
    whole: f64,
}

impl Piece {
    fn new(a: &[f64; 3], b: &[f64; 3]) -> Self {
        let whole = b[0] - a[0];
        let (rest, rise, bend) = (whole - a[1] - a[2] / 2.0, b[1] - a[1] - a[2], b[2] - a[2]);
        let factors = [
            a[1],
            a[2] / 2.0,
            10.0 * rest - 4.0 * rise + bend / 2.0,
            -15.0 * rest + 7.0 * rise - bend,
            6.0 * rest - 3.0 * rise + bend / 2.0,
        ];
        Self { factors, whole }
    }

    fn integral(&self, s: f64) -> f64 {
        self.factors.iter().rev().fold(0.0, |sum, factor| (sum + factor) * s)
    }

    fn value(&self, s: f64) -> f64 {
        let [a, b, c, d, e] = self.factors;
        a + s * (2.0 * b + s * (3.0 * c + s * (4.0 * d + s * 5.0 * e)))
    }

    fn slope(&self, s: f64) -> f64 {
        let [_, b, c, d, e] = self.factors;
        2.0 * b + s * (6.0 * c + s * (12.0 * d + s * 20.0 * e))
    }

    fn bend(&self, s: f64) -> f64 {
        let [_, _, c, d, e] = self.factors;
        6.0 * c + s * (24.0 * d + s * 60.0 * e)
    }

    /// The area under the magnitude, and the magnitude of the slope where the curve crosses 0.
    fn area(&self) -> (f64, f64) {
        let (start, end) = (self.value(0.0), self.value(1.0));
        if start * end < 0.0 {
            let s = root(|s| self.value(s), |s| self.slope(s), 0.0, 1.0);
            let first = self.integral(s);
            return (first.abs() + (self.whole - first).abs(), self.slope(s).abs());
        }
        if start * end == 0.0 {
            return (self.whole.abs(), self.slope(if start == 0.0 { 0.0 } else { 1.0 }).abs() / 2.0);
        }
        // down to the lowest place between and up again
        let lowest = root(|s| self.slope(s), |s| self.bend(s), 0.0, 1.0);
        if start * self.value(lowest) >= 0.0 {
            return (self.whole.abs(), 0.0);
        }
        let first = root(|s| self.value(s), |s| self.slope(s), 0.0, lowest);
        let last = root(|s| self.value(s), |s| self.slope(s), lowest, 1.0);
        let (to_first, to_last) = (self.integral(first), self.integral(last));
        let area = to_first.abs() + (to_last - to_first).abs() + (self.whole - to_last).abs();
        (area, self.slope(first).abs() + self.slope(last).abs())
    }
}

/// Where `value`, whose signs differ at the ends, is 0: Newton's method, halving where that leaves them.
fn root(value: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (from, to) = (value(low), value(high));
    let mut s = low + (high - low) * from / (from - to);
    for _ in 0..60 {
        let here = value(s);
        if here * from > 0.0 {
            low = s;
        } else {
            high = s;
        }
        let next = s - here / slope(s);
        let next = if next > low && next < high { next } else { f64::midpoint(low, high) };
        if (next - s).abs() < 1e-14 {
            return next;
        }
        s = next;
    }
    s
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
            let waves = Waves::of(&Moments::new(&pairs, cells_for(sigma), What::Gap).unwrap());
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
    fn every_instruction_set_finds_the_same_error() {
        let rng = crate::Rng::new(5, 1);
        let q: Vec<f64> = (0..40_011).map(|i| (rng.bits(i) >> 11) as f64 / (1_u64 << 53) as f64).collect();
        let c: Vec<bool> = (0..40_011).map(|i| rng.bits(i + 50_000).is_multiple_of(3)).collect();
        let mut sorted = q.clone();
        sorted.sort_by(f64::total_cmp);
        for q in [q, sorted] {
            let pairs = Pairs::confidences(&q, &c, None).unwrap();
            for sigma in [None, Some(0.001)] {
                let known = Isa::Portable.force(|| smooth_ece(&pairs, sigma)).unwrap();
                for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
                    let found = isa.force(|| smooth_ece(&pairs, sigma)).unwrap();
                    assert!((found.value - known.value).abs() < 1e-12, "{isa:?}: {found:?} {known:?}");
                }
            }
        }
    }

    #[test]
    fn the_integral_is_right_where_the_curve_crosses_nought() {
        // cos(pi t) - 0.3: crosses at one place
        let curve = Curve::new(&Waves { coefficients: vec![-0.3, (0.5 * (PI * 0.5).powi(2)).exp()] }, 0.5);
        let (area, growth) = curve.area(0.5);
        let root = 0.3_f64.acos() / PI;
        let primitive = |t: f64| (PI * t).sin() / PI - 0.3 * t;
        assert!((area - (2.0 * primitive(root) - primitive(1.0))).abs() < 1e-13, "{area}");
        assert!((growth + PI * (PI * root).sin()).abs() < 1e-8, "{growth}");
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
