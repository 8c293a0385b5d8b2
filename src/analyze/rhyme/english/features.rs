//! What speaks for and against a rhyme of two line ends, as numbers of features that hold.

use super::Sound;
use super::coda::{CODAS, Coda, compare};
use super::phoneme::VOWELS;
use super::pronounce::Origin;
use super::tail::Tail;

/// Features that hold for one pair, at most.
pub(super) const ACTIVE_MAX: usize = 16;

/// The features of one pair.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Features {
    numbers: [u16; ACTIVE_MAX],
    count: usize,
}

impl Features {
    pub(crate) fn as_slice(&self) -> &[u16] {
        self.numbers.get(..self.count).unwrap_or_default()
    }

    fn push(&mut self, number: usize) {
        if let (Some(place), Ok(number)) = (self.numbers.get_mut(self.count), u16::try_from(number)) {
            *place = number;
            self.count += 1;
        }
    }
}

/// How the stresses of two ends meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Both end in a stressed syllable.
    Masculine,
    /// Both are stressed on the last syllable but one, and agree in it whole, in its vowel, or not.
    FeminineSame,
    FeminineVowel,
    FeminineOther,
    /// One is stressed on the last, the other on the last but one; the syllables before the last agree: `the Tory at`.
    MixedSame,
    MixedOther,
    /// One is stressed on the last, the other two or more before: `be`, `eternity`.
    Promoted,
    /// Both are stressed two or more before the last, or one there and one on the last but one.
    UnstressedSame,
    UnstressedOther,
}

const SHAPES: usize = 9;
const GRADES: usize = 2 * CODAS * SHAPES;
const VOWEL_PAIRS: usize = VOWELS * (VOWELS + 1) / 2;
/// Letters that two words share at the end, 0 to 5 or more.
const LETTERS: usize = 6;
const ORIGINS: usize = 3;

const GRADE: usize = 1;
const VOWEL: usize = GRADE + GRADES;
const SPELLED: usize = VOWEL + 2 * VOWEL_PAIRS;
const EYE: usize = SPELLED + LETTERS * 4 * 2;
const IDENTICAL: usize = EYE + 4;
const ONSET: usize = IDENTICAL + 1;
const ORIGIN: usize = ONSET + 2;
/// All features; number 0 always holds.
pub(crate) const FEATURES: usize = ORIGIN + ORIGINS * 2;

/// One of each group: how vowel, consonants and stress meet; which vowels; the letters shared; and what is special.
pub(super) fn features(left: &Sound, right: &Sound) -> Features {
    let mut features = Features::default();
    features.push(0);
    let (spelled, eye) = (shared_letters(left, right), is_eye_rhyme(left, right));
    if left.spelling == right.spelling && left.spelling != 0 {
        features.push(IDENTICAL);
        return features;
    }
    let Some((a, b)) = closest(left, right) else {
        features.push(SPELLED + spelled * 8);
        return features;
    };
    let (vowels, coda, shape) = (a.vowel(0) == b.vowel(0), compare(a.coda(0), b.coda(0)), shape(a, b));
    features.push(GRADE + (usize::from(vowels) * CODAS + coda as usize) * SHAPES + shape as usize);
    let stressed = a.is_stressed(0) && b.is_stressed(0);
    features.push(VOWEL + usize::from(stressed) * VOWEL_PAIRS + pair(a.vowel(0), b.vowel(0)));
    let consonants = coda <= Coda::Open;
    let sure = left.origin == Origin::Dictionary && right.origin == Origin::Dictionary;
    let agreement = usize::from(vowels) * 2 + usize::from(consonants);
    features.push(SPELLED + (spelled * 4 + agreement) * 2 + usize::from(sure));
    if eye {
        features.push(EYE + agreement);
    }
    if vowels && consonants {
        if a.onset(0) == b.onset(0) {
            features.push(ONSET + usize::from(stressed));
        }
        features.push(ORIGIN + (left.origin as usize).max(right.origin as usize));
    } else {
        features.push(ORIGIN + ORIGINS + (left.origin as usize).max(right.origin as usize));
    }
    features
}

fn pair(a: u8, b: u8) -> usize {
    let (low, high) = (usize::from(a.min(b)).saturating_sub(1), usize::from(a.max(b)).saturating_sub(1));
    high * (high + 1) / 2 + low
}

fn shape(a: &Tail, b: &Tail) -> Shape {
    let same = a.vowel(1) == b.vowel(1) && a.vowel(1) != 0;
    let between = a.coda(1) == b.coda(1);
    match (a.stressed.min(b.stressed), a.stressed.max(b.stressed)) {
        (0, 0) => Shape::Masculine,
        (0, 1) if a.is_stressed(0) && b.is_stressed(0) => Shape::Masculine,
        (0, 1) if same && between => Shape::MixedSame,
        (0, 1) => Shape::MixedOther,
        (0, _) => Shape::Promoted,
        (1, 1) if same && between => Shape::FeminineSame,
        (1, 1) if same => Shape::FeminineVowel,
        (1, 1) => Shape::FeminineOther,
        _ if same => Shape::UnstressedSame,
        _ => Shape::UnstressedOther,
    }
}

/// The two pronunciations that agree best, the first of several pairs.
#[inline]
pub(super) fn closest<'a>(left: &'a Sound, right: &'a Sound) -> Option<(&'a Tail, &'a Tail)> {
    if let ([a], [b]) = (left.tails(), right.tails()) {
        return Some((a, b));
    }
    let pairs = left.tails().iter().flat_map(|a| right.tails().iter().map(move |b| (a, b)));
    pairs.min_by_key(|(a, b)| distance(a, b))
}

fn distance(a: &Tail, b: &Tail) -> u32 {
    let vowels = if a.vowel(0) == b.vowel(0) { 0 } else { 6 };
    let coda = match compare(a.coda(0), b.coda(0)) {
        Coda::Same | Coda::Open => 0,
        Coda::Voice => 3,
        Coda::Family | Coda::Inflected => 4,
        Coda::Longer | Coda::Other => 5,
        Coda::OneOpen | Coda::Unlike => 7,
    };
    let shape = match shape(a, b) {
        Shape::Masculine | Shape::FeminineSame => 0,
        Shape::FeminineVowel | Shape::MixedSame | Shape::UnstressedSame | Shape::Promoted => 2,
        Shape::FeminineOther | Shape::UnstressedOther => 5,
        Shape::MixedOther => 4,
    };
    vowels + coda + shape
}

/// Letters that both end in, 0 to 5.
fn shared_letters(left: &Sound, right: &Sound) -> usize {
    let different = left.spelling ^ right.spelling;
    let same = different.trailing_zeros() / 8;
    let length = |spelling: u64| (64 - spelling.leading_zeros()).div_ceil(8);
    (same.min(length(left.spelling)).min(length(right.spelling)) as usize).min(LETTERS - 1)
}

/// Whether the letters agree from the last vowel on, a silent `e` aside.
pub(super) fn is_eye_rhyme(left: &Sound, right: &Sound) -> bool {
    left.eye == right.eye && left.eye > 0 && {
        let bits = 8 * u32::from(left.eye);
        (left.spelling ^ right.spelling).trailing_zeros() >= bits.min(64)
    }
}
