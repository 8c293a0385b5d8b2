//! Does what the plan says: upserts ingests into sources, computes views, indexes both.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::{FailedCheck, MaterializeError, Plan, Progress, ViewStep, source, view, windows, word_vectors};
use crate::compile::Target;
use crate::store::{Check, RejectsPin, Statistics, Store, StoreError, Table, WordVectorsPin};
use crate::telemetry::span;

/// What a build may use, and what it is called.
#[derive(Clone, Debug)]
pub struct Settings {
    pub memory_bytes: usize,
    /// The moment at which windows end; none for the last event.
    pub as_of: Option<DateTime<Utc>>,
    pub build_id: String,
}

/// What the views of a build have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub store: Store,
    pub target: Arc<Target>,
    pub settings: Settings,
    pub progress: Progress,
    /// Held by a view that is computed whole, which may use all of the memory: one after the other.
    pub whole: Arc<Mutex<()>>,
}

/// What a build wrote or kept, by name.
#[derive(Clone, Debug, Default)]
pub struct Built {
    pub tables: BTreeMap<String, BuiltTable>,
    /// By search: its words that have vectors.
    pub word_vectors: BTreeMap<String, WordVectorsPin>,
    /// The moment at which windows end; none where there is no event.
    pub as_of: Option<DateTime<Utc>>,
}

/// A source or a view of the release to be.
#[derive(Clone, Debug)]
pub struct BuiltTable {
    pub table: Table,
    pub rows: u64,
    /// By feature; empty for a source.
    pub nulls: BTreeMap<String, u64>,
    /// By feature; those that have none are absent.
    pub statistics: BTreeMap<String, Statistics>,
    /// What was expected of it, and what was found.
    pub checks: Vec<Check>,
    /// The texts of which nothing could be made.
    pub rejects: Option<RejectsPin>,
    pub change: Change,
    /// Seconds that it took; none where it was kept.
    pub seconds: Option<f64>,
}

/// What became of the rows of a table since the release before.
#[derive(Clone, Debug)]
pub enum Change {
    /// They are the same; columns may have come, gone or changed.
    None,
    /// Some were added or changed, which the table tells by its versions, and these were deleted, of which here are the
    /// keys.
    Rows { deleted: Vec<RecordBatch> },
    /// All were written anew.
    Whole,
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
        let span = span!("source", table = %step.source.name);
        let table = source::run(store, step, settings, progress).instrument(span).await?;
        measure(step.source.name.as_str(), &table);
        built.tables.insert(step.source.name.to_string(), table);
    }
    built.as_of = windows::as_of(target, &built, settings.as_of, settings.memory_bytes).await?;
    let shared = Shared {
        store: store.clone(),
        target: Arc::new(target.clone()),
        settings: settings.clone(),
        progress: Arc::clone(progress),
        whole: Arc::default(),
    };
    let mut failed = Vec::new();
    for level in levels(&plan.views) {
        // Tasks of their own, so that cores share them. Whoever drops this ends them.
        let mut views = JoinSet::new();
        for (index, step) in level.iter().enumerate() {
            let (shared, step, built) = (shared.clone(), ViewStep::clone(step), built.clone());
            let span = span!("view", table = %step.view.name);
            views.spawn(async move { Ok((index, view::run(&shared, &step, &built).await?)) }.instrument(span));
        }
        let mut tables = BTreeMap::new();
        while let Some(ended) = views.join_next().await {
            let lost = |error| StoreError::Rows(format!("a view could not be computed: {error}")).into();
            match ended.unwrap_or_else(|error| Err(lost(error))) {
                Ok(table) => tables.extend([table]),
                Err(error) => {
                    // Whoever is told that a build failed may start another one.
                    views.shutdown().await;
                    return Err(error);
                }
            }
        }
        for (step, table) in level.into_iter().zip(tables.into_values()) {
            let name = step.view.name.to_string();
            measure(&name, &table);
            let checks = table.checks.iter().filter(|check| !check.passed && !check.is_warning);
            failed.extend(checks.map(|check| FailedCheck { view: name.clone(), check: check.clone() }));
            built.tables.insert(name, table);
        }
    }
    if !failed.is_empty() {
        return Err(MaterializeError::Expectations(failed));
    }
    // One after the other: a search may take all of the memory.
    for step in &plan.searches {
        let span = span!("search", table = %step.view.name);
        let table = view::run(&shared, step, &built).instrument(span).await?;
        measure(step.view.name.as_str(), &table);
        built.tables.insert(step.view.name.to_string(), table);
    }
    for step in &plan.word_vectors {
        let pin = word_vectors::run(&shared, step, &built).await?;
        built.word_vectors.insert(step.search.clone(), pin);
    }
    Ok(built)
}

fn measure(name: &str, table: &BuiltTable) {
    if let Some(seconds) = table.seconds {
        metrics::gauge!("rhapsode_build_seconds", "table" => name.to_owned()).set(seconds);
        metrics::gauge!("rhapsode_build_rows", "table" => name.to_owned()).set(table.rows as f64);
    }
}

/// The views in groups, each of which reads only views of those before it; within a group as they are planned.
fn levels(steps: &[ViewStep]) -> Vec<Vec<&ViewStep>> {
    let mut level_of: BTreeMap<&str, usize> = BTreeMap::new();
    let mut levels: Vec<Vec<&ViewStep>> = Vec::new();
    // Each comes after those that it reads.
    for step in steps {
        let read = step.view.inputs.iter().filter_map(|input| level_of.get(input.as_str()));
        let level = read.map(|level| level + 1).max().unwrap_or_default();
        level_of.insert(step.view.name.as_str(), level);
        if levels.len() <= level {
            levels.push(Vec::new());
        }
        levels[level].push(step);
    }
    levels
}
