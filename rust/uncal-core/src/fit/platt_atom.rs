//! Platt scaling beside an atom: one score that many answers share, such as the entropy 0 of equal samples.

use super::platt::{Platt, platt};
use crate::float::Real;
use crate::ranked::{Below, Fold, Ranked, Tie};
use crate::{Error, Pairs, Result};

/// A confidence for the answers of one score, and a logistic curve for all others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlattAtom {
    /// The score, if there is an atom.
    pub atom: Option<f64>,
    /// The smoothed share of right answers there; NaN without an atom.
    pub atom_confidence: f64,
    /// How many answers, or how much weight, there is.
    pub atom_count: f64,
    /// Of the others.
    pub curve: Platt,
}

/// Fit a [`platt`] curve to the rows whose score is not `atom`, and the share (N+ + 1) / (N + 2) of right answers, or
/// without `smoothing` N+ / N, to those N whose score is.
///
/// The atom is by default the most common score, the lowest of several, if it has at least a tenth of the weight. If no
/// row has it, the curve is that of all rows. If all rows have it, the curve is level at its confidence.
///
/// # Errors
/// [`Error::Setting`] for an atom that is not finite.
pub fn platt_atom<T: Real>(
    scores: &Pairs<'_, T>,
    atom: Option<f64>,
    smoothing: bool,
    tolerance: Option<f64>,
) -> Result<PlattAtom> {
    let found = match atom {
        Some(atom) if !atom.is_finite() => return Err(Error::setting("atom", atom, "a finite number")),
        Some(atom) => {
            let [right, wrong] = crate::sum::sum(scores.len(), 1, |i| {
                let weight = if scores.value(i) == atom { scores.weight(i) } else { 0.0 };
                if scores.correct(i) { [weight, 0.0] } else { [0.0, weight] }
            });
            Tie { value: atom + 0.0, right, wrong }
        }
        None => Ranked::new(scores).fold(Most::default).0,
    };
    let count = found.right + found.wrong;
    if count == 0.0 || (atom.is_none() && count < scores.total() * LEAST) {
        let curve = platt(scores, smoothing, tolerance)?;
        return Ok(PlattAtom { atom: None, atom_confidence: f64::NAN, atom_count: 0.0, curve });
    }
    let alpha = if smoothing { 1.0 } else { 0.0 };
    let confidence = (found.right + alpha) / (count + 2.0 * alpha);
    let rows = || (0..scores.len()).filter(|&i| scores.value(i) != found.value && scores.weight(i) > 0.0);
    let values: Vec<T> = rows().map(|i| scores.values()[i]).collect();
    let curve = if values.is_empty() {
        Platt::constant(confidence)
    } else {
        let correct: Vec<bool> = rows().map(|i| scores.correct(i)).collect();
        let weights: Option<Vec<f64>> = scores.weights().map(|weights| rows().map(|i| weights[i]).collect());
        platt(&Pairs::scores("scores", &values, &correct, weights.as_deref())?, smoothing, tolerance)?
    };
    Ok(PlattAtom { atom: Some(found.value), atom_confidence: confidence, atom_count: count, curve })
}

/// The share of the weight that makes the most common score an atom.
const LEAST: f64 = 0.1;

/// The tie of the most weight, the lowest of several.
struct Most(Tie);

impl Default for Most {
    fn default() -> Self {
        Self(Tie { value: 0.0, right: 0.0, wrong: 0.0 })
    }
}

impl Fold for Most {
    #[inline]
    fn tie(&mut self, _: Below, tie: Tie) {
        if tie.right + tie.wrong > self.0.right + self.0.wrong {
            self.0 = tie;
        }
    }

    fn join(&mut self, next: Self) {
        self.tie(Below::default(), next.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: [f64; 10] = [0.0, 0.3, 0.0, 0.5, 0.0, 0.9, 1.1, 0.0, 0.4, 1.3];
    const C: [bool; 10] = [true, true, true, true, false, false, true, true, false, false];

    fn fit(scores: &[f64], correct: &[bool], atom: Option<f64>) -> PlattAtom {
        platt_atom(&Pairs::scores("scores", scores, correct, None).unwrap(), atom, true, Some(0.0)).unwrap()
    }

    fn plain(scores: &[f64], correct: &[bool]) -> Platt {
        platt(&Pairs::scores("scores", scores, correct, None).unwrap(), true, Some(0.0)).unwrap()
    }

    #[test]
    fn the_atom_has_its_own_share_and_the_others_their_own_curve() {
        let map = fit(&S, &C, None);
        assert_eq!((map.atom, map.atom_confidence, map.atom_count), (Some(0.0), 4.0 / 6.0, 4.0));
        assert_eq!(map.curve, plain(&[0.3, 0.5, 0.9, 1.1, 0.4, 1.3], &[true, true, false, true, false, false]));
        assert_eq!(fit(&S, &C, Some(-0.0)), map);
        let one = fit(&S, &C, Some(0.9));
        assert_eq!((one.atom, one.atom_confidence, one.atom_count), (Some(0.9), 1.0 / 3.0, 1.0));
    }

    #[test]
    fn without_an_atom_it_is_the_plain_curve() {
        let map = fit(&S, &C, Some(7.0));
        assert!(map.atom.is_none() && map.atom_confidence.is_nan() && map.atom_count == 0.0);
        assert_eq!(map.curve, plain(&S, &C));
        let scores: Vec<f64> = (0..30).map(f64::from).collect();
        let correct: Vec<bool> = (0..30).map(|i| i % 3 == 0).collect();
        assert!(fit(&scores, &correct, None).atom.is_none());
    }

    #[test]
    fn all_rows_on_the_atom_leave_a_level_curve() {
        let map = fit(&[2.0; 3], &[true, true, false], None);
        assert_eq!((map.atom, map.atom_confidence), (Some(2.0), 0.6));
        assert!(map.curve.slope == 0.0 && map.curve.converged);
        assert!((1.0 / (1.0 + (-map.curve.intercept).exp()) - 0.6).abs() < 1e-15);
    }

    #[test]
    fn weights_repeat_rows() {
        let times = [3_u8, 1, 0, 2, 1, 1, 2, 0, 1, 1];
        let weights = times.map(f64::from);
        let weighted =
            platt_atom(&Pairs::scores("scores", &S, &C, Some(&weights)).unwrap(), None, true, Some(0.0)).unwrap();
        let rows = || (0..10).flat_map(|i| std::iter::repeat_n(i, times[i].into()));
        let repeated = fit(&rows().map(|i| S[i]).collect::<Vec<_>>(), &rows().map(|i| C[i]).collect::<Vec<_>>(), None);
        assert_eq!((weighted.atom, weighted.atom_confidence), (repeated.atom, repeated.atom_confidence));
        assert!((weighted.curve.slope - repeated.curve.slope).abs() < 1e-10);
    }
}
