//! How alike the answers of each group are, read off a matrix of similarities between them.

use std::ops::Range;
use std::str::FromStr;

use crate::lanes::{MOST, Tridiagonal, reflect};
use crate::laplacian::{Laplacian, TIE};
use crate::simd::gram::{Ahead, triangle};
use crate::simd::{Isa, Kernel, Lanes, Part, Simd, Vector, Wide};
use crate::{Error, Float, Result, Squares, pool};

/// A measure of the spread of a group; higher is less alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphMeasure {
    /// Sum of max(0, 1 - l) over the eigenvalues l of the normalised Laplacian: a continuous number of meanings.
    EigenvalueLaplacian,
    /// The mean over answers i of the sum over answers j of 1 - a(i, j).
    Degree,
    /// How far the answers lie apart in the Laplacian's eigenvectors of eigenvalues below the cut.
    Eccentricity,
}

impl FromStr for GraphMeasure {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "eigenvalue_laplacian" => Self::EigenvalueLaplacian,
            "degree" => Self::Degree,
            "eccentricity" => Self::Eccentricity,
            _ => return Err(Error::setting("names", name, "one of eigenvalue_laplacian, degree, eccentricity")),
        })
    }
}

/// Several measures of each group, from one spectrum.
///
/// W = (a + a^T) / 2, D its row sums, L = I - D^-1/2 W D^-1/2; `Degree` reads a as it is. Of a group of one answer
/// the measures are 1, 1 - a(0, 0) and 0. Time O(n^3), without eigenvectors.
///
/// # Arguments
/// * `similarity` - how much row says the same as column, diagonal included
/// * `cut` - eigenvalues below it count for `Eccentricity`; equal ones (within 1e-9) all or none
///
/// Returns one vector (P) for each measure.
///
/// # Errors
/// [`Error::Setting`] unless `cut` is finite and above 0, [`Error::Entry`] for entries that are not finite or beyond
/// 1e100, [`Error::RowSum`] where a row of W does not sum to more than 0 and its spectrum is asked for.
///
/// # Example
/// ```
/// use uncal_core::{GraphMeasure, Squares, graph_scores};
/// let similarity = Squares::new("similarity", &[1.0, 0.0, 0.0, 1.0], &[0, 2])?;
/// let scores = graph_scores(&similarity, &[GraphMeasure::EigenvalueLaplacian, GraphMeasure::Degree], 0.9)?;
/// assert!((scores[0][0] - 2.0).abs() < 1e-15);
/// assert_eq!(scores[1], [1.0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn graph_scores<T: Float>(
    similarity: &Squares<'_, T>,
    measures: &[GraphMeasure],
    cut: f64,
) -> Result<Vec<Vec<f64>>> {
    use GraphMeasure::{Degree, Eccentricity, EigenvalueLaplacian};
    check_cut(cut)?;
    let wants_spectrum = measures.iter().any(|&measure| measure != Degree);
    let wants_along = measures.contains(&Eccentricity);
    let groups = similarity.groups();
    let isa = Isa::chosen()?;
    let entries = if groups.is_empty() { 0 } else { similarity.entries(0..groups.len()).len() };
    let step = ((1 << 16) / (entries / groups.len().max(1)).max(1)).clamp(16, 1024).next_multiple_of(16);
    let parts = pool::map(groups.len().div_ceil(step), entries.saturating_mul(16), |part| {
        let range = part * step..groups.len().min((part + 1) * step);
        let mut scores = vec![[0.0; 3]; range.len()];
        let mut alone: Vec<usize> = Vec::new();
        isa.run(SideBySide {
            similarity,
            wants_spectrum,
            wants_along,
            cut,
            range: range.clone(),
            scores: &mut scores,
            alone: &mut alone,
        });
        alone.sort_unstable();
        let mut space = Laplacian::default();
        for p in alone {
            check_entries(similarity, p)?;
            let scores = &mut scores[p - range.start];
            scores[Degree as usize] = mean(distances(similarity, p));
            if wants_spectrum {
                space.solve(similarity, p)?;
                scores[EigenvalueLaplacian as usize] = space.eigenvalue_sum();
                scores[Eccentricity as usize] = space.eccentricity(cut);
            }
        }
        Ok(scores)
    });
    let groups = parts.into_iter().collect::<Result<Vec<_>>>()?.concat();
    Ok(measures.iter().map(|&measure| groups.iter().map(|scores| scores[measure as usize]).collect()).collect())
}

