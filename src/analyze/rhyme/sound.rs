//! The sound of a word and of a line's end, in the language of its script.

use super::kind::Kind;
use super::{english, russian};

/// Words before the last that the end of a line may take in: `met a four`, `let it go`.
const WORDS_BEFORE: usize = 3;
/// A Russian and an English word: they can rhyme, but a verse that asks it of the reader is rare.
const OTHER_LANGUAGE: f64 = -3.0;

/// Set in the code of a Russian vowel.
const RUSSIAN: u8 = 0x80;

/// A word as it is spoken.
#[derive(Clone, Debug)]
pub(super) enum Word {
    English(english::Word),
    Russian(russian::Sound),
}

/// The end of a line.
#[derive(Clone, Debug)]
pub(super) enum Sound {
    English(english::Sound),
    Russian(russian::Sound),
}

impl Word {
    pub(super) fn of(word: &str) -> Word {
        if word.chars().any(|c| matches!(c, '\u{400}'..='\u{52f}')) {
            Word::Russian(russian::Sound::of(word))
        } else {
            Word::English(english::Word::of(word))
        }
    }

    pub(super) fn syllables(&self) -> usize {
        match self {
            Word::English(word) => word.syllables(),
            Word::Russian(word) => word.vowels().len(),
        }
    }

    /// Adds the vowels as spoken, one a syllable; those of two languages never agree.
    pub(super) fn extend_vowels(&self, vowels: &mut Vec<u8>) {
        match self {
            Word::English(word) => vowels.extend(word.vowels()),
            Word::Russian(word) => vowels.extend(word.vowels().iter().map(|vowel| vowel | RUSSIAN)),
        }
    }

    /// Words that rhyme perfectly have the same; none where there is no vowel.
    pub(super) fn rhyme_key(&self) -> Option<u64> {
        match self {
            Word::English(word) => word.rhyme_key(),
            Word::Russian(word) => word.rhyme_key(),
        }
    }
}

impl Sound {
    /// None for a line without words.
    pub(super) fn of_line(line: &[u32], words: &[Word]) -> Option<Sound> {
        let word = |number: u32| words.get(usize::try_from(number).ok()?);
        let (&last, before) = line.split_last()?;
        match word(last)? {
            Word::Russian(sound) => Some(Sound::Russian(sound.clone())),
            Word::English(last) => {
                let before = before.get(before.len().saturating_sub(WORDS_BEFORE)..).unwrap_or_default();
                let mut english = [None; WORDS_BEFORE];
                let mut count = 0;
                for &number in before {
                    match (word(number), english.get_mut(count)) {
                        (Some(Word::English(word)), Some(place)) => {
                            *place = Some(word);
                            count += 1;
                        }
                        _ => (english, count) = ([None; WORDS_BEFORE], 0),
                    }
                }
                Some(Sound::English(english::Sound::of(english.into_iter().flatten(), last)))
            }
        }
    }
}

/// Natural log of how much likelier the two are where their lines rhyme than where they do not.
pub(super) fn log_odds(left: &Sound, right: &Sound) -> f64 {
    match (left, right) {
        (Sound::English(left), Sound::English(right)) => english::log_odds(left, right),
        (Sound::Russian(left), Sound::Russian(right)) => russian::log_odds(left, right),
        _ => OTHER_LANGUAGE,
    }
}

pub(super) fn kind(left: &Sound, right: &Sound) -> Option<Kind> {
    match (left, right) {
        (Sound::English(left), Sound::English(right)) => english::kind(left, right),
        (Sound::Russian(left), Sound::Russian(right)) => russian::kind(left, right),
        _ => None,
    }
}

/// Syllables that the two share from a stressed vowel on; 0 where they share none.
pub(super) fn shared_syllables(left: &Sound, right: &Sound) -> usize {
    match (left, right) {
        (Sound::English(left), Sound::English(right)) => english::shared_syllables(left, right),
        (Sound::Russian(left), Sound::Russian(right)) => russian::shared_syllables(left, right),
        _ => 0,
    }
}
