//! `emotion`: how a text feels, line by line. Valence and arousal, their arc, the shape of the arc, the mood.
//!
//! Words of feeling are looked up in lexica (English and Russian), with negation, degree, contrast and marks around
//! them taken into account. Where the caller has a vector for each stanza, a linear model of vector and words judges instead
//! of the words alone. Lines that only name a section, such as `[Chorus]`, are not read.

mod arc;
mod calibration;
mod columns;
mod cues;
mod lexica;
mod lines;
mod mood;
mod prior;
mod stems;
mod words;

use std::sync::LazyLock;

use arrow::array::StructArray;

pub use self::arc::{ARC_POINTS, Shape};
pub use self::lexica::Lexica;
pub use self::mood::Mood;
pub use self::prior::VECTOR_LEN;

use self::arc::Arc;
use self::columns::COLUMNS;
use self::lines::{Buffers, LineFeeling, line_feeling};
use self::prior::Prior;
use super::column::{self, Column};
use super::labels::label;
use super::ready::{StanzaVectors, vectors_of};
use super::{Analyzer, Input, OutputField};
use crate::text;

pub(super) const ANALYZER: Analyzer = Analyzer {
    name: "emotion",
    version: 2,
    description: "How a text feels: valence and arousal of its words, their arc and its shape, the mood.",
    reads_vectors: true,
    reads_themes: false,
    reads_stress: false,
    fields: output_fields,
    run: analyze,
};

/// What [`emotion`] finds in a text. Measures are null where no line has a word.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Emotion {
    /// Mean of the lines, -1 (negative) to 1 (positive).
    pub valence: Option<f64>,
    /// Mean of the words of feeling, -1 (calm) to 1 (excited); 0 is the usual of verse. Null where no word has an
    /// arousal and no vector is given.
    pub arousal: Option<f64>,
    /// The standard deviation of all lines, not of a sample.
    pub valence_sd: Option<f64>,
    pub positive_lines_share: Option<f64>,
    pub negative_lines_share: Option<f64>,
    /// Words that the lexica know, over words.
    pub coverage: Option<f64>,
    /// Valence over the text in [`ARC_POINTS`] points. Null under four lines.
    pub arc: Option<Vec<f64>>,
    /// Null under eight lines.
    pub arc_shape: Option<Shape>,
    /// The lines at which the arc turns: numbers from 0, without blank lines and labels. Empty for a rise or a fall.
    pub turning_lines: Vec<usize>,
    /// Mean of the last quarter of the lines.
    pub ending_valence: Option<f64>,
    pub mood: Option<Mood>,
    /// 0 to 1: how surely the mood would be the same if other lines were drawn from the same text.
    pub mood_confidence: Option<f64>,
    /// Null where no line is positive; the first where several are equal.
    pub most_positive_line: Option<usize>,
    /// Null where no line is negative; the first where several are equal.
    pub most_negative_line: Option<usize>,
}

/// What a line is, for a reader who must choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sentiment {
    Negative,
    Neutral,
    Positive,
}

/// How the text feels. Time is linear in its length.
///
/// `vectors` has one of [`VECTOR_LEN`] numbers for each stanza of `text::stanzas`, none for a stanza without one. Without
/// it, or where their number is not that of the stanzas, only the lexica speak. A vector of another length counts as none.
pub fn emotion(text: &str, vectors: Option<&[Option<&[f32]>]>, lexica: &Lexica) -> Emotion {
    let lines = read(text, vectors, lexica);
    let valences: Vec<f64> = lines.iter().map(|line| line.valence).collect();
    let Some(valence) = mean(&valences) else {
        return Emotion::default();
    };
    let valence_sd = standard_deviation(&valences, valence);
    let arousal = arousal(&lines);
    let share = |wanted: Sentiment| Some(mean_of(lines.iter().map(|line| f64::from(line.sentiment == wanted))));
    let positive_lines_share = share(Sentiment::Positive);
    let negative_lines_share = share(Sentiment::Negative);
    let mood = mood::mood(&mood::Evidence { lines: &lines, valence, valence_sd, arousal });
    let arc = Arc::of(&valences, valence_sd);
    let words: usize = lines.iter().map(|line| line.feeling.words).sum();
    let known: usize = lines.iter().map(|line| line.feeling.known_words).sum();
    Emotion {
        valence: Some(valence),
        arousal,
        valence_sd: Some(valence_sd),
        positive_lines_share,
        negative_lines_share,
        coverage: (words > 0).then(|| known as f64 / words as f64),
        turning_lines: arc.as_ref().map(|arc| arc.turning_lines.clone()).unwrap_or_default(),
        arc_shape: arc.as_ref().and_then(|arc| arc.shape),
        arc: arc.map(|arc| arc.points),
        ending_valence: mean(ending(&valences)),
        mood: Some(mood.mood),
        mood_confidence: Some(mood.confidence),
        most_positive_line: extreme(&valences, 1.0),
        most_negative_line: extreme(&valences, -1.0),
    }
}