/// The largest magnitude of an entry: no sum or product of a few overflows.
const LARGEST: f64 = 1e100;

/// Consecutive groups, those of one size side by side in the lanes of vectors.
struct SideBySide<'a, 'b, T> {
    similarity: &'a Squares<'b, T>,
    wants_spectrum: bool,
    wants_along: bool,
    cut: f64,
    range: Range<usize>,
    /// By measure, for each group of the range.
    scores: &'a mut [[f64; 3]],
    /// Groups that are too small or too large, or out of the ordinary.
    alone: &'a mut Vec<usize>,
}

impl<T: Float> Kernel for SideBySide<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes = Wide::<S>::N;
        let mut which = Vec::with_capacity(self.range.len());
        for p in self.range.clone() {
            if (2..=MOST).contains(&self.similarity.size(p)) { which.push(p) } else { self.alone.push(p) }
        }
        which.sort_by_key(|&p| self.similarity.size(p));
        let mut start = 0;
        while start < which.len() {
            let n = self.similarity.size(which[start]);
            let end = start + which[start..].partition_point(|&p| self.similarity.size(p) == n);
            let stride = (n * n).next_multiple_of(16);
            let mut raw = vec![T::default(); stride * lanes];
            let mut space = Space::<S>::new(simd, n, stride);
            for members in which[start..end].chunks(lanes) {
                for lane in 0..lanes {
                    let p = members[if lane < members.len() { lane } else { 0 }];
                    raw[lane * stride..][..n * n].copy_from_slice(self.similarity.matrix(p));
                }
                simd.wide(0.0).transpose(&raw, stride, &mut space.entries);
                let Self { wants_spectrum, wants_along, cut, .. } = self;
                let found = simd.call(Measure { space: &mut space, wants_spectrum, wants_along, cut });
                for (lane, &p) in members.iter().enumerate() {
                    if found.bad >> lane & 1 == 1 {
                        self.alone.push(p);
                        continue;
                    }
                    for (score, numbers) in self.scores[p - self.range.start].iter_mut().zip(&found.scores) {
                        *score = numbers[lane];
                    }
                }
            }
            start = end;
        }
    }
}

/// Buffers for matrices of one size.
struct Space<S: Simd> {
    n: usize,
    /// Row by row, then padding.
    entries: Vec<Wide<S>>,
    affinity: Vec<Wide<S>>,
    roots: Vec<Wide<S>>,
    along: Vec<Wide<S>>,
    work: Vec<Wide<S>>,
    tridiagonal: Tridiagonal<Wide<S>>,
}

impl<S: Simd> Space<S> {
    fn new(simd: S, n: usize, stride: usize) -> Self {
        let zero = simd.wide(0.0);
        Self {
            n,
            entries: vec![zero; stride],
            affinity: vec![zero; triangle(n, 0)],
            roots: vec![zero; n],
            along: vec![zero; n],
            work: vec![zero; n],
            tridiagonal: Tridiagonal::new(zero, n),
        }
    }
}

struct Measured {
    /// Lanes that are out of the ordinary, as bits.
    bad: u32,
    /// By measure, those of each lane.
    scores: [[f64; 16]; 3],
}

/// The measures of the matrices in `space.entries`, as [`Laplacian::solve`] finds their spectra.
struct Measure<'a, S: Simd> {
    space: &'a mut Space<S>,
    wants_spectrum: bool,
    wants_along: bool,
    cut: f64,
}

