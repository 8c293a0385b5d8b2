//! The point-in-time join: each row gets the values that were known at its time.
//!
//! Of the other side's rows of the same key the last at or before the row's time is taken, unless it is older than what
//! `ttl` allows. Of several at one time the last in the order of that side counts. A row without a key or a time gets
//! nulls, and no row is lost or doubled.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, OrderingRequirements, Partitioning};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    SendableRecordBatchStream,
};
use futures::TryStreamExt;

use super::sorted::{Cursor, Encoder, Part, Sides, in_order};

/// The point-in-time join. Its columns are those of the left side, then the taken ones of the right side.
#[derive(Debug)]
pub struct AsOfJoinExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    sides: Sides,
    take: Vec<usize>,
    ttl_micros: Option<i64>,
    properties: Arc<PlanProperties>,
}

impl AsOfJoinExec {
    /// Joins `left` with the columns `take` of `right`.
    pub fn try_new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        sides: Sides,
        take: Vec<usize>,
        ttl_micros: Option<i64>,
    ) -> Result<Self> {
        sides.check(&left.schema(), &right.schema())?;
        let taken = take.iter().map(|column| right.schema().field(*column).clone().with_nullable(true));
        let properties = properties(&left, taken);
        Ok(Self { left, right, sides, take, ttl_micros, properties })
    }
}

/// Properties of an operator that adds columns to its left side and keeps its order.
pub(super) fn properties(left: &Arc<dyn ExecutionPlan>, added: impl Iterator<Item = Field>) -> Arc<PlanProperties> {
    let fields: Vec<Field> = left.schema().fields().iter().map(|field| Field::clone(field)).chain(added).collect();
    let orderings = left.output_ordering().cloned();
    let equivalence = EquivalenceProperties::new_with_orderings(Arc::new(Schema::new(fields)), orderings);
    let partitioning = Partitioning::UnknownPartitioning(1);
    Arc::new(PlanProperties::new(equivalence, partitioning, EmissionType::Incremental, Boundedness::Bounded))
}

impl DisplayAs for AsOfJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsOfJoinExec: take={:?}, ttl={:?}", self.take, self.ttl_micros)
    }
}

impl ExecutionPlan for AsOfJoinExec {
    fn name(&self) -> &str {
        "AsOfJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition; 2]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let left = in_order(&self.left.schema(), &self.sides.left()).map(OrderingRequirements::from);
        let right = in_order(&self.right.schema(), &self.sides.right_order()).map(OrderingRequirements::from);
        vec![left, right]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true, false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; 2]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let [left, right] = children.as_slice() else { return internal_err!("a point-in-time join has two sides") };
        let (left, right) = (Arc::clone(left), Arc::clone(right));
        Ok(Arc::new(Self::try_new(left, right, self.sides.clone(), self.take.clone(), self.ttl_micros)?))
    }

    fn execute(&self, partition: usize, ctx: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let left = self.left.execute(partition, Arc::clone(&ctx))?;
        let take = self.take.clone();
        let taken =
            move |batch: &RecordBatch| Ok(take.iter().map(|column| Arc::clone(batch.column(*column))).collect());
        let schema = self.schema();
        let joining = Joining {
            encoder: Encoder::new(&left.schema(), self.sides.left())?,
            right: Cursor::new(&self.right, &self.sides, ctx, taken)?,
            candidate: None,
            ttl_micros: self.ttl_micros,
            schema: Arc::clone(&schema),
        };
        let joined = futures::stream::try_unfold((left, joining), |(mut left, mut joining)| async move {
            match left.try_next().await? {
                Some(batch) => Ok(Some((joining.join(&batch).await?, (left, joining)))),
                None => Ok(None),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, joined)))
    }
}

/// The columns that are taken of some rows of the right side.
type Taken = Part<Vec<ArrayRef>>;

struct Joining<F> {
    encoder: Encoder,
    right: Cursor<Vec<ArrayRef>, F>,
    /// The last row of the right side that was passed.
    candidate: Option<(Arc<Taken>, usize)>,
    ttl_micros: Option<i64>,
    schema: SchemaRef,
}

impl<F: Fn(&RecordBatch) -> Result<Vec<ArrayRef>>> Joining<F> {
    async fn join(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let left = self.encoder.encode(batch)?;
        // Of each gather, source 0 is the null.
        let (mut parts, mut places): (Vec<Arc<Taken>>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
        for row in 0..left.len() {
            let candidate = &mut self.candidate;
            let passed =
                |part: &Arc<Taken>, rows: std::ops::Range<usize>| *candidate = Some((Arc::clone(part), rows.end - 1));
            self.right.pass(left.row(row), passed).await?;
            let found = self.candidate.as_ref().filter(|(part, candidate)| {
                let age = || left.time(row).saturating_sub(part.encoded.time(*candidate));
                left.is_whole(row)
                    && part.encoded.key(*candidate) == left.key(row)
                    && self.ttl_micros.is_none_or(|ttl| age() <= ttl)
            });
            places.push(match found {
                None => (0, 0),
                Some((part, candidate)) => {
                    if !parts.last().is_some_and(|last| Arc::ptr_eq(last, part)) {
                        parts.push(Arc::clone(part));
                    }
                    (parts.len(), *candidate)
                }
            });
        }
        let mut columns = batch.columns().to_vec();
        for (column, field) in self.schema.fields().iter().skip(batch.num_columns()).enumerate() {
            let null = new_null_array(field.data_type(), 1);
            let taken = parts.iter().map(|part| &part.prepared[column]);
            let sources: Vec<&dyn Array> = [&null].into_iter().chain(taken).map(AsRef::as_ref).collect();
            columns.push(interleave(&sources, &places)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
