//! `theme`: what a text is about, of the themes that definitions describe, and its key phrases.
//!
//! Two witnesses are heard: seed words of a theme in the text, in any of their forms, and, where the caller has a vector
//! for each stanza, how near these are to the theme's descriptions. A theme works from the moment that it is described: no
//! number belongs to one theme. A logistic model turns what the witnesses say into chances; its three numbers (two where
//! one witness stands alone) and the threshold are fitted on thirty labelled verses of rap, so chances are coarse. Lines
//! that only name a section, such as `[Chorus]`, are not read, and a line that comes again counts little.

mod background;
mod calibration;
mod columns;
mod forms;
mod keywords;
mod phrases;
mod scores;
mod stems;
mod stop_words;
mod themes;
mod vectors;
mod words;

pub use self::keywords::FoundKeyword;
pub use self::phrases::KEY_PHRASES_MAX;
pub use self::scores::TEXT_THEMES_MAX;
pub use self::themes::{SEED_WORDS_MAX, Theme, Themes};
pub use self::vectors::VECTOR_LEN;

use arrow::array::StructArray;

use self::columns::COLUMNS;
use self::keywords::Evidence;
use self::scores::Scores;
use self::words::Words;
use super::column::{self, Column};
use super::ready::{StanzaVectors, vectors_of};
use super::{Analyzer, Input, OutputField};

pub(super) const ANALYZER: Analyzer = Analyzer {
    name: "theme",
    version: 1,
    description: "What a text is about, of the themes that are defined, by their words and by vectors; its key phrases.",
    reads_vectors: true,
    reads_themes: true,
    reads_stress: false,
    fields: output_fields,
    run: analyze,
};

/// What [`theme`] finds in a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThemeFinding {
    /// The first of `themes`. None where no theme convinces.
    pub theme: Option<String>,
    /// The themes that convince, at most [`TEXT_THEMES_MAX`], best first; of equal scores the first by name.
    pub themes: Vec<String>,
    /// One for each theme in the order of the themes: how likely it is one of the text's, 0 to 1. All 0 in a text
    /// without a word, and where themes have neither seeds nor vectors.
    pub scores: Vec<f64>,
    /// How likely `theme` is the main one, 0 to 1. None where there is none.
    pub confidence: Option<f64>,
    /// By the seeds alone.
    pub theme_by_keywords: Option<String>,
    /// By the vectors alone.
    pub theme_by_vectors: Option<String>,
    /// The text's own words, in lower case, at most [`KEY_PHRASES_MAX`], best first.
    pub key_phrases: Vec<String>,
    /// Which seeds the text has, in the order of their first occurrence; a seed of several themes once for each.
    pub keywords_found: Vec<FoundKeyword>,
}

/// What the text is about. Time is linear in its length.
///
/// `vectors` has one of [`VECTOR_LEN`] numbers for each stanza of `text::stanzas`, none for a stanza without one. Without
/// it, where their number is not that of the stanzas, or where `themes` has none, only the seeds speak. A vector of another
/// length counts as none.
pub fn theme(text: &str, vectors: Option<&[Option<&[f32]>]>, themes: &Themes) -> ThemeFinding {
    let words = Words::of(text);
    let evidence = keywords::evidence(&words, themes);
    let key_phrases = phrases::key_phrases(&words);
    if words.lines.is_empty() {
        return ThemeFinding { scores: vec![0.0; themes.themes().len()], ..ThemeFinding::default() };
    }
    let Scores { scores, by_keywords, by_vectors } = scores(&words, &evidence, vectors, themes);
    let best = |scores: Option<Vec<f64>>| scores::convincing(&scores?, themes).first().map(|name| (*name).to_owned());
    let names: Vec<String> = scores::convincing(&scores, themes).into_iter().map(str::to_owned).collect();
    ThemeFinding {
        theme: names.first().cloned(),
        confidence: (!names.is_empty()).then(|| scores::confidence(&scores)),
        themes: names,
        theme_by_keywords: best(by_keywords),
        theme_by_vectors: best(by_vectors),
        scores: if scores.is_empty() { vec![0.0; themes.themes().len()] } else { scores },
        key_phrases,
        keywords_found: evidence.found,
    }
}

/// What the scores of a text are made of, one number for each theme; for fitting them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    /// Weights of the seeds found.
    pub keywords: Vec<f64>,
    /// -1 to 1. None where the text or the themes have no vectors.
    pub similarities: Option<Vec<f64>>,
}

/// What [`theme`] knows of a text before it is scored.
pub fn measures(text: &str, vectors: Option<&[Option<&[f32]>]>, themes: &Themes) -> Measures {
    let words = Words::of(text);
    let keywords = keywords::evidence(&words, themes).weights;
    Measures { keywords, similarities: similarities(&words, vectors, themes) }
}

/// The stems of a text and how often each comes, for the table of how common they are.
pub fn stem_counts(text: &str) -> Vec<(String, usize)> {
    let words = Words::of(text);
    let mut counts = vec![0; words.vocabulary.stems.names().len()];
    for word in words.lines.iter().flat_map(|line| &line.words) {
        if let Some(count) = counts.get_mut(word.stem as usize) {
            *count += 1;
        }
    }
    words.vocabulary.stems.names().iter().map(|stem| stem.to_string()).zip(counts).collect()
}

fn scores(words: &Words, evidence: &Evidence, vectors: Option<&[Option<&[f32]>]>, themes: &Themes) -> Scores {
    let weights = (!themes.seeds().is_empty()).then_some(evidence.weights.as_slice());
    let similarities = similarities(words, vectors, themes);
    Scores::of(weights, similarities.as_deref())
}

/// A stanza weighs the mean of its lines, so a chorus that returns weighs little, and a long verse no more than a short
/// one: its vector says no more.
fn similarities(words: &Words, vectors: Option<&[Option<&[f32]>]>, themes: &Themes) -> Option<Vec<f64>> {
    let vectors = vectors.filter(|vectors| vectors.len() == words.stanzas)?;
    let mut sums = vec![(0.0, 0.0); words.stanzas];
    for line in &words.lines {
        if let Some((sum, lines)) = sums.get_mut(line.stanza) {
            *sum += line.freshness;
            *lines += 1.0;
        }
    }
    let with_lines = sums.into_iter().zip(vectors).filter(|((_, lines), _)| *lines > 0.0);
    let stanzas = with_lines.filter_map(|((sum, lines), vector)| Some((sum / lines, (*vector)?)));
    themes.prototypes()?.similarities(stanzas)
}

fn output_fields() -> Vec<OutputField> {
    COLUMNS.iter().map(Column::output_field).collect()
}

fn analyze(input: &Input<'_>) -> StructArray {
    let of_text = |(row, text): (usize, Option<&str>)| {
        let vectors = input.stanza_vectors.and_then(|lists| vectors_of(lists, row));
        let vectors = vectors.as_ref().map(StanzaVectors::slices);
        text.map(|text| theme(text, vectors.as_deref(), input.themes))
    };
    let rows: Vec<Option<ThemeFinding>> = input.texts.iter().enumerate().map(of_text).collect();
    column::struct_array(COLUMNS, &rows)
}
