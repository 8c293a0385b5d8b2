//! The sounds of an English word by its letters, where no dictionary helps. Only its end needs to be right.

use super::phoneme::*;

const A: u8 = AE;

/// The phonemes of a word of the letters `a` to `z`, with one stress; none where no letter sounds.
pub(super) fn sounds(word: &[u8]) -> Vec<u8> {
    let mut sounds = Vec::new();
    let mut at = 0;
    while let Some(rest) = word.get(at..).filter(|rest| !rest.is_empty()) {
        let (letters, phonemes) = next(word, at, rest);
        sounds.extend_from_slice(phonemes);
        at += letters.max(1);
    }
    sounds.dedup_by(|next, before| next == before && vowel(*next).is_none());
    stress(&mut sounds, word);
    sounds
}

/// The longest group of letters that the word goes on with, and its sounds.
fn next(word: &[u8], at: usize, rest: &[u8]) -> (usize, &'static [u8]) {
    if let Some(&(letters, phonemes)) = FINAL.iter().find(|(letters, _)| at > 0 && rest == letters.as_bytes()) {
        return (letters.len(), phonemes);
    }
    if let [vowel @ (b'a' | b'e' | b'i' | b'o' | b'u' | b'y'), consonant, b'e', ends @ ..] = rest
        && !b"aeiouywxr".contains(consonant)
        && (ends.is_empty() || ends == b"s" || ends == b"d")
        && !at.checked_sub(1).and_then(|before| word.get(before)).is_some_and(|before| b"aeiou".contains(before))
    {
        return (1, long(*vowel));
    }
    let first = rest.first();
    // Most groups are ruled out by their first letter.
    let begins = |letters: &str| letters.as_bytes().first() == first && rest.starts_with(letters.as_bytes());
    let group = GROUPS.iter().find(|(letters, _)| begins(letters));
    group.map_or((1, &[]), |(letters, phonemes)| (letters.len(), phonemes))
}

fn long(vowel: u8) -> &'static [u8] {
    match vowel {
        b'a' => &[EY],
        b'e' => &[IY],
        b'i' | b'y' => &[AY],
        b'o' => &[OW],
        _ => &[UW],
    }
}

/// Primary stress on the syllable before `-ion`, `-ic`, `-ity`; on the last but two of a long word; else on the first.
fn stress(sounds: &mut [u8], word: &[u8]) {
    let nuclei: Vec<usize> =
        (0..sounds.len()).filter(|&at| sounds.get(at).is_some_and(|p| vowel(*p).is_some())).collect();
    let ends = |ending: &str| word.ends_with(ending.as_bytes());
    let from_end = if ends("ion") || ends("ions") || ends("ic") || ends("ics") {
        2
    } else if ends("ee") || ends("oon") || ends("eer") || ends("ade") || ends("ette") || ends("esque") {
        1
    } else if ends("ity") || nuclei.len() > 2 {
        3
    } else {
        nuclei.len()
    };
    let stressed = nuclei.len().checked_sub(from_end).and_then(|at| nuclei.get(at)).or(nuclei.first());
    if let Some(sound) = stressed.and_then(|&at| sounds.get_mut(at)) {
        *sound += STRESSED;
    }
}

/// Endings that sound otherwise than within a word.
const FINAL: &[(&str, &[u8])] = &[
    ("tion", &[SH, AH, N]),
    ("tions", &[SH, AH, N, Z]),
    ("sion", &[ZH, AH, N]),
    ("cious", &[SH, AH, S]),
    ("tious", &[SH, AH, S]),
    ("tial", &[SH, AH, L]),
    ("cial", &[SH, AH, L]),
    ("ture", &[CH, ER]),
    ("ious", &[IY, AH, S]),
    ("ous", &[AH, S]),
    ("ance", &[AH, N, S]),
    ("ence", &[AH, N, S]),
    ("able", &[AH, B, AH, L]),
    ("ible", &[AH, B, AH, L]),
    ("ble", &[B, AH, L]),
    ("ple", &[P, AH, L]),
    ("dle", &[D, AH, L]),
    ("tle", &[T, AH, L]),
    ("gle", &[G, AH, L]),
    ("kle", &[K, AH, L]),
    ("fle", &[F, AH, L]),
    ("zle", &[Z, AH, L]),
    ("ing", &[IH, NG]),
    ("ings", &[IH, NG, Z]),
    ("age", &[IH, JH]),
    ("ies", &[IY, Z]),
    ("ied", &[IY, D]),
    ("ted", &[T, IH, D]),
    ("ded", &[D, IH, D]),
    ("ked", &[K, T]),
    ("ped", &[P, T]),
    ("shed", &[SH, T]),
    ("ched", &[CH, T]),
    ("ed", &[D]),
    ("es", &[Z]),
    ("er", &[ER]),
    ("or", &[ER]),
    ("ar", &[ER]),
    ("re", &[ER]),
    ("ie", &[IY]),
    ("ey", &[IY]),
    ("y", &[IY]),
    ("e", &[]),
    ("a", &[AH]),
    ("o", &[OW]),
    ("i", &[IY]),
    ("ce", &[S]),
    ("ge", &[JH]),
    ("se", &[Z]),
];

