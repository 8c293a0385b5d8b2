//! Work in the background: many texts to analyze, chunk by chunk, whatever becomes of the process.
//!
//! The state database says which chunks there are and who works on which; the store has their texts and their results. A
//! chunk is leased, and given to another worker where its lease ends. Its result is written under its own name before it
//! counts as done, so that work that is done twice gives one result, and a half-done write is never seen.

mod job;
mod texts;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use chrono::TimeDelta;
use sqlx::Row;
use tokio::sync::Notify;

pub use job::{Chunk, Job, JobReader, JobRequest, JobState};
pub use texts::{Texts, TextsFormat};

use crate::clock::Clock;
use crate::error::ErrorKind;
use crate::limits::{JOB_CHUNK_ATTEMPTS_MAX, JOB_CHUNK_ROWS, JOB_LEASE_SECONDS, JOBS_OPEN_MAX};
use crate::name::ReleaseNumber;
use crate::state::{State, StateError};
use crate::store::{Store, StoreError};

/// The queue of a project.
#[derive(Clone)]
pub struct Jobs {
    state: State,
    store: Store,
    clock: Arc<dyn Clock>,
    /// Tells the workers of this process that there is something to do.
    submitted: Arc<Notify>,
}

/// Why a job cannot be had or worked on.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("there is no job `{0}`")]
    Unknown(String),
    #[error("{JOBS_OPEN_MAX} jobs are open already; wait until one is done")]
    TooMany,
    #[error("the job is {}; its results are there when it is done", .0.name())]
    NotDone(JobState),
    #[error("no texts were sent")]
    Empty,
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a file of the job cannot be read or written: {0}")]
    Damaged(#[from] ArrowError),
}

impl JobError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown(_) => ErrorKind::NotFound,
            Self::TooMany => ErrorKind::Unavailable,
            Self::NotDone(_) => ErrorKind::Conflict,
            Self::Empty => ErrorKind::Invalid,
            Self::State(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Damaged(_) => ErrorKind::Internal,
        }
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        Self::State(error.into())
    }
}

/// A job with what its chunks add up to.
const JOBS: &str =
    "select jobs.id, jobs.state, jobs.entity, jobs.release, jobs.with_vectors, jobs.total_rows, jobs.total_chunks,
    jobs.failure, jobs.created_at, jobs.finished_at, jobs.owner, jobs.restricted,
    cast(coalesce(sum(case when job_chunks.state = 'done' then job_chunks.chunk_rows end), 0) as bigint) as rows_done,
    cast(coalesce(sum(job_chunks.failed_rows), 0) as bigint) as rows_failed,
    cast(coalesce(sum(job_chunks.attempts), 0) as bigint) as attempts
    from jobs left join job_chunks on job_chunks.job = jobs.id";

const GROUPED: &str = "group by jobs.id, jobs.state, jobs.entity, jobs.release, jobs.with_vectors, jobs.total_rows,
    jobs.total_chunks, jobs.failure, jobs.created_at, jobs.finished_at, jobs.owner, jobs.restricted";

impl Jobs {
    pub fn new(state: State, store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { state, store, clock, submitted: Arc::default() }
    }

