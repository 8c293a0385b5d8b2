//! What callers write, run where it can do no harm.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datafusion::physical_plan::SendableRecordBatchStream;
use serde_json::Value;
use tracing::Instrument;

use super::{App, ReleaseView, TrainingSetError};
use crate::dataset::Condition;
use crate::engine::SqlError;
use crate::limits::REQUEST_TIME_MAX;
use crate::query::sandbox::{Order, Sandbox, SandboxRows, SandboxSettings, Task};
use crate::query::{Answer, TrainingRows, parameter};
use crate::telemetry::span;

impl App {
    /// The workers; none where statements run in this process.
    fn sandbox(&self) -> Option<&Sandbox> {
        let inner = &self.inner;
        let config = &inner.config.sql;
        let open = || {
            let program = config.worker.clone().unwrap_or_else(own_binary);
            let memory_bytes = config.memory_mib << 20;
            Sandbox::new(SandboxSettings {
                program,
                project: inner.project.clone(),
                workers: config.workers,
                memory_bytes,
            })
        };
        (config.workers > 0).then(|| inner.sandbox.get_or_init(open))
    }

    /// Has workers ready for the release that is served.
    pub(super) async fn warm_sandbox(&self) {
        if let (Some(sandbox), Some(latest)) = (self.sandbox(), self.latest()) {
            sandbox.warm(latest.number()).await;
        }
    }

    /// Answers one statement; says how many rows were read for it. `parameters` are what `$1`, `$2`, … stand for: scalars.
    pub async fn statement(
        &self,
        view: &ReleaseView,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<(Answer, u64), SqlError> {
        let Some(sandbox) = self.sandbox() else {
            return view.query().answer_counted(&sql, parameters.iter().filter_map(parameter).collect()).await;
        };
        let task = Task::Statement { sql, parameters };
        self.collected(sandbox, view, task).await
    }

    /// Answers a statement of ours, in which there may be conditions of a caller's; says how many rows were read for it.
    pub async fn filtered_statement(
        &self,
        view: &ReleaseView,
        conditions: Vec<Condition>,
        sql: String,
    ) -> Result<(Answer, u64), SqlError> {
        let Some(sandbox) = self.sandbox() else {
            for Condition { dataset, text } in &conditions {
                view.query().check_condition(dataset, text).await?;
            }
            return view.query().answer_counted(&sql, Vec::new()).await;
        };
        self.collected(sandbox, view, Task::Filtered { conditions: conditions.iter().map(written).collect(), sql })
            .await
    }

    /// A training set whose rows a statement gives.
    pub async fn training_set_of_statement(
        &self,
        view: &ReleaseView,
        entity: &str,
        features: Option<Vec<String>>,
        sql: String,
        time: String,
    ) -> Result<Answer, TrainingSetError> {
        let limits = view.query().limits();
        let Some(sandbox) = self.sandbox() else {
            let given = TrainingRows::Statement(sql);
            let rows = view.training_set(entity, features, given, time, limits).await?;
            return Ok(view.query().collect(std::future::ready(Ok(rows))).await?);
        };
        // What is wrong with the features is told in full here; they are ours, and not a statement.
        view.selection(entity, features.clone()).await?;
        let task = Task::TrainingSet { entity: entity.to_owned(), features, sql, time };
        Ok(self.collected(sandbox, view, task).await?.0)
    }

    /// The rows of a download with a condition of a caller's, as they come.
    pub(super) async fn filtered_rows(
        &self,
        view: &ReleaseView,
        condition: &Condition,
        sql: &str,
    ) -> Result<SendableRecordBatchStream, SqlError> {
        let Condition { dataset, text } = condition;
        match self.sandbox() {
            None => {
                view.query().check_condition(dataset, text).await?;
                view.query().stream(sql, Vec::new()).await
            }
            Some(sandbox) => {
                let task = Task::Filtered { conditions: vec![written(condition)], sql: sql.to_owned() };
                Ok(run(sandbox, view, task, REQUEST_TIME_MAX).await?.rows)
            }
        }
    }

    async fn collected(&self, sandbox: &Sandbox, view: &ReleaseView, task: Task) -> Result<(Answer, u64), SqlError> {
        let SandboxRows { rows, scanned } = run(sandbox, view, task, view.query().limits().time).await?;
        let answer = view.query().collect(std::future::ready(Ok(rows))).await?;
        Ok((answer, scanned.load(Ordering::Relaxed)))
    }
}

/// A condition as a worker is told it: the dataset and the text.
fn written(Condition { dataset, text }: &Condition) -> (String, String) {
    (dataset.clone(), text.clone())
}

async fn run(sandbox: &Sandbox, view: &ReleaseView, task: Task, time: Duration) -> Result<SandboxRows, SqlError> {
    let (release, entitlements) = (view.readable.number(), view.readable.entitlements());
    let span = span!("statement", rhapsode.release = %release);
    sandbox.run(release, &Order { entitlements, task }, time).instrument(span).await
}

/// This program: on Linux the very file that runs, even where another version has taken its place on the disk.
fn own_binary() -> PathBuf {
    match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().unwrap_or_default(),
    }
}
