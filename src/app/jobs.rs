//! Works jobs off: takes a chunk, analyzes its texts by the job's release, writes the results.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, ListBuilder, RecordBatch, StringArray, StringBuilder, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::TimeDelta;

use super::App;
use crate::analysis::{self, TextAnalysis};
use crate::clock::Stopwatch;
use crate::definition::Dtype;
use crate::error::ErrorKind;
use crate::jobs::{Chunk, Job, JobError, Jobs, Texts};
use crate::limits::{JOB_LEASE_SECONDS, JOB_POLL_INTERVAL, JOB_TIDY_INTERVAL};
use crate::name::ReleaseNumber;
use crate::state::StateError;
use crate::store::{FeaturePin, ReleaseRef};

impl App {
    /// The jobs of the project; the state database is opened by the first who asks.
    pub async fn jobs(&self) -> Result<&Jobs, StateError> {
        let inner = &self.inner;
        let open =
            || async { Ok(Jobs::new(self.state().await?.clone(), inner.store.clone(), Arc::clone(&inner.clock))) };
        inner.jobs.get_or_try_init(open).await
    }

    /// Works off jobs until the end of time. Whoever drops this leaves its chunk to the next worker.
    pub async fn work_off_jobs(&self) {
        let mut tidied: Option<Stopwatch> = None;
        loop {
            let worked = match self.jobs().await {
                Ok(jobs) => {
                    if tidied.is_none_or(|since| since.seconds() > JOB_TIDY_INTERVAL.as_secs_f64()) {
                        tidied = Some(Stopwatch::start());
                        let kept = TimeDelta::hours(i64::from(self.inner.config.jobs.keep_hours));
                        if let Err(error) = jobs.tidy(kept).await {
                            tracing::warn!(%error, "old jobs cannot be removed");
                        }
                    }
                    self.work_off_a_chunk(jobs).await
                }
                Err(error) => Err(error.into()),
            };
            match worked {
                Ok(true) => {}
                Ok(false) => self.wait_for_jobs().await,
                Err(error) => {
                    tracing::warn!(%error, "a job cannot be worked on");
                    self.wait_for_jobs().await;
                }
            }
        }
    }

    /// Other processes submit jobs too, and tell nobody.
    async fn wait_for_jobs(&self) {
        match self.inner.jobs.get() {
            Some(jobs) => {
                let _ = tokio::time::timeout(JOB_POLL_INTERVAL, jobs.submitted()).await;
            }
            None => tokio::time::sleep(JOB_POLL_INTERVAL).await,
        }
    }

    /// Whether there was one.
    async fn work_off_a_chunk(&self, jobs: &Jobs) -> Result<bool, JobError> {
        let Some(chunk) = jobs.take().await? else { return Ok(false) };
        let Some(texts) = jobs.texts(&chunk).await? else { return Ok(true) };
        let release = ReleaseRef::Number(chunk.release);
        let view = match self.open(&release).await {
            Ok(release) => release.readable_by(chunk.entitlements),
            // A store that does not answer now may answer later.
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                jobs.give_back(&chunk).await?;
                return Err(error.into());
            }
            Err(error) => {
                jobs.fail(&chunk.job, &format!("its release {} cannot be opened: {error}", chunk.release)).await?;
                return Ok(true);
            }
        };
        let Some(analysis) = view.analysis(&chunk.entity) else {
            jobs.fail(&chunk.job, &format!("the release makes no features of `{}` from a text", chunk.entity)).await?;
            return Ok(true);
        };
        let watch = Stopwatch::start();
        let (results, failed) = tokio::select! {
            results = results(analysis, &texts, &chunk) => results?,
            // Another worker has it, or the job has ended.
            () = lost(jobs, &chunk) => return Ok(true),
        };
        jobs.finish(&chunk, &results, failed).await?;
        metrics::histogram!("rhapsode_job_chunk_seconds").record(watch.seconds());
        metrics::counter!("rhapsode_job_texts_total").increment(texts.lines.len() as u64);
        Ok(true)
    }

    /// The columns of a job's results.
    pub async fn result_schema(&self, job: &Job) -> Result<SchemaRef, JobError> {
        let release = ReleaseNumber::new(job.release).unwrap_or(ReleaseNumber::FIRST);
        let view = self.open(&ReleaseRef::Number(release)).await?.readable_by(job.entitlements);
        Ok(schema(view.analysis(&job.entity), job.with_vectors))
    }
}

/// Done when the chunk is no longer this worker's; until then it is kept.
async fn lost(jobs: &Jobs, chunk: &Chunk) {
    let third = Duration::from_secs(JOB_LEASE_SECONDS.unsigned_abs() / 3);
    loop {
        tokio::time::sleep(third).await;
        match jobs.renew(chunk).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "the lease of a job's chunk cannot be renewed"),
        }
    }
}

/// The line, its key, what could not be made of it; then the features.
fn schema(analysis: Option<&TextAnalysis>, with_vectors: bool) -> SchemaRef {
    let warnings = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    let own = [
        Field::new("line", DataType::UInt64, false),
        Field::new("key", DataType::Utf8, true),
        Field::new("warnings", warnings, false),
    ];
    let features = analysis.into_iter().flat_map(|analysis| features(analysis, with_vectors));
    // A release's types were checked when it was built.
    let field = |pin: &FeaturePin| Some(Field::new(&pin.name, Dtype::parse(&pin.dtype).ok()?.to_arrow(), true));
    Arc::new(Schema::new(own.into_iter().chain(features.filter_map(field)).collect::<Vec<_>>()))
}

fn features(analysis: &TextAnalysis, with_vectors: bool) -> impl Iterator<Item = &FeaturePin> {
    analysis.features().map(AsRef::as_ref).filter(move |pin| with_vectors || !pin.dtype.contains("vector["))
}

/// A row a text, and how many of them lack a part.
async fn results(analysis: &TextAnalysis, texts: &Texts, chunk: &Chunk) -> Result<(RecordBatch, usize), JobError> {
    let count = texts.lines.len();
    let analyzed = analysis
        .analyze(&analysis::Texts {
            texts: StringArray::from_iter(&texts.texts),
            languages: StringArray::from_iter(&texts.languages),
        })
        .await;
    let mut warnings = ListBuilder::new(StringBuilder::new());
    let mut failed = 0;
    for row in 0..count {
        let faults = analyzed.faults.iter().filter(|(of, _)| *of == row).map(|(_, reason)| reason);
        let told: Vec<&String> = texts.faults[row].iter().chain(faults).chain(&analyzed.warnings).collect();
        failed += usize::from(!told.is_empty());
        warnings.append_value(told.into_iter().map(Some));
    }
    let schema = schema(Some(analysis), chunk.with_vectors);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from(texts.lines.clone())),
        Arc::new(StringArray::from_iter(&texts.keys)),
        Arc::new(warnings.finish()),
    ];
    for field in schema.fields().iter().skip(columns.len()) {
        let made = analyzed.features.iter().find(|feature| feature.pin.name == *field.name());
        columns.push(match made {
            Some(feature) => Arc::clone(&feature.values),
            None => new_null_array(field.data_type(), count),
        });
    }
    Ok((RecordBatch::try_new(schema, columns)?, failed))
}
