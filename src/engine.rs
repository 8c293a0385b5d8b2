//! A bounded DataFusion session and its functions: the one way to run SQL.
//!
//! A session reads the tables that are registered in it and nothing else: no files, no URLs, no catalogue of its own, no
//! function outside `functions.rs`. Statements are bounded before they are planned ([`Statement`]).

mod embedding;
mod exact;
mod faults;
mod filter;
mod functions;
pub mod json;
mod lineage;
mod numbering;
mod resources;
mod row_expression;
mod sql_error;
mod statement;
mod terms;
mod themes;
pub mod time;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, ExprSchemable, JoinType, LogicalPlan, LogicalPlanBuilder, ident};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, displayable, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};

pub use exact::{exact_cast, exact_or_misfit, shown};
pub use faults::{Fault, Faults};
pub use filter::RowFilter;
pub use functions::FUNCTIONS;
pub use numbering::{numbered, numbered_schema};
pub use resources::Resources;
pub use row_expression::RowExpression;
pub use sql_error::SqlError;
pub use statement::{Statement, TableCall, TableRead, canonical_expression, columns_of_expression, quoted};
pub use terms::SEARCH_TERMS;
pub use themes::with_vectors;

use crate::analyze::{ANALYZERS, Analyzer, ReadyAnalyzer};
use crate::model::{BUILT_IN, Model, Part};

/// The column that an embedding view's features read: a struct with a field for each part.
pub const EMBEDDING: &str = "embedding";

/// What the vectors of stanzas are called in a plan: a name that no column of a project can have.
const STANZA_VECTORS: &str = "_stanza_vectors";

/// Where what is not of one row can be written.
const BELONGS_TO_A_QUERY: &str = "write it in a query: in the `sql` of a view, or as a statement";

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
    /// Copying a context's state takes longer than planning a small statement; the tables in it are shared.
    state: Arc<SessionState>,
    faults: Faults,
}

/// What a plan needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// `(table, column)`, ordered.
    pub columns: Vec<(String, String)>,
    /// Those of our functions that it calls: `name@version`, ordered.
    pub functions: Vec<String>,
}

/// A text of a table, for an analyzer or a model.
#[derive(Clone, Copy, Debug)]
pub struct TextColumn<'a> {
    pub table: &'a str,
    pub text: &'a str,
    /// The columns by which faults name a row; none where nothing is computed yet.
    pub keys: &'a [String],
}

/// The vectors of the stanzas of a text, in a view of them.
#[derive(Clone, Copy, Debug)]
pub struct VectorsColumn<'a> {
    pub table: &'a str,
    pub column: &'a str,
    /// The columns that make its rows and those of the text meet.
    pub keys: &'a [String],
}

/// The rows that the tables of a running plan have given.
pub struct Scanned(Arc<dyn ExecutionPlan>);

