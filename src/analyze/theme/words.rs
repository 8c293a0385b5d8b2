//! The words of a text, line by line, each with its stem.

use hashbrown::HashMap;
use unicode_segmentation::UnicodeSegmentation;

use super::stems;
use super::stop_words::is_stop_word;
use crate::analyze::labels::label;
use crate::analyze::lexical::fold;
use crate::text::{self, is_blank};

/// Bytes of a word that are kept; the longest word of either language has some sixty. A longer one is no word.
const WORD_BYTES_MAX: usize = 80;

/// A word of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    /// Words of the same stem have the same number.
    pub(super) stem: u32,
    /// Words of the same letters have the same number.
    pub(super) form: u32,
    pub(super) is_stop_word: bool,
    /// Whether more than white space or a hyphen stands before it: no phrase goes across.
    pub(super) after_mark: bool,
}

/// Names that are given numbers in the order in which they come.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    names: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Numbers {
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // A text has fewer words than 2^32 bytes: it is bounded where it comes in.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    pub(super) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }
}

/// The lines of a text that are verse, as words.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) lines: Vec<Line>,
    /// Of the text, those without a word included.
    pub(super) stanzas: usize,
    pub(super) vocabulary: Vocabulary,
}

/// The different words of a text, or of the seeds.
#[derive(Clone, Debug, Default)]
pub(super) struct Vocabulary {
    pub(super) stems: Numbers,
    /// Words as they are written, folded.
    pub(super) forms: Numbers,
    /// Of each form its stem, and whether it is a stop word: a form is stemmed once.
    known: Vec<Option<(u32, bool)>>,
    /// What a stem is written into.
    buffer: String,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) words: Vec<Word>,
    /// The place of its stanza.
    pub(super) stanza: usize,
    /// What the line counts: 1 the first time, a quarter the second, a ninth the third. A chorus that returns is no
    /// evidence of its own, and however often it comes it counts less than two lines would.
    pub(super) freshness: f64,
}

impl Words {
    /// Lines without a word and labels such as `[Chorus]` are left out.
    pub(super) fn of(text: &str) -> Self {
        let mut words = Self::default();
        let mut known: HashMap<Box<[u32]>, usize> = HashMap::new();
        for (stanza, written) in text::stanzas(text).into_iter().enumerate() {
            words.stanzas += 1;
            for line in text::lines(written).filter(|line| !is_blank(line) && label(line).is_none()) {
                let line = words.vocabulary.line_words(line);
                if !line.is_empty() {
                    words.push(line, stanza, &mut known);
                }
            }
        }
        words
    }

    fn push(&mut self, line: Vec<Word>, stanza: usize, known: &mut HashMap<Box<[u32]>, usize>) {
        let key: Box<[u32]> = line.iter().map(|word| word.form).collect();
        let times = known.entry(key).or_insert(0);
        *times += 1;
        self.lines.push(Line { words: line, stanza, freshness: 1.0 / (*times * *times) as f64 });
    }
}

impl Vocabulary {
    /// The words of UAX #29 of one line, without the `_` of plain-text emphasis.
    pub(super) fn line_words(&mut self, line: &str) -> Vec<Word> {
        let folded = fold(line);
        let mut words = Vec::new();
        let mut end = 0;
        for (start, written) in folded.unicode_word_indices() {
            let word = written.trim_matches('_');
            let between = folded.get(end..start).unwrap_or_default();
            if word.is_empty() || word.len() > WORD_BYTES_MAX {
                // It stays between the words around it: nothing joins across what is no word.
                continue;
            }
            end = start + written.len();
            let is_cut = folded.get(end..).is_some_and(|rest| rest.starts_with('\''));
            let after_mark = between.chars().any(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}' | '\u{2011}'));
            words.push(self.word(word, is_cut, after_mark));
        }
        words
    }

    fn word(&mut self, word: &str, is_cut: bool, after_mark: bool) -> Word {
        let form = self.forms.number(word);
        if let Some(Some((stem, is_stop_word))) = self.known.get(form as usize).filter(|_| !is_cut) {
            return Word { stem: *stem, form, is_stop_word: *is_stop_word, after_mark };
        }
        stems::stem(word, is_cut, &mut self.buffer);
        let (stem, is_stop_word) = (self.stems.number(&self.buffer), is_stop_word(word));
        if self.known.len() <= form as usize {
            self.known.resize(form as usize + 1, None);
        }
        // `singin'` is `singing` there alone.
        if let Some(known) = self.known.get_mut(form as usize).filter(|_| !is_cut) {
            *known = Some((stem, is_stop_word));
        }
        Word { stem, form, is_stop_word, after_mark }
    }
}
