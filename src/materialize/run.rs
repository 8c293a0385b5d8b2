//! Does what the plan says: upserts ingests into sources, computes views, indexes both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlanBuilder, ident};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::observe::{Seen, Watched, observed};
use super::{Event, MaterializeError, Plan, Progress, SourceStep, ViewStep};
use crate::clock::Stopwatch;
use crate::compile::{Target, plan_view};
use crate::engine::{Bounds, Session, exact_cast, shown};
use crate::limits::BUILD_BATCH_ROWS;
use crate::store::{Store, StoreError, Table};

/// What a build may use, and what it is called.
#[derive(Clone, Debug)]
pub struct Settings {
    pub memory_bytes: usize,
    pub build_id: String,
}

/// What a build wrote or kept, by name.
#[derive(Debug, Default)]
pub struct Built {
    pub tables: BTreeMap<String, BuiltTable>,
}

/// A source or a view of the release to be.
#[derive(Clone, Debug)]
pub struct BuiltTable {
    pub table: Table,
    pub rows: u64,
    /// By feature; empty for a source.
    pub nulls: BTreeMap<String, u64>,
    /// Seconds that it took; none where it was kept.
    pub seconds: Option<f64>,
}

/// Runs `plan`. Nothing that it writes is visible before it is published.
pub async fn run(
    store: &Store,
    target: &Target,
    plan: &Plan,
    settings: &Settings,
    progress: &Progress,
) -> Result<Built, MaterializeError> {
    let mut built = Built::default();
    for step in &plan.sources {
        let table = source(store, step, settings, progress).await?;
        built.tables.insert(step.source.name.to_string(), table);
    }
    for step in &plan.views {
        let table = match (&step.pinned, step.reasons.is_empty()) {
            (Some(pin), true) => {
                let nulls = pin.features.iter().map(|feature| (feature.name.clone(), feature.nulls)).collect();
                let table = store.view(&pin.name, pin.lance_version).await?;
                BuiltTable { table, rows: pin.rows, nulls, seconds: None }
            }
            _ => view(store, target, step, &built, settings, progress).await?,
        };
        built.tables.insert(step.view.name.to_string(), table);
    }
    Ok(built)
}

async fn source(
    store: &Store,
    step: &SourceStep,
    settings: &Settings,
    progress: &Progress,
) -> Result<BuiltTable, MaterializeError> {
    let name = step.source.name.as_str();
    if let (Some(pin), true) = (&step.pinned, step.reasons.is_empty()) {
        let table = store.source(name, pin.lance_version).await?;
        return Ok(BuiltTable { table, rows: pin.rows, nulls: BTreeMap::new(), seconds: None });
    }
    let watch = Stopwatch::start();
    let expected = step.take.iter().map(|file| file.rows).sum();
    progress(Event::Begin { table: name.to_owned(), rows: Some(expected) });
    let key: Vec<String> = step.source.key.iter().map(ToString::to_string).collect();
    let schema = step.source.schema();
    let mut writable = store.source_to_write(name, step.pinned.as_ref().map(|pin| pin.lance_version)).await?;
    let mut anew = step.anew;
    if step.take.is_empty() {
        writable.replace(empty(&schema), &key).await?;
    }
    let mut done = 0;
    for file in &step.take {
        let rows = conformed(name, store.read_incoming(file).await?, &schema);
        let watched = Watched { name: name.to_owned(), is_source: true, key: key.clone(), before: done };
        let (rows, seen) = observed(watched, rows, Arc::clone(progress));
        let written = match std::mem::take(&mut anew) {
            true => writable.replace(rows, &key).await,
            false => writable.upsert(rows, &key).await,
        };
        done += without_fault(&seen, written)?.rows;
    }
    writable.index(&key).await?;
    let table = writable.finish(&settings.build_id).await?;
    let rows = table.rows().await? as u64;
    let seconds = watch.seconds();
    progress(Event::End { table: name.to_owned(), rows, seconds });
    Ok(BuiltTable { table, rows, nulls: BTreeMap::new(), seconds: Some(seconds) })
}

