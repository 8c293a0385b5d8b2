//! Releases, and the data that they pin.
//!
//! A store is a folder or a bucket (DESIGN: `sources/`, `views/`, `releases/`, `tags/`, `yanked/`, `dropped/`,
//! `incoming/`, `exports/`). Data becomes visible in one step, when `releases/<number>.json` is created; whatever is not
//! pinned by a release is not there for a reader. Only this module names the `lance` crate.

mod aside;
mod eight_bits;
mod entitlements;
mod exports;
mod feature_version;
mod frame;
mod garbage;
mod incoming;
mod index;
mod indexed;
mod job_files;
mod key_index;
mod lance;
mod lease;
mod manifest;
mod objects;
mod ordered;
mod packed;
mod parquet;
mod provider;
mod rejects;
mod release;
mod releases;
mod search;
mod spine;
mod statistics;
mod table;
mod upkeep;
mod word_vectors;
mod writable;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::FutureExt;
use futures::future::BoxFuture;

pub use aside::aside;
pub use entitlements::Entitlements;
pub use exports::{Export, ExportWriter};
pub use feature_version::OtherVersion;
pub use frame::{Frame, FrameColumn, Moments, Values, take_rows};
pub use garbage::{Freed, Retention};
pub use incoming::{IncomingFile, IncomingSummary, IncomingWriter};
pub use index::Index;
pub use indexed::IndexedView;
pub use key_index::{KeyDigest, KeyIndex, KeySet, key_digest, key_texts};
pub use lance::TableKey;
pub use lease::{Lease, LeaseTerms};
pub use manifest::{
    ColumnPin, CriterionPin, DuplicatesPin, EntityPin, FeaturePin, Fusion, InputPin, LegWeights, Manifest,
    OnRequestPin, Online, PriorPin, ProfilePin, SearchFieldPin, SearchMode, SearchPin, SearchVectorsPin, SourcePin,
    SynonymsPin, TextMethod, TextPin, ThemePin, ViewData, ViewPin, WindowPin, WindowsPin,
};
pub use objects::Wrap;
pub use packed::{PackedRow, PackedRows};
pub use rejects::{Reject, RejectsPin};
pub use release::{OnlineMemory, Readable, ReadableFrame, Release};
pub use releases::{ReleaseRef, ReleaseSummary};
pub use search::{Allowed, Compared, Found, NearWord, Numbers, ReadableSearch, WeightedTerm};
pub use statistics::{Bin, Check, Quantile, Statistics, TopValue};
pub use table::Table;
pub use word_vectors::{WordVectors, WordVectorsPin};
pub use writable::Writable;

use crate::error::ErrorKind;
use crate::name::ReleaseNumber;

/// Where everything is kept.
#[derive(Clone, Debug)]
pub struct Store {
    objects: objects::Objects,
    lance: lance::LanceStore,
}

/// What a caller of the store can tell apart.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`{url}` is not a store: {reason}")]
    NotAStore { url: String, reason: String },
    #[error("there is no release yet; `rhapsode build` publishes the first")]
    NoRelease,
    #[error("there is no release {0}; `rhapsode releases list` shows them")]
    NoSuchRelease(ReleaseNumber),
    #[error("release {release} was dropped by a clean-up on {}; `rhapsode releases list` shows those that are kept", at.format("%Y-%m-%d"))]
    Dropped { release: ReleaseNumber, at: DateTime<Utc> },
    #[error("there is no tag `{0}`; `rhapsode releases list` shows them")]
    NoSuchTag(String),
    #[error("`{0}` names no release: use a number, a tag or `latest`")]
    NotARelease(String),
    #[error("`{0}` is not a tag: use a lower-case letter, then letters, digits, `-`, `_` and `.`; not `latest`")]
    NotATag(String),
    #[error("another build published release {0} first; run the build again")]
    Conflict(ReleaseNumber),
    #[error("another writer changed `{0}` during the build; run the build again")]
    DatasetConflict(String),
    #[error("`{0}` was written by a later version of rhapsode; upgrade this one")]
    FromTheFuture(String),
    #[error("`{path}` is damaged: {reason}")]
    Damaged { path: String, reason: String },
    #[error("{0}")]
    Rows(String),
    #[error(
        "the features of release {release} take {needed_mib} MiB in memory, more than the {allowed_mib} MiB of `serve.online_memory_mib`"
    )]
    OverMemory { release: ReleaseNumber, needed_mib: usize, allowed_mib: usize },
    /// Many waited for one thing.
    #[error(transparent)]
    Shared(std::sync::Arc<StoreError>),
    #[error("the object store does not answer")]
    Unavailable(#[from] object_store::Error),
    #[error("the dataset `{path}` cannot be read or written: {source}")]
    Dataset { path: String, source: ::lance::Error },
}

