//! Key phrases: the words and short phrases of a text that tell most of it.

use hashbrown::HashMap;

use super::background::informativeness;
use super::words::{Line, Word, Words};

/// Key phrases of a text at most.
pub const KEY_PHRASES_MAX: usize = 10;

/// Words of a phrase.
const PHRASE_WORDS_MAX: usize = 3;

/// How often a phrase of several words comes. What comes once stands together by chance.
const PHRASE_OCCURRENCES_MIN: usize = 2;

/// Letters of a word that may be a key word.
const WORD_LETTERS_MIN: usize = 3;

/// What a word that comes once must tell.
const ONCE_INFORMATIVENESS_MIN: f64 = 0.3;

/// Stems of a phrase. Unused places hold `u32::MAX`.
type Key = [u32; PHRASE_WORDS_MAX];

struct Phrase {
    key: Key,
    words: usize,
    occurrences: usize,
    /// Occurrences, those in a repeated line for less.
    fresh: f64,
    /// Its words as they stand where it comes first.
    forms: Key,
    score: f64,
}

/// The phrases with the highest scores, best first; of equal ones that which comes first in the text.
///
/// A phrase is a word, or up to three words without a stop word or a mark between them. Its score is how often it comes
/// times what its words tell. A phrase most of whose words stand in a better one is left out.
pub(super) fn key_phrases(words: &Words) -> Vec<String> {
    let informativeness: Vec<f64> =
        words.vocabulary.stems.names().iter().map(|stem| informativeness_of(stem)).collect();
    let mut phrases = phrases(words);
    for phrase in &mut phrases {
        let stems = phrase.key.iter().take(phrase.words);
        let told: f64 = stems.map(|stem| informativeness.get(*stem as usize).copied().unwrap_or(0.0)).sum();
        phrase.score = phrase.fresh * told;
        let is_chance = phrase.words > 1 && phrase.occurrences < PHRASE_OCCURRENCES_MIN;
        let is_dull = phrase.words == 1 && phrase.occurrences == 1 && told < ONCE_INFORMATIVENESS_MIN;
        if is_chance || is_dull {
            phrase.score = 0.0;
        }
    }
    // The sort is stable: equal scores stay in the order of the text.
    phrases.retain(|phrase| phrase.score > 0.0);
    phrases.sort_by(|a, b| b.score.total_cmp(&a.score));
    chosen(&phrases).into_iter().map(|phrase| written(phrase, words)).collect()
}

/// Words of one or two letters, and what is no word at all, tell nothing.
fn informativeness_of(stem: &str) -> f64 {
    let is_word = stem.chars().filter(|c| c.is_alphabetic()).nth(WORD_LETTERS_MIN - 1).is_some();
    if is_word { informativeness(stem) } else { 0.0 }
}

/// All phrases in the order in which they come first.
fn phrases(words: &Words) -> Vec<Phrase> {
    let mut phrases: Vec<Phrase> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for line in &words.lines {
        for start in 0..line.words.len() {
            for run in runs(line, start) {
                let (key, forms) = (key(run, |word| word.stem), key(run, |word| word.form));
                let place = *places.entry(key).or_insert(phrases.len());
                if place == phrases.len() {
                    let words = run.len();
                    phrases.push(Phrase { key, words, occurrences: 0, fresh: 0.0, forms, score: 0.0 });
                }
                if let Some(phrase) = phrases.get_mut(place) {
                    phrase.occurrences += 1;
                    phrase.fresh += line.freshness;
                }
            }
        }
    }
    phrases
}

/// The phrases that begin with the word at `start`, the shortest first.
fn runs(line: &Line, start: usize) -> impl Iterator<Item = &[Word]> {
    let rest = line.words.get(start..).unwrap_or_default();
    let joins = |(place, word): &(usize, &Word)| !word.is_stop_word && (*place == 0 || !word.after_mark);
    let length = rest.iter().enumerate().take(PHRASE_WORDS_MAX).take_while(joins).count();
    (1..=length).filter_map(move |words| rest.get(..words))
}

fn key(run: &[Word], number: fn(&Word) -> u32) -> Key {
    let mut key = [u32::MAX; PHRASE_WORDS_MAX];
    key.iter_mut().zip(run).for_each(|(place, word)| *place = number(word));
    key
}

fn chosen(phrases: &[Phrase]) -> Vec<&Phrase> {
    let mut chosen: Vec<&Phrase> = Vec::new();
    let mut covered: Vec<u32> = Vec::new();
    for phrase in phrases {
        let stems = phrase.key.get(..phrase.words).unwrap_or_default();
        if 2 * stems.iter().filter(|stem| covered.contains(stem)).count() > phrase.words {
            continue;
        }
        covered.extend_from_slice(stems);
        chosen.push(phrase);
        if chosen.len() == KEY_PHRASES_MAX {
            break;
        }
    }
    chosen
}

fn written(phrase: &Phrase, words: &Words) -> String {
    let forms = phrase.forms.iter().take(phrase.words).map(|form| words.vocabulary.forms.name(*form));
    forms.map(|form| form.strip_suffix("'s").unwrap_or(form)).collect::<Vec<_>>().join(" ")
}
