//! A release on disk: JSON, format 1. Fields are added, never changed; a reader ignores those it does not know.

mod on_request;
mod search;
mod statistics;
mod text;
mod view;
mod windows;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::on_request::OnRequest;
use self::search::Search;
use self::view::View;
use super::{ColumnPin, EntityPin, Manifest, OnRequestPin, SearchPin, SourcePin, ViewPin};
use crate::name::{Fingerprint, ReleaseNumber};

/// The number that readers check first.
pub const FORMAT: u32 = 1;

#[derive(Deserialize)]
pub struct Format {
    pub format: u32,
}

#[derive(Serialize, Deserialize)]
pub struct File {
    format: u32,
    number: u64,
    build_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rollback_of: Option<u64>,
    created_at: DateTime<Utc>,
    as_of: DateTime<Utc>,
    definitions: String,
    entities: Vec<Entity>,
    sources: Vec<Source>,
    views: Vec<View>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    on_request: Vec<OnRequest>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    searches: Vec<Search>,
    versions: BTreeMap<String, Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct Entity {
    name: String,
    join_keys: Vec<String>,
    description: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Source {
    name: String,
    entity: String,
    lance_version: u64,
    rows: u64,
    key: Vec<String>,
    timestamp_field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_timestamp_column: Option<String>,
    #[serde(default)]
    is_ordered: bool,
    columns: Vec<Column>,
    ingested: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    void: Vec<String>,
    rejected: u64,
    description: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Column {
    name: String,
    dtype: String,
    #[serde(default)]
    from: Vec<String>,
    description: Option<String>,
    licence: Option<String>,
    restricted: bool,
}

impl From<Manifest> for File {
    fn from(manifest: Manifest) -> Self {
        let Manifest {
            number,
            build_id,
            rollback_of,
            created_at,
            as_of,
            definitions,
            entities,
            sources,
            views,
            on_request,
            searches,
            versions,
        } = manifest;
        let texts = |fingerprints: Vec<Fingerprint>| fingerprints.iter().map(Fingerprint::to_string).collect();
        Self {
            format: FORMAT,
            number: number.get(),
            build_id,
            rollback_of: rollback_of.map(ReleaseNumber::get),
            created_at,
            as_of,
            definitions: definitions.to_string(),
            entities: entities.into_iter().map(Into::into).collect(),
            sources: sources.into_iter().map(Into::into).collect(),
            views: views.into_iter().map(Into::into).collect(),
            on_request: on_request.into_iter().map(Into::into).collect(),
            searches: searches.into_iter().map(Into::into).collect(),
            versions: versions.into_iter().map(|(feature, fingerprints)| (feature, texts(fingerprints))).collect(),
        }
    }
}

impl TryFrom<File> for Manifest {
    type Error = String;

    fn try_from(file: File) -> Result<Self, String> {
        let File {
            format: _,
            number,
            build_id,
            rollback_of,
            created_at,
            as_of,
            definitions,
            entities,
            sources,
            views,
            on_request,
            searches,
            versions,
        } = file;
        let parse = |(feature, texts): (String, Vec<String>)| {
            let fingerprints: Result<Vec<_>, String> = texts.iter().map(|text| text.parse()).collect();
            Ok::<_, String>((feature, fingerprints?))
        };
        let views: Result<Vec<ViewPin>, String> = views.into_iter().map(TryInto::try_into).collect();
        let on_request: Result<Vec<OnRequestPin>, String> = on_request.into_iter().map(TryInto::try_into).collect();
        let searches: Result<Vec<SearchPin>, String> = searches.into_iter().map(TryInto::try_into).collect();
        let versions: Result<BTreeMap<_, _>, String> = versions.into_iter().map(parse).collect();
        Ok(Self {
            number: ReleaseNumber::new(number).ok_or("its number is 0")?,
            build_id,
            rollback_of: rollback_of.and_then(ReleaseNumber::new),
            created_at,
            as_of,
            definitions: definitions.parse()?,
            entities: entities.into_iter().map(Into::into).collect(),
            sources: sources.into_iter().map(Into::into).collect(),
            views: views?,
            on_request: on_request?,
            searches: searches?,
            versions: versions?,
        })
    }
}

impl From<EntityPin> for Entity {
    fn from(pin: EntityPin) -> Self {
        let EntityPin { name, join_keys, description, owner, tags } = pin;
        Self { name, join_keys, description, owner, tags }
    }
}

impl From<Entity> for EntityPin {
    fn from(entity: Entity) -> Self {
        let Entity { name, join_keys, description, owner, tags } = entity;
        Self { name, join_keys, description, owner, tags }
    }
}

impl From<SourcePin> for Source {
    fn from(pin: SourcePin) -> Self {
        let SourcePin {
            name,
            entity,
            lance_version,
            rows,
            key,
            timestamp_field,
            created_timestamp_column,
            is_ordered,
            columns,
            ingested,
            void,
            rejected,
            description,
            owner,
            tags,
        } = pin;
        let columns = columns.into_iter().map(Into::into).collect();
        Self {
            name,
            entity,
            lance_version,
            rows,
            key,
            timestamp_field,
            created_timestamp_column,
            is_ordered,
            columns,
            ingested,
            void,
            rejected,
            description,
            owner,
            tags,
        }
    }
}

impl From<Source> for SourcePin {
    fn from(source: Source) -> Self {
        let Source {
            name,
            entity,
            lance_version,
            rows,
            key,
            timestamp_field,
            created_timestamp_column,
            is_ordered,
            columns,
            ingested,
            void,
            rejected,
            description,
            owner,
            tags,
        } = source;
        let columns = columns.into_iter().map(Into::into).collect();
        Self {
            name,
            entity,
            lance_version,
            rows,
            key,
            timestamp_field,
            created_timestamp_column,
            is_ordered,
            columns,
            ingested,
            void,
            rejected,
            description,
            owner,
            tags,
        }
    }
}

impl From<ColumnPin> for Column {
    fn from(pin: ColumnPin) -> Self {
        let ColumnPin { name, dtype, from, description, licence, restricted } = pin;
        Self { name, dtype, from, description, licence, restricted }
    }
}

impl From<Column> for ColumnPin {
    fn from(column: Column) -> Self {
        let Column { name, dtype, from, description, licence, restricted } = column;
        Self { name, dtype, from, description, licence, restricted }
    }
}
