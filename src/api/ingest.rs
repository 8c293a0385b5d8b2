//! `POST /api/ingest/{source}`: rows that enter the next release.

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{Parameters, json, sent_as};
use super::respond::JSON;
use super::{Problem, layers};
use crate::app::App;
use crate::ingest::{self, Files, IngestError, Input, UploadFormat};
use crate::limits::INGEST_BODY_BYTES_MAX;
use crate::name::nearest;

/// What an ingest took. The rows are safe; the next build releases them.
#[derive(Serialize, ToSchema)]
pub(super) struct Ingested {
    source: String,
    /// The number of the ingest, by which the releases' sources name it.
    ingest: String,
    rows: u64,
    /// Rows that could not be read.
    rejected: u64,
    /// Where those are in the store, with line and reason.
    rejects: Option<String>,
    /// Whether the last ingest brought the very same rows, so that nothing was added.
    already_there: bool,
}

/// Takes rows into a source: an array of objects, JSON Lines, CSV or Parquet. They are durable before the answer. A row whose
/// key is there already replaces it when a build comes; one that is the same changes nothing, so a request can be sent
/// again. `snapshot=true` says that these are all rows: what they lack is deleted.
#[utoipa::path(post, path = "/api/ingest/{source}", tag = "ingest",
    request_body(content((Vec<Object> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet"))),
    params(
        ("source" = String, Path, description = "The source, by its definition's name"),
        ("snapshot" = Option<bool>, Query, description = "Whether these are all rows of the source"),
    ),
    responses(
        (status = 202, description = "Taken; a build releases them", body = Ingested),
        (status = 403, description = "The key has not the scope `ingest`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such source", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn append(
    State(app): State<App>,
    Path(source): Path<String>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["snapshot"])?;
    let snapshot = parameters.flag("snapshot")?;
    let shape = app.source_shape(&source).await?.map_err(|known| {
        let problem = Problem::new(StatusCode::NOT_FOUND, "unknown-source", format!("there is no source `{source}`"));
        let remedy = match nearest(&source, known.iter().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there is `{}`", known.join("`, `")),
        };
        problem.field("source", &source).remedy(remedy)
    })?;
    let sent = sent_as(request.headers());
    let body = layers::body(request, INGEST_BODY_BYTES_MAX).await?;
    let input = input(&sent, body)?;
    let files = Files { inputs: &[input], snapshot };
    let done = ingest::ingest(app.store(), &shape, files, app.clock().now(), &mut |_| {}).await?;
    let answer = Ingested {
        source,
        ingest: done.file.name,
        rows: done.file.rows,
        rejected: done.file.rejected,
        rejects: done.file.rejects,
        already_there: done.already_there,
    };
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    Ok((StatusCode::ACCEPTED, [(header::CONTENT_TYPE, JSON)], body).into_response())
}

/// The body as a file that the reader of files knows.
fn input(media_type: &str, body: axum::body::Bytes) -> Result<Input, Problem> {
    let upload = |ending: &str, content| Ok(Input::Upload { name: format!("request.{ending}"), content });
    if media_type == JSON {
        let rows: Vec<serde_json::Map<String, serde_json::Value>> = json(&body)?;
        let mut lines = Vec::with_capacity(body.len());
        for row in rows {
            serde_json::to_writer(&mut lines, &row).unwrap_or_default();
            lines.push(b'\n');
        }
        return upload("jsonl", lines.into());
    }
    match UploadFormat::of_media_type(media_type) {
        Some(UploadFormat::Csv) => upload("csv", body),
        Some(UploadFormat::JsonLines) => upload("jsonl", body),
        Some(UploadFormat::Parquet) => upload("parquet", body),
        _ => {
            let detail = format!("`{media_type}` is not what rows can come in");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
                .field("content-type", media_type)
                .remedy(
                    "send `application/json`, `application/x-ndjson`, `text/csv` or `application/vnd.apache.parquet`",
                ))
        }
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Store(error) => error.into(),
            error => Self::invalid("invalid-rows", error.to_string()).field("body", ""),
        }
    }
}
