//! What speaks for and against a rhyme of two Russian words, as numbers of features that hold.

use super::Sound;
use super::stress::Origin;
use super::tail::{GRADES, Grade, Tail, WEAKS, Weak, compare, compare_weak, last};

/// Features that hold for one pair, at most.
const ACTIVE_MAX: usize = 16;

/// The features of one pair.
#[derive(Clone, Copy, Debug, Default)]
pub struct Features {
    numbers: [u16; ACTIVE_MAX],
    count: usize,
}

impl Features {
    pub fn as_slice(&self) -> &[u16] {
        self.numbers.get(..self.count).unwrap_or_default()
    }

    fn push(&mut self, number: usize) {
        if let (Some(place), Ok(number)) = (self.numbers.get_mut(self.count), u16::try_from(number)) {
            *place = number;
            self.count += 1;
        }
    }
}

/// How many syllables follow the two stresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Masculine,
    Feminine,
    Dactylic,
    /// One masculine, one feminine.
    MasculineFeminine,
    FeminineDactylic,
    Other,
}

const SHAPES: usize = 6;
const VOWEL_PAIRS: usize = 36;
/// Letters that two words share at the end, 0 to 5 or more.
const LETTERS: usize = 6;
const ORIGINS: usize = 3;
/// Agreement of a cluster, told apart three ways: near, approximate, none.
const LEVELS: usize = 3;

const IDENTICAL: usize = 1;
const SHAPE: usize = IDENTICAL + 1;
const VOWEL: usize = SHAPE + SHAPES * 2 * 2;
const CLUSTER: usize = VOWEL + VOWEL_PAIRS * 2;
const CODA: usize = CLUSTER + SHAPES * GRADES * 2;
const WEAK: usize = CODA + SHAPES * GRADES * 2;
const WHOLE: usize = WEAK + SHAPES * WEAKS * 2;
const SUPPORT: usize = WHOLE + SHAPES * LEVELS * LEVELS * LEVELS;
const ONSET: usize = SUPPORT + GRADES * 2;
const SPELLED: usize = ONSET + SHAPES * 4;
const ORIGIN: usize = SPELLED + LETTERS * SHAPES * 2;
/// All features; number 0 always holds.
pub const FEATURES: usize = ORIGIN + ORIGINS * 2;

pub(super) fn features(left: &Sound, right: &Sound) -> Features {
    let mut features = Features::default();
    features.push(0);
    if left.spelling == right.spelling {
        features.push(IDENTICAL);
        return features;
    }
    let (Some(a), Some(b)) = (&left.tail, &right.tail) else {
        return features;
    };
    let shape = shape(a, b);
    let at = shape as usize;
    let same = a.vowel(0) & 0x1f == b.vowel(0) & 0x1f;
    let equal = usize::from(same);
    // A stress that was guessed says less against a rhyme than one that is known.
    let guessed = usize::from(left.origin.max(right.origin) != Origin::Marked);
    features.push(SHAPE + (guessed * SHAPES + at) * 2 + equal);
    if !same {
        let (low, high) = (a.vowel(0).min(b.vowel(0)) & 0x7, a.vowel(0).max(b.vowel(0)) & 0x7);
        let (low, high) = (low.min(high), low.max(high));
        features.push(VOWEL + guessed * VOWEL_PAIRS + usize::from(low) * 6 + usize::from(high));
    }
    let shared = usize::from(a.post.min(b.post));
    let coda = compare(a.coda(), b.coda());
    let inner = (0..shared).map(|at| compare(a.cluster(at), b.cluster(at))).max();
    let weak = (1..=shared).map(|at| compare_weak(a.vowel(at), b.vowel(at))).max();
    features.push(CODA + (at * GRADES + coda as usize) * 2 + equal);
    if let Some(inner) = inner {
        features.push(CLUSTER + (at * GRADES + inner as usize) * 2 + equal);
    }
    if let Some(weak) = weak {
        features.push(WEAK + (at * WEAKS + weak as usize) * 2 + equal);
    }
    let onset = compare(last(a.onset), last(b.onset));
    if same {
        let weak = weak.map_or(0, |weak| (weak as usize).saturating_sub(1).min(LEVELS - 1));
        let whole = (level(inner.unwrap_or(Grade::Same)) * LEVELS + weak) * LEVELS + level(coda);
        features.push(WHOLE + at * LEVELS * LEVELS * LEVELS + whole);
    }
    if shape == Shape::Masculine && coda == Grade::BothEmpty {
        features.push(SUPPORT + onset as usize * 2 + equal);
    } else {
        let supported = usize::from(onset <= Grade::Soft) * 2;
        features.push(ONSET + at * 4 + supported + equal);
    }
    features.push(SPELLED + (shared_letters(left, right) * SHAPES + at) * 2 + equal);
    let perfect = same && coda <= Grade::Soft && inner.is_none_or(|inner| inner <= Grade::Soft);
    features.push(ORIGIN + (left.origin as usize).max(right.origin as usize) * 2 + usize::from(perfect));
    features
}

pub(super) fn shape(a: &Tail, b: &Tail) -> Shape {
    match (a.post.min(b.post), a.post.max(b.post)) {
        (0, 0) => Shape::Masculine,
        (1, 1) => Shape::Feminine,
        (2, 2) | (3, 3) => Shape::Dactylic,
        (0, 1) => Shape::MasculineFeminine,
        (1, 2) => Shape::FeminineDactylic,
        _ => Shape::Other,
    }
}

fn level(grade: Grade) -> usize {
    match grade {
        Grade::Same | Grade::BothEmpty | Grade::Soft => 0,
        Grade::Voice | Grade::Iot | Grade::Longer | Grade::Family => 1,
        Grade::Overlap | Grade::OneEmpty | Grade::Unlike => 2,
    }
}

pub(super) fn is_close(weak: Weak) -> bool {
    weak <= Weak::Near
}

/// Letters that both end in, 0 to 5.
fn shared_letters(left: &Sound, right: &Sound) -> usize {
    let same = left.ending.iter().zip(&right.ending).take_while(|(a, b)| a == b && **a != 0).count();
    same.min(LETTERS - 1)
}
