//! Lance datasets: read at a pinned version, written on top of one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ::lance::Dataset;
use ::lance::datafusion::LanceTableProvider;
use ::lance::dataset::builder::DatasetBuilder;
use ::lance::dataset::{
    InsertBuilder, MergeInsertBuilder, NewColumnTransform, WhenMatched, WhenNotMatched, WriteMode, WriteParams,
};
use ::lance::index::DatasetIndexExt;
use ::lance::io::{ObjectStoreParams, StorageOptionsAccessor};
use ::lance::session::Session;
use datafusion::arrow::array::{Array, RecordBatch, RecordBatchIterator};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::scalar::ScalarValue;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use lance_index::IndexType;
use lance_index::optimize::OptimizeOptions;
use lance_index::scalar::ScalarIndexParams;

use super::{StoreError, key_digest, key_texts};
use crate::limits::{LANCE_INDEX_CACHE_BYTES, LANCE_METADATA_CACHE_BYTES, LANCE_SCAN_BUFFER_BYTES};

/// The column in which Lance tells the version that last wrote a row.
const ROW_LAST_UPDATED_AT_VERSION: &str = "_row_last_updated_at_version";

/// Marks a field as part of the key, so that two writers of one key cannot make two rows of it.
const PRIMARY_KEY: &str = "lance-schema:unenforced-primary-key";

/// The columns that no two rows of a dataset share, in order.
pub type TableKey = Vec<String>;

/// Every dataset under one root, sharing caches.
#[derive(Clone, Debug)]
pub(super) struct LanceStore {
    root: String,
    options: HashMap<String, String>,
    session: Arc<Session>,
}

impl LanceStore {
    pub fn new(root: String, options: &BTreeMap<String, String>) -> Self {
        let options = options.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let session = Session::new(LANCE_INDEX_CACHE_BYTES, LANCE_METADATA_CACHE_BYTES, Default::default());
        Self { root, options, session: Arc::new(session) }
    }

    fn builder(&self, path: &str) -> DatasetBuilder {
        DatasetBuilder::from_uri(format!("{}/{path}", self.root))
            .with_session(Arc::clone(&self.session))
            .with_storage_options(self.options.clone())
    }

    pub async fn open(&self, path: &str, version: u64) -> Result<Table, StoreError> {
        let dataset = self.builder(path).with_version(version).load().await.map_err(fault(path))?;
        Ok(Table { path: path.to_owned(), dataset: Arc::new(dataset) })
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
        Ok(Writable { store: self.clone(), path: path.to_owned(), dataset, is_ours: pinned.is_some() })
    }

    fn write_params(&self, mode: WriteMode) -> WriteParams {
        let store_params = (!self.options.is_empty()).then(|| ObjectStoreParams {
            storage_options_accessor: Some(Arc::new(StorageOptionsAccessor::with_static_options(self.options.clone()))),
            ..ObjectStoreParams::default()
        });
        WriteParams {
            mode,
            enable_stable_row_ids: true,
            session: Some(Arc::clone(&self.session)),
            store_params,
            skip_auto_cleanup: true,
            ..WriteParams::default()
        }
    }
}

/// A dataset at one version.
#[derive(Clone, Debug)]
pub struct Table {
    path: String,
    dataset: Arc<Dataset>,
}

