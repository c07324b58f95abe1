//! Kernel language entropy: the von Neumann entropy of a graph kernel on the answers of each group.

use crate::eigen::Tridiagonal;
use crate::eigenvectors::Decomposition;
use crate::graph::each_group;
use crate::{Error, Float, Result, Squares};

/// A kernel on the nodes of a graph: a falling function of the eigenvalues m of its Laplacian D - W.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GraphKernel {
    /// exp(-t m)
    Heat {
        /// How far heat spreads; finite and above 0.
        t: f64,
    },
    /// (2 nu / kappa^2 + m)^-nu
    Matern {
        /// Smoothness; finite and above 0.
        nu: f64,
        /// Length; finite and above 0.
        kappa: f64,
    },
}

impl GraphKernel {
    /// The kernel called `name`, heat or matern; of the numbers each is checked, and its own are read.
    ///
    /// # Errors
    /// [`Error::Setting`] for another name, and unless `t`, `nu` and `kappa` are finite and above 0.
    pub fn new(name: &str, t: f64, nu: f64, kappa: f64) -> Result<Self> {
        for (name, value) in [("t", t), ("nu", nu), ("kappa", kappa)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::setting(name, value, "a finite number above 0"));
            }
        }
        match name {
            "heat" => Ok(Self::Heat { t }),
            "matern" => Ok(Self::Matern { nu, kappa }),
            _ => Err(Error::setting("kernel", name, "one of heat, matern")),
        }
    }

    /// The kernel's eigenvalue for the Laplacian's eigenvalue `m`, divided by that for 0: in `[0, 1]`.
    ///
    /// A common factor changes no entropy, and without it nothing overflows: Matern is (1 + m kappa^2 / (2 nu))^-nu.
    fn value(self, m: f64) -> f64 {
        match self {
            Self::Heat { t } => (-t * m).exp(),
            Self::Matern { nu, kappa } => {
                let ratio = m * kappa * kappa / nu / 2.0;
                let log =
                    if ratio.is_finite() { ratio.ln_1p() } else { m.ln() + 2.0 * kappa.ln() - nu.ln() - 2f64.ln() };
                (-nu * log).exp()
            }
        }
    }
}

/// The von Neumann entropy of a graph kernel of each group, in nats.
///
/// W is (w + w^T) / 2 without its diagonal, D its row sums, L = D - W, K the kernel of L; with `unit_diagonal` K(i, j)
/// is divided by the root of K(i, i) K(j, j); then the entropy is -sum of l ln l over the eigenvalues l of K divided by
/// its trace. Time O(n^3): eigenvectors of L, and for `unit_diagonal` eigenvalues of K.
///
/// # Arguments
/// * `weights` - at least 0; how closely row and column are connected
/// * `scale` - divide by ln n
///
/// Returns (P), each in `[0, ln n]`, or in `[0, 1]` with `scale`; 0 for one answer, ln n where nothing is connected.
///
/// # Errors
/// [`Error::Entry`] for weights that are not finite, negative or beyond 1e100, diagonal included.
///
/// # Example
/// ```
/// use uncal_core::{GraphKernel, Squares, kernel_language_entropy};
/// let weights = Squares::new("weights", &[0.0, 1.0, 1.0, 0.0], &[0, 2])?;
/// let kernel = GraphKernel::Heat { t: 0.3 };
/// let entropy = kernel_language_entropy(&weights, kernel, true, false)?;
/// let share = f64::midpoint(1.0, 0.3_f64.tanh());
/// assert!((entropy[0] + share * share.ln() + (1.0 - share) * (1.0 - share).ln()).abs() < 1e-15);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn kernel_language_entropy<T: Float>(
    weights: &Squares<'_, T>,
    kernel: GraphKernel,
    unit_diagonal: bool,
    scale: bool,
) -> Result<Vec<f64>> {
    each_group(weights, Space::default, |space, p| {
        let n = weights.size(p);
        if let Some(wrong) = weights.matrix(p).iter().position(|w| w.widen() < 0.0) {
            return Err(weights.wrong(p, wrong, "at least 0"));
        }
        if n == 1 {
            return Ok(0.0);
        }
        space.fill(weights, p);
        let most = (n as f64).ln();
        let entropy = space.entropy(n, kernel, unit_diagonal).min(most).max(0.0) + 0.0;
        Ok(if scale { entropy / most } else { entropy })
    })
}

