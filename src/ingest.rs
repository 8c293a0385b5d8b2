//! Files into sources: every row that can be read enters, every other goes to the rejects with its line and the reason.

mod formats;
mod postgres;
mod rows;
mod upload;

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;

pub use rows::{Shape, ShapeColumn, typed_column};
pub use upload::{UploadFormat, read_upload};

use crate::error::ErrorKind;
use crate::store::{IncomingSummary, Store, StoreError};

/// Why an ingest came to nothing. Rows that cannot be read are no such reason: they are counted and kept apart.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("`{path}` cannot be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{path}` is not {format}: {reason}")]
    Malformed { path: PathBuf, format: &'static str, reason: String },
    #[error(
        "`{path}`: the format is told by the ending, which is `.jsonl`, `.csv` or `.parquet` (the first two also with `.gz`)"
    )]
    UnknownFormat { path: PathBuf },
    #[error("`{path}` has no column for `{column}` (looked for `{from}`); it has `{found}`")]
    MissingKey { path: PathBuf, column: String, from: String, found: String },
    #[error("not one row of {0} could be read; the first reject: {1}")]
    NoRows(String, String),
    #[error("PostgreSQL: {0}")]
    Database(String),
    #[error("PostgreSQL cannot be reached: {0}")]
    NoDatabase(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IngestError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreadable { .. } => ErrorKind::NotFound,
            Self::Malformed { .. } | Self::UnknownFormat { .. } | Self::MissingKey { .. } | Self::NoRows(..) => {
                ErrorKind::Invalid
            }
            Self::Database(_) => ErrorKind::Invalid,
            Self::NoDatabase(_) => ErrorKind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }
}

/// What an ingest brings.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    pub inputs: &'a [Input],
    /// Whether they hold all rows of the source, so that what they lack is deleted; otherwise they add and replace.
    pub snapshot: bool,
}

/// Where rows come from.
#[derive(Clone)]
pub enum Input {
    File(PathBuf),
    /// The content of a file that came with a request; its name tells the format.
    Upload {
        name: String,
        content: Bytes,
    },
    /// The rows of a query.
    Postgres {
        url: String,
        query: String,
    },
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Input {
    /// What it is called in rejects. A connection's URL may hold a password, so it is not told.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::Upload { name, .. } => name.clone(),
            Self::Postgres { .. } => "PostgreSQL".to_owned(),
        }
    }
}

/// Reads `files` into the source that `shape` describes. The rows wait in the store for the next build.
///
/// Of rows with one key the first is kept and the others are rejected. `progress` is told the rows read so far.
pub fn ingest<'a>(
    store: &'a Store,
    shape: &'a Shape,
    files: Files<'a>,
    at: DateTime<Utc>,
    progress: &'a mut (dyn FnMut(u64) + Send),
) -> BoxFuture<'a, Result<IncomingSummary, IngestError>> {
    run(store, shape, files, at, progress).boxed()
}

async fn run(
    store: &Store,
    shape: &Shape,
    files: Files<'_>,
    at: DateTime<Utc>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<IncomingSummary, IngestError> {
    let writer = store.begin_incoming(&shape.source, &shape.schema())?;
    let mut intake = rows::Intake::new(shape, writer);
    for input in files.inputs {
        match input {
            Input::Postgres { url, query } => postgres::read(url, query, &mut intake, progress).await?,
            Input::File(_) | Input::Upload { .. } => formats::read(input, shape, &mut intake, progress).await?,
        }
    }
    let names: Vec<String> = files.inputs.iter().map(Input::name).collect();
    let (writer, rows, first_reject) = intake.finish().await?;
    if rows == 0 {
        return Err(IngestError::NoRows(
            names.join(", "),
            first_reject.unwrap_or_else(|| "there are no rows".to_owned()),
        ));
    }
    Ok(writer.finish(names, files.snapshot, at).await?)
}
