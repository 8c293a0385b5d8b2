//! A line of the corpus as JSON, whether right or wrong.

use serde::Serialize;

use super::song::Song;

/// The columns of the `tracks` source, in the order of the keys.
#[derive(Serialize)]
pub struct Row {
    #[serde(skip_serializing_if = "Cell::is_absent")]
    pub track_id: Cell,
    #[serde(skip_serializing_if = "Cell::is_absent")]
    pub title: Cell,
    #[serde(skip_serializing_if = "Cell::is_absent")]
    pub artist: Cell,
    #[serde(skip_serializing_if = "Cell::is_absent")]
    pub year: Cell,
    #[serde(skip_serializing_if = "Cell::is_absent")]
    pub year_source: Cell,
    pub book: String,
    pub language: &'static str,
    pub genre: &'static str,
    pub lyrics: Cell,
}

/// A value of any type, right or wrong.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// The row has no such key.
    #[serde(skip)]
    Absent,
    Null,
    Number(u32),
    Text(String),
    Texts(Vec<String>),
}

impl Row {
    /// `number` is that of the line whose key it is.
    pub fn new(number: u64, song: Song) -> Row {
        let credits = song.credits;
        Row {
            track_id: Cell::Text(track_id(number)),
            title: Cell::Text(song.title),
            artist: Cell::Text(credits.artist),
            year: Cell::Number(credits.year),
            year_source: Cell::Text(credits.year_source.to_owned()),
            book: credits.book,
            language: song.language,
            genre: credits.genre,
            lyrics: Cell::Text(song.verse.text()),
        }
    }
}

/// The key of the track on line `number`: `s0000001`, longer from the ten-millionth on.
pub fn track_id(number: u64) -> String {
    format!("s{number:07}")
}

impl Cell {
    pub fn is_absent(&self) -> bool {
        matches!(self, Cell::Absent)
    }

    /// The text, if there is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}
