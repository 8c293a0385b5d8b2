//! A Russian word as it is spoken: Avanesov's literary norm, as far as rhyme hears it.

use super::letters::{LETTERS_MAX, is_vowel};

/// A sound in one byte: a consonant's number or [`VOWEL`] with a vowel's, and [`SOFT`].
pub(super) type Phone = u8;

/// Set in a palatalised consonant, and in a vowel after one.
pub(super) const SOFT: u8 = 0x20;
pub(super) const VOWEL: u8 = 0x80;

/// Voiced 1 to 6, each with its voiceless partner six places on.
pub(super) const VOICED_LAST: u8 = 6;
const V: u8 = 2;
const K: u8 = 9;
const SH: u8 = 11;
const S: u8 = 12;
const TS: u8 = 13;
const CH: u8 = 14;
const SHCH: u8 = 15;
const KH: u8 = 16;
pub(super) const J: u8 = 21;

/// Two phones a letter at most: `я` is `j` and `a`.
const PHONES_MAX: usize = 2 * LETTERS_MAX;

#[derive(Clone, Copy, Debug)]
pub(super) struct Phones {
    phones: [Phone; PHONES_MAX],
    len: usize,
    /// Where the stressed vowel stands.
    pub(super) stressed: Option<usize>,
}

impl Phones {
    pub(super) fn of(letters: &[char], stressed: Option<usize>) -> Phones {
        let mut of = Phones { phones: [0; PHONES_MAX], len: 0, stressed: None };
        let mut at = 0;
        while let Some(&letter) = letters.get(at) {
            let rest = letters.get(at..).unwrap_or_default();
            if is_vowel(letter) {
                of.vowel(
                    letter,
                    at.checked_sub(1).and_then(|before| letters.get(before)).copied(),
                    stressed == Some(at),
                );
                at += 1;
            } else {
                at += of.consonant(rest, at, letters.len(), stressed);
            }
        }
        of.assimilate();
        of
    }

    pub(super) fn as_slice(&self) -> &[Phone] {
        self.phones.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, phone: Phone) {
        if let Some(place) = self.phones.get_mut(self.len) {
            *place = phone;
            self.len += 1;
        }
    }

    fn vowel(&mut self, letter: char, before: Option<char>, stressed: bool) {
        let iotated = matches!(letter, 'е' | 'ё' | 'ю' | 'я');
        let apart = before.is_none_or(|before| is_vowel(before) || matches!(before, 'ь' | 'ъ' | 'й'));
        if (iotated && apart && before != Some('й')) || (letter == 'и' && before == Some('ь')) {
            self.push(J | SOFT);
        }
        let quality = match letter {
            'а' | 'я' => 1,
            'э' | 'е' => 2,
            'и' | 'ы' => 3,
            'о' | 'ё' => 4,
            _ => 5,
        };
        let soft = self.as_slice().last().is_some_and(|&phone| phone & VOWEL == 0 && phone & SOFT != 0);
        if stressed {
            self.stressed = Some(self.len);
        }
        self.push(VOWEL | quality | if soft { SOFT } else { 0 });
    }

    /// Adds what the first letters of `rest` sound like; how many they are.
    fn consonant(&mut self, rest: &[char], at: usize, len: usize, stressed: Option<usize>) -> usize {
        let here = |pattern: &[char]| rest.starts_with(pattern);
        let whole = |pattern: &[char]| at == 0 && len == pattern.len() && here(pattern);
        // The reflexive ending: one long `ц`, hard.
        for (ending, letters) in [(&['т', 'с', 'я'][..], 3), (&['т', 'ь', 'с', 'я'][..], 4)] {
            if rest.len() == letters && here(ending) {
                self.push(TS);
                self.push(VOWEL | 1);
                if stressed.is_some_and(|stressed| stressed > at) {
                    self.stressed = Some(self.len.saturating_sub(1));
                }
                return letters;
            }
        }
        // The genitive ending is spoken with `в`; after these stems the letters are the word's own.
        let genitive = rest.len() == 2 && here(&['г', 'о']) && at >= 2;
        if genitive && self.as_slice().last().is_some_and(|last| matches!(last & 0x1f, 2 | 4)) && !self.is_own_go(at) {
            self.push(V);
            return 1;
        }
        if whole(&['ч', 'т', 'о']) || whole(&['ч', 'т', 'о', 'б']) || whole(&['ч', 'т', 'о', 'б', 'ы']) {
            self.push(SH);
            return 1;
        }
        for (letters, used, sounds) in CLUSTERS {
            if here(letters) {
                sounds.iter().for_each(|&sound| self.push(sound));
                return *used;
            }
        }
        let Some(&letter) = rest.first() else { return 1 };
        let Some(number) = number(letter) else { return 1 };
        let next = rest.get(1).copied().unwrap_or('\0');
        let soft = match letter {
            'ч' | 'щ' | 'й' => true,
            'ж' | 'ш' | 'ц' => false,
            _ => matches!(next, 'ь' | 'е' | 'ё' | 'и' | 'ю' | 'я'),
        };
        self.push(number | if soft { SOFT } else { 0 });
        1
    }

