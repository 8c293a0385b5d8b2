//! The release to be: what was built, under the names and documents of the target.

mod search;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Built, Plan, SourceStep, ViewStep, Work};
use crate::analyze::Analyzer;
use crate::analyze::theme::Theme;
use crate::compile::{
    Recipe, Target, TargetAnalyzer, TargetColumn, TargetDuplicates, TargetEmbedding, TargetEntity, TargetFeature,
    TargetInput, TargetOnRequest, TargetWindow, TargetWindows,
};
use crate::definition::{Access, Online};
use crate::name::{FeatureName, Fingerprint, ReleaseNumber};
use crate::store::{
    self, ColumnPin, DuplicatesPin, EntityPin, FeaturePin, InputPin, Manifest, OnRequestPin, SourcePin, Statistics,
    TextMethod, TextPin, ThemePin, ViewPin, WindowPin, WindowsPin,
};

/// The manifest of what `plan` made of `target`, the next after `newest`.
pub fn manifest(
    target: &Target,
    plan: &Plan,
    built: &Built,
    newest: Option<&Manifest>,
    about: (String, DateTime<Utc>, Fingerprint),
) -> Manifest {
    let (build_id, created_at, definitions) = about;
    let mut versions = newest.map(|manifest| manifest.versions.clone()).unwrap_or_default();
    let sources = plan.sources.iter().filter_map(|step| source(step, built)).collect();
    let views = plan.views.iter().filter_map(|step| view(step, built, &mut versions)).collect();
    let searches = plan.searches.iter().filter_map(|step| search::search(step, built)).collect();
    let on_request = target.on_request.iter().map(|view| on_request(view.clone(), &mut versions)).collect();
    Manifest {
        number: newest.map(|manifest| manifest.number.next()).unwrap_or(ReleaseNumber::FIRST),
        build_id,
        rollback_of: None,
        created_at,
        as_of: built.as_of.unwrap_or(created_at),
        definitions,
        entities: target.entities.iter().map(entity).collect(),
        sources,
        views,
        on_request,
        searches,
        versions,
    }
}

fn on_request(view: TargetOnRequest, versions: &mut BTreeMap<String, Vec<Fingerprint>>) -> OnRequestPin {
    let TargetOnRequest { name, entity, inputs, features, description, owner, tags } = view;
    let features = features.into_iter().map(|feature| {
        let known = versions.entry(format!("{entity}.{}", feature.name)).or_default();
        pin(feature, (0, None), known)
    });
    let input = |input: TargetInput| {
        let TargetInput { name, dtype, description } = input;
        InputPin { name: name.to_string(), dtype: dtype.to_string(), description }
    };
    OnRequestPin {
        name: name.to_string(),
        features: features.collect(),
        inputs: inputs.into_iter().map(input).collect(),
        entity: entity.to_string(),
        description,
        owner,
        tags,
    }
}

fn entity(entity: &TargetEntity) -> EntityPin {
    let TargetEntity { name, join_keys, description, owner, tags } = entity.clone();
    let join_keys = join_keys.iter().map(|key| key.name.to_string()).collect();
    EntityPin { name: name.to_string(), join_keys, description, owner, tags }
}

fn source(step: &SourceStep, built: &Built) -> Option<SourcePin> {
    let name = step.source.name.as_str();
    let table = built.tables.get(name)?;
    let before = step.pinned.as_ref().filter(|_| step.work != Work::Whole);
    let ingested = before.map(|pin| pin.ingested.clone()).unwrap_or_default();
    let rejected = before.map(|pin| pin.rejected).unwrap_or_default();
    let source = step.source.clone();
    Some(SourcePin {
        name: name.to_owned(),
        entity: source.entity.to_string(),
        lance_version: table.table.version(),
        rows: table.rows,
        key: source.key.iter().map(ToString::to_string).collect(),
        // What a build writes of events is in order; what it keeps may be older.
        is_ordered: source.timestamp_field.is_some()
            && (table.seconds.is_some() || step.pinned.as_ref().is_some_and(|pin| pin.is_ordered)),
        timestamp_field: source.timestamp_field.map(|field| field.to_string()),
        created_timestamp_column: source.created_timestamp_column.map(|column| column.to_string()),
        columns: source.columns.into_iter().map(column).collect(),
        ingested: ingested.into_iter().chain(step.take.iter().map(|file| file.name.clone())).collect(),
        void: step.pinned.as_ref().map(|pin| pin.void.clone()).unwrap_or_default(),
        rejected: rejected + step.take.iter().map(|file| file.rejected).sum::<u64>(),
        description: source.description,
        owner: source.owner,
        tags: source.tags,
    })
}

fn column(column: TargetColumn) -> ColumnPin {
    let TargetColumn { name, dtype, from, description, licence, access } = column;
    let restricted = access == Access::Restricted;
    ColumnPin { name: name.to_string(), dtype: dtype.to_string(), from, description, licence, restricted }
}

