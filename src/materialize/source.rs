//! Ingests into a source: rows that are new or changed are upserted, those that a snapshot lacks are deleted.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::Peekable;
use futures::{StreamExt, TryStreamExt};

use super::differ::Differ;
use super::last_written::last_written;
use super::observe::{Seen, Watched, observed};
use super::{BuiltTable, Change, Event, MaterializeError, Progress, Settings, SourceStep, Work};
use crate::clock::Stopwatch;
use crate::engine::{Bounds, Session, Statement, exact_or_misfit, quoted, shown};
use crate::limits::{LOOKED_UP_ROWS_MAX, SMALL_FRAGMENTS_MAX, SOURCE_BATCH_ROWS};
use crate::store::{IncomingFile, Index, Store, StoreError, Table, Writable};

pub(super) async fn run(
    store: &Store,
    step: &SourceStep,
    settings: &Settings,
    progress: &Progress,
) -> Result<BuiltTable, MaterializeError> {
    let name = step.source.name.as_str();
    let built = |table, rows, change, seconds| BuiltTable {
        table,
        rows,
        nulls: BTreeMap::new(),
        statistics: BTreeMap::new(),
        checks: Vec::new(),
        rejects: None,
        change,
        seconds,
    };
    let unchanged = |table, rows| built(table, rows, Change::None, None);
    if let (Some(pin), Work::Keep) = (&step.pinned, &step.work) {
        return Ok(unchanged(store.source(name, pin.lance_version).await?, pin.rows));
    }
    let watch = Stopwatch::start();
    // What was ingested before a snapshot is in it, or is gone.
    let snapshot = step.take.iter().rposition(|file| file.snapshot).unwrap_or_default();
    let take = &step.take[snapshot..];
    progress(Event::Begin { table: name.to_owned(), rows: Some(take.iter().map(|file| file.rows).sum()) });
    let writable = store.source_to_write(name, step.pinned.as_ref().map(|pin| pin.lance_version)).await?;
    let key: Vec<String> = step.source.key.iter().map(ToString::to_string).collect();
    let schema = step.source.schema();
    let is_timed = step.source.timestamp_field.is_some();
    // Events lie in the order of key and time, piece by piece.
    let is_ordered = !is_timed || step.pinned.as_ref().is_some_and(|pin| pin.is_ordered);
    let mut writing = Writing {
        store,
        name,
        key,
        created: step.source.created_timestamp_column.as_ref().map(ToString::to_string),
        memory_bytes: settings.memory_bytes,
        schema,
        writable,
        progress,
        done: 0,
        deleted: Vec::new(),
        wrote: false,
        is_ordered,
    };
    let change = match step.work {
        Work::Whole => {
            writing.anew(take).await?;
            Change::Whole
        }
        _ => {
            for file in take {
                writing.merge(file).await?;
            }
            Change::Rows { deleted: std::mem::take(&mut writing.deleted) }
        }
    };
    let Writing { mut writable, key, wrote, is_ordered, .. } = writing;
    if let (Some(pin), false) = (&step.pinned, wrote) {
        // Every row was there already.
        return Ok(unchanged(store.source(name, pin.lance_version).await?, pin.rows));
    }
    let pieces = writable.table().map(|table| table.fragments()).unwrap_or_default();
    let change = match is_timed && (!is_ordered || matches!(change, Change::Whole) || pieces > SMALL_FRAGMENTS_MAX) {
        true => {
            put_in_order(&mut writable, &key, settings).await.map_err(|fault| ordering_fault(name, fault))?;
            Change::Whole
        }
        false => change,
    };
    let indexes = Index::of_key(&key);
    match change {
        Change::Whole => writable.index(&indexes).await?,
        // Pieces that are in order would not be after they were made one.
        _ if is_timed => writable.extend_indexes(&indexes).await?,
        _ => writable.keep_up(&indexes).await?,
    }
    let table = writable.finish(&settings.build_id).await?;
    let rows = table.rows().await? as u64;
    let seconds = watch.seconds();
    progress(Event::End { table: name.to_owned(), rows, seconds });
    Ok(built(table, rows, change, Some(seconds)))
}

/// A source that is being written.
struct Writing<'a> {
    store: &'a Store,
    name: &'a str,
    key: Vec<String>,
    /// The column that says when a row was written.
    created: Option<String>,
    memory_bytes: usize,
    schema: SchemaRef,
    writable: Writable,
    progress: &'a Progress,
    /// Rows of ingests that were read.
    done: u64,
    deleted: Vec<RecordBatch>,
    wrote: bool,
    /// Whether each piece that was written is in the order of the key.
    is_ordered: bool,
}