#[derive(Default)]
struct Space {
    /// The Laplacian, on and below the diagonal; then its eigenvectors, row by row; then their multiples.
    matrix: Vec<f64>,
    kernel: Vec<f64>,
    scales: Vec<f64>,
    decomposition: Decomposition,
    tridiagonal: Tridiagonal,
}

impl Space {
    fn fill<T: Float>(&mut self, weights: &Squares<'_, T>, p: usize) {
        let (w, n) = (weights.matrix(p), weights.size(p));
        self.matrix.clear();
        self.matrix.resize(n * n, 0.0);
        for i in 0..n {
            for j in 0..i {
                let weight = f64::midpoint(w[i * n + j].widen(), w[j * n + i].widen());
                self.matrix[i * n + j] = -weight;
                self.matrix[i * n + i] += weight;
                self.matrix[j * n + j] += weight;
            }
        }
    }

    fn entropy(&mut self, n: usize, kernel: GraphKernel, unit_diagonal: bool) -> f64 {
        self.decomposition.decompose(&mut self.matrix, n);
        let values = &mut self.decomposition.values;
        // 0 is an eigenvalue for every component of the graph: what rounding left of it must not be multiplied by t
        let noise = n as f64 * f64::EPSILON * values[n - 1];
        for value in values.iter_mut() {
            *value = if *value <= noise { 1.0 } else { kernel.value(*value) };
        }
        if !unit_diagonal {
            return entropy(values);
        }
        self.normalized(n);
        self.tridiagonal.reduce(&mut self.kernel, n);
        let values = self.tridiagonal.solve();
        let noise = n as f64 * f64::EPSILON * values.iter().copied().fold(0.0, f64::max);
        values.iter_mut().filter(|value| **value <= noise).for_each(|value| *value = 0.0);
        entropy(values)
    }

    /// K with its diagonal at 1, on and below the diagonal, from its eigenvectors and eigenvalues.
    fn normalized(&mut self, n: usize) {
        self.kernel.clear();
        self.kernel.resize(n * n, 0.0);
        self.scales.clear();
        self.scales.resize(n, 0.0);
        for (vector, value) in self.matrix.chunks_exact_mut(n).zip(&self.decomposition.values) {
            let root = value.sqrt();
            vector.iter_mut().for_each(|v| *v *= root);
            self.scales.iter_mut().zip(&*vector).for_each(|(scale, v)| *scale += v * v);
        }
        // no scale is below 1 / n, the part of the constant vector
        self.scales.iter_mut().for_each(|scale| *scale = 1.0 / scale.sqrt());
        for (vector, value) in self.matrix.chunks_exact_mut(n).zip(&self.decomposition.values) {
            if *value == 0.0 {
                continue;
            }
            vector.iter_mut().zip(&self.scales).for_each(|(v, scale)| *v *= scale);
            for (i, row) in self.kernel.chunks_exact_mut(n).enumerate() {
                let v_i = vector[i];
                row[..=i].iter_mut().zip(&*vector).for_each(|(k, v)| *k += v_i * v);
            }
        }
        (0..n).for_each(|i| self.kernel[i * n + i] = 1.0);
    }
}

