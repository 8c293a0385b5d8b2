//! A job as the queue knows it: what is asked for, how far it is, a part of it.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::name::ReleaseNumber;
use crate::store::Entitlements;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct JobRequest {
    pub entity: String,
    pub release: ReleaseNumber,
    /// Whether vectors are among the results.
    pub with_vectors: bool,
    /// Whose it is; none where nobody is known.
    pub owner: Option<String>,
    /// What the owner may read of the release.
    pub entitlements: Entitlements,
}

/// Whose jobs somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobReader {
    All,
    Owner(String),
}

impl JobReader {
    pub fn may_see(&self, job: &Job) -> bool {
        match self {
            Self::All => true,
            Self::Owner(owner) => job.owner.as_ref() == Some(owner),
        }
    }
}

/// A job, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: String,
    pub state: JobState,
    pub entity: String,
    pub release: u64,
    pub with_vectors: bool,
    pub owner: Option<String>,
    pub entitlements: Entitlements,
    pub rows: u64,
    pub rows_done: u64,
    /// Of those that are done: of which a part could not be made.
    pub rows_failed: u64,
    pub chunks: u64,
    /// Why it failed.
    pub failure: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Nothing of it is begun.
    Waiting,
    Running,
    Done,
    Failed,
    /// Its texts and results are gone.
    Cancelled,
}

impl JobState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will come of it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// A part of a job, for one worker, until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub job: String,
    pub chunk: u64,
    pub entity: String,
    pub release: ReleaseNumber,
    pub with_vectors: bool,
    pub entitlements: Entitlements,
    pub(super) holder: String,
}

impl Job {
    /// A row of the queue's query for jobs.
    pub(super) fn of_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let number = |name: &str| row.try_get::<i64, _>(name);
        let time = |micros: i64| DateTime::from_timestamp_micros(micros).unwrap_or_default();
        let (state, attempts): (String, i64) = (row.try_get("state")?, number("attempts")?);
        Ok(Self {
            id: row.try_get("id")?,
            state: match state.as_str() {
                "open" if attempts == 0 => JobState::Waiting,
                "open" => JobState::Running,
                "done" => JobState::Done,
                "cancelled" => JobState::Cancelled,
                _ => JobState::Failed,
            },
            entity: row.try_get("entity")?,
            release: number("release")?.cast_unsigned(),
            with_vectors: number("with_vectors")? != 0,
            owner: row.try_get("owner")?,
            entitlements: if number("restricted")? != 0 { Entitlements::ALL } else { Entitlements::OPEN },
            rows: number("total_rows")?.cast_unsigned(),
            rows_done: number("rows_done")?.cast_unsigned(),
            rows_failed: number("rows_failed")?.cast_unsigned(),
            chunks: number("total_chunks")?.cast_unsigned(),
            failure: row.try_get("failure")?,
            created_at: time(number("created_at")?),
            finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(time),
        })
    }
}
