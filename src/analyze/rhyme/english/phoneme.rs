//! The phonemes of English as ARPAbet has them, each one byte: consonants, then vowels, then vowels with stress.
//!
//! The numbers are those of the table that the build script packs; 22, the sound of `yes`, no rule here names.

pub(super) const B: u8 = 1;
pub(super) const CH: u8 = 2;
pub(super) const D: u8 = 3;
pub(super) const DH: u8 = 4;
pub(super) const F: u8 = 5;
pub(super) const G: u8 = 6;
pub(super) const HH: u8 = 7;
pub(super) const JH: u8 = 8;
pub(super) const K: u8 = 9;
pub(super) const L: u8 = 10;
pub(super) const M: u8 = 11;
pub(super) const N: u8 = 12;
pub(super) const NG: u8 = 13;
pub(super) const P: u8 = 14;
pub(super) const R: u8 = 15;
pub(super) const S: u8 = 16;
pub(super) const SH: u8 = 17;
pub(super) const T: u8 = 18;
pub(super) const TH: u8 = 19;
pub(super) const V: u8 = 20;
pub(super) const W: u8 = 21;
pub(super) const Z: u8 = 23;
pub(super) const ZH: u8 = 24;

pub(super) const AA: u8 = 25;
pub(super) const AE: u8 = 26;
pub(super) const AH: u8 = 27;
pub(super) const AO: u8 = 28;
pub(super) const AW: u8 = 29;
pub(super) const AY: u8 = 30;
pub(super) const EH: u8 = 31;
pub(super) const ER: u8 = 32;
pub(super) const EY: u8 = 33;
pub(super) const IH: u8 = 34;
pub(super) const IY: u8 = 35;
pub(super) const OW: u8 = 36;
pub(super) const OY: u8 = 37;
pub(super) const UH: u8 = 38;
pub(super) const UW: u8 = 39;

/// Vowels without regard to stress.
pub(super) const VOWELS: usize = 15;
/// Added to a vowel with primary stress; twice it to one with secondary stress.
pub(super) const STRESSED: u8 = 40;

/// Which of the fifteen vowels, and its stress (0 none, 1 primary, 2 secondary); none for a consonant.
#[inline]
pub(super) fn vowel(phoneme: u8) -> Option<(u8, u8)> {
    let vowel = phoneme.checked_sub(AA)?;
    let stress = vowel / STRESSED;
    let vowel = vowel % STRESSED;
    (usize::from(vowel) < VOWELS && stress < 3).then_some((vowel, stress))
}
