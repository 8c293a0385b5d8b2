//! Of the rows of ingests that share a key, the one that was written last.

use std::fmt;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{EmptyRecordBatchStream, SendableRecordBatchStream};
use futures::TryStreamExt;

use crate::engine::{Bounds, Session, SqlError, Statement};
use crate::limits::SOURCE_BATCH_ROWS;

/// Where a row stood among the ingests, a name that no column of a source can have.
const POSITION: &str = "_position";

/// `rows` with one row a key: that with the latest time in `created`, no time being the earliest of all; of several the
/// one that came last. What does not fit into `memory_bytes` is sorted on disk.
pub(super) async fn last_written(
    rows: SendableRecordBatchStream,
    key: &[String],
    created: &str,
    memory_bytes: usize,
) -> Result<SendableRecordBatchStream, SqlError> {
    let session = Session::new(Bounds { memory_bytes, batch_rows: SOURCE_BATCH_ROWS });
    let rows_schema = rows.schema();
    let incoming = Incoming::new(rows);
    let table = StreamingTable::try_new(Arc::clone(&incoming.schema), vec![Arc::new(incoming)]);
    session.register("incoming", Arc::new(table.map_err(SqlError::from_execution)?));
    let quoted = |name: &str| format!("\"{name}\"");
    let names: Vec<String> = rows_schema.fields().iter().map(|field| quoted(field.name())).collect();
    let key: Vec<String> = key.iter().map(|name| quoted(name)).collect();
    let statement = format!(
        "select {} from (select *, row_number() over (partition by {} order by {} desc nulls last, {POSITION} desc) \
         as _rank from incoming) as ranked where _rank = 1",
        names.join(", "),
        key.join(", "),
        quoted(created),
    );
    let plan = session.plan(&Statement::parse(&statement)?).await?;
    let last = session.execute(plan).await?;
    let schema = Arc::clone(&rows_schema);
    let last = last.and_then(move |batch| {
        let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec());
        std::future::ready(batch.map_err(DataFusionError::from))
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(rows_schema, last)))
}

/// Rows that are read once, with their positions.
struct Incoming {
    schema: SchemaRef,
    rows: Mutex<Option<SendableRecordBatchStream>>,
}

impl Incoming {
    fn new(rows: SendableRecordBatchStream) -> Self {
        let fields = rows.schema().fields().iter().map(|field| Field::clone(field)).collect::<Vec<_>>();
        let fields = fields.into_iter().chain([Field::new(POSITION, DataType::Int64, false)]);
        Self { schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), rows: Mutex::new(Some(rows)) }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl PartitionStream for Incoming {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _ctx: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().expect("no thread panics while it takes the rows").take();
        let Some(rows) = rows else { return Box::pin(EmptyRecordBatchStream::new(Arc::clone(&self.schema))) };
        let schema = Arc::clone(&self.schema);
        let mut next = 0;
        let numbered = rows.and_then(move |batch| {
            let end = next + batch.num_rows() as i64;
            let mut columns = batch.columns().to_vec();
            columns.push(Arc::new(Int64Array::from_iter_values(next..end)));
            next = end;
            std::future::ready(RecordBatch::try_new(Arc::clone(&schema), columns).map_err(DataFusionError::from))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), numbered))
    }
}
