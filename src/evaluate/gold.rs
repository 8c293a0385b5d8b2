//! Gold files: JSON Lines, most of them packed by gzip. docs/evaluation.md describes them.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::emotion::Judgement;
use super::rap::{Verse, WrittenVerse};
use super::rhyme::Stanza;
use super::rhyme_russian::Fragment;
use super::structure::Song;
use crate::analyze::emotion::Sentiment;
use crate::error::ErrorKind;

/// Bytes of a gold file, unpacked.
const BYTES_MAX: u64 = 256 << 20;

/// Why a gold file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GoldError {
    #[error("`{file}` cannot be read: {reason}")]
    Unreadable { file: PathBuf, reason: String },
    #[error("`{file}` line {line}: {reason}")]
    Malformed { file: PathBuf, line: usize, reason: String },
}

impl GoldError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreadable { .. } => ErrorKind::Unavailable,
            Self::Malformed { .. } => ErrorKind::Invalid,
        }
    }
}

#[derive(Deserialize)]
struct RhymeRow {
    author: String,
    title: Option<String>,
    lines: Vec<String>,
    scheme: Vec<u32>,
}

#[derive(Deserialize)]
struct FragmentRow {
    stanza_sizes: Vec<usize>,
    end_words: Vec<String>,
    labels: Vec<String>,
}

#[derive(Deserialize)]
struct SongRow {
    id: String,
    author: Option<String>,
    sections: Vec<SectionRow>,
}

#[derive(Deserialize)]
struct SectionRow {
    #[serde(rename = "type")]
    kind: String,
    lines: Vec<String>,
}

#[derive(Deserialize)]
struct PoemRow {
    stanzas: Vec<Vec<String>>,
}

/// `rhyme_en.jsonl.gz`: stanzas whose schemes are known.
pub fn read_rhymes(folder: &Path) -> Result<Vec<Stanza>, GoldError> {
    let rows: Vec<RhymeRow> = rows(&folder.join("rhyme_en.jsonl.gz"))?;
    let stanza = |row| {
        let RhymeRow { author, title, lines, scheme } = row;
        Stanza { author, title, lines, scheme }
    };
    Ok(rows.into_iter().map(stanza).collect())
}

/// `hymns.jsonl.gz`: songs whose sections are known.
pub fn read_songs(folder: &Path) -> Result<Vec<Song>, GoldError> {
    let rows: Vec<SongRow> = rows(&folder.join("hymns.jsonl.gz"))?;
    let song = |row| {
        let SongRow { id, author, sections } = row;
        // Some name the year in the author's place.
        let author = author.filter(|author| !author.starts_with("Year")).unwrap_or(id);
        let is_chorus = |section: &SectionRow| section.kind != "verse";
        let sections = sections.into_iter().map(|section| (is_chorus(&section), section.lines));
        Song { author, sections: sections.collect() }
    };
    Ok(rows.into_iter().map(song).collect())
}

/// `verse_ru.jsonl.gz`: Russian poems.
pub fn read_poems(folder: &Path) -> Result<Vec<String>, GoldError> {
    let rows: Vec<PoemRow> = rows(&folder.join("verse_ru.jsonl.gz"))?;
    let text = |row: PoemRow| row.stanzas.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n");
    Ok(rows.into_iter().map(text).collect())
}

/// `rhyme_ru.jsonl.gz`: fragments whose schemes are known.
pub fn read_fragments(folder: &Path) -> Result<Vec<Fragment>, GoldError> {
    let rows: Vec<FragmentRow> = rows(&folder.join("rhyme_ru.jsonl.gz"))?;
    let fragment = |row| {
        let FragmentRow { stanza_sizes, end_words, labels } = row;
        Fragment { stanza_sizes, end_words, labels }
    };
    Ok(rows.into_iter().map(fragment).collect())
}

/// `verses.jsonl`: rap whose rhymes and hooks are known; tests/data/rap has it.
pub fn read_verses(folder: &Path) -> Result<Vec<Verse>, GoldError> {
    let file = folder.join("verses.jsonl");
    let unreadable = |error: std::io::Error| GoldError::Unreadable { file: file.clone(), reason: error.to_string() };
    let mut text = String::new();
    std::fs::File::open(&file).map_err(unreadable)?.take(BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    let rows: Vec<WrittenVerse> = parsed(&file, &text)?;
    let malformed = |line, reason| GoldError::Malformed { file: file.clone(), line, reason };
    let verses = rows.into_iter().enumerate();
    verses.map(|(index, row)| row.resolved().map_err(|reason| malformed(index + 1, reason))).collect()
}

/// `sentiment/`: every `.tsv` file there, lines of verse whose sentiment is known; those of mixed feelings are left out.
pub fn read_sentiments(folder: &Path) -> Result<Vec<Judgement>, GoldError> {
    let folder = folder.join("sentiment");
    let unreadable = |file: &Path, error: std::io::Error| {
        let (file, reason) = (file.to_owned(), error.to_string());
        GoldError::Unreadable { file, reason }
    };
    let entries = std::fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "tsv"));
    files.sort();
    let mut sentiments = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|error| unreadable(&file, error))?;
        for (index, line) in text.lines().enumerate() {
            let fields: Vec<&str> = line.split('\t').collect();
            let (id, text, sentiment) = match fields.as_slice() {
                [_, _, "2"] => continue,
                [id, text, "-1"] => (id, text, Sentiment::Negative),
                [id, text, "0"] => (id, text, Sentiment::Neutral),
                [id, text, "1"] => (id, text, Sentiment::Positive),
                _ => {
                    let reason = "a line is an id, a text and a label of -1, 0, 1 or 2".to_owned();
                    return Err(GoldError::Malformed { file, line: index + 1, reason });
                }
            };
            sentiments.push(Judgement { id: (*id).to_owned(), text: (*text).to_owned(), sentiment });
        }
    }
    Ok(sentiments)
}

pub(super) fn rows<T: DeserializeOwned>(file: &Path) -> Result<Vec<T>, GoldError> {
    parsed(file, &read_text(file)?)
}

/// A file, unpacked where its name ends in `.gz`.
pub(super) fn read_text(file: &Path) -> Result<String, GoldError> {
    let unreadable = |error: std::io::Error| GoldError::Unreadable { file: file.to_owned(), reason: error.to_string() };
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    let mut text = String::new();
    let read = match file.extension().is_some_and(|extension| extension == "gz") {
        true => GzDecoder::new(opened).take(BYTES_MAX).read_to_string(&mut text),
        false => opened.take(BYTES_MAX).read_to_string(&mut text),
    };
    read.map_err(unreadable)?;
    Ok(text)
}

fn parsed<T: DeserializeOwned>(file: &Path, text: &str) -> Result<Vec<T>, GoldError> {
    let malformed = |line, error: serde_json::Error| {
        let (file, reason) = (file.to_owned(), error.to_string());
        GoldError::Malformed { file, line, reason }
    };
    let lines = text.lines().enumerate();
    lines.map(|(index, line)| serde_json::from_str(line).map_err(|error| malformed(index + 1, error))).collect()
}
