//! What a release pins: everything that a reader needs to know without reading definitions.

mod search;
pub(super) mod v1;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

pub use search::{
    CriterionPin, Fusion, LegWeights, PriorPin, ProfilePin, SearchFieldPin, SearchMode, SearchPin, SearchVectorsPin,
    SynonymsPin,
};

use super::{Check, RejectsPin, Statistics};
use crate::name::{Fingerprint, ReleaseNumber};

/// A release.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub number: ReleaseNumber,
    /// Which build made it.
    pub build_id: String,
    /// The release whose content this one took back; none where a build made it.
    pub rollback_of: Option<ReleaseNumber>,
    pub created_at: DateTime<Utc>,
    /// The moment at which windows end.
    pub as_of: DateTime<Utc>,
    /// BLAKE3 of the definition files.
    pub definitions: Fingerprint,
    pub entities: Vec<EntityPin>,
    pub sources: Vec<SourcePin>,
    pub views: Vec<ViewPin>,
    pub on_request: Vec<OnRequestPin>,
    pub searches: Vec<SearchPin>,
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
    /// When a row was written: of several rows for one key the last one counts.
    pub created_timestamp_column: Option<String>,
    /// Whether each piece of its rows is in the order of the key.
    pub is_ordered: bool,
    pub columns: Vec<ColumnPin>,
    /// The incoming files that it holds, ordered.
    pub ingested: Vec<String>,
    /// Those of the incoming files that a rollback undid: no build takes them. Ordered.
    pub void: Vec<String>,
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
    /// What rows may call it, the first that is there winning.
    pub from: Vec<String>,
    pub description: Option<String>,
    pub licence: Option<String>,
    pub restricted: bool,
}

/// A feature view at one version.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewPin {
    pub name: String,
    pub entity: String,
    pub data: ViewData,
    pub rows: u64,
    /// The Lance version of each table that it was computed from.
    pub inputs: BTreeMap<String, u64>,
    /// The column that says when a row became true; then there is a row for each key and time, in their order.
    pub timestamp_field: Option<String>,
    /// Windows over events, of which its features are made.
    pub windows: Option<WindowsPin>,
    /// The text that its features are made of.
    pub text: Option<TextPin>,
    /// The sketches of which it tells what is nearly the same.
    pub duplicates: Option<DuplicatesPin>,
    /// The texts of which nothing could be made.
    pub rejects: Option<RejectsPin>,
    pub features: Vec<FeaturePin>,
    /// What was expected of it, and what was found.
    pub checks: Vec<Check>,
    pub ttl_seconds: Option<u64>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

/// A view whose features are computed when they are asked for; nothing of it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct OnRequestPin {
    pub name: String,
    pub entity: String,
    pub inputs: Vec<InputPin>,
    pub features: Vec<FeaturePin>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

/// A value that comes with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputPin {
    pub name: String,
    pub dtype: String,
    pub description: Option<String>,
}

/// Windows over the events of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowsPin {
    pub source: String,
    pub columns: Vec<WindowPin>,
}

/// One window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowPin {
    pub name: String,
    /// Such as `sum`.
    pub function: String,
    /// Of the source; none counts the events.
    pub column: Option<String>,
    /// None for all time.
    pub length_seconds: Option<u64>,
}

/// What a view makes of a text: it can be made of a new one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPin {
    pub source: String,
    /// The source's column.
    pub column: String,
    pub method: TextMethod,
}

/// By what a text becomes features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextMethod {
    Analyzer {
        name: String,
        version: u32,
        /// The view whose vectors of stanzas it reads too.
        vectors: Option<String>,
        /// The themes that it judges by.
        themes: Vec<ThemePin>,
        /// The dictionary of stresses that it asks; none where there was none.
        stress: Option<Fingerprint>,
    },
    Embedding {
        model: String,
        digest: Fingerprint,
        /// By their names.
        parts: Vec<String>,
    },
}

/// What is nearly the same among the rows of a view of sketches.
#[derive(Clone, Debug, PartialEq)]
pub struct DuplicatesPin {
    pub view: String,
    /// The view's feature that holds sketches.
    pub sketch: String,
    /// The least similarity of a copy.
    pub similarity: f64,
}

/// A theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemePin {
    pub name: String,
    pub descriptions: Vec<String>,
    pub seeds_en: Vec<String>,
    pub seeds_ru: Vec<String>,
}

/// Where the rows of a view lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewData {
    /// In a version of its Lance dataset.
    Lance(u64),
    /// In a Parquet file, relative to the store.
    Parquet(String),
}

impl ViewData {
    /// None where it is no Lance dataset.
    pub fn lance_version(&self) -> Option<u64> {
        match self {
            Self::Lance(version) => Some(*version),
            Self::Parquet(_) => None,
        }
    }
}

/// Where lookups and the entity's table have the values of a feature from. SQL over its view has them in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Online {
    Memory,
    /// From its view's dataset, by the index of the key.
    Indexed,
    /// They have none.
    Off,
}

impl Online {
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Indexed => "indexed",
            Self::Off => "off",
        }
    }
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
    /// None for lists, structs and vectors.
    pub statistics: Option<Statistics>,
    pub unit: Option<String>,
    pub description: Option<String>,
    pub licence: Option<String>,
    pub restricted: bool,
    pub online: Online,
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

    pub fn search(&self, name: &str) -> Option<&SearchPin> {
        self.searches.iter().find(|search| search.rows.name == name)
    }

    /// The columns of sources that `columns` (`table.column`) are made from in the end, ordered.
    pub fn origins(&self, columns: &[String]) -> Vec<String> {
        let mut origins = BTreeSet::new();
        for column in columns {
            let Some((table, name)) = column.split_once('.') else { continue };
            match self.view(table) {
                None => {
                    origins.insert(column.clone());
                }
                // A view reads no view that reads it, so this ends.
                Some(view) => {
                    let feature = view.features.iter().find(|feature| feature.name == name);
                    origins.extend(feature.map(|feature| self.origins(&feature.reads)).unwrap_or_default());
                }
            }
        }
        origins.into_iter().collect()
    }

    /// Whether `other` holds the same data under the same definitions.
    pub fn same_content(&self, other: &Manifest) -> bool {
        let neutral = |manifest: &Manifest| Manifest {
            number: ReleaseNumber::FIRST,
            build_id: String::new(),
            rollback_of: None,
            created_at: DateTime::UNIX_EPOCH,
            as_of: DateTime::UNIX_EPOCH,
            definitions: Fingerprint::of([]),
            ..manifest.clone()
        };
        neutral(self) == neutral(other)
    }
}
