//! `kind: theme`: what texts can be about.

use super::Diagnostics;
use super::fields::{self, Fields};
use super::tree::Node;
use super::written::{Languages, Theme};

pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Theme> {
    let known = &["kind", "name", "title", "description", "seeds", "owner", "tags"];
    let fields = Fields::open(node, "theme", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let title = fields.node("title").and_then(|node| languages(node, "title", &sentence, diagnostics));
    let description = fields.required("description", diagnostics);
    let description = description.and_then(|node| languages(node, "description", &sentence, diagnostics));
    let seeds = fields.required("seeds", diagnostics);
    let seeds = seeds.and_then(|node| languages(node, "seeds", &words, diagnostics));
    let owner = fields.string("owner", diagnostics);
    let tags = fields.strings("tags", diagnostics);
    Some(Theme { name: name?, title: title.unwrap_or_default(), description: description?, seeds: seeds?, owner, tags })
}

/// What `read` finds in each language, of which there must be one.
fn languages<T>(
    node: &Node,
    what: &'static str,
    read: &dyn Fn(&Fields<'_>, &str, &mut Diagnostics) -> Option<T>,
    diagnostics: &mut Diagnostics,
) -> Option<Languages<T>> {
    let fields = Fields::open(node, what, &["en", "ru"], diagnostics)?;
    let languages = Languages { en: read(&fields, "en", diagnostics), ru: read(&fields, "ru", diagnostics) };
    if languages.en.is_none() && languages.ru.is_none() {
        let remedy = format!("write `{what}: {{ en: … }}`, `ru: …`, or both");
        diagnostics.add_with(&node.place, format!("this {what} is in no language"), Some(remedy));
        return None;
    }
    Some(languages)
}

fn sentence(fields: &Fields<'_>, language: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    fields.string(language, diagnostics).filter(|text| !text.is_empty())
}

fn words(fields: &Fields<'_>, language: &str, diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    let nodes = fields.list(language, diagnostics);
    let words = nodes.iter().filter_map(|node| fields::text(node, language, diagnostics));
    let words: Vec<String> = words.map(|text| text.value.trim().to_owned()).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then_some(words)
}
