//! The rows of which a function of a text could make nothing: what an operator has no place for in its values.

use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ColumnarValue;

use crate::limits::FAULTS_KEPT_MAX;

/// Collects faults, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    inner: Arc<Mutex<Vec<Fault>>>,
}

/// A row and why nothing could be made of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The parts of its key.
    pub key: Vec<String>,
    pub reason: String,
}

impl Faults {
    /// Takes what `rows` of a batch, whose key is in the columns `keys`, say. Of very many the rest is only logged.
    pub(super) fn take(&self, keys: &[ColumnarValue], rows: &[(usize, String)], count: usize) {
        if rows.is_empty() {
            return;
        }
        let columns = keys.iter().filter_map(|key| cast(&key.to_array(count).ok()?, &DataType::Utf8).ok());
        let columns: Vec<_> = columns.collect();
        let part = |column: &dyn Array, row: usize| {
            let texts = column.as_string::<i32>();
            if texts.is_valid(row) { texts.value(row).to_owned() } else { String::new() }
        };
        let fault = |(row, reason): &(usize, String)| Fault {
            key: columns.iter().map(|column| part(column, *row)).collect(),
            reason: reason.clone(),
        };
        let mut faults = self.inner.lock().expect("no thread panics while it adds");
        let room = FAULTS_KEPT_MAX.saturating_sub(faults.len());
        if rows.len() > room {
            tracing::warn!(
                left_out = rows.len() - room,
                "more texts fail than are told one by one; their values are null"
            );
        }
        faults.extend(rows.iter().take(room).map(fault));
    }

    /// Those that were collected since the last call, ordered.
    pub fn drain(&self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut *self.inner.lock().expect("no thread panics while it adds"));
        faults.sort();
        faults
    }
}
