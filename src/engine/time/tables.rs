//! The operators as tables, so that statements and plans are made over them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use super::{AsOfJoinExec, Sides, WindowColumn, WindowFunction, WindowsExec};

/// A table whose rows have a key and a time.
#[derive(Clone, Debug)]
pub struct TimedTable {
    pub table: Arc<dyn TableProvider>,
    pub key: Vec<String>,
    pub time: String,
    /// What orders rows of one key and time; the last counts.
    pub ties: Vec<String>,
}

impl TimedTable {
    /// The columns that `wanted` names, the key and what orders rows, each once.
    fn with_order(&self, wanted: &[String]) -> Vec<String> {
        let mut columns = self.key.clone();
        for name in [&self.time].into_iter().chain(&self.ties).chain(wanted) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        columns
    }

    async fn scan(&self, state: &dyn Session, columns: &[String]) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.table.schema();
        let columns: Result<Vec<usize>, _> = columns.iter().map(|name| schema.index_of(name)).collect();
        self.table.scan(state, Some(&columns?), &[], None).await
    }
}

/// The sides of plans over two tables.
fn sides(left: &TimedTable, of_left: &SchemaRef, right: &TimedTable, of_right: &SchemaRef) -> Result<Sides> {
    let pairs = left.key.iter().zip(&right.key);
    let key: Result<Vec<_>, _> = pairs
        .map(|(a, b)| Ok::<_, datafusion::arrow::error::ArrowError>((of_left.index_of(a)?, of_right.index_of(b)?)))
        .collect();
    let ties: Result<Vec<usize>, _> = right.ties.iter().map(|name| of_right.index_of(name)).collect();
    Ok(Sides { key: key?, time: (of_left.index_of(&left.time)?, of_right.index_of(&right.time)?), right_ties: ties? })
}

/// The left side's columns, then `added`; a name that comes twice is an error.
fn widened(left: &TimedTable, added: impl Iterator<Item = Field>) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = left.table.schema().fields().iter().map(|field| Field::clone(field)).collect();
    for field in added {
        if fields.iter().any(|known| known.name() == field.name()) {
            return plan_err!("the rows have a column `{}` already", field.name());
        }
        fields.push(field);
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn projected(plan: Arc<dyn ExecutionPlan>, projection: Option<&Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(projection) = projection else { return Ok(plan) };
    let schema = plan.schema();
    let column = |index: &usize| {
        let name = schema.field(*index).name();
        (Arc::new(Column::new(name, *index)) as Arc<dyn datafusion::physical_expr::PhysicalExpr>, name.clone())
    };
    let columns: Vec<_> = projection.iter().map(column).collect();
    Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
}

/// Every column of a table, as a plan.
async fn whole(table: &TimedTable, state: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
    table.table.scan(state, None, &[], None).await
}

/// The left side, and beside it what was known of `right` at each row's time.
pub struct AsOfTable {
    left: TimedTable,
    right: TimedTable,
    take: Vec<String>,
    ttl_seconds: Option<u64>,
    schema: SchemaRef,
}

impl AsOfTable {
    pub fn try_new(left: TimedTable, right: TimedTable, take: Vec<String>, ttl_seconds: Option<u64>) -> Result<Self> {
        let of_right = right.table.schema();
        let taken: Result<Vec<Field>, _> = take
            .iter()
            .map(|name| of_right.field_with_name(name).map(|field| field.clone().with_nullable(true)))
            .collect();
        let schema = widened(&left, taken?.into_iter())?;
        Ok(Self { left, right, take, ttl_seconds, schema })
    }
}

impl fmt::Debug for AsOfTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsOfTable").field("take", &self.take).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for AsOfTable {
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
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let left = whole(&self.left, state).await?;
        let right = self.right.scan(state, &self.right.with_order(&self.take)).await?;
        let sides = sides(&self.left, &left.schema(), &self.right, &right.schema())?;
        let take: Result<Vec<usize>, _> = self.take.iter().map(|name| right.schema().index_of(name)).collect();
        let ttl_micros = self.ttl_seconds.map(micros);
        projected(Arc::new(AsOfJoinExec::try_new(left, right, sides, take?, ttl_micros)?), projection)
    }
}

/// A window by names.
#[derive(Clone, Debug)]
pub struct NamedWindow {
    pub name: String,
    pub function: WindowFunction,
    /// Of the events; none counts the events themselves.
    pub column: Option<String>,
    /// None for all time.
    pub length_seconds: Option<u64>,
}

/// The left side, and beside it windows of `events` at each row's time.
pub struct WindowsTable {
    left: TimedTable,
    events: TimedTable,
    windows: Vec<NamedWindow>,
    schema: SchemaRef,
}

impl WindowsTable {
    pub fn try_new(left: TimedTable, events: TimedTable, windows: Vec<NamedWindow>) -> Result<Self> {
        let of_events = events.table.schema();
        let mut added = Vec::with_capacity(windows.len());
        for window in &windows {
            let of = match &window.column {
                Some(column) => of_events.field_with_name(column)?.data_type().clone(),
                None => datafusion::arrow::datatypes::DataType::Int64,
            };
            match window.function.result(&of) {
                Some(result) => added.push(Field::new(&window.name, result, true)),
                None => return plan_err!("{} has no meaning for {of}", window.function.name()),
            }
        }
        let schema = widened(&left, added.into_iter())?;
        Ok(Self { left, events, windows, schema })
    }
}

impl fmt::Debug for WindowsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowsTable").field("windows", &self.windows).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for WindowsTable {
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
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let left = whole(&self.left, state).await?;
        let of_windows: Vec<String> = self.windows.iter().filter_map(|window| window.column.clone()).collect();
        let events = self.events.scan(state, &self.events.with_order(&of_windows)).await?;
        let sides = sides(&self.left, &left.schema(), &self.events, &events.schema())?;
        let column = |window: &NamedWindow| {
            let column = window.column.as_ref().map(|name| events.schema().index_of(name)).transpose()?;
            let (name, function) = (window.name.clone(), window.function);
            Ok(WindowColumn { name, function, column, length_micros: window.length_seconds.map(micros) })
        };
        let columns: Result<Vec<WindowColumn>> = self.windows.iter().map(column).collect();
        projected(Arc::new(WindowsExec::try_new(left, events, sides, columns?)?), projection)
    }
}

fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
}
