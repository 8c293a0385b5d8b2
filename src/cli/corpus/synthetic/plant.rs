//! What is planted beside clean tracks, how often, and how.
//!
//! A new plant is a row at the end of the table and a small function. It takes its lines from the clean ones; the others
//! stay as they are, but for duplicates of what it took. What is planted in the text itself starts in `song::compose`.

use super::draw::Draws;
use super::line::Lines;
use super::row::{Cell, Row, track_id};
use super::song::Song;
use super::truth::{Details, Expected};
use Class::{Broken, Duplicate, DuplicateKey, Missing};

/// Something that is planted in some lines, at most one a line.
pub struct Plant {
    /// The truth's `planted`.
    pub name: &'static str,
    /// Of all lines.
    pub per_mille: u32,
    pub class: Class,
    pub change: Change,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Clean,
    Duplicate,
    DuplicateKey,
    Missing,
    Broken,
}

/// Where in the making of a line a plant comes in.
#[derive(Clone, Copy)]
pub enum Change {
    Nothing,
    /// In the track or its key. Where there is no earlier track to repeat, the answer is none and the line stays clean.
    Song(fn(&Lines, &mut Draft, &mut Draws) -> Option<()>),
    /// In the values of the row.
    Row(fn(&mut Row, &mut Details, &mut Draws)),
    /// In the line as written, without its line break.
    Bytes(fn(&mut Vec<u8>, &mut Draws)),
}

/// A line before its row is made.
pub struct Draft {
    pub index: u64,
    /// The index of the line whose key it gets.
    pub key: u64,
    pub song: Song,
    pub details: Details,
}

/// In the order of the draw. Rates add up to less than 1000.
#[rustfmt::skip]
pub const PLANTS: &[Plant] = &[
    Plant { name: "exact_duplicate", per_mille: 10, class: Duplicate, change: Change::Song(exact_duplicate) },
    Plant { name: "near_duplicate", per_mille: 20, class: Duplicate, change: Change::Song(near_duplicate) },
    Plant { name: "duplicate_key", per_mille: 2, class: DuplicateKey, change: Change::Song(duplicate_key) },
    Plant { name: "missing_title", per_mille: 10, class: Missing, change: Change::Row(missing_title) },
    Plant { name: "missing_year", per_mille: 20, class: Missing, change: Change::Row(missing_year) },
    Plant { name: "missing_artist", per_mille: 10, class: Missing, change: Change::Row(missing_artist) },
    Plant { name: "empty_lyrics", per_mille: 5, class: Missing, change: Change::Row(empty_lyrics) },
    Plant { name: "not_json", per_mille: 1, class: Broken, change: Change::Bytes(not_json) },
    Plant { name: "truncated", per_mille: 1, class: Broken, change: Change::Bytes(truncated) },
    Plant { name: "broken_year", per_mille: 2, class: Broken, change: Change::Row(broken_year) },
    Plant { name: "wrong_type", per_mille: 1, class: Broken, change: Change::Row(wrong_type) },
    Plant { name: "no_track_id", per_mille: 1, class: Broken, change: Change::Row(no_track_id) },
    Plant { name: "invalid_utf8", per_mille: 1, class: Broken, change: Change::Bytes(invalid_utf8) },
];

impl Plant {
    pub const CLEAN: Plant = Plant { name: "clean", per_mille: 0, class: Class::Clean, change: Change::Nothing };
}

impl Class {
    pub fn expected(self) -> Expected {
        match self {
            Class::Clean | Class::Duplicate | Class::Missing => Expected::Kept,
            Class::DuplicateKey => Expected::Collides,
            Class::Broken => Expected::Rejected,
        }
    }
}

/// Duplicates repeat lines of this parity and keys are taken from the others, so that what a duplicate repeats is never
/// replaced by another row of its key.
const REPEATED: u64 = 0;
const REPLACED: u64 = 1;

/// All columns but the key are those of an earlier track.
fn exact_duplicate(lines: &Lines, draft: &mut Draft, draws: &mut Draws) -> Option<()> {
    let earlier = lines.earlier_clean(draft.index, REPEATED, draws)?;
    draft.song = lines.song(earlier);
    draft.refer_to(earlier);
    Some(())
}

