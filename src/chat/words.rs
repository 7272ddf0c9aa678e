//! The words of a text as they are compared: without accents and upper case, and by their Dutch and English stems.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Characters of a word that are compared; longer ones are links and noise.
const WORD_CHARS_MAX: usize = 40;

/// How often a stem is taken of a stem.
const STEPS_MAX: usize = 4;

/// A word, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// As it is compared: `Noëlle` is `noelle`.
    pub text: String,
    /// Its first character's place in the text, in Unicode scalars.
    pub from: usize,
    /// The place after its last character.
    pub to: usize,
}

/// The words of a text, in order. What is neither letter nor digit stands between words.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut run = String::new();
    let mut from = 0;
    let mut end = 0;
    for (place, letter) in text.chars().enumerate() {
        // A mark belongs to the letter before it.
        if letter.is_alphanumeric() || (is_combining_mark(letter) && !run.is_empty()) {
            if run.is_empty() {
                from = place;
            }
            run.push(letter);
        } else if !run.is_empty() {
            found.extend(word(&run, from, place));
            run.clear();
        }
        end = place + 1;
    }
    if !run.is_empty() {
        found.extend(word(&run, from, end));
    }
    found
}

fn word(run: &str, from: usize, to: usize) -> Option<Word> {
    let plain = run.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    let text: String = plain.filter(|letter| letter.is_alphanumeric()).take(WORD_CHARS_MAX).collect();
    (!text.is_empty()).then_some(Word { text, from, to })
}

/// What Dutch and English make of words before they compare them (the Snowball stemmers).
pub(super) struct Stems {
    dutch: Stemmer,
    english: Stemmer,
}

impl Stems {
    /// Both languages.
    pub fn new() -> Self {
        Self { dutch: Stemmer::create(Algorithm::Dutch), english: Stemmer::create(Algorithm::English) }
    }

    /// The stems of a word, the same one once. A stem is the one that has itself as its stem: `fietsen` is `fiets` to the
    /// Dutch one, and `fiets` is `fiet`.
    pub fn of(&self, word: &str) -> Vec<String> {
        let stem = |stemmer: &Stemmer| {
            let mut stem = word.to_owned();
            for _ in 0..STEPS_MAX {
                let next = stemmer.stem(&stem).into_owned();
                if next == stem {
                    break;
                }
                stem = next;
            }
            stem
        };
        let mut stems = vec![stem(&self.dutch), stem(&self.english)];
        stems.dedup();
        stems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_compared_without_accents_and_case() {
        assert_eq!(fold("Noëlle van 't HOF-Ångström"), ["noelle", "van", "t", "hof", "angstrom"]);
        assert_eq!(fold("ÉMILE"), fold("E\u{301}mile"));
        assert_eq!(fold("İ"), ["i"], "a capital that folds to a letter and a mark");
        assert_eq!(fold("王 小明"), ["王", "小明"]);
        assert!(fold(" \u{0}%_*' \u{301}").is_empty());
        assert_eq!(fold(&"x".repeat(100)), ["x".repeat(40)]);
    }

    #[test]
    fn words_know_where_they_stand() {
        let places: Vec<_> =
            words("😀 E\u{301}mile, hoi").into_iter().map(|word| (word.text, word.from, word.to)).collect();
        assert_eq!(places, [("emile".to_owned(), 2, 8), ("hoi".to_owned(), 10, 13)]);
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        let stems = Stems::new();
        let share = |one: &str, other: &str| stems.of(one).iter().any(|stem| stems.of(other).contains(stem));
        for (one, other) in [
            ("fietsen", "fiets"),
            ("kamers", "kamer"),
            ("rooms", "room"),
            ("cleaning", "cleaned"),
            ("huisgenoten", "huisgenoot"),
        ] {
            assert!(share(one, other), "{one} and {other}");
        }
        assert!(!share("kamer", "keuken"));
    }
}
