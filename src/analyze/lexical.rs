//! `lexical`: the words of a text. Counts, diversity, lengths, language, readability, profane and rare words, pronouns,
//! and how good a piece of data the text is.
//!
//! A token is a word of UAX #29 that holds a letter or a digit, folded: lower case, NFC, apostrophes as `'`. Chinese,
//! Japanese and Thai are written without spaces, which UAX #29 does not divide into words: their token counts are not
//! comparable with those of other languages. Labels such as `[Chorus]` are words like others: `structure` knows them.

mod columns;
mod commonest;
mod diversity;
mod language;
mod profanity;
mod pronouns;
mod quality;
mod readability;
mod spelling;
mod syllables;
mod tokens;
mod vocabulary;

use arrow::array::StructArray;

use self::columns::COLUMNS;
use self::quality::Quality;
pub(super) use self::syllables::count as syllables_of_word;
use self::tokens::Tokens;
pub(super) use self::tokens::fold;
use self::vocabulary::Vocabulary;
use super::column::{self, Column};
use super::{Analyzer, Input, OutputField};

pub(super) const ANALYZER: Analyzer = Analyzer {
    name: "lexical",
    version: 2,
    description: "Words of a text: counts, diversity, language, readability, profane and rare words, pronouns, quality as data.",
    reads_vectors: false,
    reads_themes: false,
    reads_stress: false,
    fields: output_fields,
    run: analyze,
};

/// What [`lexical`] finds in a text. Counts are 0 and measures null for an empty one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lexical {
    pub tokens: usize,
    /// Different tokens.
    pub types: usize,
    /// Lines that are not blank.
    pub lines: usize,
    /// Blocks of lines between blank lines.
    pub stanzas: usize,
    /// Null under 50 tokens, and where no token is repeated.
    pub mtld: Option<f64>,
    /// Null under 42 tokens.
    pub hdd: Option<f64>,
    pub type_token_ratio: Option<f64>,
    /// Tokens per line that is not blank.
    pub line_length_mean: Option<f64>,
    /// The standard deviation of all lines, not of a sample: 0 for one line.
    pub line_length_sd: Option<f64>,
    /// Characters per line that is not blank, without the white space around.
    pub line_chars_mean: Option<f64>,
    /// Characters per token.
    pub word_length_mean: Option<f64>,
    /// Types that occur once, over types.
    pub hapax_share: Option<f64>,
    /// ISO 639-1. Null under 24 letters and where detection is not reliable.
    pub language: Option<&'static str>,
    /// 0 to 1. Null under 24 letters.
    pub language_confidence: Option<f64>,
    /// Null where the language is not English or Russian.
    pub syllables: Option<usize>,
    /// Flesch 1948 for English, Oborneva 2006 for Russian, null for other languages.
    pub readability: Option<f64>,
    pub sentences: usize,
    /// Profane words over words; this and the next four are null where the language is neither English nor Russian. A
    /// text of no known language has them by the script of its words, but for the rare ones.
    pub profanity_share: Option<f64>,
    /// Words that are not among the 5,000 commonest of the text's language.
    pub rare_words_share: Option<f64>,
    pub first_person_share: Option<f64>,
    pub second_person_share: Option<f64>,
    pub third_person_share: Option<f64>,
    /// How good a piece of data a text is: the product of the five parts below, 0 without words.
    pub quality_score: f64,
    pub quality_length: f64,
    pub quality_language: Option<f64>,
    pub quality_words: Option<f64>,
    pub quality_variety: Option<f64>,
    pub quality_characters: Option<f64>,
}

/// The words of a text. Time is linear in its length.
pub fn lexical(text: &str) -> Lexical {
    let folded = fold(text);
    let tokens = Tokens::of(&folded);
    let language = language::detect(text);
    let words = tokens.order.len();
    let sentences = readability::sentences(&folded);
    let syllables = matches!(language.code, Some("en" | "ru")).then(|| syllables_of(&tokens));
    let readability = match (language.code, syllables) {
        (Some("en"), Some(syllables)) => readability::flesch(words, sentences, syllables),
        (Some("ru"), Some(syllables)) => readability::oborneva(words, sentences, syllables),
        _ => None,
    };
    let vocabulary = Vocabulary::of(&tokens);
    let shares = vocabulary::shares(&folded, &tokens, &vocabulary, language.code);
    let quality = Quality::of(text, &tokens, &vocabulary, language.code);
    let line_tokens = || tokens.lines.iter().map(|line| line.tokens);
    Lexical {
        tokens: words,
        types: tokens.types.len(),
        lines: tokens.lines.len(),
        stanzas: tokens.stanzas,
        mtld: diversity::mtld(&tokens),
        hdd: diversity::hdd(&tokens),
        type_token_ratio: diversity::type_token_ratio(&tokens),
        line_length_mean: mean(line_tokens()),
        line_length_sd: standard_deviation(line_tokens()),
        line_chars_mean: mean(tokens.lines.iter().map(|line| line.chars)),
        word_length_mean: word_length_mean(&tokens),
        hapax_share: diversity::hapax_share(&tokens),
        language: language.code,
        language_confidence: language.confidence,
        syllables,
        readability,
        sentences,
        profanity_share: shares.profanity,
        rare_words_share: shares.rare,
        first_person_share: shares.first_person,
        second_person_share: shares.second_person,
        third_person_share: shares.third_person,
        quality_score: quality.score(),
        quality_length: quality.length,
        quality_language: quality.language,
        quality_words: quality.words,
        quality_variety: quality.variety,
        quality_characters: quality.characters,
    }
}

fn syllables_of(tokens: &Tokens) -> usize {
    tokens.types.iter().map(|kind| kind.occurrences * syllables::count(kind.token)).sum()
}

fn word_length_mean(tokens: &Tokens) -> Option<f64> {
    let chars: usize = tokens.types.iter().map(|kind| kind.occurrences * kind.token.chars().count()).sum();
    (!tokens.order.is_empty()).then(|| chars as f64 / tokens.order.len() as f64)
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(values: impl ExactSizeIterator<Item = usize>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<usize>() as f64 / count as f64)
}

fn standard_deviation(values: impl ExactSizeIterator<Item = usize> + Clone) -> Option<f64> {
    let count = values.len();
    let mean = mean(values.clone())?;
    let squares: f64 = values.map(|value| value as f64 - mean).map(|distance| distance * distance).sum();
    Some((squares / count as f64).sqrt())
}

fn output_fields() -> Vec<OutputField> {
    COLUMNS.iter().map(Column::output_field).collect()
}

fn analyze(input: &Input<'_>) -> StructArray {
    let rows: Vec<Option<Lexical>> = input.texts.iter().map(|text| text.map(lexical)).collect();
    column::struct_array(COLUMNS, &rows)
}
