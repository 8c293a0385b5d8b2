//! Packs the pronouncing dictionary into one table that is read in place: no time to load, no memory of its own.
//!
//! Layout, little endian: `u32` slots (a power of two); then for each slot a `u32`, in its lower 22 bits the offset of
//! an entry from the end of the slots plus one, 0 for none, in its upper 10 bits those of the word's hash; then the
//! entries: length of the word, the word, number of pronunciations, and of each its length and its phonemes as
//! `rhyme/english/phoneme.rs` numbers them. A word's slot is its FNV-1a hash modulo the slots, or the next free one.

use std::path::Path;

use phonetik::dict::CmuDict;

/// Two and a half slots a word, so that most look-ups read one.
const SLOTS: usize = 1 << 18;
/// The longest word and pronunciation that the table holds; the dictionary's longest have 34 letters and 32 phonemes.
const LENGTH_MAX: usize = 63;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("pronunciations.bin"), packed()).expect("OUT_DIR can be written");
}

fn packed() -> Vec<u8> {
    let dictionary = CmuDict::load();
    let mut words = dictionary.get_keys();
    words.retain(|word| word.len() <= LENGTH_MAX && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'\''));
    words.sort();
    let mut slots = vec![0u32; SLOTS];
    let mut entries = Vec::new();
    for word in &words {
        let spelling = word.to_ascii_lowercase();
        let mut pronunciations = dictionary.lookup(word).unwrap_or_default();
        pronunciations.retain(|phonemes| phonemes.len() <= LENGTH_MAX);
        if pronunciations.is_empty() {
            continue;
        }
        let hash = hash(spelling.as_bytes());
        let mut slot = hash as usize & (SLOTS - 1);
        while slots[slot] != 0 {
            slot = (slot + 1) & (SLOTS - 1);
        }
        let offset = u32::try_from(entries.len()).expect("the entries have a few megabytes") + 1;
        assert!(offset < 1 << 22, "the entries have less than four megabytes");
        slots[slot] = hash & !((1 << 22) - 1) | offset;
        push(&mut entries, spelling.as_bytes());
        entries.push(u8::try_from(pronunciations.len()).expect("a word has a few pronunciations"));
        for phonemes in &pronunciations {
            push(&mut entries, phonemes);
        }
    }
    let mut table = (SLOTS as u32).to_le_bytes().to_vec();
    table.extend(slots.iter().flat_map(|slot| slot.to_le_bytes()));
    table.extend(entries);
    table
}

fn push(entries: &mut Vec<u8>, bytes: &[u8]) {
    entries.push(u8::try_from(bytes.len()).expect("no more than LENGTH_MAX"));
    entries.extend(bytes);
}

fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
