//! Other spellings of an English word that a lexicon may have, by rule.

/// Letters that a stem keeps at least.
const STEM_LETTERS_MIN: usize = 3;

/// What the change of an English word does to its feeling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    Same,
    /// `un-` and `-less` turn the word.
    Opposite,
}

/// Endings, and what stands for each in the word that the lexicon has. Longer endings come first.
const ENGLISH_ENDINGS: &[(&str, &[&str])] = &[
    ("ness", &["", "y"]),
    ("iest", &["y"]),
    ("ings", &["", "e", "ing"]),
    ("'st", &["", "e"]),
    ("eth", &["", "e"]),
    ("est", &["", "e"]),
    ("ies", &["y"]),
    ("ied", &["y"]),
    ("ier", &["y"]),
    ("ily", &["y"]),
    ("ing", &["", "e"]),
    ("in'", &["ing", "", "e"]),
    ("ful", &["", "y"]),
    ("'d", &["ed", "", "e"]),
    ("'s", &["", "s"]),
    ("es", &["", "e"]),
    ("ed", &["", "e"]),
    ("er", &["", "e"]),
    ("ly", &["", "le", "l"]),
    ("s'", &["s", ""]),
    ("st", &["", "e"]),
    ("s", &[""]),
    ("y", &[""]),
    ("'", &["", "g"]),
];

/// Elisions of verse within a word: `heav'n`, `pow'r`, `o'er`.
const ELISIONS: &[(&str, &str)] = &[("'r", "er"), ("'n", "en"), ("'d", "ed"), ("'l", "el"), ("'v", "ev"), ("'", "")];

/// The first answer of `find` to a spelling of `word` that a lexicon may have, without the word itself.
pub(super) fn english<T>(word: &str, buffer: &mut String, find: impl Fn(&str) -> Option<T>) -> Option<(T, Change)> {
    if let Some(found) = without_ending(word, buffer, &find) {
        return Some((found, Change::Same));
    }
    if let Some(base) = word.strip_suffix("less").filter(|base| base.len() >= STEM_LETTERS_MIN) {
        return find(base).map(|found| (found, Change::Opposite));
    }
    if let Some(base) = word.strip_prefix("un").filter(|base| base.len() > STEM_LETTERS_MIN) {
        let found = find(base).or_else(|| without_ending(base, buffer, &find));
        return found.map(|found| (found, Change::Opposite));
    }
    without_elision(word, buffer, &find).map(|found| (found, Change::Same))
}

fn without_ending<T>(word: &str, buffer: &mut String, find: &impl Fn(&str) -> Option<T>) -> Option<T> {
    for (ending, replacements) in ENGLISH_ENDINGS {
        let Some(base) = word.strip_suffix(ending).filter(|base| base.len() >= STEM_LETTERS_MIN) else {
            continue;
        };
        for replacement in *replacements {
            buffer.clear();
            buffer.push_str(base);
            buffer.push_str(replacement);
            if let Some(found) = find(buffer) {
                return Some(found);
            }
        }
        if let Some(single) = undoubled(base)
            && let Some(found) = find(single)
        {
            return Some(found);
        }
    }
    None
}

/// `sobb` of `sobbing` as `sob`.
fn undoubled(base: &str) -> Option<&str> {
    let shorter = base.get(..base.len().checked_sub(1)?)?;
    let doubled = base.as_bytes().last() == shorter.as_bytes().last();
    (doubled && shorter.len() >= STEM_LETTERS_MIN).then_some(shorter)
}

fn without_elision<T>(word: &str, buffer: &mut String, find: &impl Fn(&str) -> Option<T>) -> Option<T> {
    let at = word.find('\'')?;
    let (before, after) = (word.get(..at)?, word.get(at..)?);
    for (elision, letters) in ELISIONS {
        let Some(rest) = after.strip_prefix(elision) else {
            continue;
        };
        buffer.clear();
        buffer.push_str(before);
        buffer.push_str(letters);
        buffer.push_str(rest);
        if let Some(found) = find(buffer) {
            return Some(found);
        }
    }
    None
}