fn view(step: &ViewStep, built: &Built, versions: &mut BTreeMap<String, Vec<Fingerprint>>) -> Option<ViewPin> {
    let view = step.view.clone();
    let table = built.tables.get(view.name.as_str())?;
    let version_of =
        |input: &crate::name::TableName| Some((input.to_string(), built.tables.get(input.as_str())?.table.version()));
    let features = view.features.into_iter().map(|feature| {
        let nulls = table.nulls.get(feature.name.as_str()).copied().unwrap_or_default();
        let statistics = table.statistics.get(feature.name.as_str()).cloned();
        let known = versions.entry(format!("{}.{}", view.entity, feature.name)).or_default();
        pin(feature, (nulls, statistics), known)
    });
    Some(ViewPin {
        features: features.collect(),
        checks: table.checks.clone(),
        rejects: table.rejects.clone(),
        name: view.name.to_string(),
        entity: view.entity.to_string(),
        data: table.table.data(),
        rows: table.rows,
        inputs: view.inputs.iter().filter_map(version_of).collect(),
        timestamp_field: view.time.map(|time| time.to_string()),
        text: text_pin(&view.recipe),
        duplicates: duplicates_pin(&view.recipe),
        windows: match view.recipe {
            Recipe::Aggregate(windows) => Some(windows_pin(windows)),
            _ => None,
        },
        ttl_seconds: view.ttl_seconds,
        description: view.description,
        owner: view.owner,
        tags: view.tags,
    })
}

fn texts(names: &[FeatureName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn text_pin(recipe: &Recipe) -> Option<TextPin> {
    let (source, column, method) = match recipe {
        Recipe::Analyzer(TargetAnalyzer { analyzer, text, source, vectors }) => {
            let Analyzer { name, version, .. } = *analyzer.analyzer();
            let themes = analyzer.themes().themes().iter().cloned().map(theme).collect();
            let vectors = vectors.as_ref().map(|vectors| vectors.view.to_string());
            let stress = Some(analyzer.stress()).filter(|stress| !stress.is_empty()).map(|stress| stress.digest());
            (source, text, TextMethod::Analyzer { name: name.to_owned(), version, vectors, themes, stress })
        }
        Recipe::Embedding(TargetEmbedding { model, text, source, parts }) => {
            let parts = parts.iter().map(|part| part.name().to_owned()).collect();
            let method = TextMethod::Embedding { model: model.name().to_owned(), digest: model.digest(), parts };
            (source, text, method)
        }
        Recipe::Sql(_) | Recipe::Aggregate(_) | Recipe::Duplicates(_) | Recipe::Search(_) => return None,
    };
    Some(TextPin { source: source.to_string(), column: column.to_string(), method })
}

fn duplicates_pin(recipe: &Recipe) -> Option<DuplicatesPin> {
    let Recipe::Duplicates(TargetDuplicates { view, sketch, similarity, .. }) = recipe else { return None };
    Some(DuplicatesPin { view: view.to_string(), sketch: sketch.to_string(), similarity: *similarity })
}

fn theme(theme: Theme) -> ThemePin {
    let Theme { name, descriptions, seeds_en, seeds_ru } = theme;
    ThemePin { name, descriptions, seeds_en, seeds_ru }
}

fn windows_pin(windows: TargetWindows) -> WindowsPin {
    let column = |window: TargetWindow| WindowPin {
        name: window.name,
        function: window.function.name().to_owned(),
        column: window.column.map(|column| column.to_string()),
        length_seconds: window.length_seconds,
    };
    WindowsPin { source: windows.source.to_string(), columns: windows.columns.into_iter().map(column).collect() }
}

/// A fingerprint that was there before has the version that it had; a new one has the next.
fn pin(
    feature: TargetFeature,
    (nulls, statistics): (u64, Option<Statistics>),
    known: &mut Vec<Fingerprint>,
) -> FeaturePin {
    let TargetFeature {
        name,
        dtype,
        expr,
        fingerprint,
        reads,
        unit,
        description,
        licence,
        access,
        online,
        tags,
        expect: _,
    } = feature;
    let position = known.iter().position(|earlier| *earlier == fingerprint).unwrap_or_else(|| {
        known.push(fingerprint);
        known.len() - 1
    });
    FeaturePin {
        name: name.to_string(),
        dtype: dtype.to_string(),
        version: u32::try_from(position + 1).unwrap_or(u32::MAX),
        fingerprint,
        expr,
        reads,
        nulls,
        statistics,
        unit,
        description,
        licence,
        restricted: access == Access::Restricted,
        online: match online {
            Online::Memory => store::Online::Memory,
            Online::Indexed => store::Online::Indexed,
            Online::Off => store::Online::Off,
        },
        tags,
    }
}
