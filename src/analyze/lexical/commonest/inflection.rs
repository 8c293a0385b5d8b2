//! Regular forms of words: English endings, Russian stems.

use std::sync::LazyLock;

use hashbrown::HashSet;

/// English endings, and what the base may have in their place: `cities` is `city`, `hoping` is `hope`.
///
/// Plural and third person, past, participle with its `g` sung or not, comparison, adverb, the verbs of verse.
const ENGLISH: &[(&str, &[&str])] = &[
    ("ies", &["y"]),
    ("es", &["", "e"]),
    ("s", &[""]),
    ("ied", &["y"]),
    ("ed", &["", "e"]),
    ("ying", &["y", "ie"]),
    ("ing", &["", "e", "ing"]),
    ("in", &["", "e", "ing"]),
    ("ier", &["y"]),
    ("er", &["", "e"]),
    ("iest", &["y"]),
    ("est", &["", "e"]),
    ("eth", &["", "e"]),
    ("ily", &["y"]),
    ("ly", &["", "le"]),
];

/// What follows an apostrophe in a form: `love'll` is `love`, `water'd` is `water`.
const CLITICS: &[&str] = &["d", "em", "ll", "m", "n", "re", "s", "t", "ve"];

/// Letters of the shortest base: `as` is no plural of `a`.
const BASE_MIN: usize = 3;

/// Whether a word is a regular form of a base that `is_listed`.
pub(super) fn is_english_form(word: &str, is_listed: impl Fn(&str) -> bool) -> bool {
    if let Some((head, tail)) = word.split_once('\'') {
        return CLITICS.contains(&tail) && (is_listed(head) || english_form(head, &is_listed));
    }
    english_form(word, &is_listed)
}

fn english_form(word: &str, is_listed: &impl Fn(&str) -> bool) -> bool {
    let mut base = String::new();
    ENGLISH.iter().any(|(ending, replacements)| {
        let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.len() >= BASE_MIN - 1) else {
            return false;
        };
        let undoubled = undoubled(stem).filter(|_| !ending.starts_with('s')).is_some_and(is_listed);
        let is_base = |replacement: &&str| {
            base.clear();
            base.push_str(stem);
            base.push_str(replacement);
            base.len() >= BASE_MIN && is_listed(&base)
        };
        undoubled || replacements.iter().any(is_base)
    })
}

/// `running` is `run`.
fn undoubled(stem: &str) -> Option<&str> {
    let (&last, rest) = stem.as_bytes().split_last()?;
    let is_doubled = rest.last() == Some(&last) && last.is_ascii_alphabetic() && rest.len() >= BASE_MIN;
    is_doubled.then(|| &stem[..stem.len() - 1])
}

/// Russian endings of nouns, adjectives, verbs and participles; the longest that fits is cut off.
const RUSSIAN: &str = "\
    а ав авши аем ает аете аешь ай айте ал ала али ало ам ами ась ат ать ах аю ают ая вшая вшего вшие вший вшим вших \
    е ев его ее еем еет ей ел ела ели ело ем ему енная енное енной енные енный енным енных ет ете еть ешь еют и ив \
    ие ий ил ила или ило им ими ит ите ить их ишь ию ия иям иями иях ла ли ло ль ну нул нула нули нуло нуть о ов ого \
    ое ой ом ому ою у уй уйте ут уть ущая ущего ущей ущие ущий ущим ущими ущих ую ующая ующий ы ые ый ым ыми ыть ых \
    ь ье ью ья ьям ьями ьях ю юсь ют ющая ющего ющей ющие ющий ющим ющими ющих юю я яем яет яешь яй яйте ял яла яли \
    яло ям ями ят ять ях яю яют яя";

/// The same, asked in less time.
static RUSSIAN_ENDINGS: LazyLock<HashSet<&str>> = LazyLock::new(|| RUSSIAN.split_whitespace().collect());

/// Letters of the longest ending.
const RUSSIAN_MAX: usize = 5;

/// Letters of the shortest stem: `дом` of `домами`.
const STEM_MIN: usize = 3;

/// A Russian word without its ending; none where less than three letters are left.
///
/// A light stemmer: it cuts one ending and the `ся` of a reflexive verb, and no suffix that makes another word, as
/// Snowball's does. Two words of one stem are taken for one: `вера` and `верить`.
pub(super) fn without_ending(word: &str) -> Option<&str> {
    let word = word.strip_suffix("ся").or_else(|| word.strip_suffix("сь")).unwrap_or(word);
    let bounds: [usize; RUSSIAN_MAX + STEM_MIN] = {
        let mut bounds = [usize::MAX; RUSSIAN_MAX + STEM_MIN];
        word.char_indices().rev().zip(&mut bounds).for_each(|((at, _), bound)| *bound = at);
        bounds
    };
    // `bounds[n]` is where the last n + 1 letters begin; an ending leaves a stem if there are three more.
    let ending = (0..RUSSIAN_MAX)
        .rev()
        .find(|&last| bounds[last + STEM_MIN] != usize::MAX && RUSSIAN_ENDINGS.contains(&word[bounds[last]..]));
    match ending {
        Some(last) => Some(&word[..bounds[last]]),
        None => (bounds[STEM_MIN - 1] != usize::MAX).then_some(word),
    }
}
