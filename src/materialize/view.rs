//! A view: computed whole, or only the columns or the rows that changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, ident};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;

use super::observe::{Seen, Watched, observed};
use super::profile::profiles;
use super::source::without_fault;
use super::windows::windows_table;
use super::{Built, BuiltTable, Change, Event, MaterializeError, Progress, Settings, ViewStep, Work};
use crate::clock::Stopwatch;
use crate::compile::{JoinKey, Recipe, Target, TargetFeature, TargetView, plan_view};
use crate::definition::Format;
use crate::engine::{Bounds, Session, SqlError};
use crate::limits::{BUILD_BATCH_ROWS, CHANGED_ROWS_MAX};
use crate::store::{FeaturePin, KeyIndex, Statistics, Store, StoreError, Table, ViewPin, key_texts};

pub(super) async fn run(
    store: &Store,
    target: &Target,
    step: &ViewStep,
    built: &Built,
    settings: &Settings,
    progress: &Progress,
) -> Result<BuiltTable, MaterializeError> {
    let entity = target.entity(&step.view.entity);
    let join_keys = entity.map(|entity| entity.join_keys.as_slice()).unwrap_or_default();
    let keys = join_keys.iter().map(|key| &key.name).chain(&step.view.time);
    let key = keys.map(ToString::to_string).collect();
    let name = step.view.name.as_str();
    let computing = Computing { store, target, view: &step.view, name, join_keys, key, built, settings, progress };
    let watch = Stopwatch::start();
    let computed = match (&step.pinned, &step.work) {
        (Some(pin), Work::Keep) => return computing.kept(pin).await,
        (Some(pin), Work::Columns { dropped, added }) => computing.columns(pin, dropped, added).await?,
        (Some(pin), Work::Rows) => match computing.changed_rows(pin).await? {
            Changed::Nothing => return computing.kept(pin).await,
            Changed::Rows(changed) => computing.rows(pin, changed).await?,
            Changed::All => computing.whole(Some(pin)).await?,
        },
        (pin, _) => computing.whole(pin.as_ref()).await?,
    };
    let seconds = watch.seconds();
    progress(Event::End { table: name.to_owned(), rows: computed.rows, seconds });
    Ok(BuiltTable { seconds: Some(seconds), ..computed })
}

/// What a view's computation needs to know.
struct Computing<'a> {
    store: &'a Store,
    target: &'a Target,
    view: &'a TargetView,
    name: &'a str,
    join_keys: &'a [JoinKey],
    key: Vec<String>,
    built: &'a Built,
    settings: &'a Settings,
    progress: &'a Progress,
}

/// The rows of a view's input that changed.
enum Changed<'a> {
    Nothing,
    Rows(ChangedRows<'a>),
    /// All of them, or more than are held.
    All,
}

struct ChangedRows<'a> {
    input: &'a str,
    schema: SchemaRef,
    rows: Vec<RecordBatch>,
    /// The keys of those that are gone.
    deleted: Vec<RecordBatch>,
}

