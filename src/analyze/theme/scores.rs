//! The score of each theme, of keywords, of vectors and of both.

use super::calibration::{JOINED, KEYWORDS, SCORE_MIN, VECTORS};
use super::themes::Themes;

/// Themes of a text at most: one that has more has none.
pub const TEXT_THEMES_MAX: usize = 5;

/// Added to the keywords' sum before shares are taken: what two rare words weigh. So a text with one word of a theme is
/// not all about it, and one that touches every theme is about none.
const KEYWORDS_PRIOR: f64 = 2.0;

/// What is known of each theme of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scores {
    /// By all that is known, one for each theme, 0 to 1.
    pub(super) scores: Vec<f64>,
    /// None where no theme has a seed.
    pub(super) by_keywords: Option<Vec<f64>>,
    /// None where the text or the themes have no vectors.
    pub(super) by_vectors: Option<Vec<f64>>,
}

impl Scores {
    /// `weights` are those of the seeds found, `similarities` those of the vectors; one for each theme.
    pub(super) fn of(weights: Option<&[f64]>, similarities: Option<&[f64]>) -> Self {
        let weights = weights.map(shares);
        let similarities = similarities.map(around_mean);
        let alone = |values: &Vec<f64>, (slope, intercept): (f64, f64)| {
            values.iter().map(|value| chance(slope * value + intercept)).collect::<Vec<_>>()
        };
        let by_keywords = weights.as_ref().map(|weights| alone(weights, KEYWORDS));
        let by_vectors = similarities.as_ref().map(|similarities| alone(similarities, VECTORS));
        let joined = weights.as_ref().zip(similarities.as_ref()).map(|(weights, similarities)| {
            let (of_weight, of_similarity, intercept) = JOINED;
            let values = weights.iter().zip(similarities);
            values
                .map(|(weight, similarity)| chance(of_weight * weight + of_similarity * similarity + intercept))
                .collect()
        });
        let scores = joined.or_else(|| by_keywords.clone()).or_else(|| by_vectors.clone()).unwrap_or_default();
        Self { scores, by_keywords, by_vectors }
    }
}

/// The names of the themes that convince, best first; of equal ones the first by name.
pub(super) fn convincing<'themes>(scores: &[f64], themes: &'themes Themes) -> Vec<&'themes str> {
    let names = themes.themes().iter().map(|theme| theme.name.as_str());
    let mut found: Vec<(f64, &str)> =
        scores.iter().copied().zip(names).filter(|(score, _)| *score >= SCORE_MIN).collect();
    found.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.cmp(second)));
    found.into_iter().take(TEXT_THEMES_MAX).map(|(_, name)| name).collect()
}

/// How likely the best theme is the main one: its odds over those of all themes and of none, 0 to 1.
pub(super) fn confidence(scores: &[f64]) -> f64 {
    // A score is below 1 by more than rounding (see `chance`), so its odds are finite.
    let odds = |score: &f64| score / (1.0 - score);
    let best = scores.iter().map(odds).fold(0.0, f64::max);
    // Summed from small to large, so that the order of the themes does not reach the last bit.
    let mut all: Vec<f64> = scores.iter().map(odds).collect();
    all.sort_by(f64::total_cmp);
    best / (1.0 + all.iter().sum::<f64>())
}

fn shares(weights: &[f64]) -> Vec<f64> {
    let total: f64 = ordered_sum(weights);
    weights.iter().map(|weight| weight / (total + KEYWORDS_PRIOR)).collect()
}

/// A text whose every stanza is far from all verse is no nearer to any theme.
fn around_mean(similarities: &[f64]) -> Vec<f64> {
    let mean = ordered_sum(similarities) / similarities.len().max(1) as f64;
    similarities.iter().map(|similarity| similarity - mean).collect()
}

/// The same to the last bit in whichever order the themes come.
fn ordered_sum(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.iter().sum()
}

/// The logistic function, kept off 0 and 1, which no text proves.
fn chance(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit.clamp(-LOGIT_MAX, LOGIT_MAX)).exp())
}

/// A chance of one in a thousand on either side: thirty labelled verses can tell no finer.
const LOGIT_MAX: f64 = 7.0;
