//! `/api/jobs`: many texts, analyzed in the background.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{Parameters, sent_as};
use super::features::frame;
use super::respond::{CSV, JSON, JSON_LINES, negotiate};
use super::{Problem, layers};
use crate::access::{Caller, Scope, Unit};
use crate::app::App;
use crate::dataset::{Encoder, Format};
use crate::jobs::{Job, JobError, JobReader, JobRequest, Texts, TextsFormat};
use crate::limits::{JOB_BODY_BYTES_MAX, JOB_PROGRESS_INTERVAL, JOBS_LISTED_MAX};
use crate::store::StoreError;

const EVENT_STREAM: &str = "text/event-stream";

/// A job, and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub(super) struct JobAnswer {
    id: String,
    /// `waiting`, `running`, `done`, `failed` or `cancelled`.
    state: &'static str,
    entity: String,
    /// The release by which the texts are analyzed.
    release: u64,
    rows: u64,
    rows_done: u64,
    /// Of those that are done: of which a part could not be made; `warnings` of the results say why.
    rows_failed: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: DateTime<Utc>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<DateTime<Utc>>,
    /// Where the results are, when it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<String>,
}

/// The newest jobs first.
#[derive(Serialize, ToSchema)]
pub(super) struct JobList {
    jobs: Vec<JobAnswer>,
}

impl From<Job> for JobAnswer {
    fn from(job: Job) -> Self {
        let is_done = job.state == crate::jobs::JobState::Done;
        Self {
            results: is_done.then(|| format!("/api/jobs/{}/results", job.id)),
            id: job.id,
            state: job.state.name(),
            entity: job.entity,
            release: job.release,
            rows: job.rows,
            rows_done: job.rows_done,
            rows_failed: job.rows_failed,
            failure: job.failure,
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}

/// Takes many texts, to be analyzed as by `/api/analyze` in the background: JSON Lines of `text` and, where there are,
/// `key` and `language`, or CSV with these columns; 64 MiB and 100,000 texts at most. Once this answers, neither a crash
/// nor a restart loses a row. `vectors=true` has vectors among the results.
#[utoipa::path(post, path = "/api/jobs", tag = "jobs",
    request_body(content((String = "application/x-ndjson"), (String = "text/csv"))),
    params(
        ("release" = Option<String>, Query, description = "A number, a tag or `latest`"),
        ("entity" = Option<String>, Query, description = "Which entity, where there are several"),
        ("vectors" = Option<bool>, Query, description = "Whether vectors are among the results"),
    ),
    responses(
        (status = 202, description = "Taken", body = JobAnswer),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many jobs are open", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn submit(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release", "entity", "vectors"])?;
    let with_vectors = parameters.flag("vectors")?;
    let sent = sent_as(request.headers());
    let format = match sent.as_str() {
        JSON_LINES | "application/jsonl" => TextsFormat::JsonLines,
        CSV => TextsFormat::Csv,
        _ => {
            let detail = format!("`{sent}` is not what texts can come in");
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail);
            return Err(problem.field("content-type", &sent).remedy(format!("send `{JSON_LINES}` or `{CSV}`")));
        }
    };
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let entity = frame(&view, parameters.get("entity"))?.entity().name.clone();
    if view.analysis(&entity).is_none() {
        let detail = format!("the release makes no features of `{entity}` from a text");
        return Err(Problem::invalid("no-text-features", detail).field("entity", &entity));
    }
    let body = layers::body(request, JOB_BODY_BYTES_MAX).await?;
    let texts =
        Texts::read(format, &body).map_err(|reason| Problem::invalid("invalid-texts", reason).field("body", ""))?;
    caller.spend(Unit::Texts, texts.texts.len() as u64).await??;
    let asked = JobRequest {
        entity,
        release: view.readable.number(),
        with_vectors,
        owner: caller.id().map(|id| id.to_string()),
        entitlements: caller.entitlements(),
    };
    let job = JobAnswer::from(app.jobs().await.map_err(JobError::from)?.submit(&asked, &texts).await?);
    let location = HeaderValue::from_str(&format!("/api/jobs/{}", job.id)).ok();
    let body = serde_json::to_vec(&job).unwrap_or_default();
    let mut response = (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, JSON)], body).into_response();
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    Ok(response)
}

/// The newest jobs, 100 at most.
#[utoipa::path(get, path = "/api/jobs", tag = "jobs", responses((status = 200, body = JobList)))]
pub(super) async fn list(State(app): State<App>, caller: Caller, parameters: Parameters) -> Result<Response, Problem> {
    parameters.only(&[])?;
    let jobs = app.jobs().await.map_err(JobError::from)?.list(&reader(&caller), JOBS_LISTED_MAX).await?;
    Ok(json(&JobList { jobs: jobs.into_iter().map(JobAnswer::from).collect() }))
}

/// How far a job is. With `Accept: text/event-stream`, an event each time that it is further, until it ends.
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, content((JobAnswer = "application/json"), (String = "text/event-stream"))),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.only(&[])?;
    let job = found(&app, &caller, &id).await?;
    match negotiate(&headers, &[JSON, EVENT_STREAM])? {
        EVENT_STREAM => Ok(events(app, job)),
        _ => Ok(json(&JobAnswer::from(job))),
    }
}