impl<S: Simd> Part<S> for Measure<'_, S> {
    type Output = Measured;

    #[inline(always)]
    fn run(self, simd: S) -> Measured {
        let (zero, one) = (simd.wide(0.0), simd.wide(1.0));
        let Space { n, entries, affinity, roots, along, work, tridiagonal } = self.space;
        let n = *n;
        let most = simd.wide(LARGEST);
        let mut good = one.eq(one);
        let mut distance = zero;
        for row in entries[..n * n].chunks_exact(n) {
            let mut sum = zero;
            for &a in row {
                good = Wide::<S>::and(good, a.max(zero - a).lt(most));
                sum = sum + (one - a);
            }
            distance = distance + sum;
        }
        let mut scores = [[0.0; 16]; 3];
        (distance / simd.wide(n as f64)).store(&mut scores[GraphMeasure::Degree as usize]);
        if !self.wants_spectrum {
            return Measured { bad: !Wide::<S>::bits(good), scores };
        }
        let noise = simd.wide(n as f64 * f64::EPSILON);
        for x in roots.iter_mut().chain(work.iter_mut()) {
            *x = zero;
        }
        for i in 0..n {
            let (mut sum, mut sizes) = (zero, zero);
            for j in 0..i {
                let w = entries[i * n + j] + entries[j * n + i];
                let size = w.max(zero - w);
                affinity[triangle(i, j)] = w;
                (sum, sizes) = (sum + w, sizes + size);
                roots[j] = roots[j] + w;
                work[j] = work[j] + size;
            }
            let w = entries[i * n + i] + entries[i * n + i];
            affinity[triangle(i, i)] = w;
            roots[i] = sum + w;
            work[i] = sizes + w.max(zero - w);
        }
        for (root, &size) in roots.iter_mut().zip(work.iter()) {
            good = Wide::<S>::and(good, (noise * size).lt(*root));
            *root = root.inverse_sqrt();
        }
        for i in 0..n {
            let root = roots[i];
            for (w, &other) in affinity[triangle(i, 0)..=triangle(i, i)].iter_mut().zip(roots.iter()) {
                *w = *w * root * other;
            }
        }
        let each = 1.0 / (n as f64).sqrt();
        for x in along.iter_mut() {
            *x = simd.wide(each);
        }
        along[n - 1] = simd.wide(each + 1.0);
        reflect(affinity, along, 1.0 + each, work);
        tridiagonal.reduce(affinity, n, &mut Ahead::nothing(simd));
        // a lane without degrees must not hold up the others
        for x in tridiagonal.d.iter_mut().chain(tridiagonal.e2.iter_mut()) {
            *x = Wide::<S>::select(good, *x, zero);
        }
        let open = if self.wants_along {
            tridiagonal.eigenvalues_along(n, one, along)
        } else {
            tridiagonal.eigenvalues(n, one)
        };
        let values = &tridiagonal.d[..n];
        eigenvalue_sum(values, noise).store(&mut scores[GraphMeasure::EigenvalueLaplacian as usize]);
        if self.wants_along {
            let distance = eccentricity_of(values, along, self.cut, noise);
            distance.store(&mut scores[GraphMeasure::Eccentricity as usize]);
        }
        Measured { bad: open | !Wide::<S>::bits(good), scores }
    }
}

/// As [`Laplacian::eigenvalue_sum`].
#[inline(always)]
fn eigenvalue_sum<V: Lanes>(values: &[V], noise: V) -> V {
    let zero = noise.splat(0.0);
    let mut sum = zero;
    for &value in values {
        sum = sum + V::select(noise.lt(value), value, zero);
    }
    sum.max(noise.splat(1.0))
}

