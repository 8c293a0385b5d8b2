//! Rows with their numbers, in the order in which they come.

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{Stream, TryStreamExt};

/// `schema` and one column more, `number`.
pub fn numbered_schema(schema: &Schema, number: &str) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| Field::clone(field));
    Arc::new(Schema::new(fields.chain([Field::new(number, DataType::Int64, false)]).collect::<Vec<_>>()))
}

/// `rows` under `schema`, whose last column counts them from 0.
pub fn numbered(
    rows: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    schema: SchemaRef,
) -> SendableRecordBatchStream {
    let (of_batches, mut next) = (Arc::clone(&schema), 0);
    let rows = rows.and_then(move |batch| {
        let end = next + batch.num_rows() as i64;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(Int64Array::from_iter_values(next..end)));
        next = end;
        std::future::ready(RecordBatch::try_new(Arc::clone(&of_batches), columns).map_err(DataFusionError::from))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}
