//! Windows of events: each row gets what happened to its key in the time before it.
//!
//! A window of length w at time t holds the events with t − w < time ≤ t; one without a length holds all with time ≤ t.
//! Nulls are left out, as SQL's aggregates leave them out. Over no values a count is 0 and everything else null. Each
//! event enters a window once and leaves it once; sums of floats are never corrected by subtraction, so that a large value
//! that left leaves no error behind.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::{internal_err, plan_err};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::OrderingRequirements;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use futures::TryStreamExt;

use super::as_of::properties;
use super::sorted::{Cursor, Encoder, Sides, in_order};
use super::window::{Events, Found, Values, Window, column};

/// What is made of the events in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowFunction {
    Count,
    Sum,
    Mean,
    Min,
    Max,
    /// The earliest.
    First,
    /// The latest.
    Last,
    /// How many different values there are, told apart by 64-bit digests.
    ApproxDistinct,
}

impl WindowFunction {
    /// Every function under its name.
    pub const NAMED: [(&str, WindowFunction); 8] = [
        ("count", Self::Count),
        ("sum", Self::Sum),
        ("mean", Self::Mean),
        ("min", Self::Min),
        ("max", Self::Max),
        ("first", Self::First),
        ("last", Self::Last),
        ("approx_distinct", Self::ApproxDistinct),
    ];

    pub fn find(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, function)| *function == self).map(|(name, _)| *name).unwrap_or_default()
    }

    /// The type of its result over a column of type `of`; none where it has no meaning for it.
    pub fn result(self, of: &DataType) -> Option<DataType> {
        let is_float = of.is_floating();
        match self {
            Self::Count | Self::ApproxDistinct => Some(DataType::Int64),
            Self::Sum if is_float => Some(DataType::Float64),
            Self::Sum => of.is_integer().then_some(DataType::Int64),
            Self::Mean => of.is_numeric().then_some(DataType::Float64),
            Self::Min | Self::Max | Self::First | Self::Last => (!of.is_nested()).then(|| of.clone()),
        }
    }
}

/// A column of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowColumn {
    pub name: String,
    pub function: WindowFunction,
    /// Of the events; none counts the events themselves.
    pub column: Option<usize>,
    /// None for all time.
    pub length_micros: Option<i64>,
}

/// Windows of the right side's events at the left side's rows.
#[derive(Debug)]
pub struct WindowsExec {
    left: Arc<dyn ExecutionPlan>,
    events: Arc<dyn ExecutionPlan>,
    sides: Sides,
    columns: Vec<WindowColumn>,
    properties: Arc<PlanProperties>,
}

impl WindowsExec {
    pub fn try_new(
        left: Arc<dyn ExecutionPlan>,
        events: Arc<dyn ExecutionPlan>,
        sides: Sides,
        columns: Vec<WindowColumn>,
    ) -> Result<Self> {
        sides.check(&left.schema(), &events.schema())?;
        let mut added = Vec::with_capacity(columns.len());
        for WindowColumn { name, function, column, .. } in &columns {
            let of = column.map(|column| events.schema().field(column).data_type().clone()).unwrap_or(DataType::Int64);
            match function.result(&of) {
                Some(result) => added.push(Field::new(name, result, true)),
                None => return plan_err!("{function:?} has no meaning for {of}"),
            }
        }
        let properties = properties(&left, added.into_iter());
        Ok(Self { left, events, sides, columns, properties })
    }
}

impl DisplayAs for WindowsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        write!(f, "WindowsExec: {}", names.join(", "))
    }
}

impl ExecutionPlan for WindowsExec {
    fn name(&self) -> &str {
        "WindowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition; 2]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let left = in_order(&self.left.schema(), &self.sides.left()).map(OrderingRequirements::from);
        let events = in_order(&self.events.schema(), &self.sides.right_order()).map(OrderingRequirements::from);
        vec![left, events]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true, false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; 2]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.events]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let [left, events] = children.as_slice() else { return internal_err!("windows have two sides") };
        let (left, events) = (Arc::clone(left), Arc::clone(events));
        Ok(Arc::new(Self::try_new(left, events, self.sides.clone(), self.columns.clone())?))
    }

    fn execute(&self, partition: usize, ctx: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let left = self.left.execute(partition, Arc::clone(&ctx))?;
        let columns = self.columns.clone();
        let prepare = move |batch: &RecordBatch| columns.iter().map(|column| Values::prepare(column, batch)).collect();
        let schema = self.schema();
        let watching = Watching {
            encoder: Encoder::new(&left.schema(), self.sides.left())?,
            events: Cursor::new(&self.events, &self.sides, ctx, prepare)?,
            windows: self.columns.iter().map(Window::new).collect(),
            key: None,
            schema: Arc::clone(&schema),
        };
        let watched = futures::stream::try_unfold((left, watching), |(mut left, mut watching)| async move {
            match left.try_next().await? {
                Some(batch) => Ok(Some((watching.watch(&batch).await?, (left, watching)))),
                None => Ok(None),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, watched)))
    }
}

struct Watching<F> {
    encoder: Encoder,
    events: Cursor<Vec<Values>, F>,
    windows: Vec<Window>,
    /// The key whose events are in the windows.
    key: Option<Vec<u8>>,
    schema: SchemaRef,
}

impl<F: Fn(&RecordBatch) -> Result<Vec<Values>>> Watching<F> {
    async fn watch(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let left = self.encoder.encode(batch)?;
        let mut found: Vec<Vec<Found>> = self.windows.iter().map(|_| Vec::with_capacity(left.len())).collect();
        for row in 0..left.len() {
            let key = left.key(row);
            if self.key.as_deref() != Some(key) {
                self.windows.iter_mut().for_each(Window::clear);
                // Events of keys that nobody asked for.
                self.events.pass(key, |_, _| {}).await?;
                self.key = Some(key.to_vec());
            }
            let is_whole = left.is_whole(row);
            if is_whole {
                let windows = &mut self.windows;
                let passed = |part: &Arc<Events>, rows: std::ops::Range<usize>| {
                    for (index, window) in windows.iter_mut().enumerate() {
                        rows.clone().for_each(|event| window.push(part, event, index));
                    }
                };
                self.events.pass(left.row(row), passed).await?;
                let now = left.time(row);
                self.windows.iter_mut().for_each(|window| window.move_to(now));
            }
            for (window, found) in self.windows.iter().zip(&mut found) {
                found.push(if is_whole { window.result() } else { Found::Nothing });
            }
        }
        let mut columns = batch.columns().to_vec();
        for (index, found) in found.into_iter().enumerate() {
            let field = self.schema.field(batch.num_columns() + index);
            columns.push(column(field, index, found)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
