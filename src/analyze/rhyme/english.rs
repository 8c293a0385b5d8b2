//! English: what rhymes of a word or of the end of a line.

mod accent;
mod coda;
mod dictionary;
mod features;
mod letters;
mod phoneme;
mod pronounce;
mod tail;
mod weights;

use unicode_normalization::UnicodeNormalization;

use self::coda::{Coda, compare};
pub(crate) use self::features::{FEATURES, Features};
use self::pronounce::{Origin, PRONUNCIATIONS_MAX, Spoken};
use self::tail::{SYLLABLES, Tail};
use super::accent::Accent;
use super::kind::Kind;

/// Letters of a word's end that are compared.
const SPELLING_LETTERS: usize = 8;
/// The bound of evidence on both sides: one pair never outweighs several.
const LOG_ODDS_MAX: f64 = 8.0;

/// A word as it is spoken.
#[derive(Clone, Debug)]
pub(super) struct Word {
    spoken: Spoken,
    spelling: u64,
    eye: u8,
}

/// The end of a line, or one word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sound {
    tails: [Tail; PRONUNCIATIONS_MAX],
    count: u8,
    origin: Origin,
    /// The last [`SPELLING_LETTERS`] letters, the last of all in the lowest byte.
    spelling: u64,
    /// Letters from the last vowel on, with a silent `e`; 0 where that is more than is kept.
    eye: u8,
}

impl Word {
    /// `word` is folded: lower case, NFC, apostrophes as `'`.
    pub(super) fn of(word: &str) -> Word {
        let plain: Vec<u8> = if word.is_ascii() {
            word.bytes().filter(|&b| b.is_ascii_lowercase() || b == b'\'').collect()
        } else {
            word.nfd().filter(|c| c.is_ascii_lowercase() || *c == '\'').filter_map(|c| u8::try_from(c).ok()).collect()
        };
        let letters: Vec<u8> = plain.iter().copied().filter(u8::is_ascii_lowercase).collect();
        let last = letters.get(letters.len().saturating_sub(SPELLING_LETTERS)..).unwrap_or(&letters);
        let spelling = last.iter().fold(0, |packed, &letter| packed << 8 | u64::from(letter));
        Word { spoken: pronounce::pronounce(&plain), spelling, eye: eye(last) }
    }

    fn first(&self) -> &[u8] {
        self.spoken.first()
    }

    /// What two words that rhyme perfectly have in common.
    pub(super) fn rhyme_key(&self) -> Option<u64> {
        let tail = Tail::of(std::iter::empty(), self.first());
        let sounds = (0..=usize::from(tail.stressed)).flat_map(|at| [u64::from(tail.vowel(at)), tail.coda(at).into()]);
        let key = sounds.fold(0xcbf2_9ce4_8422_2325, |key: u64, sound| (key ^ sound).wrapping_mul(0x0100_0000_01b3));
        (tail.vowel(0) != 0).then_some(key)
    }

    /// By the first pronunciation.
    pub(super) fn accent(&self) -> Option<Accent> {
        accent::of(self.first())
    }

    /// The vowels of the first pronunciation, 1 to 15.
    pub(super) fn vowels(&self) -> impl Iterator<Item = u8> {
        self.first().iter().filter_map(|&sound| phoneme::vowel(sound)).map(|(vowel, _)| vowel + 1)
    }
}

impl Sound {
    /// The end of a line whose last words are `before` and `last`.
    pub(super) fn of<'word>(before: impl DoubleEndedIterator<Item = &'word Word> + Clone, last: &Word) -> Sound {
        let mut sound =
            Sound { origin: last.spoken.origin, spelling: last.spelling, eye: last.eye, ..Sound::default() };
        for (place, spoken) in sound.tails.iter_mut().zip(last.spoken.pronunciations()) {
            *place = Tail::of(before.clone().rev().map(Word::first), spoken);
            sound.count += 1;
        }
        sound
    }

    fn tails(&self) -> &[Tail] {
        self.tails.get(..usize::from(self.count)).unwrap_or_default()
    }
}

/// Natural log of how much likelier the two are where their lines rhyme than where they do not.
pub(super) fn log_odds(left: &Sound, right: &Sound) -> f64 {
    score(left, right, weights::WEIGHTS)
}

/// The same with the weights of a fit.
pub(crate) fn score(left: &Sound, right: &Sound, weights: &[f32]) -> f64 {
    sum(&features::features(left, right), weights)
}

pub(crate) fn sum(features: &Features, weights: &[f32]) -> f64 {
    let weights = features.as_slice().iter().filter_map(|&number| weights.get(usize::from(number)));
    weights.map(|&weight| f64::from(weight)).sum::<f64>().clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX)
}

pub(crate) fn features(left: &Sound, right: &Sound) -> Features {
    features::features(left, right)
}

/// How two ends of lines rhyme; none where they do not.
pub(super) fn kind(left: &Sound, right: &Sound) -> Option<Kind> {
    let (a, b) = features::closest(left, right)?;
    let syllables = usize::from(a.stressed.max(b.stressed)).min(SYLLABLES - 1) + 1;
    // A syllable that is not stressed carries the rhyme where the other end is stressed there: `eternity`, `be`.
    let compared = if a.stressed.min(b.stressed) == 0 && a.stressed.max(b.stressed) != 1 { 1 } else { syllables };
    let vowels = (0..compared).all(|at| a.vowel(at) == b.vowel(at));
    let worst = (0..compared).map(|at| compare(a.coda(at), b.coda(at))).max().unwrap_or(Coda::Unlike);
    match (vowels, worst) {
        (true, Coda::Same | Coda::Open) => Some(Kind::Perfect),
        (true, Coda::Voice | Coda::Family | Coda::Inflected | Coda::Longer) => Some(Kind::Family),
        (true, _) => Some(Kind::Assonant),
        (false, _) if features::is_eye_rhyme(left, right) => Some(Kind::Spelling),
        (false, _) => None,
    }
}

/// The syllables from the end that agree in their vowels and, within a family, in the consonants between, back to the
/// farthest that both stress.
pub(super) fn shared_syllables(left: &Sound, right: &Sound) -> usize {
    let Some((a, b)) = features::closest(left, right) else { return 0 };
    let agrees = |at: &usize| {
        a.vowel(*at) != 0 && a.vowel(*at) == b.vowel(*at) && compare(a.coda(*at), b.coda(*at)) <= Coda::Longer
    };
    let stressed = |at: &usize| a.is_stressed(*at) && b.is_stressed(*at);
    (0..SYLLABLES).take_while(agrees).filter(stressed).last().map_or(0, |at| at + 1)
}

/// Letters from the last vowel on; a final `e` after a consonant is silent.
fn eye(letters: &[u8]) -> u8 {
    let is_vowel = |letter: &u8| b"aeiouy".contains(letter);
    let end = match letters {
        [.., before, b'e'] if !is_vowel(before) => letters.len() - 1,
        _ => letters.len(),
    };
    let body = letters.get(..end).unwrap_or_default();
    let last = body.iter().rposition(is_vowel);
    let start = last.map(|last| body.iter().take(last).rposition(|l| !is_vowel(l)).map_or(0, |before| before + 1));
    start.and_then(|start| u8::try_from(letters.len() - start).ok()).unwrap_or(0)
}