    /// Takes a job. When this returns it is safe: no crash loses a row of it.
    pub async fn submit(&self, request: &JobRequest, texts: &Texts) -> Result<Job, JobError> {
        let batch = texts.to_batch()?;
        if batch.num_rows() == 0 {
            return Err(JobError::Empty);
        }
        let open = sqlx::query("select count(*) as open from jobs where state = 'open'");
        let open: i64 = open.fetch_one(self.state.pool()).await?.try_get("open")?;
        if open >= JOBS_OPEN_MAX {
            return Err(JobError::TooMany);
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        let chunks = batch.num_rows().div_ceil(JOB_CHUNK_ROWS);
        let rows_of = |chunk: usize| (batch.num_rows() - chunk * JOB_CHUNK_ROWS).min(JOB_CHUNK_ROWS);
        // What the database names is in the store.
        for chunk in 0..chunks {
            let rows = batch.slice(chunk * JOB_CHUNK_ROWS, rows_of(chunk));
            self.store.write_job_file(&id, &texts_name(chunk as u64), encoded(&rows)?).await?;
        }
        let mut transaction = self.state.pool().begin().await?;
        sqlx::query(
            "insert into jobs (id, state, entity, release, with_vectors, total_rows, total_chunks, created_at, owner, restricted)
             values ($1, 'open', $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&id)
        .bind(&request.entity)
        .bind(request.release.get().cast_signed())
        .bind(i64::from(request.with_vectors))
        .bind(batch.num_rows() as i64)
        .bind(chunks as i64)
        .bind(self.now())
        .bind(&request.owner)
        .bind(i64::from(request.entitlements.has_restricted()))
        .execute(&mut *transaction)
        .await?;
        for chunk in 0..chunks {
            sqlx::query(
                "insert into job_chunks (job, chunk, chunk_rows, failed_rows, state, attempts)
                 values ($1, $2, $3, 0, 'waiting', 0)",
            )
            .bind(&id)
            .bind(chunk as i64)
            .bind(rows_of(chunk) as i64)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        self.submitted.notify_waiters();
        self.find(&id).await
    }

    /// The job of that id.
    pub async fn find(&self, id: &str) -> Result<Job, JobError> {
        let sql = format!("{JOBS} where jobs.id = $1 {GROUPED}");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(self.state.pool()).await?;
        let row = row.ok_or_else(|| JobError::Unknown(id.chars().take(64).collect()))?;
        Ok(Job::of_row(&row)?)
    }

    /// The newest jobs that `reader` sees.
    pub async fn list(&self, reader: &JobReader, count: u32) -> Result<Vec<Job>, JobError> {
        let (owner, all) = match reader {
            JobReader::Owner(owner) => (owner.as_str(), 0),
            JobReader::All => ("", 1),
        };
        let sql =
            format!("{JOBS} where $1 = 1 or jobs.owner = $2 {GROUPED} order by jobs.created_at desc, jobs.id limit $3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(all).bind(owner).bind(i64::from(count));
        let rows = rows.fetch_all(self.state.pool()).await?;
        Ok(rows.iter().map(Job::of_row).collect::<Result<_, _>>()?)
    }

    /// Ends a job that is not done, and removes its texts and results; those of one that is done too.
    pub async fn cancel(&self, id: &str) -> Result<Job, JobError> {
        self.find(id).await?;
        let ended = "update jobs set state = 'cancelled', finished_at = coalesce(finished_at, $1) where id = $2";
        sqlx::query(ended).bind(self.now()).bind(id).execute(self.state.pool()).await?;
        self.store.delete_job_files(id).await?;
        self.find(id).await
    }

    /// The results of a job that is done, chunk by chunk in the order of its texts.
    pub async fn result(&self, job: &Job, chunk: u64) -> Result<Vec<RecordBatch>, JobError> {
        if job.state != JobState::Done {
            return Err(JobError::NotDone(job.state));
        }
        self.batches(&job.id, &result_name(chunk)).await
    }

    /// A chunk to work on, until its lease ends; none where there is nothing to do. A chunk that ends its workers too often
    /// ends its job.
    pub async fn take(&self) -> Result<Option<Chunk>, JobError> {
        let now = self.now();
        let holder = uuid::Uuid::new_v4().simple().to_string();
        let worn = sqlx::query(
            "select job_chunks.job, job_chunks.chunk from job_chunks join jobs on jobs.id = job_chunks.job
             where jobs.state = 'open' and job_chunks.state = 'taken' and job_chunks.leased_until < $1
             and job_chunks.attempts >= $2",
        );
        for row in worn.bind(now).bind(JOB_CHUNK_ATTEMPTS_MAX).fetch_all(self.state.pool()).await? {
            let (job, chunk): (String, i64) = (row.try_get("job")?, row.try_get("chunk")?);
            let reason = format!("the texts of chunk {chunk} ended {JOB_CHUNK_ATTEMPTS_MAX} workers");
            self.fail(&job, &reason).await?;
        }
        // The outer condition holds against a worker that was faster, the inner one finds the oldest.
        let taken = sqlx::query(
            "update job_chunks set state = 'taken', holder = $1, leased_until = $2, attempts = attempts + 1
             where (state = 'waiting' or (state = 'taken' and leased_until < $3)) and (job, chunk) in (
                 select waiting.job, waiting.chunk from job_chunks waiting join jobs on jobs.id = waiting.job
                 where jobs.state = 'open' and (waiting.state = 'waiting' or (waiting.state = 'taken' and waiting.leased_until < $4))
                 order by jobs.created_at, waiting.job, waiting.chunk limit 1)
             returning job, chunk",
        );
        let taken = taken.bind(&holder).bind(self.leased_until()).bind(now).bind(now);
        let Some(row) = taken.fetch_optional(self.state.pool()).await? else {
            // Of a worker that died between its last chunk and the end of the job.
            self.end_done().await?;
            return Ok(None);
        };
        let (id, chunk): (String, i64) = (row.try_get("job")?, row.try_get("chunk")?);
        let job = self.find(&id).await?;
        let release = ReleaseNumber::new(job.release).unwrap_or(ReleaseNumber::FIRST);
        let Job { entity, with_vectors, entitlements, .. } = job;
        Ok(Some(Chunk { job: id, chunk: chunk.cast_unsigned(), entity, release, with_vectors, entitlements, holder }))
    }

    /// Done when there may be something to do.
    pub async fn submitted(&self) {
        self.submitted.notified().await;
    }

    /// The texts of a chunk; none where its job has ended.
    pub async fn texts(&self, chunk: &Chunk) -> Result<Option<Texts>, JobError> {
        let Some(file) = self.store.job_file(&chunk.job, &texts_name(chunk.chunk)).await? else { return Ok(None) };
        let batches: Vec<RecordBatch> = decoded(&file)?;
        Ok(batches.first().map(Texts::of_batch).transpose()?)
    }

    /// Keeps a chunk for longer. False where it is another worker's now, or its job has ended.
    pub async fn renew(&self, chunk: &Chunk) -> Result<bool, JobError> {
        let renewed = sqlx::query(
            "update job_chunks set leased_until = $1 where job = $2 and chunk = $3 and holder = $4 and state = 'taken'
             and exists (select 1 from jobs where jobs.id = job_chunks.job and jobs.state = 'open')",
        );
        let renewed = renewed.bind(self.leased_until()).bind(&chunk.job).bind(chunk.chunk.cast_signed());
        Ok(renewed.bind(&chunk.holder).execute(self.state.pool()).await?.rows_affected() > 0)
    }

    /// Gives a chunk back, for whoever is next.
    pub async fn give_back(&self, chunk: &Chunk) -> Result<(), JobError> {
        let given = sqlx::query(
            "update job_chunks set state = 'waiting', attempts = attempts - 1
             where job = $1 and chunk = $2 and holder = $3 and state = 'taken'",
        );
        let given = given.bind(&chunk.job).bind(chunk.chunk.cast_signed()).bind(&chunk.holder);
        given.execute(self.state.pool()).await?;
        Ok(())
    }

    /// Ends a chunk with its `results`, a row a text, of which `failed` lack a part; the last one ends its job. Nothing
    /// happens where the chunk is another worker's now or its job has ended.
    pub async fn finish(&self, chunk: &Chunk, results: &RecordBatch, failed: usize) -> Result<(), JobError> {
        if !self.renew(chunk).await? {
            return Ok(());
        }
        // The same texts give the same bytes, whoever writes them.
        self.store.write_job_file(&chunk.job, &result_name(chunk.chunk), encoded(results)?).await?;
        let done = sqlx::query(
            "update job_chunks set state = 'done', failed_rows = $1
             where job = $2 and chunk = $3 and holder = $4 and state = 'taken'",
        );
        let done = done.bind(failed as i64).bind(&chunk.job).bind(chunk.chunk.cast_signed());
        if done.bind(&chunk.holder).execute(self.state.pool()).await?.rows_affected() == 0 {
            // It became another worker's meanwhile, who needs the texts.
            return Ok(());
        }
        self.end_done().await?;
        if self.find(&chunk.job).await?.state == JobState::Cancelled {
            // It was cancelled while its result was written.
            self.store.delete_job_files(&chunk.job).await?;
        } else {
            self.store.delete_job_file(&chunk.job, &texts_name(chunk.chunk)).await?;
        }
        Ok(())
    }

    /// Ends the jobs of which every chunk is done.
    async fn end_done(&self) -> Result<(), JobError> {
        let ended = sqlx::query(
            "update jobs set state = 'done', finished_at = $1 where state = 'open'
             and not exists (select 1 from job_chunks where job_chunks.job = jobs.id and job_chunks.state <> 'done')",
        );
        ended.bind(self.now()).execute(self.state.pool()).await?;
        Ok(())
    }

    /// Ends a job, with the reason.
    pub async fn fail(&self, job: &str, reason: &str) -> Result<(), JobError> {
        let failed =
            "update jobs set state = 'failed', failure = $1, finished_at = $2 where id = $3 and state = 'open'";
        sqlx::query(failed).bind(reason).bind(self.now()).bind(job).execute(self.state.pool()).await?;
        tracing::warn!(job, reason, "a job failed");
        Ok(())
    }

    /// Removes jobs that ended longer than `kept` ago, and files of which no job knows.
    pub async fn tidy(&self, kept: TimeDelta) -> Result<(), JobError> {
        let before = self.clock.now() - kept;
        // What is being submitted has files before it is a job, but no old ones.
        let mut ownerless = self.store.jobs_older_than(before).await?;
        let old = sqlx::query("select id from jobs where finished_at < $1").bind(before.timestamp_micros());
        for row in old.fetch_all(self.state.pool()).await? {
            let id: String = row.try_get("id")?;
            self.store.delete_job_files(&id).await?;
            for sql in ["delete from job_chunks where job = $1", "delete from jobs where id = $1"] {
                sqlx::query(sql).bind(&id).execute(self.state.pool()).await?;
            }
            ownerless.retain(|job| *job != id);
        }
        for job in ownerless {
            if matches!(self.find(&job).await, Err(JobError::Unknown(_))) {
                self.store.delete_job_files(&job).await?;
            }
        }
        Ok(())
    }

    async fn batches(&self, job: &str, name: &str) -> Result<Vec<RecordBatch>, JobError> {
        let missing =
            || StoreError::Damaged { path: format!("jobs/{job}/{name}"), reason: "the file is missing".to_owned() };
        let file = self.store.job_file(job, name).await?.ok_or_else(missing)?;
        Ok(decoded(&file)?)
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp_micros()
    }

    fn leased_until(&self) -> i64 {
        (self.clock.now() + TimeDelta::seconds(JOB_LEASE_SECONDS)).timestamp_micros()
    }
}

fn texts_name(chunk: u64) -> String {
    format!("texts-{chunk:06}.arrow")
}

fn result_name(chunk: u64) -> String {
    format!("results-{chunk:06}.arrow")
}

fn encoded(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    writer.into_inner()
}

fn decoded(file: &[u8]) -> Result<Vec<RecordBatch>, ArrowError> {
    StreamReader::try_new(file, None)?.collect()
}
