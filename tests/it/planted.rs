//! What is planted in the synthetic corpus is found again: a floor against regressions. Its texts are word salad, so none
//! of these shares says how well a real text is judged.

use rhapsode::analyze::emotion::{Lexica, Shape, emotion};
use rhapsode::analyze::rhyme::rhyme;
use rhapsode::analyze::structure::structure;
use rhapsode::analyze::theme::{Theme, Themes, theme};
use serde_json::Value;

use crate::corpus::{make, parse};

/// Of the tracks in which something is planted, in how many it is found.
const FOUND_MIN: f64 = 0.95;

/// The texts, and what is planted in each.
fn tracks() -> Vec<(String, Value)> {
    let corpus = make(2_000, 11, false);
    let lyrics = |row: &Vec<u8>| parse(row)["lyrics"].as_str().unwrap().to_owned();
    corpus.rows.iter().map(lyrics).zip(corpus.truth).collect()
}

/// Asserts that `found` gives `planted` of enough of the texts that have it.
fn recovered(what: &str, planted: impl Fn(&Value) -> Option<String>, found: impl Fn(&str) -> Option<String>) {
    let (mut all, mut right, mut wrong) = (0, 0, Vec::new());
    for (text, truth) in tracks() {
        let Some(planted) = planted(&truth) else { continue };
        let found = found(&text);
        all += 1;
        match found.as_deref() == Some(planted.as_str()) {
            true => right += 1,
            false => wrong.push(format!("{planted} as {found:?} in {}", truth["language"])),
        }
    }
    let share = right as f64 / all as f64;
    println!("{what}: {share:.3} of {all}");
    assert!(share >= FOUND_MIN, "{what}: {share:.3} of {all}; {:?}", &wrong[..wrong.len().min(12)]);
}

/// `ABCB` as the analyzer writes it: `-A-A`.
fn as_written(scheme: &str) -> String {
    let mut known: Vec<char> = Vec::new();
    let letter = |letter: char| {
        if scheme.matches(letter).count() == 1 {
            return '-';
        }
        let place = known.iter().position(|other| *other == letter).unwrap_or_else(|| {
            known.push(letter);
            known.len() - 1
        });
        char::from(b'A' + place as u8)
    };
    scheme.chars().map(letter).collect()
}

#[test]
fn planted_schemes_are_found() {
    recovered("schemes", |truth| Some(as_written(truth["scheme"].as_str()?)), |text| rhyme(text).scheme);
}

#[test]
fn planted_choruses_are_found() {
    let form = |text: &str| structure(text).sections.iter().map(|section| section.kind.letter()).collect::<String>();
    recovered("forms", |truth| truth["form"].as_str().map(str::to_owned), |text| Some(form(text)));
}

#[test]
fn planted_arcs_are_found() {
    let lexica = Lexica::own();
    let shape = |text: &str| emotion(text, None, &lexica).arc_shape.map(Shape::code).map(str::to_owned);
    recovered("arcs", |truth| truth["arc"].as_str().map(str::to_owned), shape);
}

#[test]
fn planted_themes_are_found() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let (definitions, _) = rhapsode::definition::parse(&rhapsode::definition::load(root).unwrap());
    let of_project = |theme: rhapsode::definition::Theme| Theme {
        name: theme.name.value.to_string(),
        descriptions: Vec::new(),
        seeds_en: theme.seeds.en.unwrap_or_default(),
        seeds_ru: theme.seeds.ru.unwrap_or_default(),
    };
    let themes = Themes::new(definitions.themes.into_iter().map(of_project).collect());
    recovered("themes", |truth| truth["theme"].as_str().map(str::to_owned), |text| theme(text, None, &themes).theme);
}