/// An event with the job at once, then whenever it has changed; the last when it has ended.
fn events(app: App, first: Job) -> Response {
    let changes = stream::unfold((app, None::<Job>, Some(first)), |(app, told, first)| async move {
        if told.as_ref().is_some_and(|told| told.state.is_final()) {
            return None;
        }
        let job = match first {
            Some(first) => first,
            None => loop {
                tokio::time::sleep(JOB_PROGRESS_INTERVAL).await;
                let job = app.jobs().await.ok()?.find(&told.as_ref()?.id).await.ok()?;
                if Some(&job) != told.as_ref() {
                    break job;
                }
            },
        };
        let data = serde_json::to_string(&JobAnswer::from(job.clone())).unwrap_or_default();
        let event = Event::default().event(job.state.name()).data(data);
        Some((Ok::<_, Infallible>(event), (app, Some(job), None)))
    });
    Sse::new(changes).keep_alive(KeepAlive::default()).into_response()
}

/// Ends a job, and removes its texts and results.
#[utoipa::path(delete, path = "/api/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, body = JobAnswer), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.only(&[])?;
    found(&app, &caller, &id).await?;
    Ok(json(&JobAnswer::from(app.jobs().await.map_err(JobError::from)?.cancel(&id).await?)))
}

/// The results of a job that is done: a row a text, in their order, with its `line`, its `key`, `warnings` and the features.
#[utoipa::path(get, path = "/api/jobs/{id}/results", tag = "jobs",
    params(
        ("id" = String, Path, description = "The job"),
        ("format" = Option<String>, Query, description = "`jsonl` (the default), `json`, `csv`, `parquet` or `arrow`"),
    ),
    responses(
        (status = 200, content((String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 409, description = "It is not done", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn results(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["format"])?;
    let asked = parameters.get("format").unwrap_or("jsonl");
    let format: Format = asked.parse().map_err(|()| {
        let names = Format::ALL.map(|(name, _)| name);
        Problem::invalid("unknown-format", format!("there is no format `{asked}`"))
            .field("format", asked)
            .remedy(format!("there is `{}`", names.join("`, `")))
    })?;
    let job = found(&app, &caller, &id).await?;
    // The first chunk before the head, so that what is wrong has a status.
    let first = app.jobs().await.map_err(JobError::from)?.result(&job, 0).await?;
    let schema = match first.first() {
        Some(batch) => batch.schema(),
        None => app.result_schema(&job).await?,
    };
    let encoder = Encoder::new(format, &schema).map_err(encoding)?;
    let disposition = format!("attachment; filename=\"{}.{}\"", job.id, format.extension());
    let chunks = stream::unfold(Some((app, job, 0, Some(first), encoder)), |state| async move {
        let (app, job, chunk, first, mut encoder) = state?;
        let batches = match first {
            Some(batches) => Ok(batches),
            None if chunk < job.chunks => match app.jobs().await {
                Ok(jobs) => jobs.result(&job, chunk).await,
                Err(error) => Err(error.into()),
            },
            None => {
                return Some((encoder.finish().map_err(std::io::Error::other), None));
            }
        };
        let encoded = batches.map_err(std::io::Error::other).and_then(|batches| {
            batches.iter().try_for_each(|batch| encoder.write(batch)).map_err(std::io::Error::other)?;
            Ok(encoder.take())
        });
        let next = encoded.is_ok().then_some((app, job, chunk + 1, None, encoder));
        Some((encoded, next))
    });
    let mut response = Body::from_stream(chunks.boxed()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.extend(HeaderValue::from_str(&disposition).ok().map(|value| (header::CONTENT_DISPOSITION, value)));
    Ok(response)
}

/// Whose jobs the caller sees.
fn reader(caller: &Caller) -> JobReader {
    match caller.id() {
        Some(id) if !caller.may(Scope::Admin) => JobReader::Owner(id.to_string()),
        _ => JobReader::All,
    }
}

/// A job of the caller's; to everybody else there is none.
async fn found(app: &App, caller: &Caller, id: &str) -> Result<Job, Problem> {
    let job = app.jobs().await.map_err(JobError::from)?.find(id).await?;
    match reader(caller).may_see(&job) {
        true => Ok(job),
        false => Err(JobError::Unknown(job.id).into()),
    }
}

fn json(answer: &impl Serialize) -> Response {
    ([(header::CONTENT_TYPE, JSON)], serde_json::to_vec(answer).unwrap_or_default()).into_response()
}

fn encoding(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "results cannot be encoded");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the results cannot be encoded")
}

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        let name = match &error {
            JobError::Unknown(_) => "unknown-job",
            JobError::TooMany => "too-many-jobs",
            JobError::NotDone(_) => "job-not-done",
            JobError::Empty => "invalid-texts",
            JobError::State(_) => "state-unavailable",
            JobError::Store(StoreError::Damaged { .. }) | JobError::Damaged(_) => "internal",
            JobError::Store(_) => "store-unavailable",
        };
        match error {
            JobError::Store(error) => error.into(),
            error => Self::of_kind(error.kind(), name, error.to_string()),
        }
    }
}
