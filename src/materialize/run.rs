//! Does what the plan says: upserts ingests into sources, computes views, indexes both.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;

use super::{MaterializeError, Plan, Progress, source, view};
use crate::compile::Target;
use crate::store::{Store, Table};

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
    for step in &plan.views {
        let table = view::run(store, target, step, &built, settings, progress).await?;
        built.tables.insert(step.view.name.to_string(), table);
    }
    Ok(built)
}
