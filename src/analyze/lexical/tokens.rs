//! A text as stanzas, lines and tokens.

use hashbrown::HashMap;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

use crate::text::is_blank;

/// What the measures need to know of a text.
pub(super) struct Tokens<'text> {
    /// The type of each token, in reading order: an index into `types`.
    pub(super) order: Vec<usize>,
    /// The different tokens, in the order of their first occurrence.
    pub(super) types: Vec<Type<'text>>,
    /// The lines that are not blank.
    pub(super) lines: Vec<Line>,
    /// Blocks of lines between blank lines.
    pub(super) stanzas: usize,
}

pub(super) struct Type<'text> {
    pub(super) token: &'text str,
    pub(super) occurrences: usize,
}

pub(super) struct Line {
    pub(super) tokens: usize,
    /// Characters without the white space around.
    pub(super) chars: usize,
}

/// The text as every measure reads it, so that no spelling of the same word counts twice.
///
/// Lower case, with one sigma; Unicode normalization form C; apostrophes as `'`; every line break of the Unicode
/// Standard (section 5.8) as `\n`; without soft hyphens and marks of direction, which do not show.
pub(in crate::analyze) fn fold(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii() && !matches!(b, b'\r' | 0xb | 0xc)) {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    let mut normalized = true;
    let mut before = '\0';
    for c in text.chars() {
        match c {
            '\n' if before == '\r' => {}
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => folded.push('\n'),
            '\0'..='\u{7f}' => folded.push(c.to_ascii_lowercase()),
            '’' | '‘' | 'ʼ' | '＇' => folded.push('\''),
            'ς' => folded.push('σ'),
            _ if is_hidden(c) => {}
            _ => {
                normalized &= is_normalized(c);
                folded.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    if normalized || is_nfc_quick(folded.chars()) == IsNormalized::Yes { folded } else { folded.nfc().collect() }
}

fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
        || matches!(c, '\u{2066}'..='\u{2069}')
}

/// Characters of which any text is in form C, whatever stands around: Latin, Russian, dashes and quotes. Asked first,
/// since the table for all of Unicode is slower.
fn is_normalized(c: char) -> bool {
    matches!(c, '\0'..='\u{2ff}' | '\u{400}'..='\u{482}' | '\u{2010}'..='\u{2027}')
}

impl<'text> Tokens<'text> {
    /// Tokens are the words of UAX #29 that hold a letter or a digit, without the `_` of plain-text emphasis.
    pub(super) fn of(folded: &'text str) -> Tokens<'text> {
        let mut tokens = Tokens { order: Vec::new(), types: Vec::new(), lines: Vec::new(), stanzas: 0 };
        let mut numbers: HashMap<&'text str, usize> = HashMap::new();
        let mut in_stanza = false;
        for line in folded.split('\n') {
            let blank = is_blank(line);
            if !blank {
                tokens.stanzas += usize::from(!in_stanza);
                tokens.push_line(line, &mut numbers);
            }
            in_stanza = !blank;
        }
        tokens
    }

    fn push_line(&mut self, line: &'text str, numbers: &mut HashMap<&'text str, usize>) {
        let start = self.order.len();
        for word in line.unicode_words() {
            let token = word.trim_matches('_');
            let number = *numbers.entry(token).or_insert(self.types.len());
            match self.types.get_mut(number) {
                Some(known) => known.occurrences += 1,
                None => self.types.push(Type { token, occurrences: 1 }),
            }
            self.order.push(number);
        }
        self.lines.push(Line { tokens: self.order.len() - start, chars: line.trim().chars().count() });
    }
}
