//! How a text is cut into lines and stanzas: the same for analyzers and models.

use crate::limits::{STANZA_LINES_MAX, TEXT_STANZAS_MAX};

/// Lines of a piece of a stanza that is too long to be one.
const PIECE_LINES: usize = 8;

/// Whether nothing of a line shows.
pub fn is_blank(line: &str) -> bool {
    line.chars().all(|c| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200d}'))
}

/// The stanzas of a text, each from its first line to its last: what stands between blank lines.
///
/// A stanza of more than [`STANZA_LINES_MAX`] lines is given in pieces of eight lines, since it says more than one thing.
/// Of more than [`TEXT_STANZAS_MAX`] the last has all the rest.
pub fn stanzas(text: &str) -> Vec<&str> {
    let mut stanzas: Vec<&str> = blocks(text).into_iter().flat_map(pieces).collect();
    if let Some(last) = stanzas.get(TEXT_STANZAS_MAX - 1) {
        let start = last.as_ptr() as usize - text.as_ptr() as usize;
        stanzas.truncate(TEXT_STANZAS_MAX - 1);
        stanzas.push(text[start..].trim_end());
    }
    stanzas
}

/// What stands between blank lines.
fn blocks(text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (start, line) in lines(text) {
        match (is_blank(line), &mut open) {
            (true, _) => blocks.extend(open.take().map(|(start, end)| &text[start..end])),
            (false, Some((_, end))) => *end = start + line.len(),
            (false, none) => *none = Some((start, start + line.len())),
        }
    }
    blocks.extend(open.map(|(start, end)| &text[start..end]));
    blocks
}

/// A block, in pieces where it is too long. A remainder that is short belongs to the piece before it.
fn pieces(block: &str) -> Vec<&str> {
    let lines: Vec<(usize, &str)> = lines(block).collect();
    if lines.len() <= STANZA_LINES_MAX {
        return vec![block];
    }
    let count = lines.len() / PIECE_LINES;
    let start = |piece: usize| if piece == count { block.len() } else { lines[piece * PIECE_LINES].0 };
    (0..count).map(|piece| block[start(piece)..start(piece + 1)].trim_end_matches(['\r', '\n'])).collect()
}

/// The lines of a text, and where each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split('\n').map(move |line| {
        let at = start;
        start += line.len() + 1;
        (at, line)
    })
}
