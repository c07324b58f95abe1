//! How alike the texts of a group are, every two of them.

use std::ops::Range;

use crate::lcs::Lcs;
use crate::tokens::Group;
use crate::{Error, Groups, Result, Texts, Tokens, pool};

/// The Jaccard similarity of every two texts of each group: words that both have, divided by words that either has.
///
/// Words are those of Python's `str.lower().split()`, each counted once; two texts without words are alike. Time
/// O(n L) for each of n texts of at most L words.
///
/// # Arguments
/// * `texts` - K of them, those of a group next to each other
/// * `offsets` - (P + 1), group p is texts `offsets[p]..offsets[p + 1]`
///
/// Returns the (n, n) matrices of the groups, row by row, end to end: symmetric, in `[0, 1]`, with a diagonal of 1.
///
/// # Errors
/// Those of [`Groups::new`], [`Error::TextSize`], [`Error::Entries`].
///
/// # Example
/// ```
/// use uncal_core::{Texts, jaccard_similarity};
/// let texts = Texts::new(b"In ParisParis", &[8, 13])?;
/// assert_eq!(jaccard_similarity(&texts, &[0, 2])?, [1.0, 0.5, 0.5, 1.0]);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn jaccard_similarity(texts: &Texts<'_>, offsets: &[i64]) -> Result<Vec<f64>> {
    similarity(texts, offsets, None)
}

/// ROUGE-L of every two texts of each group: 2 l / (a + b) for a and b tokens with a longest common subsequence of l.
///
/// The harmonic mean of l / a and l / b. Two texts without tokens are alike; one without is unlike all others. Time
/// O(L ceil(L / 64)) for two texts of L tokens.
///
/// Arguments, shape, range and errors are those of [`jaccard_similarity`].
///
/// # Errors
/// Those of [`jaccard_similarity`].
///
/// # Example
/// ```
/// use uncal_core::{Texts, Tokens, rouge_l_similarity};
/// let texts = Texts::new(b"In Paris.Paris!", &[9, 15])?;
/// assert_eq!(rouge_l_similarity(&texts, &[0, 2], Tokens::Words)?[1], 2.0 / 3.0);
/// # Ok::<(), uncal_core::Error>(())
/// ```
pub fn rouge_l_similarity(texts: &Texts<'_>, offsets: &[i64], tokens: Tokens) -> Result<Vec<f64>> {
    similarity(texts, offsets, Some(tokens))
}

/// ROUGE-L on some kind of tokens, or Jaccard on none.
fn similarity(texts: &Texts<'_>, offsets: &[i64], tokens: Option<Tokens>) -> Result<Vec<f64>> {
    let groups = Groups::new(offsets, texts.len())?;
    let mut entries = 0_usize;
    for p in 0..groups.len() {
        let (rows, bytes) = (groups.rows(p), bytes(texts, groups.rows(p)));
        if u32::try_from(bytes).is_err() {
            return Err(Error::TextSize { group: p, bytes }); // tokens are numbered by u32
        }
        entries = rows.len().checked_mul(rows.len()).and_then(|n| entries.checked_add(n)).unwrap_or(usize::MAX);
    }
    let mut out = zeros(entries)?;

    // The rows of a large group are shared out among the threads, small groups as wholes.
    let (mut small, mut large, mut work) = (Vec::new(), Vec::new(), 0_usize);
    let mut rest = out.as_mut_slice();
    for p in 0..groups.len() {
        let rows = groups.rows(p);
        let (matrix, after) = rest.split_at_mut(rows.len() * rows.len());
        rest = after;
        let cost = cost(texts, rows.clone(), tokens);
        if cost > LARGE {
            large.push((rows, matrix, cost));
        } else {
            work = work.saturating_add(cost);
            small.push((rows, matrix));
        }
    }
    pool::for_each_with(small, work, Space::default, |space, (rows, matrix)| {
        let Space { group, row, between } = space;
        group.read(texts, rows, tokens);
        let n = group.len();
        between.resize(n * n, 0.0);
        for (a, values) in between.chunks_exact_mut(n).enumerate() {
            row.fill(group, a, tokens, values);
        }
        spread(group.text_of(), between, n, matrix);
    });
    let mut group = Group::default();
    for (rows, matrix, cost) in large {
        group.read(texts, rows, tokens);
        let n = group.len();
        let mut between = zeros(n * n)?;
        let rows = between.chunks_exact_mut(n).enumerate().collect();
        pool::for_each_with(rows, cost, Row::default, |row, (a, values)| row.fill(&group, a, tokens, values));
        spread(group.text_of(), &between, n, matrix);
    }
    Ok(out)
}