/// As [`Laplacian::eccentricity`].
#[inline(always)]
fn eccentricity_of<V: Lanes>(values: &[V], along: &[V], cut: f64, noise: V) -> V {
    let (zero, one) = (noise.splat(0.0), noise.splat(1.0));
    let limit = one.splat(cut - TIE);
    let mut largest = values[0];
    for &value in values {
        largest = largest.max(value);
    }
    let mut edge = largest;
    for &value in values {
        edge = edge.min(V::select((one - value).lt(limit), value, edge));
    }
    // as long as another is equal to the last, in any lane
    loop {
        let reach = edge - one.splat(TIE);
        let mut next = edge;
        for &value in values {
            next = next.min(V::select(value.lt(reach), next, value));
        }
        let further = V::bits(next.lt(edge));
        edge = next;
        if further == 0 {
            break;
        }
    }
    let (mut kept, mut others) = (zero - one, zero);
    for (&value, &along) in values.iter().zip(along) {
        let left_out = value.lt(edge);
        kept = kept + V::select(left_out, zero, one);
        others = others + V::select(left_out, along * along, zero);
    }
    let distance = (kept + others).sqrt();
    V::select(noise.lt(distance), distance, zero)
}

/// The sum over answers j of 1 - a(i, j), for each answer i.
///
/// Returns (K); the mean of a group's is its [`GraphMeasure::Degree`].
///
/// # Errors
/// [`Error::Entry`].
pub fn degree<T: Float>(similarity: &Squares<'_, T>) -> Result<Vec<f64>> {
    let rows = each_group(similarity, || (), |(), p| Ok(distances(similarity, p).collect::<Vec<_>>()))?;
    Ok(rows.concat())
}

/// How far each answer lies from the mean of its group, in the Laplacian's eigenvectors of eigenvalues below `cut`.
///
/// Returns (K); the root of the sum of a group's squares is its [`GraphMeasure::Eccentricity`]. Time O(n^3), with
/// eigenvectors.
///
/// # Errors
/// Those of [`graph_scores`].
pub fn eccentricity<T: Float>(similarity: &Squares<'_, T>, cut: f64) -> Result<Vec<f64>> {
    check_cut(cut)?;
    let rows = each_group(similarity, Laplacian::default, |space, p| space.eccentricities(similarity, p, cut))?;
    Ok(rows.concat())
}

/// `f` of every group whose entries make sense, in order, with a work space.
pub(crate) fn each_group<T: Float, S, R: Send>(
    matrices: &Squares<'_, T>,
    space: impl Fn() -> S + Send + Sync,
    f: impl Fn(&mut S, usize) -> Result<R> + Send + Sync,
) -> Result<Vec<R>> {
    let groups = matrices.groups();
    let sizes = (0..groups.len()).map(|p| matrices.size(p));
    let work = sizes.fold(0_usize, |work, n| work.saturating_add(n.saturating_mul(n).saturating_mul(n)));
    let results = pool::map_with(groups.len(), work, space, |space, p| {
        check_entries(matrices, p)?;
        f(space, p)
    });
    results.into_iter().collect()
}

fn check_entries<T: Float>(matrices: &Squares<'_, T>, p: usize) -> Result<()> {
    let in_range = |x: &T| x.widen().abs() < LARGEST;
    if matrices.matrix(p).iter().fold(true, |all, x| all & in_range(x)) {
        return Ok(());
    }
    let wrong = matrices.matrix(p).iter().position(|x| !in_range(x)).unwrap_or(0);
    Err(matrices.wrong(p, wrong, "finite, and below 1e100 in magnitude"))
}

fn check_cut(cut: f64) -> Result<()> {
    if cut > 0.0 && cut.is_finite() { Ok(()) } else { Err(Error::setting("cut", cut, "a finite number above 0")) }
}

