//! Names: each is taken once, and each that is referred to exists.

use std::collections::{BTreeMap, BTreeSet};

use super::target::{JoinKey, TargetColumn, TargetEntity, TargetSource};
use super::windows;
use crate::analyze::ANALYZERS;
use crate::definition::{Access, Column, Definitions, Diagnostics, Dtype, Entity, Place, Source, Spanned, Values};
use crate::name::{FeatureName, nearest};

/// The names that definitions may refer to.
pub(super) struct Names {
    pub tables: BTreeSet<String>,
}

/// Reports names that are taken twice and references to nothing.
pub(super) fn check(definitions: &Definitions, diagnostics: &mut Diagnostics) -> Names {
    let mut tables: BTreeMap<&str, (&str, &Place)> = BTreeMap::new();
    let entities = definitions.entities.iter().map(|e| ("entity", e.name.value.as_str(), &e.name.place));
    let sources = definitions.sources.iter().map(|s| ("source", s.name.value.as_str(), &s.name.place));
    let views = definitions.views.iter().map(|v| ("feature view", v.name.value.as_str(), &v.name.place));
    let searches = definitions.searches.iter().map(|s| ("search", s.name.value.as_str(), &s.name.place));
    for (what, name, place) in entities.chain(sources).chain(views).chain(searches) {
        if let Some((earlier, at)) = tables.insert(name, (what, place)) {
            diagnostics
                .add(place, format!("the name `{name}` is taken by the {earlier} at {at}; each is a table in SQL"));
        }
    }
    let mut themes: BTreeMap<&str, &Place> = BTreeMap::new();
    for theme in &definitions.themes {
        if let Some(at) = themes.insert(theme.name.value.as_str(), &theme.name.place) {
            diagnostics.add(&theme.name.place, format!("there is a theme `{}` already, at {at}", theme.name.value));
        }
    }
    check_references(definitions, diagnostics);
    check_features(definitions, diagnostics);
    let readable = definitions.sources.iter().map(|s| &s.name).chain(definitions.views.iter().map(|v| &v.name));
    Names { tables: readable.map(|name| name.value.to_string()).collect() }
}

fn check_references(definitions: &Definitions, diagnostics: &mut Diagnostics) {
    let entities: Vec<&str> = definitions.entities.iter().map(|e| e.name.value.as_str()).collect();
    let sources: Vec<&str> = definitions.sources.iter().map(|s| s.name.value.as_str()).collect();
    let analyzers: Vec<&str> = ANALYZERS.iter().map(|analyzer| analyzer.name).collect();
    let of_sources = definitions.sources.iter().map(|s| &s.entity);
    let of_views = definitions.views.iter().map(|v| &v.entity);
    for entity in of_sources.chain(of_views).chain(definitions.searches.iter().map(|s| &s.entity)) {
        refer("entity", entity.value.as_str(), &entity.place, &entities, diagnostics);
    }
    for source in definitions.searches.iter().map(|search| &search.source) {
        refer("source", source.value.as_str(), &source.place, &sources, diagnostics);
    }
    let views: Vec<&str> = definitions.views.iter().map(|view| view.name.value.as_str()).collect();
    for view in &definitions.views {
        let read = match &view.values {
            Values::Analyzer(call) => call.vectors.as_ref(),
            Values::Corpus(call) => Some(&call.view),
            _ => None,
        };
        if let Some(read) = read {
            refer("feature view", read.value.as_str(), &read.place, &views, diagnostics);
        }
        if let Values::Aggregate(aggregate) = &view.values {
            refer("source", aggregate.source.value.as_str(), &aggregate.source.place, &sources, diagnostics);
            let source = definitions.sources.iter().find(|source| source.name.value == aggregate.source.value);
            if let Some(source) = source {
                windows::check(aggregate, view, source, diagnostics);
            }
        }
        let (source, text, reader) = match &view.values {
            Values::Analyzer(call) => {
                refer("analyzer", &call.name.value, &call.name.place, &analyzers, diagnostics);
                (&call.source, &call.text, "an analyzer")
            }
            Values::Embedding(call) => (&call.source, &call.text, "an embedding model"),
            Values::Sql(_) | Values::Aggregate(_) | Values::Corpus(_) | Values::OnRequest(_) => continue,
        };
        refer("source", source.value.as_str(), &source.place, &sources, diagnostics);
        if let Some(source) = definitions.sources.iter().find(|candidate| candidate.name.value == source.value) {
            check_text(source, text, reader, diagnostics);
        }
    }
}

