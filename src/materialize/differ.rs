//! Which rows of an ingest are new or changed, and which keys of a source are no longer there.

use std::collections::{HashMap, HashSet};

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};

use crate::store::{KeyDigest, StoreError, key_digest, key_texts};

/// Compares rows by the digest of their content.
pub(super) struct Differ {
    key: Vec<String>,
    converter: RowConverter,
    schema: SchemaRef,
    /// The column that says when a row was written.
    created: Option<String>,
    /// The content of the rows that are there and when they were written, by key.
    known: HashMap<KeyDigest, (blake3::Hash, i64)>,
    seen: HashSet<KeyDigest>,
}

impl Differ {
    /// Compares rows of `schema`, in which the columns `key` say which row is meant, and `created` when it was written.
    pub fn new(schema: SchemaRef, key: Vec<String>, created: Option<String>) -> Result<Self, StoreError> {
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let converter = RowConverter::new(fields).map_err(fault)?;
        Ok(Self { key, converter, schema, created, known: HashMap::new(), seen: HashSet::new() })
    }

    /// Adds rows that are there.
    pub fn know(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        for ((key, content), written) in self.digests(batch)?.into_iter().zip(self.written(batch)?) {
            self.known.insert(key, (content, written));
        }
        Ok(())
    }

    /// The rows of an ingest that are new or changed, and were not written before those that are there.
    pub fn changed(&mut self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let mut keep = Vec::with_capacity(batch.num_rows());
        for ((key, content), written) in self.digests(batch)?.into_iter().zip(self.written(batch)?) {
            keep.push(self.known.get(&key).is_none_or(|(known, before)| *known != content && *before <= written));
            self.seen.insert(key);
        }
        filter_record_batch(batch, &BooleanArray::from(keep)).map_err(fault)
    }

    /// The keys of those rows of `batch` in whose place there is a row.
    pub fn replaced(&self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let keys = key_texts(batch, &self.key)?;
        let is_known = (0..batch.num_rows()).map(|row| Some(self.known.contains_key(&key_digest(&keys, row))));
        let rows = filter_record_batch(batch, &is_known.collect::<BooleanArray>()).map_err(fault)?;
        let columns: Result<Vec<usize>, _> = self.key.iter().map(|name| rows.schema().index_of(name)).collect();
        rows.project(&columns.map_err(fault)?).map_err(fault)
    }

    /// Whether every row that is there was in the ingest too.
    pub fn saw_all(&self) -> bool {
        self.known.keys().all(|key| self.seen.contains(key))
    }

    /// The rows of `batch`, which are there, that the ingest did not have.
    pub fn unseen(&self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let keys = key_texts(batch, &self.key)?;
        let unseen = (0..batch.num_rows()).map(|row| Some(!self.seen.contains(&key_digest(&keys, row))));
        filter_record_batch(batch, &unseen.collect::<BooleanArray>()).map_err(fault)
    }

    /// When each row was written, in microseconds; where nobody says, before all others.
    fn written(&self, batch: &RecordBatch) -> Result<Vec<i64>, StoreError> {
        let column = self.created.as_ref().and_then(|name| batch.column_by_name(name));
        let Some(column) = column else { return Ok(vec![i64::MIN; batch.num_rows()]) };
        let times = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None)).map_err(fault)?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        Ok(times.iter().map(|time| time.unwrap_or(i64::MIN)).collect())
    }

    fn digests(&self, batch: &RecordBatch) -> Result<Vec<(KeyDigest, blake3::Hash)>, StoreError> {
        let keys = key_texts(batch, &self.key)?;
        let columns = self.schema.fields().iter().map(|field| batch.column_by_name(field.name()).cloned());
        let columns: Option<Vec<_>> = columns.collect();
        let columns = columns.ok_or_else(|| StoreError::Rows("a column of the source is missing".to_owned()))?;
        let rows = self.converter.convert_columns(&columns).map_err(fault)?;
        Ok(rows
            .iter()
            .enumerate()
            .map(|(row, content)| (key_digest(&keys, row), blake3::hash(content.data())))
            .collect())
    }
}

fn fault(error: ArrowError) -> StoreError {
    StoreError::Rows(error.to_string())
}
