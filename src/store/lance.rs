//! Lance datasets: read at a pinned version, written on top of one.

use std::collections::HashSet;
use std::sync::Arc;

use ::lance::Dataset;
use ::lance::datafusion::LanceTableProvider;
use ::lance::dataset::builder::DatasetBuilder;
use ::lance::dataset::{ProjectionRequest, WriteMode, WriteParams};
use ::lance::io::ObjectStoreRegistry;
use ::lance::session::Session;
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;

use super::objects::Objects;
use super::provider::OneStore;
use super::writable::Writable;
use super::{StoreError, key_digest, key_texts};
use crate::limits::{
    LANCE_INDEX_CACHE_BYTES, LANCE_METADATA_CACHE_BYTES, LANCE_ORDERED_SCAN_BUFFER_BYTES, LANCE_SCAN_BUFFER_BYTES,
};

/// The column in which Lance tells the version that last wrote a row.
const ROW_LAST_UPDATED_AT_VERSION: &str = "_row_last_updated_at_version";

/// The columns that no two rows of a dataset share, in order.
pub type TableKey = Vec<String>;

/// Every dataset under one root, sharing caches.
#[derive(Clone, Debug)]
pub(super) struct LanceStore {
    pub(super) root: String,
    session: Arc<Session>,
}

impl LanceStore {
    pub fn new(objects: &Objects) -> Self {
        let root = objects.url().to_owned();
        let registry = ObjectStoreRegistry::default();
        if let (false, Some((scheme, _))) = (objects.is_local(), root.split_once("://")) {
            registry.insert(scheme, Arc::new(OneStore(Arc::clone(objects.store()))));
        }
        let session = Session::new(LANCE_INDEX_CACHE_BYTES, LANCE_METADATA_CACHE_BYTES, Arc::new(registry));
        Self { root, session: Arc::new(session) }
    }

    pub(super) fn builder(&self, path: &str) -> DatasetBuilder {
        DatasetBuilder::from_uri(format!("{}/{path}", self.root)).with_session(Arc::clone(&self.session))
    }

    pub async fn open(&self, path: &str, version: u64) -> Result<LanceTable, StoreError> {
        let dataset = self.builder(path).with_version(version).load().await.map_err(fault(path))?;
        Ok(LanceTable { path: path.to_owned(), dataset: Arc::new(dataset) })
    }

    /// Opens a dataset on top of `pinned`, or as absent. Lance commits on top of the newest version, so a newer one,
    /// which only an unfinished build can have left, is undone first.
    pub async fn to_write(&self, path: &str, pinned: Option<u64>) -> Result<Writable, StoreError> {
        let dataset = match self.builder(path).load().await {
            Ok(latest) => match pinned {
                Some(pinned) if latest.version_id() != pinned => {
                    let mut dataset = latest.checkout_version(pinned).await.map_err(fault(path))?;
                    dataset.restore().await.map_err(fault(path))?;
                    Some(dataset)
                }
                _ => Some(latest),
            },
            Err(::lance::Error::DatasetNotFound { .. }) if pinned.is_none() => None,
            Err(error) => return Err(fault(path)(error)),
        };
        let (store, path) = (self.clone(), path.to_owned());
        Ok(Writable { store, path, dataset, is_ours: pinned.is_some(), has_stable_row_ids: true })
    }

    pub(super) fn write_params(&self, mode: WriteMode, enable_stable_row_ids: bool) -> WriteParams {
        WriteParams {
            mode,
            enable_stable_row_ids,
            session: Some(Arc::clone(&self.session)),
            skip_auto_cleanup: true,
            ..WriteParams::default()
        }
    }
}

/// A dataset at one version.
#[derive(Clone, Debug)]
pub(super) struct LanceTable {
    pub(super) path: String,
    pub(super) dataset: Arc<Dataset>,
}