/// The entropy of numbers that are at least 0, once they are divided by their sum.
fn entropy(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let shares = values.iter().map(|value| value / sum).filter(|&share| share > 0.0);
    -shares.map(|share| share * share.ln()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAT: GraphKernel = GraphKernel::Heat { t: 0.3 };

    fn entropies(weights: &[f64], kernel: GraphKernel) -> [f64; 3] {
        let ends = [0, i64::try_from(weights.len().isqrt()).unwrap()];
        let squares = Squares::new("weights", weights, &ends).unwrap();
        [(true, false), (false, false), (true, true)]
            .map(|(unit, scale)| kernel_language_entropy(&squares, kernel, unit, scale).unwrap()[0])
    }

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} != {b}");
    }

    #[test]
    fn known_entropies() {
        let w = [0.0, 1.5, 0.5, 1.5, 0.0, 0.0, 0.5, 0.0, 0.0];
        let [unit, trace, scaled] = entropies(&w, HEAT);
        close(unit, 1.030_202_025_8, 1e-10);
        close(trace, 1.025_928_761_5, 1e-10);
        close(scaled, 0.937_730_295_3, 1e-10);
        for (nu, kappa, known) in
            [(1.0, 1.0, 1.031_512_689_7), (2.0, 1.0, 1.001_028_194_5), (1.0, 3.0, 0.657_655_830_9)]
        {
            close(entropies(&w, GraphKernel::Matern { nu, kappa })[0], known, 1e-10);
        }
    }

    #[test]
    fn directions_are_averaged_and_the_diagonal_is_ignored() {
        let symmetric = [0.0, 1.5, 0.5, 1.5, 0.0, 0.0, 0.5, 0.0, 0.0];
        let skewed = [7.0, 3.0, 0.25, 0.0, 1e9, 0.0, 0.75, 0.0, 1.0];
        assert_eq!(entropies(&skewed, HEAT), entropies(&symmetric, HEAT));
    }

    #[test]
    fn one_answer_is_sure_and_unconnected_answers_are_not() {
        assert_eq!(entropies(&[5.0], HEAT), [0.0, 0.0, 0.0]);
        for n in [2, 3, 11] {
            let [unit, trace, scaled] = entropies(&vec![0.0; n * n], HEAT);
            close(unit, (n as f64).ln(), 1e-14);
            close(trace, (n as f64).ln(), 1e-14);
            close(scaled, 1.0, 1e-14);
        }
    }

    #[test]
    fn extreme_settings_reach_their_limits() {
        // two components, of two answers and of one
        let w = [0.0, 2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let sizes = -(2.0 / 3.0 * (2.0 / 3.0_f64).ln() + (1.0 / 3.0_f64).ln() / 3.0);
        let spread = [GraphKernel::Heat { t: 1e300 }, GraphKernel::Matern { nu: 1e300, kappa: 1e300 }];
        for kernel in spread {
            let [unit, trace, _] = entropies(&w, kernel);
            close(unit, sizes, 1e-14);
            close(trace, 2f64.ln(), 1e-14);
        }
        let local = [
            GraphKernel::Heat { t: 1e-300 },
            GraphKernel::Matern { nu: 1.0, kappa: 1e-300 },
            GraphKernel::Matern { nu: 1e-300, kappa: 1.0 },
            GraphKernel::Matern { nu: 1e-300, kappa: 1e300 },
        ];
        for kernel in local {
            close(entropies(&w, kernel)[0], 3f64.ln(), 1e-13);
        }
        // as nu grows, Matern becomes heat of t = kappa^2 / 2
        for nu in [1e12, 1e200, 1e308] {
            let heat = entropies(&w, GraphKernel::Heat { t: 0.5 });
            close(entropies(&w, GraphKernel::Matern { nu, kappa: 1.0 })[0], heat[0], 1e-11);
        }
    }

    #[test]
    fn wrong_weights_and_settings_are_named() {
        let fails = |weights: &[f64]| {
            let squares = Squares::new("weights", weights, &[0, 2]).unwrap();
            kernel_language_entropy(&squares, HEAT, true, false).unwrap_err().to_string()
        };
        assert_eq!(fails(&[0.0, 1.0, -0.5, 0.0]), "weights: entry (1, 0) of group 0 is -0.5, must be at least 0");
        assert!(fails(&[0.0, f64::NAN, -0.5, 0.0]).starts_with("weights: entry (0, 1) of group 0 is NaN"));
        assert!(fails(&[f64::INFINITY, 1.0, 1.0, 0.0]).starts_with("weights: entry (0, 0) of group 0 is inf"));
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(GraphKernel::new("heat", wrong, 1.0, 1.0), Err(Error::Setting { name: "t", .. })));
            assert!(matches!(GraphKernel::new("heat", 1.0, wrong, 1.0), Err(Error::Setting { name: "nu", .. })));
            assert!(matches!(GraphKernel::new("matern", 1.0, 1.0, wrong), Err(Error::Setting { name: "kappa", .. })));
        }
        assert!(matches!(GraphKernel::new("warmth", 1.0, 1.0, 1.0), Err(Error::Setting { name: "kernel", .. })));
    }
}
