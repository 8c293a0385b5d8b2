//! A release that is open, and what a caller may read of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNode;
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use super::indexed::{self, RowCache};
use super::search::{ReadableSearch, SearchTable};
use super::{
    Entitlements, FeaturePin, Frame, FrameColumn, Manifest, SourcePin, Store, StoreError, Table, ViewPin, WindowsPin,
};
use crate::name::ReleaseNumber;

/// An immutable snapshot of every source and view, open for reading.
#[derive(Debug)]
pub struct Release {
    store: Store,
    manifest: Manifest,
    tables: BTreeMap<String, Table>,
    frames: BTreeMap<String, Frame>,
    /// By name; each is opened when somebody searches.
    searches: BTreeMap<String, OnceCell<OpenSearch>>,
    remembered: RowCache,
    /// Bytes that it may hold in memory.
    allowed_bytes: usize,
}

/// A search, and what of it each caller may read.
#[derive(Debug)]
struct OpenSearch {
    table: Arc<SearchTable>,
    open: Arc<ReadableSearch>,
    all: Arc<ReadableSearch>,
}

/// MiB of the features of a release that are held in memory.
#[derive(Clone, Copy, Debug)]
pub struct OnlineMemory {
    /// Of views that are held whole.
    pub held_mib: usize,
    /// Of rows that are remembered of the others.
    pub remembered_mib: usize,
}

impl Store {
    /// Opens the data that a release pins, and holds the features of its entities in memory, as far as there is room.
    pub fn open_release(
        &self,
        number: ReleaseNumber,
        memory: OnlineMemory,
    ) -> BoxFuture<'_, Result<Release, StoreError>> {
        self.opened(number, memory).boxed()
    }

    async fn opened(&self, number: ReleaseNumber, memory: OnlineMemory) -> Result<Release, StoreError> {
        let manifest = self.manifest(number).await?;
        let mut tables = BTreeMap::new();
        for source in &manifest.sources {
            tables.insert(source.name.clone(), self.source(&source.name, source.lance_version).await?);
        }
        for view in &manifest.views {
            tables.insert(view.name.clone(), self.view(&view.name, &view.data).await?);
        }
        let (mut room, remembered) = (memory.held_mib << 20, indexed::row_cache(memory.remembered_mib));
        let mut frames = BTreeMap::new();
        for entity in &manifest.entities {
            let frame = Frame::load(entity, &manifest, &tables, &mut room, &remembered).await?;
            frames.insert(entity.name.clone(), frame);
        }
        let searches = manifest.searches.iter().map(|search| (search.rows.name.clone(), OnceCell::new())).collect();
        let release = Release {
            store: self.clone(),
            manifest,
            tables,
            frames,
            searches,
            remembered,
            allowed_bytes: memory.held_mib << 20,
        };
        // Keys, times and Parquet files are held in any case.
        let needed_mib = release.memory_bytes() >> 20;
        if needed_mib > memory.held_mib {
            return Err(StoreError::OverMemory { release: number, needed_mib, allowed_mib: memory.held_mib });
        }
        Ok(release)
    }
}

impl Release {
    pub fn number(&self) -> ReleaseNumber {
        self.manifest.number
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.manifest.created_at
    }

    /// Bytes of the features that it holds in memory, and of the rows that it remembers of others.
    pub fn memory_bytes(&self) -> usize {
        let held: usize = self.frames.values().map(Frame::memory_bytes).sum();
        let searched = self.searches.values().filter_map(OnceCell::get).map(|search| search.table.memory_bytes());
        held + searched.sum::<usize>() + usize::try_from(self.remembered.weighted_size()).unwrap_or(usize::MAX)
    }

    /// Bytes for which there is room beside what it holds.
    fn room(&self) -> usize {
        self.allowed_bytes.saturating_sub(self.memory_bytes())
    }

    /// What a caller with `entitlements` may read: the one place where licence and access are enforced.
    pub fn readable_by(self: &Arc<Self>, entitlements: Entitlements) -> Readable {
        Readable { release: Arc::clone(self), entitlements }
    }
}

/// A release without what its reader may not read: nothing of it tells a restricted column from one that never was.
#[derive(Clone, Debug)]
pub struct Readable {
    release: Arc<Release>,
    entitlements: Entitlements,
}

impl Readable {
    pub fn number(&self) -> ReleaseNumber {
        self.release.manifest.number
    }

