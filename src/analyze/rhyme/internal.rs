//! Rhymes within lines.

use super::sound::Word;
use super::verse::Verse;

/// Words so frequent and so weak that they rhyme by accident; ordered.
#[rustfmt::skip]
const WEAK: &[&str] = &[
    "a", "ain't", "all", "am", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do",
    "does", "don't", "for", "from", "had", "has", "have", "he", "her", "hers", "him", "his", "i", "i'll", "i'm",
    "i've", "if", "in", "is", "it", "it's", "its", "may", "me", "might", "my", "nor", "not", "of", "on", "or", "our",
    "shall", "she", "should", "so", "some", "than", "that", "the", "thee", "their", "them", "then", "there", "these",
    "they", "this", "those", "thou", "thy", "to", "too", "up", "us", "was", "we", "were", "what", "when", "where",
    "which", "who", "will", "with", "would", "ye", "you", "your", "а", "бы", "в", "вас", "во", "вы", "да", "до",
    "его", "ее", "ей", "ему", "её", "же", "за", "и", "из", "им", "их", "к", "как", "ко", "ли", "мне", "мной", "мы",
    "на", "нам", "нас", "не", "ни", "но", "ну", "о", "об", "он", "она", "они", "от", "по", "с", "со", "та", "так",
    "те", "то", "ту", "ты", "у", "что", "я",
];

/// Words before the last of their line that rhyme perfectly with another word of it or of the line before, without the
/// weak ones. Time is bounded by the words kept of a line, squared.
pub(super) fn count(verse: &Verse, words: &[Word]) -> usize {
    let keys: Vec<Option<u64>> = verse.words.iter().zip(words).map(|(spelling, word)| key(spelling, word)).collect();
    let key = |word: &u32| usize::try_from(*word).ok().and_then(|at| keys.get(at).copied().flatten());
    let mut count = 0;
    let mut before: Vec<(u32, u64)> = Vec::new();
    for line in &verse.lines {
        let sounds: Vec<(u32, u64)> = line.words.iter().filter_map(|word| Some((*word, key(word)?))).collect();
        let last_is_strong = line.words.last().is_some_and(|last| key(last).is_some());
        let within = sounds.get(..sounds.len() - usize::from(last_is_strong)).unwrap_or_default();
        for (word, sound) in within {
            let mut others = sounds.iter().chain(&before);
            count += usize::from(others.any(|(other, heard)| heard == sound && other != word));
        }
        before = sounds;
    }
    count
}

fn key(spelling: &str, word: &Word) -> Option<u64> {
    if WEAK.binary_search(&spelling).is_ok() { None } else { word.rhyme_key() }
}
