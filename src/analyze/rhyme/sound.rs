//! The sound of a word and of a line's end, in the language of its script.

use std::rc::Rc;

use super::accent::Accent;
use super::kind::Kind;
use super::russian::StressDictionary;
use super::{english, internal, russian};

/// Words before the last that the end of a line may take in: `met a four`, `let it go`.
const WORDS_BEFORE: usize = 3;
/// A Russian and an English word: they can rhyme, but a verse that asks it of the reader is rare.
const OTHER_LANGUAGE: f64 = -3.0;

/// Set in the code of a Russian vowel.
pub(super) const RUSSIAN: u8 = 0x80;

/// A word, with what of it is asked again in every text.
#[derive(Debug)]
pub(super) struct Word {
    spoken: Spoken,
    vowels: Box<[u8]>,
    accent: Option<Accent>,
    strong: Option<Strong>,
}

/// What decides which words a word rhymes with within lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strong {
    /// Words that rhyme perfectly have the same.
    pub(super) key: u64,
    /// Words that rhyme nearly have like ones.
    pub(super) accent: Accent,
}

/// A word as it is spoken.
#[derive(Debug)]
enum Spoken {
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
    /// `word` is folded; `stress` has where Russian words are stressed.
    pub(super) fn of(word: &str, stress: &StressDictionary) -> Word {
        let is_cyrillic = word.chars().any(|c| matches!(c, '\u{400}'..='\u{52f}'));
        let (spoken, vowels, rhyme_key, accent) = if is_cyrillic {
            let sound = russian::Sound::with(word, stress);
            let vowels = sound.vowels().iter().map(|vowel| vowel | RUSSIAN).collect();
            let (rhyme_key, accent) = (sound.rhyme_key(), sound.accent());
            (Spoken::Russian(sound), vowels, rhyme_key, accent)
        } else {
            let word = english::Word::of(word);
            let (vowels, rhyme_key, accent) = (word.vowels().collect(), word.rhyme_key(), word.accent());
            (Spoken::English(word), vowels, rhyme_key, accent)
        };
        let strong = rhyme_key.zip(accent).filter(|_| !internal::is_weak(word));
        Word { spoken, vowels, accent, strong: strong.map(|(key, accent)| Strong { key, accent }) }
    }

    #[inline]
    pub(super) fn syllables(&self) -> usize {
        self.vowels.len()
    }

    /// The vowels as spoken, one a syllable; those of two languages never agree.
    #[inline]
    pub(super) fn vowels(&self) -> &[u8] {
        &self.vowels
    }

    /// What near rhymes of it have in common; none where there is no vowel.
    #[inline]
    pub(super) fn accent(&self) -> Option<Accent> {
        self.accent
    }

    /// None where there is no vowel, and for a word that is too weak to rhyme within a line.
    #[inline]
    pub(super) fn strong(&self) -> Option<Strong> {
        self.strong
    }
}

impl Sound {
    /// None for a line without words.
    pub(super) fn of_line(line: &[u32], words: &[Rc<Word>]) -> Option<Sound> {
        let word = |number: u32| words.get(usize::try_from(number).ok()?).map(|word| &word.spoken);
        let (&last, before) = line.split_last()?;
        match word(last)? {
            Spoken::Russian(sound) => Some(Sound::Russian(sound.clone())),
            Spoken::English(last) => {
                let before = before.get(before.len().saturating_sub(WORDS_BEFORE)..).unwrap_or_default();
                let mut english = [None; WORDS_BEFORE];
                let mut count = 0;
                for &number in before {
                    match (word(number), english.get_mut(count)) {
                        (Some(Spoken::English(word)), Some(place)) => {
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
