//! A text as pieces: the SentencePiece model (Kudo & Richardson 2018) of the package, `sp.model`.
//!
//! Written here and not taken from `tokenizers`, which makes one piece of several unknown characters in a row: the
//! reference does not.

use std::path::Path;

use hashbrown::HashMap;
use prost::Message;

/// What stands for a character that no piece has.
const UNKNOWN: u32 = 0;
const BEGIN: u32 = 1;
const END: u32 = 2;

/// How much less likely an unknown character is than the rarest piece, as a natural logarithm.
const UNKNOWN_PENALTY: f32 = 10.0;

/// What stands before each word, in the place of the space.
const SPACE: char = '\u{2581}';

/// The pieces of a model and how text is brought into their spelling.
#[derive(Debug)]
pub(super) struct Pieces {
    /// The characters with which pieces begin, and pieces themselves, with their number and the logarithm of their share.
    prefixes: HashMap<Box<str>, Option<(u32, f32)>>,
    unknown_score: f32,
    spelling: Spelling,
}

/// The file, as far as it is read.
#[derive(Message)]
struct ModelFile {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<PieceRecord>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<NormalizerRecord>,
}

#[derive(Message)]
struct PieceRecord {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(float, optional, tag = "2")]
    score: Option<f32>,
}

#[derive(Message)]
struct NormalizerRecord {
    #[prost(bytes = "vec", optional, tag = "2")]
    charsmap: Option<Vec<u8>>,
}

impl Pieces {
    /// Reads the file; the error says what is wrong with it.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
        let ModelFile { pieces, normalizer } =
            ModelFile::decode(bytes.as_slice()).map_err(|error| error.to_string())?;
        let charsmap = normalizer.and_then(|normalizer| normalizer.charsmap).ok_or("it has no map of characters")?;
        let lowest = pieces.iter().filter_map(|piece| piece.score).fold(f32::INFINITY, f32::min);
        let mut prefixes: HashMap<Box<str>, Option<(u32, f32)>> = HashMap::with_capacity(2 * pieces.len());
        for (number, piece) in (0..).zip(pieces) {
            let text = piece.text.unwrap_or_default();
            if text.chars().skip(1).any(|c| c == SPACE) {
                return Err(format!("its piece `{text}` is of several words"));
            }
            for (end, _) in text.char_indices().skip(1) {
                if !prefixes.contains_key(&text[..end]) {
                    prefixes.insert(text[..end].into(), None);
                }
            }
            prefixes.insert(text.into(), Some((number, piece.score.unwrap_or_default())));
        }
        Ok(Self { prefixes, unknown_score: lowest - UNKNOWN_PENALTY, spelling: Spelling::parse(&charsmap)? })
    }

    /// The numbers of the pieces of each text, `max` at most, between a mark of the beginning and one of the end.
    pub(super) fn of_texts(&self, texts: &[&str], max: usize) -> Vec<Vec<u32>> {
        // Words come again and again, and no piece is of two words.
        let mut words: HashMap<Box<str>, Box<[u32]>> = HashMap::new();
        texts.iter().map(|text| self.of_text(text, max, &mut words)).collect()
    }

    fn of_text(&self, text: &str, max: usize, known: &mut HashMap<Box<str>, Box<[u32]>>) -> Vec<u32> {
        let normalized = self.spelling.normalized(text);
        let mut numbers = vec![BEGIN];
        for word in normalized.split(' ').filter(|word| !word.is_empty()) {
            if numbers.len() > max {
                break;
            }
            match known.get(word) {
                Some(pieces) => numbers.extend_from_slice(pieces),
                None => {
                    let pieces = self.of_word(word);
                    numbers.extend_from_slice(&pieces);
                    known.insert(word.into(), pieces.into());
                }
            }
        }
        if numbers.len() == 1 {
            numbers.push(UNKNOWN);
        }
        numbers.truncate(max);
        numbers.push(END);
        numbers
    }

    /// The likeliest pieces of a word (Viterbi). Where two ways are as likely, the one whose last piece begins first.
    fn of_word(&self, word: &str) -> Vec<u32> {
        let text: String = std::iter::once(SPACE).chain(word.chars()).collect();
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]).collect();
        let starts = || std::iter::once(0).chain(ends.iter().copied());
        // By the end of a piece: the score so far, where the piece begins, its number.
        let mut best: Vec<(f32, usize, u32)> = vec![(f32::NEG_INFINITY, 0, UNKNOWN); ends.len() + 1];
        best[0].0 = 0.0;
        for (index, start) in starts().take(ends.len()).enumerate() {
            let so_far = best[index].0;
            let mut has_single = false;
            for (length, end) in ends[index..].iter().enumerate() {
                match self.prefixes.get(&text[start..*end]) {
                    None => break,
                    Some(None) => {}
                    Some(Some((number, score))) => {
                        has_single |= length == 0;
                        if so_far + score > best[index + length + 1].0 {
                            best[index + length + 1] = (so_far + score, index, *number);
                        }
                    }
                }
            }
            if !has_single && so_far + self.unknown_score > best[index + 1].0 {
                best[index + 1] = (so_far + self.unknown_score, index, UNKNOWN);
            }
        }
        let mut numbers = Vec::new();
        let mut at = ends.len();
        while at > 0 {
            let (_, start, number) = best[at];
            numbers.push(number);
            at = start;
        }
        numbers.reverse();
        numbers
    }
}

/// The spelling that pieces are in: a map from characters to others, a double array (Aoe 1989) as darts-clone writes it.
#[derive(Debug)]
struct Spelling {
    units: Vec<u32>,
    /// What is put in their place, each ended by a zero byte.
    replacements: String,
}

impl Spelling {
    fn parse(charsmap: &[u8]) -> Result<Self, String> {
        let (size, rest) = charsmap.split_at_checked(4).ok_or("its map of characters is cut off")?;
        let size = u32::from_le_bytes(size.try_into().expect("four bytes were split off")) as usize;
        let (trie, replacements) = rest.split_at_checked(size).ok_or("its map of characters is cut off")?;
        let units = trie.chunks_exact(4).map(|unit| u32::from_le_bytes(unit.try_into().expect("chunks are of four")));
        let replacements = String::from_utf8(replacements.to_vec()).map_err(|error| error.to_string())?;
        Ok(Self { units: units.collect(), replacements })
    }

    /// The text with each longest part that the map has replaced, words apart by spaces.
    fn normalized(&self, text: &str) -> String {
        let mut normalized = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let (replacement, length) = self.longest(rest).unwrap_or((&rest[..c.len_utf8()], c.len_utf8()));
            normalized.push_str(replacement);
            // A key of the map ends where a character ends.
            rest = rest.get(length..).unwrap_or_default();
        }
        normalized
    }

    /// What stands for the longest part at the start of `text` that the map has, and the part's length in bytes.
    fn longest(&self, text: &str) -> Option<(&str, usize)> {
        let offset = |unit: u32| (unit >> 10) << ((unit & 0x200) >> 6);
        let mut at = offset(*self.units.first()?);
        let mut found = None;
        for (index, byte) in text.bytes().enumerate() {
            at ^= u32::from(byte);
            let Some(unit) = self.units.get(at as usize).copied() else { break };
            if unit & 0x8000_00ff != u32::from(byte) {
                break;
            }
            at ^= offset(unit);
            if unit & 0x100 != 0 {
                found = Some((self.units.get(at as usize)? & 0x7fff_ffff, index + 1));
            }
        }
        let (start, length) = found?;
        let rest = self.replacements.get(start as usize..)?;
        Some((rest.split('\0').next()?, length))
    }
}
