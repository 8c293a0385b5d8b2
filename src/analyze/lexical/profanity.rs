//! Profane words of English and Russian.
//!
//! One rule: a word counts if it is obscene or a slur, and said in that sense whenever it is said. Obscene is what Ofcom
//! (Attitudes to potentially offensive language and gestures, 2016) grades medium or stronger; in Russian, what is made
//! of the four roots that the regulator of the media names (Роскомнадзор 2013), and what dictionaries call vulgar of
//! excrement, sex and persons (говно, дрочить, сука, мудак). So these do not count, at half or at all: oaths and mild
//! words (damn, hell, ass, crap, черт, жопа), stand-ins (freaking, блин, хрен), insults that are not obscene (idiot,
//! сволочь), and words with a clean sense that texts use (cock, dick, prick, bastard, hoe, dyke, coon, cum, wop; манда as
//! the start of a word). A word with stars in it counts even so: who hides a `d*ck` means it.
//!
//! Kept although they have a rarer clean sense: faggot and pussy in old verse, сук- in `на суку`, чурка, жид in the
//! classics.
//!
//! The lists are our own (CC0), filled up from npm `cuss` 2.2.0 and `russian-bad-words` 0.5.0 (both MIT).

mod english;
mod masks;
mod russian;

pub(super) use self::masks::masked_words;
use super::spelling::Script;

/// The words that are profane as they stand, in the spelling of the lists.
pub(super) fn whole_words() -> impl Iterator<Item = &'static str> {
    english::WORDS.split_whitespace().chain(russian::WORDS.split_whitespace())
}

/// Whether a word, in the spelling of the lists, is profane by its parts. [`whole_words`] are those that are
/// profane as they stand.
pub(super) fn is_made_profane(word: &str, script: Script) -> bool {
    match script {
        Script::Latin => english::is_profane(word),
        Script::Cyrillic | Script::Mixed => russian::is_profane(word),
        _ => false,
    }
}

/// A Latin word with digits for letters, spelled with letters: `sh1t`, `b1tch`, `pu55y`. None where it has no digit, or
/// more digits than letters.
pub(super) fn without_digits(word: &str) -> Option<String> {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 || digits * 2 > word.len() || !word.is_ascii() {
        return None;
    }
    let letter = |c| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        _ => c,
    };
    Some(word.chars().map(letter).collect())
}

/// Starts of words, sorted, none of which begins another: then only one of them can begin a word.
struct Starts(Vec<&'static str>);

impl Starts {
    fn of(list: &'static str) -> Starts {
        let mut starts: Vec<&str> = list.split_whitespace().collect();
        starts.sort_unstable();
        starts.dedup_by(|longer, shorter| longer.starts_with(*shorter));
        Starts(starts)
    }

    fn any_begins(&self, word: &str) -> bool {
        let after = self.0.partition_point(|start| *start <= word);
        after > 0 && word.starts_with(self.0[after - 1])
    }
}
