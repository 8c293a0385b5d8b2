//! `lexical`: the words of a text. Counts, diversity, lengths, language, readability.
//!
//! A token is a word of UAX #29 that holds a letter or a digit, folded: lower case, NFC, apostrophes as `'`. Chinese,
//! Japanese and Thai are written without spaces, which UAX #29 does not divide into words: their token counts are not
//! comparable with those of other languages. Labels such as `[Chorus]` are words like others: `structure` knows them.

mod columns;
mod diversity;
mod language;
mod readability;
mod syllables;
mod tokens;

use arrow::array::{StringArray, StructArray};

use self::columns::COLUMNS;
pub(super) use self::syllables::count as syllables_of_word;
use self::tokens::Tokens;
pub(super) use self::tokens::fold;
use super::column::{self, Column};
use super::{Analyzer, OutputField};

pub(super) const ANALYZER: Analyzer = Analyzer {
    name: "lexical",
    version: 1,
    description: "Words of a text: counts, diversity, lengths, language, syllables and readability.",
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
    }
}

fn syllables_of(tokens: &Tokens) -> usize {
    tokens.types.iter().map(|kind| kind.occurrences * syllables::count(kind.token)).sum()
}

fn word_length_mean(tokens: &Tokens) -> Option<f64> {
    let chars: usize = tokens.types.iter().map(|kind| kind.occurrences * kind.token.chars().count()).sum();
    (!tokens.order.is_empty()).then(|| chars as f64 / tokens.order.len() as f64)
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

fn analyze(texts: &StringArray) -> StructArray {
    let rows: Vec<Option<Lexical>> = texts.iter().map(|text| text.map(lexical)).collect();
    column::struct_array(COLUMNS, &rows)
}
