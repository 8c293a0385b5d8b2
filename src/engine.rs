//! A bounded DataFusion session and its functions: the one way to run SQL.
//!
//! A session reads the tables that are registered in it and nothing else: no files, no URLs, no catalogue of its own, no
//! function outside [`functions`]. Statements are bounded before they are planned ([`Statement`]).

mod functions;
pub mod json;
mod sql_error;
mod statement;

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::DFSchema;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{Expr, LogicalPlan, col};
use datafusion::physical_plan::{SendableRecordBatchStream, displayable, execute_stream};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};

pub use functions::FUNCTIONS;
pub use sql_error::SqlError;
pub use statement::{Statement, TableRead, canonical_expression};

use crate::analyze::Analyzer;

/// What a session may use.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that the operators of all its statements may hold; sorts and aggregates spill to disk above it.
    pub memory_bytes: usize,
    /// Rows of a batch.
    pub batch_rows: usize,
}

/// A set of tables, and statements over them.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
}

impl Session {
    pub fn new(bounds: Bounds) -> Self {
        let mut config = SessionConfig::new().with_batch_size(bounds.batch_rows).with_information_schema(false);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        // It puts an analyzer's call in the place of each of its fields, and then the analyzer runs once a field.
        options.optimizer.enable_leaf_expression_pushdown = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(bounds.memory_bytes)))
            .build_arc()
            .expect("a runtime without files or caches of its own is always built");
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_expr_planners(functions::expression_planners())
            .with_scalar_functions(functions::scalar())
            .with_aggregate_functions(functions::aggregate())
            .with_window_functions(functions::window())
            .build();
        Self { context: SessionContext::new_with_state(state) }
    }

    /// Makes `table` known as `name`; one that has the name already is replaced.
    pub fn register(&self, name: &str, table: Arc<dyn TableProvider>) {
        // Names are checked before they come here, and the catalogue is in memory.
        let _ = self.context.register_table(name, table);
    }

    /// Makes an empty table known, to plan against.
    pub fn register_schema(&self, name: &str, schema: SchemaRef) {
        self.register(name, Arc::new(EmptyTable::new(schema)));
    }

    /// Plans a statement; its types are checked.
    pub async fn plan(&self, statement: &Statement) -> Result<LogicalPlan, SqlError> {
        let state = self.context.state();
        let known = self.context.catalog("datafusion").and_then(|catalog| catalog.schema("public"));
        let tables = known.map(|schema| schema.table_names()).unwrap_or_default();
        let plan = state
            .statement_to_plan(statement.to_datafusion())
            .await
            .map_err(|error| SqlError::from_planning(error, &tables))?;
        state.optimize(&plan).map_err(|error| SqlError::from_planning(error, &tables))?;
        Ok(plan)
    }

    /// Reads every column of `table`, and beside them `name`: what `analyzer` makes of the column `text`.
    pub async fn analyzed(
        &self,
        table: &str,
        analyzer: &'static Analyzer,
        text: &str,
    ) -> Result<LogicalPlan, SqlError> {
        let call = functions::analyzer_function(analyzer).call(vec![col(text)]);
        let frame = self.context.table(table).await.map_err(SqlError::from_execution)?;
        let frame = frame.with_column(analyzer.name, call).map_err(SqlError::from_execution)?;
        Ok(frame.into_unoptimized_plan())
    }

    /// The expression that `text` is over the columns of `plan`.
    pub fn expression(&self, text: &str, plan: &LogicalPlan) -> Result<Expr, SqlError> {
        self.expression_over(text, plan.schema())
    }

    fn expression_over(&self, text: &str, schema: &DFSchema) -> Result<Expr, SqlError> {
        statement::check_bounds(text)?;
        self.context.state().create_logical_expr(text, schema).map_err(|error| SqlError::from_planning(error, &[]))
    }

    /// `plan` with the columns `expressions`, its types checked.
    pub fn project(&self, plan: &LogicalPlan, expressions: Vec<Expr>) -> Result<LogicalPlan, SqlError> {
        let planning = |error| SqlError::from_planning(error, &[]);
        let frame = DataFrame::new(self.context.state(), plan.clone()).select(expressions).map_err(planning)?;
        let plan = frame.into_unoptimized_plan();
        self.context.state().optimize(&plan).map_err(planning)?;
        Ok(plan)
    }

    /// Which columns of which tables `plan` needs, after optimisation: `(table, column)`, ordered.
    pub fn columns_read(&self, plan: &LogicalPlan) -> Result<Vec<(String, String)>, SqlError> {
        use datafusion::common::tree_node::TreeNodeRecursion;
        let plan = self.context.state().optimize(plan).map_err(|error| SqlError::from_planning(error, &[]))?;
        let mut read = std::collections::BTreeSet::new();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let table = scan.table_name.table();
                read.extend(scan.projected_schema.fields().iter().map(|f| (table.to_owned(), f.name().clone())));
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(SqlError::from_execution)?;
        Ok(read.into_iter().collect())
    }

    /// The text of `plan` after optimisation.
    pub fn optimized(&self, plan: &LogicalPlan) -> Result<String, SqlError> {
        let plan = self.context.state().optimize(plan).map_err(|error| SqlError::from_planning(error, &[]))?;
        Ok(plan.display_indent().to_string())
    }

    /// Runs a plan.
    pub async fn execute(&self, plan: LogicalPlan) -> Result<SendableRecordBatchStream, SqlError> {
        let frame = DataFrame::new(self.context.state(), plan);
        let physical = frame.create_physical_plan().await.map_err(SqlError::from_execution)?;
        tracing::debug!(plan = %displayable(physical.as_ref()).indent(false), "running a plan");
        execute_stream(physical, self.context.task_ctx()).map_err(SqlError::from_execution)
    }
}
