//! Analyzers: what a view calls, and what it reads beside its text.

use std::sync::Arc;

use super::target::{Recipe, Target, TargetAnalyzer, TargetEmbedding, TargetVectors};
use super::view::Known;
use crate::analyze::theme::{Theme, Themes};
use crate::analyze::{Analyzer, ReadyAnalyzer};
use crate::definition::{AnalyzerCall, Definitions, Diagnostics, FeatureView, Spanned};
use crate::engine::{EMBEDDING, canonical_expression};
use crate::model::{BUILT_IN, Part};
use crate::name::TableName;

/// The themes that are defined.
pub fn themes(definitions: &Definitions) -> Arc<Themes> {
    let theme = |theme: &crate::definition::Theme| Theme {
        name: theme.name.value.to_string(),
        descriptions: theme.description.en.iter().chain(&theme.description.ru).cloned().collect(),
        seeds_en: theme.seeds.en.clone().unwrap_or_default(),
        seeds_ru: theme.seeds.ru.clone().unwrap_or_default(),
    };
    Arc::new(Themes::new(definitions.themes.iter().map(theme).collect()))
}

/// What a view calls; none where something is wrong with it, which is reported.
pub(super) fn target(
    call: &AnalyzerCall,
    view: &FeatureView,
    target: &Target,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<TargetAnalyzer> {
    // That it does not exist is reported with the names.
    let analyzer = Analyzer::find(&call.name.value)?;
    if analyzer.reads_themes && known.themes.themes().is_empty() {
        let message = format!("`{}` judges by themes, and none is defined", analyzer.name);
        diagnostics.add_with(&call.name.place, message, Some("write definitions of `kind: theme`".to_owned()));
        return None;
    }
    let vectors = match &call.vectors {
        None => None,
        Some(name) => Some(vectors(analyzer, call, view, name, target, diagnostics)?),
    };
    let stress = if analyzer.reads_stress { known.resources.stress() } else { Ok(Arc::default()) };
    let stress = match stress {
        Ok(stress) => stress,
        Err(reason) => {
            let remedy = "`python scripts/resources.py russian_stress` brings it anew".to_owned();
            diagnostics.add_with(&call.name.place, reason, Some(remedy));
            return None;
        }
    };
    let analyzer = ReadyAnalyzer::new(analyzer, Arc::clone(known.themes), stress);
    Some(TargetAnalyzer { analyzer, text: call.text.value.clone(), source: call.source.value.clone(), vectors })
}

/// The vectors of stanzas in the embedding view `name`, if they are those of the same text.
fn vectors(
    analyzer: &Analyzer,
    call: &AnalyzerCall,
    view: &FeatureView,
    name: &Spanned<TableName>,
    target: &Target,
    diagnostics: &mut Diagnostics,
) -> Option<TargetVectors> {
    let mut fault = |message: String, remedy: Option<String>| {
        diagnostics.add_with(&name.place, message, remedy);
        None
    };
    if !analyzer.reads_vectors {
        return fault(format!("`{}` reads no vectors; leave `vectors` out", analyzer.name), None);
    }
    // A view that does not exist, or in which something is wrong, is reported for itself.
    let of = target.view(name.value.as_str())?;
    let Recipe::Embedding(TargetEmbedding { model, text, source, .. }) = &of.recipe else {
        return fault(format!("`{}` holds no vectors: it is no view with `embedding`", name.value), None);
    };
    if *source != call.source.value || *text != call.text.value {
        let message = format!("`{}` has vectors of `{source}.{text}`, not of the text that is read here", name.value);
        return fault(message, None);
    }
    if of.entity != view.entity.value || of.time.as_ref() != view.timestamp_field.as_ref().map(|time| &time.value) {
        return fault(format!("the rows of `{}` have another key than those of this view", name.value), None);
    }
    if !model.is_built_in() {
        let message =
            format!("`{}` was fitted on vectors of the model `{BUILT_IN}`, not of `{}`", analyzer.name, model.name());
        return fault(message, Some(format!("name a view with `model: {BUILT_IN}`")));
    }
    let wanted = format!("{EMBEDDING}.{}", Part::Stanzas.name());
    let is_wanted = |expr: &str| canonical_expression(expr).ok() == canonical_expression(&wanted).ok();
    let Some(feature) = of.features.iter().find(|feature| is_wanted(&feature.expr)) else {
        let remedy = format!("add a feature with `expr: {wanted}` there");
        return fault(format!("`{}` has no vectors of stanzas", name.value), Some(remedy));
    };
    let keys = target.keys(&of.entity).into_iter().chain(of.time.iter().map(ToString::to_string)).collect();
    let (feature, model) = (feature.name.clone(), Arc::clone(model));
    Some(TargetVectors { view: name.value.clone(), feature, keys, model })
}

/// What surrounds a feature's expression. Which vectors are read is among what it reads.
pub(super) fn formula(call: &AnalyzerCall, analyzer: Option<&TargetAnalyzer>) -> String {
    let formula = analyzer.map(|target| target.analyzer.formula()).unwrap_or_default();
    let vectors = if call.vectors.is_some() { " with vectors" } else { "" };
    format!("{formula}({}.{}){vectors}", call.source.value, call.text.value)
}
