//! A view: computed whole, or only the columns or the rows that changed.

mod duplicates;
mod partly;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, ident};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::TryStreamExt;
use tokio::sync::OnceCell;

use partly::Changed;

use super::observe::{Seen, Watched, observed};
use super::profile::profiles;
use super::run::Shared;
use super::source::without_fault;
use super::windows::windows_table;
use super::{Built, BuiltTable, Change, Event, MaterializeError, Progress, Settings, ViewStep, Work, quality};
use crate::clock::Stopwatch;
use crate::compile::{JoinKey, Recipe, Target, TargetFeature, TargetView, plan_view};
use crate::definition::Format;
use crate::engine::{Bounds, Fault, Faults, Session, SqlError};
use crate::limits::BUILD_BATCH_ROWS;
use crate::store::{FeaturePin, Index, Reject, Statistics, Store, StoreError, Table, ViewData, ViewPin, Writable};

/// Brings a view up to date, and checks whether it is as expected.
pub(super) async fn run(shared: &Shared, step: &ViewStep, built: &Built) -> Result<BuiltTable, MaterializeError> {
    let computing = Computing::new(shared, step, built);
    let table = computing.table(step).await?;
    let (view, key, memory_bytes) = (computing.view, &computing.key, computing.settings.memory_bytes);
    let checks = quality::checks(computing.store, view, key, &table, step.pinned.as_ref(), memory_bytes).await?;
    Ok(BuiltTable { checks, ..table })
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
    whole: &'a tokio::sync::Mutex<()>,
    /// The texts of which nothing could be made, as far as was computed.
    faults: Faults,
    /// Of a view of near-duplicates, once they were found.
    duplicates: OnceCell<RecordBatch>,
}

impl<'a> Computing<'a> {
    fn new(shared: &'a Shared, step: &'a ViewStep, built: &'a Built) -> Self {
        let Shared { store, target, settings, progress, whole } = shared;
        let (view, name) = (&step.view, step.view.name.as_str());
        let entity = target.entity(&view.entity);
        let join_keys = entity.map(|entity| entity.join_keys.as_slice()).unwrap_or_default();
        let key = join_keys.iter().map(|key| &key.name).chain(&view.time).map(ToString::to_string).collect();
        let (faults, duplicates) = (Faults::default(), OnceCell::new());
        Self { store, target, view, name, join_keys, key, built, settings, progress, whole, faults, duplicates }
    }

    async fn table(&self, step: &ViewStep) -> Result<BuiltTable, MaterializeError> {
        let watch = Stopwatch::start();
        let computed = match (&step.pinned, &step.work) {
            (Some(pin), Work::Keep) => return self.kept(pin).await,
            (Some(pin), Work::Columns(columns)) => self.partly(pin, columns, None).await?,
            (Some(pin), Work::Rows(columns)) => match self.changed_rows(pin).await? {
                Changed::Nothing if columns.is_empty() => return self.kept(pin).await,
                Changed::Nothing => self.partly(pin, columns, None).await?,
                Changed::Rows(changed) => self.partly(pin, columns, Some(changed)).await?,
                Changed::All => self.whole(Some(pin)).await?,
            },
            (pin, _) => self.whole(pin.as_ref()).await?,
        };
        let seconds = computed.seconds.unwrap_or_else(|| watch.seconds());
        (self.progress)(Event::End { table: self.name.to_owned(), rows: computed.rows, seconds });
        Ok(BuiltTable { seconds: Some(seconds), ..computed })
    }

