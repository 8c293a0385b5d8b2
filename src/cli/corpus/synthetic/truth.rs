//! A line of the truth file.

use serde::Serialize;

/// What is true of the line of the corpus with the same place.
#[derive(Serialize)]
pub struct Truth {
    /// From 1.
    pub line: u64,
    /// As the row has it; null where it has none.
    pub track_id: Option<String>,
    /// The plant's name, or `clean`.
    pub planted: &'static str,
    pub expected: Expected,
    #[serde(flatten)]
    pub details: Details,
    /// Present where the row is not broken and has lyrics.
    #[serde(flatten)]
    pub verse: Option<Verse>,
}

/// What a reader must make of a line.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// The row is valid.
    Kept,
    /// The line is not a valid row.
    Rejected,
    /// The row is valid, but line `of_line` has its key: only one of the two can stay.
    Collides,
}

/// What some plants add.
#[derive(Default, Serialize)]
pub struct Details {
    /// The column that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<&'static str>,
    /// How a value is missing: `null`, `absent` or `empty`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<&'static str>,
    /// The clean line that this one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_track_id: Option<String>,
    /// Words of the lyrics that differ from those of `of_line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_words: Option<usize>,
}

/// What was planted in the text.
#[derive(Serialize)]
pub struct Verse {
    /// Of every stanza: `ABCB`, where A and C are lines that rhyme with none. No rhyme goes beyond its stanza.
    pub scheme: &'static str,
    pub language: &'static str,
    pub chorus: bool,
    /// A letter a stanza, `VCVC`: verse or chorus.
    pub form: String,
    /// What each line names, as the demo's themes are called.
    pub theme: &'static str,
    /// What the feelings of the lines follow, as `arc_shape` calls it; null where a chorus comes back, and in short texts.
    pub arc: Option<&'static str>,
}
