//! `corpus:`: what only the whole corpus tells.

use super::Diagnostics;
use super::diagnostic::suggestion;
use super::fields::Fields;
use super::tree::Node;
use super::written::CorpusCall;

/// What a corpus can be asked for.
const NAMES: &[&str] = &["near_duplicates"];

/// Copies with one word in eight changed, wherever these stand, have more than this in common (0.45 at least).
const SIMILARITY: f64 = 0.4;

/// Reads the `corpus` of a view.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<CorpusCall> {
    let fields = Fields::open(node, "corpus", &["name", "view", "sketch", "prefer", "similarity"], diagnostics)?;
    let name = fields.required_text("name", diagnostics);
    if let Some(name) = name.filter(|name| !NAMES.contains(&name.value.as_str())) {
        let remedy = suggestion(&name.value, NAMES.iter().copied());
        diagnostics.add_with(&name.place, format!("nothing of a corpus is called `{}`", name.value), remedy);
    }
    let view = fields.required_name("view", diagnostics);
    let sketch = fields.required_name("sketch", diagnostics);
    let prefer = fields.name("prefer", diagnostics);
    let similarity = match fields.text("similarity", diagnostics) {
        None => SIMILARITY,
        Some(text) => match text.value.parse::<f64>() {
            Ok(similarity) if similarity > 0.0 && similarity <= 1.0 => similarity,
            _ => {
                diagnostics.add(&text.place, format!("`{}` is not a number above 0 and up to 1", text.value));
                SIMILARITY
            }
        },
    };
    name?;
    Some(CorpusCall { place: node.place.clone(), view: view?, sketch: sketch?, prefer, similarity })
}