async fn view(
    store: &Store,
    target: &Target,
    step: &ViewStep,
    built: &Built,
    settings: &Settings,
    progress: &Progress,
) -> Result<BuiltTable, MaterializeError> {
    let name = step.view.name.as_str();
    let watch = Stopwatch::start();
    let inputs = step.view.inputs.iter().filter_map(|input| Some((input.as_str(), built.tables.get(input.as_str())?)));
    let expected = inputs.clone().map(|(_, table)| table.rows).max();
    progress(Event::Begin { table: name.to_owned(), rows: expected });

    let session = Session::new(Bounds { memory_bytes: settings.memory_bytes, batch_rows: BUILD_BATCH_ROWS });
    for (input, table) in inputs {
        session.register(input, table.table.provider(false));
    }
    let entity = target.entity(&step.view.entity);
    let join_keys = entity.map(|entity| entity.join_keys.as_slice()).unwrap_or_default();
    let key: Vec<String> = join_keys.iter().map(|key| key.name.to_string()).collect();
    let values = |source| MaterializeError::Values { view: name.to_owned(), source };
    let plan = plan_view(&session, &step.view, join_keys).await.map_err(values)?;
    // In the order of the keys, so that the same inputs give the same dataset.
    let order = key.iter().map(|key| ident(key.as_str()).sort(true, false));
    let plan = LogicalPlanBuilder::from(plan).sort(order).and_then(LogicalPlanBuilder::build);
    let plan = plan.map_err(|error| values(crate::engine::SqlError::from_execution(error)))?;
    let rows = session.execute(plan).await.map_err(values)?;

    let watched = Watched { name: name.to_owned(), is_source: false, key: key.clone(), before: 0 };
    let (rows, seen) = observed(watched, rows, Arc::clone(progress));
    let mut writable = store.view_to_write(name, step.pinned.as_ref().map(|pin| pin.lance_version)).await?;
    let written = writable.replace(rows, &key).await;
    let seen = without_fault(&seen, written)?;
    if seen.rows > 0 {
        writable.index(&key).await?;
    }
    let table = writable.finish(&settings.build_id).await?;
    let nulls = seen.nulls.iter().skip(key.len());
    let nulls = step.view.features.iter().map(|feature| feature.name.to_string()).zip(nulls.copied()).collect();
    let seconds = watch.seconds();
    progress(Event::End { table: name.to_owned(), rows: seen.rows, seconds });
    Ok(BuiltTable { table, rows: seen.rows, nulls, seconds: Some(seconds) })
}

/// What was seen of rows that were written; the fault that ended them early comes before what the storage says of it.
fn without_fault(seen: &Mutex<Seen>, written: Result<(), StoreError>) -> Result<Seen, MaterializeError> {
    let mut seen = std::mem::take(&mut *seen.lock().expect("no thread panics while it counts"));
    match seen.fault.take() {
        Some(fault) => Err(fault),
        None => Ok(written.map(|()| seen)?),
    }
}

/// The rows of an ingest under the schema of today: columns that it lacks are null.
fn conformed(source: &str, rows: SendableRecordBatchStream, schema: &SchemaRef) -> SendableRecordBatchStream {
    // Nulls in a key are told by whoever watches the rows.
    let nullable = schema.fields().iter().map(|field| Field::clone(field).with_nullable(true));
    let of_schema = Arc::new(Schema::new(nullable.collect::<Vec<_>>()));
    let (source, schema) = (source.to_owned(), Arc::clone(&of_schema));
    let rows = rows.map(move |batch| {
        let batch = batch?;
        let columns: Result<Vec<ArrayRef>, DataFusionError> = of_schema
            .fields()
            .iter()
            .map(|field| match batch.column_by_name(field.name()) {
                Some(column) => conformed_column(&source, column, field),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            })
            .collect();
        Ok(RecordBatch::try_new(Arc::clone(&of_schema), columns?)?)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

fn conformed_column(source: &str, column: &ArrayRef, field: &Field) -> Result<ArrayRef, DataFusionError> {
    let misfit = |value| MaterializeError::Misfit {
        name: source.to_owned(),
        column: field.name().clone(),
        value,
        data_type: shown(field.data_type()),
    };
    let external = |fault: MaterializeError| DataFusionError::External(Box::new(fault));
    let (cast, misfits) = exact_cast(column, field.data_type())
        .map_err(|_| external(misfit(format!("of the type {}", shown(column.data_type())))))?;
    match misfits.first() {
        Some(row) => Err(external(misfit(array_value_to_string(column, *row).unwrap_or_default()))),
        None => Ok(cast),
    }
}

fn empty(schema: &SchemaRef) -> SendableRecordBatchStream {
    Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), futures::stream::empty()))
}
