//! The windows of an `aggregate:` view, as of the release.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{LogicalPlanBuilder, ident, lit};
use futures::TryStreamExt;

use super::{Built, MaterializeError};
use crate::compile::{Target, TargetSource, TargetView, TargetWindows};
use crate::engine::time::{NamedWindow, TimedTable, WindowsTable};
use crate::engine::{Bounds, Session, SqlError, Statement};
use crate::limits::SOURCE_BATCH_ROWS;

/// The column that says when a row of an aggregate's keys is.
const AT: &str = "_at";

/// The moment at which windows end: the one that was asked for, or the last event; none where there is no event.
pub(super) async fn as_of(
    target: &Target,
    built: &Built,
    asked: Option<DateTime<Utc>>,
    memory_bytes: usize,
) -> Result<Option<DateTime<Utc>>, MaterializeError> {
    if asked.is_some() {
        return Ok(asked);
    }
    let mut last = None;
    for source in &target.sources {
        let (Some(time), Some(table)) = (&source.timestamp_field, built.tables.get(source.name.as_str())) else {
            continue;
        };
        let session = Session::new(Bounds { memory_bytes, batch_rows: SOURCE_BATCH_ROWS });
        session.register("events", table.table.provider(false));
        let fault = |error| MaterializeError::SourceValues { name: source.name.to_string(), source: error };
        let sql = format!("select max(\"{time}\") from events");
        let plan = session.plan(&Statement::parse(&sql).map_err(fault)?).await.map_err(fault)?;
        let rows = session.execute(plan).await.map_err(fault)?;
        let batches: Vec<RecordBatch> =
            rows.try_collect().await.map_err(|error| fault(SqlError::from_execution(error)))?;
        for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
            let times = cast(batch.column(0), &DataType::Timestamp(TimeUnit::Microsecond, None));
            let times = times.map_err(|error| fault(SqlError::from_execution(error.into())))?;
            let found = times.as_primitive::<TimestampMicrosecondType>().iter().flatten().max();
            last = last.max(found.and_then(DateTime::from_timestamp_micros));
        }
    }
    Ok(last)
}

/// The windows of `view` for every key of its entity, under the name that its plan knows.
pub(super) async fn windows_table(
    target: &Target,
    view: &TargetView,
    windows: &TargetWindows,
    built: &Built,
    session: &Session,
) -> Result<Arc<dyn TableProvider>, MaterializeError> {
    let fault = |error| MaterializeError::Values { view: view.name.to_string(), source: error };
    let (Some(source), Some(events)) =
        (target.source(windows.source.as_str()), built.tables.get(windows.source.as_str()))
    else {
        return Err(fault(SqlError::invalid(format!("there is no source `{}`", windows.source))));
    };
    let keys = spine(target, view, built, session).await?;
    let key = target.keys(&view.entity);
    let events = TimedTable {
        table: events.table.provider_in_order(&names(source)).await?,
        key: key.clone(),
        time: source.timestamp_field.as_ref().map(ToString::to_string).unwrap_or_default(),
        ties: names(source).split_off((key.len() + 1).min(source.key.len())),
    };
    let columns = windows.columns.iter().map(|window| NamedWindow {
        name: window.name.clone(),
        function: window.function,
        column: window.column.as_ref().map(ToString::to_string),
        length_seconds: window.length_seconds,
    });
    let left = TimedTable { table: keys, key, time: AT.to_owned(), ties: Vec::new() };
    let table = WindowsTable::try_new(left, events, columns.collect());
    Ok(Arc::new(table.map_err(|error| fault(SqlError::from_execution(error)))?))
}

fn names(source: &TargetSource) -> Vec<String> {
    source.key.iter().map(ToString::to_string).collect()
}

/// Every key of the view's entity, as of the release: those of sources without time, or else those of events.
async fn spine(
    target: &Target,
    view: &TargetView,
    built: &Built,
    session: &Session,
) -> Result<Arc<dyn TableProvider>, MaterializeError> {
    let fault = |error| MaterializeError::Values { view: view.name.to_string(), source: error };
    let of_entity = || target.sources.iter().filter(|source| source.entity == view.entity);
    let timeless = of_entity().any(|source| source.timestamp_field.is_none());
    let keys: Vec<String> = target.keys(&view.entity).iter().map(|key| format!("\"{key}\"")).collect();
    let keys = keys.join(", ");
    let mut parts = Vec::new();
    for (index, source) in of_entity().filter(|source| source.timestamp_field.is_none() == timeless).enumerate() {
        let Some(table) = built.tables.get(source.name.as_str()) else { continue };
        // Names that no table of a project can have.
        let name = format!("_keys_{index}");
        session.register(&name, table.table.provider(false));
        parts.push(format!("select {keys} from {name}"));
    }
    let as_of = built.as_of.unwrap_or(DateTime::UNIX_EPOCH).timestamp_micros();
    let at = lit(ScalarValue::TimestampMicrosecond(Some(as_of), Some("UTC".into()))).alias(AT);
    let sql = format!("select distinct {keys} from ({})", parts.join(" union all "));
    let plan = session.plan(&Statement::parse(&sql).map_err(fault)?).await.map_err(fault)?;
    let columns = target.keys(&view.entity).into_iter().map(ident).chain([at]);
    let plan = LogicalPlanBuilder::from(plan).project(columns.collect::<Vec<_>>()).and_then(LogicalPlanBuilder::build);
    let plan = plan.map_err(|error| fault(SqlError::from_execution(error)))?;
    let rows = session.execute(plan).await.map_err(fault)?;
    let schema = rows.schema();
    let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(|error| fault(SqlError::from_execution(error)))?;
    let table = MemTable::try_new(schema, vec![batches]);
    Ok(Arc::new(table.map_err(|error| fault(SqlError::from_execution(error)))?))
}