impl LanceTable {
    pub fn version(&self) -> u64 {
        self.dataset.version_id()
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::from(self.dataset.schema()))
    }

    pub async fn rows(&self) -> Result<usize, StoreError> {
        self.dataset.count_rows(None).await.map_err(fault(&self.path))
    }

    /// The first and the last row of each fragment, in their order; none where there are no rows.
    pub async fn ends_of_fragments(&self, columns: &[String]) -> Result<Option<RecordBatch>, StoreError> {
        let (mut ends, mut before) = (Vec::new(), 0);
        for fragment in self.dataset.get_fragments() {
            let rows = fragment.count_rows(None).await.map_err(fault(&self.path))? as u64;
            if rows > 0 {
                ends.extend([before, before + rows - 1]);
            }
            before += rows;
        }
        if ends.is_empty() {
            return Ok(None);
        }
        let projection = ProjectionRequest::from_columns(columns, self.dataset.schema());
        Ok(Some(self.dataset.take(&ends, projection).await.map_err(fault(&self.path))?))
    }

    /// The rows of some fragments, by their places among those that have rows, in the order in which they were written.
    pub async fn scan_fragments(
        &self,
        fragments: &[usize],
        columns: &[String],
        batch_rows: usize,
    ) -> Result<SendableRecordBatchStream, StoreError> {
        let mut scanner = self.dataset.scan();
        scanner.project(columns).map_err(fault(&self.path))?;
        scanner.scan_in_order(true).batch_size(batch_rows).io_buffer_size(LANCE_ORDERED_SCAN_BUFFER_BYTES);
        let mut wanted = Vec::new();
        let mut place = 0;
        for fragment in self.dataset.get_fragments() {
            if fragment.count_rows(None).await.map_err(fault(&self.path))? > 0 {
                if fragments.contains(&place) {
                    wanted.push(fragment.metadata().clone());
                }
                place += 1;
            }
        }
        scanner.with_fragments(wanted);
        Ok(scanner.try_into_stream().await.map_err(fault(&self.path))?.into())
    }

    /// How many fragments its rows lie in.
    pub fn fragments(&self) -> usize {
        self.dataset.count_fragments()
    }

    /// For SQL. `ordered` keeps the rows in the order in which they were written.
    pub fn provider(&self, ordered: bool) -> Arc<dyn TableProvider> {
        Arc::new(LanceTableProvider::new_with_ordering(Arc::clone(&self.dataset), false, false, ordered))
    }

    /// The rows of `columns` as they come, in the order in which they were written.
    pub async fn scan(&self, columns: &[String]) -> Result<SendableRecordBatchStream, StoreError> {
        self.stream(columns, None).await
    }

    /// The rows that were written or changed after `version`; none where there are more than `rows_max`.
    ///
    /// Their keys are found first, and then the rows by the index.
    pub async fn changed_since(
        &self,
        version: u64,
        key: &TableKey,
        rows_max: usize,
    ) -> Result<Option<Vec<RecordBatch>>, StoreError> {
        let changed = ident(ROW_LAST_UPDATED_AT_VERSION).gt(lit(version));
        let mut stream = self.stream(key, Some(changed)).await?;
        let (mut keys, mut rows) = (Vec::new(), 0);
        while let Some(batch) = stream.try_next().await.map_err(rows_fault)? {
            rows += batch.num_rows();
            if rows > rows_max {
                return Ok(None);
            }
            keys.push(batch);
        }
        Ok(Some(self.of_keys(key, &keys, &self.columns()).await?))
    }

    /// The rows that have the keys in `keys`, by the index.
    pub async fn of_keys(
        &self,
        key: &TableKey,
        keys: &[RecordBatch],
        columns: &[String],
    ) -> Result<Vec<RecordBatch>, StoreError> {
        let Some(first) = key.first() else { return Ok(Vec::new()) };
        let (mut values, mut wanted) = (Vec::new(), HashSet::new());
        for batch in keys {
            let texts = key_texts(batch, key)?;
            wanted.extend((0..batch.num_rows()).map(|row| key_digest(&texts, row)));
            let Some(column) = batch.column_by_name(first) else { continue };
            let scalars = (0..column.len()).map(|row| ScalarValue::try_from_array(column, row).map(lit));
            values.extend(scalars.collect::<Result<Vec<_>, _>>().map_err(rows_fault)?);
        }
        if values.is_empty() {
            return Ok(Vec::new());
        }
        // The index is of the first column: where keys have more, other rows come with them.
        let mut stream = self.stream(columns, Some(ident(first.as_str()).in_list(values, false))).await?;
        let mut rows = Vec::new();
        while let Some(batch) = stream.try_next().await.map_err(rows_fault)? {
            let texts = key_texts(&batch, key)?;
            let keep = (0..batch.num_rows()).map(|row| Some(wanted.contains(&key_digest(&texts, row))));
            rows.push(filter_record_batch(&batch, &keep.collect()).map_err(|error| rows_fault(error.into()))?);
        }
        Ok(rows)
    }

    fn columns(&self) -> Vec<String> {
        self.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    async fn stream(&self, columns: &[String], filter: Option<Expr>) -> Result<SendableRecordBatchStream, StoreError> {
        let mut scanner = self.dataset.scan();
        scanner.project(columns).map_err(fault(&self.path))?;
        scanner.scan_in_order(true).io_buffer_size(LANCE_SCAN_BUFFER_BYTES);
        if let Some(filter) = filter {
            scanner.filter_expr(filter);
        }
        Ok(scanner.try_into_stream().await.map_err(fault(&self.path))?.into())
    }
}

pub(super) fn rows_fault(error: DataFusionError) -> StoreError {
    StoreError::Rows(error.to_string())
}

pub(super) fn fault(path: &str) -> impl FnOnce(::lance::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| match source {
        ::lance::Error::CommitConflict { .. }
        | ::lance::Error::RetryableCommitConflict { .. }
        | ::lance::Error::IncompatibleTransaction { .. }
        | ::lance::Error::TooMuchWriteContention { .. }
        | ::lance::Error::DatasetAlreadyExists { .. } => StoreError::DatasetConflict(path),
        source => StoreError::Dataset { path, source },
    }
}
