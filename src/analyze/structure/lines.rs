//! The lines of a text, and what of each is compared with others.

use hashbrown::HashMap;
use unicode_segmentation::UnicodeSegmentation;

use crate::analyze::labels::{Kind, label};
use crate::analyze::lexical::{fold, syllables_of_word};
use crate::text::{self, is_blank};

/// Characters of a line's end that decide whether it rhymes by its spelling.
const TAIL_CHARS: usize = 6;

/// A line that is neither blank nor a label.
pub(super) struct Line<'text> {
    /// As it is written, without the white space around.
    pub(super) text: &'text str,
    /// Lines of the same words have the same number.
    pub(super) number: usize,
    pub(super) syllables: usize,
    /// The last letters of its last word, from the last vowel on, the last first; empty where it has no word.
    pub(super) tail: Tail,
    /// Whether a blank line or a label stands before it.
    pub(super) opens: bool,
    /// What the label says.
    pub(super) kind: Option<Kind>,
}

/// The end of a line as it is spelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// The last word's number.
    word: Option<usize>,
    /// From its last group of vowels on.
    ending: String,
    last_two: String,
}

impl Tail {
    /// Whether two ends look as if they rhymed.
    pub(super) fn rhymes_with(&self, other: &Self) -> bool {
        if self.word.is_none() || other.word.is_none() {
            return false;
        }
        self.word == other.word
            || self.ending == other.ending
            || (self.ending.chars().count() <= 2 && self.last_two == other.last_two)
    }
}

/// The lines of verse.
pub(super) fn of(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut words: HashMap<String, usize> = HashMap::new();
    let (mut opens, mut kind) = (false, None);
    for written in text::lines(text) {
        if is_blank(written) {
            opens = true;
            continue;
        }
        if let Some(found) = label(written) {
            (opens, kind) = (true, Some(found));
            continue;
        }
        lines.push(line(written.trim(), opens, kind.take(), &mut numbers, &mut words));
        opens = false;
    }
    lines
}

fn line<'text>(
    text: &'text str,
    opens: bool,
    kind: Option<Kind>,
    numbers: &mut HashMap<String, usize>,
    words: &mut HashMap<String, usize>,
) -> Line<'text> {
    let folded = fold(text);
    let mut key = String::with_capacity(folded.len());
    let (mut syllables, mut last) = (0, "");
    for word in folded.unicode_words() {
        syllables += syllables_of_word(word);
        key.push_str(word);
        key.push(' ');
        last = word;
    }
    let next = numbers.len();
    // A line without words is like no other.
    let number = if key.is_empty() {
        numbers.insert(format!("\n{next}"), next);
        next
    } else {
        *numbers.entry(key).or_insert(next)
    };
    Line { text, number, syllables, tail: tail(last, words), opens, kind }
}

fn tail(word: &str, words: &mut HashMap<String, usize>) -> Tail {
    if word.is_empty() {
        return Tail::default();
    }
    let next = words.len();
    let number = match words.get(word) {
        Some(number) => *number,
        None => {
            words.insert(word.to_owned(), next);
            next
        }
    };
    let letters: Vec<char> = word.chars().rev().take(TAIL_CHARS).collect();
    // A silent `e` at the end belongs to the vowel before it.
    let silent = usize::from(letters.first() == Some(&'e') && letters.iter().skip(1).any(|c| is_vowel(*c)));
    let vowel = letters.iter().skip(silent).position(|c| is_vowel(*c)).map(|at| at + silent);
    let ending = match vowel {
        Some(at) => at + letters[at..].iter().take_while(|c| is_vowel(**c)).count(),
        None => letters.len(),
    };
    Tail { word: Some(number), ending: letters[..ending].iter().collect(), last_two: letters.iter().take(2).collect() }
}

fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'а' | 'е' | 'ё' | 'и' | 'о' | 'у' | 'ы' | 'э' | 'ю' | 'я')
}
