//! `aggregate:` views: their windows, and the features that they have by default.

use super::target::{TargetSource, TargetWindow, TargetWindows};
use crate::definition::{
    Aggregate, AggregateFunction, Definitions, Diagnostics, Dtype, Feature, FeatureView, Online, Source, Spanned,
    Values, WindowLength,
};
use crate::engine::time::WindowFunction;
use crate::name::{FeatureName, nearest};

/// The definitions, in which each window of an aggregate without `features` is a feature.
pub(super) fn expanded(definitions: &Definitions) -> Definitions {
    let mut expanded = definitions.clone();
    for view in &mut expanded.views {
        let Values::Aggregate(aggregate) = &view.values else { continue };
        if view.features.is_empty()
            && let Some(source) = definitions.sources.iter().find(|source| source.name.value == aggregate.source.value)
        {
            view.features = features(aggregate, source, view.online);
        }
    }
    expanded
}

fn features(aggregate: &Aggregate, source: &Source, online: Online) -> Vec<Feature> {
    let dtype_of = |column: &FeatureName| {
        source.columns.iter().find(|candidate| candidate.name.value == *column).map(|column| column.dtype.value.clone())
    };
    let windows = windows(aggregate, &dtype_of);
    let feature = |(place, window): (crate::definition::Place, TargetWindow)| {
        let of = window.column.as_ref().map(|column| format!(" of {column}")).unwrap_or_default();
        let length = match window.length_seconds {
            Some(_) => format!(" in the {} before", window.name.rsplit('_').next().unwrap_or_default()),
            None => " until then".to_owned(),
        };
        Some(Feature {
            name: Spanned::new(FeatureName::parse(&window.name).ok()?, place.clone()),
            dtype: Spanned::new(window.dtype, place),
            expr: None,
            unit: None,
            description: Some(format!("{} of {}{of}{length}.", told(window.function), aggregate.source.value)),
            licence: None,
            access: None,
            online,
            tags: Vec::new(),
            expect: Vec::new(),
        })
    };
    windows.into_iter().filter_map(feature).collect()
}

fn told(function: WindowFunction) -> &'static str {
    match function {
        WindowFunction::Count => "Number",
        WindowFunction::Sum => "Sum",
        WindowFunction::Mean => "Mean",
        WindowFunction::Min => "Least",
        WindowFunction::Max => "Greatest",
        WindowFunction::First => "First",
        WindowFunction::Last => "Last",
        WindowFunction::ApproxDistinct => "Number of different values",
    }
}

/// The windows of a sound aggregate over `source`.
pub(super) fn target(aggregate: &Aggregate, source: &TargetSource) -> TargetWindows {
    let dtype_of = |column: &FeatureName| {
        source.columns.iter().find(|candidate| candidate.name == *column).map(|column| column.dtype.clone())
    };
    let columns = windows(aggregate, &dtype_of).into_iter().map(|(_, window)| window).collect();
    TargetWindows { source: source.name.clone(), columns }
}

/// Every function over every window, where its column exists and fits.
fn windows(
    aggregate: &Aggregate,
    dtype_of: &dyn Fn(&FeatureName) -> Option<Dtype>,
) -> Vec<(crate::definition::Place, TargetWindow)> {
    let mut windows = Vec::new();
    for Spanned { value: AggregateFunction { name, column }, place } in &aggregate.functions {
        let function = function(name);
        let of = match column {
            Some(column) => dtype_of(column),
            None => Some(Dtype::Int64),
        };
        let Some(dtype) = of.and_then(|of| result(function, &of)) else { continue };
        for Spanned { value: WindowLength { text, seconds }, .. } in &aggregate.windows {
            let of = column.as_ref().map(|column| format!("_{column}")).unwrap_or_default();
            let window = TargetWindow {
                name: format!("{}_{name}{of}_{text}", aggregate.source.value),
                function,
                column: column.clone(),
                length_seconds: *seconds,
                dtype: dtype.clone(),
            };
            windows.push((place.clone(), window));
        }
    }
    windows
}

/// The function of a name that the reader of definitions let through.
fn function(name: &str) -> WindowFunction {
    WindowFunction::find(name).unwrap_or(WindowFunction::Count)
}

fn result(function: WindowFunction, of: &Dtype) -> Option<Dtype> {
    let found = function.result(&of.to_arrow())?;
    [Dtype::Int64, Dtype::Float64, of.clone()].into_iter().find(|dtype| dtype.to_arrow() == found)
}

/// Reports what an aggregate refers to in vain.
pub(super) fn check(aggregate: &Aggregate, view: &FeatureView, source: &Source, diagnostics: &mut Diagnostics) {
    let named = source.name.value.as_str();
    if source.timestamp_field.is_none() {
        let remedy = format!("give `{named}` a `timestamp_field`, or count in the `sql` of a view");
        let message = format!("`{named}` has no time; windows are over events");
        diagnostics.add_with(&aggregate.source.place, message, Some(remedy));
    }
    if source.entity.value != view.entity.value {
        let message = format!("`{named}` is of `{}`, and this view of `{}`", source.entity.value, view.entity.value);
        diagnostics.add(&aggregate.source.place, message);
    }
    for Spanned { value: AggregateFunction { name, column }, place } in &aggregate.functions {
        let Some(column) = column else { continue };
        match source.columns.iter().find(|candidate| candidate.name.value == *column) {
            None => {
                let names = source.columns.iter().map(|column| column.name.value.as_str());
                let remedy = nearest(column.as_str(), names).map(|nearest| format!("did you mean `{nearest}`?"));
                diagnostics.add_with(place, format!("unknown column `{column}` of `{named}`"), remedy);
            }
            Some(found) if result(function(name), &found.dtype.value).is_none() => {
                diagnostics
                    .add(place, format!("`{name}` has no meaning for `{column}`, which is {}", found.dtype.value));
            }
            Some(_) => {}
        }
    }
}
