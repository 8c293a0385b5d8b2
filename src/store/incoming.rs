//! Rows that were ingested and wait for the next build.
//!
//! `incoming/<source>/<sequence>.json` names a data file and its rejects, both written before it and durable with it. A
//! build upserts the files in their sequence and pins which it has taken; it never writes here, so an ingest and a build
//! cannot undo each other.

use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use super::{Store, StoreError};
use crate::name::Fingerprint;

/// An ingest that is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingFile {
    /// Its name within the source, such as `00000003`. Files apply in the order of their names.
    #[serde(skip)]
    pub name: String,
    data: String,
    /// BLAKE3 of its rows.
    content: String,
    /// Whether it holds all rows of the source, so that what it lacks is deleted.
    #[serde(default)]
    pub snapshot: bool,
    pub rows: u64,
    pub rejected: u64,
    /// The rejects, relative to the store; none where there are none.
    pub rejects: Option<String>,
    /// The files it came from, as they were named.
    pub from: Vec<String>,
    pub at: DateTime<Utc>,
}

impl IncomingFile {
    /// The objects that it consists of, what makes it visible last.
    pub(super) fn objects(&self, source: &str) -> Vec<String> {
        let mut objects = vec![self.data.clone()];
        objects.extend(self.rejects.clone());
        objects.push(format!("incoming/{source}/{}.json", self.name));
        objects
    }
}

/// What an ingest did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingSummary {
    pub file: IncomingFile,
    /// Whether the last ingest of the source brought the very same rows, so that nothing was added.
    pub already_there: bool,
}

impl Store {
    /// Begins an ingest of rows of `schema` into `source`.
    pub fn begin_incoming(&self, source: &str, schema: &SchemaRef) -> Result<IncomingWriter, StoreError> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let data = format!("incoming/{source}/data/{id}.arrow");
        let rejects = format!("incoming/{source}/data/{id}.rejects.jsonl");
        let options =
            IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).map_err(rows_fault)?;
        let encoder = StreamWriter::try_new_with_options(Vec::new(), schema, options).map_err(rows_fault)?;
        let out = BufWriter::new(Arc::clone(self.objects.store()), self.objects.path(&data));
        let rejected_out = BufWriter::new(Arc::clone(self.objects.store()), self.objects.path(&rejects));
        Ok(IncomingWriter {
            store: self.clone(),
            source: source.to_owned(),
            data,
            rejects,
            encoder,
            out,
            rejected_out,
            hasher: blake3::Hasher::new(),
            rows: 0,
            rejected: 0,
        })
    }

    /// The ingests of a source, in their order.
    pub async fn incoming(&self, source: &str) -> Result<Vec<IncomingFile>, StoreError> {
        let mut files = Vec::new();
        for (file, _) in self.objects.list(&format!("incoming/{source}")).await? {
            let Some(name) = file.strip_suffix(".json").filter(|name| name.bytes().all(|b| b.is_ascii_digit())) else {
                continue;
            };
            let path = format!("incoming/{source}/{file}");
            let Some(bytes) = self.objects.read(&path).await? else { continue };
            let read: IncomingFile = serde_json::from_slice(&bytes)
                .map_err(|error| StoreError::Damaged { path, reason: error.to_string() })?;
            files.push(IncomingFile { name: name.to_owned(), ..read });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// The rows of an ingest.
    pub async fn read_incoming(&self, file: &IncomingFile) -> Result<SendableRecordBatchStream, StoreError> {
        let object = self.objects.store().get(&self.objects.path(&file.data)).await?;
        let chunks = object.into_stream().map_err(|error| DataFusionError::External(Box::new(error)));
        let mut batches = Box::pin(decode(chunks));
        // The schema comes with the first batch; a writer makes no empty file.
        let damaged = |reason: String| StoreError::Damaged { path: file.data.clone(), reason };
        let first = batches.try_next().await.map_err(|error| damaged(error.to_string()))?;
        let first = first.ok_or_else(|| damaged("it has no rows".to_owned()))?;
        let schema = first.schema();
        let all = futures::stream::once(std::future::ready(Ok(first))).chain(batches);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, all)))
    }
}

