//! Themes as vectors: made once, before the texts that are compared with them.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;

use crate::analyze::ReadyAnalyzer;
use crate::analyze::theme::Themes;
use crate::model::{Model, ModelError};

/// The analyzer with the vectors of its themes by `model`; as it is where it reads no themes or there is no model.
pub async fn with_vectors(analyzer: &ReadyAnalyzer, model: Option<&Arc<Model>>) -> Result<ReadyAnalyzer, ModelError> {
    let Some(model) = model.filter(|_| analyzer.analyzer().reads_themes) else { return Ok(analyzer.clone()) };
    let texts = StringArray::from_iter_values(analyzer.themes().prototype_texts());
    let embedded = model.embed(texts).await?;
    let vector = |row: usize| embedded.vectors.value(row).as_primitive::<Float32Type>().values().to_vec();
    let vectors = (0..embedded.vectors.len()).map(vector).collect();
    let themes = Themes::clone(analyzer.themes()).with_vectors(vectors);
    Ok(ReadyAnalyzer::new(analyzer.analyzer(), Arc::new(themes), Arc::clone(analyzer.stress())))
}
