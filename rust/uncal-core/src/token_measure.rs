//! How sure each token of a sequence was, by the most probable tokens at its place.

use std::f64::consts::FRAC_2_PI;
use std::str::FromStr;

use ndarray::ArrayView2;

use crate::sequence::is_logprob;
use crate::{Error, Float, Groups, Result};

/// The least probability that the tail is given where its logarithm counts: float32 sums tell no less from none.
const LEAST_TAIL: f64 = 1.0 / (1 << 24) as f64;
/// How far probabilities may add up to more than 1.
const SLACK: f64 = 0.01;

/// What becomes of the probability r of the tokens that are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// It is dropped, and the listed tokens are all there are.
    Renorm,
    /// It is one token more.
    Atom,
    /// It is spread evenly over the rest of a vocabulary of so many tokens.
    Uniform(usize),
}

impl Tail {
    /// A tail by its name; `vocabulary` is needed by "uniform" and taken by no other.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Conflict`].
    pub fn new(name: &str, vocabulary: Option<usize>) -> Result<Self> {
        match (name, vocabulary) {
            ("renorm", None) => Ok(Self::Renorm),
            ("atom", None) => Ok(Self::Atom),
            ("uniform", Some(size)) => Ok(Self::Uniform(size)),
            ("uniform", None) => Err(Error::Conflict("vocabulary: needed where tail is \"uniform\"")),
            ("renorm" | "atom", Some(_)) => Err(Error::Conflict("vocabulary: read only where tail is \"uniform\"")),
            _ => Err(Error::setting("tail", name, "one of renorm, atom, uniform")),
        }
    }

    /// How many tokens stand for the tail beside `listed` ones.
    fn tokens(self, listed: usize) -> usize {
        match self {
            Self::Renorm => 0,
            Self::Atom => 1,
            Self::Uniform(vocabulary) => vocabulary.saturating_sub(listed),
        }
    }
}

/// What of a token's distribution q over V tokens is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TokenMeasure {
    /// -sum of q ln q.
    Entropy,
    /// The largest probability less the second largest; of the listed ones as they are, without a tail.
    Margin,
    /// The divergence of q from the uniform distribution U: KL(U, q) = -mean of ln q - ln V.
    SelfCertainty,
    /// The Rényi divergence of this order of U from q: ln V less q's Rényi entropy.
    Renyi(f64),
    /// 2 / pi times the angle between the square roots of q and U.
    FisherRao,
}

/// How the measures of a sequence's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// Their mean.
    Mean,
    /// The largest.
    Max,
}

impl FromStr for Reduce {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "mean" => Ok(Self::Mean),
            "max" => Ok(Self::Max),
            _ => Err(Error::setting("reduce", name, "one of mean, max")),
        }
    }
}

/// Measure the distribution of each token, and average each sequence, or take its largest.
///
/// # Arguments
/// * `top` - (T, k), log-probabilities of the k most probable tokens at each place, in any order; -infinity where
///   fewer are known
/// * `offsets` - (S + 1), sequence s is tokens `offsets[s]..offsets[s + 1]`
/// * `temperature` - q is p to the power of 1 / temperature, scaled to a sum of 1
///
/// Returns (S).
///
/// # Errors
/// Those of [`Groups::new`], [`Error::Value`] for what is no log-probability and for tokens whose probabilities add
/// up to 0 or to more than 1, [`Error::Setting`] for a measure or temperature that makes no sense, fewer than two
/// columns for a margin, and a vocabulary of fewer tokens than are listed.
pub fn token_measure<T: Float>(
    top: ArrayView2<'_, T>,
    offsets: &[i64],
    measure: TokenMeasure,
    tail: Tail,
    temperature: f64,
    reduce: Reduce,
) -> Result<Vec<f64>> {
    let sequences = Groups::new(offsets, top.nrows())?;
    let k = top.ncols();
    let least = if measure == TokenMeasure::Margin { 2 } else { 1 };
    if k < least {
        let needed = if least == 1 { "at least 1" } else { "at least 2 for a margin" };
        return Err(Error::Setting { name: "top_logprobs", value: format!("of {k} tokens a place"), needed });
    }
    if let Tail::Uniform(vocabulary) = tail
        && vocabulary < k
    {
        return Err(Error::setting("vocabulary", vocabulary, "at least the number of tokens listed at a place"));
    }
    if let TokenMeasure::Renyi(alpha) = measure
        && !(alpha > 0.0 && alpha.is_finite())
    {
        return Err(Error::setting("alpha", alpha, "a finite number above 0"));
    }
    if !(temperature > 0.0 && temperature.is_finite()) {
        return Err(Error::setting("temperature", temperature, "a finite number above 0"));
    }
    let mut measured = vec![0.0; sequences.len()];
    sequences.par_fill(
        &mut measured,
        |s| s + 1,
        |n| n.saturating_mul(k).saturating_mul(32),
        Place::default,
        |place, run, measured| {
            for (s, measured) in run.zip(measured) {
                let rows = sequences.rows(s);
                let n = rows.len() as f64;
                let (mut sum, mut most) = (0.0, f64::NEG_INFINITY);
                for row in rows {
                    place.read(top.row(row).iter().map(|l| l.widen()), row)?;
                    let value = place.measure(measure, tail, temperature);
                    sum += value;
                    most = most.max(value);
                }
                *measured = if reduce == Reduce::Mean { sum / n } else { most };
            }
            Ok(())
        },
    )?;
    Ok(measured)
}

