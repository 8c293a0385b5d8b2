//! The columns of `rhyme`: the one place that says how a [`Rhyme`] looks from outside.

use super::Rhyme;
use crate::analyze::column::{Column, Value};

pub(super) const COLUMNS: &[Column<Rhyme>] = &[
    Column {
        name: "scheme",
        unit: None,
        description: "Rhyme scheme of most stanzas: a letter a line, `-` for one that does not rhyme.",
        value: Value::Text(|row| row.scheme.clone()),
    },
    Column {
        name: "schemes",
        unit: None,
        description: "Rhyme scheme of each stanza; one of more than 16 lines is told in pieces.",
        value: Value::Texts(|row| Some(row.schemes.clone())),
    },
    Column {
        name: "rhymed_lines",
        unit: Some("lines"),
        description: "Lines that rhyme with another of their stanza.",
        value: Value::Count(|row| Some(row.rhymed_lines)),
    },
    Column {
        name: "rhymed_share",
        unit: None,
        description: "Share of the lines that rhyme with another of their stanza.",
        value: Value::Measure(|row| row.rhymed_share),
    },
    Column {
        name: "perfect_share",
        unit: None,
        description: "Share of the rhymes with the same sounds from the stressed vowel on.",
        value: Value::Measure(|row| row.perfect_share),
    },
    Column {
        name: "family_share",
        unit: None,
        description: "Share of the rhymes with the same vowels and consonants of one family.",
        value: Value::Measure(|row| row.family_share),
    },
    Column {
        name: "assonant_share",
        unit: None,
        description: "Share of the rhymes with the same vowels and other consonants.",
        value: Value::Measure(|row| row.assonant_share),
    },
    Column {
        name: "spelling_share",
        unit: None,
        description: "Share of the rhymes for the eye: the same letters, other sounds.",
        value: Value::Measure(|row| row.spelling_share),
    },
    Column {
        name: "identical_share",
        unit: None,
        description: "Share of the rhymes of a word with itself.",
        value: Value::Measure(|row| row.identical_share),
    },
    Column {
        name: "multisyllabic",
        unit: Some("rhymes"),
        description: "Rhymes of two syllables or more, from a stressed vowel on, also across words.",
        value: Value::Count(|row| Some(row.multisyllabic)),
    },
    Column {
        name: "multisyllabic_share",
        unit: None,
        description: "Share of the rhymes that have two syllables or more.",
        value: Value::Measure(|row| row.multisyllabic_share),
    },
    Column {
        name: "internal_per_line",
        unit: Some("words per line"),
        description: "Words within a line that rhyme with another word of it or of the line before.",
        value: Value::Measure(|row| row.internal_per_line),
    },
    Column {
        name: "near_internal_per_line",
        unit: Some("words per line"),
        description: "The same with words that share the stressed vowel and nearly the consonant after it.",
        value: Value::Measure(|row| row.near_internal_per_line),
    },
    Column {
        name: "density",
        unit: Some("vowels"),
        description: "Mean length of the longest assonant rhyme that ends at each word (Malmi et al. 2016).",
        value: Value::Measure(|row| row.density),
    },
    Column {
        name: "longest_chain",
        unit: Some("lines"),
        description: "Most consecutive lines of a stanza on one rhyme.",
        value: Value::Count(|row| Some(row.longest_chain)),
    },
    Column {
        name: "line_syllables_mean",
        unit: Some("syllables"),
        description: "Syllables per line.",
        value: Value::Measure(|row| row.line_syllables_mean),
    },
    Column {
        name: "line_syllables_sd",
        unit: Some("syllables"),
        description: "Standard deviation of the syllables per line.",
        value: Value::Measure(|row| row.line_syllables_sd),
    },
    Column {
        name: "regularity",
        unit: None,
        description: "Share of the lines as long, give or take a syllable, as the median of their place in the stanza.",
        value: Value::Measure(|row| row.regularity),
    },
];
