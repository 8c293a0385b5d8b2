//! Joins the built components for the API and the command line: which releases are open, and what is remembered of them.

mod access;
mod answers;
mod experiments;
mod jobs;
mod open_release;
mod statements;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use moka::future::Cache;
use tokio::sync::{OnceCell, Semaphore, watch};

pub use answers::{Answers, KeptAnswer};
pub use open_release::{Lookup, OpenRelease, ReleaseView, TrainingSetError, ViewNames};

use crate::access::Access;
use crate::clock::Clock;
use crate::compile::TargetSource;
use crate::config::Config;
use crate::dataset::{self, DatasetError};
use crate::definition::Dtype;
use crate::engine::Resources;
use crate::experiments::Experiments;
use crate::ingest::{Shape, ShapeColumn};
use crate::jobs::Jobs;
use crate::limits::{COMPILED_SELECTIONS_MAX, EXPORTS_AT_ONCE_MAX, OPEN_RELEASES_MAX, RELEASE_POLL_INTERVAL};
use crate::materialize::Progress;
use crate::model::Models;
use crate::name::ReleaseNumber;
use crate::pipeline::{self, BuildError};
use crate::query::Limits;
use crate::query::sandbox::Sandbox;
use crate::state::State;
use crate::store::{ColumnPin, Entitlements, Export, OnlineMemory, ReleaseRef, SourcePin, Store, StoreError};

/// Who publishes releases of a server's own accord, in the audit log.
const WATCHER: &str = "serve --watch";

/// A project, opened.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    project: PathBuf,
    config: Config,
    resources: Resources,
    store: Store,
    clock: Arc<dyn Clock>,
    latest: watch::Sender<Option<Arc<OpenRelease>>>,
    open: Cache<ReleaseNumber, Arc<OpenRelease>>,
    state: OnceCell<State>,
    access: OnceCell<Arc<Access>>,
    jobs: OnceCell<Jobs>,
    experiments: OnceCell<Experiments>,
    answers: Answers,
    /// Opened by the first statement.
    sandbox: OnceLock<Sandbox>,
    exports: Semaphore,
    /// The downloads that are being written, so that each is written once.
    writing: Cache<(ReleaseNumber, String), Export>,
}

impl App {
    /// Opens the store of a project. No release is opened yet.
    pub fn new(project: &Path, config: Config, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = Store::open(project, &config.store.url, &config.store.options)?;
        Ok(Self::over(project, config, store, clock))
    }

    /// The same, over a store that is open.
    pub fn over(project: &Path, config: Config, store: Store, clock: Arc<dyn Clock>) -> Self {
        let resources = Resources::new(project, &config);
        let answers = Answers::new(config.serve.cache_mib);
        Self {
            inner: Arc::new(Inner {
                project: project.to_owned(),
                config,
                resources,
                store,
                clock,
                latest: watch::Sender::new(None),
                open: Cache::new(OPEN_RELEASES_MAX),
                state: OnceCell::new(),
                access: OnceCell::new(),
                jobs: OnceCell::new(),
                experiments: OnceCell::new(),
                answers,
                sandbox: OnceLock::new(),
                exports: Semaphore::new(EXPORTS_AT_ONCE_MAX),
                writing: Cache::new(COMPILED_SELECTIONS_MAX),
            }),
        }
    }

    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    pub fn answers(&self) -> &Answers {
        &self.inner.answers
    }

    pub fn models(&self) -> &Models {
        self.inner.resources.models()
    }

