//! The rows of a source or a view at one version, whatever their format.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::TryStreamExt;

use super::lance::{LanceTable, rows_fault};
use super::objects::Objects;
use super::ordered::OrderedTable;
use super::parquet::{ParquetFile, ParquetTable};
use super::{StoreError, TableKey, ViewData};
use crate::limits::BUILD_BATCH_ROWS;

/// A dataset at one version, or a file.
#[derive(Clone, Debug)]
pub struct Table(Data);

#[derive(Clone, Debug)]
enum Data {
    Lance(LanceTable),
    Parquet { path: String, file: Arc<ParquetFile> },
}

impl From<LanceTable> for Table {
    fn from(table: LanceTable) -> Self {
        Self(Data::Lance(table))
    }
}

impl Table {
    pub(super) async fn open_parquet(objects: &Objects, path: &str) -> Result<Self, StoreError> {
        let file = Arc::new(ParquetFile::open(objects, path).await?);
        Ok(Self(Data::Parquet { path: path.to_owned(), file }))
    }

    /// How a release pins it.
    pub fn data(&self) -> ViewData {
        match &self.0 {
            Data::Lance(table) => ViewData::Lance(table.version()),
            Data::Parquet { path, .. } => ViewData::Parquet(path.clone()),
        }
    }

    /// None for a file.
    pub(super) fn lance(&self) -> Option<&LanceTable> {
        match &self.0 {
            Data::Lance(table) => Some(table),
            Data::Parquet { .. } => None,
        }
    }

    /// The version of a Lance dataset; 0 for a file, which never changes.
    pub fn version(&self) -> u64 {
        self.data().lance_version().unwrap_or_default()
    }

    pub fn schema(&self) -> SchemaRef {
        match &self.0 {
            Data::Lance(table) => table.schema(),
            Data::Parquet { file, .. } => file.schema(),
        }
    }

    pub async fn rows(&self) -> Result<usize, StoreError> {
        match &self.0 {
            Data::Lance(table) => table.rows().await,
            Data::Parquet { file, .. } => Ok(file.rows()),
        }
    }

    /// How many pieces its rows lie in: fragments or row groups.
    pub fn fragments(&self) -> usize {
        match &self.0 {
            Data::Lance(table) => table.fragments(),
            Data::Parquet { file, .. } => file.row_groups(),
        }
    }

    /// For SQL. `ordered` keeps the rows in the order in which they were written.
    pub fn provider(&self, ordered: bool) -> Arc<dyn TableProvider> {
        match &self.0 {
            Data::Lance(table) => table.provider(ordered),
            Data::Parquet { file, .. } => Arc::new(ParquetTable(Arc::clone(file))),
        }
    }

    /// For what asks for the order of `key`, which each piece of the rows is in.
    pub async fn provider_in_order(&self, key: &[String]) -> Result<Arc<dyn TableProvider>, StoreError> {
        match &self.0 {
            Data::Lance(table) => Ok(Arc::new(OrderedTable::open(table.clone(), key).await?)),
            // It is sorted once more.
            Data::Parquet { .. } => Ok(self.provider(true)),
        }
    }

    /// The rows of `columns` in the order of `key`, which each piece of them is in. The columns begin with the key.
    pub async fn scan_in_order(
        &self,
        columns: &[String],
        key: &[String],
    ) -> Result<SendableRecordBatchStream, StoreError> {
        match &self.0 {
            Data::Lance(table) => OrderedTable::open(table.clone(), key).await?.stream(columns).map_err(rows_fault),
            // A file is written in order.
            Data::Parquet { .. } => self.scan(columns).await,
        }
    }

    /// All rows of `columns`, in the order in which they were written.
    pub async fn read(&self, columns: &[String]) -> Result<Vec<RecordBatch>, StoreError> {
        self.scan(columns).await?.try_collect().await.map_err(rows_fault)
    }

    /// The rows of `columns` as they come, in the order in which they were written.
    pub async fn scan(&self, columns: &[String]) -> Result<SendableRecordBatchStream, StoreError> {
        match &self.0 {
            Data::Lance(table) => table.scan(columns).await,
            Data::Parquet { path, file } => {
                let schema = file.schema();
                let indices: Result<Vec<usize>, _> = columns.iter().map(|name| schema.index_of(name)).collect();
                let damaged = |error: datafusion::arrow::error::ArrowError| StoreError::Damaged {
                    path: path.clone(),
                    reason: error.to_string(),
                };
                Ok(file.scan(&indices.map_err(damaged)?, None, BUILD_BATCH_ROWS))
            }
        }
    }

    /// The rows that were written or changed after `version`; none where there are more than `rows_max`, and where that
    /// cannot be told.
    pub async fn changed_since(
        &self,
        version: u64,
        key: &TableKey,
        rows_max: usize,
    ) -> Result<Option<Vec<RecordBatch>>, StoreError> {
        match &self.0 {
            Data::Lance(table) => table.changed_since(version, key, rows_max).await,
            Data::Parquet { .. } => Ok(None),
        }
    }

    /// Whether single rows of it are found without reading all of it.
    pub fn has_index(&self) -> bool {
        matches!(self.0, Data::Lance(_))
    }

    /// The rows of a Lance dataset that have the keys in `keys`, by its index.
    pub async fn of_keys(&self, key: &TableKey, keys: &[RecordBatch]) -> Result<Vec<RecordBatch>, StoreError> {
        let columns: Vec<String> = self.schema().fields().iter().map(|field| field.name().clone()).collect();
        self.columns_of_keys(key, keys, &columns).await
    }

    /// The same of some of its columns, which begin with the key.
    pub async fn columns_of_keys(
        &self,
        key: &TableKey,
        keys: &[RecordBatch],
        columns: &[String],
    ) -> Result<Vec<RecordBatch>, StoreError> {
        match &self.0 {
            Data::Lance(table) => table.of_keys(key, keys, columns).await,
            Data::Parquet { path, .. } => {
                Err(StoreError::Damaged { path: path.clone(), reason: "a file has no index".to_owned() })
            }
        }
    }
}
