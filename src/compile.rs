//! From what was written to what should exist: names, types, the graph of dependencies, fingerprints. Pure: it plans
//! against empty tables and reads no data.

mod analyzer;
mod corpus;
mod embedding;
mod feature;
mod fingerprint;
mod graph;
mod names;
mod on_request;
mod search;
mod target;
mod view;
mod windows;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use std::sync::Arc;

pub use analyzer::themes;
pub use target::{
    JoinKey, Recipe, RelatedWords, SearchCriterion, SearchField, SearchVectors, Target, TargetAnalyzer, TargetColumn,
    TargetDuplicates, TargetEmbedding, TargetEntity, TargetFeature, TargetInput, TargetOnRequest, TargetSearch,
    TargetSource, TargetVectors, TargetView, TargetWindow, TargetWindows,
};
pub use view::plan as plan_view;

use crate::definition::{Definitions, Diagnostics, Dtype, FeatureView, Values};
use crate::engine::{Bounds, Resources, Session};
use crate::limits::{BUILD_BATCH_ROWS, PLANNING_MEMORY_BYTES};

/// Compiles `definitions`, or says everything that is wrong with them.
///
/// What passes does not fail in a build for a reason that the definitions show: a build plans each view by the same
/// [`plan_view`], over tables with the same columns.
pub async fn compile(
    definitions: &Definitions,
    resources: &Resources,
    mut diagnostics: Diagnostics,
) -> Result<Target, Diagnostics> {
    let definitions = &windows::expanded(definitions);
    let names = names::check(definitions, &mut diagnostics);
    let calls = embedding::calls(definitions, resources.models(), &mut diagnostics);
    let entities = names::entities(definitions, &mut diagnostics);
    let sources = names::sources(definitions, &entities);
    let reads = graph::reads(definitions, &mut diagnostics);
    let known = view::Known { names: &names, calls: &calls, themes: &analyzer::themes(definitions), resources };
    let order = graph::order(definitions, &reads, &mut diagnostics);

    let session = Session::new(Bounds { memory_bytes: PLANNING_MEMORY_BYTES, batch_rows: BUILD_BATCH_ROWS });
    for source in &sources {
        session.register_schema(source.name.as_str(), source.schema());
    }
    let mut target = Target { entities, sources, views: Vec::new(), on_request: Vec::new(), searches: Vec::new() };
    for (index, is_sound) in order {
        let written = &definitions.views[index];
        let Some(entity) = target.entity(&written.entity.value) else { continue };
        // Registered whatever becomes of it, so that one fault is not reported again by every view downstream.
        let schema = declared_schema(entity, written);
        if is_sound
            && let Some(view) = view::compile(written, &reads[index], &session, &target, &known, &mut diagnostics).await
        {
            target.views.push(view);
        }
        session.register_schema(written.name.value.as_str(), schema);
    }
    for (written, reads) in definitions.views.iter().zip(&reads) {
        if let Values::OnRequest(on_request) = &written.values {
            let view = on_request::compile(written, on_request, reads, &session, &target, &mut diagnostics).await;
            target.on_request.extend(view);
        }
    }
    let is_there = |view: &FeatureView| {
        matches!(view.values, Values::OnRequest(_)) || target.view(view.name.value.as_str()).is_some()
    };
    // Where a view is broken, what names its features would be reported as naming nothing.
    if definitions.views.iter().all(is_there) {
        for written in &definitions.searches {
            let search = search::compile(written, &session, &target, &known, &mut diagnostics).await;
            target.searches.extend(search);
        }
    }
    if diagnostics.is_empty() { Ok(target) } else { Err(diagnostics) }
}

fn declared_schema(entity: &TargetEntity, view: &FeatureView) -> SchemaRef {
    use datafusion::arrow::datatypes::Field;
    let keys = entity.join_keys.iter().map(|key| Field::new(key.name.as_str(), key.dtype.to_arrow(), false));
    let time =
        view.timestamp_field.iter().map(|time| Field::new(time.value.as_str(), Dtype::Timestamp.to_arrow(), false));
    let features = view.features.iter().map(|f| Field::new(f.name.value.as_str(), f.dtype.value.to_arrow(), true));
    Arc::new(Schema::new(keys.chain(time).chain(features).collect::<Vec<_>>()))
}
