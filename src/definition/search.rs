//! `kind: search`: what of an entity is found, and by what.

use super::Diagnostics;
use super::fields::{self, Fields};
use super::tree::{Node, Value};
use super::written::{Search, SearchText};
use super::{criterion, profile, synonyms};
use crate::limits::RELATED_WORDS_MAX;

/// The weight of a field that does not say it.
const WEIGHT: u32 = 1;

/// The greatest weight: a field's terms are stored so many times.
const WEIGHT_MAX: u32 = 10;

pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Search> {
    let known = &[
        "kind",
        "name",
        "entity",
        "source",
        "languages",
        "text",
        "vectors",
        "filters",
        "facets",
        "synonyms",
        "related_words",
        "profiles",
        "criteria",
        "description",
        "owner",
        "tags",
    ];
    let fields = Fields::open(node, "search", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let entity = fields.required_name("entity", diagnostics);
    let source = fields.required_name("source", diagnostics);
    let languages = fields.texts("languages", diagnostics);
    let text = fields.required_list("text", diagnostics);
    let text = text.iter().filter_map(|node| field(node, diagnostics)).collect();
    let vectors = fields.names("vectors", diagnostics);
    let filters = fields.names("filters", diagnostics);
    let facets = fields.names("facets", diagnostics);
    let nodes = fields.list("synonyms", diagnostics);
    let synonyms = nodes.iter().filter_map(|node| synonyms::read(node, diagnostics)).collect();
    let what = format!("a number of words: from 1 to {RELATED_WORDS_MAX}");
    let is_right = |words| (1..=RELATED_WORDS_MAX).contains(&words);
    let related_words = fields.number("related_words", &what, is_right, diagnostics);
    let nodes = fields.list("profiles", diagnostics);
    let profiles = nodes.iter().filter_map(|node| profile::read(node, diagnostics)).collect();
    let nodes = fields.list("criteria", diagnostics);
    let criteria = nodes.iter().filter_map(|node| criterion::read(node, diagnostics)).collect();
    let description = fields.string("description", diagnostics);
    let owner = fields.string("owner", diagnostics);
    let tags = fields.strings("tags", diagnostics);
    Some(Search {
        name: name?,
        entity: entity?,
        source: source?,
        languages,
        text,
        vectors,
        filters,
        facets,
        synonyms,
        related_words,
        profiles,
        criteria,
        description,
        owner,
        tags,
    })
}

/// A field: `{ name: title, weight: 2 }`, or the name alone.
fn field(node: &Node, diagnostics: &mut Diagnostics) -> Option<SearchText> {
    if let Value::Scalar(text) = &node.value {
        return Some(SearchText { name: fields::name(text, diagnostics)?, of: Vec::new(), weight: WEIGHT });
    }
    let fields = Fields::open(node, "field", &["name", "of", "weight"], diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let of = fields.names("of", diagnostics);
    let weight = fields.text("weight", diagnostics).map(|text| match text.value.trim().parse::<u32>() {
        Ok(weight) if (1..=WEIGHT_MAX).contains(&weight) => weight,
        _ => {
            let message = format!("`{}` is not a weight: a whole number from 1 to {WEIGHT_MAX}", text.value);
            diagnostics.add_with(&text.place, message, Some("the field that counts least has 1".to_owned()));
            WEIGHT
        }
    });
    Some(SearchText { name: name?, of, weight: weight.unwrap_or(WEIGHT) })
}
