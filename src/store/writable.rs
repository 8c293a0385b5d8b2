//! A dataset that a build writes, commit by commit.

use std::sync::Arc;

use ::lance::Dataset;
use ::lance::dataset::{InsertBuilder, MergeInsertBuilder, NewColumnTransform, WhenMatched, WhenNotMatched, WriteMode};
use datafusion::arrow::array::{Array, RecordBatch, RecordBatchIterator};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};

use super::lance::{LanceStore, LanceTable, fault};
use super::{StoreError, Table, TableKey};
use crate::limits::LOOKED_UP_ROWS_MAX;

/// Marks a field as part of the key, so that two writers of one key cannot make two rows of it.
const PRIMARY_KEY: &str = "lance-schema:unenforced-primary-key";

/// A dataset that a build writes. Each commit must be the next version, or somebody else writes too.
#[derive(Debug)]
pub struct Writable {
    pub(super) store: LanceStore,
    pub(super) path: String,
    pub(super) dataset: Option<Dataset>,
    /// Whether a release or this build holds what is there; otherwise it is left over.
    pub(super) is_ours: bool,
    /// Whether rows keep their ids. Without, indexes of terms stay right when rows are added to them.
    pub(super) has_stable_row_ids: bool,
}

impl Writable {
    /// Puts `rows` in the place of whatever there is.
    pub async fn replace(&mut self, rows: SendableRecordBatchStream, key: &TableKey) -> Result<(), StoreError> {
        let rows = with_primary_key(rows, key);
        let mode = if self.dataset.is_some() { WriteMode::Overwrite } else { WriteMode::Create };
        let params = self.store.write_params(mode, self.has_stable_row_ids);
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

    /// Puts `rows` in the place of those that have the keys of `replaced`, and adds the others. They keep their order.
    pub async fn put(
        &mut self,
        rows: SendableRecordBatchStream,
        replaced: Vec<RecordBatch>,
        key: &TableKey,
    ) -> Result<(), StoreError> {
        self.delete(replaced, key).await?;
        let Some(dataset) = self.dataset.take() else { return Ok(()) };
        let before = dataset.version_id();
        let params = self.store.write_params(WriteMode::Append, self.has_stable_row_ids);
        let insert = InsertBuilder::new(Arc::new(dataset));
        let written = insert.with_params(&params).execute_stream(with_primary_key(rows, key)).await;
        self.committed(Some(before), written.map_err(fault(&self.path))?)
    }

    /// What is there now; none before the first write.
    pub fn table(&self) -> Option<Table> {
        let dataset = self.dataset.clone()?;
        Some(LanceTable { path: self.path.clone(), dataset: Arc::new(dataset) }.into())
    }

    /// Takes away the rows that have the keys of `keys`, whose columns are those of the key.
    pub async fn delete(&mut self, keys: Vec<RecordBatch>, key: &TableKey) -> Result<(), StoreError> {
        let keys: Vec<RecordBatch> = keys.into_iter().filter(|batch| batch.num_rows() > 0).collect();
        let Some(schema) = keys.first().map(RecordBatch::schema) else { return Ok(()) };
        if let (Some(dataset), [only]) = (self.dataset.as_mut(), key.as_slice())
            && let Some(predicate) = one_of(only, &keys)
        {
            // By the index. A merge would read every key.
            let before = dataset.version_id();
            dataset.delete(&predicate).await.map_err(fault(&self.path))?;
            let written = dataset.clone();
            return self.committed(Some(before), written);
        }
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

    /// Protects the version from clean-up under a name of the build's, and returns it, opened.
    pub async fn finish(self, build: &str) -> Result<Table, StoreError> {
        let Some(dataset) = self.dataset else {
            return Err(StoreError::Damaged { path: self.path, reason: "nothing was written".to_owned() });
        };
        dataset.tags().create(&tag(build), dataset.version_id()).await.map_err(fault(&self.path))?;
        Ok(LanceTable { path: self.path, dataset: Arc::new(dataset) }.into())
    }

    pub(super) fn committed(&mut self, before: Option<u64>, written: Dataset) -> Result<(), StoreError> {
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

/// The condition that `column` is one of the keys, where they are few and are written in SQL as they are.
fn one_of(column: &str, keys: &[RecordBatch]) -> Option<String> {
    let count: usize = keys.iter().map(RecordBatch::num_rows).sum();
    if count == 0 || count > LOOKED_UP_ROWS_MAX as usize {
        return None;
    }
    let mut literals = Vec::with_capacity(count);
    for batch in keys {
        let values = batch.column_by_name(column)?;
        for row in 0..values.len() {
            let text = array_value_to_string(values, row).ok()?;
            literals.push(match values.data_type() {
                DataType::Utf8 => format!("'{}'", text.replace('\'', "''")),
                DataType::Int32 | DataType::Int64 => text,
                _ => return None,
            });
        }
    }
    Some(format!("`{column}` in ({})", literals.join(", ")))
}

/// The name under which a build protects what it wrote.
fn tag(build: &str) -> String {
    format!("build-{build}")
}
