//! Syllables of a word, in English and in Russian.

mod english;
mod exceptions;
mod hiatus;

/// The syllables of a folded token of an English or Russian text, by the script of the word: Russian lyrics quote
/// English words and the other way round.
///
/// A Russian word has as many syllables as vowels, so that the prepositions `в`, `к` and `с` have none. Every other
/// word has at least one.
pub(in crate::analyze) fn count(word: &str) -> usize {
    if word.chars().any(is_cyrillic) {
        word.chars().filter(|&letter| is_russian_vowel(letter)).count()
    } else {
        english::count(word)
    }
}

fn is_cyrillic(letter: char) -> bool {
    matches!(letter, '\u{400}'..='\u{52f}')
}

/// The ten vowels of today's alphabet, and the three that the reform of 1918 dropped: verse older than it keeps them.
fn is_russian_vowel(letter: char) -> bool {
    matches!(letter, 'а' | 'е' | 'ё' | 'и' | 'о' | 'у' | 'ы' | 'э' | 'ю' | 'я' | 'ѣ' | 'і' | 'ѵ')
}
