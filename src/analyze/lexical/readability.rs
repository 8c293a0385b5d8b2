//! Sentences, and how easily a text reads.

use crate::text::is_blank;

/// Flesch Reading Ease for English: `206.835 − 1.015 × words/sentences − 84.6 × syllables/words` (Flesch 1948, A new
/// readability yardstick, Journal of Applied Psychology 32, 221–233). Higher is easier: 60 to 70 is plain English, a
/// nursery rhyme passes 100. Not clamped. Null without words.
pub(super) fn flesch(words: usize, sentences: usize, syllables: usize) -> Option<f64> {
    reading_ease([206.835, 1.015, 84.6], words, sentences, syllables)
}

/// Reading ease for Russian: `206.836 − 1.52 × words/sentences − 65.14 × syllables/words`, Flesch's formula fitted anew
/// (Оборнева 2006, Автоматизированная оценка сложности учебных текстов на основе статистических параметров), with the
/// constants as Ivanov, Solnyshkina & Solovyev 2018 (Efficiency of text readability features in Russian academic
/// texts, Dialogue) quote them. The same name goes with `206.835 − 1.3 − 60.1` elsewhere: scores of the two differ.
pub(super) fn oborneva(words: usize, sentences: usize, syllables: usize) -> Option<f64> {
    reading_ease([206.836, 1.52, 65.14], words, sentences, syllables)
}

fn reading_ease(
    [constant, per_sentence, per_word]: [f64; 3],
    words: usize,
    sentences: usize,
    syllables: usize,
) -> Option<f64> {
    if words == 0 || sentences == 0 {
        return None;
    }
    let (words, sentences, syllables) = (words as f64, sentences as f64, syllables as f64);
    Some(constant - per_sentence * words / sentences - per_word * syllables / words)
}

/// The sentences of a folded text.
///
/// A sentence ends at `.`, `!`, `?` or their like in other scripts, where white space or the line's end follows; at an
/// ellipsis only where the line ends, since a singer pauses in a sentence. Verse often has no such marks: what a stanza
/// says after its last one counts as a sentence a line. Marks without a word before them end nothing. No list of
/// abbreviations: `Mr. Jones` is two.
pub(super) fn sentences(folded: &str) -> usize {
    let mut count = 0;
    let mut open_lines = 0; // lines with words since the last end of a sentence
    for line in folded.split('\n') {
        if is_blank(line) {
            count += open_lines;
            open_lines = 0;
            continue;
        }
        let mut start = 0; // of what follows the last end on this line
        let mut before = ' ';
        for (at, mark) in line.char_indices() {
            let after = at + mark.len_utf8();
            if is_terminal(mark) && ends_sentence(before, mark, &line[after..]) {
                if open_lines > 0 || has_word(&line[start..at]) {
                    count += 1;
                    open_lines = 0;
                }
                start = after;
            }
            before = mark;
        }
        open_lines += usize::from(has_word(&line[start..]));
    }
    count + open_lines
}

fn has_word(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// Whether a terminal mark is the last of its run, and nothing but brackets and quotes stands between it and white space.
fn ends_sentence(before: char, mark: char, after: &str) -> bool {
    if matches!(mark, '。' | '！' | '？' | '｡') {
        return !after.starts_with(is_terminal);
    }
    let ellipsis = mark == '…' || (mark == '.' && before == '.');
    let after = after.trim_start_matches(is_closing);
    let line_ends = after.trim_start().is_empty();
    line_ends || after.starts_with(char::is_whitespace) && !ellipsis
}

fn is_terminal(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '‽' | '。' | '！' | '？' | '｡' | '؟' | '۔' | '।' | '॥' | '։' | '።' | '။')
}

fn is_closing(c: char) -> bool {
    matches!(c, '\'' | '"' | ')' | ']' | '}' | '”' | '»' | '›' | '」' | '』' | '*' | '_')
}
