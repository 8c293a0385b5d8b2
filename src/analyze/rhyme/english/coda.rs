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
    let mut different = 0;
    let mut closest = Coda::Same;
    let (mut one, mut other) = (long, short);
    while one != 0 || other != 0 {
        let (a, b) = (one & 31, other & 31);
        if a != b {
            different += 1;
            closest = consonants(a, b);
        }
        (one, other) = (one >> 5, other >> 5);
    }
    let length = |cluster: u32| (32 - cluster.leading_zeros()).div_ceil(5);
    match (length(long) == length(short), different) {
        (true, 1) => closest,
        (true, _) => Coda::Unlike,
        (false, _) if is_subsequence(short, long) => Coda::Longer,
        _ => Coda::Unlike,
    }
}

fn consonants(a: u32, b: u32) -> Coda {
    const VOICES: &[[u8; 2]] = &[[S, Z], [TH, DH], [F, V], [SH, ZH], [CH, JH]];
    const FAMILIES: &[&[u8]] = &[
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
    ];
    if VOICES.iter().any(|pair| is_one_of(a, pair) && is_one_of(b, pair)) {
        Coda::Voice
    } else if FAMILIES.iter().any(|family| is_one_of(a, family) && is_one_of(b, family)) {
        Coda::Family
    } else {
        Coda::Other
    }
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
