//! How good a piece of data a text is: not how good a poem.
//!
//! Five parts, each 0 (useless) to 1 (nothing to complain of), and their product: each names another defect, one alone
//! can make a text useless, and a text with two is worse than a text with one.

mod damage;

use hashbrown::HashSet;

use super::spelling::Script;
use super::tokens::Tokens;
use super::vocabulary::Vocabulary;

/// Words from which a text is long enough for every measure: MTLD, the most demanding one, needs 50.
const LENGTH_WORDS: f64 = 50.0;

/// Of a text whose language is not known: half of the measures (syllables, readability, rare words, …) are null for it.
const UNKNOWN_LANGUAGE: f64 = 0.5;

/// The share of different pairs of neighbouring words from which a text counts as varied. Of 1,178 hymns the one that
/// repeats most has 0.178, and one in a hundred is under 0.2.
const VARIED_PAIRS: f64 = 0.2;

/// Of characters that are damage, the share at which nothing is left of the score: one in ten is one in every second
/// word.
const DAMAGED_CHARS: f64 = 0.1;

/// Letters of the longest word that is one: rare German and Finnish compounds pass it, so do strings without spaces.
const WORD_LETTERS_MAX: usize = 30;

/// More consonants in a row than any word of English or Russian has, with one to spare: `strengths` has five,
/// `контрвзрыв` six.
const CONSONANTS_MAX: usize = 7;

/// The parts of the score. Undefined, all but the length, for a text without words.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Quality {
    pub(super) length: f64,
    pub(super) language: Option<f64>,
    pub(super) words: Option<f64>,
    pub(super) variety: Option<f64>,
    pub(super) characters: Option<f64>,
}

impl Quality {
    pub(super) fn of(text: &str, tokens: &Tokens, vocabulary: &Vocabulary, language: Option<&str>) -> Quality {
        if tokens.order.is_empty() {
            return Quality::default();
        }
        Quality {
            length: (tokens.order.len() as f64 / LENGTH_WORDS).min(1.0),
            language: Some(if language.is_some() { 1.0 } else { UNKNOWN_LANGUAGE }),
            words: Some(words(tokens, vocabulary)),
            variety: Some(variety(&tokens.order)),
            characters: characters(text, tokens, vocabulary),
        }
    }

    /// The product of the parts; 0 for a text without words.
    pub(super) fn score(&self) -> f64 {
        let parts = [self.language, self.words, self.variety, self.characters];
        parts.into_iter().flatten().fold(self.length, |score, part| score * part)
    }
}

/// The share of the tokens that look like words.
fn words(tokens: &Tokens, vocabulary: &Vocabulary) -> f64 {
    let types = tokens.types.iter().zip(&vocabulary.words).zip(&vocabulary.scripts);
    let like_words = types.filter(|((kind, word), script)| word.is_listed() || looks_like_a_word(kind.token, **script));
    let like_words: usize = like_words.map(|((kind, _), _)| kind.occurrences).sum();
    like_words as f64 / tokens.order.len() as f64
}

/// Whether a token that is in no list is built like a word: letters of one script, apostrophes between them, a vowel, no
/// heap of consonants. What is not: numbers, `l0ve`, `www.example.com`, single letters, `ïðèâåò`.
fn looks_like_a_word(token: &str, script: Script) -> bool {
    match script {
        Script::None | Script::Mixed => return false,
        Script::Other => {
            return token.chars().count() <= WORD_LETTERS_MAX && !token.chars().any(|c| c.is_ascii_digit());
        }
        Script::Latin | Script::Cyrillic => {}
    }
    let (mut letters, mut vowels, mut foreign, mut in_a_row, mut heap) = (0, 0, 0, 0, 0);
    for letter in token.chars() {
        if is_foreign(letter) {
            if letter == '\'' {
                continue;
            }
            if !letter.is_alphabetic() {
                return false;
            }
            foreign += 1;
        }
        letters += 1;
        if is_vowel(letter) {
            vowels += 1;
            in_a_row = 0;
        } else {
            in_a_row += 1;
            heap = heap.max(in_a_row);
        }
    }
    let is_of_length = (2..=WORD_LETTERS_MAX).contains(&letters) || letters == 1 && vowels == 1;
    // `hmm`, `shh`, `мгм`: short sounds have no vowel. Words of three letters or more, nearly all of them foreign to the
    // alphabet, are another encoding read as Latin-1; Vietnamese stays under two in three.
    let has_vowel = vowels > 0 || letters <= 3;
    let is_native = letters < 3 || foreign * 3 <= letters * 2;
    is_of_length && has_vowel && heap <= CONSONANTS_MAX && is_native
}

/// Letters beyond the English and the Russian alphabet.
fn is_foreign(letter: char) -> bool {
    !matches!(letter, 'a'..='z' | 'а'..='я' | 'ё')
}

/// The plain and the accented ones, `y`, and the Cyrillic of the neighbours of Russian.
fn is_vowel(letter: char) -> bool {
    matches!(
        letter,
        'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'à'..='æ' | 'è'..='ï' | 'ò'..='ö' | 'ø'..='ý' | 'ÿ'..='ą' | 'ē'..='ě' | 'ĩ'..='ı'
            | 'ō'..='œ' | 'ũ'..='ų' | 'ơ' | 'ư' | '\u{1ea0}'..='\u{1ef9}' | 'а' | 'е' | 'ё' | 'и' | 'о' | 'у' | 'ы' | 'э' | 'ю'
            | 'я' | 'і' | 'ї' | 'є' | 'ѣ' | 'ѵ' | 'ъ'
    )
}

/// How many of the pairs of neighbouring words are different, against [`VARIED_PAIRS`]: a song that comes back to its
/// chorus keeps half of them, a loop of a word or a line next to none.
fn variety(order: &[usize]) -> f64 {
    if order.len() < 2 {
        return 1.0;
    }
    let mut pairs = HashSet::with_capacity(order.len());
    pairs.extend(order.windows(2).map(|pair| (pair[0], pair[1])));
    (pairs.len() as f64 / (order.len() - 1) as f64 / VARIED_PAIRS).min(1.0)
}

/// How much of the text is not damage, against [`DAMAGED_CHARS`]. Undefined for an empty text.
fn characters(text: &str, tokens: &Tokens, vocabulary: &Vocabulary) -> Option<f64> {
    let chars = text.chars().count();
    let types = tokens.types.iter().zip(&vocabulary.scripts).filter(|(_, script)| **script == Script::Mixed);
    let mixed: usize = types.map(|(kind, _)| kind.occurrences * kind.token.chars().count()).sum();
    let damage = damage::chars(text) + mixed;
    (chars > 0).then(|| (1.0 - damage as f64 / chars as f64 / DAMAGED_CHARS).max(0.0))
}
