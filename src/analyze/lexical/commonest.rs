//! The 5,000 commonest words of English and of Russian.
//!
//! The lists are of forms, `loved` beside `love`, made by `scripts/fit/lexical_words.py` out of three registers of each
//! language: spoken, written and verse in English; web, news and verse in Russian. It names sources and licences. The
//! other regular forms of a listed word count as listed: a Russian verb has a hundred, of which the list has the three
//! commonest.

mod inflection;

use hashbrown::HashSet;

use super::spelling::Script;

/// Sorted and front-coded: how many letters a word shares with the one before, in base 36, and its other letters.
const ENGLISH: &str = include_str!("words/english.txt");
const RUSSIAN: &str = include_str!("words/russian.txt");

/// What singers call: no dictionary has it, so that the lists miss it.
const SOUNDS: &str = "ah aw ay aye doo eh ha hey hm hmm huh la na nah o oh ooh uh um whoa woah wow yay yea yeah yo";

/// Both lists and the sounds, Russian in the spelling of [`super::spelling::listed`].
pub(super) fn words() -> impl Iterator<Item = String> {
    unpacked(ENGLISH).chain(unpacked(RUSSIAN)).chain(SOUNDS.split_whitespace().map(str::to_owned))
}

fn unpacked(list: &'static str) -> impl Iterator<Item = String> {
    let mut word = String::new();
    list.lines().filter(|line| !line.is_empty()).map(move |line| {
        let shared = line.chars().next().and_then(|digit| digit.to_digit(36)).unwrap_or(0) as usize;
        let end = word.char_indices().nth(shared).map_or(word.len(), |(at, _)| at);
        word.truncate(end);
        word.push_str(line.get(1..).unwrap_or_default());
        word.clone()
    })
}

/// The stems of the Russian list: its words without their endings, and as they stand, since `красив` has none to lose.
pub(super) fn russian_stems() -> HashSet<Box<str>> {
    let both = |word: String| inflection::without_ending(&word).map(|stem| [stem.into(), word.as_str().into()]);
    unpacked(RUSSIAN).filter_map(both).flatten().collect()
}

/// Whether an unlisted word is a form of one that `is_listed` or whose stem is listed.
pub(super) fn is_form(
    word: &str,
    script: Script,
    is_listed: impl Fn(&str) -> bool,
    is_stem: impl Fn(&str) -> bool,
) -> bool {
    match script {
        Script::Latin => inflection::is_english_form(word, is_listed),
        Script::Cyrillic => inflection::without_ending(word).is_some_and(is_stem),
        _ => false,
    }
}
