//! A release that is open, and what was made of it for its readers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::Field;
use datafusion::physical_plan::SendableRecordBatchStream;
use hashbrown::HashMap;
use moka::future::Cache;

use crate::analysis::TextAnalysis;
use crate::definition::Dtype;
use crate::engine::{Bounds, Resources, Session, SqlError};
use crate::limits::{COMPILED_SELECTIONS_MAX, LOOKUP_PARAMETERS_BYTES_MAX, PLANNING_MEMORY_BYTES, SOURCE_BATCH_ROWS};
use crate::name::ReleaseNumber;
use crate::online::{self, OnRequestFeature, SelectedFeature, Selection, SelectionError};
use crate::query::{self, Limits, Query, TrainingError, TrainingFeature, TrainingRequest, TrainingRows};
use crate::store::{Entitlements, FeaturePin, Manifest, Readable, Release};

/// A release and what was made of it for its readers.
pub struct OpenRelease {
    release: Arc<Release>,
    open: Arc<ForReaders>,
    restricted: Arc<ForReaders>,
}

/// What is the same for all readers with the same entitlements.
struct ForReaders {
    readable: Readable,
    query: Query,
    /// By name: what can be read of them.
    views: BTreeMap<String, ViewNames>,
    /// By entity: what is computed when it is asked for.
    on_request: BTreeMap<String, Vec<OnRequestFeature>>,
    /// By entity: what makes features of a new text.
    analyses: BTreeMap<String, TextAnalysis>,
    /// By entity: what is answered where no features are named.
    scalars: BTreeMap<String, Arc<Selection>>,
    /// By entity and features, as they were asked for.
    selections: Cache<(String, Option<Vec<String>>), Arc<Selection>>,
    /// By the parameters of a URL, as they were written.
    lookups: RwLock<HashMap<Box<str>, Arc<Lookup>>>,
}

/// What the parameters of a URL ask for.
pub struct Lookup {
    pub entity: String,
    pub selection: Arc<Selection>,
}

/// The names of a view: stored, or computed when it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewNames {
    pub entity: String,
    pub features: BTreeSet<String>,
}

impl OpenRelease {
    pub(super) fn new(release: Arc<Release>, limits: Limits, resources: &Resources) -> Self {
        let readers = |entitlements| {
            let readable = release.readable_by(entitlements);
            let query = Query::new(&readable, limits, resources);
            let scalars = readable.entities().filter_map(|entity| {
                let selection = online::compile(&readable.frame(entity)?, &[], None).ok()?;
                Some((entity.to_owned(), Arc::new(selection)))
            });
            let scalars = scalars.collect();
            let (views, on_request) = (views(&readable.manifest()), on_request(&readable));
            let analyses = TextAnalysis::of_release(&readable, resources);
            let selections = Cache::new(COMPILED_SELECTIONS_MAX);
            let lookups = RwLock::default();
            Arc::new(ForReaders { readable, query, views, on_request, analyses, scalars, selections, lookups })
        };
        let (open, restricted) = (readers(Entitlements::OPEN), readers(Entitlements::ALL));
        Self { release, open, restricted }
    }

    pub fn number(&self) -> ReleaseNumber {
        self.release.number()
    }

    pub fn memory_bytes(&self) -> usize {
        self.release.memory_bytes()
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.release.created_at()
    }

    /// What a caller with `entitlements` sees of it.
    pub fn readable_by(&self, entitlements: Entitlements) -> ReleaseView {
        let readers = if entitlements.may_read(true) { &self.restricted } else { &self.open };
        ReleaseView { readable: readers.readable.clone(), readers: Arc::clone(readers) }
    }
}

/// A release as one caller sees it.
#[derive(Clone)]
pub struct ReleaseView {
    pub readable: Readable,
    readers: Arc<ForReaders>,
}

impl ReleaseView {
    pub fn query(&self) -> &Query {
        &self.readers.query
    }

    /// The views, by name.
    pub fn views(&self) -> &BTreeMap<String, ViewNames> {
        &self.readers.views
    }

    /// What makes the features of an entity of a new text; none where it has none of a text.
    pub fn analysis(&self, entity: &str) -> Option<&TextAnalysis> {
        self.readers.analyses.get(entity)
    }

    /// Rows at moments with the features that were known then, as they come. `features` as in a lookup.
    pub async fn training_set(
        &self,
        entity: &str,
        features: Option<Vec<String>>,
        rows: TrainingRows,
        time: String,
        limits: Limits,
    ) -> Result<SendableRecordBatchStream, TrainingSetError> {
        let selection = self.selection(entity, features).await?;
        let feature = |feature: &SelectedFeature| match feature.expression() {
            Some(expression) => TrainingFeature::OnRequest(Arc::clone(expression)),
            None => TrainingFeature::Stored(feature.name.to_string()),
        };
        let features = selection.features().iter().map(feature).collect();
        let request = TrainingRequest { entity: entity.to_owned(), features, rows, time };
        Ok(query::training_set(&self.readable, limits, request).await?)
    }

