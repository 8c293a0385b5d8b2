//! `POST /api/training-sets`: rows at moments, each with the features that were known then.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use datafusion::datasource::MemTable;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Problem;
use super::extract::{Parameters, json_object, sent_as};
use super::respond::{ARROW_STREAM, CSV, JSON, JSON_LINES, PARQUET, answer, negotiate, rows};
use super::{features, layers};
use crate::access::{Caller, Unit};
use crate::app::{App, TrainingSetError};
use crate::engine::SqlError;
use crate::ingest::{UploadFormat, read_upload};
use crate::limits::TRAINING_BODY_BYTES_MAX;
use crate::query::{EVENT_TIMESTAMP, TrainingError, TrainingRows};

/// Which rows and which features. Exactly one of `rows`, `sql`, or `from` with `to`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TrainingSetRequest {
    /// As in `features=`; all scalars by default.
    #[schema(example = json!(["decade", "plays_count_7d"]))]
    features: Option<Vec<String>>,
    /// Which entity, where there are several.
    entity: Option<String>,
    /// The column that says when a row is; `event_timestamp` by default.
    timestamp_field: Option<String>,
    /// The join keys, the moment, and whatever else shall stay beside them, such as a label.
    #[schema(value_type = Option<Vec<Object>>, example = json!([{"track_id": "t1", "event_timestamp": "2026-01-31T00:00:00Z", "label": 1}]))]
    rows: Option<Vec<Map<String, Value>>>,
    /// A statement that returns such rows.
    sql: Option<String>,
    /// All moments of history and events behind the features from here on.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<DateTime<Utc>>,
    /// Up to here.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<DateTime<Utc>>,
}

/// Rows of entities at moments, each with the features that were known then: of views with time the last row at or before
/// the moment, of windows what happened in the time before it, of the others the release's value. Rows come back in the
/// order in which they were given. They come as JSON, or as an upload of CSV, JSON Lines, Parquet or Arrow, for which
/// `features`, `entity` and `timestamp_field` are parameters of the URL.
#[utoipa::path(post, path = "/api/training-sets", tag = "features",
    request_body(content((TrainingSetRequest = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.parquet"), (Vec<u8> = "application/vnd.apache.arrow.stream"))),
    params(
        ("features" = Option<String>, Query, description = "For uploads: `name`, `name@version` or `view:*`, joined by `,`"),
        ("entity" = Option<String>, Query, description = "For uploads: which entity, where there are several"),
        ("timestamp_field" = Option<String>, Query, description = "For uploads: the column that says when a row is"),
        ("release" = Option<String>, Query, description = "A number, a tag or `latest`; the answer names it"),
    ),
    responses(
        (status = 200, content((Vec<Object> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.arrow.stream"), (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 413, description = "The rows are too many", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["features", "entity", "timestamp_field", "release"])?;
    let media_type = negotiate(request.headers(), &[JSON, JSON_LINES, CSV, ARROW_STREAM, PARQUET])?;
    let sent = sent_as(request.headers());
    let body = layers::body(request, TRAINING_BODY_BYTES_MAX).await?;
    let asked: TrainingSetRequest = match sent == JSON {
        true => json_object(&body)?,
        false => TrainingSetRequest {
            features: parameters.list("features"),
            entity: parameters.get("entity").map(str::to_owned),
            timestamp_field: parameters.get("timestamp_field").map(str::to_owned),
            ..TrainingSetRequest::default()
        },
    };
    let given = match sent == JSON {
        true => given(&asked)?,
        false => uploaded(&sent, body)?,
    };
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let entity = features::frame(&view, asked.entity.as_deref())?.entity().name.clone();
    let time = asked.timestamp_field.unwrap_or_else(|| EVENT_TIMESTAMP.to_owned());
    caller.spend(Unit::Entities, 1).await??;
    let limits = view.query().limits();
    let found = match given {
        TrainingRows::Statement(sql) => {
            app.training_set_of_statement(&view, &entity, asked.features, sql, time).await?
        }
        given => {
            let stream = view.training_set(&entity, asked.features, given, time, limits).await?;
            view.query().collect(std::future::ready(Ok::<_, SqlError>(stream))).await?
        }
    };
    caller.settle(Unit::Entities, (found.rows() as u64).saturating_sub(1)).await?;
    Ok(answer(view.readable.number(), media_type, rows(media_type, &found)?))
}

/// The rows of a JSON body.
fn given(asked: &TrainingSetRequest) -> Result<TrainingRows, Problem> {
    match (&asked.rows, &asked.sql, asked.from, asked.to) {
        (Some(rows), None, None, None) => {
            let mut lines = Vec::new();
            for row in rows {
                serde_json::to_writer(&mut lines, row).unwrap_or_default();
                lines.push(b'\n');
            }
            table(UploadFormat::JsonLines, lines.into())
        }
        (None, Some(sql), None, None) => Ok(TrainingRows::Statement(sql.clone())),
        (None, None, Some(from), Some(to)) => Ok(TrainingRows::Range(from, to)),
        _ => Err(Problem::invalid("missing-rows", "it is not said which rows are wanted")
            .field("rows", "")
            .remedy("give `rows`, or `sql`, or `from` and `to`")),
    }
}

fn uploaded(media_type: &str, body: Bytes) -> Result<TrainingRows, Problem> {
    match UploadFormat::of_media_type(media_type) {
        Some(format) => table(format, body),
        None => {
            let known: Vec<&str> = UploadFormat::NAMED.iter().map(|(media_type, ..)| *media_type).collect();
            let detail = format!("`{media_type}` is not what rows can come in");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
                .field("content-type", media_type)
                .remedy(format!("send `{JSON}`, `{}`", known.join("`, `"))))
        }
    }
}

fn table(format: UploadFormat, body: Bytes) -> Result<TrainingRows, Problem> {
    let unreadable = |reason: String| Problem::invalid("malformed-rows", reason).field("body", "");
    let (schema, batches) = read_upload(format, body).map_err(unreadable)?;
    let table = MemTable::try_new(schema, vec![batches]).map_err(|error| unreadable(error.to_string()))?;
    Ok(TrainingRows::Given(Arc::new(table)))
}

impl From<TrainingSetError> for Problem {
    fn from(error: TrainingSetError) -> Self {
        match error {
            TrainingSetError::Selection(error) => error.into(),
            TrainingSetError::Training(TrainingError::Sql(error)) => error.into(),
            TrainingSetError::Training(TrainingError::Store(error)) => error.into(),
            TrainingSetError::Training(error) => {
                let problem = Problem::invalid("invalid-rows", error.to_string());
                match &error {
                    TrainingError::NoColumn { name, .. } => problem.field("rows", name).remedy(
                        "give each row its join keys and a moment; `timestamp_field` names the moment's column",
                    ),
                    TrainingError::Taken(name) => problem.field("rows", name).remedy("rename the column"),
                    _ => problem,
                }
            }
        }
    }
}