/// The longer before the shorter that they begin with.
const GROUPS: &[(&str, &[u8])] = &[
    ("eigh", &[EY]),
    ("aigh", &[EY]),
    ("augh", &[AO]),
    ("ough", &[OW]),
    ("ould", &[UH, D]),
    ("tch", &[CH]),
    ("igh", &[AY]),
    ("ign", &[AY, N]),
    ("ind", &[AY, N, D]),
    ("ild", &[AY, L, D]),
    ("old", &[OW, L, D]),
    ("olk", &[OW, K]),
    ("alk", &[AO, K]),
    ("all", &[AO, L]),
    ("alm", &[AA, M]),
    ("air", &[EH, R]),
    ("are", &[EH, R]),
    ("ear", &[IH, R]),
    ("eer", &[IH, R]),
    ("ere", &[IH, R]),
    ("ire", &[AY, ER]),
    ("yre", &[AY, ER]),
    ("oar", &[AO, R]),
    ("ore", &[AO, R]),
    ("oor", &[UH, R]),
    ("our", &[AW, ER]),
    ("ure", &[UH, R]),
    ("war", &[W, AO, R]),
    ("wor", &[W, ER]),
    ("qua", &[K, W, AA]),
    ("wa", &[W, AA]),
    ("ai", &[EY]),
    ("ay", &[EY]),
    ("au", &[AO]),
    ("aw", &[AO]),
    ("ar", &[AA, R]),
    ("ea", &[IY]),
    ("ee", &[IY]),
    ("ei", &[IY]),
    ("ew", &[UW]),
    ("ey", &[EY]),
    ("er", &[ER]),
    ("ie", &[IY]),
    ("ir", &[ER]),
    ("oa", &[OW]),
    ("oe", &[OW]),
    ("oi", &[OY]),
    ("oo", &[UW]),
    ("ou", &[AW]),
    ("ow", &[OW]),
    ("oy", &[OY]),
    ("or", &[AO, R]),
    ("ue", &[UW]),
    ("ui", &[UW]),
    ("ur", &[ER]),
    ("yr", &[ER]),
    ("ch", &[CH]),
    ("ck", &[K]),
    ("dge", &[JH]),
    ("gh", &[]),
    ("gn", &[N]),
    ("kn", &[N]),
    ("mb", &[M]),
    ("ng", &[NG]),
    ("nk", &[NG, K]),
    ("ph", &[F]),
    ("qu", &[K, W]),
    ("sc", &[S]),
    ("sh", &[SH]),
    ("th", &[TH]),
    ("wh", &[W]),
    ("wr", &[R]),
    ("ce", &[S]),
    ("ci", &[S, IH]),
    ("ge", &[JH, EH]),
    ("a", &[A]),
    ("b", &[B]),
    ("c", &[K]),
    ("d", &[D]),
    ("e", &[EH]),
    ("f", &[F]),
    ("g", &[G]),
    ("h", &[HH]),
    ("i", &[IH]),
    ("j", &[JH]),
    ("k", &[K]),
    ("l", &[L]),
    ("m", &[M]),
    ("n", &[N]),
    ("o", &[AA]),
    ("p", &[P]),
    ("q", &[K]),
    ("r", &[R]),
    ("s", &[S]),
    ("t", &[T]),
    ("u", &[AH]),
    ("v", &[V]),
    ("w", &[W]),
    ("x", &[K, S]),
    ("y", &[IH]),
    ("z", &[Z]),
];
