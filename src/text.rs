//! How a text is cut into lines, stanzas and sentences, the same for analyzers and models, and into terms (`terms.rs`).

mod stop_words;
pub mod terms;

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::limits::{STANZA_LINES_MAX, TEXT_SENTENCES_MAX, TEXT_STANZAS_MAX};

/// Lines of a piece of a stanza that is too long to be one.
const PIECE_LINES: usize = 8;

/// Whether nothing of a line shows.
pub fn is_blank(line: &str) -> bool {
    line.chars().all(|c| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200d}'))
}

/// The lines of a text, by every line break of the Unicode Standard (section 5.8); `\r\n` is one.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    line_ranges(text).map(|line| &text[line])
}

fn line_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let rest = &text[start..];
        let end = find_line_break(rest);
        next = end.map(|end| {
            let broken = &rest[end..];
            let length = if broken.starts_with("\r\n") { 2 } else { broken.chars().next().map_or(0, char::len_utf8) };
            start + end + length
        });
        Some(start..start + end.unwrap_or(rest.len()))
    })
}

fn find_line_break(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        // The first bytes of all breaks in UTF-8; the last three are those of other characters too.
        let found = text.as_bytes().get(from..)?.iter().position(|b| matches!(b, b'\n'..=b'\r' | 0xc2 | 0xe2))?;
        let at = from + found;
        let c = text.get(at..)?.chars().next()?;
        if is_line_break(c) {
            return Some(at);
        }
        from = at + c.len_utf8();
    }
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The stanzas of a text, each from its first line to its last: what stands between blank lines.
///
/// A stanza of more than [`STANZA_LINES_MAX`] lines is given in pieces of eight lines, since it says more than one thing.
/// Of more than [`TEXT_STANZAS_MAX`] the last has all the rest.
pub fn stanzas(text: &str) -> Vec<&str> {
    let lines: Vec<Range<usize>> = line_ranges(text).collect();
    let blocks = lines.split(|line| is_blank(&text[line.clone()])).filter(|block| !block.is_empty());
    let mut stanzas: Vec<&[Range<usize>]> = blocks.flat_map(pieces).collect();
    let end = stanzas.last().and_then(|last| last.last()).map_or(0, |line| line.end);
    let is_cut = stanzas.len() > TEXT_STANZAS_MAX;
    stanzas.truncate(TEXT_STANZAS_MAX);
    let last = stanzas.len().saturating_sub(1);
    let range = |(index, lines): (usize, &&[Range<usize>])| {
        let (first, own_end) = (lines.first()?.start, lines.last()?.end);
        Some(&text[first..if is_cut && index == last { end } else { own_end }])
    };
    stanzas.iter().enumerate().filter_map(range).collect()
}

/// The sentences of a text by Unicode's rules (UAX #29), in which a line break ends one too. Of more than
/// [`TEXT_SENTENCES_MAX`] the last has all the rest.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut sentences: Vec<(usize, &str)> =
        text.split_sentence_bound_indices().filter(|(_, sentence)| !is_blank(sentence)).collect();
    if sentences.len() > TEXT_SENTENCES_MAX {
        let (start, _) = sentences[TEXT_SENTENCES_MAX - 1];
        sentences.truncate(TEXT_SENTENCES_MAX - 1);
        sentences.push((start, &text[start..]));
    }
    sentences.into_iter().map(|(_, sentence)| sentence.trim()).collect()
}

/// A block, in pieces where it is too long. A remainder that is short belongs to the piece before it.
fn pieces(block: &[Range<usize>]) -> Vec<&[Range<usize>]> {
    if block.len() <= STANZA_LINES_MAX {
        return vec![block];
    }
    let count = block.len() / PIECE_LINES;
    let end = |piece: usize| if piece == count { block.len() } else { piece * PIECE_LINES };
    (0..count).map(|piece| &block[end(piece)..end(piece + 1)]).collect()
}
