//! `rhapsode corpus make`: an invented corpus of any size, and the truth about what was planted in it.
//!
//! Every line is a function of the seed and the line's number alone, so that a small corpus is the beginning of a
//! larger one. A line that repeats an earlier one makes that one again instead of remembering it.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use line::Lines;
use plant::Class;

mod artist;
mod draw;
mod line;
mod plant;
mod row;
mod sense;
mod song;
mod truth;
mod verse;
mod vocabulary;

/// What to make.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Recipe {
    /// Lines to write: one a track, the broken ones included.
    pub tracks: usize,
    pub seed: u64,
    /// Whether to plant duplicates, gaps and broken lines; without them every track is clean.
    pub faults: bool,
}

/// What was made, in lines; the last line of the truth, beside the recipe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Made {
    /// All lines; the sum of the other counts but the last two.
    pub rows: usize,
    pub clean: usize,
    /// Exact and near-duplicates of an earlier track, under a key of their own.
    pub duplicates: usize,
    /// Other tracks under the key of an earlier one.
    pub duplicate_keys: usize,
    /// Rows that lack a value, which are valid.
    pub missing: usize,
    /// Lines that a reader must reject.
    pub broken: usize,
    /// Of the lines that have lyrics and are not broken, those in Russian.
    pub russian: usize,
    /// Of the same, those with a chorus.
    pub choruses: usize,
}

/// Writes JSON Lines of the corpus to `rows`, and the truth about each line to `truth`.
///
/// Deterministic to the byte for a recipe on every platform. The corpus of fewer tracks is a prefix of that of more,
/// and without faults the lines differ only where something was planted. The truth has one object a line in the order
/// of the rows, `{"line":1,…}`, and ends with `{"recipe":{…},"made":{…}}`. Lines are counted from 1. `progress` is
/// called now and then, and at the end, with the lines written so far.
///
/// # Errors
///
/// What the writers return.
pub fn write(
    recipe: &Recipe,
    rows: &mut dyn Write,
    truth: &mut dyn Write,
    progress: &mut dyn FnMut(usize),
) -> io::Result<Made> {
    let mut rows = BufWriter::with_capacity(BUFFER_BYTES, rows);
    let mut truth = BufWriter::with_capacity(BUFFER_BYTES, truth);
    let lines = Lines::new(recipe.seed, recipe.faults);
    let mut made = Made::default();
    for index in 0..recipe.tracks as u64 {
        let line = lines.line(index)?;
        rows.write_all(&line.bytes)?;
        rows.write_all(b"\n")?;
        serde_json::to_writer(&mut truth, &line.truth)?;
        truth.write_all(b"\n")?;
        made.count(line.class, line.truth.verse.as_ref());
        if made.rows.is_multiple_of(PROGRESS_EVERY_LINES) {
            progress(made.rows);
        }
    }
    serde_json::to_writer(&mut truth, &Summary { recipe, made: &made })?;
    truth.write_all(b"\n")?;
    rows.flush()?;
    truth.flush()?;
    progress(made.rows);
    Ok(made)
}

/// A line is about 1,100 bytes and its truth 140: a hundred lines a write.
const BUFFER_BYTES: usize = 128 * 1024;

/// About 100 times a second.
const PROGRESS_EVERY_LINES: usize = 1024;

/// The last line of the truth.
#[derive(Serialize)]
struct Summary<'a> {
    recipe: &'a Recipe,
    made: &'a Made,
}

impl Made {
    fn count(&mut self, class: Class, verse: Option<&truth::Verse>) {
        self.rows += 1;
        *match class {
            Class::Clean => &mut self.clean,
            Class::Duplicate => &mut self.duplicates,
            Class::DuplicateKey => &mut self.duplicate_keys,
            Class::Missing => &mut self.missing,
            Class::Broken => &mut self.broken,
        } += 1;
        let Some(verse) = verse else { return };
        self.russian += usize::from(verse.language == "ru");
        self.choruses += usize::from(verse.chorus);
    }
}
