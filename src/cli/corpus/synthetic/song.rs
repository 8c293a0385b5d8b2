//! An invented track before anything is done to it.

use super::artist::{self, Credits};
use super::draw::Draws;
use super::sense::{self, Sense};
use super::truth;
use super::verse::{self, Verse};
use super::vocabulary::{Vocabulary, Word};

/// What a row says of a track, but for its key.
pub struct Song {
    pub language: Word,
    pub title: String,
    pub credits: Credits,
    pub verse: Verse,
    pub sense: Sense,
}

/// The rest is in English.
const RUSSIAN_PER_MILLE: u32 = 200;

/// The vocabularies that tracks are made of.
pub struct Languages {
    english: Vocabulary,
    russian: Vocabulary,
}

impl Languages {
    pub fn new() -> Languages {
        Languages { english: Vocabulary::english(), russian: Vocabulary::russian() }
    }

    pub fn of(&self, song: &Song) -> &Vocabulary {
        if song.language == self.russian.language { &self.russian } else { &self.english }
    }
}

/// The track at `index`, whatever its line makes of it. What is planted in the text itself starts here, from a stream
/// of its own.
pub fn compose(seed: u64, languages: &Languages, index: u64) -> Song {
    let mut draws = Draws::new(seed, "song", index);
    let russian = draws.per_mille(RUSSIAN_PER_MILLE);
    let vocabulary = if russian { &languages.russian } else { &languages.english };
    let mut verse = verse::compose(vocabulary, &mut Draws::new(seed, "verse", index));
    let sense = sense::plant(&mut verse, russian, &mut Draws::new(seed, "sense", index));
    Song {
        language: vocabulary.language,
        title: vocabulary.called(&vocabulary.titles, &mut draws),
        credits: artist::credits(seed, vocabulary, &mut draws),
        verse,
        sense,
    }
}

impl Song {
    pub fn truth(&self) -> truth::Verse {
        truth::Verse {
            scheme: self.verse.scheme,
            language: self.language,
            chorus: self.verse.chorus.is_some(),
            form: self.verse.form(),
            theme: self.sense.theme,
            arc: self.sense.arc,
        }
    }
}
