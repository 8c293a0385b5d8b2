//! How the consonants at the end of two syllables compare.

use super::phoneme::*;

/// From the closest to the farthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coda {
    Same,
    /// Neither has any.
    Open,
    /// They differ by voice in one hissing sound: `grace`, `ways`; `breath`, `with`; `life`, `alive`.
    Voice,
    /// They differ in one consonant of the same family: `m n ng`, `p t k`, `b d g`, `t d`, `l r`.
    Family,
    /// One has `s z t d` more at its end.
    Inflected,
    /// One has another consonant more.
    Longer,
    /// Both have one consonant, or as many, and they differ.
    Other,
    /// One has none.
    OneOpen,
    Unlike,
}

/// The kinds of [`Coda`].
pub(super) const CODAS: usize = 9;

/// Clusters as [`super::tail::Tail`] packs them.
#[inline]
pub(super) fn compare(left: u32, right: u32) -> Coda {
    if left == right {
        return if left == 0 { Coda::Open } else { Coda::Same };
    }
    let (long, short) = if left > right { (left, right) } else { (right, left) };
    if short == 0 {
        return Coda::OneOpen;
    }
    if long >> 5 == short {
        return if is_one_of(long & 31, &[S, Z, T, D]) { Coda::Inflected } else { Coda::Longer };
    }
    let length = |cluster: u32| (32 - cluster.leading_zeros()).div_ceil(5);
    if length(long) != length(short) {
        return if is_subsequence(short, long) { Coda::Longer } else { Coda::Unlike };
    }
    // Where they differ in one consonant, it alone is left of both.
    let different = long ^ short;
    let at = different.trailing_zeros() / 5 * 5;
    if different & !(31 << at) == 0 { consonants(long >> at & 31, short >> at & 31) } else { Coda::Unlike }
}

fn consonants(a: u32, b: u32) -> Coda {
    let share = |groups: &[u16; 32]| match (groups.get(a as usize), groups.get(b as usize)) {
        (Some(a), Some(b)) => a & b != 0,
        _ => false,
    };
    if share(&VOICES) {
        Coda::Voice
    } else if share(&FAMILIES) {
        Coda::Family
    } else {
        Coda::Other
    }
}

/// Hissing sounds that differ by voice; a bit a pair.
const VOICES: [u16; 32] = groups(&[&[S, Z], &[TH, DH], &[F, V], &[SH, ZH], &[CH, JH]]);

/// Consonants of one family; a bit a family.
const FAMILIES: [u16; 32] = groups(&[
    &[M, N, NG],
    &[P, T, K],
    &[B, D, G],
    &[T, D],
    &[P, B],
    &[K, G],
    &[L, R],
    &[F, TH],
    &[V, DH],
    &[S, SH],
    &[Z, ZH],
]);

/// Of each consonant the groups that it is in.
const fn groups(groups: &[&[u8]]) -> [u16; 32] {
    let mut of = [0; 32];
    let mut group = 0;
    while group < groups.len() {
        let mut at = 0;
        while at < groups[group].len() {
            of[groups[group][at] as usize] |= 1 << group;
            at += 1;
        }
        group += 1;
    }
    of
}

fn is_one_of(consonant: u32, consonants: &[u8]) -> bool {
    consonants.iter().any(|&one| u32::from(one) == consonant)
}

fn is_subsequence(mut short: u32, mut long: u32) -> bool {
    while short != 0 && long != 0 {
        if short & 31 == long & 31 {
            short >>= 5;
        }
        long >>= 5;
    }
    short == 0
}