fn distances<T: Float>(similarity: &Squares<'_, T>, p: usize) -> impl ExactSizeIterator<Item = f64> {
    let rows = similarity.matrix(p).chunks_exact(similarity.size(p));
    rows.map(|row| row.iter().map(|a| 1.0 - a.widen()).sum())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [GraphMeasure; 3] =
        [GraphMeasure::EigenvalueLaplacian, GraphMeasure::Degree, GraphMeasure::Eccentricity];

    fn scores(entries: &[f64], cut: f64) -> [f64; 3] {
        let ends = [0, i64::try_from(entries.len().isqrt()).unwrap()];
        let scores = graph_scores(&Squares::new("similarity", entries, &ends).unwrap(), &ALL, cut).unwrap();
        [scores[0][0], scores[1][0], scores[2][0]]
    }

    fn close(a: &[f64], b: &[f64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance), "{a:?} != {b:?}");
    }

    #[test]
    fn known_scores() {
        let w = [1.0, 0.9, 0.1, 0.9, 1.0, 0.2, 0.1, 0.2, 1.0];
        close(&scores(&w, 0.9), &[1.745_421_245_4, 1.2, 1.000_147_599_1], 1e-9);
        let squares = Squares::new("similarity", &w, &[0, 3]).unwrap();
        close(&degree(&squares).unwrap(), &[1.0, 0.9, 1.7], 1e-15);
        let each = [0.452_367_304_3, 0.362_858_371_5, 0.814_857_560_7];
        close(&eccentricity(&squares, 0.9).unwrap(), &each, 1e-9);
    }

    #[test]
    fn one_answer_and_equal_answers_do_not_spread() {
        assert_eq!(scores(&[1.0], 0.9), [1.0, 0.0, 0.0]);
        assert_eq!(scores(&[0.3], 0.9)[0], 1.0);
        for n in [2, 3, 10, 64] {
            let same = scores(&vec![1.0; n * n], 0.9);
            close(&same[..1], &[1.0], 1e-14);
            assert_eq!(same[1..], [0.0, 0.0]);
            let squares = vec![1.0; n * n];
            let ends = [0, i64::try_from(n).unwrap()];
            let squares = Squares::new("similarity", &squares, &ends).unwrap();
            assert_eq!(eccentricity(&squares, 0.9).unwrap(), vec![0.0; n]);
            assert!(degree(&squares).unwrap().iter().all(|x| x.to_bits() == 0));
        }
    }

    #[test]
    fn blocks_are_counted() {
        let blocks: Vec<f64> = (0..81).map(|k| f64::from(u8::from(k / 9 % 4 == k % 9 % 4))).collect();
        let [eigenvalues, degree, eccentricity] = scores(&blocks, 0.9);
        close(&[eigenvalues, degree], &[4.0, 9.0 - 21.0 / 9.0], 1e-13);
        // Four indicator vectors of blocks, whose components along the ones have squares that sum to 1.
        close(&[eccentricity], &[3f64.sqrt()], 1e-13);
    }

    #[test]
    fn degree_needs_no_degrees_above_zero() {
        let squares = Squares::new("similarity", &[0.0; 4], &[0, 2]).unwrap();
        assert_eq!(graph_scores(&squares, &[GraphMeasure::Degree], 0.9).unwrap(), [[2.0]]);
        assert!(matches!(graph_scores(&squares, &ALL, 0.9), Err(Error::RowSum { group: 0, row: 0, .. })));
    }

    #[test]
    fn the_first_bad_entry_is_named() {
        let mut entries = vec![1.0_f32; 9];
        entries[4] = f32::NAN;
        let squares = Squares::new("similarity", &entries, &[0, 1, 2, 3, 5]);
        assert!(squares.is_err());
        let squares = Squares::new("similarity", &entries, &[0, 2, 3, 5]).unwrap();
        let message = "similarity: entry (0, 0) of group 1 is NaN, must be finite, and below 1e100 in magnitude";
        assert_eq!(degree(&squares).unwrap_err().to_string(), message);
        let squares = Squares::new("similarity", &[1e101], &[0, 1]).unwrap();
        assert!(matches!(graph_scores(&squares, &ALL, 0.9), Err(Error::Entry { row: 0, column: 0, .. })));
    }

    #[test]
    fn the_cut_must_be_a_finite_number_above_zero() {
        let squares = Squares::new("similarity", &[1.0], &[0, 1]).unwrap();
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(graph_scores(&squares, &ALL, wrong), Err(Error::Setting { name: "cut", .. })));
            assert!(matches!(eccentricity(&squares, wrong), Err(Error::Setting { name: "cut", .. })));
        }
        assert!(matches!("degrees".parse::<GraphMeasure>(), Err(Error::Setting { name: "names", .. })));
    }
}
