//! A dataset whose pieces are in the order of its key, as a table that says so: what asks for that order sorts nothing.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::{TryFutureExt, TryStreamExt};

use super::StoreError;
use super::lance::LanceTable;

/// Fragments of a dataset, in runs that follow one another in the order of the key.
pub(super) struct OrderedTable {
    table: LanceTable,
    key: Vec<String>,
    runs: Vec<Vec<usize>>,
}

impl fmt::Debug for OrderedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderedTable").field("key", &self.key).field("runs", &self.runs).finish_non_exhaustive()
    }
}

impl OrderedTable {
    /// Finds the runs: a fragment that begins after the one before it ends continues its run.
    pub async fn open(table: LanceTable, key: &[String]) -> Result<Self, StoreError> {
        let ends = table.ends_of_fragments(key).await?;
        let mut runs: Vec<Vec<usize>> = Vec::new();
        let Some(ends) = ends else { return Ok(Self { table, key: key.to_vec(), runs }) };
        let encoded = encoded(&ends)?;
        // Two rows a fragment: its first and its last.
        for fragment in 0..encoded.len() / 2 {
            let follows = fragment > 0 && encoded[2 * fragment - 1] <= encoded[2 * fragment];
            match runs.last_mut().filter(|_| follows) {
                Some(run) => run.push(fragment),
                None => runs.push(vec![fragment]),
            }
        }
        Ok(Self { table, key: key.to_vec(), runs })
    }
}

fn encoded(rows: &RecordBatch) -> Result<Vec<Vec<u8>>, StoreError> {
    let fault = |error: datafusion::arrow::error::ArrowError| StoreError::Rows(error.to_string());
    let fields = rows.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let rows =
        RowConverter::new(fields).and_then(|converter| converter.convert_columns(rows.columns())).map_err(fault)?;
    Ok(rows.iter().map(|row| row.data().to_vec()).collect())
}

impl OrderedTable {
    /// The rows of `columns`, which begin with the key, in its order: one run after the other where there is one, else
    /// merged.
    pub fn stream(&self, columns: &[String]) -> DataFusionResult<SendableRecordBatchStream> {
        let schema = self.schema();
        let indices: Vec<usize> = columns.iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
        let (scan, order) = self.plan(&indices, None)?;
        let merged: Arc<dyn ExecutionPlan> = match order {
            Some(order) if self.runs.len() > 1 => Arc::new(SortPreservingMergeExec::new(order, scan)),
            _ => scan,
        };
        merged.execute(0, Arc::new(TaskContext::default()))
    }

    /// A scan with a partition a run, and the order of each.
    fn plan(
        &self,
        columns: &[usize],
        limit: Option<usize>,
    ) -> DataFusionResult<(Arc<dyn ExecutionPlan>, Option<LexOrdering>)> {
        let schema = Arc::new(self.schema().project(columns)?);
        let in_key = self.key.iter().map_while(|name| schema.index_of(name).ok());
        let order = LexOrdering::new(in_key.map(|column| {
            let expr = Arc::new(Column::new(schema.field(column).name(), column));
            PhysicalSortExpr::new(expr, SortOptions::default())
        }));
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let empty = vec![Vec::new()];
        let runs = if self.runs.is_empty() { &empty } else { &self.runs };
        let parts = runs.iter().map(|run| {
            let part =
                Run { table: self.table.clone(), run: run.clone(), names: names.clone(), schema: Arc::clone(&schema) };
            Arc::new(part) as Arc<dyn PartitionStream>
        });
        let parts = parts.collect();
        let scan = StreamingTableExec::try_new(schema, parts, None, order.clone(), false, limit)?;
        Ok((Arc::new(scan), order))
    }
}

#[async_trait]
impl TableProvider for OrderedTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema().fields().len()).collect());
        Ok(self.plan(&columns, limit)?.0)
    }
}

/// One run.
#[derive(Debug)]
struct Run {
    table: LanceTable,
    run: Vec<usize>,
    names: Vec<String>,
    schema: SchemaRef,
}

impl PartitionStream for Run {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, ctx: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (table, run, names) = (self.table.clone(), self.run.clone(), self.names.clone());
        let batch_rows = ctx.session_config().batch_size();
        let external = |error: StoreError| DataFusionError::External(Box::new(error));
        let schema = Arc::clone(&self.schema);
        let rows = async move {
            let rows = table.scan_fragments(&run, &names, batch_rows).await.map_err(external)?;
            Ok::<_, DataFusionError>(rows.and_then(move |batch| {
                // Without metadata, which is the storage's own business.
                std::future::ready(
                    RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).map_err(Into::into),
                )
            }))
        };
        let rows = rows.try_flatten_stream();
        Box::pin(datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
