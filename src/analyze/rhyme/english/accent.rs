//! The accent of an English word.

use super::phoneme::*;
use crate::analyze::rhyme::accent::{AFTER_MAX, Accent, Consonant, Manner, Place};

/// The last of the syllables that are stressed most, and what follows. American: vowels before `r` rhyme by the `r`,
/// `cot` and `caught` are alike, and unstressed vowels but the long ones are one.
pub(super) fn of(sounds: &[u8]) -> Option<Accent> {
    let with_stress = |wanted: u8| sounds.iter().rposition(|&sound| vowel(sound).is_some_and(|(_, is)| is == wanted));
    let at = with_stress(1).or_else(|| with_stress(2)).or_else(|| with_stress(0))?;
    let (stressed, _) = vowel(*sounds.get(at)?)?;
    let next = sounds.get(at + 1).copied().filter(|&sound| vowel(sound).is_none());
    let consonant = if stressed + AA == ER { consonant(R) } else { next.map_or(Consonant::NONE, consonant) };
    let mut after = [0; AFTER_MAX];
    let following = sounds.get(at + 1..).unwrap_or_default().iter().filter_map(|&sound| vowel(sound));
    for (place, (vowel, _)) in after.iter_mut().zip(following) {
        *place = weak(vowel) + 1;
    }
    Some(Accent::new(american(stressed + AA, next == Some(R)), consonant, Consonant::NONE, after))
}

/// The vowel where `cot` and `caught`, and before `r` `marry` and `merry`, `mirror` and `nearer`, are alike.
fn american(vowel: u8, before_r: bool) -> u8 {
    match (vowel, before_r) {
        (AO, false) => AA,
        (AE, true) => EH,
        (IH, true) => IY,
        (UH, true) => UW,
        _ => vowel,
    }
}

/// Short vowels fade into one without stress: `lesson`, `blessing`.
fn weak(vowel: u8) -> u8 {
    match vowel + AA {
        IH | EH | UH | AE | AA => AH - AA,
        _ => vowel,
    }
}

fn consonant(sound: u8) -> Consonant {
    let manner = match sound {
        P | B | T | D | K | G => Manner::Stop,
        F | V | TH | DH | S | Z | SH | ZH | HH => Manner::Fricative,
        CH | JH => Manner::Affricate,
        M | N | NG => Manner::Nasal,
        L => Manner::Liquid,
        _ => Manner::Glide,
    };
    let place = match sound {
        P | B | F | V | M | W => Place::Lips,
        T | D | S | Z | TH | DH | N | L | R => Place::Teeth,
        K | G | NG | HH => Place::Throat,
        _ => Place::Palate,
    };
    Consonant::new(manner, place, !matches!(sound, P | T | K | F | TH | S | SH | CH | HH))
}
