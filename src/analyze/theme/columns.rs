//! The columns of `theme`.

use super::ThemeFinding;
use crate::analyze::column::{Column, Value};

pub(super) const COLUMNS: &[Column<ThemeFinding>] = &[
    Column {
        name: "theme",
        unit: None,
        description: "The theme that convinces most; null where none does.",
        value: Value::Text(|row| row.theme.clone()),
    },
    Column {
        name: "themes",
        unit: None,
        description: "The themes that convince, five at most, the best first.",
        value: Value::Texts(|row| Some(row.themes.clone())),
    },
    Column {
        name: "confidence",
        unit: None,
        description: "How likely `theme` is the main one, 0 to 1.",
        value: Value::Measure(|row| row.confidence),
    },
    Column {
        name: "scores",
        unit: None,
        description: "How likely each theme is one of the text's, 0 to 1, in the order of their names.",
        value: Value::Measures(|row| Some(row.scores.clone())),
    },
    Column {
        name: "by_keywords",
        unit: None,
        description: "The theme that the seeds alone name.",
        value: Value::Text(|row| row.theme_by_keywords.clone()),
    },
    Column {
        name: "by_vectors",
        unit: None,
        description: "The theme that the vectors alone name; null without vectors.",
        value: Value::Text(|row| row.theme_by_vectors.clone()),
    },
    Column {
        name: "keywords_found",
        unit: None,
        description: "The seeds that the text has, in the order of their first occurrence.",
        value: Value::Texts(|row| Some(seeds(row))),
    },
    Column {
        name: "key_phrases",
        unit: None,
        description: "Words and phrases of the text that tell most of it, ten at most, the best first.",
        value: Value::Texts(|row| Some(row.key_phrases.clone())),
    },
];

/// Each once, whichever themes it speaks for.
fn seeds(row: &ThemeFinding) -> Vec<String> {
    let mut seeds: Vec<String> = Vec::new();
    for found in &row.keywords_found {
        if !seeds.contains(&found.seed) {
            seeds.push(found.seed.clone());
        }
    }
    seeds
}
