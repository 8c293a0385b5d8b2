//! The stem of an English word, for its inflections alone: plural, possessive, `-ed`, `-ing`, `-eth`, elisions of verse.
//!
//! The rules are those of Porter 1980 (An algorithm for suffix stripping), step 1, and its last step for a silent `e`.
//! Its steps for derived words are left out on purpose: they join words of different themes, `lonely` and `alone` no
//! less than `party` and `part`.

/// Letters of the shortest word that is stemmed.
const WORD_LETTERS_MIN: usize = 3;

/// Forms that no rule makes, and words that only look like inflections. Ordered by the form.
const IRREGULAR: &[(&str, &str)] = &[
    ("always", "always"),
    ("bought", "buy"),
    ("children", "child"),
    ("clothes", "clothes"),
    ("drank", "drink"),
    ("dying", "die"),
    ("evening", "evening"),
    ("evenings", "evening"),
    ("feet", "foot"),
    ("flew", "fly"),
    ("flown", "fly"),
    ("fought", "fight"),
    ("knives", "knife"),
    ("leaves", "leaves"),
    ("lives", "life"),
    ("lying", "lie"),
    ("men", "man"),
    ("morning", "morning"),
    ("mornings", "morning"),
    ("news", "news"),
    ("paid", "pay"),
    ("sang", "sing"),
    ("shook", "shake"),
    ("stole", "steal"),
    ("stolen", "steal"),
    ("sung", "sing"),
    ("teeth", "tooth"),
    ("thieves", "thief"),
    ("wept", "weep"),
    ("wives", "wife"),
    ("wolves", "wolf"),
    ("women", "woman"),
    ("won", "win"),
    ("written", "write"),
    ("wrote", "write"),
];

/// What is joined to a word by an apostrophe and is no part of it.
const CLITICS: &[&str] = &["'s", "'ll", "'re", "'ve", "'m", "n't"];

/// Elisions of verse: `heav'n`, `pow'r`, `lov'd`.
const ELISIONS: &[(&str, &str)] = &[("'n", "en"), ("'r", "er"), ("'d", "ed"), ("'st", ""), ("'", "")];

/// Appends the stem of `word`.
pub(super) fn stem(word: &str, is_cut: bool, stem: &mut String) {
    let base = CLITICS.iter().find_map(|clitic| word.strip_suffix(clitic)).unwrap_or(word);
    match base.find('\'') {
        None => stem.push_str(base),
        Some(at) => push_whole(base, at, stem),
    }
    if is_cut && stem.ends_with("in") {
        stem.push('g');
    }
    if let Ok(at) = IRREGULAR.binary_search_by(|(form, _)| (*form).cmp(stem.as_str())) {
        stem.clear();
        stem.push_str(IRREGULAR.get(at).map_or("", |(_, base)| base));
    } else if stem.is_ascii() && stem.len() >= WORD_LETTERS_MIN {
        without_plural(stem);
        without_participle(stem);
    }
    without_silent_end(stem);
}

/// The word with what its apostrophe at `at` stands for.
fn push_whole(word: &str, at: usize, stem: &mut String) {
    let (before, after) = word.split_at(at);
    stem.push_str(before);
    for (elision, letters) in ELISIONS {
        if let Some(rest) = after.strip_prefix(elision) {
            stem.push_str(letters);
            stem.extend(rest.chars().filter(|c| *c != '\''));
            return;
        }
    }
}

fn without_plural(stem: &mut String) {
    let kept = stem.len();
    if stem.ends_with("sses") || stem.ends_with("shes") || stem.ends_with("ches") || stem.ends_with("xes") {
        stem.truncate(kept - 2);
    } else if stem.ends_with("ies") {
        // `ties` as `tie`, `stories` as `stori`.
        stem.truncate(if kept > 4 { kept - 2 } else { kept - 1 });
    } else if stem.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| stem.ends_with(ending)) && kept > 3 {
        stem.truncate(kept - 1);
    }
}

fn without_participle(stem: &mut String) {
    if stem.ends_with("eed") {
        return;
    }
    let Some(base) = ["ing", "ed", "eth"].iter().find_map(|ending| stem.strip_suffix(ending)).map(str::len) else {
        return;
    };
    if !has_vowel(&stem[..base]) || base < 2 {
        return;
    }
    // `died` as `die`, `tied` as `tie`.
    if base == 2 && stem.ends_with("ied") {
        stem.truncate(3);
        return;
    }
    stem.truncate(base);
    let bytes = stem.as_bytes();
    let doubled = bytes.len() > 3 && bytes.last() == bytes.get(bytes.len() - 2);
    if doubled && !matches!(bytes.last(), Some(b'l' | b's' | b'z' | b'e' | b'o')) {
        stem.pop();
    } else if is_short(bytes) {
        stem.push('e');
    }
}

/// A silent `e`, and `i` for `y`: `dance` and `dancing`, `story` and `stories` are one. A short word keeps its `e`, by
/// which alone `hate` is not `hat`.
fn without_silent_end(stem: &mut String) {
    let Some((last, base)) = stem.as_bytes().split_last().filter(|_| stem.is_ascii()) else { return };
    if *last == b'e' && base.len() >= WORD_LETTERS_MIN && !base.ends_with(b"e") && !is_short(base) {
        stem.pop();
    } else if *last == b'y' && base.len() > 1 && !base.last().is_some_and(|byte| is_vowel(*byte)) {
        stem.pop();
        stem.push('i');
    }
}

/// One vowel, then one consonant that is heard: `hat`, `writ`, `us`.
fn is_short(base: &[u8]) -> bool {
    let Some((last, before)) = base.split_last() else { return false };
    let Some((vowel, onset)) = before.split_last() else { return false };
    let is_heard = !is_vowel(*last) && !matches!(last, b'w' | b'x' | b'y');
    is_heard && (is_vowel(*vowel) || *vowel == b'y') && !onset.iter().any(|byte| is_vowel(*byte))
}

fn has_vowel(base: &str) -> bool {
    base.bytes().any(|byte| is_vowel(byte) || byte == b'y')
}

fn is_vowel(byte: u8) -> bool {
    matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u')
}
