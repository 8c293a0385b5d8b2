//! A release on disk: JSON, format 1. Fields are added, never changed; a reader ignores those it does not know.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ColumnPin, EntityPin, FeaturePin, Manifest, SourcePin, ViewPin};
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
    created_at: DateTime<Utc>,
    as_of: DateTime<Utc>,
    definitions: String,
    entities: Vec<Entity>,
    sources: Vec<Source>,
    views: Vec<View>,
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
    columns: Vec<Column>,
    ingested: Vec<String>,
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
    description: Option<String>,
    licence: Option<String>,
    restricted: bool,
}

#[derive(Serialize, Deserialize)]
struct View {
    name: String,
    entity: String,
    lance_version: u64,
    rows: u64,
    inputs: BTreeMap<String, u64>,
    features: Vec<Feature>,
    ttl_seconds: Option<u64>,
    description: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Feature {
    name: String,
    dtype: String,
    version: u32,
    fingerprint: String,
    expr: String,
    reads: Vec<String>,
    nulls: u64,
    unit: Option<String>,
    description: Option<String>,
    licence: Option<String>,
    restricted: bool,
    #[serde(default)]
    tags: Vec<String>,
}

impl From<Manifest> for File {
    fn from(manifest: Manifest) -> Self {
        let Manifest { number, build_id, created_at, as_of, definitions, entities, sources, views, versions } =
            manifest;
        let texts = |fingerprints: Vec<Fingerprint>| fingerprints.iter().map(Fingerprint::to_string).collect();
        Self {
            format: FORMAT,
            number: number.get(),
            build_id,
            created_at,
            as_of,
            definitions: definitions.to_string(),
            entities: entities.into_iter().map(Into::into).collect(),
            sources: sources.into_iter().map(Into::into).collect(),
            views: views.into_iter().map(Into::into).collect(),
            versions: versions.into_iter().map(|(feature, fingerprints)| (feature, texts(fingerprints))).collect(),
        }
    }
}

impl TryFrom<File> for Manifest {
    type Error = String;

    fn try_from(file: File) -> Result<Self, String> {
        let File { format: _, number, build_id, created_at, as_of, definitions, entities, sources, views, versions } =
            file;
        let parse = |(feature, texts): (String, Vec<String>)| {
            let fingerprints: Result<Vec<_>, String> = texts.iter().map(|text| text.parse()).collect();
            Ok::<_, String>((feature, fingerprints?))
        };
        let views: Result<Vec<ViewPin>, String> = views.into_iter().map(TryInto::try_into).collect();
        let versions: Result<BTreeMap<_, _>, String> = versions.into_iter().map(parse).collect();
        Ok(Self {
            number: ReleaseNumber::new(number).ok_or("its number is 0")?,
            build_id,
            created_at,
            as_of,
            definitions: definitions.parse()?,
            entities: entities.into_iter().map(Into::into).collect(),
            sources: sources.into_iter().map(Into::into).collect(),
            views: views?,
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
            columns,
            ingested,
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
            columns,
            ingested,
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
            columns,
            ingested,
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
            columns,
            ingested,
            rejected,
            description,
            owner,
            tags,
        }
    }
}

impl From<ColumnPin> for Column {
    fn from(pin: ColumnPin) -> Self {
        let ColumnPin { name, dtype, description, licence, restricted } = pin;
        Self { name, dtype, description, licence, restricted }
    }
}

impl From<Column> for ColumnPin {
    fn from(column: Column) -> Self {
        let Column { name, dtype, description, licence, restricted } = column;
        Self { name, dtype, description, licence, restricted }
    }
}

impl From<ViewPin> for View {
    fn from(pin: ViewPin) -> Self {
        let ViewPin { name, entity, lance_version, rows, inputs, features, ttl_seconds, description, owner, tags } =
            pin;
        let features = features.into_iter().map(Into::into).collect();
        Self { name, entity, lance_version, rows, inputs, features, ttl_seconds, description, owner, tags }
    }
}

impl TryFrom<View> for ViewPin {
    type Error = String;

    fn try_from(view: View) -> Result<Self, String> {
        let View { name, entity, lance_version, rows, inputs, features, ttl_seconds, description, owner, tags } = view;
        let features: Result<Vec<FeaturePin>, String> = features.into_iter().map(TryInto::try_into).collect();
        Ok(Self {
            name,
            entity,
            lance_version,
            rows,
            inputs,
            features: features?,
            ttl_seconds,
            description,
            owner,
            tags,
        })
    }
}

impl From<FeaturePin> for Feature {
    fn from(pin: FeaturePin) -> Self {
        let FeaturePin {
            name,
            dtype,
            version,
            fingerprint,
            expr,
            reads,
            nulls,
            unit,
            description,
            licence,
            restricted,
            tags,
        } = pin;
        let fingerprint = fingerprint.to_string();
        Self { name, dtype, version, fingerprint, expr, reads, nulls, unit, description, licence, restricted, tags }
    }
}

impl TryFrom<Feature> for FeaturePin {
    type Error = String;

    fn try_from(feature: Feature) -> Result<Self, String> {
        let Feature {
            name,
            dtype,
            version,
            fingerprint,
            expr,
            reads,
            nulls,
            unit,
            description,
            licence,
            restricted,
            tags,
        } = feature;
        let fingerprint = fingerprint.parse()?;
        Ok(Self { name, dtype, version, fingerprint, expr, reads, nulls, unit, description, licence, restricted, tags })
    }
}
