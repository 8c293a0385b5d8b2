//! The lines of a corpus, each made from its index alone.

use std::io;

use super::draw::Draws;
use super::plant::{Change, Class, Draft, PLANTS, Plant};
use super::row::Row;
use super::song::{self, Languages, Song};
use super::truth::{Details, Truth};

/// All lines that a seed stands for; none is kept.
pub struct Lines {
    seed: u64,
    faults: bool,
    pub languages: Languages,
}

/// One line, and the truth about it.
pub struct Line {
    /// Without the line break.
    pub bytes: Vec<u8>,
    pub class: Class,
    pub truth: Truth,
}

impl Lines {
    pub fn new(seed: u64, faults: bool) -> Lines {
        Lines { seed, faults, languages: Languages::new() }
    }

    /// The line at `index`, from 0; its number is one more.
    pub fn line(&self, index: u64) -> io::Result<Line> {
        let mut plant = self.plant(index);
        let mut draws = Draws::new(self.seed, plant.name, index);
        let mut draft = Draft { index, key: index, song: self.song(index), details: Details::default() };
        if let Change::Song(change) = plant.change
            && change(self, &mut draft, &mut draws).is_none()
        {
            plant = &Plant::CLEAN;
        }
        let verse = draft.song.truth();
        let mut details = draft.details;
        let mut row = Row::new(draft.key + 1, draft.song);
        if let Change::Row(change) = plant.change {
            change(&mut row, &mut details, &mut draws);
        }
        let mut bytes = serde_json::to_vec(&row)?;
        if let Change::Bytes(change) = plant.change {
            change(&mut bytes, &mut draws);
        }
        let has_verse = plant.class != Class::Broken && row.lyrics.text().is_some();
        let truth = Truth {
            line: index + 1,
            track_id: row.track_id.text().map(str::to_owned),
            planted: plant.name,
            expected: plant.class.expected(),
            details,
            verse: has_verse.then_some(verse),
        };
        Ok(Line { bytes, class: plant.class, truth })
    }

    pub fn song(&self, index: u64) -> Song {
        song::compose(self.seed, &self.languages, index)
    }

    /// A clean line before `index`, of `parity` by its index; none where a few tries find none, as at the beginning.
    pub fn earlier_clean(&self, index: u64, parity: u64, draws: &mut Draws) -> Option<u64> {
        const TRIES: usize = 8;
        let pairs = u32::try_from(index / 2).unwrap_or(u32::MAX);
        if pairs == 0 {
            return None;
        }
        let mut tries = (0..TRIES).map(|_| u64::from(draws.below(pairs)) * 2 + parity);
        tries.find(|&earlier| self.plant(earlier).class == Class::Clean)
    }

    /// What is to be planted at `index`.
    fn plant(&self, index: u64) -> &'static Plant {
        let mut left = Draws::new(self.seed, "plant", index).below(1000);
        for plant in PLANTS.iter().filter(|_| self.faults) {
            if left < plant.per_mille {
                return plant;
            }
            left -= plant.per_mille;
        }
        &Plant::CLEAN
    }
}
