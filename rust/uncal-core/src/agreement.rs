//! How much the sentences of long answers are borne out by the other answers.

use crate::{Error, Float, Groups, Result};

/// One minus how likely the sentences of a group's answers are entailed by its other answers, on average (LUQ).
///
/// A sentence s of answer i agrees with answer j to E / (E + C), with E and C how likely j entails, and contradicts, s.
/// An answer agrees with the others to the mean over its sentences and over them; the group by the mean over answers.
///
/// # Arguments
/// * `entail`, `contra` - for each sentence one probability for each of the n answers of its group, sentence by
///   sentence; that for its own answer is not read
/// * `sentences` - (K + 1), answer i has sentences `sentences[i]..sentences[i + 1]`
/// * `offsets` - (P + 1), group p is answers `offsets[p]..offsets[p + 1]`
///
/// Returns (P), in `[0, 1]`, higher is less sure; 0 for one answer. Where E and C are both 0, agreement is 1/2.
///
/// # Errors
/// Those of [`Groups::new`], of the sentences too, [`Error::Length`], [`Error::Value`] by the place among the values.
pub fn sentence_disagreement<T: Float>(
    entail: &[T],
    contra: &[T],
    sentences: &[i64],
    offsets: &[i64],
) -> Result<Vec<f64>> {
    let Some(answers) = sentences.len().checked_sub(1) else {
        return Err(Error::NoOffsets);
    };
    let groups = Groups::new(offsets, answers)?;
    let count = usize::try_from(sentences[answers]).map_err(|_| Error::NoOffsets)?;
    let inner = Groups::new(sentences, count)?;
    let mut starts = Vec::with_capacity(groups.len() + 1);
    starts.push(0_usize);
    for p in 0..groups.len() {
        let rows = groups.rows(p);
        let own = inner.rows(rows.end - 1).end - inner.rows(rows.start).start;
        starts.push(own.checked_mul(rows.len()).and_then(|n| n.checked_add(starts[p])).unwrap_or(usize::MAX));
    }
    let expected = starts[groups.len()];
    for (name, values) in [("entail", entail), ("contra", contra)] {
        if values.len() != expected {
            return Err(Error::Length { name, len: values.len(), expected });
        }
    }
    groups.par_map(expected / answers.max(1) * 4, |p, rows| {
        let n = rows.len();
        let (mut at, mut agreement) = (starts[p], 0.0);
        for (i, answer) in rows.enumerate() {
            let own = inner.rows(answer).len();
            let mut sum = 0.0;
            for _ in 0..own {
                for j in (0..n).filter(|&j| j != i) {
                    let (e, c) = (entail[at + j].widen(), contra[at + j].widen());
                    for (name, value) in [("entail", e), ("contra", c)] {
                        if !(0.0..=1.0).contains(&value) {
                            let needed = "a probability in [0, 1]";
                            return Err(Error::Value { name, row: at + j, value, needed });
                        }
                    }
                    sum += if e + c == 0.0 { 0.5 } else { e / (e + c) };
                }
                at += n;
            }
            agreement += sum / own as f64;
        }
        Ok(if n == 1 { 0.0 } else { (1.0 - agreement / (n * (n - 1)) as f64).max(0.0) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_agreements() {
        // two answers, of one sentence and of two; then a lone one
        let (e, c) = ([9.0, 0.6, 0.9, 9.0, 0.0, 9.0, 9.0], [9.0, 0.2, 0.1, 9.0, 0.0, 9.0, 9.0]);
        let found = sentence_disagreement(&e, &c, &[0, 1, 3, 4], &[0, 2, 3]).unwrap();
        assert!((found[0] - (1.0 - f64::midpoint(0.75, f64::midpoint(0.9, 0.5)))).abs() < 1e-15, "{found:?}");
        assert_eq!(found[1], 0.0);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let fails = |e: &[f64], c: &[f64], sentences: &[i64]| {
            sentence_disagreement(e, c, sentences, &[0, 2]).unwrap_err().to_string()
        };
        let fine = [0.5; 4];
        assert_eq!(
            fails(&[0.5, 1.5, 0.5, 0.5], &fine, &[0, 1, 2]),
            "entail: row 1 is 1.5, must be a probability in [0, 1]"
        );
        assert_eq!(fails(&fine, &[0.5], &[0, 1, 2]), "contra: has 1 rows, 4 expected");
        assert_eq!(fails(&fine, &fine, &[0, 2, 2]), "offsets: group 1 is empty");
        assert!(fails(&fine, &fine, &[]).starts_with("offsets: empty"));
    }
}