/// The column is there, and is a text.
fn check_text(source: &Source, text: &Spanned<FeatureName>, reader: &str, diagnostics: &mut Diagnostics) {
    let columns: Vec<&str> = source.columns.iter().map(|column| column.name.value.as_str()).collect();
    refer("column", text.value.as_str(), &text.place, &columns, diagnostics);
    if let Some(column) = source.columns.iter().find(|column| column.name.value == text.value)
        && column.dtype.value != Dtype::String
    {
        let message = format!("`{}` is {}; {reader} reads a string", text.value, column.dtype.value);
        diagnostics.add(&text.place, message);
    }
}

pub(super) fn refer(what: &str, name: &str, place: &Place, known: &[&str], diagnostics: &mut Diagnostics) {
    if known.contains(&name) {
        return;
    }
    let remedy = match nearest(name, known.iter().copied()) {
        Some(nearest) => Some(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => Some(format!("no {what} is defined")),
        None => Some(format!("there is `{}`", known.join("`, `"))),
    };
    diagnostics.add_with(place, format!("unknown {what} `{name}`"), remedy);
}

/// A feature's name is unique within its entity, since `track` in SQL has a column for each.
fn check_features(definitions: &Definitions, diagnostics: &mut Diagnostics) {
    let mut taken: BTreeMap<(&str, &str), (&str, &Place)> = BTreeMap::new();
    for view in &definitions.views {
        let entity = view.entity.value.as_str();
        let keys = definitions.entities.iter().find(|e| e.name.value == view.entity.value).map(|e| &e.join_keys);
        for feature in &view.features {
            let name = feature.name.value.as_str();
            if keys.is_some_and(|keys| keys.iter().any(|key| key.value.as_str() == name)) {
                let message = format!("`{name}` is a join key of `{entity}`; it is there without being a feature");
                diagnostics.add(&feature.name.place, message);
            }
            let here = (view.name.value.as_str(), &feature.name.place);
            if let Some((other, at)) = taken.insert((entity, name), here) {
                let message = format!("`{entity}` has a feature `{name}` already, in view `{other}` at {at}");
                diagnostics.add(&feature.name.place, message);
            }
        }
    }
}

/// The entities, with the types of their join keys, which the sources tell.
pub(super) fn entities(definitions: &Definitions, diagnostics: &mut Diagnostics) -> Vec<TargetEntity> {
    let mut entities: Vec<TargetEntity> = Vec::new();
    for written in &definitions.entities {
        let sources: Vec<&Source> =
            definitions.sources.iter().filter(|source| source.entity.value == written.name.value).collect();
        if sources.is_empty() {
            let message = format!("no source has rows of the entity `{}`", written.name.value);
            diagnostics.add_with(
                &written.name.place,
                message,
                Some("define a `kind: source` with its join keys".to_owned()),
            );
        }
        for source in &sources {
            check_source(source, written, diagnostics);
        }
        let join_keys: Vec<JoinKey> =
            written.join_keys.iter().filter_map(|key| join_key(key, &sources, diagnostics)).collect();
        let Entity { name, join_keys: _, description, owner, tags } = written.clone();
        if join_keys.len() == written.join_keys.len() {
            entities.push(TargetEntity { name: name.value, join_keys, description, owner, tags });
        }
    }
    entities
}

fn check_source(source: &Source, entity: &Entity, diagnostics: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for column in &source.columns {
        if !seen.insert(&column.name.value) {
            diagnostics.add(&column.name.place, format!("the column `{}` is written twice", column.name.value));
        }
    }
    for key in &entity.join_keys {
        let column = source.columns.iter().find(|column| column.name.value == key.value);
        if let Some(column) = column.filter(|column| column.access == Some(Access::Restricted)) {
            let message = format!("the join key `{}` cannot be restricted: rows are asked for by it", key.value);
            let remedy = "use another column as the key, a number or a digest, and restrict this one beside it";
            diagnostics.add_with(&column.name.place, message, Some(remedy.to_owned()));
        }
        if !seen.contains(&key.value) {
            let message =
                format!("`{}` lacks the join key `{}` of `{}`", source.name.value, key.value, entity.name.value);
            diagnostics.add(&source.name.place, message);
        }
    }
    if let Some(id) = &source.event_id {
        let names: Vec<&str> = source.columns.iter().map(|column| column.name.value.as_str()).collect();
        refer("column", id.value.as_str(), &id.place, &names, diagnostics);
        let column = source.columns.iter().find(|column| column.name.value == id.value);
        if let Some(column) = column
            && !matches!(column.dtype.value, Dtype::String | Dtype::Int32 | Dtype::Int64)
        {
            let message = format!("`{}` is {}; an id is `string`, `int32` or `int64`", id.value, column.dtype.value);
            diagnostics.add(&id.place, message);
        }
        if source.timestamp_field.is_none() {
            let remedy = "add a `timestamp_field`, or leave `event_id` out".to_owned();
            diagnostics.add_with(
                &id.place,
                "an `event_id` tells events at one time apart, and there is no time",
                Some(remedy),
            );
        }
    }
    if let (Some(created), Some(time)) = (&source.created_timestamp_column, &source.timestamp_field)
        && created.value == time.value
    {
        let message = format!("`{}` says when a row became true; another column says when it was written", time.value);
        diagnostics.add(&created.place, message);
    }
    for field in [&source.timestamp_field, &source.created_timestamp_column].into_iter().flatten() {
        match source.columns.iter().find(|column| column.name.value == field.value) {
            None => {
                let names: Vec<&str> = source.columns.iter().map(|column| column.name.value.as_str()).collect();
                refer("column", field.value.as_str(), &field.place, &names, diagnostics);
            }
            Some(column) if !matches!(column.dtype.value, Dtype::Timestamp | Dtype::Date) => {
                let message = format!("`{}` is {}; a time is `timestamp` or `date`", field.value, column.dtype.value);
                diagnostics.add(&field.place, message);
            }
            Some(_) => {}
        }
    }
}

fn join_key(key: &Spanned<FeatureName>, sources: &[&Source], diagnostics: &mut Diagnostics) -> Option<JoinKey> {
    let mut columns = sources.iter().flat_map(|s| &s.columns).filter(|column| column.name.value == key.value);
    let first: &Column = columns.next()?;
    if !matches!(first.dtype.value, Dtype::String | Dtype::Int32 | Dtype::Int64) {
        let message =
            format!("the join key `{}` is {}; a key is `string`, `int32` or `int64`", key.value, first.dtype.value);
        diagnostics.add(&first.dtype.place, message);
    }
    for other in columns {
        if other.dtype.value != first.dtype.value {
            let message = format!(
                "the join key `{}` is {} here and {} at {}",
                key.value, other.dtype.value, first.dtype.value, first.dtype.place
            );
            diagnostics.add(&other.dtype.place, message);
        }
    }
    Some(JoinKey { name: key.value.clone(), dtype: first.dtype.value.clone() })
}

/// The sources whose entity is sound.
pub(super) fn sources(definitions: &Definitions, entities: &[TargetEntity]) -> Vec<TargetSource> {
    definitions.sources.iter().filter_map(|written| source(written, entities)).collect()
}

fn source(written: &Source, entities: &[TargetEntity]) -> Option<TargetSource> {
    let Source {
        name,
        entity,
        columns,
        timestamp_field,
        created_timestamp_column,
        event_id,
        postgres,
        description,
        owner,
        tags,
    } = written.clone();
    let keys = &entities.iter().find(|candidate| candidate.name == entity.value)?.join_keys;
    let is_key = |name: &FeatureName| keys.iter().any(|key| key.name == *name);
    let timestamp_field = timestamp_field.map(|field| field.value);
    let columns = columns
        .into_iter()
        .map(|column| {
            let Column { name, dtype, from, description, licence, access } = column;
            let text = dtype.value.has_text() && !is_key(&name.value);
            let access = access.unwrap_or_else(|| default_access(text, licence.as_deref()));
            let from = if from.is_empty() { vec![name.value.to_string()] } else { from };
            TargetColumn { name: name.value, dtype: dtype.value, from, description, licence, access }
        })
        .collect();
    let event_id = event_id.map(|id| id.value);
    let created_timestamp_column = created_timestamp_column.map(|column| column.value);
    let key = keys.iter().map(|key| key.name.clone()).chain(timestamp_field.clone()).chain(event_id).collect();
    Some(TargetSource {
        name: name.value,
        entity: entity.value,
        columns,
        key,
        timestamp_field,
        created_timestamp_column,
        postgres,
        description,
        owner,
        tags,
    })
}

/// A text is closed until somebody states a licence that opens it.
pub(super) fn default_access(text: bool, licence: Option<&str>) -> Access {
    match licence {
        None | Some("proprietary") if text => Access::Restricted,
        _ => Access::Open,
    }
}