    async fn kept(&self, pin: &ViewPin) -> Result<BuiltTable, MaterializeError> {
        let table = self.open(&pin.data).await?;
        let statistics = statistics_of(pin);
        Ok(BuiltTable {
            table,
            rows: pin.rows,
            nulls: nulls_of(pin),
            statistics,
            checks: Vec::new(),
            rejects: pin.rejects.clone(),
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
        // What is searched is known by the features that it is made of.
        if matches!(self.view.recipe, Recipe::Search(_)) {
            return Ok(BTreeMap::new());
        }
        let names: Vec<String> =
            features.filter(|feature| feature.dtype.is_scalar()).map(|feature| feature.name.to_string()).collect();
        Ok(profiles(table, rows, &names).await?)
    }

    /// Computes all of it, as soon as no other view is computed so; its seconds are without the waiting.
    async fn whole(&self, pin: Option<&ViewPin>) -> Result<BuiltTable, MaterializeError> {
        let _alone = self.whole.lock().await;
        let watch = Stopwatch::start();
        let inputs = self.view.inputs.iter().filter_map(|input| self.built.tables.get(input.as_str()));
        let expected = inputs.map(|table| table.rows).max();
        (self.progress)(Event::Begin { table: self.name.to_owned(), rows: expected });
        let rows = self.computed_in_order(&self.session().await?, self.view).await?;
        let (rows, seen) = self.observed(rows);
        let (table, seen) = match self.view.format {
            Format::Lance => {
                let pinned = pin.and_then(|pin| pin.data.lance_version());
                let mut writable = self.to_write(pinned).await?;
                let written = writable.replace(rows, &self.key).await;
                let seen = without_fault(&seen, written)?;
                if seen.rows > 0 {
                    writable.index(&self.indexes()).await?;
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
        let rejects = self.store.write_rejects(self.name, &self.settings.build_id, &self.new_rejects()).await?;
        Ok(BuiltTable {
            table,
            rows: seen.rows,
            nulls,
            statistics,
            checks: Vec::new(),
            rejects,
            change: Change::Whole,
            seconds: Some(watch.seconds()),
        })
    }

    /// A session over the whole inputs.
    async fn session(&self) -> Result<Session, MaterializeError> {
        let bounds = Bounds { memory_bytes: self.settings.memory_bytes, batch_rows: BUILD_BATCH_ROWS };
        let session = Session::new(bounds).with_faults(self.faults.clone());
        for input in &self.view.inputs {
            if let Some(table) = self.built.tables.get(input.as_str()) {
                let provider: Arc<dyn TableProvider> = table.table.provider(false);
                session.register(input.as_str(), provider);
            }
        }
        match &self.view.recipe {
            Recipe::Aggregate(windows) => {
                let table = windows_table(self.target, self.view, windows, self.built, &session).await?;
                session.register(&windows.table(), table);
            }
            Recipe::Duplicates(duplicates) => {
                let rows = self.duplicates_rows(duplicates).await?.clone();
                let table = MemTable::try_new(rows.schema(), vec![vec![rows]]);
                let table = table.map_err(|error| self.values(SqlError::from_execution(error)))?;
                session.register(&duplicates.table(), Arc::new(table));
            }
            Recipe::Sql(_) | Recipe::Analyzer(_) | Recipe::Embedding(_) | Recipe::Search(_) => {}
        }
        Ok(session)
    }

    /// The dataset as it is pinned.
    async fn open(&self, data: &ViewData) -> Result<Table, StoreError> {
        match (&self.view.recipe, data.lance_version()) {
            (Recipe::Search(_), Some(version)) => self.store.search(self.name, version).await,
            _ => self.store.view(self.name, data).await,
        }
    }

    async fn to_write(&self, pinned: Option<u64>) -> Result<Writable, StoreError> {
        match &self.view.recipe {
            Recipe::Search(_) => self.store.search_to_write(self.name, pinned).await,
            _ => self.store.view_to_write(self.name, pinned).await,
        }
    }

    /// What the dataset is read by.
    fn indexes(&self) -> Vec<Index> {
        let key = Index::of_key(&self.key);
        let Recipe::Search(search) = &self.view.recipe else { return key };
        let terms = search.terms.iter().map(|column| Index::Terms(column.to_string()));
        let vectors = search.vectors.iter().map(|vectors| Index::Vectors(vectors.column.to_string()));
        key.into_iter().chain(terms).chain(vectors).collect()
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

    /// The texts of which nothing could be made since the last call, ordered, each once.
    fn new_rejects(&self) -> Vec<Reject> {
        let faults = self.faults.drain().into_iter();
        let mut rejects: Vec<Reject> = faults.map(|Fault { key, reason }| Reject { key, reason }).collect();
        rejects.dedup();
        rejects
    }

    fn values(&self, source: SqlError) -> MaterializeError {
        MaterializeError::Values { view: self.name.to_owned(), source }
    }
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
