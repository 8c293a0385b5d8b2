//! Of the rows of ingests that share a key, the one that was written last.

use std::fmt;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{EmptyRecordBatchStream, SendableRecordBatchStream};
use futures::TryStreamExt;

use crate::engine::{Bounds, Session, SqlError, Statement, numbered, numbered_schema, quoted};
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
    let incoming = Incoming { schema: numbered_schema(&rows_schema, POSITION), rows: Mutex::new(Some(rows)) };
    let table = StreamingTable::try_new(Arc::clone(&incoming.schema), vec![Arc::new(incoming)]);
    session.register("incoming", Arc::new(table.map_err(SqlError::from_execution)?));
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
        match self.rows.lock().expect("no thread panics while it takes the rows").take() {
            Some(rows) => numbered(rows, Arc::clone(&self.schema)),
            None => Box::pin(EmptyRecordBatchStream::new(Arc::clone(&self.schema))),
        }
    }
}
