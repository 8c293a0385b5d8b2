//! The keys of an entity in the order of its frame, and the reading of views into that order.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::compute::{concat, concat_batches, partition, take, take_record_batch};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use futures::TryStreamExt;

use super::{EntityPin, KeyIndex, Manifest, StoreError, Table, key_texts};

/// The keys of an entity, each once; a key's row is that of its features in the frame.
#[derive(Debug)]
pub(super) struct Spine {
    pub join_keys: Vec<String>,
    /// The join keys in their own types.
    pub columns: RecordBatch,
    pub keys: KeyIndex,
}

impl Spine {
    /// Reads the keys of `entity`: those of its sources without time, or else those of its events.
    pub async fn load(
        entity: &EntityPin,
        manifest: &Manifest,
        tables: &BTreeMap<String, Table>,
    ) -> Result<Self, StoreError> {
        let columns = distinct_keys(entity, manifest, tables).await?;
        let keys = KeyIndex::new(key_texts(&columns, &entity.join_keys)?)?;
        Ok(Self { join_keys: entity.join_keys.clone(), columns, keys })
    }

    /// `features` of a view, and its time where it has one, for every key; null where the view has no row of it. Where it has
    /// several, the last one counts.
    pub async fn read(
        &self,
        table: &Table,
        timestamp_field: Option<&String>,
        features: &[&str],
    ) -> Result<RecordBatch, StoreError> {
        let columns = self.columns_of(timestamp_field, features);
        let batch = match timestamp_field {
            None => one_batch(table, &columns).await?,
            Some(_) => last_of_each_key(table, &columns, &self.join_keys).await?,
        };
        let rows = self.rows_of(&key_texts(&batch, &self.join_keys)?);
        let values = batch.project(&indices(&batch.schema(), &columns[self.join_keys.len()..])).map_err(rows_fault)?;
        match rows {
            None => Ok(values),
            Some(rows) => take_record_batch(&nullable(&values)?, &rows).map_err(rows_fault),
        }
    }

    /// What is read of a view: the key, the time where there is one, and `features`.
    pub fn columns_of(&self, timestamp_field: Option<&String>, features: &[&str]) -> Vec<String> {
        let key = self.join_keys.iter().chain(timestamp_field).cloned();
        key.chain(features.iter().map(|name| (*name).to_owned())).collect()
    }

    /// For each key the row of a view with `keys`, null where it has none; None where they are the same.
    fn rows_of(&self, keys: &[StringArray]) -> Option<UInt32Array> {
        if keys == self.keys.columns() {
            return None;
        }
        let mut rows: Vec<Option<u32>> = vec![None; self.keys.len()];
        for view_row in 0..keys.first().map(|column| column.len()).unwrap_or_default() {
            let row = self.keys.row(keys.iter().map(|column| column.value(view_row)));
            if let (Some(row), Ok(view_row)) = (row, u32::try_from(view_row)) {
                rows[row] = Some(view_row);
            }
        }
        Some(rows.into())
    }
}

async fn distinct_keys(
    entity: &EntityPin,
    manifest: &Manifest,
    tables: &BTreeMap<String, Table>,
) -> Result<RecordBatch, StoreError> {
    let of_entity = || manifest.sources.iter().filter(|source| source.entity == entity.name);
    let timeless = of_entity().any(|source| source.timestamp_field.is_none());
    let mut batches = Vec::new();
    for source in of_entity().filter(|source| source.timestamp_field.is_none() == timeless) {
        if let Some(table) = tables.get(&source.name) {
            batches.push(one_batch(table, &entity.join_keys).await?);
        }
    }
    let Some(first) = batches.first() else { return Ok(RecordBatch::new_empty(Arc::new(Schema::empty()))) };
    let schema = plain_schema(&first.schema());
    let columns: Result<Vec<ArrayRef>, _> = (0..schema.fields().len())
        .map(|column| concat(&batches.iter().map(|batch| batch.column(column).as_ref()).collect::<Vec<_>>()))
        .collect();
    let all = RecordBatch::try_new(schema, columns.map_err(rows_fault)?).map_err(rows_fault)?;
    let index = KeyIndex::new(key_texts(&all, &entity.join_keys)?)?;
    if index.len() == all.num_rows() {
        return Ok(all);
    }
    let first_of_key = |row: &usize| index.row(index.key(*row)) == Some(*row);
    let rows: UInt32Array = (0..all.num_rows()).filter(first_of_key).map(|row| u32::try_from(row).ok()).collect();
    let columns: Result<Vec<ArrayRef>, _> = all.columns().iter().map(|column| take(column, &rows, None)).collect();
    RecordBatch::try_new(all.schema(), columns.map_err(rows_fault)?).map_err(rows_fault)
}