impl Writing<'_> {
    /// Puts the ingests, one on top of the other, in the place of whatever there is.
    async fn anew(&mut self, take: &[IncomingFile]) -> Result<(), MaterializeError> {
        self.wrote = true;
        if take.is_empty() {
            let nothing = RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::empty());
            self.writable.replace(Box::pin(nothing), &self.key).await?;
        }
        // Where rows say when they were written, the order of the ingests is not what counts.
        let at_once = if self.created.is_some() { take.len().max(1) } else { 1 };
        for (index, files) in take.chunks(at_once).enumerate() {
            let (rows, seen) = self.read(files).await?;
            let written = match index {
                0 => self.writable.replace(rows, &self.key).await,
                _ => self.writable.upsert(rows, &self.key).await,
            };
            self.done += without_fault(&seen, written)?.rows;
        }
        Ok(())
    }

    /// Writes what an ingest adds to and changes of what is there, and takes away what a snapshot lacks.
    async fn merge(&mut self, file: &IncomingFile) -> Result<(), MaterializeError> {
        let table = self.writable.table().expect("a pinned source is there, or it could not be opened to be written");
        let (rows, seen) = self.read(std::slice::from_ref(file)).await?;
        let (rows, differ) = self.known(&table, rows, file).await.map_err(|fault| first_fault(&seen, fault))?;
        let differ = Arc::new(Mutex::new(differ));
        let mut changed = changed_rows(rows, Arc::clone(&differ));
        let written = match Pin::new(&mut changed).peek().await {
            None => Ok(()),
            Some(_) if is_looked_up(file) => {
                self.wrote = true;
                let batches: Result<Vec<RecordBatch>, DataFusionError> = changed.try_collect().await;
                match batches {
                    Ok(batches) => self.put(batches, &differ).await,
                    Err(error) => Err(StoreError::Rows(error.to_string())),
                }
            }
            Some(_) => {
                self.wrote = true;
                self.is_ordered = false;
                let rows = RecordBatchStreamAdapter::new(nullable(&self.schema), changed);
                self.writable.upsert(Box::pin(rows), &self.key).await
            }
        };
        self.done += without_fault(&seen, written)?.rows;
        if file.snapshot && !differ.lock().expect("no thread panics while it compares").saw_all() {
            self.delete_unseen(&table, &differ).await?;
        }
        Ok(())
    }

    /// Puts the rows of a small ingest in the place of those that have their keys.
    async fn put(&mut self, batches: Vec<RecordBatch>, differ: &Mutex<Differ>) -> Result<(), StoreError> {
        let fault = |error: ArrowError| StoreError::Rows(error.to_string());
        let schema = nullable(&self.schema);
        let rows = in_order(&concat_batches(&schema, &batches).map_err(fault)?, &self.key).map_err(fault)?;
        let replaced = differ.lock().expect("no thread panics while it compares").replaced(&rows)?;
        let rows = RecordBatchStreamAdapter::new(schema, futures::stream::iter([Ok(rows)]));
        self.writable.put(Box::pin(rows), vec![replaced], &self.key).await
    }

    /// The rows of ingests under the schema of today, watched.
    async fn read(
        &self,
        files: &[IncomingFile],
    ) -> Result<(SendableRecordBatchStream, Arc<Mutex<Seen>>), MaterializeError> {
        let mut ingests = Vec::new();
        for file in files {
            ingests.push(conformed(self.name, self.store.read_incoming(file).await?, &self.schema));
        }
        let rows = RecordBatchStreamAdapter::new(nullable(&self.schema), futures::stream::iter(ingests).flatten());
        let mut rows: SendableRecordBatchStream = Box::pin(rows);
        if let Some(created) = &self.created {
            let last = last_written(rows, &self.key, created, self.memory_bytes).await;
            rows = last.map_err(|source| MaterializeError::SourceValues { name: self.name.to_owned(), source })?;
        }
        let watched = Watched { name: self.name.to_owned(), is_source: true, key: self.key.clone(), before: self.done };
        Ok(observed(watched, rows, Arc::clone(self.progress)))
    }

    /// What knows the rows that are there and that an ingest could change. The rows of a small ingest are read and
    /// looked up by their keys; for a large one, and for a snapshot, everything is read.
    async fn known(
        &self,
        table: &Table,
        rows: SendableRecordBatchStream,
        file: &IncomingFile,
    ) -> Result<(SendableRecordBatchStream, Differ), StoreError> {
        let mut differ = Differ::new(Arc::clone(&self.schema), self.key.clone(), self.created.clone())?;
        if !is_looked_up(file) {
            let names: Vec<String> = self.schema.fields().iter().map(|field| field.name().clone()).collect();
            let mut there = table.scan(&names).await?;
            while let Some(batch) = there.try_next().await.map_err(|error| StoreError::Rows(error.to_string()))? {
                differ.know(&batch)?;
            }
            return Ok((rows, differ));
        }
        let schema = rows.schema();
        let batches: Vec<RecordBatch> =
            rows.try_collect().await.map_err(|error| StoreError::Rows(error.to_string()))?;
        for batch in table.of_keys(&self.key, &batches).await? {
            differ.know(&batch)?;
        }
        let rows = futures::stream::iter(batches.into_iter().map(Ok));
        Ok((Box::pin(RecordBatchStreamAdapter::new(schema, rows)), differ))
    }

    async fn delete_unseen(&mut self, before: &Table, differ: &Mutex<Differ>) -> Result<(), MaterializeError> {
        let mut deleted = Vec::new();
        for batch in before.read(&self.key).await? {
            let unseen = differ.lock().expect("no thread panics while it compares").unseen(&batch)?;
            if unseen.num_rows() > 0 {
                deleted.push(unseen);
            }
        }
        self.wrote = true;
        self.writable.delete(deleted.clone(), &self.key).await?;
        self.deleted.extend(deleted);
        Ok(())
    }
}

