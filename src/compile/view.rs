//! One view: planned, its types checked, its features fingerprinted.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast, ident};

use super::embedding::Calls;
use super::feature::{Context, convertible, is_restricted, shown};
use super::graph::Reads;
use super::names::Names;
use super::target::{
    JoinKey, Recipe, Target, TargetAnalyzer, TargetEmbedding, TargetEntity, TargetSearch, TargetVectors, TargetView,
    TargetWindows,
};
use super::{analyzer, corpus, windows};
use crate::analyze::theme::Themes;
use crate::definition::{Diagnostics, Dtype, FeatureView, Place, Spanned, Text, Values};
use crate::engine::{Resources, Session, SqlError, Statement, TextColumn, VectorsColumn, with_vectors};
use crate::name::{FeatureName, TableName};

/// What is known before the first view is compiled.
pub(super) struct Known<'a> {
    pub names: &'a Names,
    pub calls: &'a Calls,
    pub themes: &'a Arc<Themes>,
    pub resources: &'a Resources,
}

/// Compiles a view; none where something is wrong with it.
pub(super) async fn compile(
    written: &FeatureView,
    reads: &Reads,
    session: &Session,
    target: &Target,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<TargetView> {
    let before = diagnostics.iter().len();
    let entity = target.entity(&written.entity.value)?;
    let recipe = recipe(written, target, known, diagnostics)?;
    if !is_resolved(&recipe, target) {
        return None;
    }
    match &recipe {
        Recipe::Aggregate(windows) => session.register_schema(&windows.table(), windows_schema(windows, entity)),
        Recipe::Duplicates(duplicates) => session.register_schema(&duplicates.table(), corpus::schema(entity)),
        Recipe::Sql(_) | Recipe::Analyzer(_) | Recipe::Embedding(_) | Recipe::Search(_) => {}
    }
    let base = match base_plan(session, &recipe, &[]).await {
        Ok(base) => base,
        Err(error) => {
            report(error, &written.values, diagnostics);
            return None;
        }
    };
    if let Values::Sql(text) = &written.values {
        check_keys(session, target, &base, entity, text, diagnostics);
    }
    if let Some(time) = &written.timestamp_field {
        check_time(time, written, &base, diagnostics);
    }
    let mut features = Vec::new();
    for feature in &written.features {
        let context = Context { view: written, reads, session, target, entity, base: &base, recipe: Some(&recipe) };
        features.extend(context.feature(feature, diagnostics));
    }
    if diagnostics.iter().len() > before {
        return None;
    }
    // Of what the corpus tells, a build finds the rows that change.
    let is_of_corpus = matches!(recipe, Recipe::Duplicates(_));
    let row_local = is_of_corpus
        || is_row_local(session, &base, entity, written.timestamp_field.as_ref().map(|time| &time.value), target);
    let inputs = reads.tables.keys().filter(|table| known.names.tables.contains(*table));
    let FeatureView {
        name,
        entity,
        values: _,
        features: _,
        description,
        owner,
        tags,
        ttl_seconds,
        expect,
        format,
        online: _,
        timestamp_field,
    } = written.clone();
    Some(TargetView {
        name: name.value,
        entity: entity.value,
        recipe,
        inputs: inputs.filter_map(|table| TableName::parse(table).ok()).collect(),
        row_local,
        features,
        description,
        owner,
        tags,
        ttl_seconds,
        expect,
        format,
        time: timestamp_field.map(|field| field.value),
    })
}

/// Whether each row of the view is made from the one row of its entity, and its `time` where it has one, in each input.
fn is_row_local(
    session: &Session,
    base: &LogicalPlan,
    entity: &TargetEntity,
    time: Option<&FeatureName>,
    target: &Target,
) -> bool {
    let keys: Vec<&str> = entity.join_keys.iter().map(|key| &key.name).chain(time).map(|key| key.as_str()).collect();
    let Some(inputs) = session.mapped_tables(base, &keys) else { return false };
    let has_keys = |input: &String| {
        // Events that an id tells apart may be several at one time.
        let of_source = target.source(input).map(|source| {
            source.entity == entity.name && source.timestamp_field.as_ref() == time && source.key.len() == keys.len()
        });
        let of_view = target.view(input).map(|view| view.entity == entity.name && view.time.as_ref() == time);
        of_source.or(of_view).unwrap_or(false)
    };
    inputs.iter().all(has_keys)
}

/// Whether the source of an analyzer and its text exist; that they do not is reported with the names.
fn is_resolved(recipe: &Recipe, target: &Target) -> bool {
    let Recipe::Analyzer(TargetAnalyzer { text, source, .. }) = recipe else { return true };
    let columns = target.source(source.as_str()).into_iter().flat_map(|source| &source.columns);
    columns.into_iter().any(|column| column.name == *text && column.dtype == Dtype::String)
}

/// The plan of a view's rows over the tables of `session`: the join keys, the time where it has one, then its features in
/// their declared types.
pub async fn plan(session: &Session, view: &TargetView, join_keys: &[JoinKey]) -> Result<LogicalPlan, SqlError> {
    let rows: Vec<String> = join_keys.iter().map(|key| &key.name).chain(&view.time).map(ToString::to_string).collect();
    let base = base_plan(session, &ready(&view.recipe).await?, &rows).await?;
    let keys = join_keys.iter().map(|key| (key.name.as_str(), key.name.as_str(), &key.dtype));
    let keys = keys.chain(view.time.iter().map(|time| (time.as_str(), time.as_str(), &Dtype::Timestamp)));
    let features = view.features.iter().map(|feature| (feature.name.as_str(), feature.expr.as_str(), &feature.dtype));
    let columns: Result<Vec<Expr>, SqlError> = keys
        .chain(features)
        .map(|(name, expr, dtype)| Ok(cast(session.expression(expr, &base)?, dtype.to_arrow()).alias(name)))
        .collect();
    session.project(&base, columns?)
}

/// None where nothing of the view is stored, or something is wrong with it.
fn recipe(written: &FeatureView, target: &Target, known: &Known<'_>, diagnostics: &mut Diagnostics) -> Option<Recipe> {
    Some(match &written.values {
        Values::OnRequest(_) => return None,
        Values::Embedding(_) => Recipe::Embedding(known.calls.get(written.name.value.as_str())?.clone()),
        Values::Aggregate(aggregate) => {
            Recipe::Aggregate(windows::target(aggregate, target.source(aggregate.source.value.as_str())?))
        }
        Values::Sql(text) => Recipe::Sql(text.value.clone()),
        Values::Analyzer(call) => Recipe::Analyzer(analyzer::target(call, written, target, known, diagnostics)?),
        Values::Corpus(call) => Recipe::Duplicates(corpus::target(call, written, target, diagnostics)?),
    })
}

/// The recipe with all that it takes to compute it: themes have their vectors.
async fn ready(recipe: &Recipe) -> Result<Recipe, SqlError> {
    let Recipe::Analyzer(target) = recipe else { return Ok(recipe.clone()) };
    let model = target.vectors.as_ref().map(|vectors| &vectors.model);
    let analyzer = with_vectors(&target.analyzer, model).await.map_err(|error| SqlError::invalid(error.to_string()))?;
    Ok(Recipe::Analyzer(TargetAnalyzer { analyzer, ..target.clone() }))
}

/// The columns of windows: the join keys, then one a window.
fn windows_schema(windows: &TargetWindows, entity: &TargetEntity) -> SchemaRef {
    let keys = entity.join_keys.iter().map(|key| Field::new(key.name.as_str(), key.dtype.to_arrow(), false));
    let columns = windows.columns.iter().map(|window| Field::new(&window.name, window.dtype.to_arrow(), true));
    Arc::new(Schema::new(keys.chain(columns).collect::<Vec<_>>()))
}

/// The time is there, and is a time.
fn check_time(time: &Spanned<FeatureName>, written: &FeatureView, base: &LogicalPlan, diagnostics: &mut Diagnostics) {
    if matches!(written.values, Values::Aggregate(_)) {
        let message = "windows are as of a release's time, or of a training row's; leave `timestamp_field` out";
        diagnostics.add(&time.place, message);
        return;
    }
    match ident(time.value.as_str()).get_type(base.schema()) {
        Err(_) => {
            let message = format!("the view's query returns no column `{}`", time.value);
            diagnostics.add_with(&time.place, message, Some(format!("select `{}` too", time.value)));
        }
        Ok(DataType::Timestamp(..) | DataType::Date32) => {}
        Ok(found) => {
            let message = format!("`{}` is {}; a time is `timestamp` or `date`", time.value, shown(&found));
            diagnostics.add(&time.place, message);
        }
    }
}

/// The rows of which features are made. `rows` are the columns by which faults name them.
async fn base_plan(session: &Session, recipe: &Recipe, rows: &[String]) -> Result<LogicalPlan, SqlError> {
    let all = |table: String| async move { session.plan(&Statement::parse(&format!("select * from {table}"))?).await };
    match recipe {
        Recipe::Sql(sql) | Recipe::Search(TargetSearch { sql, .. }) => {
            let plan = session.plan(&Statement::parse(sql)?).await?;
            session.check(&plan)?;
            Ok(plan)
        }
        Recipe::Aggregate(windows) => all(windows.table()).await,
        Recipe::Duplicates(duplicates) => all(duplicates.table()).await,
        Recipe::Embedding(TargetEmbedding { model, text, source, parts }) => {
            let text = TextColumn { table: source.as_str(), text: text.as_str(), keys: rows };
            session.embedded(&text, model, parts).await
        }
        Recipe::Analyzer(TargetAnalyzer { analyzer, text, source, vectors }) => {
            let text = TextColumn { table: source.as_str(), text: text.as_str(), keys: rows };
            let vectors = vectors.as_ref().map(|TargetVectors { view, feature, keys, .. }| VectorsColumn {
                table: view.as_str(),
                column: feature.as_str(),
                keys,
            });
            session.analyzed(&text, analyzer.clone(), vectors).await
        }
    }
}

fn report(error: SqlError, values: &Values, diagnostics: &mut Diagnostics) {
    let place: Place = match values {
        Values::Sql(text) => {
            let (line, column) = error.position.unwrap_or((1, 1));
            text.at(line, column)
        }
        // Names are checked before; this is what is left.
        Values::Analyzer(call) => call.name.place.clone(),
        Values::Embedding(call) => call.model.place.clone(),
        Values::Aggregate(aggregate) => aggregate.place.clone(),
        Values::Corpus(corpus) => corpus.place.clone(),
        Values::OnRequest(on_request) => on_request.place.clone(),
    };
    diagnostics.add_with(&place, error.message, error.remedy);
}

/// Keys are there, of their type, and not made from what is closed: everybody reads them.
fn check_keys(
    session: &Session,
    target: &Target,
    base: &LogicalPlan,
    entity: &TargetEntity,
    text: &Text,
    diagnostics: &mut Diagnostics,
) {
    for key in &entity.join_keys {
        let name = key.name.as_str();
        match ident(name).get_type(base.schema()) {
            Err(_) => {
                let remedy = format!("select `{name}` too");
                diagnostics.add_with(
                    &text.at(1, 1),
                    format!("the query does not return the join key `{name}`"),
                    Some(remedy),
                );
            }
            Ok(found) => {
                if convertible(&found, &key.dtype.to_arrow()).is_err() {
                    let message =
                        format!("the join key `{name}` is {} here and {} in its source", shown(&found), key.dtype);
                    diagnostics.add(&text.at(1, 1), message);
                }
                // Rows may well be chosen by what is closed; only what the values are made from counts.
                let made_from = session.made_from(base, name);
                for (table, column) in made_from.iter().filter(|(table, column)| is_restricted(target, table, column)) {
                    let message =
                        format!("the join key `{name}` is made from the restricted `{table}.{column}`; keys are open");
                    let remedy =
                        format!("use a key that shows nothing of it, or give `{column}` a licence that opens it");
                    diagnostics.add_with(&text.at(1, 1), message, Some(remedy));
                }
            }
        }
    }
}
