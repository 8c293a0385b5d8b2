//! What answers have in common: their media type, and the release that they come from.

use std::io::Write;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use super::Problem;
use crate::dataset::{self, csv_text};
use crate::engine::json::JsonRows;
use crate::name::ReleaseNumber;
use crate::query::Answer;

pub(super) const JSON: &str = "application/json";
pub(super) const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";
pub(super) const JSON_LINES: &str = "application/x-ndjson";
pub(super) const CSV: &str = "text/csv";
pub(super) const PARQUET: &str = "application/vnd.apache.parquet";

/// The media type to answer in: the first of `offered` that the caller accepts best; `offered[0]` where it does not say.
pub(super) fn negotiate(headers: &HeaderMap, offered: &[&'static str]) -> Result<&'static str, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    let mut ranges: Vec<(&str, f32)> = accept
        .split(',')
        .map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
            (media, weight)
        })
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    ranges.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (range, _) in ranges {
        let matches = |media: &&&str| {
            range == "*/*"
                || range.eq_ignore_ascii_case(media)
                || range.strip_suffix("/*").is_some_and(|kind| media.split('/').next() == Some(kind))
        };
        if let Some(media) = offered.iter().find(matches) {
            return Ok(media);
        }
    }
    let detail = format!("`{accept}` is not among what this path answers in");
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", detail)
        .field("accept", accept)
        .remedy(format!("accept `{}`", offered.join("`, `"))))
}

/// An answer out of a release.
pub(super) fn answer(release: ReleaseNumber, media_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = body.into().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    name_release(&mut response, release);
    response
}

/// The body of an answer with rows in one of `JSON`, `JSON_LINES`, `CSV`, `ARROW_STREAM` and `PARQUET`.
pub(super) fn rows(media_type: &str, rows: &Answer) -> Result<Vec<u8>, Problem> {
    Ok(match media_type {
        ARROW_STREAM => arrow_stream(&rows.schema, &rows.batches)?,
        PARQUET => dataset::encoded(dataset::Format::Parquet, &rows.schema, &rows.batches)?,
        CSV => csv_text(&rows.schema, &rows.batches).map_err(unencodable)?,
        JSON_LINES => json_rows(rows, b"", b"\n", b"\n").map_err(unencodable)?,
        _ => json_rows(rows, b"[", b",", b"]").map_err(unencodable)?,
    })
}

fn json_rows(
    answer: &Answer,
    before: &[u8],
    between: &[u8],
    after: &[u8],
) -> Result<Vec<u8>, datafusion::arrow::error::ArrowError> {
    let mut body = before.to_vec();
    let mut first = true;
    for batch in &answer.batches {
        let rows = JsonRows::new(batch)?;
        for row in 0..rows.rows() {
            if !std::mem::take(&mut first) {
                body.extend_from_slice(between);
            }
            rows.write(row, &mut body);
        }
    }
    if !(first && before.is_empty()) {
        body.extend_from_slice(after);
    }
    Ok(body)
}

/// Says which release an answer comes from.
pub(super) fn name_release(response: &mut Response, release: ReleaseNumber) {
    response.headers_mut().insert("x-rhapsode-release", HeaderValue::from(release.get()));
}

/// A short value of a header, written without a detour over the heap; none where it is longer than 64 bytes.
pub(super) fn header_value(text: std::fmt::Arguments<'_>) -> Option<HeaderValue> {
    let mut bytes = [0; 64];
    let mut rest = bytes.as_mut_slice();
    rest.write_fmt(text).ok()?;
    let length = 64 - rest.len();
    HeaderValue::from_bytes(&bytes[..length]).ok()
}

/// Batches as an Arrow IPC stream.
pub(super) fn arrow_stream(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, Problem> {
    let encode = || {
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), schema)?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.into_inner()
    };
    encode().map_err(unencodable)
}

pub(super) fn unencodable(error: datafusion::arrow::error::ArrowError) -> Problem {
    tracing::error!(%error, "an answer cannot be encoded");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer cannot be encoded")
}
