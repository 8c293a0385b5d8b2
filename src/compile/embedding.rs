//! Embeddings: the model that a view names, found and described.

use std::collections::BTreeMap;

use super::target::TargetEmbedding;
use crate::definition::{Definitions, Diagnostics, EmbeddingCall, Feature, Values};
use crate::engine::EMBEDDING;
use crate::model::{ModelError, Models, Part};
use crate::name::nearest;

/// What the embedding views ask for, by the view's name.
pub(super) type Calls = BTreeMap<String, TargetEmbedding>;

/// Finds the models that are named, or says which is not there.
pub(super) fn calls(definitions: &Definitions, models: &Models, diagnostics: &mut Diagnostics) -> Calls {
    let mut calls = Calls::new();
    for view in &definitions.views {
        let Values::Embedding(call) = &view.values else { continue };
        let Some(parts) = parts(call, diagnostics) else { continue };
        match models.find(&call.model.value) {
            Ok(model) => {
                let (text, source) = (call.text.value.clone(), call.source.value.clone());
                calls.insert(view.name.value.to_string(), TargetEmbedding { model, text, source, parts });
            }
            Err(ModelError::Unknown { name, remedy }) => {
                diagnostics.add_with(&call.model.place, format!("unknown model `{name}`"), Some(remedy));
            }
            Err(error) => diagnostics.add(&call.model.place, error.to_string()),
        }
    }
    calls
}

/// The parts that have vectors, each once, in the order of [`Part::ALL`]; none where one is unknown.
fn parts(call: &EmbeddingCall, diagnostics: &mut Diagnostics) -> Option<Vec<Part>> {
    if call.parts.is_empty() {
        return Some(vec![Part::Whole]);
    }
    let mut parts = Vec::new();
    for written in &call.parts {
        match Part::find(&written.value) {
            Some(part) => parts.push(part),
            None => {
                let names = Part::ALL.map(Part::name);
                let remedy = match nearest(&written.value, names) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("there is `{}`", names.join("`, `")),
                };
                diagnostics.add_with(&written.place, format!("unknown part `{}`", written.value), Some(remedy));
            }
        }
    }
    let all_known = parts.len() == call.parts.len();
    parts.sort();
    parts.dedup();
    all_known.then_some(parts)
}

/// What surrounds a feature's expression: the model and what it reads. Which parts there are besides changes no value.
pub(super) fn formula(call: &EmbeddingCall, embedding: Option<&TargetEmbedding>) -> String {
    let digest = embedding.map(|embedding| embedding.model.digest().to_string()).unwrap_or_default();
    format!("embedding {digest}({}.{})", call.source.value, call.text.value)
}

/// What to say of a feature that names no part.
pub(super) fn no_such_part(embedding: Option<&TargetEmbedding>, written: &Feature) -> (String, Option<String>) {
    let parts = embedding.into_iter().flat_map(|embedding| &embedding.parts);
    let parts: Vec<String> = parts.map(|part| format!("`expr: {EMBEDDING}.{}`", part.name())).collect();
    let message = format!("`{}` does not say which part of the text it is of", written.name.value);
    (message, Some(format!("write {}", parts.join(" or "))))
}