/// What comparing a group costs, in multiplications, beyond which its rows are shared out: some milliseconds.
const LARGE: usize = 1 << 22;

fn bytes(texts: &Texts<'_>, rows: Range<usize>) -> usize {
    texts.start(rows.end) - texts.start(rows.start)
}

/// What comparing the texts of a group costs at most, in multiplications, if a token takes about four bytes.
fn cost(texts: &Texts<'_>, rows: Range<usize>, tokens: Option<Tokens>) -> usize {
    let (n, bytes) = (rows.len(), bytes(texts, rows));
    let columns = if tokens.is_some() { n.max(bytes / 256) } else { n }; // of 64 tokens, one at least for each text
    (bytes / 4).saturating_mul(columns).saturating_add(n * n).saturating_add(bytes.saturating_mul(4))
}

/// So many zeros in memory that the threads that fill it are the first to touch.
fn zeros(entries: usize) -> Result<Vec<f64>> {
    Vec::<f64>::new().try_reserve_exact(entries).map_err(|_| Error::Entries { entries })?;
    Ok(vec![0.0; entries])
}

/// The matrix of all rows from that `between` the n distinct texts, of which only the part above the diagonal is read.
fn spread(text_of: &[usize], between: &[f64], n: usize, matrix: &mut [f64]) {
    for (&a, row) in text_of.iter().zip(matrix.chunks_exact_mut(text_of.len())) {
        for (&b, value) in text_of.iter().zip(row) {
            *value = if a == b { 1.0 } else { between[a.min(b) * n + a.max(b)] };
        }
    }
}

#[derive(Default)]
struct Space {
    group: Group,
    row: Row,
    between: Vec<f64>,
}

/// Work space for comparing one text with those after it.
#[derive(Default)]
struct Row {
    lcs: Lcs,
    is_in: Vec<bool>,
}

