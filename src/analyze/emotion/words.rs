//! A line as words, folded to the spelling of the lexica.

use crate::analyze::russian::of_today;
use crate::analyze::script::Script;

/// Letters of a word that are kept. The longest word of the lexica has 20; what follows is read, but not kept.
const WORD_LETTERS_MAX: usize = 40;

/// What stands in a line, in reading order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The word itself is in the buffer that [`pieces`] was given.
    Word(Script),
    /// A mark that ends a clause: what is denied before it is not denied after it.
    Break,
    Exclamation,
    Question,
}

/// Calls `visit` for each piece of `line`. `word` is a buffer that holds the word while `visit` runs.
///
/// A word is a run of letters, with apostrophes in it or after it. It is lower case, without accents and stress marks,
/// with `е` for `ё`; Russian letters that the reform of 1918 did away with are those of today.
pub(super) fn pieces(line: &str, word: &mut String, mut visit: impl FnMut(Piece, &str)) {
    word.clear();
    let mut script = Script::Other;
    let mut letters = 0;
    for c in line.chars() {
        if c.is_alphabetic() {
            if letters == 0 {
                script = Script::of_letter(c);
            }
            letters += 1;
            if letters <= WORD_LETTERS_MAX {
                push_letter(word, c);
            }
            continue;
        }
        if letters > 0 && in_word(c) {
            push_mark(word, c);
            continue;
        }
        if letters > 0 {
            end_word(word, script, &mut visit);
            letters = 0;
        }
        if let Some(mark) = mark(c) {
            visit(mark, "");
        }
    }
    if letters > 0 {
        end_word(word, script, &mut visit);
    }
}

fn end_word(word: &mut String, script: Script, visit: &mut impl FnMut(Piece, &str)) {
    if script == Script::Cyrillic && word.ends_with('ъ') {
        word.pop();
    }
    visit(Piece::Word(script), word);
    word.clear();
}

fn push_letter(word: &mut String, c: char) {
    match c {
        'a'..='z' | 'а'..='я' => word.push(c),
        'A'..='Z' => word.push(c.to_ascii_lowercase()),
        'à'..='å' | 'À'..='Å' => word.push('a'),
        'è'..='ë' | 'È'..='Ë' => word.push('e'),
        'ì'..='ï' | 'Ì'..='Ï' => word.push('i'),
        'ò'..='ö' | 'Ò'..='Ö' => word.push('o'),
        'ù'..='ü' | 'Ù'..='Ü' => word.push('u'),
        'æ' | 'Æ' => word.push_str("ae"),
        'œ' | 'Œ' => word.push_str("oe"),
        _ => word.extend(c.to_lowercase().map(of_today)),
    }
}

/// Marks that join letters to one word: apostrophes, combining marks, what does not show.
fn in_word(c: char) -> bool {
    is_apostrophe(c)
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '＇')
}

/// A combining breve makes `й` of `и`; other accents are left out.
fn push_mark(word: &mut String, c: char) {
    if is_apostrophe(c) && !word.ends_with('\'') {
        word.push('\'');
    } else if c == '\u{306}' && word.ends_with('и') {
        word.pop();
        word.push('й');
    }
}

fn mark(c: char) -> Option<Piece> {
    match c {
        '!' | '！' => Some(Piece::Exclamation),
        '?' | '？' => Some(Piece::Question),
        ',' | ';' | ':' | '.' | '…' | '—' | '–' | '(' | ')' => Some(Piece::Break),
        _ => None,
    }
}