    /// What `parameters` ask for, where the same was asked before.
    pub fn lookup(&self, parameters: &str) -> Option<Arc<Lookup>> {
        self.readers.lookups.read().unwrap_or_else(PoisonError::into_inner).get(parameters).cloned()
    }

    /// Remembers what `parameters` ask for. Few are used again and again, so where there are too many, all are forgotten.
    pub fn remember(&self, parameters: &str, lookup: &Arc<Lookup>) {
        if parameters.len() > LOOKUP_PARAMETERS_BYTES_MAX {
            return;
        }
        let mut lookups = self.readers.lookups.write().unwrap_or_else(PoisonError::into_inner);
        if lookups.len() >= COMPILED_SELECTIONS_MAX as usize {
            lookups.clear();
        }
        lookups.insert(parameters.into(), Arc::clone(lookup));
    }

    /// The selection `features` of an entity, compiled once per release. `entity` must be one of the release's.
    pub async fn selection(
        &self,
        entity: &str,
        features: Option<Vec<String>>,
    ) -> Result<Arc<Selection>, SelectionError> {
        if features.is_none()
            && let Some(scalars) = self.readers.scalars.get(entity)
        {
            return Ok(Arc::clone(scalars));
        }
        Box::pin(self.compiled(entity, features)).await
    }

    async fn compiled(&self, entity: &str, features: Option<Vec<String>>) -> Result<Arc<Selection>, SelectionError> {
        let key = (entity.to_owned(), features);
        if let Some(selection) = self.readers.selections.get(&key).await {
            return Ok(selection);
        }
        let Some(frame) = self.readable.frame(entity) else {
            let name = entity.to_owned();
            return Err(SelectionError::UnknownView { entity: name.clone(), name, index: 0, nearest: None });
        };
        let on_request = self.readers.on_request.get(&key.0).map(Vec::as_slice).unwrap_or_default();
        let selection = match online::compile(&frame, on_request, key.1.as_deref()) {
            Err(SelectionError::OtherVersion { index, other }) => {
                return Err(SelectionError::OtherVersion { index, other: self.readable.with_holder(other).await });
            }
            selection => Arc::new(selection?),
        };
        self.readers.selections.insert(key, Arc::clone(&selection)).await;
        Ok(selection)
    }
}

/// Why there is no training set.
#[derive(Debug, thiserror::Error)]
pub enum TrainingSetError {
    #[error(transparent)]
    Selection(#[from] SelectionError),
    #[error(transparent)]
    Training(#[from] TrainingError),
}

impl TrainingSetError {
    /// As a fault of the statement that gives the rows.
    pub(super) fn into_sql(self) -> SqlError {
        match self {
            Self::Training(TrainingError::Sql(error)) => error,
            error => SqlError::invalid(error.to_string()),
        }
    }
}

impl From<SqlError> for TrainingSetError {
    fn from(error: SqlError) -> Self {
        Self::Training(TrainingError::Sql(error))
    }
}

fn views(manifest: &Manifest) -> BTreeMap<String, ViewNames> {
    let names = |entity: &String, features: &[FeaturePin]| ViewNames {
        entity: entity.clone(),
        features: features.iter().map(|feature| feature.name.clone()).collect(),
    };
    let stored = manifest.views.iter().map(|view| (view.name.clone(), names(&view.entity, &view.features)));
    let computed = manifest.on_request.iter().map(|view| (view.name.clone(), names(&view.entity, &view.features)));
    stored.chain(computed).collect()
}

/// The features that are computed when they are asked for, compiled, by entity.
fn on_request(readable: &Readable) -> BTreeMap<String, Vec<OnRequestFeature>> {
    let views = readable.manifest().on_request;
    if views.is_empty() {
        return BTreeMap::new();
    }
    let session = Session::new(Bounds { memory_bytes: PLANNING_MEMORY_BYTES, batch_rows: SOURCE_BATCH_ROWS });
    let mut by_entity: BTreeMap<String, Vec<OnRequestFeature>> = BTreeMap::new();
    for view in views {
        let Some(frame) = readable.frame(&view.entity) else { continue };
        let stored: Vec<Field> = frame.columns().map(|column| column.field.clone()).collect();
        let compiled = by_entity.entry(view.entity).or_default();
        // A release's types were checked when it was built.
        let field = |name: &str, dtype: &str| Some(Field::new(name, Dtype::parse(dtype).ok()?.to_arrow(), true));
        let inputs: Vec<Field> = view.inputs.iter().filter_map(|input| field(&input.name, &input.dtype)).collect();
        let name: Arc<str> = view.name.as_str().into();
        for pin in view.features {
            let Some(field) = field(&pin.name, &pin.dtype) else { continue };
            match session.row_expression(field, &pin.expr, &stored, &inputs) {
                Ok(expression) => {
                    let (view, expression) = (Arc::clone(&name), Arc::new(expression));
                    compiled.push(OnRequestFeature { view, pin, expression });
                }
                Err(error) => {
                    tracing::error!(feature = pin.name, %error, "a feature on request cannot be computed by this version");
                }
            }
        }
    }
    by_entity
}