/// Without metadata, which is the storage's own business.
pub(super) fn plain_schema(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| Field::new(field.name(), field.data_type().clone(), field.is_nullable());
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The same with columns that may have nulls.
fn nullable(batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let field = |field: &Arc<Field>| Field::clone(field).with_nullable(true);
    let schema = Schema::new(batch.schema().fields().iter().map(field).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), batch.columns().to_vec()).map_err(rows_fault)
}

/// The last row of each key of a table with time, which may be far larger than what is kept. `columns` begin with the key
/// and the time.
async fn last_of_each_key(table: &Table, columns: &[String], key: &[String]) -> Result<RecordBatch, StoreError> {
    let mut stream = table.scan_in_order(columns, &columns[..key.len() + 1]).await?;
    let schema = stream.schema();
    let key = indices(&schema, key);
    let mut kept: Vec<RecordBatch> = Vec::new();
    // The last row of what was read: the next one may have its key.
    let mut open: Option<RecordBatch> = None;
    while let Some(batch) = stream.try_next().await.map_err(super::lance::rows_fault)? {
        if batch.num_rows() == 0 {
            continue;
        }
        if let Some(last) = open.take() {
            let both = concat_batches(&schema, [&last, &batch.slice(0, 1)]).map_err(rows_fault)?;
            if ends_of_keys(&both, &key)?.len() == 2 {
                kept.push(last);
            }
        }
        let mut ends = ends_of_keys(&batch, &key)?;
        ends.pop();
        kept.push(take_record_batch(&batch, &UInt32Array::from(ends)).map_err(rows_fault)?);
        let last = UInt32Array::from(vec![batch.num_rows() as u32 - 1]);
        open = Some(take_record_batch(&batch, &last).map_err(rows_fault)?);
    }
    kept.extend(open);
    concat_batches(&schema, &kept).map_err(rows_fault)
}

/// The last row of each run of rows with one key, ascending.
fn ends_of_keys(batch: &RecordBatch, key: &[usize]) -> Result<Vec<u32>, StoreError> {
    let columns: Vec<ArrayRef> = key.iter().map(|index| Arc::clone(batch.column(*index))).collect();
    let runs = partition(&columns).map_err(rows_fault)?;
    Ok(runs.ranges().into_iter().map(|run| run.end as u32 - 1).collect())
}

async fn one_batch(table: &Table, columns: &[String]) -> Result<RecordBatch, StoreError> {
    let batches = table.read(columns).await?;
    match batches.first() {
        Some(first) => concat_batches(&first.schema(), &batches).map_err(rows_fault),
        None => {
            let schema = table.schema().project(&indices(&table.schema(), columns)).map_err(rows_fault)?;
            Ok(RecordBatch::new_empty(Arc::new(schema)))
        }
    }
}

pub(super) fn indices(schema: &Schema, columns: &[String]) -> Vec<usize> {
    columns.iter().filter_map(|column| schema.index_of(column).ok()).collect()
}

pub(super) fn rows_fault(error: ArrowError) -> StoreError {
    StoreError::Rows(error.to_string())
}
