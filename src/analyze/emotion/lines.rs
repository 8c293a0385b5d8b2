//! One line: the words of feeling in it, and what stands around them.

use super::cues::{Cue, cue};
use super::lexica::{Feeling, Lexica};
use super::words::{Piece, pieces};
use crate::analyze::script::Script;

/// Words after a negation that it turns, as in VADER (Hutto & Gilbert 2014).
const NEGATION_WORDS: usize = 3;

/// Words between a word of feeling and the `not` or `нет` after it that still turns it: `love me not`.
const POSTPOSED_WORDS: usize = 1;

/// Words after a word of degree that it reaches.
const DEGREE_WORDS: usize = 2;

/// A turned feeling: VADER takes -0.74; verse says `not unhappy` more often than it says `not happy`.
const TURNED: f64 = -0.6;

/// What stands before a contrast and after it (VADER: a half, one and a half).
const BEFORE_CONTRAST: f64 = 0.6;
const AFTER_CONTRAST: f64 = 1.3;

/// The valence that [`sharpened`] leaves as it is.
const SHARPENED_EVEN: f64 = 2.0;

/// The square of the sum at which a line reaches 0.71 of the end of the scale: one strong word is halfway.
const SATURATION: f64 = 9.0;

/// What an exclamation mark adds, up to three of them: to the feeling as a share, to arousal on the scale of words.
const EXCLAMATION_VALENCE: f64 = 0.1;
const EXCLAMATION_AROUSAL: f64 = 0.5;
const EXCLAMATIONS_MAX: usize = 3;

/// A question asserts less than a statement.
const QUESTION: f64 = 0.8;

/// The words of feeling of a line, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LineFeeling {
    /// Of the words that are positive here, 0 and up.
    pub(super) positive: f64,
    /// Of the words that are negative here, 0 and up.
    pub(super) negative: f64,
    /// Arousal of the words that have one, summed, and with what the marks add.
    pub(super) arousal: f64,
    /// Words that have an arousal; a line of exclamations counts as one.
    pub(super) aroused_words: usize,
    pub(super) words: usize,
    /// Words that the lexica know.
    pub(super) known_words: usize,
}

impl LineFeeling {
    /// -1 to 1; 0 where no word of feeling stands. The curve is VADER's.
    pub(super) fn valence(&self) -> f64 {
        let sum = self.positive - self.negative;
        sum / (sum * sum + SATURATION).sqrt()
    }
}

/// Buffers that lines share.
#[derive(Default)]
pub(super) struct Buffers {
    word: String,
    spelling: String,
    hits: Vec<Hit>,
}

/// A word of feeling in its place.
#[derive(Clone, Copy)]
struct Hit {
    valence: f64,
    arousal: Option<f64>,
    /// Number of the word in the line.
    at: usize,
    clause: usize,
}

/// Reads `line`. Time is linear in its length.
pub(super) fn line_feeling(line: &str, lexica: &Lexica, buffers: &mut Buffers) -> LineFeeling {
    let Buffers { word, spelling, hits } = buffers;
    hits.clear();
    let mut reader = Reader::new(lexica, spelling, hits);
    pieces(line, word, |piece, word| reader.read(piece, word));
    reader.sum()
}

struct Reader<'a> {
    lexica: &'a Lexica,
    spelling: &'a mut String,
    hits: &'a mut Vec<Hit>,
    words: usize,
    clause: usize,
    /// Words that the last negation still turns.
    negated: usize,
    degree: f64,
    degree_words: usize,
    after_auxiliary: bool,
    exclamations: usize,
    questions: usize,
    /// The first hit after the last contrast.
    contrast: Option<usize>,
}

impl<'a> Reader<'a> {
    fn new(lexica: &'a Lexica, spelling: &'a mut String, hits: &'a mut Vec<Hit>) -> Self {
        Reader {
            lexica,
            spelling,
            hits,
            words: 0,
            clause: 0,
            negated: 0,
            degree: 1.0,
            degree_words: 0,
            after_auxiliary: false,
            exclamations: 0,
            questions: 0,
            contrast: None,
        }
    }

