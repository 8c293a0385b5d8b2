//! The kinds of rhyme.

/// How two words rhyme. Identical words are told apart before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The same sounds from the stressed vowel on: `night`, `bright`.
    Perfect,
    /// The same vowels, and consonants of the same family: `wide`, `like`; or one consonant more: `wide`, `guides`.
    Family,
    /// The same vowels only: `wide`, `time`.
    Assonant,
    /// The same letters from the vowel on, other sounds: `love`, `move`; rhymes of older pronunciations are among them.
    Spelling,
}