impl StoreError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotAStore { .. } | Self::NotARelease(_) | Self::NotATag(_) | Self::Rows(_) => ErrorKind::Invalid,
            Self::NoRelease | Self::NoSuchRelease(_) | Self::Dropped { .. } | Self::NoSuchTag(_) => ErrorKind::NotFound,
            Self::Conflict(_) | Self::DatasetConflict(_) => ErrorKind::Conflict,
            Self::Shared(error) => error.kind(),
            Self::OverMemory { .. } => ErrorKind::TooLarge,
            Self::Unavailable(_) => ErrorKind::Unavailable,
            Self::FromTheFuture(_) | Self::Damaged { .. } | Self::Dataset { .. } => ErrorKind::Internal,
        }
    }
}

impl Store {
    /// Opens the store at `url`: a folder, relative to `project`, or the URL of an object store.
    pub fn open(project: &Path, url: &str, options: &BTreeMap<String, String>) -> Result<Self, StoreError> {
        Self::open_wrapped(project, url, options, &|store| store)
    }

    /// The same, with something around the object store: a test makes its writes fail. A folder is not wrapped.
    pub fn open_wrapped(
        project: &Path,
        url: &str,
        options: &BTreeMap<String, String>,
        wrap: Wrap<'_>,
    ) -> Result<Self, StoreError> {
        let objects = objects::Objects::open(project, url, options, wrap)?;
        let lance = lance::LanceStore::new(&objects);
        Ok(Self { objects, lance })
    }

    /// The URL or the folder of the store.
    pub fn url(&self) -> &str {
        self.objects.url()
    }

    /// The dataset of a source at a pinned version.
    pub fn source<'a>(&'a self, name: &str, version: u64) -> BoxFuture<'a, Result<Table, StoreError>> {
        let path = format!("sources/{name}.lance");
        async move { self.lance.open(&path, version).await.map(Table::from) }.boxed()
    }

    /// The rows that a release pins of a view.
    pub fn view<'a>(&'a self, name: &'a str, data: &'a ViewData) -> BoxFuture<'a, Result<Table, StoreError>> {
        async move {
            match data {
                ViewData::Lance(version) => self.lance.open(&view_path(name), *version).await.map(Table::from),
                ViewData::Parquet(path) => Table::open_parquet(&self.objects, path).await,
            }
        }
        .boxed()
    }

    /// What a release pins of a search.
    pub fn search<'a>(&'a self, name: &'a str, version: u64) -> BoxFuture<'a, Result<Table, StoreError>> {
        async move { self.lance.open(&search_path(name), version).await.map(Table::from) }.boxed()
    }

    /// The dataset of a search, to be written: see [`Self::view_to_write`]. Its rows have no ids that last, so that its
    /// indexes of terms stay right when rows are added.
    pub async fn search_to_write(&self, name: &str, pinned: Option<u64>) -> Result<Writable, StoreError> {
        let writable = self.lance.to_write(&search_path(name), pinned).await?;
        Ok(Writable { has_stable_row_ids: false, ..writable })
    }

    /// Writes the rows of a view, in the order of its key, as a Parquet file of a build's own.
    pub async fn write_parquet(
        &self,
        name: &str,
        build: &str,
        rows: SendableRecordBatchStream,
        key: &TableKey,
    ) -> Result<Table, StoreError> {
        let path = format!("views/{name}.parquet/{build}.parquet");
        parquet::write(&self.objects, &path, rows, key).await?;
        Table::open_parquet(&self.objects, &path).await
    }

    /// The dataset of a source, to be written: see [`Self::view_to_write`].
    pub async fn source_to_write(&self, name: &str, pinned: Option<u64>) -> Result<Writable, StoreError> {
        self.lance.to_write(&format!("sources/{name}.lance"), pinned).await
    }

    /// The dataset of a view, to be written: whatever an unfinished build left on top of the pinned version is undone.
    pub async fn view_to_write(&self, name: &str, pinned: Option<u64>) -> Result<Writable, StoreError> {
        self.lance.to_write(&view_path(name), pinned).await
    }
}

fn search_path(name: &str) -> String {
    format!("searches/{name}.lance")
}

fn view_path(name: &str) -> String {
    format!("views/{name}.lance")
}
