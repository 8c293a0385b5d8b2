//! `corpus:` views: what is told of each row by all of them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::target::{Target, TargetDuplicates, TargetEntity};
use crate::definition::{CorpusCall, Diagnostics, Dtype, FeatureView, Spanned};
use crate::name::{FeatureName, nearest};

/// What a view asks for; none where something is wrong with it, which is reported.
pub(super) fn target(
    call: &CorpusCall,
    view: &FeatureView,
    target: &Target,
    diagnostics: &mut Diagnostics,
) -> Option<TargetDuplicates> {
    // A view that does not exist, or in which something is wrong, is reported for itself.
    let of = target.view(call.view.value.as_str())?;
    if of.entity != view.entity.value || of.time.is_some() || view.timestamp_field.is_some() {
        let message = format!("near-duplicates are of the rows of one entity without time; `{}` has others", of.name);
        diagnostics.add(&call.view.place, message);
        return None;
    }
    let dtype = |name: &Spanned<FeatureName>, diagnostics: &mut Diagnostics| {
        let found = of.features.iter().find(|feature| feature.name == name.value);
        if found.is_none() {
            let names = of.features.iter().map(|feature| feature.name.as_str());
            let remedy = nearest(name.value.as_str(), names).map(|nearest| format!("did you mean `{nearest}`?"));
            diagnostics.add_with(&name.place, format!("`{}` has no feature `{}`", of.name, name.value), remedy);
        }
        found.map(|feature| feature.dtype.clone())
    };
    let sketch = dtype(&call.sketch, diagnostics)?;
    if sketch != Dtype::List(Box::new(Dtype::Int64)) {
        let message = format!("`{}` is {sketch}; sketches are `list<int64>`", call.sketch.value);
        let remedy = "the analyzer `sketch` makes them: `expr: sketch.sketch`".to_owned();
        diagnostics.add_with(&call.sketch.place, message, Some(remedy));
        return None;
    }
    if let Some(prefer) = &call.prefer {
        let found = dtype(prefer, diagnostics)?;
        if !found.to_arrow().is_numeric() {
            diagnostics.add(&prefer.place, format!("`{}` is {found}; what is preferred is a number", prefer.value));
            return None;
        }
    }
    Some(TargetDuplicates {
        view: call.view.value.clone(),
        sketch: call.sketch.value.clone(),
        prefer: call.prefer.as_ref().map(|prefer| prefer.value.clone()),
        similarity: call.similarity,
    })
}

/// The columns of which features are made: the join keys, then what was found.
pub(super) fn schema(entity: &TargetEntity) -> SchemaRef {
    let keys = entity.join_keys.iter().map(|key| Field::new(key.name.as_str(), key.dtype.to_arrow(), false));
    Arc::new(Schema::new(keys.chain(TargetDuplicates::found()).collect::<Vec<_>>()))
}

impl TargetDuplicates {
    /// The name under which a session knows what was found, which no table of a project can have.
    pub fn table(&self) -> String {
        format!("_duplicates_of_{}", self.view)
    }

    /// What is found of each row: `canonical`, the key of the row that it is a copy of, or its own; `similarity` to it;
    /// `copies` of one canonical row, itself among them. Null where there is no sketch.
    pub fn found() -> [Field; 3] {
        [
            Field::new("canonical", DataType::Utf8, true),
            Field::new("similarity", DataType::Float64, true),
            Field::new("copies", DataType::Int32, true),
        ]
    }

    /// What surrounds a feature's expression.
    pub(super) fn formula(&self) -> String {
        let prefer = self.prefer.as_ref().map(|prefer| prefer.as_str()).unwrap_or_default();
        format!("near duplicates by {} from {} preferring {prefer}", self.sketch, self.similarity)
    }
}
