//! What a release pins: everything that a reader needs to know without reading definitions.

pub(super) mod v1;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::name::{Fingerprint, ReleaseNumber};

/// A release.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub number: ReleaseNumber,
    /// Which build made it.
    pub build_id: String,
    pub created_at: DateTime<Utc>,
    /// The moment at which windows end.
    pub as_of: DateTime<Utc>,
    /// BLAKE3 of the definition files.
    pub definitions: Fingerprint,
    pub entities: Vec<EntityPin>,
    pub sources: Vec<SourcePin>,
    pub views: Vec<ViewPin>,
    /// By `entity.feature`: the fingerprints that the feature ever had; the version is the position, from 1.
    pub versions: BTreeMap<String, Vec<Fingerprint>>,
}

/// An entity and its join keys, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityPin {
    pub name: String,
    pub join_keys: Vec<String>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

/// A source at one Lance version.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcePin {
    pub name: String,
    pub entity: String,
    pub lance_version: u64,
    pub rows: u64,
    /// The columns that no two rows share.
    pub key: Vec<String>,
    pub timestamp_field: Option<String>,
    pub columns: Vec<ColumnPin>,
    /// The incoming files that it holds, ordered.
    pub ingested: Vec<String>,
    /// Rows of those files that could not be read.
    pub rejected: u64,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

/// A column of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnPin {
    pub name: String,
    pub dtype: String,
    pub description: Option<String>,
    pub licence: Option<String>,
    pub restricted: bool,
}

/// A feature view at one Lance version.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewPin {
    pub name: String,
    pub entity: String,
    pub lance_version: u64,
    pub rows: u64,
    /// The Lance version of each table that it was computed from.
    pub inputs: BTreeMap<String, u64>,
    pub features: Vec<FeaturePin>,
    pub ttl_seconds: Option<u64>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

/// A feature.
#[derive(Clone, Debug, PartialEq)]
pub struct FeaturePin {
    pub name: String,
    pub dtype: String,
    pub version: u32,
    pub fingerprint: Fingerprint,
    /// Empty for a reader who may not know what it names.
    pub expr: String,
    /// The columns that its values are made from: `table.column`, ordered.
    pub reads: Vec<String>,
    pub nulls: u64,
    pub unit: Option<String>,
    pub description: Option<String>,
    pub licence: Option<String>,
    pub restricted: bool,
    pub tags: Vec<String>,
}

impl FeaturePin {
    /// Whether its value is a single value, which `features=` includes by default.
    pub fn is_scalar(&self) -> bool {
        !["list<", "vector[", "struct{"].iter().any(|prefix| self.dtype.starts_with(prefix))
    }
}

impl Manifest {
    pub fn entity(&self, name: &str) -> Option<&EntityPin> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    pub fn source(&self, name: &str) -> Option<&SourcePin> {
        self.sources.iter().find(|source| source.name == name)
    }

    pub fn view(&self, name: &str) -> Option<&ViewPin> {
        self.views.iter().find(|view| view.name == name)
    }

    /// Whether `other` holds the same data under the same definitions.
    pub fn same_content(&self, other: &Manifest) -> bool {
        let neutral = |manifest: &Manifest| Manifest {
            number: ReleaseNumber::FIRST,
            build_id: String::new(),
            created_at: DateTime::UNIX_EPOCH,
            as_of: DateTime::UNIX_EPOCH,
            definitions: Fingerprint::of([]),
            ..manifest.clone()
        };
        neutral(self) == neutral(other)
    }
}
