//! Expressions over the values of a row, compiled once: what a lookup computes and what a training set holds is one thing.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan, cast};
use datafusion::physical_expr::PhysicalExpr;

use super::{Session, SqlError};

/// An expression and what it reads.
#[derive(Debug)]
pub struct RowExpression {
    field: Field,
    /// What it reads: stored values, then inputs.
    columns: SchemaRef,
    /// How many of the columns are stored.
    stored: usize,
    expression: Arc<dyn PhysicalExpr>,
}

impl Session {
    /// Compiles `text` to the column `field`, over stored values and inputs.
    pub fn row_expression(
        &self,
        field: Field,
        text: &str,
        stored: &[Field],
        inputs: &[Field],
    ) -> Result<RowExpression, SqlError> {
        let planned = |error: DataFusionError| SqlError::from_planning(error, &[]);
        let all = schema(stored.iter().chain(inputs));
        let schema_of_all = Arc::new(DFSchema::try_from(all).map_err(planned)?);
        let rows = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema: schema_of_all });
        let expression = cast(self.expression(text, &rows)?, field.data_type().clone());
        let reads: Vec<String> = expression.column_refs().iter().map(|column| column.name.clone()).collect();
        let is_read = |field: &&Field| reads.contains(field.name());
        let columns = schema(stored.iter().chain(inputs).filter(is_read));
        let over = DFSchema::try_from(Arc::clone(&columns)).map_err(planned)?;
        let expression = self.state.create_physical_expr(expression, &over).map_err(planned)?;
        Ok(RowExpression { field, columns, stored: stored.iter().filter(is_read).count(), expression })
    }
}

fn schema<'a>(fields: impl Iterator<Item = &'a Field>) -> SchemaRef {
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

impl RowExpression {
    /// Its name and type.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// The stored columns that it reads, in the order in which [`Self::evaluate`] takes them.
    pub fn stored(&self) -> impl Iterator<Item = &Field> {
        self.columns.fields()[..self.stored].iter().map(AsRef::as_ref)
    }

    /// The inputs that it reads, in the order in which [`Self::evaluate`] takes them, after the stored columns.
    pub fn inputs(&self) -> impl Iterator<Item = &Field> {
        self.columns.fields()[self.stored..].iter().map(AsRef::as_ref)
    }

    /// A value for each of `rows` rows.
    pub fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef, SqlError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.columns), columns, &options);
        let values = batch
            .map_err(DataFusionError::from)
            .and_then(|batch| self.expression.evaluate(&batch))
            .and_then(|values| values.into_array(rows));
        values.map_err(|error| SqlError::from_execution(error).of(self.field.name()))
    }
}
