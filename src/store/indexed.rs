//! Views that are not held in memory: their rows are read by the index of their key, and the last ones are remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray, UInt32Array, new_null_array};
use datafusion::arrow::compute::{interleave, take, take_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use moka::future::Cache;

use super::frame::micros;
use super::spine::{Spine, rows_fault};
use super::{StoreError, Table, key_texts};

/// Rows that were read: by the number of the view and the row of the frame. An empty batch says that the view has none.
pub(super) type RowCache = Cache<(usize, usize), Arc<RecordBatch>>;

/// A cache of at most `mib` MiB.
pub(super) fn row_cache(mib: usize) -> RowCache {
    let bytes =
        |_: &(usize, usize), row: &Arc<RecordBatch>| u32::try_from(row.get_array_memory_size()).unwrap_or(u32::MAX);
    Cache::builder().weigher(bytes).max_capacity((mib as u64) << 20).build()
}

/// The features of a view that are read when they are asked for.
pub struct IndexedView {
    /// Among those of the release.
    pub(super) number: usize,
    pub(super) table: Table,
    pub(super) timestamp_field: Option<String>,
    /// Of the features alone, without metadata.
    pub(super) schema: SchemaRef,
    pub(super) spine: Arc<Spine>,
    pub(super) remembered: RowCache,
}

impl std::fmt::Debug for IndexedView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexedView").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl IndexedView {
    /// The features of `rows` of the frame, in their order; nulls where the view has none.
    pub async fn rows(&self, rows: &[usize]) -> Result<RecordBatch, StoreError> {
        let mut found: BTreeMap<usize, Arc<RecordBatch>> = BTreeMap::new();
        let mut missing = Vec::new();
        for row in rows.iter().copied().collect::<BTreeSet<usize>>() {
            match self.remembered.get(&(self.number, row)).await {
                Some(known) => drop(found.insert(row, known)),
                None => missing.push(row),
            }
        }
        metrics::counter!("rhapsode_online_reads_total", "outcome" => "hit").increment(found.len() as u64);
        metrics::counter!("rhapsode_online_reads_total", "outcome" => "miss").increment(missing.len() as u64);
        if !missing.is_empty() {
            for (row, values) in self.read(&missing).await? {
                self.remembered.insert((self.number, row), Arc::clone(&values)).await;
                found.insert(row, values);
            }
        }
        self.in_order(rows, &found)
    }

    /// One of the features of every row of the frame.
    pub async fn all(&self, feature: &str) -> Result<ArrayRef, StoreError> {
        let read = self.spine.read(&self.table, self.timestamp_field.as_ref(), &[feature]).await?;
        Ok(Arc::clone(&read[feature]))
    }

    /// The rows of the view, each a batch of its own.
    async fn read(&self, rows: &[usize]) -> Result<BTreeMap<usize, Arc<RecordBatch>>, StoreError> {
        let Spine { join_keys, columns, keys } = self.spine.as_ref();
        let indices: UInt32Array = rows.iter().map(|row| u32::try_from(*row).ok()).collect();
        let wanted = take_record_batch(columns, &indices).map_err(rows_fault)?;
        let features: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let columns = self.spine.columns_of(self.timestamp_field.as_ref(), &features);
        let batches = self.table.columns_of_keys(join_keys, &[wanted], &columns).await?;
        // By row of the frame: the time, the batch, and the row in it.
        let mut last: BTreeMap<usize, (Option<i64>, usize, usize)> = BTreeMap::new();
        for (index, batch) in batches.iter().enumerate() {
            let (texts, times) = (key_texts(batch, join_keys)?, self.times_of(batch)?);
            for row in 0..batch.num_rows() {
                let Some(of) = keys.row(texts.iter().map(|column| column.value(row))) else { continue };
                let time = times.as_ref().map(|times| times.value(row));
                if last.get(&of).is_none_or(|(earlier, ..)| *earlier < time) {
                    last.insert(of, (time, index, row));
                }
            }
        }
        let none = Arc::new(RecordBatch::new_empty(Arc::clone(&self.schema)));
        let mut found: BTreeMap<usize, Arc<RecordBatch>> = rows.iter().map(|row| (*row, Arc::clone(&none))).collect();
        for (of, (_, index, row)) in last {
            // A copy, so that what is remembered holds no more than itself.
            let one = UInt32Array::from(vec![row as u32]);
            let columns: Result<Vec<ArrayRef>, _> = (self.schema.fields().iter())
                .map(|field| take(&batches[index][field.name().as_str()], &one, None).map_err(rows_fault))
                .collect();
            let values = RecordBatch::try_new(Arc::clone(&self.schema), columns?).map_err(rows_fault)?;
            found.insert(of, Arc::new(values));
        }
        Ok(found)
    }

    fn times_of(&self, batch: &RecordBatch) -> Result<Option<TimestampMicrosecondArray>, StoreError> {
        let Some(times) = self.timestamp_field.as_ref().and_then(|field| batch.column_by_name(field)) else {
            return Ok(None);
        };
        Ok(Some(micros(times)?))
    }

    fn in_order(&self, rows: &[usize], found: &BTreeMap<usize, Arc<RecordBatch>>) -> Result<RecordBatch, StoreError> {
        // The first of the arrays that are woven together is null.
        let places: BTreeMap<usize, usize> = (found.iter().filter(|(_, values)| values.num_rows() > 0))
            .enumerate()
            .map(|(place, (row, _))| (*row, place + 1))
            .collect();
        let order: Vec<(usize, usize)> = rows.iter().map(|row| (*places.get(row).unwrap_or(&0), 0)).collect();
        let columns: Result<Vec<ArrayRef>, _> = (self.schema.fields().iter().enumerate())
            .map(|(index, field)| {
                let null = new_null_array(field.data_type(), 1);
                let values = places.keys().map(|row| found[row].column(index).as_ref());
                let arrays: Vec<&dyn Array> = std::iter::once(null.as_ref()).chain(values).collect();
                interleave(&arrays, &order).map_err(rows_fault)
            })
            .collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns?).map_err(rows_fault)
    }
}
