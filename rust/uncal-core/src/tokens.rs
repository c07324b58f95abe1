//! What counts as a word, and the words of the texts of one group as numbers.

use std::ops::Range;
use std::str::FromStr;

use crate::vocabulary::Vocabulary;
use crate::{Error, Result, Texts};

/// How a text is cut into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Runs of characters that are Unicode's Alphabetic or numbers, lower-cased.
    Words,
    /// Those of the Python package rouge-score without its stemmer: lower-cased, then runs of a to z and 0 to 9.
    RougeScore,
}

impl FromStr for Tokens {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "words" => Self::Words,
            "rouge_score" => Self::RougeScore,
            _ => return Err(Error::setting("tokens", name, "one of words, rouge_score")),
        })
    }
}

impl Tokens {
    pub(crate) fn each(self, text: &str, space: &mut String, token: impl FnMut(&[u8])) {
        match self {
            Self::Words => each_run(text, char::is_alphanumeric, space, token),
            Self::RougeScore if text.is_ascii() => each_run(text, |c| c.is_ascii_alphanumeric(), space, token),
            // Two characters beyond ASCII have a lower case in it, so that comes first.
            Self::RougeScore => each_run(&text.to_lowercase(), |c| c.is_ascii_alphanumeric(), space, token),
        }
    }
}

/// The words of Python's `str.lower().split()`.
pub(crate) fn each_white_space_word(text: &str, space: &mut String, word: impl FnMut(&[u8])) {
    // Python also counts the four separators of ASCII.
    each_run(text, |c| !c.is_whitespace() && !('\x1c'..='\x1f').contains(&c), space, word);
}

/// Every longest run of characters that are `inside`, lower-cased.
///
/// What becomes of a letter depends on its neighbours for the Greek sigma alone, and white space, which is neither
/// letter nor ignored there, does not change that.
fn each_run(text: &str, inside: impl Fn(char) -> bool, space: &mut String, mut run: impl FnMut(&[u8])) {
    if text.is_ascii() {
        space.clear();
        space.push_str(text);
        space.make_ascii_lowercase();
        let parts = space.as_bytes().split(|&byte| !inside(char::from(byte)));
        return parts.filter(|part| !part.is_empty()).for_each(run);
    }
    for part in text.split(|c| !inside(c)).filter(|part| !part.is_empty()) {
        run(part.to_lowercase().as_bytes());
    }
}

/// The distinct texts of one group, each as the numbers of its tokens; used for one group after the other.
#[derive(Debug, Default)]
pub(crate) struct Group {
    texts: Vocabulary,
    tokens: Vocabulary,
    text_of: Vec<usize>,
    numbers: Vec<u32>,
    ends: Vec<usize>,
    last_text: Vec<usize>,
    space: String,
}

impl Group {
    /// Read the texts in `rows`, with repeated tokens or each token once, where it comes first.
    pub(crate) fn read(&mut self, texts: &Texts<'_>, rows: Range<usize>, tokens: Option<Tokens>) {
        let Self { texts: known, tokens: vocabulary, text_of, numbers, ends, last_text, space } = self;
        known.clear();
        vocabulary.clear();
        text_of.clear();
        numbers.clear();
        ends.clear();
        last_text.clear();
        for row in rows {
            let text = texts.get(row);
            let number = known.number(text.as_bytes()) as usize;
            text_of.push(number);
            if number < ends.len() {
                continue;
            }
            match tokens {
                Some(tokens) => tokens.each(text, space, |token| numbers.push(vocabulary.number(token))),
                None => each_white_space_word(text, space, |word| {
                    let word = vocabulary.number(word);
                    match last_text.get_mut(word as usize) {
                        Some(last) if *last == number => return,
                        Some(last) => *last = number,
                        None => last_text.push(number),
                    }
                    numbers.push(word);
                }),
            }
            ends.push(numbers.len());
        }
    }

    /// How many distinct texts there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many distinct tokens they have.
    pub(crate) fn n_tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Which distinct text stands in each row.
    pub(crate) fn text_of(&self) -> &[usize] {
        &self.text_of
    }

    /// The tokens of a distinct text.
    pub(crate) fn tokens(&self, text: usize) -> &[u32] {
        let start = if text == 0 { 0 } else { self.ends[text - 1] };
        &self.numbers[start..self.ends[text]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(each: impl Fn(&str, &mut String, &mut dyn FnMut(&[u8])), text: &str) -> Vec<String> {
        let mut found = Vec::new();
        each(text, &mut String::from("left over"), &mut |token| found.push(String::from_utf8(token.into()).unwrap()));
        found
    }

    #[test]
    fn known_tokens() {
        let white = |text| all(|text, space, f| each_white_space_word(text, space, f), text);
        let words = |text| all(|text, space, f| Tokens::Words.each(text, space, f), text);
        let rouge = |text| all(|text, space, f| Tokens::RougeScore.each(text, space, f), text);
        assert_eq!(white(" The\tcat's\x1chat.\u{a0}The "), ["the", "cat's", "hat.", "the"]);
        assert_eq!(words(" The\tcat's\x1chat.\u{a0}The "), ["the", "cat", "s", "hat", "the"]);
        assert_eq!(rouge(" The\tcat's\x1chat.\u{a0}The "), ["the", "cat", "s", "hat", "the"]);
        assert_eq!(white("The\x1c\tX-ray, the"), ["the", "x-ray,", "the"]);
        assert_eq!(words("The\x1c\tX-ray, 2"), ["the", "x", "ray", "2"]);
        assert_eq!(rouge("The\x1c\tX-ray, 2"), ["the", "x", "ray", "2"]);
        assert_eq!(white("ΟΔΥΣΣΕΥΣ ΣΣ Σ"), ["οδυσσευς", "σς", "σ"]);
        assert_eq!(words("Ünter_x² №5 日本"), ["ünter", "x²", "5", "日本"]);
        assert_eq!(rouge("Ünter_x² 3\u{212a} İx"), ["nter", "x", "3k", "i", "x"]); // a Kelvin sign
        assert_eq!(words("İx"), ["i\u{307}x"]);
        for blank in ["", " ", "\u{2003}\x1f\n"] {
            assert!(white(blank).is_empty() && words(blank).is_empty() && rouge(blank).is_empty());
        }
        assert!(words("?! -").is_empty() && rouge("日本").is_empty());
    }

    #[test]
    fn equal_texts_are_read_once_and_a_group_does_not_see_the_one_before() {
        let texts = Texts::new(b"b aa b" as &[u8], &[4, 6]).unwrap();
        let mut group = Group::default();
        group.read(&texts, 0..2, None);
        assert_eq!((group.len(), group.n_tokens()), (2, 2));
        assert_eq!((group.tokens(0), group.tokens(1)), (&[0, 1][..], &[0][..]));
        let texts = Texts::new(b"c a cc a c" as &[u8], &[5, 10]).unwrap();
        group.read(&texts, 0..2, Some(Tokens::Words));
        assert_eq!((group.len(), group.text_of()), (1, &[0, 0][..]));
        assert_eq!(group.tokens(0), [0, 1, 0]);
        group.read(&texts, 1..2, None);
        assert_eq!((group.text_of(), group.tokens(0)), (&[0][..], &[0, 1][..]));
    }
}
