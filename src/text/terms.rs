//! How a text becomes terms: the same for an index and for a query.

use std::ops::Range;

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::stop_words;

/// Changes whenever the same text gives other terms.
pub const TERMS_VERSION: u32 = 1;

/// Characters of a term. What is longer is no word, and is cut.
const TERM_CHARS_MAX: usize = 64;

/// The languages whose words are stemmed, by ISO 639-1; `en-emodeng` is the English of 1500 to 1700 (BCP 47), in which verse
/// keeps `lovest` and `loveth`.
#[rustfmt::skip]
const LANGUAGES: &[(&str, Script, Algorithm)] = &[
    ("da", Script::Latin, Algorithm::Danish), ("de", Script::Latin, Algorithm::German),
    ("el", Script::Greek, Algorithm::Greek), ("en", Script::Latin, Algorithm::English),
    ("en-emodeng", Script::Latin, Algorithm::Earlymodernenglish), ("es", Script::Latin, Algorithm::Spanish),
    ("fi", Script::Latin, Algorithm::Finnish), ("fr", Script::Latin, Algorithm::French),
    ("hu", Script::Latin, Algorithm::Hungarian), ("it", Script::Latin, Algorithm::Italian),
    ("nl", Script::Latin, Algorithm::Dutch), ("no", Script::Latin, Algorithm::Norwegian),
    ("pl", Script::Latin, Algorithm::Polish), ("pt", Script::Latin, Algorithm::Portuguese),
    ("ro", Script::Latin, Algorithm::Romanian), ("ru", Script::Cyrillic, Algorithm::Russian),
    ("sv", Script::Latin, Algorithm::Swedish), ("tr", Script::Latin, Algorithm::Turkish),
];

/// A language whose words are stemmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
}

/// A term and where its word stands in the text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub text: String,
    pub at: Range<usize>,
}

/// Cuts texts into terms. Each word is stemmed by the first of its languages that is written in the word's script, so that a
/// text may hold several; a word of no script of theirs is a term as it is.
#[derive(Clone, Debug, Default)]
pub struct Tokenizer {
    languages: Vec<Language>,
}

impl Language {
    /// The codes of all.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        LANGUAGES.iter().map(|(code, ..)| *code)
    }

    pub fn find(code: &str) -> Option<Self> {
        LANGUAGES.iter().position(|(known, ..)| *known == code).map(Self)
    }

    fn script(self) -> Script {
        LANGUAGES[self.0].1
    }

    fn algorithm(self) -> Algorithm {
        LANGUAGES[self.0].2
    }
}

impl Tokenizer {
    /// By the codes of its languages; the error is the one that is not known.
    pub fn parse<'a>(codes: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let languages: Result<Vec<Language>, String> =
            codes.into_iter().map(|code| Language::find(code).ok_or_else(|| code.to_owned())).collect();
        Ok(Self { languages: languages? })
    }

    /// The terms of `text`, in its order: words by Unicode's rules (UAX #29), without case, accents and stress, stemmed.
    pub fn terms(&self, text: &str) -> impl Iterator<Item = Term> {
        let term = move |(at, word): (usize, &str)| Term { text: self.term(word), at: at..at + word.len() };
        text.unicode_word_indices().map(term).filter(|term| !term.text.is_empty())
    }

    /// The terms of a query, each once: without words that say nothing of what it is about, unless it has no others.
    pub fn query_terms(&self, query: &str) -> Vec<String> {
        let mut terms: Vec<(String, bool)> = Vec::new();
        for Term { text, at } in self.terms(query) {
            if !terms.iter().any(|(known, _)| *known == text) {
                terms.push((text, self.is_stop_word(&query[at])));
            }
        }
        let says_nothing = terms.iter().all(|(_, is_stop)| *is_stop);
        terms.into_iter().filter(|(_, is_stop)| says_nothing || !is_stop).map(|(term, _)| term).collect()
    }

    fn is_stop_word(&self, word: &str) -> bool {
        let word = plain_word(word);
        let words = match self.language(&word).map(Language::algorithm) {
            Some(Algorithm::English | Algorithm::Earlymodernenglish) => stop_words::ENGLISH,
            Some(Algorithm::Russian) => stop_words::RUSSIAN,
            _ => return false,
        };
        words.binary_search(&word.as_str()).is_ok()
    }

    /// The terms of `text` as an index stores them, with a space between.
    pub fn joined(&self, text: &str) -> String {
        self.terms(text).map(|term| term.text).collect::<Vec<_>>().join(" ")
    }

    fn term(&self, word: &str) -> String {
        let word = lower(word);
        let stemmed = match self.language(&word) {
            // The rules of these two know neither accents nor stress.
            Some(language) if matches!(language.algorithm(), Algorithm::English | Algorithm::Russian) => {
                stem(language, &folded(&word))
            }
            Some(language) => folded(&stem(language, &word)),
            None => folded(&word),
        };
        stemmed.chars().filter(|c| !c.is_whitespace()).take(TERM_CHARS_MAX).collect()
    }

    fn language(&self, word: &str) -> Option<Language> {
        let script = word.chars().find_map(script)?;
        self.languages.iter().copied().find(|language| language.script() == script)
    }
}

/// The words of `text` by the same rules, in its order, as they stand there but for case, accents and stress.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.unicode_words().map(plain_word)
}

/// A word without case, accents and stress.
pub fn plain_word(word: &str) -> String {
    folded(&lower(word))
}

fn stem(language: Language, word: &str) -> String {
    Stemmer::new(language.algorithm()).stem(word).into_owned()
}

/// Without case, and with one kind of apostrophe; composed.
fn lower(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase().replace('`', "'");
    }
    let plain = |c: char| if matches!(c, '\u{2018}' | '\u{2019}' | '\u{2bc}' | '`') { '\'' } else { c };
    word.nfkc().map(plain).flat_map(char::to_lowercase).collect()
}

/// Without accents and marks of stress. `й` is a letter of its own.
fn folded(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let mut folded = String::with_capacity(word.len());
    for c in word.nfd() {
        match (c, folded.chars().next_back()) {
            ('\u{306}', Some('и')) => {
                folded.pop();
                folded.push('й');
            }
            ('\u{300}'..='\u{36f}', _) => {}
            (c, _) => folded.push(c),
        }
    }
    folded
}

fn script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | '\u{aa}'..='\u{24f}' if c.is_alphabetic() => Some(Script::Latin),
        '\u{1e00}'..='\u{1eff}' => Some(Script::Latin),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Script::Greek),
        '\u{400}'..='\u{52f}' => Some(Script::Cyrillic),
        _ => None,
    }
}
