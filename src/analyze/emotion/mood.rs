//! The mood of a text: a named region of the plane of valence and arousal (Russell 1980, A circumplex model of affect).

use super::{Judged, Sentiment};

/// Valence from which on a text is joyful or tender, and down from which (negative) it is sad or tense.
const VALENCE_MIN: f64 = 0.06;

/// Arousal from which on a text is joyful rather than tender: above the usual of verse.
const JOYFUL_AROUSAL_MIN: f64 = 0.0;

/// Arousal from which on a text is tense rather than sad. Hatred and fear are as excited as joy, but so are the storms
/// and tears of sad texts.
const TENSE_AROUSAL_MIN: f64 = 0.1;

/// Share of positive lines, and of negative lines, from which on a text between the valences is mixed, not neutral.
const MIXED_LINES_MIN: f64 = 0.15;

/// The standard deviation of the arousal of a line, and the least error of a valence. Lines of one text differ by
/// about so much.
const AROUSAL_SD: f64 = 0.35;
const VALENCE_ERROR_MIN: f64 = 0.01;

/// The slope at which the logistic function is closest to the normal distribution.
const LOGISTIC_SLOPE: f64 = 1.702;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Positive and excited.
    Joyful,
    /// Positive and calm.
    Tender,
    /// Negative and calm.
    Sad,
    /// Negative and excited: angry, afraid.
    Tense,
    /// Positive and negative lines in balance.
    Mixed,
    Neutral,
}

impl Mood {
    pub fn code(self) -> &'static str {
        match self {
            Self::Joyful => "joyful",
            Self::Tender => "tender",
            Self::Sad => "sad",
            Self::Tense => "tense",
            Self::Mixed => "mixed",
            Self::Neutral => "neutral",
        }
    }
}

/// What a mood is decided by. There is at least one line.
pub(super) struct Evidence<'a> {
    pub(super) lines: &'a [Judged],
    pub(super) valence: f64,
    pub(super) valence_sd: f64,
    pub(super) arousal: Option<f64>,
}

pub(super) struct Decision {
    pub(super) mood: Mood,
    /// 0 to 1.
    pub(super) confidence: f64,
}

/// The mood, and the chance that valence and arousal lie on the same side of the nearest threshold, if the error of
/// each is that of a mean of so many lines.
pub(super) fn mood(evidence: &Evidence<'_>) -> Decision {
    let lines = evidence.lines.len() as f64;
    let valence_error = (evidence.valence_sd / lines.sqrt()).max(VALENCE_ERROR_MIN);
    let distance = evidence.valence.abs() - VALENCE_MIN;
    let valence_confidence = chance(distance.abs() / valence_error);
    if distance < 0.0 {
        return Decision { mood: balanced(evidence.lines), confidence: valence_confidence };
    }
    let arousal = evidence.arousal.unwrap_or(0.0);
    let arousal_error = AROUSAL_SD / lines.sqrt();
    let (threshold, above, below) = if evidence.valence > 0.0 {
        (JOYFUL_AROUSAL_MIN, Mood::Joyful, Mood::Tender)
    } else {
        (TENSE_AROUSAL_MIN, Mood::Tense, Mood::Sad)
    };
    let mood = if arousal >= threshold { above } else { below };
    Decision { mood, confidence: valence_confidence * chance((arousal - threshold).abs() / arousal_error) }
}

fn balanced(lines: &[Judged]) -> Mood {
    let share = |wanted: Sentiment| super::mean_of(lines.iter().map(|line| f64::from(line.sentiment == wanted)));
    let both = share(Sentiment::Positive) >= MIXED_LINES_MIN && share(Sentiment::Negative) >= MIXED_LINES_MIN;
    if both { Mood::Mixed } else { Mood::Neutral }
}

/// The normal distribution function at `errors`.
fn chance(errors: f64) -> f64 {
    1.0 / (1.0 + (-LOGISTIC_SLOPE * errors).exp())
}
