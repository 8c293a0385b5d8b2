//! Two sides in the order of key and time, read once.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{internal_err, plan_err};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::TryStreamExt;

/// Bytes of a time at the end of an encoded row: one for null, eight of the value.
const TIME_BYTES: usize = 9;

/// The columns by which two sides are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Of the left side and of the right one, in pairs.
    pub key: Vec<(usize, usize)>,
    pub time: (usize, usize),
    /// What orders rows of the right side that have one key and one time.
    pub right_ties: Vec<usize>,
}

impl Sides {
    pub(super) fn left(&self) -> Vec<usize> {
        self.key.iter().map(|(left, _)| *left).chain([self.time.0]).collect()
    }

    pub(super) fn right(&self) -> Vec<usize> {
        self.key.iter().map(|(_, right)| *right).chain([self.time.1]).collect()
    }

    /// The columns by which the right side is ordered.
    pub(super) fn right_order(&self) -> Vec<usize> {
        self.right().into_iter().chain(self.right_ties.iter().copied()).collect()
    }

    pub(super) fn check(&self, left: &SchemaRef, right: &SchemaRef) -> Result<()> {
        for (of_left, of_right) in &self.key {
            let (of_left, of_right) = (left.field(*of_left), right.field(*of_right));
            if of_left.data_type() != of_right.data_type() {
                return plan_err!("the key {} is {} and {}", of_left.name(), of_left.data_type(), of_right.data_type());
            }
        }
        Ok(())
    }
}

/// The ascending order of `columns`; none where there are none.
pub fn in_order(schema: &SchemaRef, columns: &[usize]) -> Option<LexOrdering> {
    LexOrdering::new(columns.iter().map(|column| {
        let expr = Arc::new(Column::new(schema.field(*column).name(), *column));
        PhysicalSortExpr::new(expr, SortOptions::default())
    }))
}

/// The type in which times are compared.
pub(super) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// Key and time of a row as bytes that compare as they do.
pub(super) struct Encoder {
    converter: RowConverter,
    columns: Vec<usize>,
}

impl Encoder {
    /// Encodes `columns`, of which the last is the time.
    pub fn new(schema: &SchemaRef, columns: Vec<usize>) -> Result<Self> {
        let Some((_, key)) = columns.split_last() else { return internal_err!("there is no time") };
        let fields = key.iter().map(|column| SortField::new(schema.field(*column).data_type().clone()));
        let fields = fields.chain([SortField::new(time_type())]).collect();
        Ok(Self { converter: RowConverter::new(fields)?, columns })
    }

    pub fn encode(&self, batch: &RecordBatch) -> Result<Encoded> {
        let mut arrays: Vec<ArrayRef> = self.columns.iter().map(|column| Arc::clone(batch.column(*column))).collect();
        let Some(time) = arrays.pop() else { return internal_err!("there is no time") };
        arrays.push(cast(&time, &time_type())?);
        let nulls =
            arrays.iter().fold(None, |nulls, array| NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref()));
        let rows = self.converter.convert_columns(&arrays)?;
        let Some(times) = arrays.pop() else { return internal_err!("there is no time") };
        Ok(Encoded { rows, times, nulls })
    }
}

/// The keys and times of a batch.
pub(super) struct Encoded {
    rows: Rows,
    times: ArrayRef,
    nulls: Option<NullBuffer>,
}

impl Encoded {
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    pub fn row(&self, row: usize) -> &[u8] {
        self.rows.row(row).data()
    }

    pub fn key(&self, row: usize) -> &[u8] {
        let bytes = self.row(row);
        &bytes[..bytes.len() - TIME_BYTES]
    }

    /// Microseconds.
    pub fn time(&self, row: usize) -> i64 {
        self.times.as_primitive::<TimestampMicrosecondType>().value(row)
    }

    /// Whether the row has a time and every part of its key.
    pub fn is_whole(&self, row: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    /// The first row from `from` on that comes after `bound`, found in steps that double.
    fn first_after(&self, from: usize, bound: &[u8]) -> usize {
        let rows = self.len();
        let (mut low, mut step) = (from, 1);
        while low + step <= rows && self.row(low + step - 1) <= bound {
            low += step;
            step *= 2;
        }
        let mut high = (low + step - 1).min(rows);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.row(middle) <= bound {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }
}

/// Some rows of the right side.
pub(super) struct Part<P> {
    pub encoded: Encoded,
    pub prepared: P,
}

/// The right side, as far as it was read. `P` is what is prepared of each batch.
pub(super) struct Cursor<P, F> {
    rows: SendableRecordBatchStream,
    encoder: Encoder,
    prepare: F,
    /// Rows that were not all passed, and how many were.
    ahead: Option<(Arc<Part<P>>, usize)>,
    ended: bool,
}

impl<P, F: Fn(&RecordBatch) -> Result<P>> Cursor<P, F> {
    pub fn new(right: &Arc<dyn ExecutionPlan>, sides: &Sides, ctx: Arc<TaskContext>, prepare: F) -> Result<Self> {
        let encoder = Encoder::new(&right.schema(), sides.right())?;
        Ok(Self { rows: right.execute(0, ctx)?, encoder, prepare, ahead: None, ended: false })
    }

    /// Passes all rows up to `bound` and hands them over, some at a time. Does not wait where it has them already.
    pub async fn pass(&mut self, bound: &[u8], mut passed: impl FnMut(&Arc<Part<P>>, Range<usize>)) -> Result<()> {
        while !self.pass_ahead(bound, &mut passed) {
            match self.rows.try_next().await? {
                None => self.ended = true,
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => {
                    let (encoded, prepared) = (self.encoder.encode(&batch)?, (self.prepare)(&batch)?);
                    self.ahead = Some((Arc::new(Part { encoded, prepared }), 0));
                }
            }
        }
        Ok(())
    }

    /// Passes what was read; whether no more has to be read.
    fn pass_ahead(&mut self, bound: &[u8], passed: &mut impl FnMut(&Arc<Part<P>>, Range<usize>)) -> bool {
        if let Some((part, from)) = &mut self.ahead {
            let next = part.encoded.first_after(*from, bound);
            if next > *from {
                passed(part, *from..next);
                *from = next;
            }
            if next < part.encoded.len() {
                return true;
            }
            self.ahead = None;
        }
        self.ended
    }
}