/// Whether an ingest is so small that its rows are held and looked up by their keys.
fn is_looked_up(file: &IncomingFile) -> bool {
    file.rows <= LOOKED_UP_ROWS_MAX && !file.snapshot
}

/// `rows` in the order of `key`.
fn in_order(rows: &RecordBatch, key: &[String]) -> Result<RecordBatch, ArrowError> {
    let column = |name: &String| Some(SortColumn { values: Arc::clone(rows.column_by_name(name)?), options: None });
    let columns: Vec<SortColumn> = key.iter().filter_map(column).collect();
    take_record_batch(rows, &lexsort_to_indices(&columns, None)?)
}

/// Writes all rows anew in the order of `key`; what does not fit into memory is sorted on disk.
async fn put_in_order(writable: &mut Writable, key: &[String], settings: &Settings) -> Result<(), MaterializeError> {
    let Some(table) = writable.table() else { return Ok(()) };
    let session = Session::new(Bounds { memory_bytes: settings.memory_bytes, batch_rows: SOURCE_BATCH_ROWS });
    session.register("events", table.provider(false));
    let order: Vec<String> = key.iter().map(|name| quoted(name)).collect();
    let statement = format!("select * from events order by {}", order.join(", "));
    let unordered = |source| MaterializeError::SourceValues { name: String::new(), source };
    let plan = session.plan(&Statement::parse(&statement).map_err(unordered)?).await.map_err(unordered)?;
    let rows = session.execute(plan).await.map_err(unordered)?;
    Ok(writable.replace(rows, &key.to_vec()).await?)
}

fn ordering_fault(name: &str, fault: MaterializeError) -> MaterializeError {
    match fault {
        MaterializeError::SourceValues { source, .. } => {
            MaterializeError::SourceValues { name: name.to_owned(), source }
        }
        fault => fault,
    }
}

/// The rows that are new or changed, in batches that are not empty.
fn changed_rows(
    rows: SendableRecordBatchStream,
    differ: Arc<Mutex<Differ>>,
) -> Peekable<futures::stream::BoxStream<'static, Result<RecordBatch, DataFusionError>>> {
    let changed = rows.and_then(move |batch| {
        let mut differ = differ.lock().expect("no thread panics while it compares");
        std::future::ready(differ.changed(&batch).map_err(|fault| DataFusionError::External(Box::new(fault))))
    });
    let some = changed.try_filter(|batch| std::future::ready(batch.num_rows() > 0));
    some.boxed().peekable()
}

/// What was seen of rows that were written; the fault that ended them early comes before what the storage says of it.
pub(super) fn without_fault(seen: &Mutex<Seen>, written: Result<(), StoreError>) -> Result<Seen, MaterializeError> {
    let mut seen = std::mem::take(&mut *seen.lock().expect("no thread panics while it counts"));
    match seen.fault.take() {
        Some(fault) => Err(fault),
        None => Ok(written.map(|()| seen)?),
    }
}

fn first_fault(seen: &Mutex<Seen>, fault: StoreError) -> MaterializeError {
    without_fault(seen, Err(fault)).err().unwrap_or_else(|| StoreError::Rows("the rows ended early".to_owned()).into())
}

/// Nulls in a key are told by whoever watches the rows, and not by Arrow.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| Field::clone(field).with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows of an ingest under the schema of today: columns that it lacks are null.
fn conformed(source: &str, rows: SendableRecordBatchStream, schema: &SchemaRef) -> SendableRecordBatchStream {
    let schema = nullable(schema);
    let (source, of_schema) = (source.to_owned(), Arc::clone(&schema));
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
    exact_or_misfit(column, field.data_type()).map_err(|value| {
        DataFusionError::External(Box::new(MaterializeError::Misfit {
            name: source.to_owned(),
            column: field.name().clone(),
            value,
            data_type: shown(field.data_type()),
        }))
    })
}