    /// `много`, `строго`, `дорого`: adverbs of adjectives in `-гий`, by the consonant before and the length.
    fn is_own_go(&self, at: usize) -> bool {
        let before = self.as_slice().iter().rev().nth(1).map(|phone| phone & 0x1f);
        // мн-ого, стр-ого, доро-го, пол-ого, уб-ого: at most six letters, with these consonants.
        matches!((at, before), (3, Some(20)) | (4, Some(18)) | (5, Some(20)) | (4, Some(1)))
    }

    /// Voicing goes from the last consonant of a cluster to those before it; at the end all are voiceless. Doubled
    /// consonants are one.
    fn assimilate(&mut self) {
        let mut voice: Option<bool> = Some(false);
        for phone in self.phones.iter_mut().take(self.len).rev() {
            let (number, soft) = (*phone & 0x1f, *phone & SOFT);
            if *phone & VOWEL != 0 || number > KH {
                voice = None;
                continue;
            }
            let spoken = match (voice, number) {
                (Some(false), 1..=VOICED_LAST) => number + VOICED_LAST,
                (Some(true), 7..=S) => number - VOICED_LAST,
                _ => number,
            };
            *phone = spoken | soft;
            voice = match spoken {
                V => None,
                1..=VOICED_LAST => Some(true),
                _ => Some(false),
            };
        }
        let mut kept = 0;
        for at in 0..self.len {
            let Some(&phone) = self.phones.get(at) else { break };
            let doubled = kept > 0
                && phone & VOWEL == 0
                && self.phones.get(kept - 1).is_some_and(|last| last & VOWEL == 0 && (last ^ phone) & !SOFT == 0);
            if self.stressed == Some(at) {
                self.stressed = Some(kept);
            }
            let place = if doubled { kept - 1 } else { kept };
            if let Some(place) = self.phones.get_mut(place) {
                *place = phone;
            }
            kept = place + 1;
        }
        self.len = kept;
    }
}

/// Letters that together sound otherwise than alone, silent ones and sibilants that merge: how many of them are spoken
/// for, and as what.
const CLUSTERS: &[(&[char], usize, &[Phone])] = &[
    (&['с', 'т', 'н'], 2, &[S]),
    (&['з', 'д', 'н'], 2, &[6]),
    (&['с', 'т', 'л'], 2, &[S]),
    (&['л', 'н', 'ц'], 2, &[20]),
    (&['р', 'д', 'ц'], 2, &[18]),
    (&['в', 'с', 'т', 'в'], 2, &[S]),
    (&['т', 'с', 'к'], 2, &[TS]),
    (&['д', 'с', 'к'], 2, &[TS]),
    (&['т', 'ь', 'с'], 3, &[TS]),
    (&['с', 'ч'], 2, &[SHCH | SOFT]),
    (&['з', 'ч'], 2, &[SHCH | SOFT]),
    (&['ж', 'ч'], 2, &[SHCH | SOFT]),
    (&['с', 'ш'], 2, &[SH]),
    (&['з', 'ш'], 2, &[SH]),
    (&['т', 'ч'], 2, &[CH | SOFT]),
    (&['д', 'ч'], 2, &[CH | SOFT]),
    (&['т', 'ц'], 2, &[TS]),
    (&['д', 'ц'], 2, &[TS]),
    (&['г', 'к'], 1, &[KH]),
];

fn number(letter: char) -> Option<u8> {
    Some(match letter {
        'б' => 1,
        'в' => V,
        'г' => 3,
        'д' => 4,
        'ж' => 5,
        'з' => 6,
        'п' => 7,
        'ф' => 8,
        'к' => K,
        'т' => 10,
        'ш' => SH,
        'с' => S,
        'ц' => TS,
        'ч' => CH,
        'щ' => SHCH,
        'х' => KH,
        'л' => 17,
        'р' => 18,
        'м' => 19,
        'н' => 20,
        'й' => J,
        _ => return None,
    })
}
