//! A verse as `verses.jsonl` has it, and what it says. tests/data/rap/README.md describes the fields.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;

use super::{Span, Verse};
use crate::analyze::rhyme::Place;

/// Punctuation around a word, which the words of a span stand without; the apostrophe belongs to the word.
const EDGES: &[char] = &['.', ',', ';', ':', '!', '?', '…', '"', '«', '»', '“', '”', '(', ')', '—', '–', '-'];

/// Lines and words are counted from 1.
#[derive(Deserialize)]
pub(in crate::evaluate) struct WrittenVerse {
    language: String,
    lines: Vec<String>,
    section_starts: Vec<usize>,
    end_rhyme: Vec<String>,
    internal: Vec<[[usize; 2]; 2]>,
    multisyllabic: Vec<WrittenSpans>,
    hook_lines: Vec<usize>,
}

#[derive(Deserialize)]
struct WrittenSpans {
    lines: [usize; 2],
    words: [Vec<String>; 2],
}

impl WrittenVerse {
    /// The verse, or what is wrong with it.
    pub(in crate::evaluate) fn resolved(self) -> Result<Verse, String> {
        let WrittenVerse { language, lines, section_starts, end_rhyme, internal, multisyllabic, hook_lines } = self;
        if end_rhyme.len() != lines.len() {
            return Err(format!("`end_rhyme` has {} letters for {} lines", end_rhyme.len(), lines.len()));
        }
        let index = |number: &usize| match number.checked_sub(1) {
            Some(index) if index < lines.len() => Ok(index),
            _ => Err(format!("there is no line {number}")),
        };
        let mut starts = section_starts.iter().map(index).collect::<Result<Vec<usize>, String>>()?;
        starts.push(lines.len());
        if starts.first() != Some(&0) || !starts.is_sorted_by(|one, next| one < next) {
            return Err("`section_starts` does not begin with 1 and rise from line to line".to_owned());
        }
        let place = |[line, word]: &[usize; 2]| {
            let word = word.checked_sub(1).ok_or("words are counted from 1")?;
            Ok::<_, String>(Place { line: index(line)?, word })
        };
        let pair = |[one, other]: &[[usize; 2]; 2]| {
            let (one, other) = (place(one)?, place(other)?);
            Ok([one.min(other), one.max(other)])
        };
        Ok(Verse {
            sections: starts.windows(2).map(|bounds| bounds[0]..bounds[1]).collect(),
            internal: internal.iter().map(pair).collect::<Result<_, String>>()?,
            multisyllabic: multisyllabic.iter().map(|spans| spans.resolved(&lines)).collect::<Result<_, String>>()?,
            hook_lines: hook_lines.iter().map(index).collect::<Result<BTreeSet<usize>, String>>()?,
            language,
            end_rhyme,
            lines,
        })
    }
}

impl WrittenSpans {
    /// The last place in its line where each span stands, the first one before the second.
    fn resolved(&self, lines: &[String]) -> Result<[Span; 2], String> {
        let [earlier, later] = self.lines;
        let [one, other] = &self.words;
        let words = |number: usize| {
            let line = number.checked_sub(1).and_then(|line| lines.get(line)).map(String::as_str).unwrap_or_default();
            line.split_whitespace().map(bare).collect::<Vec<&str>>()
        };
        let missing = |span: &[String], line: usize| format!("`{}` does not stand in line {line}", span.join(" "));
        let second = last_place(&words(later), other).ok_or_else(|| missing(other, later))?;
        let mut before = words(earlier);
        if earlier == later {
            before.truncate(second.start);
        }
        let first = last_place(&before, one).ok_or_else(|| missing(one, earlier))?;
        Ok([Span { line: earlier - 1, words: first }, Span { line: later - 1, words: second }])
    }
}

/// A word without the punctuation around it.
pub(super) fn bare(word: &str) -> &str {
    word.trim_matches(EDGES)
}

fn last_place(words: &[&str], span: &[String]) -> Option<Range<usize>> {
    let length = span.len().max(1);
    let start = words.windows(length).rposition(|window| window == span)?;
    Some(start..start + length)
}
