//! Does what the plan says: upserts ingests into sources, computes views, indexes both.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;

use super::{FailedCheck, MaterializeError, Plan, Progress, quality, source, view, windows};
use crate::compile::Target;
use crate::store::{Check, Statistics, Store, Table};

/// What a build may use, and what it is called.
#[derive(Clone, Debug)]
pub struct Settings {
    pub memory_bytes: usize,
    /// The moment at which windows end; none for the last event.
    pub as_of: Option<DateTime<Utc>>,
    pub build_id: String,
}

/// What a build wrote or kept, by name.
#[derive(Debug, Default)]
pub struct Built {
    pub tables: BTreeMap<String, BuiltTable>,
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
        let table = source::run(store, step, settings, progress).await?;
        built.tables.insert(step.source.name.to_string(), table);
    }
    built.as_of = windows::as_of(target, &built, settings.as_of, settings.memory_bytes).await?;
    let mut failed = Vec::new();
    for step in &plan.views {
        let (name, pinned) = (step.view.name.to_string(), step.pinned.as_ref());
        let mut table = view::run(store, target, step, &built, settings, progress).await?;
        let time = step.view.time.iter().map(ToString::to_string);
        let key: Vec<String> = target.keys(&step.view.entity).into_iter().chain(time).collect();
        table.checks = quality::checks(store, &step.view, &key, &table, pinned, settings.memory_bytes).await?;
        failed.extend(
            table
                .checks
                .iter()
                .filter(|check| !check.passed && !check.is_warning)
                .map(|check| FailedCheck { view: name.clone(), check: check.clone() }),
        );
        built.tables.insert(name, table);
    }
    if failed.is_empty() { Ok(built) } else { Err(MaterializeError::Expectations(failed)) }
}