impl Scanned {
    /// All of them, once the plan has run.
    pub fn rows(&self) -> u64 {
        fn of(plan: &dyn ExecutionPlan) -> u64 {
            let children = plan.children();
            match children.is_empty() {
                // What lies in memory counts nothing while it runs, but knows how much it is.
                true => {
                    let counted = plan.metrics().and_then(|metrics| metrics.output_rows());
                    let known = || plan.partition_statistics(None).ok()?.num_rows.get_value().copied();
                    counted.or_else(known).unwrap_or_default() as u64
                }
                false => children.into_iter().map(|child| of(child.as_ref())).sum(),
            }
        }
        of(self.0.as_ref())
    }
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
        let context = SessionContext::new_with_state(state);
        let state = Arc::new(context.state());
        Self { context, state, faults: Faults::default() }
    }

    /// Makes `table` known as `name`; one that has the name already is replaced.
    pub fn register(&self, name: &str, table: Arc<dyn TableProvider>) {
        // Names are checked before they come here, and the catalogue is in memory; it refuses a name that is taken.
        let _ = self.context.deregister_table(name);
        let _ = self.context.register_table(name, table);
    }

    /// Makes an empty table known, to plan against.
    pub fn register_schema(&self, name: &str, schema: SchemaRef) {
        self.register(name, Arc::new(EmptyTable::new(schema)));
    }

    /// Plans a statement. Names are resolved; types are checked by [`Self::check`], or before it runs.
    pub async fn plan(&self, statement: &Statement) -> Result<LogicalPlan, SqlError> {
        let plan = self.state.statement_to_plan(statement.to_datafusion()).await;
        plan.map_err(|error| self.planning(error))
    }

    /// Checks the types of a plan.
    pub fn check(&self, plan: &LogicalPlan) -> Result<(), SqlError> {
        self.state.optimize(plan).map(|_| ()).map_err(|error| self.planning(error))
    }

    /// Reads every column of the table, and beside them, under the analyzer's name, what it makes of the text.
    pub async fn analyzed(
        &self,
        of: &TextColumn<'_>,
        analyzer: ReadyAnalyzer,
        vectors: Option<VectorsColumn<'_>>,
    ) -> Result<LogicalPlan, SqlError> {
        let name = analyzer.analyzer().name;
        let function = functions::analyzer_of_rows(analyzer, vectors.is_some(), self.faults.clone());
        let mut frame = self.context.table(of.table).await.map_err(SqlError::from_execution)?;
        let mut columns: Vec<Expr> = frame.schema().columns().into_iter().map(Expr::Column).collect();
        let mut arguments = vec![ident(of.text)];
        if let Some(vectors) = vectors {
            let right = self.context.table(vectors.table).await.map_err(SqlError::from_execution)?;
            // Names that no column of a project can have.
            let key = |index: usize| format!("_key_{index}");
            let keys = vectors.keys.iter().enumerate().map(|(index, name)| ident(name.as_str()).alias(key(index)));
            let right = right.select(keys.chain([ident(vectors.column).alias(STANZA_VECTORS)]).collect::<Vec<_>>());
            let names: Vec<String> = (0..vectors.keys.len()).map(key).collect();
            let (left_keys, right_keys): (Vec<&str>, Vec<&str>) =
                vectors.keys.iter().zip(&names).map(|(left, right)| (left.as_str(), right.as_str())).unzip();
            let joined = right.and_then(|right| frame.join(right, JoinType::Left, &left_keys, &right_keys, None));
            frame = joined.map_err(SqlError::from_execution)?;
            arguments.push(ident(STANZA_VECTORS));
        }
        arguments.extend(of.keys.iter().map(|key| ident(key.as_str())));
        columns.push(function.call(arguments).alias(name));
        Ok(frame.select(columns).map_err(SqlError::from_execution)?.into_unoptimized_plan())
    }

    /// Reads every column of the table, and beside them `embedding`: the vectors of `parts` of the text.
    pub async fn embedded(
        &self,
        of: &TextColumn<'_>,
        model: &Arc<Model>,
        parts: &[Part],
    ) -> Result<LogicalPlan, SqlError> {
        let arguments = std::iter::once(of.text).chain(of.keys.iter().map(String::as_str)).map(ident).collect();
        let call = embedding::parts_of_rows(model, parts, self.faults.clone()).call(arguments);
        let frame = self.context.table(of.table).await.map_err(SqlError::from_execution)?;
        let frame = frame.with_column(EMBEDDING, call).map_err(SqlError::from_execution)?;
        Ok(frame.into_unoptimized_plan())
    }

    /// The same, where rows of which analyzers and models can make nothing go to `faults`.
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Makes `embed(text)` known, by the built-in model, and lets analyzers read what set-up has brought.
    pub fn register_resources(&mut self, resources: &Resources) {
        self.context.register_udf(embedding::embed_function(resources.models(), BUILT_IN));
        match resources.stress() {
            Ok(stress) => {
                for analyzer in ANALYZERS.iter().filter(|analyzer| analyzer.reads_stress) {
                    let ready = ReadyAnalyzer::new(analyzer, Arc::default(), Arc::clone(&stress));
                    self.context.register_udf(functions::analyzer_function(ready));
                }
            }
            Err(reason) => tracing::warn!(reason, "Russian words are stressed by rule alone in statements"),
        }
        self.state = Arc::new(self.context.state());
    }

    /// The expression that `text` is over the columns of `plan`: a value of each row, by itself.
    pub fn expression(&self, text: &str, plan: &LogicalPlan) -> Result<Expr, SqlError> {
        statement::check_is_of_a_row(text)?;
        let expression = self.state.create_logical_expr(text, plan.schema()).map_err(|error| self.planning(error))?;
        let over_rows = |expression: &Expr| match expression {
            Expr::AggregateFunction(call) => Some(("an aggregate", call.func.name().to_owned())),
            Expr::WindowFunction(call) => Some(("a window", call.fun.name().to_owned())),
            _ => None,
        };
        let mut found = None;
        let _ = expression.apply(|part| {
            found = found.take().or_else(|| over_rows(part));
            Ok(TreeNodeRecursion::Continue)
        });
        match found {
            None => Ok(expression),
            Some((what, name)) => {
                Err(SqlError::invalid(format!("`{name}` is {what} over rows; an expression is of one row"))
                    .with_remedy(BELONGS_TO_A_QUERY))
            }
        }
    }

    /// Checks that `text` is true or false of each row of `plan`.
    pub fn check_condition(&self, text: &str, plan: &LogicalPlan) -> Result<(), SqlError> {
        self.check_is_condition(self.expression(text, plan)?, text, plan)
    }

    /// The same of an expression that is called `text`.
    fn check_is_condition(&self, condition: Expr, text: &str, plan: &LogicalPlan) -> Result<(), SqlError> {
        let found = condition.get_type(plan.schema()).map_err(|error| self.planning(error))?;
        if !matches!(found, DataType::Boolean | DataType::Null) {
            let found = shown(&found);
            return Err(SqlError::invalid(format!("`{text}` is {found}; a condition is true or false")));
        }
        let filtered = LogicalPlanBuilder::from(plan.clone()).filter(condition);
        let filtered = filtered.and_then(LogicalPlanBuilder::build).map_err(|error| self.planning(error))?;
        self.check(&filtered)
    }

    /// `plan` with the columns `expressions`. Types are checked by [`Self::check`] and [`Self::needs`], or before it
    /// runs.
    pub fn project(&self, plan: &LogicalPlan, expressions: Vec<Expr>) -> Result<LogicalPlan, SqlError> {
        let plan = LogicalPlanBuilder::from(plan.clone()).project(expressions).and_then(LogicalPlanBuilder::build);
        plan.map_err(|error| self.planning(error))
    }

    /// The tables of each of which a row of `plan` is made from the one row that has its `keys`, or from none; none where
    /// a row of the plan depends on several rows of a table.
    pub fn mapped_tables(&self, plan: &LogicalPlan, keys: &[&str]) -> Option<BTreeSet<String>> {
        lineage::mapped_tables(plan, keys)
    }

    /// The columns, as `(table, column)`, that the values of the column `name` of `plan` are made from; not those that
    /// only decide which rows there are. Ordered.
    pub fn made_from(&self, plan: &LogicalPlan, name: &str) -> Vec<(String, String)> {
        let column = plan.schema().index_of_column_by_name(None, name);
        column.into_iter().flat_map(|column| lineage::made_from(plan, column)).collect()
    }

    /// Which columns of which tables `plan` needs, after optimisation, and which functions of ours it calls.
    pub fn needs(&self, plan: &LogicalPlan) -> Result<Needs, SqlError> {
        let plan = self.state.optimize(plan).map_err(|error| self.planning(error))?;
        let (mut columns, mut functions) = (BTreeSet::new(), BTreeSet::new());
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let table = scan.table_name.table();
                columns.extend(scan.projected_schema.fields().iter().map(|f| (table.to_owned(), f.name().clone())));
            }
            node.apply_expressions(|expression| {
                expression.apply(|part| {
                    if let Expr::ScalarFunction(call) = part {
                        let analyzer = Analyzer::find(call.name());
                        functions.extend(analyzer.map(|analyzer| format!("{}@{}", analyzer.name, analyzer.version)));
                        functions.extend((call.name() == SEARCH_TERMS).then(terms::versioned));
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })
        .map_err(SqlError::from_execution)?;
        Ok(Needs { columns: columns.into_iter().collect(), functions: functions.into_iter().collect() })
    }

    /// The text of `plan` after optimisation.
    pub fn optimized(&self, plan: &LogicalPlan) -> Result<String, SqlError> {
        let plan = self.state.optimize(plan).map_err(|error| self.planning(error))?;
        Ok(plan.display_indent().to_string())
    }

    /// Runs a plan.
    pub async fn execute(&self, plan: LogicalPlan) -> Result<SendableRecordBatchStream, SqlError> {
        Ok(self.execute_counted(plan).await?.0)
    }

    /// Runs a plan, and counts the rows that its tables give.
    pub async fn execute_counted(&self, plan: LogicalPlan) -> Result<(SendableRecordBatchStream, Scanned), SqlError> {
        let physical = self.state.create_physical_plan(&plan).await.map_err(|error| self.planning(error))?;
        tracing::debug!(plan = %displayable(physical.as_ref()).indent(false), "running a plan");
        let rows = execute_stream(Arc::clone(&physical), self.context.task_ctx()).map_err(SqlError::from_execution)?;
        Ok((rows, Scanned(physical)))
    }

    /// Runs a plan on one thread of rows, so that they come in the order in which its tables have them.
    pub async fn execute_in_order(&self, plan: LogicalPlan) -> Result<SendableRecordBatchStream, SqlError> {
        let mut state = SessionState::clone(&self.state);
        state.config_mut().options_mut().execution.target_partitions = 1;
        let physical = state.create_physical_plan(&plan).await.map_err(|error| self.planning(error))?;
        execute_stream(physical, self.context.task_ctx()).map_err(SqlError::from_execution)
    }

    /// The error in terms of the tables that could have been meant.
    fn planning(&self, error: DataFusionError) -> SqlError {
        let known = self.context.catalog("datafusion").and_then(|catalog| catalog.schema("public"));
        SqlError::from_planning(error, &known.map(|schema| schema.table_names()).unwrap_or_default())
    }
}
