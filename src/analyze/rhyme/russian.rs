//! Russian: what rhymes of a word, and how far two words do.

mod accent;
mod features;
mod letters;
mod phones;
mod stress;
mod suffixes;
mod tail;
mod weights;

use self::features::Shape;
pub use self::features::{FEATURES, Features};
use self::letters::Letters;
use self::phones::{Phones, SOFT, VOWEL};
use self::stress::Origin;
pub use self::stress::{StressDictionary, StressDictionaryError};
use self::tail::{Grade, POST_MAX, Tail, compare, compare_weak, last};
use super::accent::Accent;
use super::kind::Kind;

/// Evidence beyond this is not trusted, whatever the fit says.
const LOG_ODDS_MAX: f64 = 8.0;
/// Vowels of a word that are kept, from its end.
const VOWELS_MAX: usize = 8;
/// Letters of a word's end that are compared.
const ENDING: usize = 5;

/// What rhymes of a word.
#[derive(Clone, Debug)]
pub struct Sound {
    /// A hash of the letters: words that are written alike have the same.
    spelling: u64,
    /// The last letters, the last first; 0 for none.
    ending: [u8; ENDING],
    /// None without a vowel.
    tail: Option<Tail>,
    origin: Origin,
    vowels: [u8; VOWELS_MAX],
    vowel_count: u8,
}

impl Sound {
    /// Of one folded word, by the marks in it and by its suffix.
    pub fn of(word: &str) -> Sound {
        Sound::with(word, &StressDictionary::default())
    }

    /// The same, asking a dictionary for the stress where no mark says it.
    pub fn with(word: &str, dictionary: &StressDictionary) -> Sound {
        let letters = Letters::of(word);
        let stress = stress::stressed(&letters, dictionary);
        let phones = Phones::of(letters.as_slice(), stress.map(|(at, _)| at));
        let mut vowels = [0; VOWELS_MAX];
        let count = phones.as_slice().iter().filter(|&&phone| phone & VOWEL != 0).count();
        let spoken = phones.as_slice().iter().enumerate().filter(|&(_, &phone)| phone & VOWEL != 0);
        for (place, (at, &phone)) in vowels.iter_mut().zip(spoken.skip(count.saturating_sub(VOWELS_MAX))) {
            *place = if phones.stressed == Some(at) { phone & 0x7 } else { reduced(phone) };
        }
        let mut ending = [0; ENDING];
        for (place, &letter) in ending.iter_mut().zip(letters.as_slice().iter().rev()) {
            *place = (u32::from(letter) & 0xff) as u8;
        }
        Sound {
            spelling: hash(letters.as_slice().iter().map(|&letter| u64::from(u32::from(letter)))),
            ending,
            tail: phones.stressed.map(|at| Tail::of(phones.as_slice(), at)),
            origin: stress.map_or(Origin::Suffix, |(_, origin)| origin),
            vowels,
            vowel_count: count.min(VOWELS_MAX) as u8,
        }
    }

    /// Codes of the last vowels as spoken, in reading order: 1 `a`, 2 `e`, 3 `i`, 4 `o`, 5 `u`.
    pub fn vowels(&self) -> &[u8] {
        self.vowels.get(..usize::from(self.vowel_count)).unwrap_or_default()
    }

    /// Syllables after the stressed one; none without a vowel.
    pub fn syllables_after_stress(&self) -> Option<usize> {
        self.tail.map(|tail| usize::from(tail.post))
    }

    /// What near rhymes of it have in common; none without a vowel.
    pub(super) fn accent(&self) -> Option<Accent> {
        self.tail.as_ref().map(accent::of)
    }