/// The sentiment of a text that is judged as one line, by the lexica and, where there is one, its vector.
pub fn sentiment(text: &str, vector: Option<&[f32]>, lexica: &Lexica) -> Sentiment {
    let feeling = line_feeling(text, lexica, &mut Buffers::default());
    Judged::new(feeling, vector.and_then(Prior::of)).sentiment
}

/// The sentiment of a text by its vector alone. None for a vector of another length than [`VECTOR_LEN`].
pub fn sentiment_of_vector(vector: &[f32]) -> Option<Sentiment> {
    Prior::of(vector).map(|prior| prior.alone())
}

/// What the linear model of [`sentiment`] knows of a line besides its vector; for fitting it.
pub fn line_features(text: &str, lexica: &Lexica) -> [f64; prior::FEATURES] {
    prior::features(&line_feeling(text, lexica, &mut Buffers::default()))
}

fn output_fields() -> Vec<OutputField> {
    COLUMNS.iter().map(Column::output_field).collect()
}

/// By the lexicon that is built in, and by the vectors of stanzas where there are some.
fn analyze(input: &Input<'_>) -> StructArray {
    static LEXICA: LazyLock<Lexica> = LazyLock::new(Lexica::own);
    let of_text = |(row, text): (usize, Option<&str>)| {
        let vectors = input.stanza_vectors.and_then(|lists| vectors_of(lists, row));
        let vectors = vectors.as_ref().map(StanzaVectors::slices);
        text.map(|text| emotion(text, vectors.as_deref(), &LEXICA))
    };
    let rows: Vec<Option<Emotion>> = input.texts.iter().enumerate().map(of_text).collect();
    column::struct_array(COLUMNS, &rows)
}

/// A line and what was decided of it.
struct Judged {
    feeling: LineFeeling,
    /// What the vector of its stanza says of arousal.
    vector_arousal: Option<f64>,
    valence: f64,
    sentiment: Sentiment,
}

impl Judged {
    fn new(feeling: LineFeeling, prior: Option<Prior>) -> Self {
        let (valence, sentiment) = match prior {
            Some(prior) => prior.judge(&feeling),
            None => (feeling.valence(), prior::by_words(&feeling)),
        };
        Self { feeling, vector_arousal: prior.map(|prior| prior.arousal()), valence, sentiment }
    }
}

/// The lines that have a word and are not labels.
fn read(text: &str, vectors: Option<&[Option<&[f32]>]>, lexica: &Lexica) -> Vec<Judged> {
    let stanzas = text::stanzas(text);
    let vectors = vectors.filter(|vectors| vectors.len() == stanzas.len());
    let mut buffers = Buffers::default();
    let mut lines = Vec::new();
    for (number, stanza) in stanzas.into_iter().enumerate() {
        let vector = vectors.and_then(|vectors| *vectors.get(number)?);
        let prior = vector.and_then(Prior::of);
        for line in text::lines(stanza).filter(|line| label(line).is_none()) {
            let feeling = line_feeling(line, lexica, &mut buffers);
            if feeling.words > 0 {
                lines.push(Judged::new(feeling, prior));
            }
        }
    }
    lines
}

/// Share of the vectors where words and vectors both speak of arousal. There is no judged verse to fit it on.
const VECTOR_AROUSAL_SHARE: f64 = 0.5;

/// Arousal of a word, from -3 to 3, that counts as 0: the median over Russian poems, English poems and hymns in the
/// public domain. Words of feeling are rather excited than calm.
const AROUSAL_CENTER: f64 = 0.95;

/// How far from it lie -1 and 1.
const AROUSAL_SPREAD: f64 = 2.0;

fn arousal(lines: &[Judged]) -> Option<f64> {
    let words: usize = lines.iter().map(|line| line.feeling.aroused_words).sum();
    let sum: f64 = lines.iter().map(|line| line.feeling.arousal).sum();
    let by_words = (words > 0).then(|| ((sum / words as f64 - AROUSAL_CENTER) / AROUSAL_SPREAD).clamp(-1.0, 1.0));
    let vectors: Vec<f64> = lines.iter().filter_map(|line| line.vector_arousal).collect();
    match (by_words, mean(&vectors)) {
        (Some(words), Some(vectors)) => Some(words + VECTOR_AROUSAL_SHARE * (vectors - words)),
        (by_words, by_vectors) => by_words.or(by_vectors),
    }
}

/// The last quarter, at least one line.
fn ending(valences: &[f64]) -> &[f64] {
    let start = valences.len() - valences.len().div_ceil(4);
    valences.get(start..).unwrap_or_default()
}

/// The first line whose valence is farthest to the side of `sign`.
fn extreme(valences: &[f64], sign: f64) -> Option<usize> {
    let mut best = None;
    let mut farthest = 0.0;
    for (line, valence) in valences.iter().enumerate() {
        if sign * valence > farthest {
            farthest = sign * valence;
            best = Some(line);
        }
    }
    best
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| mean_of(values.iter().copied()))
}

/// The values are not empty.
fn mean_of(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn standard_deviation(values: &[f64], mean: f64) -> f64 {
    mean_of(values.iter().map(|value| (value - mean) * (value - mean))).sqrt()
}
