//! How a token is spelled: its script, and the spelling that the lists of words are asked for.

use std::borrow::Cow;

use crate::analyze::russian::of_today;

/// The letters of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    /// Latin or Greek letters inside a Cyrillic word, or the other way round.
    Mixed,
    /// Letters of other scripts, with any.
    Other,
    /// No letter.
    None,
}

impl Script {
    pub(super) fn of(token: &str) -> Script {
        if token.is_ascii() {
            let has_letter = token.bytes().any(|byte| byte.is_ascii_alphabetic());
            return if has_letter { Script::Latin } else { Script::None };
        }
        let (mut latin, mut cyrillic, mut greek, mut other) = (false, false, false, false);
        for letter in token.chars() {
            match letter {
                'a'..='z' | 'ª' | 'º' | 'ß'..='ö' | 'ø'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => latin = true,
                '\u{400}'..='\u{52f}' => cyrillic = true,
                '\u{370}'..='\u{3ff}' => greek = true,
                _ => other |= letter.is_alphabetic(),
            }
        }
        match (latin, cyrillic, greek, other) {
            (false, false, false, false) => Script::None,
            (true, false, false, false) => Script::Latin,
            (false, true, false, false) => Script::Cyrillic,
            (_, true, _, false) | (true, _, true, false) => Script::Mixed,
            _ => Script::Other,
        }
    }
}

/// The spelling in which the lists have a word: Russian without `ё` and as the reform of 1918 has it (`мнѣ`, `насъ`),
/// in one script where letters of the other look alike (`xуй` with a Latin `x`).
pub(super) fn listed(token: &str, script: Script) -> Cow<'_, str> {
    match script {
        Script::Cyrillic if token.contains(is_respelled) || token.ends_with('ъ') => {
            Cow::Owned(token.strip_suffix('ъ').unwrap_or(token).chars().map(of_today).collect())
        }
        Script::Mixed => Cow::Owned(token.chars().map(cyrillic_twin).map(of_today).collect()),
        _ => Cow::Borrowed(token),
    }
}

fn is_respelled(letter: char) -> bool {
    of_today(letter) != letter
}

/// The Cyrillic letter that looks like a Latin one.
fn cyrillic_twin(letter: char) -> char {
    match letter {
        'a' => 'а',
        'b' => 'в',
        'c' => 'с',
        'e' => 'е',
        'h' => 'н',
        'k' => 'к',
        'm' => 'м',
        'o' => 'о',
        'p' => 'р',
        't' => 'т',
        'x' => 'х',
        'y' => 'у',
        _ => letter,
    }
}

/// Whether a letter comes three times in a row: no word of English or Russian has that, a singer's `sooo` does.
pub(super) fn is_drawn_out(word: &str) -> bool {
    let bytes = word.as_bytes();
    let thrice = |of: &[u8]| of[0] == of[1] && of[1] == of[2] && of[0].is_ascii_alphabetic();
    let thrice_wide = |of: &[u8]| of[..2] == of[2..4] && of[2..4] == of[4..] && !of[0].is_ascii();
    bytes.windows(3).any(thrice) || bytes.windows(6).any(thrice_wide)
}

/// A drawn-out word with each run of three letters or more cut to `kept`: 1 finds `so` in `sooo`, 2 `feel` in `feeeel`.
pub(super) fn drawn_in(word: &str, kept: usize) -> String {
    let letters: Vec<char> = word.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b);
    runs.flat_map(|run| &run[..if run.len() >= 3 { kept } else { run.len() }]).collect()
}