impl Row {
    /// Write into `values[b]` how alike texts a and b are, for every b after a.
    fn fill(&mut self, group: &Group, a: usize, tokens: Option<Tokens>, values: &mut [f64]) {
        let ours = group.tokens(a);
        let others = values.iter_mut().enumerate().skip(a + 1);
        if tokens.is_some() {
            self.lcs.against(ours, group.n_tokens());
            for (b, value) in others {
                let theirs = group.tokens(b);
                *value = match ours.len() + theirs.len() {
                    0 => 1.0,
                    tokens => 2.0 * self.lcs.length(theirs) as f64 / tokens as f64,
                };
            }
        } else {
            self.is_in.resize(self.is_in.len().max(group.n_tokens()), false);
            ours.iter().for_each(|&word| self.is_in[word as usize] = true);
            for (b, value) in others {
                let theirs = group.tokens(b);
                let both: usize = theirs.iter().map(|&word| usize::from(self.is_in[word as usize])).sum();
                *value = match ours.len() + theirs.len() - both {
                    0 => 1.0,
                    either => both as f64 / either as f64,
                };
            }
            ours.iter().for_each(|&word| self.is_in[word as usize] = false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes and ends of texts.
    fn joined(texts: &[&str]) -> (String, Vec<i64>) {
        let mut end = 0;
        let ends = texts.iter().map(|text| {
            end += i64::try_from(text.len()).unwrap();
            end
        });
        let ends = ends.collect();
        (texts.concat(), ends)
    }

    fn jaccard(texts: &[&str], offsets: &[i64]) -> Vec<f64> {
        let (text, ends) = joined(texts);
        jaccard_similarity(&Texts::new(text.as_bytes(), &ends).unwrap(), offsets).unwrap()
    }

    fn rouge(texts: &[&str], offsets: &[i64]) -> Vec<f64> {
        let (text, ends) = joined(texts);
        rouge_l_similarity(&Texts::new(text.as_bytes(), &ends).unwrap(), offsets, Tokens::Words).unwrap()
    }

    #[test]
    fn known_similarities() {
        let texts = ["The cat sat", "the CAT ate the rat", "no", ""];
        let (j, r) = (2.0 / 5.0, 4.0 / 8.0);
        let jaccards = [[1.0, j, 0.0, 0.0], [j, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
            .as_flattened()
            .to_vec();
        assert_eq!(jaccard(&texts, &[0, 4]), jaccards);
        let rouges: Vec<f64> = jaccards.iter().map(|&x| if x == j { r } else { x }).collect();
        assert_eq!(rouge(&texts, &[0, 4]), rouges);
        // order matters to one of them, repetition too
        assert_eq!(jaccard(&["a b c", "c b a a"], &[0, 2])[1], 1.0);
        assert_eq!(rouge(&["a b c", "c b a a"], &[0, 2])[1], 2.0 / 7.0);
    }

    #[test]
    fn texts_without_tokens_are_alike() {
        assert_eq!(jaccard(&["", " ", "\n"], &[0, 3]), [1.0; 9]);
        assert_eq!(rouge(&["", "?", "!?"], &[0, 3]), [1.0; 9]);
        assert_eq!(rouge(&["?", "a"], &[0, 2]), [1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn equal_texts_share_their_row_and_groups_are_apart() {
        let matrices = jaccard(&["a", "a b", "a", "a", "c"], &[0, 3, 4, 5]);
        assert_eq!(matrices, [1.0, 0.5, 1.0, 0.5, 1.0, 0.5, 1.0, 0.5, 1.0, 1.0, 1.0]);
        assert!(jaccard(&[], &[0]).is_empty());
    }

    #[test]
    fn large_groups_are_compared_as_small_ones_are() {
        let texts: Vec<String> = (0..300)
            .map(|i| (0..i % 150).map(|j| format!("w{}", (i * i + j * (i + 3)) % 40)).collect::<Vec<_>>().join(" "))
            .collect();
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (text, ends) = joined(&all);
        let read = Texts::new(text.as_bytes(), &ends).unwrap();
        assert!(cost(&read, 0..300, None) > LARGE && cost(&read, 17..19, Some(Tokens::Words)) < LARGE);
        for threads in [1, 3] {
            pool::with_threads(Some(threads), || {
                let (j, r) = (jaccard(&all, &[0, 300]), rouge(&all, &[0, 300]));
                for (a, b) in [(0, 1), (17, 18), (149, 299), (3, 140), (100, 101)] {
                    let pair = [all[a], all[b]];
                    assert_eq!(j[a * 300 + b], jaccard(&pair, &[0, 2])[1]);
                    assert_eq!(r[b * 300 + a], rouge(&pair, &[0, 2])[1]);
                }
            })
            .unwrap();
        }
    }

    #[test]
    fn bad_offsets_are_named() {
        let texts = Texts::new(b"ab", &[1, 2]).unwrap();
        assert_eq!(jaccard_similarity(&texts, &[0, 1]).unwrap_err(), Error::OffsetsEnd { last: 1, rows: 2 });
        assert_eq!(jaccard_similarity(&texts, &[0, 2, 2]).unwrap_err(), Error::EmptyGroup { group: 1 });
        assert_eq!(
            "stems".parse::<Tokens>().unwrap_err().to_string(),
            "tokens: is \"stems\", must be one of words, rouge_score"
        );
    }

    #[test]
    fn what_does_not_fit_into_memory_is_an_error() {
        assert_eq!(zeros(usize::MAX / 4).unwrap_err(), Error::Entries { entries: usize::MAX / 4 });
    }
}
