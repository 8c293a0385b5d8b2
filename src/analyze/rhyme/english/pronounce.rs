//! The pronunciations of an English word: from the dictionary, from a known word that it is made of, or by its letters.

use super::dictionary::Pronunciations;
use super::phoneme::*;
use super::{dictionary, letters};

/// Letters of a word that are looked at, from its end. The longest English words have 45.
const LETTERS_MAX: usize = 48;
/// Pronunciations kept of a word: the dictionary has more than four of a handful only.
pub(super) const PRONUNCIATIONS_MAX: usize = 4;
/// Letters that the second part of a compound must have to be looked up: shorter ones are found by accident.
const COMPOUND_LETTERS_MIN: usize = 4;

/// The pronunciations of a word and how they were found.
#[derive(Clone, Debug, Default)]
pub(super) struct Spoken {
    /// Of a word of the dictionary.
    listed: Option<Pronunciations>,
    /// Of every other.
    made: Vec<Vec<u8>>,
    pub(super) origin: Origin,
}

impl Spoken {
    /// At most [`PRONUNCIATIONS_MAX`], each as phonemes.
    pub(super) fn pronunciations(&self) -> impl Iterator<Item = &[u8]> {
        let made = self.made.iter().map(Vec::as_slice);
        let listed = self.listed.clone().into_iter().flatten().map(|sounds| -> &[u8] { sounds });
        listed.chain(made).take(PRONUNCIATIONS_MAX)
    }

