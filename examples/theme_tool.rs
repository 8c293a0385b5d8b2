//! What `scripts/fit/theme.py` asks of the analyzer `theme`. Reads JSON Lines from standard input, writes them to
//! standard output.
//!
//! - `stanzas`: `{id, text}` to `{id, stanzas}`
//! - `count`: `{text}` lines to one object of stems and how often they come
//! - `prototypes PROJECT`: no input, to `{theme, text}`
//! - `measure PROJECT [PROTOTYPES]`: `{id, text, vectors?}` to what the scores are made of and what was found

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use rhapsode::analyze::theme::{Themes, measures, stem_counts, theme};
use rhapsode::text::stanzas;
use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |place: usize| arguments.get(place).map(String::as_str);
    match argument(0) {
        Some("stanzas") => each(|row| json!({ "id": row["id"], "stanzas": stanzas(text(&row)) })),
        Some("count") => count(),
        Some("prototypes") => {
            let themes = themes(argument(1), None);
            for (theme, text) in themes.prototype_themes().iter().zip(themes.prototype_texts()) {
                print(&json!({ "theme": theme, "text": text }));
            }
        }
        Some("measure") => {
            let themes = themes(argument(1), argument(2));
            each(|row| measure(&row, &themes));
        }
        _ => eprintln!("usage: theme_tool stanzas|count|prototypes|measure"),
    }
}

fn themes(path: Option<&str>, prototypes: Option<&str>) -> Themes {
    let files = rhapsode::definition::load(Path::new(path.expect("a project"))).expect("its definitions");
    let (definitions, _) = rhapsode::definition::parse(&files);
    let themes = Themes::clone(&rhapsode::compile::themes(&definitions));
    let Some(prototypes) = prototypes else { return themes };
    let rows = std::fs::read_to_string(prototypes).expect("the prototypes' vectors");
    let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    themes.with_vectors(rows.iter().map(|row| numbers(&row["vector"])).collect())
}

fn measure(row: &Value, themes: &Themes) -> Value {
    let vectors: Option<Vec<Vec<f32>>> = row["vectors"].as_array().map(|rows| rows.iter().map(numbers).collect());
    let vectors: Option<Vec<Option<&[f32]>>> =
        vectors.as_ref().map(|rows| rows.iter().map(|row| Some(row.as_slice())).collect());
    let measures = measures(text(row), vectors.as_deref(), themes);
    let finding = theme(text(row), vectors.as_deref(), themes);
    json!({
        "id": row["id"],
        "keywords": measures.keywords,
        "similarities": measures.similarities,
        "theme": finding.theme,
        "themes": finding.themes,
        "scores": finding.scores,
        "confidence": finding.confidence,
        "theme_by_keywords": finding.theme_by_keywords,
        "theme_by_vectors": finding.theme_by_vectors,
        "key_phrases": finding.key_phrases,
        "found": finding.keywords_found.iter().map(|found| json!([found.theme, found.seed, found.occurrences])).collect::<Vec<_>>(),
    })
}

fn count() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    each_row(|row| {
        for (stem, count) in stem_counts(text(&row)) {
            *counts.entry(stem).or_insert(0) += count;
        }
    });
    print(&json!(counts));
}

fn text(row: &Value) -> &str {
    row["text"].as_str().expect("a row has a text")
}

fn numbers(row: &Value) -> Vec<f32> {
    row.as_array().expect("a vector").iter().map(|number| number.as_f64().expect("a number") as f32).collect()
}

fn each(convert: impl Fn(Value) -> Value) {
    each_row(|row| print(&convert(row)));
}

fn each_row(mut visit: impl FnMut(Value)) {
    for line in std::io::stdin().lock().lines() {
        visit(serde_json::from_str(&line.expect("UTF-8")).expect("JSON"));
    }
}

fn print(row: &Value) {
    writeln!(std::io::stdout().lock(), "{row}").expect("standard output takes the row");
}
