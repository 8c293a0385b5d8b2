//! `synonyms:` of a search: words that stand for each other, and words that stand for others.

use schemars::JsonSchema;

use super::Diagnostics;
use super::fields::{self, Fields};
use super::tree::{Node, Value};

/// Words of which a query that has one of `from` is also looked for by each of `to`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Synonyms {
    /// Words of queries.
    pub from: Vec<String>,
    /// Words of texts.
    pub to: Vec<String>,
}

/// A group, `[sea, ocean, море]`, each of which stands for the others; or one way, `{ from: [mc], to: [rapper] }`.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Synonyms> {
    if let Value::List(nodes) = &node.value {
        let group = words(nodes, diagnostics);
        if group.len() < 2 {
            diagnostics.add(&node.place, "a group of synonyms has two words or more");
        }
        return Some(Synonyms { from: group.clone(), to: group });
    }
    let fields = Fields::open(node, "way of synonyms", &["from", "to"], diagnostics)?;
    let from = words(fields.required_list("from", diagnostics), diagnostics);
    let to = words(fields.required_list("to", diagnostics), diagnostics);
    Some(Synonyms { from, to })
}

fn words(nodes: &[Node], diagnostics: &mut Diagnostics) -> Vec<String> {
    let words = nodes.iter().filter_map(|node| fields::text(node, "synonyms", diagnostics));
    words.map(|text| text.value.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}
