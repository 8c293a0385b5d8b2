//! The last step of a training set: features on request are computed, and what was only needed on the way is left out.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};

use super::TrainingFeature;
use crate::engine::{RowExpression, SqlError, exact_or_misfit, shown};

/// How the rows that were found become those that were asked for.
pub(super) struct Finished {
    pub schema: SchemaRef,
    columns: Vec<Column>,
}

enum Column {
    /// The column at this position.
    Found(usize),
    /// Of the columns at these positions, the inputs last.
    Computed { expression: Arc<RowExpression>, reads: Vec<usize> },
}

impl Finished {
    /// `found` holds the given columns, then `stored`, and last the number of the row.
    pub fn new(found: &SchemaRef, stored: &[String], features: &[TrainingFeature]) -> Result<Self, SqlError> {
        let position = |name: &str| {
            found.index_of(name).map_err(|_| SqlError::invalid(format!("the rows have no column `{name}`")))
        };
        let given = found.fields().len().saturating_sub(stored.len() + 1);
        let mut columns: Vec<Column> = (0..given).map(Column::Found).collect();
        let mut fields: Vec<Field> = found.fields()[..given].iter().map(|field| Field::clone(field)).collect();
        for feature in features {
            match feature {
                TrainingFeature::Stored(name) => {
                    let position = position(name)?;
                    fields.push(found.field(position).clone());
                    columns.push(Column::Found(position));
                }
                TrainingFeature::OnRequest(expression) => {
                    let reads = expression.stored().chain(expression.inputs()).map(|field| position(field.name()));
                    let reads = reads.collect::<Result<_, _>>()?;
                    fields.push(expression.field().clone());
                    columns.push(Column::Computed { expression: Arc::clone(expression), reads });
                }
            }
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns })
    }

    pub fn batch(&self, found: &RecordBatch) -> Result<RecordBatch, SqlError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match column {
                Column::Found(position) => Arc::clone(found.column(*position)),
                Column::Computed { expression, reads } => {
                    let fields = expression.stored().chain(expression.inputs());
                    let read = fields.zip(reads).map(|(field, position)| typed(field, found.column(*position)));
                    expression.evaluate(read.collect::<Result<_, _>>()?, found.num_rows())?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(found.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| SqlError::from_execution(error.into()))
    }
}

/// A column of the rows in the type of the input that it is.
fn typed(field: &Field, values: &ArrayRef) -> Result<ArrayRef, SqlError> {
    exact_or_misfit(values, field.data_type()).map_err(|value| {
        let value: String = value.chars().take(80).collect();
        let (name, data_type) = (field.name(), shown(field.data_type()));
        SqlError::invalid(format!("the input `{name}` is {value} in a row, which is not {data_type}"))
    })
}
