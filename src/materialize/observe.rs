//! Watches the rows of a view while they are written: counts, nulls, and keys that come twice.

use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::{Event, MaterializeError, Progress};
use crate::engine::SqlError;
use crate::store::{KeySet, key_texts};

/// What was seen of a view's rows.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub rows: u64,
    /// By column of the view, the keys first.
    pub nulls: Vec<u64>,
    keys: KeySet,
    /// Why the rows ended early.
    pub fault: Option<MaterializeError>,
}

/// The rows of `view`, and what is seen of them when they have been read to the end.
pub(super) fn observed(
    view: &str,
    rows: SendableRecordBatchStream,
    join_keys: Vec<String>,
    progress: Progress,
) -> (SendableRecordBatchStream, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen { nulls: vec![0; rows.schema().fields().len()], ..Seen::default() }));
    let schema = rows.schema();
    let (watched, view) = (Arc::clone(&seen), view.to_owned());
    let rows = rows.map(move |batch| {
        let mut seen = watched.lock().expect("no thread panics while it counts");
        let checked = match batch {
            Ok(batch) => seen.take(&view, batch, &join_keys),
            Err(error) => Err(MaterializeError::Values { view: view.clone(), source: SqlError::from_execution(error) }),
        };
        match checked {
            Ok(batch) => {
                progress(Event::Rows { table: view.clone(), rows: seen.rows });
                Ok(batch)
            }
            Err(fault) => {
                let error = DataFusionError::Execution(fault.to_string());
                seen.fault.get_or_insert(fault);
                Err(error)
            }
        }
    });
    (Box::pin(RecordBatchStreamAdapter::new(schema, rows)), seen)
}

impl Seen {
    fn take(&mut self, view: &str, batch: RecordBatch, join_keys: &[String]) -> Result<RecordBatch, MaterializeError> {
        for (nulls, column) in self.nulls.iter_mut().zip(batch.columns()) {
            *nulls += column.null_count() as u64;
        }
        let keys = key_texts(&batch, join_keys).map_err(|_| MaterializeError::NullKey { view: view.to_owned() })?;
        for row in 0..batch.num_rows() {
            if !self.keys.insert(&keys, row) {
                let key: Vec<&str> = keys.iter().map(|part| part.value(row)).collect();
                return Err(MaterializeError::DuplicateKey { view: view.to_owned(), key: key.join(",") });
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(batch)
    }
}