/// The distribution at one place.
#[derive(Default)]
struct Place {
    logs: Vec<f64>,
    sum: f64,
}

impl Place {
    /// Take in the listed log-probabilities, those of -infinity left out.
    fn read(&mut self, logs: impl Iterator<Item = f64>, row: usize) -> Result<()> {
        let wrong = |value, needed| Err(Error::Value { name: "top_logprobs", row, value, needed });
        self.logs.clear();
        self.sum = 0.0;
        for log in logs {
            if !is_logprob(log) {
                return wrong(log, "log-probabilities: at most 0, or -infinity");
            }
            if log > f64::NEG_INFINITY {
                self.logs.push(log.min(0.0));
                self.sum += log.min(0.0).exp();
            }
        }
        if self.logs.is_empty() {
            return wrong(f64::NEG_INFINITY, "above -infinity for one token at least");
        }
        if self.sum > 1.0 + SLACK {
            return wrong(self.sum, "probabilities that add up to 1 at most");
        }
        Ok(())
    }

    fn measure(&mut self, measure: TokenMeasure, tail: Tail, temperature: f64) -> f64 {
        if measure == TokenMeasure::Margin {
            let (mut first, mut second) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
            for &log in &self.logs {
                (first, second) = if log > first { (log, first) } else { (first, second.max(log)) };
            }
            return first.exp() - second.exp();
        }
        let others = tail.tokens(self.logs.len());
        let (size, m) = ((self.logs.len() + others) as f64, others as f64);
        let least = if measure == TokenMeasure::SelfCertainty { LEAST_TAIL } else { 0.0 };
        // the logarithm of one token's share of the tail, where there is one
        let mut rest =
            if others == 0 { f64::NEG_INFINITY } else { ((1.0 - self.sum).max(least) / m).ln() / temperature };
        let mut highest = rest;
        for log in &mut self.logs {
            *log /= temperature;
            highest = highest.max(*log);
        }
        let mass = |log: f64| (log - highest).exp();
        let total = self.logs.iter().map(|&log| mass(log)).sum::<f64>() + if m > 0.0 { m * mass(rest) } else { 0.0 };
        let scale = highest + total.ln();
        self.logs.iter_mut().for_each(|log| *log -= scale);
        rest -= scale;
        // the sum over all tokens of what depends on ln q
        let sum = |term: &dyn Fn(f64) -> f64| {
            self.logs.iter().map(|&log| term(log)).sum::<f64>() + if m > 0.0 { m * term(rest) } else { 0.0 }
        };
        let entropy = || 0.0 - sum(&|log| if log == f64::NEG_INFINITY { 0.0 } else { log.exp() * log });
        match measure {
            TokenMeasure::Entropy => entropy().max(0.0),
            TokenMeasure::SelfCertainty => (0.0 - sum(&|log| log) / size - size.ln()).max(0.0),
            TokenMeasure::Renyi(1.0) => (size.ln() - entropy()).max(0.0),
            TokenMeasure::Renyi(alpha) => (sum(&|log| (alpha * log).exp()).ln() / (alpha - 1.0) + size.ln()).max(0.0),
            TokenMeasure::FisherRao => (sum(&|log| (0.5 * log).exp()) / size.sqrt()).min(1.0).acos() * FRAC_2_PI,
            TokenMeasure::Margin => unreachable!("it was returned above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn one(p: &[f64], measure: TokenMeasure, tail: Tail) -> f64 {
        let logs = Array2::from_shape_vec((1, p.len()), p.iter().map(|p| p.ln()).collect()).unwrap();
        token_measure(logs.view(), &[0, 1], measure, tail, 1.0, Reduce::Mean).unwrap()[0]
    }

    #[test]
    fn known_places() {
        let h = |q: &[f64]| -q.iter().map(|q| q * q.ln()).sum::<f64>();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-14, "{a} {b}");
        let p = [0.5, 0.25];
        close(one(&p, TokenMeasure::Entropy, Tail::Atom), h(&[0.5, 0.25, 0.25]));
        close(one(&p, TokenMeasure::Entropy, Tail::Renorm), h(&[2.0 / 3.0, 1.0 / 3.0]));
        close(one(&p, TokenMeasure::Entropy, Tail::Uniform(4)), h(&[0.5, 0.25, 0.125, 0.125]));
        close(one(&p, TokenMeasure::Margin, Tail::Renorm), 0.25);
        close(one(&p, TokenMeasure::Renyi(1.0), Tail::Atom), 3f64.ln() - h(&[0.5, 0.25, 0.25]));
        close(one(&p, TokenMeasure::Renyi(2.0), Tail::Uniform(4)), (4.0 * (0.25 + 0.0625 + 2.0 * 0.015_625_f64)).ln());
        for measure in [TokenMeasure::SelfCertainty, TokenMeasure::Renyi(0.5), TokenMeasure::FisherRao] {
            assert!(one(&[0.25; 4], measure, Tail::Renorm) < 1e-7, "{measure:?} of the uniform distribution");
        }
    }

    #[test]
    fn a_sure_token_has_no_tail_and_stays_finite() {
        for tail in [Tail::Renorm, Tail::Atom, Tail::Uniform(50_000)] {
            assert_eq!(one(&[1.0, 0.0], TokenMeasure::Entropy, tail), 0.0);
            assert_eq!(one(&[1.0, 0.0], TokenMeasure::Margin, tail), 1.0);
            for measure in [TokenMeasure::SelfCertainty, TokenMeasure::Renyi(0.5), TokenMeasure::FisherRao] {
                assert!(one(&[1.0, 0.0], measure, tail).is_finite());
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let fails = |top: Array2<f64>, measure, tail| {
            token_measure(top.view(), &[0, 2], measure, tail, 1.0, Reduce::Max).unwrap_err().to_string()
        };
        let (low, entropy) = (f64::NEG_INFINITY, TokenMeasure::Entropy);
        let error = fails(array![[-1.0], [0.5]], entropy, Tail::Atom);
        assert_eq!(error, "top_logprobs: row 1 is 0.5, must be log-probabilities: at most 0, or -infinity");
        assert!(fails(array![[-1.0], [f64::NAN]], entropy, Tail::Atom).starts_with("top_logprobs: row 1 is NaN"));
        assert!(
            fails(array![[low], [-1.0]], entropy, Tail::Atom)
                .ends_with("must be above -infinity for one token at least")
        );
        assert!(fails(array![[-0.1, -0.1], [-1.0, -2.0]], entropy, Tail::Atom).contains("add up to 1 at most"));
        assert!(fails(array![[-1.0], [-1.0]], TokenMeasure::Margin, Tail::Atom).contains("at least 2 for a margin"));
        assert!(fails(array![[-1.0, -2.0], [-1.0, -2.0]], entropy, Tail::Uniform(1)).starts_with("vocabulary: is 1"));
        assert!(fails(array![[-1.0], [-1.0]], TokenMeasure::Renyi(0.0), Tail::Atom).starts_with("alpha: is 0.0"));
        assert!(
            Tail::new("uniform", None).is_err() && Tail::new("atom", Some(3)).is_err() && Tail::new("x", None).is_err()
        );
        assert!("median".parse::<Reduce>().is_err());
    }
}