    pub fn entitlements(&self) -> Entitlements {
        self.entitlements
    }

    pub(super) fn store(&self) -> &Store {
        &self.release.store
    }

    /// The manifest without the columns and features that may not be read.
    pub fn manifest(&self) -> Manifest {
        let mut manifest = self.release.manifest.clone();
        for source in &mut manifest.sources {
            source.columns.retain(|column| self.entitlements.may_read(column.restricted));
        }
        for view in &mut manifest.views {
            view.features.retain(|feature| self.entitlements.may_read(feature.restricted));
            let features = &view.features;
            let is_seen = |name: &String| features.iter().any(|feature| feature.name == *name);
            view.checks.retain(|check| check.feature.as_ref().is_none_or(is_seen));
        }
        for view in &mut manifest.on_request {
            view.features.retain(|feature| self.entitlements.may_read(feature.restricted));
        }
        let searches = std::mem::take(&mut manifest.searches).into_iter();
        manifest.searches = searches.map(|search| search.readable_by(self.entitlements)).collect();
        let hidden = self.hidden_columns();
        for feature in manifest.views.iter_mut().flat_map(|view| &mut view.features) {
            let (unseen, seen): (Vec<String>, _) =
                std::mem::take(&mut feature.reads).into_iter().partition(|column| hidden.contains(column));
            feature.reads = seen;
            let mut words = feature.expr.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words
                .any(|word| unseen.iter().any(|column| column.split_once('.').is_some_and(|(_, name)| name == word)))
            {
                feature.expr.clear();
            }
        }
        manifest
    }

    /// What may not be read, as `table.column`.
    fn hidden_columns(&self) -> BTreeSet<String> {
        let manifest = &self.release.manifest;
        let of_sources = manifest
            .sources
            .iter()
            .flat_map(|source| source.columns.iter().map(|column| (&source.name, &column.name, column.restricted)));
        let of_views = manifest
            .views
            .iter()
            .flat_map(|view| view.features.iter().map(|feature| (&view.name, &feature.name, feature.restricted)));
        let hidden = of_sources.chain(of_views).filter(|(.., restricted)| !self.entitlements.may_read(*restricted));
        hidden.map(|(table, column, _)| format!("{table}.{column}")).collect()
    }

    /// The names of the entities, ordered.
    pub fn entities(&self) -> impl Iterator<Item = &str> {
        self.release.frames.keys().map(String::as_str)
    }

    pub fn frame(&self, entity: &str) -> Option<ReadableFrame<'_>> {
        let frame = self.release.frames.get(entity)?;
        Some(ReadableFrame { frame, entitlements: self.entitlements })
    }

    /// The view that has the feature `name` of `entity`; none where it may not be read.
    pub fn view_of(&self, entity: &str, name: &str) -> Option<ViewPin> {
        let may_read = |feature: &FeaturePin| feature.name == name && self.entitlements.may_read(feature.restricted);
        let views = self.release.manifest.views.iter().filter(|view| view.entity == entity);
        views.into_iter().find(|view| view.features.iter().any(may_read)).cloned()
    }

    /// The names of the searches, ordered.
    pub fn searches(&self) -> impl Iterator<Item = &str> {
        self.release.searches.keys().map(String::as_str)
    }

    /// What is searched under that name; none where there is no such search.
    pub async fn search(&self, name: &str) -> Result<Option<Arc<ReadableSearch>>, StoreError> {
        let Release { store, manifest, searches, .. } = self.release.as_ref();
        let (Some(pin), Some(search)) = (manifest.search(name), searches.get(name)) else { return Ok(None) };
        let key = manifest.entity(&pin.rows.entity).map(|entity| entity.join_keys.clone()).unwrap_or_default();
        let opening = async {
            let table = Arc::new(SearchTable::open(store, pin, &key, self.release.room()).await?);
            let readable = |by| Arc::new(ReadableSearch::new(pin.clone().readable_by(by), Arc::clone(&table)));
            Ok::<_, StoreError>(OpenSearch {
                open: readable(Entitlements::OPEN),
                all: readable(Entitlements::ALL),
                table,
            })
        };
        let OpenSearch { open, all, table: _ } = search.get_or_try_init(|| opening).await?;
        Ok(Some(Arc::clone(if self.entitlements.has_restricted() { all } else { open })))
    }

    /// The rows of a view with time, in the order of `key` and time, without the columns that may not be read.
    pub async fn history(&self, view: &ViewPin, key: &[String]) -> Result<Arc<dyn TableProvider>, StoreError> {
        let Some(table) = self.release.tables.get(&view.name) else { return Err(no_such_table(&view.name)) };
        let key: Vec<String> = key.iter().chain(&view.timestamp_field).cloned().collect();
        Ok(visible(&view.name, table.provider_in_order(&key).await?, &self.hidden_columns()))
    }

    /// The events behind windows, whole and in order: what windows make of a column has an access of its own.
    pub async fn events(&self, windows: &WindowsPin) -> Result<(SourcePin, Arc<dyn TableProvider>), StoreError> {
        let pin = self.release.manifest.source(&windows.source);
        let (Some(pin), Some(table)) = (pin, self.release.tables.get(&windows.source)) else {
            return Err(no_such_table(&windows.source));
        };
        let provider = if pin.is_ordered { table.provider_in_order(&pin.key).await? } else { table.provider(false) };
        Ok((pin.clone(), provider))
    }

    /// The sources and views as tables, ordered by name.
    pub fn tables(&self) -> impl Iterator<Item = (&str, Arc<dyn TableProvider>)> {
        let hidden = self.hidden_columns();
        self.release
            .tables
            .iter()
            .map(move |(name, table)| (name.as_str(), visible(name, table.provider(false), &hidden)))
    }
}

