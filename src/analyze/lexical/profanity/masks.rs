//! Profane words with letters hidden: `f**k`, `sh*t`, `@sshole`, `х*й`, `бл@дь`.

use unicode_segmentation::UnicodeSegmentation;

/// The words that are hidden, and counted even if they have a clean sense without stars.
const WORDS: &str = "\
    ass asses asshole assholes bitch bitches bitchin bullshit cock cocks cocksucker cunt cunts dick dickhead dicks \
    faggot faggots fuck fucked fucker fuckers fuckin fucking fucks goddamn motherfuck motherfucker motherfuckers \
    motherfuckin motherfucking muthafucka muthafuckas nigga niggas niggaz nigger niggers piss pissed pussies pussy \
    shit shits shitted shitting shitty slut sluts tits twat whore whores бляди блядская блядский блядь блять выебал \
    говно долбоеб ебал ебан ебаная ебаного ебаное ебаные ебаный ебать ебет ебу ебут заебал заебала заебали заебало \
    заебись мудак мудаки наебал нахуй нахуя нихуя охуел охуела охуели охуенно охуенный охуеть пидор пидорас пидорасы \
    пидоры пизда пиздато пиздец пиздеть пиздит пиздой пизду пизды похуй проебал сука суки суку уебок хуево хуевый \
    хуем хуета хуи хуй хуйни хуйню хуйня хую хуя шлюха шлюхи";

/// Words of which one letter and stars for all others are enough. Not `b****` or `х**`: verse names persons so.
const INITIALS: &[&str] = &["fuck", "shit"];

/// The profane words of a folded text in which letters are hidden, and the tokens that the tokenizer makes of them.
///
/// A sign among `*@$#%&` stands for one letter, as `!` before a letter does; two stars or more stand for any number. At
/// least two letters must be left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in super::super) struct Masked {
    pub(in super::super) words: usize,
    pub(in super::super) tokens: usize,
    /// Those of the tokens that count as profane by themselves: `fuck` of `fuck*ng`.
    pub(in super::super) profane_tokens: usize,
}

pub(in super::super) fn masked_words(folded: &str, is_profane: impl Fn(&str) -> bool) -> Masked {
    let mut masked = Masked::default();
    let mut from = 0;
    while let Some(sign) = folded[from..].bytes().position(is_mask) {
        // The letters and signs around the sign, which is ASCII, so that its place is a character's.
        let sign = from + sign;
        let belongs = |c: &(usize, char)| c.1.is_alphanumeric() || u8::try_from(c.1).is_ok_and(is_mask);
        let end = folded[sign..].char_indices().find(|c| !belongs(c)).map_or(folded.len(), |(at, _)| sign + at);
        let before = folded[from..sign].char_indices().rev().take_while(belongs);
        let chunk = &folded[before.last().map_or(sign, |(at, _)| from + at)..end];
        from = end;
        // Stars around a word are emphasis, signs before and after one are currency, numbers and exclamation.
        let emphasized = chunk.starts_with('*') && chunk.ends_with('*');
        let word = if emphasized { chunk.trim_matches('*') } else { chunk.trim_end_matches(['!', '#', '%', '&']) };
        if word.bytes().any(is_mask) && is_hidden_word(word) {
            let tokens = || word.unicode_words().map(|token| token.trim_matches('_'));
            masked.words += 1;
            masked.tokens += tokens().count();
            masked.profane_tokens += tokens().filter(|token| is_profane(token)).count();
        }
    }
    masked
}

/// Each is one byte of UTF-8, and no byte of another character.
fn is_mask(byte: u8) -> bool {
    matches!(byte, b'*' | b'@' | b'$' | b'#' | b'%' | b'&' | b'!')
}

fn is_hidden_word(pattern: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().map(|letter| if letter == 'ё' { 'е' } else { letter }).collect();
    let letters = pattern.iter().filter(|letter| letter.is_alphabetic()).count();
    match letters {
        0 => false,
        1 => pattern.len() >= 4 && INITIALS.iter().any(|word| fits_with_letter(&pattern, word)),
        _ => WORDS.split_whitespace().any(|word| fits(&pattern, word)),
    }
}

/// The first letter and as many stars as the word has others.
fn fits_with_letter(pattern: &[char], word: &str) -> bool {
    pattern.len() == word.len() && word.starts_with(pattern[0]) && pattern[1..].iter().all(|&letter| letter == '*')
}

/// Whether the pattern's letters are the word's. A run of stars may be longer or shorter than what it hides.
fn fits(pattern: &[char], word: &str) -> bool {
    let mut rest = word.chars().peekable();
    let mut at = 0;
    while at < pattern.len() {
        let stars = pattern[at..].iter().take_while(|&&sign| sign == '*').count();
        if stars >= 2 {
            // The stars end at the word's end, or where as many letters are left as the pattern has after them.
            let left = pattern.len() - at - stars;
            let hidden = rest.clone().count().saturating_sub(left);
            if hidden == 0 {
                return false;
            }
            rest.by_ref().take(hidden).for_each(|_| {});
            at += stars;
            continue;
        }
        let Some(letter) = rest.next() else {
            return false;
        };
        let sign = pattern[at];
        let is_hidden = u8::try_from(sign).is_ok_and(is_mask);
        if !is_hidden && sign != letter {
            return false;
        }
        at += 1;
    }
    rest.next().is_none()
}