    /// The first of them; empty where there is none.
    pub(super) fn first(&self) -> &[u8] {
        match &self.listed {
            Some(listed) => listed.clone().next().unwrap_or_default(),
            None => self.made.first().map(Vec::as_slice).unwrap_or_default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// The word stands in the dictionary.
    Dictionary,
    /// Another spelling of it, its stem or its last part does.
    Derived,
    /// By rules of spelling; also a word without a letter.
    #[default]
    Letters,
}

/// `word` holds the letters `a` to `z` and apostrophes.
pub(super) fn pronounce(word: &[u8]) -> Spoken {
    let word = word.get(word.len().saturating_sub(LETTERS_MAX)..).unwrap_or(word);
    if let Some(listed) = dictionary::find(word) {
        return Spoken { listed: Some(listed), made: Vec::new(), origin: Origin::Dictionary };
    }
    let bare = trimmed(word);
    let derived = known(bare).or_else(|| derived(bare)).or_else(|| respelled(bare)).or_else(|| compound(bare));
    if let Some(made) = derived {
        return Spoken { listed: None, made, origin: Origin::Derived };
    }
    let plain: Vec<u8> = bare.iter().copied().filter(u8::is_ascii_lowercase).collect();
    let sounds = letters::sounds(&plain);
    let made = if sounds.is_empty() { Vec::new() } else { vec![sounds] };
    Spoken { listed: None, made, origin: Origin::Letters }
}

fn known(word: &[u8]) -> Option<Vec<Vec<u8>>> {
    let found = dictionary::find(word)?;
    Some(found.take(PRONUNCIATIONS_MAX).map(<[u8]>::to_vec).collect())
}

fn trimmed(mut word: &[u8]) -> &[u8] {
    while let Some(rest) = word.strip_prefix(b"'") {
        word = rest;
    }
    while let Some(rest) = word.strip_suffix(b"'") {
        word = rest;
    }
    word
}

/// A known stem with an ending.
fn derived(word: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(word).ok()?;
    for (ending, sounds) in CLIPPED {
        if let Some(stem) = text.strip_suffix(ending)
            && let Some(stems) = stem_of(stem)
        {
            return Some(with_ending(stems, sounds));
        }
    }
    if let Some(stem) = text.strip_suffix("in")
        && let Some(whole) = known(format!("{stem}ing").as_bytes())
    {
        return Some(whole.into_iter().map(without_g).collect());
    }
    for (ending, sounds) in ENDINGS {
        if let Some(stem) = text.strip_suffix(ending)
            && stem.len() >= 2
            && let Some(stems) = stem_of(stem)
        {
            return Some(with_ending(stems, sounds));
        }
    }
    None
}

/// What an ending sounds like: `Past` and `Plural` after the last phoneme of the stem.
enum Ending {
    Past,
    Plural,
    Sounds(&'static [u8]),
}

/// Contracted endings of verse, which keep the stem as it is.
const CLIPPED: &[(&str, Ending)] = &[
    ("'d", Ending::Past),
    ("'s", Ending::Plural),
    ("'st", Ending::Sounds(&[S, T])),
    ("'t", Ending::Sounds(&[T])),
    ("'ll", Ending::Sounds(&[L])),
    ("'ve", Ending::Sounds(&[V])),
    ("'re", Ending::Sounds(&[R])),
    ("'n", Ending::Sounds(&[N])),
    ("'r", Ending::Sounds(&[R])),
];

/// Inflections and the endings that leave the stress where it is, the longer first.
const ENDINGS: &[(&str, Ending)] = &[
    ("nesses", Ending::Sounds(&[N, AH, S, IH, Z])),
    ("lessly", Ending::Sounds(&[L, AH, S, L, IY])),
    ("fully", Ending::Sounds(&[F, AH, L, IY])),
    ("ingly", Ending::Sounds(&[IH, NG, L, IY])),
    ("ings", Ending::Sounds(&[IH, NG, Z])),
    ("ness", Ending::Sounds(&[N, AH, S])),
    ("less", Ending::Sounds(&[L, AH, S])),
    ("like", Ending::Sounds(&[L, AY + 2 * STRESSED, K])),
    ("ward", Ending::Sounds(&[W, ER, D])),
    ("ship", Ending::Sounds(&[SH, IH + 2 * STRESSED, P])),
    ("hood", Ending::Sounds(&[HH, UH + 2 * STRESSED, D])),
    ("some", Ending::Sounds(&[S, AH, M])),
    ("ment", Ending::Sounds(&[M, AH, N, T])),
    ("ful", Ending::Sounds(&[F, AH, L])),
    ("ing", Ending::Sounds(&[IH, NG])),
    ("est", Ending::Sounds(&[AH, S, T])),
    ("eth", Ending::Sounds(&[IH, TH])),
    ("ers", Ending::Sounds(&[ER, Z])),
    ("ish", Ending::Sounds(&[IH, SH])),
    ("ly", Ending::Sounds(&[L, IY])),
    ("ed", Ending::Past),
    ("er", Ending::Sounds(&[ER])),
    ("es", Ending::Plural),
    ("en", Ending::Sounds(&[AH, N])),
    ("st", Ending::Sounds(&[S, T])),
    ("y", Ending::Sounds(&[IY])),
    ("s", Ending::Plural),
    ("d", Ending::Past),
];

/// The stem as it stands, with its silent `e`, with `y` for `i`, without the doubled consonant.
fn stem_of(stem: &str) -> Option<Vec<Vec<u8>>> {
    if let Some(found) = known(stem.as_bytes()) {
        return Some(found);
    }
    if let Some(found) = known(format!("{stem}e").as_bytes()) {
        return Some(found);
    }
    if let Some(front) = stem.strip_suffix('i') {
        return known(format!("{front}y").as_bytes());
    }
    match stem.as_bytes() {
        [front @ .., before, last] if before == last => known(&[front, &[*last]].concat()),
        _ => None,
    }
}

fn with_ending(stems: Vec<Vec<u8>>, ending: &Ending) -> Vec<Vec<u8>> {
    let add = |mut stem: Vec<u8>| {
        let last = stem.last().copied().unwrap_or(0);
        match ending {
            Ending::Sounds(sounds) => stem.extend_from_slice(sounds),
            Ending::Past => stem.extend_from_slice(past(last)),
            Ending::Plural => stem.extend_from_slice(plural(last)),
        }
        stem
    };
    stems.into_iter().map(add).collect()
}

fn past(last: u8) -> &'static [u8] {
    match last {
        T | D => &[IH, D],
        P | K | F | S | SH | CH | TH => &[T],
        _ => &[D],
    }
}

fn plural(last: u8) -> &'static [u8] {
    match last {
        S | Z | SH | ZH | CH | JH => &[IH, Z],
        P | T | K | F | TH => &[S],
        _ => &[Z],
    }
}

fn without_g(mut sounds: Vec<u8>) -> Vec<u8> {
    if let Some(last) = sounds.last_mut().filter(|last| **last == NG) {
        *last = N;
    }
    sounds
}

/// Spellings of before the dictionaries and of Britain, by what today's America writes: `sunne`, `plentie`, `loue`,
/// `ayre`, `colour`, `theatre`.
fn respelled(word: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(word).ok()?;
    let plural = text.strip_suffix('s').filter(|stem| stem.len() > 3);
    let spellings = |text: &str| {
        let mut spellings = Vec::new();
        for (ending, today) in RESPELLINGS {
            if let Some(front) = text.strip_suffix(ending) {
                spellings.push(format!("{front}{today}"));
            }
        }
        spellings.push(text.replace("aun", "an"));
        spellings.push(text.replace('y', "i"));
        spellings.push(inner_u(text));
        if let [front @ .., before, b'e'] = text.as_bytes()
            && let Ok(front) = std::str::from_utf8(front)
        {
            let before = char::from(*before);
            spellings.push(format!("{}{before}", front.strip_suffix(before).unwrap_or(front)));
            spellings.push(format!("{front}{before}").replace('y', "i"));
        }
        spellings
    };
    let try_all = |text: &str| {
        spellings(text)
            .into_iter()
            .filter(|spelling| spelling != text)
            .find_map(|spelling| known(spelling.as_bytes()).or_else(|| derived(spelling.as_bytes())))
    };
    try_all(text).or_else(|| try_all(plural?).map(|stems| with_ending(stems, &Ending::Plural)))
}

const RESPELLINGS: &[(&str, &str)] = &[
    ("our", "or"),
    ("oured", "ored"),
    ("ouring", "oring"),
    ("tre", "ter"),
    ("ie", "y"),
    ("ye", "y"),
    ("isd", "ised"),
    ("ise", "ize"),
    ("ised", "ized"),
    ("ll", "l"),
    ("l", "ll"),
    ("ence", "ense"),
    ("ick", "ic"),
    ("owre", "our"),
    ("aske", "ask"),
    ("esse", "ess"),
    ("t", "ed"),
    ("ew", "ue"),
    ("ow", "o"),
];

/// `v` was written `u` within a word: `loue`, `heauen`.
fn inner_u(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let is_vowel = |at: usize| letters.get(at).is_some_and(|letter| "aeiou".contains(*letter));
    let turned = |(at, &letter): (usize, &char)| {
        let between = letter == 'u' && at > 0 && is_vowel(at - 1) && is_vowel(at + 1);
        if between { 'v' } else { letter }
    };
    letters.iter().enumerate().map(turned).collect()
}

/// The longest known word that the word ends in, after letters that hold a vowel: `moonbeam`, `o'erthrow`.
fn compound(word: &[u8]) -> Option<Vec<Vec<u8>>> {
    (2..word.len().saturating_sub(COMPOUND_LETTERS_MIN - 1)).find_map(|cut| {
        let (front, end) = word.split_at_checked(cut)?;
        if !front.iter().any(|letter| b"aeiouy".contains(letter)) {
            return None;
        }
        let ends = known(end).or_else(|| if end.len() > COMPOUND_LETTERS_MIN { derived(end) } else { None })?;
        let front: Vec<u8> = front.iter().copied().filter(u8::is_ascii_lowercase).collect();
        let front = known(&front).and_then(|all| all.into_iter().next()).unwrap_or_else(|| letters::sounds(&front));
        Some(ends.into_iter().map(|end| [front.as_slice(), &end].concat()).collect())
    })
}
