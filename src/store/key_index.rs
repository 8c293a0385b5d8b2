//! From the key of an entity to the row that holds it.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::StoreError;

/// The rows of distinct keys.
#[derive(Debug)]
pub struct KeyIndex {
    /// One column a join key, as text.
    columns: Vec<StringArray>,
    rows: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl KeyIndex {
    /// Indexes the keys in `columns`, one column a join key. A key that comes twice keeps its first row.
    pub fn new(columns: Vec<StringArray>) -> Result<Self, StoreError> {
        let count = columns.first().map(|column| column.len()).unwrap_or_default();
        let count = u32::try_from(count).map_err(|_| StoreError::Rows(format!("{count} entities are too many")))?;
        let mut index =
            Self { columns, rows: HashTable::with_capacity(count as usize), hasher: DefaultHashBuilder::default() };
        for row in 0..count {
            let hash = index.hash_row(row as usize);
            let Self { columns, rows, hasher } = &mut index;
            let same = |other: &u32| columns.iter().all(|c| c.value(*other as usize) == c.value(row as usize));
            if rows.find(hash, same).is_none() {
                rows.insert_unique(hash, row, |row| hash_parts(hasher, columns.iter().map(|c| c.value(*row as usize))));
            }
        }
        Ok(index)
    }

    /// The number of distinct keys.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of the key whose parts are `parts`, in the order of the join keys.
    pub fn row<'a>(&self, parts: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
        let hash = hash_parts(&self.hasher, parts.clone());
        let same = |row: &u32| self.columns.iter().map(|column| column.value(*row as usize)).eq(parts.clone());
        self.rows.find(hash, same).map(|row| *row as usize)
    }

    /// The parts of the key in a row.
    pub fn key(&self, row: usize) -> impl Iterator<Item = &str> + Clone {
        self.columns.iter().map(move |column| column.value(row))
    }

    /// The columns of the keys, as text.
    pub fn columns(&self) -> &[StringArray] {
        &self.columns
    }

    pub fn memory_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(|column| column.get_array_memory_size()).sum();
        columns + self.rows.allocation_size()
    }

    fn hash_row(&self, row: usize) -> u64 {
        hash_parts(&self.hasher, self.columns.iter().map(|column| column.value(row)))
    }
}

fn hash_parts<'a>(hasher: &DefaultHashBuilder, parts: impl Iterator<Item = &'a str>) -> u64 {
    let mut state = hasher.build_hasher();
    for part in parts {
        state.write(part.as_bytes());
        state.write_u8(0xff);
    }
    state.finish()
}

/// Keys that were met, for streams that are too long to hold: 128 bits of BLAKE3 each, so that two keys are never confused.
#[derive(Debug, Default)]
pub struct KeySet(HashSet<KeyDigest>);

impl KeySet {
    /// Adds the key in `row` of `columns`; says whether it is new.
    pub fn insert(&mut self, columns: &[StringArray], row: usize) -> bool {
        self.0.insert(key_digest(columns, row))
    }
}

/// 128 bits of BLAKE3 of a key.
pub type KeyDigest = [u8; 16];

/// The digest of the key in `row` of `columns`.
pub fn key_digest(columns: &[StringArray], row: usize) -> KeyDigest {
    let mut hasher = blake3::Hasher::new();
    for part in columns {
        hasher.update(part.value(row).as_bytes()).update(&[0xff]);
    }
    let mut short = [0; 16];
    hasher.finalize_xof().fill(&mut short);
    short
}

/// The key columns of `batch`, by name, as text.
pub fn key_texts(batch: &RecordBatch, key: &[String]) -> Result<Vec<StringArray>, StoreError> {
    key.iter()
        .map(|name| {
            let column: &ArrayRef = batch
                .column_by_name(name)
                .ok_or_else(|| StoreError::Rows(format!("the key column `{name}` is missing")))?;
            if column.null_count() > 0 {
                return Err(StoreError::Rows(format!("the key column `{name}` has nulls")));
            }
            let text = cast(column, &DataType::Utf8).map_err(|error| StoreError::Rows(error.to_string()))?;
            Ok(text.as_string::<i32>().clone())
        })
        .collect()
}