    pub fn resources(&self) -> &Resources {
        &self.inner.resources
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    /// The release that `reference` names. `latest` is the one that the server has moved to.
    pub async fn open(&self, reference: &ReleaseRef) -> Result<Arc<OpenRelease>, StoreError> {
        if *reference == ReleaseRef::Latest
            && let Some(latest) = self.inner.latest.borrow().clone()
        {
            return Ok(latest);
        }
        // Boxed, since a handler's future is copied, and this is rarely gone through.
        Box::pin(async {
            let number = self.inner.store.resolve(reference).await?;
            self.open_number(number).await
        })
        .await
    }

    /// The release that is served as `latest`; none before the first.
    pub fn latest(&self) -> Option<Arc<OpenRelease>> {
        self.inner.latest.borrow().clone()
    }

    /// Moves to the newest release, if there is one that is not served yet.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let number = match self.inner.store.resolve(&ReleaseRef::Latest).await {
            Ok(number) => number,
            Err(StoreError::NoRelease) => {
                if self.inner.latest.send_replace(None).is_some() {
                    tracing::warn!("every release is yanked; nothing is served as `latest`");
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if self.latest().is_some_and(|latest| latest.number() == number) {
            return Ok(());
        }
        let opened = self.open_number(number).await?;
        tracing::info!(release = number.get(), memory_bytes = opened.memory_bytes(), "serving a release");
        self.inner.latest.send_replace(Some(opened));
        self.check_experiments().await;
        Ok(())
    }

    /// Looks for new releases until the end of time.
    pub async fn follow_releases(&self) {
        let mut ticks = tokio::time::interval(RELEASE_POLL_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.refresh().await {
                tracing::warn!(error = %error, "the newest release cannot be opened");
            }
            self.warm_sandbox().await;
            self.warm_searches().await;
        }
    }

    /// Opens the searches of the newest release before somebody waits for them.
    async fn warm_searches(&self) {
        let Some(latest) = self.latest() else { return };
        let readable = latest.readable_by(Entitlements::OPEN).readable;
        for search in readable.searches() {
            let warming = async {
                match readable.search(search).await? {
                    Some(found) => found.warm().await,
                    None => Ok(()),
                }
            };
            if let Err(error) = warming.await {
                tracing::warn!(search, %error, "a search cannot be opened");
            }
        }
    }

    /// Builds a release whenever rows wait or definitions changed, until the end of time.
    pub async fn watch(&self, project: PathBuf) {
        let mut ticks = tokio::time::interval(Duration::from_secs(self.inner.config.serve.watch_seconds.max(1)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            ticks.tick().await;
            match self.build_if_needed(&project).await {
                Ok(None) => told = None,
                Ok(Some(release)) => {
                    told = None;
                    tracing::info!(release = release.get(), "built and published");
                    if let Err(error) = self.refresh().await {
                        tracing::warn!(%error, "the newest release cannot be opened");
                    }
                }
                Err(error) => {
                    // Said once, and not with each tick.
                    let text = error.to_string();
                    if told.as_ref() != Some(&text) {
                        tracing::warn!(%error, "the build failed; what is served stays as it is");
                        told = Some(text);
                    }
                }
            }
        }
    }

    async fn build_if_needed(&self, project: &Path) -> Result<Option<ReleaseNumber>, BuildError> {
        let inner = &self.inner;
        let (target, _) = pipeline::target(project, &inner.resources).await?;
        let (plan, newest) = pipeline::plan(&inner.store, &target, None).await?;
        if !pipeline::publishes(&inner.store, &target, &plan, newest.as_ref()).await? {
            return Ok(None);
        }
        let quiet: Progress = Arc::new(|_| {});
        let Inner { config, resources, store, .. } = inner.as_ref();
        let report = pipeline::build(project, config, resources, store, self.clock(), &quiet, None).await?;
        if report.published {
            self.audit(WATCHER, "publish-release", report.release.number.to_string()).await;
        }
        Ok(report.published.then_some(report.release.number))
    }

    async fn open_number(&self, number: ReleaseNumber) -> Result<Arc<OpenRelease>, StoreError> {
        if let Some(latest) = self.latest().filter(|latest| latest.number() == number) {
            return Ok(latest);
        }
        let inner = &self.inner;
        let opening = async {
            let config = &inner.config.serve;
            let memory = OnlineMemory { held_mib: config.online_memory_mib, remembered_mib: config.online_cache_mib };
            let release = inner.store.open_release(number, memory).await?;
            Ok::<_, StoreError>(Arc::new(OpenRelease::new(Arc::new(release), limits(&inner.config), &inner.resources)))
        };
        inner.open.try_get_with(number, opening).await.map_err(StoreError::Shared)
    }

    /// What rows of a source look like, as the newest release has it; the names of all sources where it has none of it.
    pub async fn source_shape(&self, name: &str) -> Result<Result<Shape, Vec<String>>, StoreError> {
        let newest = self.inner.store.newest().await?.ok_or(StoreError::NoRelease)?;
        Ok(match newest.source(name) {
            Some(pin) => Ok(shape_of_pin(pin)),
            None => Err(newest.sources.iter().map(|source| source.name.clone()).collect()),
        })
    }

    /// The file of a download; one that is not there is written, a few at a time.
    pub async fn export(
        &self,
        view: &ReleaseView,
        request: &dataset::Request,
    ) -> Result<(dataset::Selection, Export), DatasetError> {
        let selection = dataset::select(&view.readable, view.query(), request).await?;
        if let Some(export) = self.inner.store.export(view.readable.number(), &selection.name).await? {
            return Ok((selection, export));
        }
        let key = (view.readable.number(), selection.name.clone());
        let writing = async {
            // The semaphore is never closed.
            let _permit = self.inner.exports.acquire().await;
            let rows = match &selection.condition {
                Some(condition) => self.filtered_rows(view, condition, &selection.sql).await,
                None => view.query().stream(&selection.sql, Vec::new()).await,
            };
            dataset::export(&self.inner.store, &view.readable, &selection, rows).await
        };
        let written = self.inner.writing.try_get_with(key.clone(), writing).await;
        // Remembered only while somebody waits for it: what is in the store is the truth.
        self.inner.writing.invalidate(&key).await;
        let export = written.map_err(DatasetError::Shared)?;
        metrics::counter!("rhapsode_exports_written_total", "format" => selection.format.extension()).increment(1);
        Ok((selection, export))
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        time: Duration::from_secs(config.sql.time_limit_seconds),
        memory_bytes: config.sql.memory_mib << 20,
        rows: config.sql.rows_max,
    }
}

/// What the rows of a source look like, as a release has it.
fn shape_of_pin(pin: &SourcePin) -> Shape {
    let column = |column: &ColumnPin| {
        let from = if column.from.is_empty() { vec![column.name.clone()] } else { column.from.clone() };
        // A release's types were checked when it was built.
        let data_type = Dtype::parse(&column.dtype).map(|dtype| dtype.to_arrow()).ok()?;
        Some(ShapeColumn { name: column.name.clone(), data_type, from })
    };
    Shape {
        source: pin.name.clone(),
        columns: pin.columns.iter().filter_map(column).collect(),
        key: pin.key.clone(),
        has_created: pin.created_timestamp_column.is_some(),
    }
}

/// What the rows of a source look like, for an ingest.
pub fn shape(source: &TargetSource) -> Shape {
    let column = |column: &crate::compile::TargetColumn| ShapeColumn {
        name: column.name.to_string(),
        data_type: column.dtype.to_arrow(),
        from: column.from.clone(),
    };
    Shape {
        source: source.name.to_string(),
        columns: source.columns.iter().map(column).collect(),
        key: source.key.iter().map(ToString::to_string).collect(),
        has_created: source.created_timestamp_column.is_some(),
    }
}
