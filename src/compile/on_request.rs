//! `on_request:` views: expressions over the stored features of an entity and values that come with a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};

use super::feature::{Context, is_restricted};
use super::graph::Reads;
use super::target::{Target, TargetEntity, TargetInput, TargetOnRequest};
use crate::definition::{Access, Diagnostics, Feature, FeatureView, Input, OnRequest};
use crate::engine::{Session, Statement};

/// What an expression on request is planned over, a name that no table of a project can have.
const TABLE: &str = "_on_request";

/// Compiles a view; none where something is wrong with it.
pub(super) async fn compile(
    written: &FeatureView,
    on_request: &OnRequest,
    reads: &Reads,
    session: &Session,
    target: &Target,
    diagnostics: &mut Diagnostics,
) -> Option<TargetOnRequest> {
    let before = diagnostics.iter().len();
    let entity = target.entity(&written.entity.value)?;
    let stored = stored(target, entity);
    check_inputs(&on_request.inputs, &stored, diagnostics);
    let inputs =
        on_request.inputs.iter().map(|input| Field::new(input.name.value.as_str(), input.dtype.value.to_arrow(), true));
    let fields: Vec<Field> = stored.into_values().chain(inputs).collect();
    session.register_schema(TABLE, Arc::new(Schema::new(fields)));
    let base = session.plan(&Statement::parse(&format!("select * from {TABLE}")).ok()?).await.ok()?;
    let context = Context { view: written, reads, session, target, entity, base: &base, recipe: None };
    let mut features = Vec::new();
    for feature in written.features.iter().filter(|feature| feature.expr.is_some()) {
        let Some(compiled) = context.feature(feature, diagnostics) else { continue };
        check_access(feature, &compiled.reads, target, diagnostics);
        features.push(compiled);
    }
    if diagnostics.iter().len() > before {
        return None;
    }
    let input = |input: &Input| {
        let Input { name, dtype, description } = input.clone();
        TargetInput { name: name.value, dtype: dtype.value, description }
    };
    Some(TargetOnRequest {
        name: written.name.value.clone(),
        entity: entity.name.clone(),
        inputs: on_request.inputs.iter().map(input).collect(),
        features,
        description: written.description.clone(),
        owner: written.owner.clone(),
        tags: written.tags.clone(),
    })
}

/// The columns that an expression may read beside the inputs: the join keys and every stored feature, by name.
fn stored(target: &Target, entity: &TargetEntity) -> BTreeMap<String, Field> {
    let keys = entity.join_keys.iter().map(|key| (key.name.to_string(), key.dtype.to_arrow()));
    let views = target.views.iter().filter(|view| view.entity == entity.name);
    let features = views.flat_map(|view| &view.features);
    let features = features.map(|feature| (feature.name.to_string(), feature.dtype.to_arrow()));
    keys.chain(features).map(|(name, data_type)| (name.clone(), Field::new(name, data_type, true))).collect()
}

fn check_inputs(inputs: &[Input], stored: &BTreeMap<String, Field>, diagnostics: &mut Diagnostics) {
    for (index, input) in inputs.iter().enumerate() {
        let (name, place) = (&input.name.value, &input.name.place);
        if stored.contains_key(name.as_str()) {
            let remedy = format!("give the input another name, such as `asked_{name}`");
            let message = format!("`{name}` is a feature or a join key already");
            diagnostics.add_with(place, message, Some(remedy));
        }
        if inputs[..index].iter().any(|earlier| earlier.name.value == *name) {
            diagnostics.add(place, format!("the input `{name}` is written twice"));
        }
    }
}

/// Whoever may choose the inputs can ask until a restricted value is known.
fn check_access(feature: &Feature, reads: &[String], target: &Target, diagnostics: &mut Diagnostics) {
    let restricted = reads
        .iter()
        .find(|read| read.split_once('.').is_some_and(|(table, column)| is_restricted(target, table, column)));
    if let (Some(Access::Open), Some(column)) = (feature.access, restricted) {
        let name = &feature.name.value;
        let message = format!("`{name}` reads the restricted `{column}`, and can be asked until that is known");
        let remedy = "leave `access` out: it is restricted then".to_owned();
        diagnostics.add_with(&feature.name.place, message, Some(remedy));
    }
}
