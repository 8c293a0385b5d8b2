//! From what should exist and what exists to what has to be done, and doing it. What it writes is not yet visible:
//! publishing is the pipeline's last step.

mod diff;
mod differ;
mod last_written;
mod observe;
mod pins;
mod plan;
mod profile;
mod quality;
mod run;
mod shift;
mod source;
mod view;
mod windows;
mod word_vectors;

use crate::engine::SqlError;
use crate::error::ErrorKind;
use crate::model::ModelError;
use crate::store::{Check, StoreError};

pub use diff::{FeatureChange, FeatureDiff, ReleaseDiff, TableDiff, diff};
pub use pins::manifest;
pub use plan::{ChangedColumns, Plan, SourceStep, ViewStep, WordVectorsStep, Work, plan};
pub use run::{Built, BuiltTable, Change, Settings, run};

/// What to do about rows that were ingested under an older definition of their source.
const REINGEST: &str =
    "it was ingested under an older definition: take that back, or ingest fitting rows into a source of another name";

/// Why a build stops. What was published before it stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum MaterializeError {
    #[error("view `{view}`: {source}")]
    Values { view: String, source: SqlError },
    #[error("view `{view}` has two rows for the key `{key}`; group by the join keys, or select distinct rows")]
    DuplicateKey { view: String, key: String },
    #[error("view `{view}` has a row without a key; leave rows out where a join key is null")]
    NullKey { view: String },
    #[error("source `{name}`: {source}")]
    SourceValues { name: String, source: SqlError },
    #[error("source `{name}` has two rows for the key `{key}` in one ingest; {REINGEST}")]
    DuplicateSourceKey { name: String, key: String },
    #[error("source `{name}` has a row without a part of its key (`{key}`); {REINGEST}")]
    NullSourceKey { name: String, key: String },
    #[error("source `{name}` has a row whose `{column}` is {value}, which is not {data_type}; {REINGEST}")]
    Misfit { name: String, column: String, value: String, data_type: String },
    #[error("{} not as expected; nothing was published{}", counted(.0), told(.0))]
    Expectations(Vec<FailedCheck>),
    #[error("the words of search `{search}` have no vectors: {source}")]
    Words { search: String, source: ModelError },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A check that did not pass.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedCheck {
    pub view: String,
    pub check: Check,
}

fn counted(failed: &[FailedCheck]) -> String {
    match failed.len() {
        1 => "1 check found values that are".to_owned(),
        checks => format!("{checks} checks found values that are"),
    }
}

fn told(failed: &[FailedCheck]) -> String {
    failed.iter().map(|failed| format!("\n  {}: {}", failed.view, failed.check)).collect()
}

impl MaterializeError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Values { source, .. } | Self::SourceValues { source, .. } => source.kind(),
            Self::DuplicateKey { .. }
            | Self::NullKey { .. }
            | Self::Misfit { .. }
            | Self::Expectations(_)
            | Self::DuplicateSourceKey { .. }
            | Self::NullSourceKey { .. } => ErrorKind::Invalid,
            Self::Words { source, .. } => source.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

/// What a build tells while it works.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Another builder is at work, and this one waits for it.
    Waiting { holder: String },
    /// A source or a view begins; `rows` is how many are expected, where that is known.
    Begin { table: String, rows: Option<u64> },
    /// It has written so many rows.
    Rows { table: String, rows: u64 },
    /// It is done.
    End { table: String, rows: u64, seconds: f64 },
}

/// Is told each [`Event`], from any thread.
pub type Progress = std::sync::Arc<dyn Fn(Event) + Send + Sync>;
