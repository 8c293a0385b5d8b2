//! The columns of `lexical`: the one place that says how a [`Lexical`] looks from outside.

use super::Lexical;
use crate::analyze::column::{Column, Value};

pub(super) const COLUMNS: &[Column<Lexical>] = &[
    Column {
        name: "tokens",
        unit: Some("words"),
        description: "Words, each time they occur.",
        value: Value::Count(|row| Some(row.tokens)),
    },
    Column {
        name: "types",
        unit: Some("words"),
        description: "Different words.",
        value: Value::Count(|row| Some(row.types)),
    },
    Column {
        name: "lines",
        unit: Some("lines"),
        description: "Lines that are not blank.",
        value: Value::Count(|row| Some(row.lines)),
    },
    Column {
        name: "stanzas",
        unit: Some("stanzas"),
        description: "Blocks of lines between blank lines.",
        value: Value::Count(|row| Some(row.stanzas)),
    },
    Column {
        name: "mtld",
        unit: Some("words"),
        description: "Mean length of the runs that keep a type-token ratio above 0.72 (McCarthy & Jarvis 2010).",
        value: Value::Measure(|row| row.mtld),
    },
    Column {
        name: "hdd",
        unit: None,
        description: "Type-token ratio expected in a random sample of 42 words (HD-D, McCarthy & Jarvis 2007).",
        value: Value::Measure(|row| row.hdd),
    },
    Column {
        name: "type_token_ratio",
        unit: None,
        description: "Different words over all words.",
        value: Value::Measure(|row| row.type_token_ratio),
    },
    Column {
        name: "line_length_mean",
        unit: Some("words"),
        description: "Words per line.",
        value: Value::Measure(|row| row.line_length_mean),
    },
    Column {
        name: "line_length_sd",
        unit: Some("words"),
        description: "Standard deviation of the words per line.",
        value: Value::Measure(|row| row.line_length_sd),
    },
    Column {
        name: "line_chars_mean",
        unit: Some("characters"),
        description: "Characters per line.",
        value: Value::Measure(|row| row.line_chars_mean),
    },
    Column {
        name: "word_length_mean",
        unit: Some("characters"),
        description: "Characters per word.",
        value: Value::Measure(|row| row.word_length_mean),
    },
    Column {
        name: "hapax_share",
        unit: None,
        description: "Share of the different words that occur once.",
        value: Value::Measure(|row| row.hapax_share),
    },
    Column {
        name: "language",
        unit: None,
        description: "Language as an ISO 639-1 code, where detection is reliable.",
        value: Value::Code(|row| row.language),
    },
    Column {
        name: "language_confidence",
        unit: None,
        description: "Confidence of the language detection, 0 to 1.",
        value: Value::Measure(|row| row.language_confidence),
    },
    Column {
        name: "syllables",
        unit: Some("syllables"),
        description: "Syllables of an English or Russian text.",
        value: Value::Count(|row| row.syllables),
    },
    Column {
        name: "readability",
        unit: None,
        description: "Reading ease, higher is easier: Flesch 1948 for English, Oborneva 2006 for Russian.",
        value: Value::Measure(|row| row.readability),
    },
    Column {
        name: "sentences",
        unit: Some("sentences"),
        description: "Sentences by their final marks; where verse has none, its lines.",
        value: Value::Count(|row| Some(row.sentences)),
    },
];
