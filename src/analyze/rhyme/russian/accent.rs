//! The accent of a Russian word.

use super::phones::{J, Phone, VOICED_LAST};
use super::reduced;
use super::tail::{Cluster, Tail, first, last};
use crate::analyze::rhyme::accent::{AFTER_MAX, Accent, Consonant, Manner, Place};
use crate::analyze::rhyme::sound::RUSSIAN;

/// The stressed syllable and what follows. An open rhyme needs the consonant before it: `вода`, `беда`; not where that
/// is `й` or a vowel.
pub(super) fn of(tail: &Tail) -> Accent {
    let consonant = match first(tail.cluster(0)) {
        0 if tail.post > 0 => consonant(J),
        number => consonant(number),
    };
    let is_open = tail.post == 0 && tail.coda() == 0;
    let support = if is_open { supporting(tail.onset) } else { Consonant::NONE };
    let mut after = [0; AFTER_MAX];
    for (place, vowel) in after.iter_mut().zip(tail.vowels.iter().skip(1)) {
        *place = reduced(*vowel);
    }
    Accent::new(tail.vowel(0) & 0x7 | RUSSIAN, consonant, support, after)
}

fn supporting(onset: Cluster) -> Consonant {
    match (last(onset) & 0x1f) as Phone {
        J => Consonant::NONE,
        number => consonant(number),
    }
}

fn consonant(number: Phone) -> Consonant {
    let manner = match number {
        0 => return Consonant::NONE,
        1 | 3 | 4 | 7 | 9 | 10 => Manner::Stop,
        2 | 5 | 6 | 8 | 11 | 12 | 15 | 16 => Manner::Fricative,
        13 | 14 => Manner::Affricate,
        19 | 20 => Manner::Nasal,
        17 | 18 => Manner::Liquid,
        _ => Manner::Glide,
    };
    let place = match number {
        1 | 2 | 7 | 8 | 19 => Place::Lips,
        4 | 6 | 10 | 12 | 13 | 17 | 18 | 20 => Place::Teeth,
        3 | 9 | 16 => Place::Throat,
        _ => Place::Palate,
    };
    Consonant::new(manner, place, number <= VOICED_LAST || number >= 17)
}
