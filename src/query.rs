//! SQL for people, over one release and within limits.

mod entity_table;
mod finished;
mod numbered;
pub mod sandbox;
mod training_set;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;

pub use training_set::{EVENT_TIMESTAMP, TrainingError, TrainingFeature, TrainingRequest, TrainingRows, training_set};

use crate::engine::{Bounds, Resources, Scanned, Session, SqlError, Statement, quoted};
use crate::limits::{SOURCE_BATCH_ROWS, STATEMENT_PARAMETERS_MAX};
use crate::store::{OtherVersion, Readable};

/// What one statement may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub time: Duration,
    pub memory_bytes: usize,
    pub rows: usize,
}

/// The tables of a release that its reader may read: sources and views by name, each entity as one table.
pub struct Query {
    readable: Readable,
    session: Session,
    limits: Limits,
}

/// The rows of a statement, whole.
#[derive(Debug)]
pub struct Answer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl Answer {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Query {
    pub fn new(readable: &Readable, limits: Limits, resources: &Resources) -> Self {
        let mut session = session(readable, limits);
        session.register_resources(resources);
        Self { readable: readable.clone(), session, limits }
    }

    /// The rows of a stream, whole and within the limits.
    pub async fn collect(
        &self,
        rows: impl Future<Output = Result<SendableRecordBatchStream, SqlError>>,
    ) -> Result<Answer, SqlError> {
        let limits = self.limits;
        let seconds = limits.time.as_secs();
        tokio::time::timeout(limits.time, collected(rows, limits)).await.unwrap_or_else(|_| {
            Err(SqlError::timeout(format!("the statement took longer than {seconds} s; ask for less")))
        })
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Answers one statement. `parameters` stand for `$1`, `$2`, …
    pub async fn answer(&self, sql: &str, parameters: Vec<ScalarValue>) -> Result<Answer, SqlError> {
        Ok(self.answer_counted(sql, parameters).await?.0)
    }

    /// The same, and how many rows were read for it.
    pub async fn answer_counted(&self, sql: &str, parameters: Vec<ScalarValue>) -> Result<(Answer, u64), SqlError> {
        let mut scanned = None;
        let rows = async {
            let (rows, counting) = self.counted(sql, parameters).await?;
            scanned = Some(counting);
            Ok(rows)
        };
        let answer = self.collect(rows).await?;
        Ok((answer, scanned.map(|scanned| scanned.rows()).unwrap_or_default()))
    }

    /// The rows of one statement as they come, without a limit on them: for downloads.
    pub async fn stream(&self, sql: &str, parameters: Vec<ScalarValue>) -> Result<SendableRecordBatchStream, SqlError> {
        Ok(self.counted(sql, parameters).await?.0)
    }

    /// The same, and how many rows are read for them.
    pub async fn counted(
        &self,
        sql: &str,
        parameters: Vec<ScalarValue>,
    ) -> Result<(SendableRecordBatchStream, Scanned), SqlError> {
        if parameters.len() > STATEMENT_PARAMETERS_MAX {
            let found = parameters.len();
            return Err(SqlError::too_large(format!("{found} parameters are more than {STATEMENT_PARAMETERS_MAX}")));
        }
        let plan = self.session.plan(&asserted(&self.readable, sql).await?).await?;
        let plan = match parameters.is_empty() {
            true => plan,
            false => plan.with_param_values(parameters).map_err(SqlError::from_execution)?,
        };
        self.session.execute_counted(plan).await
    }

    /// The columns of a table.
    pub async fn columns(&self, table: &str) -> Result<Schema, SqlError> {
        Ok(self.table(table).await?.schema().as_arrow().clone())
    }

    /// Whether `condition` can be asked of each row of `table`; its types are checked.
    pub async fn check_condition(&self, table: &str, condition: &str) -> Result<(), SqlError> {
        self.session.check_condition(condition, &self.table(table).await?)
    }

    async fn table(&self, name: &str) -> Result<LogicalPlan, SqlError> {
        self.session.plan(&Statement::parse(&format!("select * from {}", quoted(name)))?).await
    }
}

/// A session over what a reader may read.
fn session(readable: &Readable, limits: Limits) -> Session {
    let session = Session::new(Bounds { memory_bytes: limits.memory_bytes, batch_rows: SOURCE_BATCH_ROWS });
    for (name, table) in readable.tables() {
        session.register(name, table);
    }
    for entity in readable.entities() {
        if let Some(frame) = readable.frame(entity) {
            session.register(entity, Arc::new(entity_table::EntityTable::new(&frame)));
        }
    }
    session
}

/// A statement whose features are of the versions that it asks for.
async fn asserted(readable: &Readable, sql: &str) -> Result<Statement, SqlError> {
    let (statement, versions) = Statement::parse(sql)?.without_versions();
    if versions.is_empty() {
        return Ok(statement);
    }
    let manifest = readable.manifest();
    let tables: Vec<String> = statement.tables().into_iter().map(|read| read.name).collect();
    let read = manifest.views.iter().filter(|view| tables.contains(&view.name) || tables.contains(&view.entity));
    let features = read.flat_map(|view| view.features.iter().map(move |feature| (&view.entity, feature)));
    let features: Vec<_> = features.collect();
    for (name, asked) in versions {
        let named: Vec<_> = features.iter().filter(|(_, feature)| feature.name == name).collect();
        if named.is_empty() {
            let message = format!("nothing that the statement reads has a feature `{name}`, of any version");
            return Err(SqlError::invalid(message));
        }
        if let Some((entity, feature)) = named.into_iter().find(|(_, feature)| feature.version != asked) {
            let other = OtherVersion { entity: entity.to_string(), name, asked, held: feature.version, holder: None };
            let other = readable.with_holder(other).await;
            return Err(SqlError::not_found(other.to_string()).with_remedy(other.remedy()));
        }
    }
    Ok(statement)
}

async fn collected(
    rows: impl Future<Output = Result<SendableRecordBatchStream, SqlError>>,
    limits: Limits,
) -> Result<Answer, SqlError> {
    let mut stream = rows.await?;
    let schema = stream.schema();
    check_distinct_names(&schema)?;
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while let Some(batch) = stream.try_next().await.map_err(SqlError::from_execution)? {
        rows += batch.num_rows();
        bytes += bytes_of(&batch).map_err(|error| SqlError::internal(error.to_string()))?;
        if rows > limits.rows {
            let message =
                format!("the result has more than {} rows; add a `limit`, or download the dataset", limits.rows);
            return Err(SqlError::too_large(message));
        }
        if bytes > limits.memory_bytes {
            let message = format!("the result is larger than {} MiB; select less", limits.memory_bytes >> 20);
            return Err(SqlError::too_large(message));
        }
        batches.push(batch);
    }
    Ok(Answer { schema, batches })
}

/// Bytes of the values of a batch. Its columns may lie in one buffer, as those of a worker do, which would count for each.
fn bytes_of(batch: &RecordBatch) -> Result<usize, ArrowError> {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size()).sum()
}

/// What a value of JSON is in a statement; none where it is no scalar.
pub fn parameter(value: &serde_json::Value) -> Option<ScalarValue> {
    use serde_json::Value;
    Some(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::Boolean(Some(*value)),
        Value::String(text) => ScalarValue::Utf8(Some(text.clone())),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => ScalarValue::Int64(Some(integer)),
            (None, Some(large)) => ScalarValue::UInt64(Some(large)),
            (None, None) => ScalarValue::Float64(number.as_f64()),
        },
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Two values of one name could not be told apart in a row.
fn check_distinct_names(schema: &Schema) -> Result<(), SqlError> {
    let mut names = BTreeSet::new();
    match schema.fields().iter().find(|field| !names.insert(field.name())) {
        None => Ok(()),
        Some(twice) => {
            let message = format!("two columns of the result are called `{}`", twice.name());
            Err(SqlError::invalid(message).with_remedy("give one of them another name with `as`"))
        }
    }
}
