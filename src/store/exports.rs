//! `exports/`: downloads, written once per release and selection and served from there.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::{Store, StoreError};
use crate::limits::EXPORT_BYTES_MAX;
use crate::name::ReleaseNumber;

/// A download that is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    #[serde(skip)]
    path: String,
    pub bytes: u64,
    pub rows: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

impl Store {
    /// The download `name` of a release, where it was written.
    pub async fn export(&self, release: ReleaseNumber, name: &str) -> Result<Option<Export>, StoreError> {
        let path = export_path(release, name);
        let about = about_path(&path);
        let Some(bytes) = self.objects.read(&about).await? else { return Ok(None) };
        let export: Export = serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::Damaged { path: about, reason: error.to_string() })?;
        Ok(Some(Export { path, ..export }))
    }

    /// Begins a download. It is there for nobody before [`ExportWriter::finish`].
    pub fn begin_export(&self, release: ReleaseNumber, name: &str) -> ExportWriter {
        let path = export_path(release, name);
        let out = BufWriter::new(Arc::clone(self.objects.store()), self.objects.path(&path));
        ExportWriter { store: self.clone(), path, out, hasher: Sha256::new(), bytes: 0 }
    }

    /// The bytes of a download in `range`.
    pub async fn read_export(
        &self,
        export: &Export,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let object = self.objects.store().get_opts(&self.objects.path(&export.path), options).await?;
        Ok(object.into_stream().map_err(StoreError::from).boxed())
    }

    /// Removes the oldest downloads until all of them take [`EXPORT_BYTES_MAX`] at most.
    async fn bound_exports(&self) -> Result<(), StoreError> {
        let folder = self.objects.path("exports");
        let mut objects: Vec<_> = self.objects.store().list(Some(&folder)).try_collect().await?;
        objects.sort_by_key(|object| object.last_modified);
        let mut total: u64 = objects.iter().map(|object| object.size).sum();
        for object in objects {
            if total <= EXPORT_BYTES_MAX {
                break;
            }
            self.objects.store().delete(&object.location).await?;
            total -= object.size;
        }
        Ok(())
    }
}

/// Writes a download and its digest.
pub struct ExportWriter {
    store: Store,
    path: String,
    out: BufWriter,
    hasher: Sha256,
    bytes: u64,
}

impl ExportWriter {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).await.map_err(io)
    }

    /// Completes the file, then what says that it is complete.
    pub async fn finish(mut self, rows: u64) -> Result<Export, StoreError> {
        self.out.shutdown().await.map_err(io)?;
        let export = Export { path: self.path.clone(), bytes: self.bytes, rows, sha256: self.hasher.finalize().into() };
        let about = about_path(&self.path);
        let text = serde_json::to_vec(&export)
            .map_err(|error| StoreError::Damaged { path: about.clone(), reason: error.to_string() })?;
        self.store.objects.write(&about, text).await?;
        self.store.bound_exports().await?;
        Ok(export)
    }
}

fn export_path(release: ReleaseNumber, name: &str) -> String {
    format!("exports/{release}/{name}")
}

fn about_path(path: &str) -> String {
    format!("{path}.json")
}

fn io(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(object_store::Error::Generic { store: "exports", source: Box::new(error) })
}
