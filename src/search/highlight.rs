//! Highlights: the lines of a hit that have what was looked for, or the line that is nearest to it in meaning.

use std::collections::BTreeMap;
use std::ops::Range;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;
use unicode_segmentation::UnicodeSegmentation;

use super::SearchError;
use super::retrieve::rarity;
use super::understand::Understood;
use crate::limits::{HIGHLIGHT_CHARS_MAX, HIGHLIGHT_LINES_EMBEDDED_MAX, HIGHLIGHT_RESTRICTED_CHARS_MAX};
use crate::model::{Models, inner_product};
use crate::store::{ReadableSearch, SearchVectorsPin};
use crate::text::terms::Tokenizer;
use crate::text::{is_blank, lines};

/// A line of a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// The field that has it.
    pub field: String,
    pub text: String,
    /// Where words stand in it that were looked for, in bytes; none where it is near in meaning alone.
    pub marks: Vec<Range<usize>>,
}

/// A piece of a text that can be shown.
struct Passage<'a> {
    field: &'a str,
    text: &'a str,
    is_restricted: bool,
}

/// What highlights are looked for by.
pub(super) struct Wanted<'a> {
    pub search: &'a ReadableSearch,
    pub models: &'a Models,
    pub tokenizer: &'a Tokenizer,
    pub understood: &'a Understood,
    /// The vectors by which a line is near in meaning, and the query as one of them; none where that is not asked for.
    pub meaning: Option<(&'a SearchVectorsPin, &'a [f32])>,
    /// Of each hit at most.
    pub lines: usize,
}

impl Wanted<'_> {
    /// The highlights of each of `rows`, in the order of its text.
    pub async fn highlights(&self, rows: &[usize]) -> Result<Vec<Vec<Highlight>>, SearchError> {
        let texts = self.search.texts(rows).await?;
        let weights = self.weights();
        let passages: Vec<Vec<Passage<'_>>> = (0..rows.len()).map(|at| self.passages(&texts, at)).collect();
        let mut found: Vec<Vec<Highlight>> =
            passages.iter().map(|passages| self.matching(passages, &weights)).collect();
        let without: Vec<usize> =
            (0..rows.len()).filter(|at| found[*at].is_empty() && !passages[*at].is_empty()).collect();
        if let (Some((of, query)), false) = (self.meaning, without.is_empty()) {
            let share = (HIGHLIGHT_LINES_EMBEDDED_MAX / without.len()).max(1);
            let of_row = |at: &usize| &passages[*at][..passages[*at].len().min(share)];
            let nearest = self.nearest(of, query, &without.iter().map(of_row).collect::<Vec<_>>()).await?;
            for (at, passage) in without.iter().zip(nearest) {
                found[*at].extend(passage.map(|passage| shown(passage, Vec::new())));
            }
        }
        Ok(found)
    }

    /// What is looked for, and how rare it is.
    fn weights(&self) -> BTreeMap<&str, f64> {
        let Understood { terms, phrases, added, .. } = self.understood;
        let terms = terms.iter().chain(phrases.iter().flatten()).chain(added.iter().map(|added| &added.term));
        terms.map(String::as_str).map(|term| (term, rarity(self.search, term))).collect()
    }

    fn passages<'a>(&self, texts: &'a [(&'a str, StringArray)], at: usize) -> Vec<Passage<'a>> {
        let of_field = |(field, text): &'a (&'a str, StringArray)| {
            let text = if text.is_valid(at) { text.value(at) } else { "" };
            let is_restricted = self.search.is_restricted(field);
            let lines = lines(text).flat_map(cut).filter(|line| !is_blank(line));
            lines.map(move |text| Passage { field, text, is_restricted })
        };
        texts.iter().flat_map(of_field).collect()
    }

    /// The passages that have most of what is looked for.
    fn matching(&self, passages: &[Passage<'_>], weights: &BTreeMap<&str, f64>) -> Vec<Highlight> {
        let mut matching: Vec<(usize, f64, Vec<Range<usize>>)> = Vec::new();
        for (at, passage) in passages.iter().enumerate() {
            let mut terms: BTreeMap<&str, f64> = BTreeMap::new();
            let mut marks = Vec::new();
            for term in self.tokenizer.terms(passage.text) {
                if let Some((text, weight)) = weights.get_key_value(term.text.as_str()) {
                    terms.insert(text, *weight);
                    marks.push(term.at);
                }
            }
            if !marks.is_empty() {
                matching.push((at, terms.values().sum(), marks));
            }
        }
        matching.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        // Of what is restricted one line is shown.
        let mut has_restricted = false;
        matching.retain(|(at, ..)| !passages[*at].is_restricted || !std::mem::replace(&mut has_restricted, true));
        matching.truncate(self.lines);
        matching.sort_by_key(|(at, ..)| *at);
        matching.into_iter().map(|(at, _, marks)| shown(&passages[at], marks)).collect()
    }

    /// Of each row's passages that which is nearest in meaning to what is asked.
    async fn nearest<'p>(
        &self,
        of: &SearchVectorsPin,
        query: &[f32],
        passages: &[&'p [Passage<'p>]],
    ) -> Result<Vec<Option<&'p Passage<'p>>>, SearchError> {
        let texts: StringArray = passages.iter().copied().flatten().map(|passage| Some(passage.text)).collect();
        let embedded = self.models.find(&of.model)?.embed(texts).await?.vectors;
        let mut next = 0;
        let mut nearest = Vec::with_capacity(passages.len());
        for of_row in passages {
            let cosine = |at: usize| {
                let vector = embedded.is_valid(at).then(|| embedded.value(at));
                vector.map_or(f32::MIN, |vector| inner_product(query, vector.as_primitive::<Float32Type>().values()))
            };
            let start = next;
            next += of_row.len();
            let best = (start..next).rev().max_by(|a, b| cosine(*a).total_cmp(&cosine(*b)));
            nearest.push(best.map(|best| &of_row[best - start]));
        }
        Ok(nearest)
    }
}

/// A line in pieces that can be shown: whole, by sentences where it is long, and by words where they are.
fn cut(line: &str) -> Vec<&str> {
    let is_short = |text: &str| text.chars().count() <= HIGHLIGHT_CHARS_MAX;
    let line = line.trim();
    if is_short(line) {
        return vec![line];
    }
    let mut pieces = Vec::new();
    for sentence in line.unicode_sentences().map(str::trim) {
        if is_short(sentence) {
            pieces.push(sentence);
            continue;
        }
        let mut start = 0;
        let (mut end, mut chars) = (0, 0);
        for (at, word) in sentence.split_word_bound_indices() {
            let length = word.chars().count();
            if chars + length > HIGHLIGHT_CHARS_MAX && end > start {
                pieces.push(sentence[start..end].trim());
                (start, chars) = (end, 0);
            }
            end = at + word.len();
            chars += length;
        }
        pieces.push(sentence[start..end].trim());
    }
    pieces
}

/// A passage as it is shown: of a restricted text not more than it may be.
fn shown(passage: &Passage<'_>, mut marks: Vec<Range<usize>>) -> Highlight {
    let mut text = passage.text;
    if passage.is_restricted
        && let Some((end, _)) = text.char_indices().nth(HIGHLIGHT_RESTRICTED_CHARS_MAX)
    {
        text = &text[..end];
        marks.retain(|mark| mark.end <= end);
    }
    Highlight { field: passage.field.to_owned(), text: text.to_owned(), marks }
}