/// The same with one to four words of the verses changed, at most one a line and never its first or last.
fn near_duplicate(lines: &Lines, draft: &mut Draft, draws: &mut Draws) -> Option<()> {
    const CHANGED_WORDS_MAX: u32 = 4;
    exact_duplicate(lines, draft, draws)?;
    let vocabulary = lines.languages.of(&draft.song);
    let mut verses: Vec<_> = draft.song.verse.stanzas.iter_mut().flatten().collect();
    let changed_words = draws.between(1, CHANGED_WORDS_MAX) as usize;
    let mut used = Vec::new();
    for _ in 0..changed_words {
        let line = draws.fresh(&verses, &mut used);
        let words = &mut verses[line].words;
        let inner = words.len() as u32 - 2;
        let word = &mut words[1 + draws.below(inner) as usize];
        *word = vocabulary.word_other_than(word, draws);
    }
    draft.details.changed_words = Some(changed_words);
    Some(())
}

/// Another track under the key of an earlier one.
fn duplicate_key(lines: &Lines, draft: &mut Draft, draws: &mut Draws) -> Option<()> {
    draft.key = lines.earlier_clean(draft.index, REPLACED, draws)?;
    draft.refer_to(draft.key);
    draft.details.column = Some("track_id");
    Some(())
}

impl Draft {
    fn refer_to(&mut self, earlier: u64) {
        self.details.of_line = Some(earlier + 1);
        self.details.of_track_id = Some(track_id(earlier + 1));
    }
}

fn missing_title(row: &mut Row, details: &mut Details, draws: &mut Draws) {
    row.title = missing("title", details, draws);
}

/// Neither the year nor where it is from.
fn missing_year(row: &mut Row, details: &mut Details, draws: &mut Draws) {
    row.year = missing("year", details, draws);
    row.year_source = if row.year.is_absent() { Cell::Absent } else { Cell::Null };
}

fn missing_artist(row: &mut Row, details: &mut Details, draws: &mut Draws) {
    row.artist = missing("artist", details, draws);
}

fn missing(column: &'static str, details: &mut Details, draws: &mut Draws) -> Cell {
    let absent = draws.per_mille(500);
    details.column = Some(column);
    details.how = Some(if absent { "absent" } else { "null" });
    if absent { Cell::Absent } else { Cell::Null }
}

fn empty_lyrics(row: &mut Row, details: &mut Details, _: &mut Draws) {
    row.lyrics = Cell::Text(String::new());
    details.column = Some("lyrics");
    details.how = Some("empty");
}

/// A word before the row, as in a log.
fn not_json(line: &mut Vec<u8>, _: &mut Draws) {
    line.splice(..0, *b"row: ");
}

/// The row up to some character, as if the writer had been killed.
fn truncated(line: &mut Vec<u8>, draws: &mut Draws) {
    let cut = draws.between(1, line.len() as u32 - 1) as usize;
    line.truncate(cut);
    if let Err(error) = std::str::from_utf8(line) {
        line.truncate(error.valid_up_to());
    }
}

fn broken_year(row: &mut Row, details: &mut Details, _: &mut Draws) {
    row.year = Cell::Text("MDCCC".to_owned());
    details.column = Some("year");
}

/// The lyrics as an array of lines.
fn wrong_type(row: &mut Row, details: &mut Details, _: &mut Draws) {
    let text = row.lyrics.text().unwrap_or_default();
    row.lyrics = Cell::Texts(text.lines().map(str::to_owned).collect());
    details.column = Some("lyrics");
}

fn no_track_id(row: &mut Row, details: &mut Details, draws: &mut Draws) {
    row.track_id = missing("track_id", details, draws);
}

/// A byte that occurs nowhere in UTF-8 before the end of the lyrics.
fn invalid_utf8(line: &mut Vec<u8>, _: &mut Draws) {
    const AFTER_LYRICS: usize = "\"}".len();
    line.insert(line.len() - AFTER_LYRICS, 0xFF);
}
