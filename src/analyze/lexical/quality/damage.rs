//! Damage that shows in the characters: what a text should not have, whatever its language.

/// Characters of the longest entity that is looked for: `&CounterClockwiseContourIntegral;` is not among those in lyrics.
const ENTITY_MAX: usize = 10;

/// Characters of the longest tag.
const TAG_MAX: usize = 200;

/// How many characters of a text are damage.
///
/// Controls but for white space, the replacement character U+FFFD, private and unassigned ones; entities (`&amp;`,
/// `&#39;`) and tags (`<br>`) with all their characters; pairs of characters that are a letter of UTF-8 read in another
/// encoding (`Ã©`, `Ñ€`, `РЎ`).
pub(super) fn chars(text: &str) -> usize {
    // Most texts have nothing of it, and one pass says so.
    let mut damaged = 0;
    let mut before = ' ';
    let mut tag_end = 0;
    for (at, c) in text.char_indices() {
        if at < tag_end {
            continue;
        }
        damaged += match c {
            '\t'
            | '\n'
            | '\r'
            | '\u{b}'
            | '\u{c}'
            | '\u{85}'
            | ' '..='%'
            | '\''..=';'
            | '='..='~'
            | 'а'..='я'
            | 'А'..='Я' => 0,
            '&' | '<' => {
                let length = markup(&text[at..]);
                tag_end = at + length;
                text[at..tag_end].chars().count()
            }
            _ if is_broken(c) => 1 + usize::from(is_misread(before, c)),
            _ if is_misread(before, c) => 2,
            _ => 0,
        };
        before = c;
    }
    damaged
}

/// Bytes of the entity or the tag at the start of `text`, 0 if there is none.
fn markup(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix('&') {
        let name = rest.strip_prefix('#').unwrap_or(rest);
        let letters = name.bytes().take(ENTITY_MAX).take_while(u8::is_ascii_alphanumeric).count();
        let ends = letters > 1 && name.as_bytes().get(letters) == Some(&b';');
        return if ends { text.len() - name.len() + letters + 1 } else { 0 };
    }
    let inside = text.get(1..).unwrap_or_default();
    let name = inside.trim_start_matches(['/', '!']);
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '-') {
        return 0;
    }
    let end = inside.char_indices().take(TAG_MAX).find(|(_, c)| matches!(c, '>' | '<' | '\n'));
    end.filter(|(_, c)| *c == '>').map_or(0, |(at, _)| at + 2)
}

/// Characters that no text has on purpose.
fn is_broken(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}')
        || matches!(c, '\u{f0000}'.. ) // private planes
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Whether two characters are the two bytes of one letter: the first of `Ã©`, `Â»`, `Ð°`, `Ñ€` in Latin-1 and Windows-1252,
/// or of `Р°`, `СЊ` in Windows-1251.
fn is_misread(lead: char, trail: char) -> bool {
    match lead {
        'Â' | 'Ã' | 'Ä' | 'Å' | 'Ð' | 'Ñ' => matches!(trail, '\u{80}'..='\u{bf}') || is_windows_sign(trail),
        'Р' | 'С' => {
            is_windows_sign(trail)
                || matches!(
                    trail,
                    '°' | '±'
                        | '¶'
                        | '·'
                        | '№'
                        | '»'
                        | '¤'
                        | '¦'
                        | '§'
                        | '©'
                        | '«'
                        | '¬'
                        | '®'
                        | '¡'
                        | 'ѓ'
                        | 'Ѓ'
                        | 'Ђ'
                        | 'ђ'
                        | 'Љ'
                        | 'љ'
                        | 'Њ'
                        | 'њ'
                        | 'Ќ'
                        | 'ќ'
                        | 'Џ'
                        | 'џ'
                        | 'Ў'
                        | 'ў'
                        | 'Ј'
                        | 'ј'
                        | 'ѕ'
                        | 'Ѕ'
                )
        }
        _ => false,
    }
}

/// What Windows-1252 and 1251 have for the bytes 0x80 to 0x9F and Unicode elsewhere. A quotation mark or a dash may follow
/// a capital `С` or `Å` in good text, but hardly ever does.
fn is_windows_sign(c: char) -> bool {
    matches!(
        c,
        '€' | '‚'
            | 'ƒ'
            | '„'
            | '…'
            | '†'
            | '‡'
            | 'ˆ'
            | '‰'
            | 'Š'
            | '‹'
            | 'Œ'
            | 'Ž'
            | '‘'
            | '’'
            | '“'
            | '”'
            | '•'
            | '–'
            | '—'
            | '˜'
            | '™'
            | 'š'
            | '›'
            | 'œ'
            | 'ž'
            | 'Ÿ'
    )
}
