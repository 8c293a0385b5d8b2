//! The words of one language, ready to be drawn.

use super::draw::Draws;

mod english;
mod russian;

/// A word, or a few, out of the program itself.
pub type Word = &'static str;

/// The words of one language.
pub struct Vocabulary {
    /// The language's code in the row.
    pub language: Word,
    /// From the most to the least frequent, no word twice.
    words: Vec<Word>,
    /// Ranks, each as many times as Zipf's law says.
    slots: Vec<u16>,
    /// Groups of words that rhyme with each other and with no other group: five or more each.
    pub rhymes: Vec<Vec<Word>>,
    pub images: Vec<Word>,
    pub titles: Vec<Word>,
    pub books: Vec<Word>,
    pub first_names: Vec<Word>,
    pub family_names: Vec<Word>,
    /// What a woman's family name has that a man's has not.
    pub feminine_ending: Word,
}

impl Vocabulary {
    pub fn english() -> Vocabulary {
        Vocabulary {
            language: "en",
            words: words(english::WORDS),
            slots: zipf_slots(words(english::WORDS).len()),
            rhymes: groups(english::RHYMES),
            images: words(english::IMAGES),
            titles: english::TITLES.split('|').collect(),
            books: english::BOOKS.split('|').collect(),
            first_names: words(english::FIRST_NAMES),
            family_names: words(english::FAMILY_NAMES),
            feminine_ending: "",
        }
    }

    pub fn russian() -> Vocabulary {
        Vocabulary {
            language: "ru",
            words: words(russian::WORDS),
            slots: zipf_slots(words(russian::WORDS).len()),
            rhymes: groups(russian::RHYMES),
            images: words(russian::IMAGES),
            titles: russian::TITLES.split('|').collect(),
            books: russian::BOOKS.split('|').collect(),
            first_names: words(russian::FIRST_NAMES),
            family_names: words(russian::FAMILY_NAMES),
            feminine_ending: "а",
        }
    }

    /// A word by Zipf's law that is not `other`.
    pub fn word_other_than(&self, other: Word, draws: &mut Draws) -> Word {
        let rank = usize::from(*draws.pick(&self.slots));
        if self.words[rank] != other {
            return self.words[rank];
        }
        self.words[(rank + 1) % self.words.len()]
    }

    /// One of `patterns` with an image in place of each `*`.
    pub fn called(&self, patterns: &[Word], draws: &mut Draws) -> String {
        let mut called = String::new();
        let mut used = Vec::new();
        for part in draws.pick(patterns).split_inclusive('*') {
            called.push_str(part.trim_end_matches('*'));
            if part.ends_with('*') {
                called.push_str(self.images[draws.fresh(&self.images, &mut used)]);
            }
        }
        called
    }
}

fn words(text: Word) -> Vec<Word> {
    text.split_whitespace().collect()
}

fn groups(text: Word) -> Vec<Vec<Word>> {
    text.trim().lines().map(words).collect()
}

/// Ranks by Zipf's law as Mandelbrot flattened it: a word's share goes with 1 / (rank + `FLATTENING`), ranks from 0.
fn zipf_slots(words: usize) -> Vec<u16> {
    let weights = || (0..words as u64).map(|rank| SCALE / (rank + FLATTENING));
    let total: u64 = weights().sum();
    let slots_of = |weight: u64| (weight * SLOTS / total) as usize;
    (0..).zip(weights()).flat_map(|(rank, weight)| std::iter::repeat_n(rank, slots_of(weight))).collect()
}

/// About the length of a list of ranks: enough that the rarest of 500 words gets a place.
const SLOTS: u64 = 4096;

/// With 3, the first word is one in 15, about what "the" is in verse.
const FLATTENING: u64 = 3;

/// So large that dividing it by a rank loses nothing that shows.
const SCALE: u64 = 1 << 32;
