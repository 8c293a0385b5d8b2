//! The vector of a stanza and the words of a line, joined by a linear model into a sentiment.

use std::sync::LazyLock;

use super::Sentiment;
use super::calibration::{
    FEATURE_WEIGHTS, INTERCEPTS, VECTOR_AROUSAL, VECTOR_INTERCEPTS, WORDS_INTERCEPTS, WORDS_WEIGHTS,
};
use super::lines::LineFeeling;

/// Numbers of a vector: those of the Universal Sentence Encoder, multilingual, version 3, whose vectors have length 1.
pub const VECTOR_LEN: usize = 512;

/// Values of a line that the model weighs besides the vector.
pub(super) const FEATURES: usize = 4;

/// The sum of one side at which its feature is a half.
const HALF: f64 = 3.0;

/// Five directions of [`VECTOR_LEN`] float32, little endian: positive and negative against neutral beside words, the
/// same without words, then arousal. Made by `scripts/fit/emotion.py`.
const WEIGHTS: &[u8] = include_bytes!("weights.bin");

static DIRECTIONS: LazyLock<Vec<f32>> =
    LazyLock::new(|| WEIGHTS.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());

/// What a stanza's vector says before a line of it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    /// Logits of positive and negative against neutral, to which those of the words are added.
    joined: [f64; 2],
    /// The same where there are no words.
    alone: [f64; 2],
    arousal: f64,
}

impl Prior {
    /// None for a vector of another length, or one that holds no number.
    pub(super) fn of(vector: &[f32]) -> Option<Self> {
        if vector.len() != VECTOR_LEN {
            return None;
        }
        let mut products = DIRECTIONS.chunks_exact(VECTOR_LEN).map(|direction| dot(direction, vector));
        let joined = [products.next()?, products.next()?];
        let alone = [products.next()?, products.next()?];
        let arousal = products.next()?;
        let prior = Self { joined, alone, arousal };
        joined.iter().chain(&alone).chain([&arousal]).all(|product| product.is_finite()).then_some(prior)
    }

    /// Valence (the chance of positive less that of negative) and the likeliest sentiment.
    pub(super) fn judge(self, line: &LineFeeling) -> (f64, Sentiment) {
        classify(sum(self.joined, sum(logits(line, &FEATURE_WEIGHTS), INTERCEPTS)))
    }

    /// As if no word were known.
    pub(super) fn alone(self) -> Sentiment {
        classify(sum(self.alone, VECTOR_INTERCEPTS)).1
    }

    /// -1 to 1.
    pub(super) fn arousal(self) -> f64 {
        let (center, scale) = VECTOR_AROUSAL;
        ((self.arousal - center) / scale).clamp(-1.0, 1.0)
    }
}

/// The likeliest sentiment by the words alone.
pub(super) fn by_words(line: &LineFeeling) -> Sentiment {
    classify(sum(logits(line, &WORDS_WEIGHTS), WORDS_INTERCEPTS)).1
}

/// Both sides of the line's valence, and both sums, each from 0 to 1.
pub(super) fn features(line: &LineFeeling) -> [f64; FEATURES] {
    let valence = line.valence();
    let saturated = |sum: f64| sum / (sum + HALF);
    [valence.max(0.0), (-valence).max(0.0), saturated(line.positive), saturated(line.negative)]
}

fn logits(line: &LineFeeling, weights: &[[f64; FEATURES]; 2]) -> [f64; 2] {
    let features = features(line);
    weights.map(|weights| weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum())
}

fn sum([a, b]: [f64; 2], [c, d]: [f64; 2]) -> [f64; 2] {
    [a + c, b + d]
}

/// Logits of positive and negative against neutral, as valence and sentiment.
fn classify([positive, negative]: [f64; 2]) -> (f64, Sentiment) {
    let top = positive.max(negative).max(0.0);
    let [p, n, o] = [positive, negative, 0.0].map(|logit| (logit - top).exp());
    let sentiment = if top <= 0.0 {
        Sentiment::Neutral
    } else if positive >= negative {
        Sentiment::Positive
    } else {
        Sentiment::Negative
    };
    ((p - n) / (p + n + o), sentiment)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
