//! An entity as one table: its keys and every feature of every view, without a join.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatchOptions;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::store::{FrameColumn, ReadableFrame};

/// The columns of a frame, most of which are in memory already; a statement touches those that it names.
#[derive(Debug)]
pub(super) struct EntityTable {
    schema: SchemaRef,
    columns: Vec<FrameColumn>,
    rows: usize,
}

impl EntityTable {
    pub fn new(frame: &ReadableFrame<'_>) -> Self {
        let fields: Vec<Field> = frame.columns().map(|column| column.field.clone()).collect();
        Self { schema: Arc::new(Schema::new(fields)), columns: frame.columns().cloned().collect(), rows: frame.rows() }
    }
}

#[async_trait]
impl TableProvider for EntityTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let projection = projection.unwrap_or(&all);
        let schema = Arc::new(self.schema.project(projection)?);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(projection.len());
        for index in projection {
            let column = self.columns[*index].all().await;
            columns.push(column.map_err(|error| DataFusionError::External(error.into()))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        let rows = limit.unwrap_or(self.rows).min(self.rows);
        // One run of batches a core, in the order of the rows.
        let cores = state.config().target_partitions().max(1);
        let batch_rows = state.config().batch_size();
        let run_rows = rows.div_ceil(cores).max(batch_rows);
        let runs: Vec<Vec<RecordBatch>> = (0..rows)
            .step_by(run_rows)
            .map(|start| {
                let end = (start + run_rows).min(rows);
                (start..end).step_by(batch_rows).map(|from| batch.slice(from, batch_rows.min(end - from))).collect()
            })
            .collect();
        let runs = if runs.is_empty() { vec![vec![]] } else { runs };
        Ok(MemorySourceConfig::try_new_exec(&runs, schema, None)?)
    }
}
