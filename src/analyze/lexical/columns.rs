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
    Column {
        name: "profanity_share",
        unit: None,
        description: "Share of the words that are profane, in English and Russian; mild oaths do not count.",
        value: Value::Measure(|row| row.profanity_share),
    },
    Column {
        name: "rare_words_share",
        unit: None,
        description: "Share of the words beyond the 5,000 commonest of the language, English or Russian, and their forms.",
        value: Value::Measure(|row| row.rare_words_share),
    },
    Column {
        name: "first_person_share",
        unit: None,
        description: "Share of the words that are pronouns of the first person (I, my, we, я, наш), in English and Russian.",
        value: Value::Measure(|row| row.first_person_share),
    },
    Column {
        name: "second_person_share",
        unit: None,
        description: "Share of the words that are pronouns of the second person (you, thy, ты, ваш).",
        value: Value::Measure(|row| row.second_person_share),
    },
    Column {
        name: "third_person_share",
        unit: None,
        description: "Share of the words that are pronouns of the third person (he, their, it, она, их).",
        value: Value::Measure(|row| row.third_person_share),
    },
    Column {
        name: "quality_score",
        unit: None,
        description: "How good a piece of data the text is, 0 to 1: the product of the five parts; 0 without words.",
        value: Value::Measure(|row| Some(row.quality_score)),
    },
    Column {
        name: "quality_length",
        unit: None,
        description: "Quality, its part of length: words over the 50 that every measure needs, at most 1.",
        value: Value::Measure(|row| Some(row.quality_length)),
    },
    Column {
        name: "quality_language",
        unit: None,
        description: "Quality, its part of language: 1 where the language is known, else 0.5.",
        value: Value::Measure(|row| row.quality_language),
    },
    Column {
        name: "quality_words",
        unit: None,
        description: "Quality, its part of words: share of the words that are listed or built like words.",
        value: Value::Measure(|row| row.quality_words),
    },
    Column {
        name: "quality_variety",
        unit: None,
        description: "Quality, its part of variety: 1 where a fifth of the pairs of neighbouring words or more are different.",
        value: Value::Measure(|row| row.quality_variety),
    },
    Column {
        name: "quality_characters",
        unit: None,
        description: "Quality, its part of characters: 1 without damage (controls, markup, wrong encoding), 0 from one in ten.",
        value: Value::Measure(|row| row.quality_characters),
    },
];