    /// What two words that rhyme perfectly have in common; none without a vowel.
    pub fn rhyme_key(&self) -> Option<u64> {
        let tail = self.tail?;
        let weak = tail.vowels.iter().skip(1).map(|&vowel| u64::from(if vowel == 0 { 0 } else { reduced(vowel) }));
        let clusters = tail.clusters.iter().map(|&cluster| u64::from(cluster));
        let open = tail.post == 0 && tail.coda() == 0;
        let support = if open { u64::from(last(tail.onset)) } else { 0 };
        Some(hash([u64::from(tail.vowel(0) & 0x7), support].into_iter().chain(weak).chain(clusters)))
    }
}

/// The vowel as it sounds without stress.
fn reduced(vowel: u8) -> u8 {
    match vowel & 0x7 {
        1 | 4 if vowel & SOFT == 0 => 1,
        5 => 5,
        1..=4 => 3,
        other => other,
    }
}

fn hash(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0xcbf2_9ce4_8422_2325, |hash, value| (hash ^ value).wrapping_mul(0x0100_0000_01b3))
}

/// Natural log of how much likelier the two are where their lines rhyme than where they do not.
pub fn log_odds(left: &Sound, right: &Sound) -> f64 {
    score(&features::features(left, right), weights::WEIGHTS)
}

/// The sum of a fit's weights.
pub fn score(features: &Features, weights: &[f32]) -> f64 {
    let weights = features.as_slice().iter().filter_map(|&number| weights.get(usize::from(number)));
    weights.map(|&weight| f64::from(weight)).sum::<f64>().clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX)
}

pub fn features(left: &Sound, right: &Sound) -> Features {
    features::features(left, right)
}

/// How two words rhyme; none where they do not.
pub fn kind(left: &Sound, right: &Sound) -> Option<Kind> {
    let (a, b) = (left.tail.as_ref()?, right.tail.as_ref()?);
    if a.vowel(0) & 0x7 != b.vowel(0) & 0x7 {
        let alike = left.ending.iter().zip(&right.ending).take_while(|(a, b)| a == b && **a != 0).count();
        return (alike >= SPELLING_LETTERS_MIN).then_some(Kind::Spelling);
    }
    if left.rhyme_key() == right.rhyme_key() {
        return Some(Kind::Perfect);
    }
    let shared = usize::from(a.post.min(b.post));
    let inner = (0..shared).map(|at| compare(a.cluster(at), b.cluster(at)));
    let worst = inner.chain([compare(a.coda(), b.coda())]).max().unwrap_or(Grade::Unlike);
    let weak = (1..=shared).all(|at| features::is_close(compare_weak(a.vowel(at), b.vowel(at))));
    let shape = features::shape(a, b);
    let open = shape == Shape::Masculine && a.coda() == 0 && b.coda() == 0;
    match shape {
        // An open masculine rhyme needs the consonant before: `вода`, `беда`, not `вода`, `весна`.
        Shape::Masculine if open && compare(last(a.onset), last(b.onset)) > Grade::Iot => Some(Kind::Assonant),
        Shape::Masculine | Shape::Feminine | Shape::Dactylic if weak && worst <= Grade::Soft => Some(Kind::Perfect),
        Shape::Masculine | Shape::Feminine | Shape::Dactylic if weak && worst <= Grade::Family => Some(Kind::Family),
        Shape::Other => None,
        _ => Some(Kind::Assonant),
    }
}

/// Letters at the end that make a rhyme for the eye, where the stressed vowels differ.
const SPELLING_LETTERS_MIN: usize = 4;

/// Syllables from the end back to the stress that agree in their vowels and nearly in their consonants.
pub fn shared_syllables(left: &Sound, right: &Sound) -> usize {
    let (Some(a), Some(b)) = (&left.tail, &right.tail) else { return 0 };
    let agrees = a.post == b.post
        && a.vowel(0) & 0x7 == b.vowel(0) & 0x7
        && (1..=POST_MAX).all(|at| reduced(a.vowel(at)) == reduced(b.vowel(at)))
        && (0..=POST_MAX).all(|at| compare(a.cluster(at), b.cluster(at)) <= Grade::Family);
    if !agrees {
        return 0;
    }
    usize::from(a.post) + 1
}
