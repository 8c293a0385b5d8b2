//! Watches the rows of a source or a view while they are written: counts, nulls, and keys that come twice.

use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::{Event, MaterializeError, Progress};
use crate::engine::SqlError;
use crate::store::{KeySet, key_texts};

/// Whose rows are watched.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub name: String,
    pub is_source: bool,
    pub key: Vec<String>,
    /// Rows that were written before these.
    pub before: u64,
}

/// What was seen of the rows.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub rows: u64,
    /// By column, the keys first.
    pub nulls: Vec<u64>,
    keys: KeySet,
    /// Why the rows ended early.
    pub fault: Option<MaterializeError>,
}

/// The same rows, and what is seen of them when they have been read to the end.
pub(super) fn observed(
    watched: Watched,
    rows: SendableRecordBatchStream,
    progress: Progress,
) -> (SendableRecordBatchStream, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen { nulls: vec![0; rows.schema().fields().len()], ..Seen::default() }));
    let schema = rows.schema();
    let shared = Arc::clone(&seen);
    let rows = rows.map(move |batch| {
        let mut seen = shared.lock().expect("no thread panics while it counts");
        let checked = match batch {
            Ok(batch) => seen.take(&watched, batch),
            Err(error) => Err(watched.fault(error)),
        };
        match checked {
            Ok(batch) => {
                progress(Event::Rows { table: watched.name.clone(), rows: watched.before + seen.rows });
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
    fn take(&mut self, watched: &Watched, batch: RecordBatch) -> Result<RecordBatch, MaterializeError> {
        for (nulls, column) in self.nulls.iter_mut().zip(batch.columns()) {
            *nulls += column.null_count() as u64;
        }
        let keys = key_texts(&batch, &watched.key).map_err(|_| watched.null_key())?;
        for row in 0..batch.num_rows() {
            if !self.keys.insert(&keys, row) {
                let key: Vec<&str> = keys.iter().map(|part| part.value(row)).collect();
                return Err(watched.duplicate_key(key.join(",")));
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(batch)
    }
}

impl Watched {
    fn fault(&self, error: DataFusionError) -> MaterializeError {
        match error {
            DataFusionError::External(inner) if inner.is::<MaterializeError>() => {
                *inner.downcast().expect("its type was just seen")
            }
            error => {
                let (name, source) = (self.name.clone(), SqlError::from_execution(error));
                match self.is_source {
                    true => MaterializeError::SourceValues { name, source },
                    false => MaterializeError::Values { view: name, source },
                }
            }
        }
    }

    fn null_key(&self) -> MaterializeError {
        let name = self.name.clone();
        match self.is_source {
            true => MaterializeError::NullSourceKey { name, key: self.key.join(", ") },
            false => MaterializeError::NullKey { view: name },
        }
    }

    fn duplicate_key(&self, key: String) -> MaterializeError {
        let name = self.name.clone();
        match self.is_source {
            true => MaterializeError::DuplicateSourceKey { name, key },
            false => MaterializeError::DuplicateKey { view: name, key },
        }
    }
}
