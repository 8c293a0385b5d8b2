//! The rows of a plan with their numbers, in the order in which the plan gives them.
//!
//! The plan runs by itself: within another one, an optimiser may leave its `order by` out, or deal its rows out to several
//! threads.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::TryFutureExt;

use crate::engine::{Session, numbered, numbered_schema};

/// A plan as a table with one column more, which counts from 0.
#[derive(Clone)]
pub(super) struct Numbered {
    session: Session,
    plan: LogicalPlan,
    schema: SchemaRef,
}

impl Numbered {
    pub fn new(session: Session, plan: LogicalPlan, number: &str) -> Self {
        let fields = plan.schema().fields().iter().map(|field| Field::clone(field).with_nullable(true));
        let schema = numbered_schema(&Schema::new(fields.collect::<Vec<_>>()), number);
        Self { session, plan, schema }
    }
}

impl fmt::Debug for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbered").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for Numbered {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn datafusion::catalog::Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = Arc::clone(&self.schema);
        let scan = StreamingTableExec::try_new(schema, vec![Arc::new(self.clone())], projection, [], false, limit)?;
        Ok(Arc::new(scan))
    }
}

impl PartitionStream for Numbered {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _ctx: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (session, plan, schema) = (self.session.clone(), self.plan.clone(), Arc::clone(&self.schema));
        let rows = async move {
            session.execute_in_order(plan).await.map_err(|error| DataFusionError::External(Box::new(error)))
        };
        numbered(rows.try_flatten_stream(), schema)
    }
}
