//! Views as Parquet files: one file a build, never changed, found by the name that the release pins.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt64Array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::arrow::{AsyncArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;

use super::objects::Objects;
use super::{StoreError, TableKey};
use crate::limits::PARQUET_ROW_GROUP_ROWS;

/// A file, its footer read.
#[derive(Clone)]
pub(super) struct ParquetFile {
    reader: ObjectReader,
    metadata: Arc<ParquetMetaData>,
    schema: SchemaRef,
}

impl fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetFile").field("path", &self.reader.path).finish_non_exhaustive()
    }
}

/// Writes `rows`, which come in the order of `key`, to a file that nobody reads yet.
pub(super) async fn write(
    objects: &Objects,
    path: &str,
    mut rows: SendableRecordBatchStream,
    key: &TableKey,
) -> Result<(), StoreError> {
    let schema = rows.schema();
    let sorted_by = key.iter().filter_map(|name| schema.index_of(name).ok()).map(|index| {
        let column_idx = i32::try_from(index).unwrap_or(i32::MAX);
        parquet::file::metadata::SortingColumn { column_idx, descending: false, nulls_first: false }
    });
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(PARQUET_ROW_GROUP_ROWS))
        .set_sorting_columns(Some(sorted_by.collect()))
        .build();
    let out = BufWriter::new(Arc::clone(objects.store()), objects.path(path));
    let mut writer = AsyncArrowWriter::try_new(out, schema, Some(properties)).map_err(fault(path))?;
    while let Some(batch) = rows.try_next().await.map_err(|error| StoreError::Rows(error.to_string()))? {
        writer.write(&batch).await.map_err(fault(path))?;
    }
    writer.close().await.map_err(fault(path))?;
    Ok(())
}

impl ParquetFile {
    pub async fn open(objects: &Objects, path: &str) -> Result<Self, StoreError> {
        let Some(size) = objects.size(path).await? else {
            return Err(StoreError::Damaged { path: path.to_owned(), reason: "it is not there".to_owned() });
        };
        let mut reader = ObjectReader { store: Arc::clone(objects.store()), path: objects.path(path), size };
        let metadata = reader.get_metadata(None).await.map_err(fault(path))?;
        let builder = ParquetRecordBatchStreamBuilder::new(reader.clone()).await.map_err(fault(path))?;
        let schema = Arc::clone(builder.schema());
        Ok(Self { reader, metadata, schema })
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub fn rows(&self) -> usize {
        usize::try_from(self.metadata.file_metadata().num_rows()).unwrap_or_default()
    }

    pub fn row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// The rows of the columns at `columns`, in the order in which they were written; of the row groups in `groups`, or of
    /// all.
    pub fn scan(&self, columns: &[usize], groups: Option<Vec<usize>>, batch_rows: usize) -> SendableRecordBatchStream {
        let (reader, wanted) = (self.reader.clone(), columns.to_vec());
        let schema = match self.schema.project(columns) {
            Ok(schema) => Arc::new(schema),
            Err(error) => {
                let failed = futures::stream::once(std::future::ready(Err(error.into())));
                return Box::pin(RecordBatchStreamAdapter::new(self.schema(), failed));
            }
        };
        let of_schema = Arc::clone(&schema);
        let rows = async move {
            let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(unreadable)?;
            let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
            let builder = match groups {
                Some(groups) => builder.with_row_groups(groups),
                None => builder,
            };
            let batches = builder.with_projection(mask).with_batch_size(batch_rows).build();
            Ok::<_, DataFusionError>(batches.map_err(unreadable)?.map_err(unreadable))
        };
        // A mask has no order.
        let rows = rows.try_flatten_stream().map(move |batch| {
            let batch = batch?;
            let order: Result<Vec<usize>, _> =
                of_schema.fields().iter().map(|field| batch.schema().index_of(field.name())).collect();
            let columns = order?.into_iter().map(|index| Arc::clone(batch.column(index))).collect();
            let rows = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&of_schema), columns, &rows)?)
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }

    /// The row groups that can have rows for which `filters` hold.
    fn pruned(&self, state: &dyn Session, filters: &[Expr]) -> DataFusionResult<Option<Vec<usize>>> {
        let Some(filter) = conjunction(filters.to_vec()) else { return Ok(None) };
        let schema = DFSchema::try_from(self.schema())?;
        let predicate = PruningPredicate::try_new(state.create_physical_expr(filter, &schema)?, self.schema())?;
        let keep = predicate.prune(&RowGroups(self))?;
        Ok(Some(keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(group, _)| group).collect()))
    }
}

/// Reads ranges of an object.
#[derive(Clone)]
struct ObjectReader {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    size: u64,
}

impl AsyncFileReader for ObjectReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move { self.store.get_range(&self.path, range).await.map_err(external) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let size = self.size;
            Ok(Arc::new(ParquetMetaDataReader::new().load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

/// What the footer says of each row group.
struct RowGroups<'a>(&'a ParquetFile);

impl RowGroups<'_> {
    fn told(
        &self,
        column: &Column,
        tell: impl Fn(&StatisticsConverter<'_>) -> ParquetResult<ArrayRef>,
    ) -> Option<ArrayRef> {
        let schema = self.0.metadata.file_metadata().schema_descr();
        let converter = StatisticsConverter::try_new(column.name(), &self.0.schema, schema).ok()?;
        tell(&converter).ok()
    }
}

impl PruningStatistics for RowGroups<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.told(column, |converter| converter.row_group_mins(self.0.metadata.row_groups()))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.told(column, |converter| converter.row_group_maxes(self.0.metadata.row_groups()))
    }

    fn num_containers(&self) -> usize {
        self.0.row_groups()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let counts = |converter: &StatisticsConverter<'_>| {
            converter.row_group_null_counts(self.0.metadata.row_groups()).map(|counts| Arc::new(counts) as ArrayRef)
        };
        self.told(column, counts)
    }

    /// The footer knows no values but the least and the greatest.
    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.0.metadata.row_groups().iter().map(|group| group.num_rows().unsigned_abs());
        Some(Arc::new(rows.collect::<UInt64Array>()))
    }
}

/// A file as a table of SQL.
#[derive(Debug)]
pub(super) struct ParquetTable(pub Arc<ParquetFile>);

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let columns = projection.cloned().unwrap_or_else(|| (0..self.0.schema.fields().len()).collect());
        let schema = Arc::new(self.0.schema.project(&columns)?);
        let groups = self.0.pruned(state, filters)?;
        let part = FilePart { file: Arc::clone(&self.0), columns, groups, schema: Arc::clone(&schema) };
        let scan = StreamingTableExec::try_new(schema, vec![Arc::new(part)], None, [], false, limit)?;
        Ok(Arc::new(scan))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        // Row groups are left out; within them the session filters.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// Some columns of some row groups.
#[derive(Debug)]
struct FilePart {
    file: Arc<ParquetFile>,
    columns: Vec<usize>,
    groups: Option<Vec<usize>>,
    schema: SchemaRef,
}

impl PartitionStream for FilePart {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, ctx: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.file.scan(&self.columns, self.groups.clone(), ctx.session_config().batch_size())
    }
}

fn unreadable(error: ParquetError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn fault(path: &str) -> impl FnOnce(ParquetError) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| match source {
        ParquetError::External(inner) if inner.is::<object_store::Error>() => {
            StoreError::Unavailable(*inner.downcast().expect("its type was just seen"))
        }
        source => StoreError::Damaged { path, reason: source.to_string() },
    }
}
