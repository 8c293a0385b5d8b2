//! The stem of a word: what its inflections have in common. English by rule, Russian by Snowball's algorithm.

mod english;

use std::borrow::Cow;

use crate::analyze::russian::{of_today, russian_stem};
use crate::analyze::script::Script;

/// Writes the stem of `word`, which is folded, into `stem`. `is_cut` tells that an apostrophe follows: `singin'`.
pub(super) fn stem(word: &str, is_cut: bool, stem: &mut String) {
    stem.clear();
    match Script::of_word(word) {
        Script::Latin => english::stem(word, is_cut, stem),
        Script::Cyrillic => {
            stem.push_str(&modern(word));
            let length = russian_stem(stem).len();
            stem.truncate(length);
        }
        Script::Other => stem.push_str(word),
    }
}

/// A Russian word as it is looked up: without stress marks, with `е` for `ё`, in the spelling of after 1918. Its stem is
/// how it begins.
pub(super) fn modern(word: &str) -> Cow<'_, str> {
    if word.chars().all(|c| matches!(c, 'а'..='я')) && !word.ends_with('ъ') {
        return Cow::Borrowed(word);
    }
    let mut spelled: String = word.chars().filter(|c| !is_mark(*c)).map(of_today).collect();
    if spelled.ends_with('ъ') {
        spelled.pop();
    }
    Cow::Owned(spelled)
}

/// Stress marks and other accents that no letter took in.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}
