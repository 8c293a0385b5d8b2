//! Where a Russian word is stressed: a dictionary from a file, or the statistics of its suffix.

use super::letters::{Letters, is_vowel};
use super::suffixes::SUFFIXES;
use crate::name::Fingerprint;

/// The longest suffix in the table, in letters.
const SUFFIX_MAX: usize = 6;
/// Words of this many syllables or more are one group in the table.
const SYLLABLES_MAX: usize = 6;

/// Words with their stressed vowel, those that `by_suffix` gets wrong. Its bytes are the file's, read in
/// place; beside them stand four bytes for each of two to four slots a word.
#[derive(Clone)]
pub struct StressDictionary {
    bytes: Box<[u8]>,
    /// Where a line begins, plus one; 0 for none. A word stands in the slot of its hash or the next free one.
    slots: Box<[u32]>,
    digest: Fingerprint,
}

/// What is wrong with a dictionary's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StressDictionaryError {
    /// From 1.
    pub line: usize,
    pub message: &'static str,
}

impl std::fmt::Display for StressDictionaryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "line {} of the stress dictionary {}; write it anew with `russian_stress.py`",
            self.line, self.message
        )
    }
}

impl std::error::Error for StressDictionaryError {}

impl Default for StressDictionary {
    fn default() -> Self {
        StressDictionary { bytes: Box::default(), slots: Box::default(), digest: blake3::hash(&[]).into() }
    }
}

/// Its digest stands for its megabytes.
impl std::fmt::Debug for StressDictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StressDictionary").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl StressDictionary {
    /// Lines `word<TAB>digit`, sorted by the bytes of the word; the digit is the stressed vowel from 0 at the end.
    pub fn parse(bytes: &[u8]) -> Result<StressDictionary, StressDictionaryError> {
        let mut before: &[u8] = &[];
        let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if u32::try_from(body.len()).is_err() {
            return Err(StressDictionaryError { line: 1, message: "begins more than 4 GiB" });
        }
        let lines = || body.split(|&byte| byte == b'\n').filter(|_| !body.is_empty());
        let mut slots = vec![0u32; (2 * lines().count()).next_power_of_two()];
        let mut start = 0u32;
        for (at, line) in lines().enumerate() {
            let fail = |message| StressDictionaryError { line: at + 1, message };
            let [word @ .., b'\t', b'0'..=b'9'] = line else {
                return Err(fail("is not a word, a tab and a digit"));
            };
            if at > 0 && word <= before {
                return Err(fail("is not sorted"));
            }
            let mut slot = slot(word, slots.len());
            while slots.get(slot).is_some_and(|&taken| taken != 0) {
                slot = (slot + 1) & (slots.len() - 1);
            }
            if let Some(free) = slots.get_mut(slot) {
                *free = start + 1;
            }
            start += line.len() as u32 + 1;
            before = word;
        }
        Ok(StressDictionary { bytes: body.into(), slots: slots.into(), digest: blake3::hash(body).into() })
    }

    /// Whether it has no word at all: then the rule by suffixes decides alone.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// BLAKE3 of its bytes, without the last line break: two that have the same are one dictionary.
    pub fn digest(&self) -> Fingerprint {
        self.digest
    }

    /// The stressed vowel from 0 at the end.
    fn get(&self, word: &[u8]) -> Option<usize> {
        let mut slot = slot(word, self.slots.len());
        loop {
            let start = usize::try_from(self.slots.get(slot)?.checked_sub(1)?).ok()?;
            let line = self.bytes.get(start..)?;
            if let Some([b'\t', digit, ..]) = line.strip_prefix(word) {
                return Some(usize::from(digit.saturating_sub(b'0')));
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}

/// FNV-1a; `slots` is a power of two, or 0.
fn slot(word: &[u8], slots: usize) -> usize {
    let hash = word.iter().fold(0x811c_9dc5u32, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 15)) as usize & slots.saturating_sub(1)
}

/// Where the stress was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A mark, `ё`, or a single vowel.
    #[default]
    Marked,
    Dictionary,
    Suffix,
}

/// The letter that is stressed; none without a vowel.
pub(super) fn stressed(letters: &Letters, dictionary: &StressDictionary) -> Option<(usize, Origin)> {
    let whole = letters.as_slice();
    if let Some(at) = letters.stressed {
        // A mark on a consonant is a slip; the nearest vowel before it is meant.
        let at = whole.get(..=at)?.iter().rposition(|&letter| is_vowel(letter))?;
        return Some((at, Origin::Marked));
    }
    let (start, end) = letters.bearer;
    let word = whole.get(start..end)?;
    let vowels = word.iter().filter(|&&letter| is_vowel(letter)).count();
    let (from_end, origin) = match vowels {
        0 => return whole.iter().rposition(|&letter| is_vowel(letter)).map(|at| (at, Origin::Suffix)),
        1 => (0, Origin::Marked),
        _ => {
            let mut bytes = [0; 4 * super::letters::LETTERS_MAX];
            match dictionary.get(encoded(word, &mut bytes)) {
                Some(from_end) => (from_end, Origin::Dictionary),
                None => (by_suffix(word, vowels), Origin::Suffix),
            }
        }
    };
    let mut places = word.iter().enumerate().filter(|&(_, &letter)| is_vowel(letter)).rev();
    let place = places.nth(from_end.min(vowels - 1))?;
    Some((start + place.0, origin))
}

fn encoded<'bytes>(word: &[char], bytes: &'bytes mut [u8]) -> &'bytes [u8] {
    let mut len = 0;
    for letter in word {
        if let Some(place) = bytes.get_mut(len..len + letter.len_utf8()) {
            len += letter.encode_utf8(place).len();
        }
    }
    bytes.get(..len).unwrap_or_default()
}

/// The stressed vowel from 0 at the end, by the longest suffix that the table has for as many syllables.
fn by_suffix(word: &[char], vowels: usize) -> usize {
    let syllables = char::from_digit(vowels.min(SYLLABLES_MAX) as u32, 10).unwrap_or('2');
    let mut bytes = [0; 4 * (SUFFIX_MAX + 1)];
    let mut key = [syllables; SUFFIX_MAX + 1];
    let mut len = 1;
    for (place, letter) in key.iter_mut().skip(1).zip(word.iter().rev()) {
        *place = *letter;
        len += 1;
    }
    for len in (1..=len).rev() {
        let key = encoded(key.get(..len).unwrap_or_default(), &mut bytes);
        if let Ok(at) = SUFFIXES.binary_search_by(|(suffix, _)| suffix.as_bytes().cmp(key)) {
            return SUFFIXES.get(at).map_or(0, |&(_, stress)| usize::from(stress));
        }
    }
    0
}
