//! A text as stanzas, lines of verse and words.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use unicode_normalization::UnicodeNormalization;

use crate::analyze::labels::label;
use crate::text::{self, is_blank};

/// Letters of a word that are kept, from its start: longer ones are no words.
const WORD_LETTERS_MAX: usize = 64;
/// Words of a line that are kept, from its end: longer lines are prose or noise.
const LINE_WORDS_MAX: usize = 64;

/// What rhyme needs to know of a text.
#[derive(Debug, Default)]
pub(super) struct Verse {
    /// The different words, folded, in the order of their first occurrence.
    pub(super) words: Vec<String>,
    pub(super) lines: Vec<Line>,
    /// Where each stanza's lines end in `lines`.
    pub(super) stanzas: Vec<usize>,
}

/// A line with a word in it.
#[derive(Debug)]
pub(super) struct Line {
    /// Indices into [`Verse::words`].
    pub(super) words: Vec<u32>,
}

impl Verse {
    /// Stanzas stand between blank lines and labels: `[Chorus]` alone in a line is no line of verse.
    pub(super) fn of(text: &str) -> Verse {
        let mut verse = Verse::default();
        let mut numbers = Numbers::default();
        for line in text::lines(text) {
            if is_blank(line) || label(line).is_some() {
                verse.end_stanza();
                continue;
            }
            let words = words(sung(line), &mut numbers, &mut verse.words);
            if !words.is_empty() {
                verse.lines.push(Line { words });
            }
        }
        verse.end_stanza();
        verse
    }

    fn end_stanza(&mut self) {
        if self.stanzas.last().copied().unwrap_or(0) < self.lines.len() {
            self.stanzas.push(self.lines.len());
        }
    }
}

/// The line without ad-libs in parentheses at its end, where something stands before them.
fn sung(line: &str) -> &str {
    let mut rest = line.trim_end();
    loop {
        let open = rest.trim_end_matches(['.', ',', '!', '?', ';', ':', ' ']).strip_suffix([')', ']']);
        let Some(before) = open.and_then(|inner| inner.rfind(['(', '['])).and_then(|at| rest.get(..at)) else {
            return rest;
        };
        if !before.chars().any(char::is_alphabetic) {
            return rest;
        }
        rest = before.trim_end();
    }
}

/// The number of each word that was met.
#[derive(Default)]
struct Numbers {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Numbers {
    fn of(&mut self, word: &str, known: &mut Vec<String>) -> u32 {
        let spelling =
            |number: &u32| usize::try_from(*number).ok().and_then(|at| known.get(at)).map_or("", String::as_str);
        let hash = self.hasher.hash_one(word);
        if let Some(&number) = self.table.find(hash, |number| spelling(number) == word) {
            return number;
        }
        let number = u32::try_from(known.len()).unwrap_or(u32::MAX);
        self.table.insert_unique(hash, number, |number| self.hasher.hash_one(spelling(number)));
        known.push(word.to_owned());
        number
    }
}

fn words(line: &str, numbers: &mut Numbers, known: &mut Vec<String>) -> Vec<u32> {
    if line.is_ascii() {
        return ascii_words(line, numbers, known);
    }
    let mut words = Vec::new();
    let mut folded = String::new();
    for token in line.rsplit(|c: char| !is_letter(c)).take(16 * LINE_WORDS_MAX) {
        fold(without_stray_marks(token), &mut folded);
        if !folded.chars().any(char::is_alphabetic) {
            continue;
        }
        let number = numbers.of(&folded, known);
        words.push(number);
        if words.len() == LINE_WORDS_MAX {
            break;
        }
    }
    words.reverse();
    words
}

/// The same for a line of ASCII, which is folded as a whole.
fn ascii_words(line: &str, numbers: &mut Numbers, known: &mut Vec<String>) -> Vec<u32> {
    let mut words = Vec::with_capacity(line.len().min(LINE_WORDS_MAX) / 4 + 1);
    let folded = line.to_ascii_lowercase();
    let folded = if folded.contains('`') { folded.replace('`', "'") } else { folded };
    let mut rest = Some(folded.as_str());
    for _ in 0..16 * LINE_WORDS_MAX {
        let Some(line) = rest else { break };
        let cut = line.bytes().rposition(|b| !b.is_ascii_lowercase() && b != b'\'');
        let token = line.get(cut.map_or(0, |cut| cut + 1)..).unwrap_or_default();
        rest = cut.and_then(|cut| line.get(..cut));
        let word = token.get(..WORD_LETTERS_MAX).unwrap_or(token);
        if !word.bytes().any(|b| b.is_ascii_lowercase()) {
            continue;
        }
        words.push(numbers.of(word, known));
        if words.len() == LINE_WORDS_MAX {
            break;
        }
    }
    words.reverse();
    words
}

/// Dashes and quotes of Mac Roman that were read as Latin 1, as older plain texts have them: `moreÑ`, `ÔFatherÕ`.
fn without_stray_marks(token: &str) -> &str {
    token.trim_matches(|c| matches!(c, 'Ð' | 'Ñ' | 'Ò' | 'Ó' | 'Ô' | 'Õ'))
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || is_apostrophe(c) || matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200c}'..='\u{200d}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '＇' | '`')
}

/// Lower case, NFC, apostrophes as `'` and none before a word but in `'tis`; without what does not show.
fn fold(token: &str, folded: &mut String) {
    folded.clear();
    let mut plain = true;
    for c in token.chars().take(WORD_LETTERS_MAX) {
        match c {
            'A'..='Z' => folded.push(c.to_ascii_lowercase()),
            '\0'..='\u{7f}' => folded.push(if is_apostrophe(c) { '\'' } else { c }),
            _ if is_apostrophe(c) => folded.push('\''),
            '\u{ad}' | '\u{200c}' | '\u{200d}' => {}
            _ => {
                plain = false;
                folded.extend(c.to_lowercase());
            }
        }
    }
    if !plain {
        *folded = folded.nfc().collect();
    }
}