/// The batches in the chunks of an Arrow stream.
fn decode(
    chunks: impl futures::Stream<Item = Result<Bytes, DataFusionError>> + Send,
) -> impl futures::Stream<Item = Result<RecordBatch, DataFusionError>> + Send {
    let state = (Box::pin(chunks), StreamDecoder::new(), Buffer::from(Bytes::new()));
    futures::stream::try_unfold(state, |(mut chunks, mut decoder, mut buffer)| async move {
        loop {
            if !buffer.is_empty()
                && let Some(batch) = decoder.decode(&mut buffer)?
            {
                return Ok(Some((batch, (chunks, decoder, buffer))));
            }
            match chunks.try_next().await? {
                Some(chunk) => buffer = Buffer::from(chunk),
                None => {
                    decoder.finish()?;
                    return Ok(None);
                }
            }
        }
    })
}

/// Writes an ingest. Nothing is there for a build before [`IncomingWriter::finish`].
pub struct IncomingWriter {
    store: Store,
    source: String,
    data: String,
    rejects: String,
    encoder: StreamWriter<Vec<u8>>,
    out: BufWriter,
    rejected_out: BufWriter,
    hasher: blake3::Hasher,
    rows: u64,
    rejected: u64,
}

/// A row that could not be read.
#[derive(Serialize)]
struct Reject<'a> {
    file: &'a str,
    line: u64,
    reason: &'a str,
    /// The row as it stood, shortened.
    row: &'a str,
}

impl IncomingWriter {
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.rows += batch.num_rows() as u64;
        self.encoder.write(batch).map_err(rows_fault)?;
        self.flush().await
    }

    pub async fn reject(&mut self, file: &str, line: u64, reason: &str, row: &str) -> Result<(), StoreError> {
        self.rejected += 1;
        let mut text = serde_json::to_vec(&Reject { file, line, reason, row })
            .map_err(|error| StoreError::Damaged { path: self.rejects.clone(), reason: error.to_string() })?;
        text.push(b'\n');
        self.rejected_out.write_all(&text).await.map_err(|error| self.io(error))
    }

    /// Makes the ingest visible to the next build.
    pub async fn finish(
        mut self,
        from: Vec<String>,
        snapshot: bool,
        at: DateTime<Utc>,
    ) -> Result<IncomingSummary, StoreError> {
        self.encoder.finish().map_err(rows_fault)?;
        self.flush().await?;
        self.out.shutdown().await.map_err(|error| self.io(error))?;
        if self.rejected > 0 {
            self.rejected_out.shutdown().await.map_err(|error| self.io(error))?;
        }
        let file = IncomingFile {
            name: String::new(),
            data: self.data.clone(),
            content: Fingerprint::from(self.hasher.finalize()).to_string(),
            snapshot,
            rows: self.rows,
            rejected: self.rejected,
            rejects: (self.rejected > 0).then(|| self.rejects.clone()),
            from,
            at,
        };
        let newest = self.store.newest().await?;
        let void = newest.and_then(|manifest| Some(manifest.source(&self.source)?.void.clone())).unwrap_or_default();
        loop {
            let earlier = self.store.incoming(&self.source).await?;
            if let Some(last) = earlier.last()
                && !void.contains(&last.name)
                && (&last.content, last.snapshot) == (&file.content, snapshot)
            {
                self.store.objects.delete(&self.data).await?;
                let file = IncomingFile { rejected: file.rejected, rejects: file.rejects, ..last.clone() };
                return Ok(IncomingSummary { file, already_there: true });
            }
            let sequence = earlier.last().and_then(|last| last.name.parse::<u64>().ok()).unwrap_or(0) + 1;
            let name = format!("{sequence:08}");
            let path = format!("incoming/{}/{name}.json", self.source);
            let text = serde_json::to_vec(&file)
                .map_err(|error| StoreError::Damaged { path: path.clone(), reason: error.to_string() })?;
            // Another ingest may have taken the number: take the next.
            if self.store.objects.create(&path, text).await? {
                return Ok(IncomingSummary { file: IncomingFile { name, ..file }, already_there: false });
            }
        }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let bytes = std::mem::take(self.encoder.get_mut());
        self.hasher.update(&bytes);
        self.out.write_all(&bytes).await.map_err(|error| self.io(error))
    }

    fn io(&self, error: std::io::Error) -> StoreError {
        StoreError::Unavailable(object_store::Error::Generic { store: "incoming", source: Box::new(error) })
    }
}

fn rows_fault(error: arrow::error::ArrowError) -> StoreError {
    StoreError::Rows(error.to_string())
}
