//! Vowels side by side in an English word: one syllable or two.

/// Whether two vowel letters side by side belong to two syllables: `ri-ot`, but `na-tion`.
pub(super) fn hiatus(before: &[u8], first: u8, second: u8, after: &[u8]) -> bool {
    let last = before.last().copied().unwrap_or(b' ');
    let next = after.first().copied().unwrap_or(b' ');
    let follows = |endings: &[&str]| endings.iter().any(|ending| after == ending.as_bytes());
    match (first, second) {
        (b'i', b'a') => match last {
            b'c' | b't' | b'g' if before.len() > 1 => !b"ln ".contains(&next),
            b's' if before.len() > 1 => !follows(&["", "n", "ns"]),
            b'l' => !follows(&["n", "ns", "m", "ms", "r", "nt", "nts", "ntly", "nce"]),
            _ => !before.ends_with(b"sh") && !after.starts_with(b"ge"),
        },
        (b'i', b'o') => match last {
            b't' | b's' | b'c' | b'g' | b'x' => next != b'n' && !after.starts_with(b"us"),
            b'n' | b'l' if next == b'n' => false,
            b'n' | b'v' => next != b'r',
            _ => true,
        },
        (b'i', b'e') => match next {
            b'r' | b's' if follows(&["r", "rs", "st"]) => before.len() > 1,
            b't' => b"udr".contains(&last) || after.starts_with(b"ty"),
            b'n' => before == b"sc" || before == b"cl" || !b"ctnl".contains(&last) && !before.ends_with(b"fr"),
            _ => false,
        },
        (b'i', b'i' | b'u') => true,
        (b'e', b'o') => last != b'g' && next != b'p',
        (b'e', b'i') => follows(&["ng", "ngs"]),
        (b'e', b'u') => next == b'm' || follows(&["s"]),
        (b'e', b'a') => match before {
            b"id" | b"ar" => true,
            b"th" => next == b't',
            b"r" => after.starts_with(b"ct") || matches!(after, [b'l', b'i' | b't', ..]),
            [_, ..] if after == b"n" => !b"lmbdc".contains(&last),
            [_, _, ..] if after.is_empty() => last != b't',
            [.., b'c', b'r'] => next == b't',
            _ => after == b"ns" && b"pr".contains(&last),
        },
        (b'u', b'a') => !(last == b'g' || last == b's' && next == b'd' || next == b'y'),
        (b'u', b'o') => last != b'b',
        (b'u', b'e') if last != b'g' => follows(&[
            "l", "ls", "lly", "lty", "nt", "nts", "ntly", "ntial", "nce", "nces", "nced", "r", "rs", "st", "t",
        ]),
        (b'u', b'i') if last != b'g' => follows(&["ng", "ngs"]) || matches!(after, [b't', b'i' | b'y', ..]),
        (b'u', b'u') => true,
        (b'o', b'i') => follows(&["ng", "ngs"]),
        (b'o', b'e') => last != b'h' && b"mtrl".contains(&next),
        (b'o', b'a') => after.starts_with(b"si") || before == b"b" && after.is_empty(),
        (b'o', b'o') => before == b"c" && (after.starts_with(b"rd") || matches!(after, [b'p', b'e' | b't', ..])),
        (b'a', b'o') => true,
        (b'a', b'i') => before.len() > 1 && next == b'c',
        (b'a', b'e') => b"rh".contains(&last),
        (b'y', _) => second != b'y',
        _ => false,
    }
}