impl Table {
    pub fn version(&self) -> u64 {
        self.dataset.version_id()
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::from(self.dataset.schema()))
    }

    pub async fn rows(&self) -> Result<usize, StoreError> {
        self.dataset.count_rows(None).await.map_err(fault(&self.path))
    }

    /// For SQL. `ordered` keeps the rows in the order in which they were written.
    pub fn provider(&self, ordered: bool) -> Arc<dyn TableProvider> {
        Arc::new(LanceTableProvider::new_with_ordering(Arc::clone(&self.dataset), false, false, ordered))
    }

    /// All rows of `columns`, in the order in which they were written.
    pub async fn read(&self, columns: &[String]) -> Result<Vec<RecordBatch>, StoreError> {
        self.stream(columns, None).await?.try_collect().await.map_err(rows_fault)
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
        Ok(Some(self.of_keys(key, &keys).await?))
    }

    /// The rows that have the keys in `keys`, by the index.
    pub async fn of_keys(&self, key: &TableKey, keys: &[RecordBatch]) -> Result<Vec<RecordBatch>, StoreError> {
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
        let mut stream = self.stream(&self.columns(), Some(ident(first.as_str()).in_list(values, false))).await?;
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

/// A dataset that a build writes. Each commit must be the next version, or somebody else writes too.
#[derive(Debug)]
pub struct Writable {
    store: LanceStore,
    path: String,
    dataset: Option<Dataset>,
    /// Whether a release or this build holds what is there; otherwise it is left over.
    is_ours: bool,
}

impl Writable {
    /// Puts `rows` in the place of whatever there is.
    pub async fn replace(&mut self, rows: SendableRecordBatchStream, key: &TableKey) -> Result<(), StoreError> {
        let rows = with_primary_key(rows, key);
        let mode = if self.dataset.is_some() { WriteMode::Overwrite } else { WriteMode::Create };
        let params = self.store.write_params(mode);
        let uri = format!("{}/{}", self.store.root, self.path);
        let before = self.dataset.as_ref().map(Dataset::version_id);
        let insert = match self.dataset.take() {
            Some(dataset) => InsertBuilder::new(Arc::new(dataset)),
            None => InsertBuilder::new(uri.as_str()),
        };
        let written = insert.with_params(&params).execute_stream(rows).await.map_err(fault(&self.path))?;
        // What is there now is this build's own; further rows go on top of it.
        self.is_ours = true;
        self.committed(before, written)
    }

    /// Puts each of `rows` in the place of the row that has its key, or adds it.
    pub fn upsert<'a>(
        &'a mut self,
        rows: SendableRecordBatchStream,
        key: &'a TableKey,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.upserted(rows, key).boxed()
    }

    async fn upserted(&mut self, rows: SendableRecordBatchStream, key: &TableKey) -> Result<(), StoreError> {
        match self.dataset.take() {
            Some(dataset) if self.is_ours => {
                self.merge(dataset, rows, key, (WhenMatched::UpdateAll, WhenNotMatched::InsertAll)).await
            }
            dataset => {
                self.dataset = dataset;
                self.replace(rows, key).await
            }
        }
    }

    async fn merge(
        &mut self,
        dataset: Dataset,
        rows: SendableRecordBatchStream,
        key: &TableKey,
        (matched, not_matched): (WhenMatched, WhenNotMatched),
    ) -> Result<(), StoreError> {
        let before = dataset.version_id();
        let mut merge = MergeInsertBuilder::try_new(Arc::new(dataset), key.clone()).map_err(fault(&self.path))?;
        merge.when_matched(matched).when_not_matched(not_matched).conflict_retries(0).skip_auto_cleanup(true);
        let job = merge.try_build().map_err(fault(&self.path))?;
        let (written, _) = job.execute(with_primary_key(rows, key)).await.map_err(fault(&self.path))?;
        self.committed(Some(before), Arc::unwrap_or_clone(written))
    }

    /// What is there now; none before the first write.
    pub fn table(&self) -> Option<Table> {
        let dataset = self.dataset.clone()?;
        Some(Table { path: self.path.clone(), dataset: Arc::new(dataset) })
    }

    /// Takes away the rows that have the keys of `keys`, whose columns are those of the key.
    pub async fn delete(&mut self, keys: Vec<RecordBatch>, key: &TableKey) -> Result<(), StoreError> {
        let Some(schema) = keys.first().map(RecordBatch::schema) else { return Ok(()) };
        let Some(dataset) = self.dataset.take() else { return Ok(()) };
        let rows = futures::stream::iter(keys.into_iter().map(Ok));
        let rows = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
        self.merge(dataset, rows, key, (WhenMatched::Delete, WhenNotMatched::DoNothing)).await
    }

    /// Takes the columns `dropped` away and adds those of `added`, which has a row for each that is there, in their order.
    /// The files of all other columns stay.
    pub async fn replace_columns(&mut self, dropped: &[String], added: Option<RecordBatch>) -> Result<(), StoreError> {
        let Some(mut dataset) = self.dataset.take() else { return Ok(()) };
        let before = dataset.version_id();
        let mut commits = 0;
        if !dropped.is_empty() {
            let names: Vec<&str> = dropped.iter().map(String::as_str).collect();
            dataset.drop_columns(&names).await.map_err(fault(&self.path))?;
            commits += 1;
        }
        if let Some(batch) = added {
            let schema = batch.schema();
            let rows = RecordBatchIterator::new(std::iter::once(Ok(batch)), schema);
            let columns = NewColumnTransform::Reader(Box::new(rows));
            dataset.add_columns(columns, None, None).await.map_err(fault(&self.path))?;
            commits += 1;
        }
        self.committed(Some(before + commits - 1), dataset)
    }

    /// Brings the indexes up to date with the rows that were added since they were built.
    pub async fn extend_indexes(&mut self, key: &TableKey) -> Result<(), StoreError> {
        let Some(dataset) = self.dataset.as_mut() else { return Ok(()) };
        if dataset.load_indices().await.map_err(fault(&self.path))?.is_empty() {
            return self.index(key).await;
        }
        let before = dataset.version_id();
        dataset.optimize_indices(&OptimizeOptions::append()).await.map_err(fault(&self.path))?;
        let written = dataset.clone();
        match written.version_id() {
            // There was nothing to do.
            version if version == before => Ok(()),
            _ => self.committed(Some(before), written),
        }
    }

    /// Builds the index by which rows are found by their first key column.
    pub async fn index(&mut self, key: &TableKey) -> Result<(), StoreError> {
        let (Some(dataset), Some(column)) = (self.dataset.as_mut(), key.first()) else { return Ok(()) };
        let before = dataset.version_id();
        let params = ScalarIndexParams::default();
        let columns = [column.as_str()];
        let name = Some(format!("{column}_btree"));
        dataset.create_index(&columns, IndexType::BTree, name, &params, true).await.map_err(fault(&self.path))?;
        let written = dataset.clone();
        self.committed(Some(before), written)
    }

    /// Protects the version from clean-up under a name of the build's, and returns it, opened.
    pub async fn finish(self, build: &str) -> Result<Table, StoreError> {
        let Some(dataset) = self.dataset else {
            return Err(StoreError::Damaged { path: self.path, reason: "nothing was written".to_owned() });
        };
        dataset.tags().create(&format!("build-{build}"), dataset.version_id()).await.map_err(fault(&self.path))?;
        Ok(Table { path: self.path, dataset: Arc::new(dataset) })
    }

    fn committed(&mut self, before: Option<u64>, written: Dataset) -> Result<(), StoreError> {
        let version = written.version_id();
        self.dataset = Some(written);
        match before {
            Some(before) if version != before + 1 => Err(StoreError::DatasetConflict(self.path.clone())),
            _ => Ok(()),
        }
    }
}

/// The same rows, under a schema that declares the key.
fn with_primary_key(rows: SendableRecordBatchStream, key: &TableKey) -> SendableRecordBatchStream {
    let declared = |field: &Field| {
        let mut metadata = field.metadata().clone();
        match key.contains(field.name()) {
            true => {
                metadata.insert(PRIMARY_KEY.to_owned(), "true".to_owned());
                field.clone().with_nullable(false).with_metadata(metadata)
            }
            false => field.clone().with_nullable(true),
        }
    };
    let schema = Arc::new(Schema::new(rows.schema().fields().iter().map(|field| declared(field)).collect::<Vec<_>>()));
    let of_schema = Arc::clone(&schema);
    let rows = rows.and_then(move |batch| {
        let batch = RecordBatch::try_new(Arc::clone(&of_schema), batch.columns().to_vec());
        std::future::ready(batch.map_err(Into::into))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

fn rows_fault(error: DataFusionError) -> StoreError {
    StoreError::Rows(error.to_string())
}

fn fault(path: &str) -> impl FnOnce(::lance::Error) -> StoreError + use<> {
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