    fn read(&mut self, piece: Piece, word: &str) {
        match piece {
            Piece::Word(script) => self.read_word(word, script),
            Piece::Break => self.end_clause(),
            Piece::Exclamation => {
                self.exclamations += 1;
                self.end_clause();
            }
            Piece::Question => {
                self.questions += 1;
                self.end_clause();
            }
        }
    }

    fn end_clause(&mut self) {
        self.clause += 1;
        self.negated = 0;
        self.degree_words = 0;
        self.after_auxiliary = false;
    }

    fn read_word(&mut self, word: &str, script: Script) {
        self.words += 1;
        self.negated = self.negated.saturating_sub(1);
        self.degree_words = self.degree_words.saturating_sub(1);
        let cue = cue(word, script);
        if let Some(cue) = cue {
            self.apply(cue);
        }
        self.after_auxiliary = cue == Some(Cue::Auxiliary);
        let may_feel = matches!(cue, None | Some(Cue::Restriction));
        if may_feel && let Some(feeling) = self.lexica.feeling(word, script, self.spelling) {
            self.push(feeling);
        }
    }

    fn apply(&mut self, cue: Cue) {
        match cue {
            Cue::Negation => self.negated = NEGATION_WORDS + 1,
            Cue::Postposed if self.after_auxiliary || !self.turn_last() => self.negated = NEGATION_WORDS + 1,
            Cue::Postposed | Cue::Auxiliary => {}
            Cue::Restriction if self.negated == NEGATION_WORDS => self.negated = 0,
            Cue::Restriction => {}
            Cue::Degree(factor) => {
                self.degree = factor;
                self.degree_words = DEGREE_WORDS + 1;
            }
            Cue::Contrast => {
                self.end_clause();
                self.contrast = Some(self.hits.len());
            }
        }
    }

    /// Turns the feeling just before, if it stands in this clause.
    fn turn_last(&mut self) -> bool {
        let (words, clause) = (self.words, self.clause);
        let near = |hit: &&mut Hit| hit.clause == clause && words - hit.at <= POSTPOSED_WORDS + 1;
        match self.hits.last_mut().filter(near) {
            Some(hit) => {
                hit.valence *= TURNED;
                true
            }
            None => false,
        }
    }

    fn push(&mut self, feeling: Feeling) {
        let mut valence = feeling.valence;
        if self.degree_words > 0 {
            valence *= self.degree;
            self.degree_words = 0;
        }
        if self.negated > 0 {
            valence *= TURNED;
        }
        self.hits.push(Hit { valence, arousal: feeling.arousal, at: self.words, clause: self.clause });
    }

    fn sum(&self) -> LineFeeling {
        let mut line = LineFeeling { words: self.words, known_words: self.hits.len(), ..LineFeeling::default() };
        let exclamations = self.exclamations.min(EXCLAMATIONS_MAX) as f64;
        let tone = (1.0 + EXCLAMATION_VALENCE * exclamations) * if self.questions > 0 { QUESTION } else { 1.0 };
        for (number, hit) in self.hits.iter().enumerate() {
            let valence = sharpened(hit.valence) * tone * self.contrast_factor(number);
            line.positive += valence.max(0.0);
            line.negative += (-valence).max(0.0);
            line.arousal += hit.arousal.unwrap_or(0.0);
            line.aroused_words += usize::from(hit.arousal.is_some());
        }
        if self.exclamations > 0 {
            line.aroused_words = line.aroused_words.max(1);
            line.arousal += EXCLAMATION_AROUSAL * exclamations * line.aroused_words as f64;
        }
        line
    }

    /// 1 where no contrast stands in the line, or no feeling before it.
    fn contrast_factor(&self, hit: usize) -> f64 {
        match self.contrast {
            None | Some(0) => 1.0,
            Some(first) if hit < first => BEFORE_CONTRAST,
            Some(_) => AFTER_CONTRAST,
        }
    }
}

/// Weak words of feeling, of which verse is full (`moon`, `silver`), count less, strong ones more.
fn sharpened(valence: f64) -> f64 {
    valence * (valence.abs() / SHARPENED_EVEN).sqrt()
}