impl Computing<'_> {
    async fn kept(&self, pin: &ViewPin) -> Result<BuiltTable, MaterializeError> {
        let table = self.store.view(self.name, &pin.data).await?;
        let statistics = statistics_of(pin);
        Ok(BuiltTable {
            table,
            rows: pin.rows,
            nulls: nulls_of(pin),
            statistics,
            checks: Vec::new(),
            change: Change::None,
            seconds: None,
        })
    }

    /// The statistics of `features`, read from what was written.
    async fn profiled<'f>(
        &self,
        table: &Table,
        rows: u64,
        features: impl Iterator<Item = &'f TargetFeature>,
    ) -> Result<BTreeMap<String, Statistics>, MaterializeError> {
        let names: Vec<String> =
            features.filter(|feature| feature.dtype.is_scalar()).map(|feature| feature.name.to_string()).collect();
        Ok(profiles(table, rows, &names).await?)
    }

    async fn whole(&self, pin: Option<&ViewPin>) -> Result<BuiltTable, MaterializeError> {
        let inputs = self.view.inputs.iter().filter_map(|input| self.built.tables.get(input.as_str()));
        let expected = inputs.map(|table| table.rows).max();
        (self.progress)(Event::Begin { table: self.name.to_owned(), rows: expected });
        let rows = self.computed_in_order(&self.session().await?, self.view).await?;
        let (rows, seen) = self.observed(rows);
        let (table, seen) = match self.view.format {
            Format::Lance => {
                let pinned = pin.and_then(|pin| pin.data.lance_version());
                let mut writable = self.store.view_to_write(self.name, pinned).await?;
                let written = writable.replace(rows, &self.key).await;
                let seen = without_fault(&seen, written)?;
                if seen.rows > 0 {
                    writable.index(&self.key).await?;
                }
                (writable.finish(&self.settings.build_id).await?, seen)
            }
            Format::Parquet => {
                let written = self.store.write_parquet(self.name, &self.settings.build_id, rows, &self.key).await;
                let (ended, table) = match written {
                    Ok(table) => (Ok(()), Some(table)),
                    Err(error) => (Err(error), None),
                };
                let seen = without_fault(&seen, ended)?;
                (table.expect("what did not fail was written"), seen)
            }
        };
        let nulls = self.counted(self.view, &seen);
        let statistics = self.profiled(&table, seen.rows, self.view.features.iter()).await?;
        Ok(BuiltTable {
            table,
            rows: seen.rows,
            nulls,
            statistics,
            checks: Vec::new(),
            change: Change::Whole,
            seconds: None,
        })
    }

    /// Computes the columns `added` for the rows that are there.
    async fn columns(
        &self,
        pin: &ViewPin,
        dropped: &[String],
        added: &[String],
    ) -> Result<BuiltTable, MaterializeError> {
        (self.progress)(Event::Begin { table: self.name.to_owned(), rows: Some(pin.rows) });
        let mut nulls = nulls_of(pin);
        nulls.retain(|name, _| !dropped.contains(name));
        let mut batch = None;
        if !added.is_empty() {
            let mut part = self.view.clone();
            part.features.retain(|feature| added.iter().any(|name| name == feature.name.as_str()));
            // In any order: they are brought into that of the rows that are there.
            let (computed, seen) = self.collected(self.computed(&self.session().await?, &part).await?).await?;
            nulls.extend(self.counted(&part, &seen));
            let there = self.store.view(self.name, &pin.data).await?.read(&self.key).await?;
            let Some(aligned) = self.aligned(&computed, &there)? else {
                tracing::warn!(view = self.name, "its rows are not those that its columns were computed for");
                return self.whole(Some(pin)).await;
            };
            let indices: Vec<usize> = (self.key.len()..computed.num_columns()).collect();
            batch = Some(aligned.project(&indices).map_err(rows_fault)?);
        }
        let mut writable = self.store.view_to_write(self.name, pin.data.lance_version()).await?;
        writable.replace_columns(dropped, batch).await?;
        let table = writable.finish(&self.settings.build_id).await?;
        let mut statistics = statistics_of(pin);
        statistics.retain(|name, _| !dropped.contains(name));
        let is_added = |feature: &&TargetFeature| added.iter().any(|name| name == feature.name.as_str());
        statistics.extend(self.profiled(&table, pin.rows, self.view.features.iter().filter(is_added)).await?);
        Ok(BuiltTable {
            table,
            rows: pin.rows,
            nulls,
            statistics,
            checks: Vec::new(),
            change: Change::None,
            seconds: None,
        })
    }

    /// `computed` in the order of the rows that are `there`; none where they are not the same rows.
    fn aligned(&self, computed: &RecordBatch, there: &[RecordBatch]) -> Result<Option<RecordBatch>, StoreError> {
        let index = KeyIndex::new(key_texts(computed, &self.key)?)?;
        let mut rows = Vec::with_capacity(computed.num_rows());
        for batch in there {
            let keys = key_texts(batch, &self.key)?;
            for row in 0..batch.num_rows() {
                match index.row(keys.iter().map(|part| part.value(row))) {
                    Some(computed) => rows.push(computed as u64),
                    None => return Ok(None),
                }
            }
        }
        if rows.len() != computed.num_rows() {
            return Ok(None);
        }
        Ok(Some(take_record_batch(computed, &UInt64Array::from(rows)).map_err(rows_fault)?))
    }

    /// The rows of the view's one input that changed since the view was computed.
    async fn changed_rows(&self, pin: &ViewPin) -> Result<Changed<'_>, MaterializeError> {
        let [input] = self.view.inputs.as_slice() else { return Ok(Changed::All) };
        let (Some(table), Some(since)) = (self.built.tables.get(input.as_str()), pin.inputs.get(input.as_str())) else {
            return Ok(Changed::All);
        };
        let deleted = match &table.change {
            Change::None => return Ok(Changed::Nothing),
            Change::Whole => return Ok(Changed::All),
            Change::Rows { deleted } => deleted.clone(),
        };
        match table.table.changed_since(*since, &self.key, CHANGED_ROWS_MAX).await? {
            None => Ok(Changed::All),
            Some(rows) => {
                let schema = rows.first().map(|batch| batch.schema()).unwrap_or_else(|| table.table.schema());
                Ok(Changed::Rows(ChangedRows { input: input.as_str(), schema, rows, deleted }))
            }
        }
    }

    /// Computes the rows that come from `changed` rows of the input, and takes away those that have none any more.
    async fn rows(&self, pin: &ViewPin, changed: ChangedRows<'_>) -> Result<BuiltTable, MaterializeError> {
        let ChangedRows { input, schema, rows: changed, deleted } = changed;
        let expected = changed.iter().map(|batch| batch.num_rows() as u64).sum();
        (self.progress)(Event::Begin { table: self.name.to_owned(), rows: Some(expected) });
        let mut touched = deleted;
        for batch in &changed {
            touched.push(batch.project(&self.key_indices(&batch.schema())?).map_err(rows_fault)?);
        }
        let session = self.session().await?;
        let only = MemTable::try_new(schema, vec![changed]);
        let only = only.map_err(|error| self.values(SqlError::from_execution(error)))?;
        session.register(input, Arc::new(only));
        let (computed, seen) = self.collected(self.computed_in_order(&session, self.view).await?).await?;
        let mut writable = self.store.view_to_write(self.name, pin.data.lance_version()).await?;
        let gone = self.gone(&touched, &computed)?;
        let before = self.store.view(self.name, &pin.data).await?;
        let nulls_replaced = nulls_in(&before.of_keys(&self.key, &touched).await?);
        match seen.rows {
            0 => writable.delete(gone.clone(), &self.key).await?,
            _ => {
                let (schema, rows) = (computed.schema(), futures::stream::iter([Ok(computed)]));
                writable.put(Box::pin(RecordBatchStreamAdapter::new(schema, rows)), touched, &self.key).await?;
            }
        }
        writable.keep_up(&self.key).await?;
        let table = writable.finish(&self.settings.build_id).await?;
        let mut nulls = nulls_of(pin);
        for (name, count) in self.counted(self.view, &seen) {
            let before = nulls.get(&name).copied().unwrap_or_default();
            let replaced = nulls_replaced.get(&name).copied().unwrap_or_default();
            nulls.insert(name, before.saturating_sub(replaced) + count);
        }
        let rows = table.rows().await? as u64;
        let statistics = self.profiled(&table, rows, self.view.features.iter()).await?;
        Ok(BuiltTable {
            table,
            rows,
            nulls,
            statistics,
            checks: Vec::new(),
            change: Change::Rows { deleted: gone },
            seconds: None,
        })
    }

    /// The keys of `touched` that no row of `computed` has.
    fn gone(&self, touched: &[RecordBatch], computed: &RecordBatch) -> Result<Vec<RecordBatch>, StoreError> {
        let index = KeyIndex::new(key_texts(computed, &self.key)?)?;
        let mut gone = Vec::new();
        for batch in touched {
            let keys = key_texts(batch, &self.key)?;
            let rows =
                (0..batch.num_rows()).filter(|row| index.row(keys.iter().map(|part| part.value(*row))).is_none());
            let rows: UInt64Array = rows.map(|row| row as u64).collect::<Vec<_>>().into();
            if !rows.is_empty() {
                gone.push(take_record_batch(batch, &rows).map_err(rows_fault)?);
            }
        }
        Ok(gone)
    }

    /// A session over the whole inputs.
    async fn session(&self) -> Result<Session, MaterializeError> {
        let bounds = Bounds { memory_bytes: self.settings.memory_bytes, batch_rows: BUILD_BATCH_ROWS };
        let session = Session::new(bounds);
        for input in &self.view.inputs {
            if let Some(table) = self.built.tables.get(input.as_str()) {
                let provider: Arc<dyn TableProvider> = table.table.provider(false);
                session.register(input.as_str(), provider);
            }
        }
        if let Recipe::Aggregate(windows) = &self.view.recipe {
            let table = windows_table(self.target, self.view, windows, self.built, &session).await?;
            session.register(&windows.table(), table);
        }
        Ok(session)
    }

    /// The rows of `view` in the order of the keys, so that the same inputs give the same dataset.
    async fn computed_in_order(
        &self,
        session: &Session,
        view: &TargetView,
    ) -> Result<SendableRecordBatchStream, MaterializeError> {
        let values = |source| self.values(source);
        let plan = self.plan(session, view).await?;
        let order = self.key.iter().map(|key| ident(key.as_str()).sort(true, false));
        let plan = LogicalPlanBuilder::from(plan).sort(order).and_then(LogicalPlanBuilder::build);
        let plan = plan.map_err(|error| values(SqlError::from_execution(error)))?;
        session.execute(plan).await.map_err(values)
    }

    /// The rows of `view` in any order.
    async fn computed(
        &self,
        session: &Session,
        view: &TargetView,
    ) -> Result<SendableRecordBatchStream, MaterializeError> {
        session.execute(self.plan(session, view).await?).await.map_err(|source| self.values(source))
    }

    async fn plan(&self, session: &Session, view: &TargetView) -> Result<LogicalPlan, MaterializeError> {
        plan_view(session, view, self.join_keys).await.map_err(|source| self.values(source))
    }

    fn observed(&self, rows: SendableRecordBatchStream) -> (SendableRecordBatchStream, Arc<std::sync::Mutex<Seen>>) {
        let watched = Watched { name: self.name.to_owned(), is_source: false, key: self.key.clone(), before: 0 };
        observed(watched, rows, Arc::clone(self.progress))
    }

    /// Rows that fit into memory, and what was seen of them.
    async fn collected(&self, rows: SendableRecordBatchStream) -> Result<(RecordBatch, Seen), MaterializeError> {
        let (rows, seen) = self.observed(rows);
        let schema = rows.schema();
        let collected = rows.try_collect::<Vec<RecordBatch>>().await;
        let ended = collected.as_ref().map(|_| ()).map_err(|error| StoreError::Rows(error.to_string()));
        let seen = without_fault(&seen, ended)?;
        Ok((concat_batches(&schema, &collected.unwrap_or_default()).map_err(rows_fault)?, seen))
    }

    /// The nulls that were seen, by feature of `view`.
    fn counted(&self, view: &TargetView, seen: &Seen) -> BTreeMap<String, u64> {
        let nulls = seen.nulls.iter().skip(self.key.len()).copied();
        view.features.iter().map(|feature| feature.name.to_string()).zip(nulls).collect()
    }

    fn key_indices(&self, schema: &SchemaRef) -> Result<Vec<usize>, StoreError> {
        self.key.iter().map(|name| schema.index_of(name).map_err(rows_fault)).collect()
    }

    fn values(&self, source: SqlError) -> MaterializeError {
        MaterializeError::Values { view: self.name.to_owned(), source }
    }
}

/// The nulls, by column.
fn nulls_in(rows: &[RecordBatch]) -> BTreeMap<String, u64> {
    let mut nulls = BTreeMap::new();
    for batch in rows {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            *nulls.entry(field.name().clone()).or_default() += column.null_count() as u64;
        }
    }
    nulls
}

fn statistics_of(pin: &ViewPin) -> BTreeMap<String, Statistics> {
    let told = |feature: &FeaturePin| Some((feature.name.clone(), feature.statistics.clone()?));
    pin.features.iter().filter_map(told).collect()
}

fn nulls_of(pin: &ViewPin) -> BTreeMap<String, u64> {
    pin.features.iter().map(|feature| (feature.name.clone(), feature.nulls)).collect()
}

fn rows_fault(error: datafusion::arrow::error::ArrowError) -> StoreError {
    StoreError::Rows(error.to_string())
}
