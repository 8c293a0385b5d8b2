//! Which rows of an ingest are new or changed, and which keys of a source are no longer there.

use std::collections::{HashMap, HashSet};

use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};

use crate::store::{KeyDigest, StoreError, key_digest, key_texts};

/// Compares rows by the digest of their content.
pub(super) struct Differ {
    key: Vec<String>,
    converter: RowConverter,
    schema: SchemaRef,
    /// The content of the rows that are there, by key.
    known: HashMap<KeyDigest, blake3::Hash>,
    seen: HashSet<KeyDigest>,
}

impl Differ {
    /// Compares rows of `schema`, in which the columns `key` say which row is meant.
    pub fn new(schema: SchemaRef, key: Vec<String>) -> Result<Self, StoreError> {
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let converter = RowConverter::new(fields).map_err(fault)?;
        Ok(Self { key, converter, schema, known: HashMap::new(), seen: HashSet::new() })
    }

    /// Adds rows that are there.
    pub fn know(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        for (key, content) in self.digests(batch)? {
            self.known.insert(key, content);
        }
        Ok(())
    }

    /// The rows of an ingest that are new or changed.
    pub fn changed(&mut self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let mut keep = Vec::with_capacity(batch.num_rows());
        for (key, content) in self.digests(batch)? {
            keep.push(self.known.get(&key) != Some(&content));
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
