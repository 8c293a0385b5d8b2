//! The pronouncing dictionary: CMUdict (Carnegie Mellon University), packed by the build script.

/// The build script says its layout.
static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pronunciations.bin"));

/// The bits of a slot that say where the entry stands; the others are those of the word's hash.
const OFFSET: u32 = (1 << 22) - 1;

/// The pronunciations of a word in lower case, the most usual first; none where the dictionary does not have it.
pub(super) fn find(word: &[u8]) -> Option<Pronunciations> {
    let slots = number(TABLE, 0)? as usize;
    let entries = TABLE.get(4 + 4 * slots..)?;
    let hash = hash(word);
    let mut slot = hash as usize & slots.wrapping_sub(1);
    loop {
        let filled = number(TABLE, 4 + 4 * slot)?;
        let offset = (filled & OFFSET).checked_sub(1)?;
        if filled & !OFFSET == hash & !OFFSET {
            let (spelling, rest) = prefixed(entries.get(offset as usize..)?)?;
            if spelling == word {
                let (&count, rest) = rest.split_first()?;
                return Some(Pronunciations { left: count, rest });
            }
        }
        slot = (slot + 1) & (slots - 1);
    }
}

/// The pronunciations of one word, each as phonemes.
#[derive(Clone, Debug)]
pub(super) struct Pronunciations {
    left: u8,
    rest: &'static [u8],
}

impl Iterator for Pronunciations {
    type Item = &'static [u8];

    fn next(&mut self) -> Option<&'static [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (phonemes, rest) = prefixed(self.rest)?;
        self.rest = rest;
        Some(phonemes)
    }
}

fn prefixed(bytes: &'static [u8]) -> Option<(&'static [u8], &'static [u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(length))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let (four, _) = bytes.get(at..)?.split_first_chunk::<4>()?;
    Some(u32::from_le_bytes(*four))
}

/// FNV-1a of 32 bits.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