fn no_such_table(name: &str) -> StoreError {
    StoreError::Damaged { path: name.to_owned(), reason: "the release does not have it".to_owned() }
}

/// A table without its `hidden` columns.
fn visible(name: &str, provider: Arc<dyn TableProvider>, hidden: &BTreeSet<String>) -> Arc<dyn TableProvider> {
    let schema = provider.schema();
    let visible: Vec<usize> = (0..schema.fields().len())
        .filter(|index| !hidden.contains(&format!("{name}.{}", schema.field(*index).name())))
        .collect();
    let schema = Arc::new(schema.project(&visible).expect("the indices are those of the schema"));
    Arc::new(VisibleColumns { inner: provider, visible, schema })
}

/// A frame without the columns that may not be read.
#[derive(Clone, Copy, Debug)]
pub struct ReadableFrame<'a> {
    frame: &'a Frame,
    entitlements: Entitlements,
}

impl<'a> ReadableFrame<'a> {
    pub fn entity(&self) -> &'a super::EntityPin {
        self.frame.entity()
    }

    pub fn keys(&self) -> &'a super::KeyIndex {
        self.frame.keys()
    }

    pub fn rows(&self) -> usize {
        self.frame.rows()
    }

    /// The narrow values of `row`; a [`FrameColumn`] that may be read says which is its.
    pub fn packed(&self, row: usize) -> super::PackedRow<'a> {
        self.frame.packed().row(row)
    }

    /// When the values of `view` came about; none where it has no time.
    pub fn moments(&self, view: &str) -> Option<&'a super::Moments> {
        self.frame.moments(view)
    }

    pub fn columns(&self) -> impl Iterator<Item = &'a FrameColumn> + use<'a> {
        let entitlements = self.entitlements;
        self.frame.columns().iter().filter(move |column| entitlements.may_read(column.is_restricted()))
    }

    pub fn column(&self, name: &str) -> Option<&'a FrameColumn> {
        self.frame.column(name).filter(|column| self.entitlements.may_read(column.is_restricted()))
    }
}

/// A table without some of its columns.
struct VisibleColumns {
    inner: Arc<dyn TableProvider>,
    visible: Vec<usize>,
    schema: SchemaRef,
}

impl fmt::Debug for VisibleColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VisibleColumns").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for VisibleColumns {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let indices = match projection {
            Some(projection) => projection.iter().map(|index| self.visible[*index]).collect(),
            None => self.visible.clone(),
        };
        self.inner.scan(state, Some(&indices), filters, limit).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let mut supported = self.inner.supports_filters_pushdown(filters)?;
        for (filter, supported) in filters.iter().zip(&mut supported) {
            // A cast may fail on a value, and the storage would tell it as a fault of its own.
            if filter.exists(|part| Ok(matches!(part, Expr::Cast(_)))).unwrap_or(true) {
                *supported = TableProviderFilterPushDown::Unsupported;
            }
        }
        Ok(supported)
    }
}
